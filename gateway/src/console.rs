//! A virtual machine's console: the ticket that opens it, its picture for the portals, and the
//! WebSocket of each of its channels, which is checked, upgraded and handed to `spice-proxy`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header;
use manager::console::{ConsoleEnd, ConsoleKey, ConsoleLease, ConsoleRefusal};
use manager::host::GraphicsTarget;
use manager::model::{SessionId, VmId};
use serde_json::json;
use spice_proxy::{
    Admission, Admit, Admitting, ChannelType, Counters, End, Hello, Refusal, Target, Ticket,
};
use tokio::sync::oneshot;

use crate::auth::{Caller, Portal};
use crate::error::Problem;
use crate::state::Shared;
use crate::websocket::{Socket, Upgrade};

/// The console's subprotocol.
pub(crate) const PROTOCOL: &str = "console.v1";
/// Channels that one login may have open or be opening: eight consoles with eight channels each.
const CHANNELS_MAX: usize = 64;
/// Pictures taken at a time; each costs the guest's display thread some milliseconds.
const SCREENSHOTS_MAX: usize = 4;
/// How often use of a console counts as use of the login.
const TOUCH: Duration = Duration::from_secs(60);

/// The console's addresses.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/saffron/vms/{id}/console", post(ticket))
        .route("/saffron/vms/{id}/screenshot", get(screenshot))
        .route("/saffron/console", get(channel))
}

/// Channels of each login, and pictures being taken.
#[derive(Debug)]
pub(crate) struct Channels {
    open: Arc<Mutex<HashMap<SessionId, usize>>>,
    screenshots: tokio::sync::Semaphore,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            open: Arc::default(),
            screenshots: tokio::sync::Semaphore::new(SCREENSHOTS_MAX),
        }
    }
}

/// A counted channel.
struct Counted {
    open: Arc<Mutex<HashMap<SessionId, usize>>>,
    session: SessionId,
}

impl Channels {
    fn enter(&self, session: SessionId) -> Option<Counted> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(session).or_default();
        if *count >= CHANNELS_MAX {
            return None;
        }
        *count += 1;
        Some(Counted {
            open: Arc::clone(&self.open),
            session,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.session);
            }
        }
    }
}

fn vm_id(text: &str) -> Result<VmId, Problem> {
    text.parse()
        .map_err(|_| Problem::not_found("There is no such virtual machine."))
}

/// Leave to open a console, once.
async fn ticket(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let ticket = shared
        .manager()
        .console_ticket(&caller, vm_id(&id)?)
        .await?;
    Ok(Json(json!({
        "ticket": ticket.secret.expose(),
        "expires_in": ticket.expires_in.as_secs(),
        "vm": { "id": ticket.vm.to_string(), "name": ticket.vm_name },
    }))
    .into_response())
}

/// What is on the machine's screen, as a PNG file.
async fn screenshot(
    State(shared): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let vm = vm_id(&id)?;
    let _permit = shared
        .channels()
        .screenshots
        .acquire()
        .await
        .map_err(|_| Problem::internal())?;
    let png = shared.manager().vm_screenshot(&caller, vm).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

/// One channel.
async fn channel(State(shared): State<Shared>, request: Request) -> Response {
    let upgrade = match Upgrade::check(request, PROTOCOL) {
        Ok(upgrade) => upgrade,
        Err(response) => return response,
    };
    let (upgrade, portal) = match portal(upgrade, &shared).await {
        Ok(checked) => checked,
        Err(problem) => return problem.into_response(),
    };
    let session = portal.caller.session().id;
    let Some(counted) = shared.channels().enter(session) else {
        return Problem::too_many("Too many console channels are open.", 5).into_response();
    };
    upgrade.answer(
        &shared.clone().sockets().clone(),
        move |socket| async move {
            serve(socket, shared, portal).await;
            drop(counted);
        },
    )
}

/// The login that a WebSocket's request came with. Its password must not be waiting to be changed.
pub(crate) async fn portal(
    upgrade: Upgrade,
    shared: &Shared,
) -> Result<(Upgrade, Portal), Problem> {
    let (mut parts, rest) = upgrade.into_parts();
    let portal = Portal::from_request_parts(&mut parts, shared).await?;
    if portal.caller.session().must_change_password {
        return Err(Problem::denied("Change your password first."));
    }
    Ok((Upgrade::from_parts(parts, rest), portal))
}

async fn serve(socket: Socket, shared: Shared, portal: Portal) {
    let gate = Gate {
        shared: shared.clone(),
        portal,
    };
    let report = spice_proxy::serve(socket, &gate, shared.going_away()).await;
    log_closed(report);
}

/// Writes down how a channel ended.
pub(crate) fn log_closed(report: spice_proxy::Report) {
    let (code, reason) = report.refusal.map_or((1000, String::new()), |refusal| {
        (refusal.end.code(), refusal.sentence)
    });
    tracing::debug!(
        down = report.down_bytes,
        up = report.up_bytes,
        code,
        reason,
        "Closed a console channel"
    );
}

/// Asks the manager about channels, for one login.
struct Gate {
    shared: Shared,
    portal: Portal,
}

impl Admit for Gate {
    fn admit<'a>(&'a self, hello: &'a Hello) -> Admitting<'a> {
        Box::pin(async move {
            let key = ConsoleKey {
                session: self.portal.caller.session().id,
                key: hello.key.0,
                channel_type: hello.channel_type.0,
                channel_id: hello.channel_id,
                source: self.portal.caller.source,
            };
            let admission = self
                .shared
                .manager()
                .console_admit(key)
                .await
                .map_err(|refusal| refused(&refusal))?;
            let has_password = matches!(admission.target, GraphicsTarget::Address { .. });
            let (target, ticket) = target(admission.target)?;
            tracing::debug!(
                vm = %admission.vm,
                channel = hello.channel_type.name(),
                "Opened a console channel"
            );
            let counters = Arc::new(Counters::default());
            let touch = (hello.channel_type == ChannelType::INPUTS).then(|| {
                (
                    self.shared.clone(),
                    self.portal.token.clone(),
                    Arc::clone(&counters),
                )
            });
            let mut lease = admission.lease;
            // The password of a target with an address is for this one connection.
            let (linked, was_linked) = oneshot::channel();
            Ok(Admission {
                target,
                ticket,
                keys: admission.keys,
                revoked: Box::pin(async move {
                    let end = tokio::select! {
                        end = until_ended(&mut lease, has_password.then_some(was_linked)) => end,
                        never = stay(touch) => match never {},
                    };
                    ended(&end)
                }),
                linked: Some(linked),
                counters,
            })
        })
    }
}

/// Why the channel must end. Meanwhile a password that was good for it is made useless as soon as
/// it has been used.
async fn until_ended(lease: &mut ConsoleLease, used: Option<oneshot::Receiver<()>>) -> ConsoleEnd {
    if let Some(used) = used {
        tokio::select! {
            end = lease.ended() => return end,
            used = used => {
                if used.is_ok() && let Err(error) = lease.expire_password().await {
                    tracing::warn!(%error, "Could not make a display password useless");
                }
            }
        }
    }
    lease.ended().await
}

/// Whoever types in a console is not idle, though no request comes.
async fn stay(touch: Option<(Shared, String, Arc<Counters>)>) -> std::convert::Infallible {
    let Some((shared, token, counters)) = touch else {
        return std::future::pending().await;
    };
    let mut before = 0;
    loop {
        tokio::time::sleep(TOUCH).await;
        let now = counters.up_bytes.load(Ordering::Relaxed);
        if now != before {
            before = now;
            // Only to keep the session; that it has ended is the lease's to say.
            let _ = shared.door().session(&token);
        }
    }
}

/// Where the channel leads, and what the SPICE server wants to hear.
fn target(target: GraphicsTarget) -> Result<(Target, Ticket), Refusal> {
    match target {
        // Authenticated by libvirt: any ticket is taken, but one must be sent.
        GraphicsTarget::Descriptor(descriptor) => {
            Ok((Target::Descriptor(descriptor), Ticket::new("saffron")))
        }
        GraphicsTarget::Address {
            address,
            port: Some(port),
            password,
            ..
        } if address.is_loopback() => Ok((
            Target::Tcp(vec![(address, port).into()]),
            Ticket::new(password.reveal()),
        )),
        // Over a network only TLS would do, and the host's authority is not known here yet.
        GraphicsTarget::Address { address, .. } => Err(Refusal::new(
            End::Unreachable,
            format!(
                "The display at {address} cannot be reached safely: it is not on this machine."
            ),
        )),
    }
}

fn refused(refusal: &ConsoleRefusal) -> Refusal {
    let end = match refusal {
        ConsoleRefusal::KeyRefused => End::TicketRefused,
        ConsoleRefusal::SessionEnded => End::Revoked,
        ConsoleRefusal::Gone => End::VmGone,
        ConsoleRefusal::NotRunning { .. } => End::VmNotRunning,
        ConsoleRefusal::TooMany => End::TooMany,
        ConsoleRefusal::HostFailed { .. } => End::Unreachable,
    };
    Refusal::new(end, refusal.to_string())
}

fn ended(end: &ConsoleEnd) -> Refusal {
    let kind = match end {
        ConsoleEnd::SessionEnded | ConsoleEnd::AccessLost => End::Revoked,
        ConsoleEnd::VmGone => End::VmGone,
        ConsoleEnd::VmStopped | ConsoleEnd::MainClosed => End::ConnectionEnded,
        ConsoleEnd::GoingAway => End::GoingAway,
    };
    Refusal::new(kind, end.to_string())
}
