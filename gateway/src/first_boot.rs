//! What a guest would be told: a dialog's first-boot settings as the files that cloud-init or
//! sysprep reads. Nothing is stored, and what is stored is not shown.
//!
//! `POST /saffron/first-boot` takes oVirt's `vm` in JSON (`name`, `os.type`, `initialization`) and
//! answers `{"reader": "cloud_init" | "sysprep", "files": [{"name", "content"}]}`.

use api::types::Vm;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use manager::first_boot::{self, Identity};
use manager::model::FirstBoot;
use serde_json::json;

use crate::auth::Caller;
use crate::error::Problem;
use crate::rest;
use crate::state::Shared;

/// The address.
pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/saffron/first-boot", post(files))
}

async fn files(_caller: Caller, body: Bytes) -> Result<Response, Problem> {
    let mut vm = Vm::default();
    api::json::read(&body, &mut vm)
        .map_err(|error| Problem::bad(format!("This is no VM: {error}.")))?;
    let settings = match vm.initialization.as_deref() {
        Some(sent) => rest::initialization(sent).map_err(Problem::bad)?,
        None => manager::model::Initialization::default(),
    };
    if let Some(fault) = first_boot::fault(&settings) {
        return Err(Problem::bad(fault));
    }
    let os = vm.os.as_deref().and_then(|os| os.type_.as_deref());
    let identity = Identity {
        instance: "preview",
        vm_name: vm.name.as_deref().unwrap_or("vm"),
        os_type: os.unwrap_or("other"),
    };
    let reader = first_boot::reader_of(identity.os_type);
    let files: Vec<_> = first_boot::files(reader, &settings, identity)
        .into_iter()
        .map(|file| json!({ "name": file.name, "content": file.content }))
        .collect();
    let reader = match reader {
        FirstBoot::CloudInit => "cloud_init",
        FirstBoot::Sysprep => "sysprep",
    };
    Ok(Json(json!({ "reader": reader, "files": files })).into_response())
}
