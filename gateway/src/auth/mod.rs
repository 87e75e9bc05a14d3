//! Who is asking: from a bearer token, HTTP basic authentication, or the portals' cookie to a
//! [`Caller`]. Whether they may do what they ask for is the manager's to decide.
//!
//! ```text
//! Authorization: Bearer ──┐
//! Authorization: Basic ───┤                    ┌─▶ Caller ─▶ handler
//! Cookie: JSESSIONID ─────┼─▶ Door ─▶ Session ─┤
//! Cookie: __Host-saffron ─┘   (csrf)           └─▶ 401, or 403 until the password is changed
//! ```

pub(crate) mod basic;
pub(crate) mod cookie;
pub(crate) mod csrf;
pub(crate) mod door;
mod limit;
pub(crate) mod pki;
pub(crate) mod session;
pub(crate) mod sso;

use std::ops::Deref;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use manager::model::Session;

use crate::error::Problem;
use crate::request::Context;
use crate::state::Shared;

/// Somebody who has logged in, with what this request says about itself. An extractor: a handler
/// that takes one cannot be reached by a stranger.
#[derive(Clone, Debug)]
pub struct Caller {
    caller: manager::Caller,
    session: Session,
    via: Via,
}

/// By what a caller was recognised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Via {
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`, or the cookie that it set.
    Basic,
    /// The portals' cookie.
    Portal,
}

impl Caller {
    fn new(context: &Context, session: Session, via: Via) -> Self {
        Self {
            caller: manager::Caller {
                user: session.user,
                session: Some(session.id),
                correlation_id: context.correlation_id.clone(),
                source: Some(context.peer.ip().to_canonical()),
                filter: context.filter,
            },
            session,
            via,
        }
    }

    /// The login session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// By what they were recognised.
    pub fn via(&self) -> Via {
        self.via
    }
}

impl Deref for Caller {
    type Target = manager::Caller;

    fn deref(&self) -> &manager::Caller {
        &self.caller
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let recognised = recognise(parts, shared).await;
        let caller = recognised.map_err(|refusal| refusal.respond(parts))?;
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// A portal's session, by cookie only and whatever its password's state: for what is done on the
/// way in. Everything else takes a [`Caller`].
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    pub(crate) caller: Caller,
    pub(crate) token: String,
}

impl FromRequestParts<Shared> for Portal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let token = cookie::value(&parts.headers, cookie::PORTAL)
            .ok_or_else(Problem::log_in)?
            .to_owned();
        csrf::check(parts)?;
        let session = shared.door().session(&token).ok_or_else(Problem::log_in)?;
        let context = context(parts);
        Ok(Self {
            caller: Caller::new(&context, session, Via::Portal),
            token,
        })
    }
}

/// Why nobody, or somebody who may not yet, is let in.
enum Refusal {
    /// No credentials, or dead ones.
    Unknown,
    /// The cookie came without proof that our own page sent it.
    Forged(Problem),
    /// The first thing to do is to change the password.
    MustChangePassword,
    /// The login itself was refused for now.
    Login(door::LoginRefused),
}

impl Refusal {
    fn respond(self, parts: &Parts) -> Response {
        let api = parts.uri.path().starts_with("/ovirt-engine/api");
        match self {
            Self::Unknown if api => unauthorized(&parts.headers),
            Self::Unknown => Problem::log_in().into_response(),
            Self::Forged(problem) => fault_or(api, &parts.headers, &problem),
            Self::MustChangePassword => {
                let sentence = "Change your password first: it is good for that alone.";
                fault_or(api, &parts.headers, &Problem::denied(sentence))
            }
            Self::Login(door::LoginRefused::Denied(_)) if api => unauthorized(&parts.headers),
            Self::Login(refused) => fault_or(api, &parts.headers, &refused.problem()),
        }
    }
}

/// Recognises the caller of a request that needs one.
async fn recognise(parts: &Parts, shared: &Shared) -> Result<Caller, Refusal> {
    let context = context(parts);
    let door = shared.door();
    let (session, via) = match parts.headers.get(header::AUTHORIZATION) {
        Some(authorization) => {
            if let Some(token) = bearer(authorization) {
                (door.session(token).ok_or(Refusal::Unknown)?, Via::Bearer)
            } else {
                let credentials = basic::credentials(authorization).ok_or(Refusal::Unknown)?;
                let source = context.peer.ip();
                let login = door
                    .basic(&credentials, source)
                    .await
                    .map_err(Refusal::Login)?;
                (login, Via::Basic)
            }
        }
        None => {
            let token = cookie::value(&parts.headers, cookie::PORTAL).ok_or(Refusal::Unknown)?;
            csrf::check(parts).map_err(Refusal::Forged)?;
            (door.session(token).ok_or(Refusal::Unknown)?, Via::Portal)
        }
    };
    if session.must_change_password {
        return Err(Refusal::MustChangePassword);
    }
    Ok(Caller::new(&context, session, via))
}

/// Stands before the whole of oVirt's API: no request reaches its routes without a caller, not
/// even one to an address that does not exist. Also keeps, and ends, the sessions of clients that
/// log in with HTTP basic authentication.
pub(crate) async fn api(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let persistent = wants_to_stay(&parts.headers);
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let credentials = authorization.and_then(basic::credentials);
    let cookie = cookie::value(&parts.headers, cookie::API).map(str::to_owned);
    let context = context(&parts);
    let door = shared.door();

    // A client that stays: by its cookie, or by credentials that begin a session with a cookie.
    let mut set_cookie = None;
    let mut ended = None;
    if authorization.is_none() || credentials.is_some() {
        let known = match &cookie {
            Some(token) => door.session(token).map(|session| (token.clone(), session)),
            None => None,
        };
        if let Some((token, session)) = known {
            if !session.must_change_password {
                parts
                    .extensions
                    .insert(Caller::new(&context, session, Via::Basic));
            }
            // A request without the wish to stay is the session's last one.
            ended = (!persistent).then_some(token);
        } else if let Some(credentials) = credentials.filter(|_| persistent) {
            match door.basic_session(&credentials, context.peer.ip()).await {
                Ok(login) if login.session.must_change_password => {
                    return Refusal::MustChangePassword.respond(&parts);
                }
                Ok(login) => {
                    set_cookie = cookie::api(&login.token);
                    parts
                        .extensions
                        .insert(Caller::new(&context, login.session, Via::Basic));
                }
                Err(refused) => return Refusal::Login(refused).respond(&parts),
            }
        }
    }
    if parts.extensions.get::<Caller>().is_none() {
        match recognise(&parts, &shared).await {
            Ok(caller) => {
                parts.extensions.insert(caller);
            }
            Err(refusal) => return refusal.respond(&parts),
        }
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(value) = set_cookie {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    if let Some(token) = ended {
        door.logout(&token).await;
    }
    response
}

fn context(parts: &Parts) -> Context {
    parts
        .extensions
        .get::<Context>()
        .cloned()
        .unwrap_or_else(|| Context::of(parts))
}

fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `Prefer: persistent-auth`.
fn wants_to_stay(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|wish| wish.trim().eq_ignore_ascii_case("persistent-auth"))
}

/// 401 as oVirt's clients know it. Our own pages get it without the challenge, which would make
/// the browser open its own login box over ours.
fn unauthorized(headers: &HeaderMap) -> Response {
    let mut response = (
        StatusCode::UNAUTHORIZED,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        "<html><head><title>Error</title></head><body>Unauthorized</body></html>",
    )
        .into_response();
    let page = headers.contains_key(HeaderName::from_static("x-saffron"))
        || headers
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode.as_bytes() != b"navigate");
    if !page {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"RESTAPI\""),
        );
    }
    response
}

/// A refusal in the words that the address speaks: oVirt's fault, or ours.
fn fault_or(api: bool, headers: &HeaderMap, problem: &Problem) -> Response {
    if !api {
        return problem.clone().into_response();
    }
    let json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    let sentence = problem.sentence();
    // Our own sentences: nothing in them needs escaping.
    let (kind, body) = if json {
        let body = serde_json::json!({ "reason": "Operation Failed", "detail": sentence });
        ("application/json", body.to_string())
    } else {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
        let fault = format!(
            "{head}\n<fault><detail>{sentence}</detail><reason>Operation Failed</reason></fault>"
        );
        ("application/xml", fault)
    };
    (problem.status(), [(header::CONTENT_TYPE, kind)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_end_in_equals_signs() {
        assert_eq!(
            bearer(&HeaderValue::from_static("Bearer abc==")),
            Some("abc==")
        );
        assert_eq!(bearer(&HeaderValue::from_static("bearer abc")), Some("abc"));
        assert_eq!(bearer(&HeaderValue::from_static("Basic abc")), None);
        assert_eq!(bearer(&HeaderValue::from_static("abc")), None);
    }

    #[test]
    fn the_wish_to_stay_is_found_among_others() {
        let headers = |value| HeaderMap::from_iter([(HeaderName::from_static("prefer"), value)]);
        let says = |value| wants_to_stay(&headers(HeaderValue::from_static(value)));
        assert!(says("persistent-auth"));
        assert!(says("csrf-protection, Persistent-Auth"));
        assert!(!says("return=minimal"));
    }
}
