//! The addresses of `saffron view`: the page, what it must know, tickets, and the channels' WebSocket.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use spice_proxy::{
    Admission, Admit, Admitting, ChannelType, Counters, End, Hello, MAX_PASSWORD_BYTES, Refusal,
    Ticket,
};

use super::tickets::{LIFE, Main, Refused};
use super::{Shared, config};
use crate::assets;
use crate::auth::csrf;
use crate::console::PROTOCOL;
use crate::error::Problem;
use crate::websocket::{Socket, Upgrade};

/// The longest body that is read.
const BODY_MAX: usize = 4 * 1024;

/// Everything that is served.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route(
            "/",
            get(|headers: HeaderMap| async move { assets::view(&headers) }),
        )
        .route("/saffron/view", get(about))
        .route("/saffron/view/console", post(ticket))
        .route("/saffron/console", get(channel))
        .route("/assets/{file}", get(assets::asset))
        .route(
            "/saffron/health",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .fallback(|| async { Problem::not_found("There is nothing at this address.") })
        .method_not_allowed_fallback(|| async {
            let sentence = "This address does not take this method.";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence)
        })
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), own_name))
        .with_state(shared)
}

/// Refuses what was sent to another name, whoever made that name lead here.
async fn own_name(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        _ => "",
    };
    // A request line may name a server too, and would be believed.
    let named = request.uri().authority().map_or(host, |name| name.as_str());
    if named != host || !shared.is_own(host) {
        let sentence = "This page is not served under that name; --name adds one.";
        return Problem::denied(sentence).into_response();
    }
    next.run(request).await
}

/// What the page must know.
async fn about(State(shared): State<Shared>) -> Response {
    let config = &shared.0.config;
    Json(json!({
        "target": config.target.to_string(),
        "password": config.ticket_file.is_none(),
    }))
    .into_response()
}

/// What the person has typed.
#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    password: String,
}

/// Leave to open a console, once.
async fn ticket(State(shared): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    csrf::check(&parts)
        .map_err(|_| Problem::denied("Only this console's own page may ask for this."))?;
    let is_json = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Problem::bad("Send JSON: {\"password\": \"…\"}."));
    }
    let body = axum::body::to_bytes(body, BODY_MAX)
        .await
        .map_err(|_| Problem::bad("The body is too long, or did not come."))?;
    // Nothing of the body is repeated: it is a password.
    let Asked { password } = serde_json::from_slice(&body)
        .map_err(|_| Problem::bad("Send JSON: {\"password\": \"…\"}."))?;
    let password = match &shared.0.config.ticket_file {
        Some(path) => from_file(path.clone()).await?,
        None if password.len() > MAX_PASSWORD_BYTES => {
            return Err(Problem::bad(format!(
                "A SPICE password has at most {MAX_PASSWORD_BYTES} bytes."
            )));
        }
        None => Ticket::from_person(password),
    };
    let key = shared.0.tickets.issue(password).map_err(|error| {
        tracing::error!(%error, "There is no randomness for tickets");
        Problem::internal()
    })?;
    let Some(key) = key else {
        return Err(Problem::too_many("Too many consoles are being opened.", 30));
    };
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Json(json!({ "ticket": hex, "expires_in": LIFE.as_secs() })).into_response())
}

/// Read anew each time, so that it can be changed under way.
async fn from_file(path: PathBuf) -> Result<Ticket, Problem> {
    let read = move || config::password(&path, |path| std::fs::read_to_string(path));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(password)) => Ok(Ticket::new(password.expose())),
        Ok(Err(error)) => {
            tracing::warn!(%error, "Could not use the password file");
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The file with the display's password cannot be used; the log says why.",
            ))
        }
        Err(error) => {
            tracing::error!(%error, "Reading the password file has failed");
            Err(Problem::internal())
        }
    }
}

/// One channel.
async fn channel(State(shared): State<Shared>, request: Request) -> Response {
    let upgrade = match Upgrade::check(request, PROTOCOL) {
        Ok(upgrade) => upgrade,
        Err(response) => return response,
    };
    let tasks = shared.0.sockets.clone();
    upgrade.answer(&tasks, move |socket| serve(socket, shared))
}

async fn serve(socket: Socket, shared: Shared) {
    let going_away = shared.0.going_away.subscribe();
    let report = spice_proxy::serve(socket, &Gate { shared }, going_away).await;
    crate::console::log_closed(report);
}

/// Lets channels in by their tickets and keys.
struct Gate {
    shared: Shared,
}

impl Admit for Gate {
    fn admit<'a>(&'a self, hello: &'a Hello) -> Admitting<'a> {
        Box::pin(async move {
            let tickets = &self.shared.0.tickets;
            if hello.channel_type == ChannelType::MAIN {
                let main = tickets.open(&hello.key.0).map_err(refused)?;
                self.admission(main.console.password.clone(), Some(main), None)
                    .await
            } else {
                let console = tickets.join(&hello.key.0).map_err(refused)?;
                let password = console.password.clone();
                let ended = async move { console.ended().await };
                self.admission(password, None, Some(Box::pin(ended))).await
            }
        })
    }
}

type Ending = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Gate {
    /// `main` lives as long as its channel does; others end when `ended` does.
    async fn admission(
        &self,
        ticket: Ticket,
        main: Option<Main>,
        ended: Option<Ending>,
    ) -> Result<Admission, Refusal> {
        let target = self.shared.target().await?;
        let keys = main.as_ref().map(|main| main.keys.clone());
        Ok(Admission {
            target,
            ticket,
            keys: keys.unwrap_or_default(),
            revoked: Box::pin(async move {
                let _main = main;
                match ended {
                    Some(ended) => ended.await,
                    None => std::future::pending().await,
                }
                let sentence = "The console's main channel has ended.";
                Refusal::new(End::ConnectionEnded, sentence)
            }),
            linked: None,
            counters: Arc::new(Counters::default()),
        })
    }
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Unknown => Refusal::new(
            End::TicketRefused,
            "This ticket was used before, or is none.",
        ),
        Refused::Late => Refusal::new(End::HelloLate, "The console took too long to connect."),
        Refused::Many => Refusal::new(End::TooMany, "Too many consoles are open."),
    }
}
