//! The whole URL tree on one page.

use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::StatusCode;
use serde_json::json;
use tower::ServiceExt;

use crate::state::Shared;
use crate::{assets, auth, console, error, first_boot, history, images, live, rest};

/// Documents, as opposed to images, are at most this long.
const BODY_MAX: usize = 1024 * 1024;

/// Everything that is served.
pub fn router(shared: Shared) -> Router {
    // Everything below the API's address goes through authentication, even what does not exist.
    let api = rest::router(shared.clone())
        .layer(middleware::from_fn_with_state(shared.clone(), auth::api));
    Router::new()
        .route(
            "/saffron/health",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .merge(auth::session::routes())
        .merge(auth::sso::routes())
        .route_service("/ovirt-engine/api", api.clone())
        .route_service("/ovirt-engine/api/", api.clone())
        .route_service("/ovirt-engine/api/{*path}", api.clone())
        .merge(console::routes())
        .merge(first_boot::routes())
        .merge(history::routes())
        .merge(live::routes())
        .merge(assets::routes())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .merge(images::routes())
        .fallback(move |request: Request| elsewhere(api, request))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(shared)
}

/// What no route is for. The API's own address with matrix parameters is one segment to a router.
async fn elsewhere(api: Router, request: Request) -> Response {
    if request.uri().path().starts_with("/ovirt-engine/api;") {
        return match api.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
    }
    error::Problem::not_found("There is nothing at this address.").into_response()
}

async fn method_not_allowed() -> Response {
    let sentence = "This address does not take this method.";
    error::Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence).into_response()
}
