//! `/saffron/session`: the portals' login, by cookie. Who am I, log in, log out, change my
//! password.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use manager::model::{Session, SessionPurpose};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Portal, cookie, csrf};
use crate::error::Problem;
use crate::request::Context;
use crate::state::Shared;

/// The session's addresses.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route(
            "/saffron/session",
            get(who_am_i).post(log_in).delete(log_out),
        )
        .route("/saffron/session/password", post(change_password))
}

#[derive(Deserialize)]
struct LogIn {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct ChangePassword {
    old: String,
    new: String,
}

/// What the portals are told about the one who uses them.
fn describe(shared: &Shared, session: &Session) -> Value {
    let inventory = shared.manager().inventory();
    let user = inventory.users.get(&session.user);
    json!({
        "user": {
            "id": session.user.to_string(),
            "name": user.map_or("", |user| &user.user_name),
            "principal": user.map_or("", |user| &user.principal),
        },
        "administrator": shared.is_administrator(session.user),
        "must_change_password": session.must_change_password,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

async fn who_am_i(State(shared): State<Shared>, portal: Portal) -> Response {
    Json(describe(&shared, portal.caller.session())).into_response()
}

async fn log_in(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(problem) = csrf::check(&parts) {
        return problem.into_response();
    }
    // Whatever session the browser had before ends here: a new one never takes over its token.
    let before = cookie::value(&parts.headers, cookie::PORTAL).map(str::to_owned);
    let context = parts
        .extensions
        .get::<Context>()
        .cloned()
        .unwrap_or_else(|| Context::of(&parts));
    let wanted: LogIn = match read(Request::from_parts(parts, body)).await {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_response(),
    };
    let purpose = SessionPurpose::Portal;
    let source = context.peer.ip();
    let login = shared
        .door()
        .login(&wanted.username, &wanted.password, purpose, source)
        .await;
    let login = match login {
        Ok(login) => login,
        Err(refused) => return refused.problem().into_response(),
    };
    if let Some(before) = before {
        shared.door().logout(&before).await;
    }
    with_cookie(&shared, &login.token, &login.session)
}

async fn log_out(State(shared): State<Shared>, portal: Portal) -> Response {
    shared.door().logout(&portal.token).await;
    (
        StatusCode::OK,
        [(header::SET_COOKIE, cookie::portal_gone())],
        Json(json!({})),
    )
        .into_response()
}

async fn change_password(
    State(shared): State<Shared>,
    portal: Portal,
    request: Request,
) -> Response {
    let wanted: ChangePassword = match read(request).await {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_response(),
    };
    let changed = shared
        .door()
        .change_password(&portal.caller, &wanted.old, &wanted.new)
        .await;
    match changed {
        Ok(login) => with_cookie(&shared, &login.token, &login.session),
        Err(problem) => problem.into_response(),
    }
}

fn with_cookie(shared: &Shared, token: &str, session: &Session) -> Response {
    match cookie::portal(token) {
        Some(value) => (
            [(header::SET_COOKIE, value)],
            Json(describe(shared, session)),
        )
            .into_response(),
        None => Problem::internal().into_response(),
    }
}

/// A JSON body, or a sentence about what is wrong with it. A form that a foreign page can send is
/// none.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "application/json")
        });
    if !json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Send JSON, with Content-Type: application/json.",
        ));
    }
    match Json::<T>::from_request(request, &()).await {
        Ok(Json(value)) => Ok(value),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request is larger than 1 MiB.",
        )),
        // The parser's own words could repeat a password.
        Err(_) => Err(Problem::bad(
            "The request is not the JSON that is expected here.",
        )),
    }
}
