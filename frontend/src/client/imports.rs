//! Machines that others made, in archives.

use super::{Call, Fault};
use crate::store::Id;
use api::path::Path;
use serde_json::json;

/// Takes apart an archive that was uploaded as a disk; the new machine's id.
pub async fn of_archive(disk: &str, cluster: &str, domain: &str) -> Result<Id, Fault> {
    let url = ["ova:///", disk].concat();
    let body = json!({
        "provider": "kvm", "url": url, "sparse": "true",
        "cluster": { "id": cluster }, "storage_domain": { "id": domain },
    });
    let answer = Call::new("POST", Path::root().child("externalvmimports"))
        .body(&body)
        .send()
        .await?;
    crate::json::id(&answer, &["vm"]).ok_or_else(|| {
        Fault::of(crate::text::t(
            "The server did not say which machine it makes.",
        ))
    })
}
