//! oVirt's single sign-on, as its SDKs use it: a token for a password, what a token is good for,
//! and its end. Parameters come in the form or in the query; errors are 400 with a code.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, extract::RawQuery};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use manager::model::SessionPurpose;
use serde_json::{Value, json};

use super::basic;
use super::door::LoginRefused;
use crate::request::{Context, percent_decode};
use crate::state::Shared;

/// What opens the API.
const API_SCOPE: &str = "ovirt-app-api";
/// Forms are short.
const FORM_MAX: usize = 64 * 1024;
/// oVirt's tokens have no end of their own; the session behind them has.
const NEVER: &str = "9223372036854775807";

/// Where tokens are had.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/ovirt-engine/sso/oauth/token", post(token).get(token))
        .route(
            "/ovirt-engine/sso/oauth/token-http-auth",
            post(token_http_auth).get(token_http_auth),
        )
        .route(
            "/ovirt-engine/sso/oauth/token-info",
            post(token_info).get(token_info),
        )
        .route("/ovirt-engine/sso/oauth/revoke", post(revoke))
        .route("/ovirt-engine/services/sso-logout", post(revoke))
        .route("/ovirt-engine/services/pki-resource", get(pki_resource))
}

/// Parameters of a request, form before query.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    async fn of(request: Request) -> Result<(Self, Context, HeaderMap), Response> {
        let (parts, body) = request.into_parts();
        let context = parts
            .extensions
            .get::<Context>()
            .cloned()
            .unwrap_or_else(|| Context::of(&parts));
        let form = to_bytes(Body::new(body), FORM_MAX).await;
        let Ok(form) = form else {
            let code = Code::InvalidRequest;
            return Err(refuse(true, code, "The request's form is too long."));
        };
        let form = String::from_utf8_lossy(&form);
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form
            .split('&')
            .chain(query.split('&'))
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (
                    percent_decode(key.trim()),
                    percent_decode(value.trim_end_matches(['\r', '\n'])),
                )
            })
            .collect();
        Ok((Self(pairs), context, parts.headers))
    }

    fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, _)| key == name)?;
        Some(pair.1.as_str()).filter(|value| !value.is_empty())
    }

    fn opens_api(&self) -> bool {
        self.get("scope")
            .is_some_and(|scope| scope.split(' ').any(|part| part == API_SCOPE))
    }
}

/// OAuth's words for what went wrong.
#[derive(Clone, Copy)]
enum Code {
    AccessDenied,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
    ServerError,
}

impl Code {
    fn word(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::ServerError => "server_error",
        }
    }
}

/// `error_code` and `error` for the API's clients, OAuth's own pair for others.
fn refuse(opens_api: bool, code: Code, sentence: &str) -> Response {
    let body = if opens_api {
        json!({ "error_code": code.word(), "error": sentence })
    } else {
        json!({ "error": code.word(), "error_description": sentence })
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn granted(token: &str, scope: &str) -> Response {
    let body = json!({
        "access_token": token,
        "scope": scope,
        "exp": NEVER,
        "token_type": "bearer",
    });
    Json(body).into_response()
}

async fn token(State(shared): State<Shared>, request: Request) -> Response {
    let (parameters, context, headers) = match Parameters::of(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let api = parameters.opens_api();
    match parameters.get("grant_type") {
        Some("password") => {
            let (Some(user), Some(password)) =
                (parameters.get("username"), parameters.get("password"))
            else {
                let sentence = "Parameters username and password are required.";
                return refuse(api, Code::InvalidRequest, sentence);
            };
            log_in(&shared, &context, &parameters, user, password).await
        }
        Some("urn:ovirt:params:oauth:grant-type:http") => {
            http_grant(&shared, &context, &headers, &parameters).await
        }
        // The code flow is for applications that somebody registered; none can be here yet.
        Some("authorization_code") => refuse(
            api,
            Code::InvalidGrant,
            "The provided authorization grant for the auth code has expired.",
        ),
        Some(other) => {
            let sentence = format!("Unsupported grant type: {}", clip(other));
            refuse(api, Code::UnsupportedGrantType, &sentence)
        }
        None => refuse(
            api,
            Code::InvalidRequest,
            "Parameter grant_type is required.",
        ),
    }
}

async fn token_http_auth(State(shared): State<Shared>, request: Request) -> Response {
    match Parameters::of(request).await {
        Ok((parameters, context, headers)) => {
            http_grant(&shared, &context, &headers, &parameters).await
        }
        Err(response) => response,
    }
}

/// A token for HTTP's own authentication. Kerberos is not spoken; basic is.
async fn http_grant(
    shared: &Shared,
    context: &Context,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Response {
    let credentials = headers
        .get(header::AUTHORIZATION)
        .and_then(basic::credentials);
    let Some(credentials) = credentials else {
        let sentence = "HTTP authentication is required.";
        let mut response = refuse(parameters.opens_api(), Code::AccessDenied, sentence);
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"RESTAPI\""),
        );
        return response;
    };
    log_in(
        shared,
        context,
        parameters,
        &credentials.user,
        &credentials.password,
    )
    .await
}

async fn log_in(
    shared: &Shared,
    context: &Context,
    parameters: &Parameters,
    user: &str,
    password: &str,
) -> Response {
    if !parameters.opens_api() {
        let sentence = format!("Ask for scope {API_SCOPE}; there is nothing else to open.");
        return refuse(false, Code::InvalidScope, &sentence);
    }
    let purpose = SessionPurpose::Token;
    match shared
        .door()
        .login(user, password, purpose, context.peer.ip())
        .await
    {
        Ok(login) => granted(&login.token, parameters.get("scope").unwrap_or(API_SCOPE)),
        Err(LoginRefused::Denied(sentence)) => {
            let sentence = format!("Cannot authenticate user '{}': {sentence}", clip(user));
            refuse(true, Code::AccessDenied, &sentence)
        }
        Err(LoginRefused::Delayed(seconds)) => {
            let sentence = format!(
                "Cannot authenticate user '{}': too many failed logins, try again in {seconds} s.",
                clip(user)
            );
            let mut response = refuse(true, Code::AccessDenied, &sentence);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Err(LoginRefused::Failed(sentence)) => refuse(true, Code::ServerError, &sentence),
    }
}

async fn token_info(State(shared): State<Shared>, request: Request) -> Response {
    let (parameters, ..) = match Parameters::of(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let Some(token) = parameters.get("token") else {
        return refuse(
            parameters.opens_api(),
            Code::InvalidRequest,
            "Parameter token is required.",
        );
    };
    let Some(session) = shared.door().session(token) else {
        let sentence = "The provided authorization grant is invalid or has expired.";
        return refuse(true, Code::InvalidGrant, sentence);
    };
    let inventory = shared.manager().inventory();
    let user = inventory.users.get(&session.user);
    let of = |field: fn(&manager::model::User) -> &str| user.map_or("", |user| field(user));
    let groups: Vec<Value> = user.map_or_else(Vec::new, |user| {
        user.groups
            .iter()
            .map(|group| json!(group.to_string()))
            .collect()
    });
    Json(json!({
        "active": true,
        "token_type": "bearer",
        "client_id": "ovirt-engine-core",
        "user_id": format!("{}@{}", of(|user| &user.principal), profile(of(|user| &user.domain))),
        "scope": API_SCOPE,
        "exp": NEVER,
        "ovirt": {
            "version": "0",
            "principal_id": of(|user| &user.domain_entry_id),
            "email": of(|user| &user.email),
            "namespace": of(|user| &user.namespace),
            "first_name": of(|user| &user.name),
            "last_name": of(|user| &user.last_name),
            "group_ids": groups,
            "password_access": true,
        },
    }))
    .into_response()
}

/// The profile that people log in with, of the domain that they are in.
fn profile(domain: &str) -> &str {
    domain.strip_suffix("-authz").unwrap_or(domain)
}

/// Ends a token; one that is dead already is no error.
async fn revoke(State(shared): State<Shared>, request: Request) -> Response {
    let (parameters, ..) = match Parameters::of(request).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    if let Some(token) = parameters.get("token") {
        shared.door().logout(token).await;
    }
    Json(json!({})).into_response()
}

async fn pki_resource(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    super::pki::resource(shared.ca_pem(), query.as_deref())
}

/// What somebody sent, as far as it may be repeated to them.
fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
