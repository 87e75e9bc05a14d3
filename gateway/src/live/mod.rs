//! The live stream: one WebSocket per page, on which every change that its user may see arrives
//! within a second.
//!
//! ```text
//! hello ─▶ snapshot in parts, or what was missed ─▶ changes … ─▶ resync / session over / going away
//! ```
//!
//! Changes are gathered for a moment and looked at in the newest state, so that an object that
//! changed ten times is sent once; statistics are gathered for two seconds. Nothing queues without
//! bound: a page that cannot keep up loses its place and is told to start over.

mod view;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::live::{Position, Resource, ToPage, ToServer};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use manager::model::{Event, ObjectId, Permit};
use manager::{Access, Applied, Change, Inventory, Missed, Revoked, Subscription};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::auth::{Caller, Portal};
use crate::console::portal;
use crate::rest;
use crate::state::Shared;
use crate::websocket::{Socket, Upgrade};

/// How long the page may take for its first message.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(50);
/// How long statistics are gathered.
const GATHER_STATISTICS: Duration = Duration::from_secs(2);
/// How often a sign of life is sent.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A page that takes nothing for so long is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// Resources in one part of a snapshot.
const PART: usize = 100;
/// Messages a page may send after its hello; it has nothing to say.
const CHATTER_MAX: u32 = 100;

/// The stream's address.
pub(crate) fn routes() -> Router<Shared> {
    Router::new().route(api::live::PATH, get(open))
}

async fn open(State(shared): State<Shared>, request: Request) -> Response {
    let upgrade = match Upgrade::check(request, api::live::PROTOCOL) {
        Ok(upgrade) => upgrade,
        Err(response) => return response,
    };
    let (upgrade, portal) = match portal(upgrade, &shared).await {
        Ok(checked) => checked,
        Err(problem) => return problem.into_response(),
    };
    let sockets = shared.sockets().clone();
    upgrade.answer(&sockets, move |mut socket| async move {
        let end = Stream::new(shared, portal).run(&mut socket).await;
        let frame = end.map(|End { code, reason }| CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        });
        let close = async {
            if socket.close(frame).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), close).await;
    })
}

/// Why the stream ends; `None` when the page left.
struct End {
    code: u16,
    reason: &'static str,
}

impl End {
    const SESSION: Self = Self {
        code: 4401,
        reason: "Your session has ended.",
    };
    const HELLO: Self = Self {
        code: 4400,
        reason: "The first message must be a hello.",
    };
    const HELLO_LATE: Self = Self {
        code: 4408,
        reason: "The hello did not come in time.",
    };
    const GOING_AWAY: Self = Self {
        code: 1001,
        reason: "The server is restarting.",
    };
    const START_OVER: Self = Self {
        code: 4409,
        reason: "Changes were missed; start over.",
    };
    const CHATTER: Self = Self {
        code: 4429,
        reason: "Too many messages.",
    };
}

/// One page's stream.
struct Stream {
    shared: Shared,
    caller: Caller,
    token: String,
    /// Whether the caller may see everything there is.
    sees_all: bool,
    /// Whether what the caller may see can have changed.
    rights_changed: bool,
    /// What the page has, as it was sent.
    sent: HashMap<ObjectId, u64>,
    /// What may look different from what the page has.
    touched: BTreeSet<ObjectId>,
    /// The same because of its statistics alone.
    measured: BTreeSet<ObjectId>,
    events: Vec<Arc<Event>>,
    /// The newest revision that is in the three above.
    gathered: u64,
    /// The newest revision of which the page has everything.
    told: u64,
}

type Ended<T = ()> = Result<T, Option<End>>;

impl Stream {
    fn new(shared: Shared, portal: Portal) -> Self {
        Self {
            shared,
            caller: portal.caller,
            token: portal.token,
            sees_all: false,
            rights_changed: false,
            sent: HashMap::new(),
            touched: BTreeSet::new(),
            measured: BTreeSet::new(),
            events: Vec::new(),
            gathered: 0,
            told: 0,
        }
    }

    /// Runs until something ends it.
    async fn run(mut self, socket: &mut Socket) -> Option<End> {
        let mut going_away = self.shared.going_away();
        let ended = tokio::select! {
            ended = self.stream(socket) => ended,
            _ = going_away.wait_for(|going| *going) => Err(Some(End::GOING_AWAY)),
        };
        match ended {
            Err(end) => end,
            Ok(()) => match send(socket, &ToPage::Resync).await {
                Ok(()) => Some(End::START_OVER),
                Err(end) => end,
            },
        }
    }

    /// `Ok` when the page must start over.
    async fn stream(&mut self, socket: &mut Socket) -> Ended {
        let mut revocations = self.shared.manager().revocations();
        let hello = tokio::time::timeout(HELLO_TIMEOUT, hello(socket))
            .await
            .map_err(|_| Some(End::HELLO_LATE))??;
        // Statistics come faster while somebody looks.
        let _watch = self.shared.manager().watch();
        self.sees_all = sees_everything(&self.shared.manager().access(), &self.caller);
        let mut changes = match self.resumed(hello.as_ref()) {
            Some((missed, changes)) => {
                for applied in missed {
                    self.gather(&applied);
                }
                changes
            }
            None => {
                // First listen, then look: nothing falls between.
                let changes = self.shared.manager().subscribe();
                self.snapshot(socket).await?;
                changes
            }
        };
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut statistics = tokio::time::interval(GATHER_STATISTICS);
        statistics.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = (!self.is_quiet()).then(Instant::now);
        let mut chatter = 0;
        loop {
            tokio::select! {
                applied = changes.next() => match applied {
                    Ok(applied) => {
                        self.gather(&applied);
                        if due.is_none() && !self.is_quiet() {
                            due = Some(Instant::now() + GATHER);
                        }
                    }
                    Err(Missed::Lagged) => return Ok(()),
                    Err(Missed::Ended) => return Err(Some(End::GOING_AWAY)),
                },
                revoked = revocations.next() => {
                    if self.concerns(revoked)? {
                        self.rights_changed = true;
                        due = due.or(Some(Instant::now() + GATHER));
                    }
                }
                () = sleep_until(due) => {
                    due = None;
                    self.flush(socket).await?;
                }
                _ = statistics.tick() => {
                    if !self.measured.is_empty() {
                        self.touched.append(&mut self.measured);
                        due = due.or(Some(Instant::now()));
                    }
                }
                _ = ping.tick() => send(socket, &ToPage::Ping).await?,
                message = socket.next() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
                    Some(Ok(_)) => {
                        chatter += 1;
                        if chatter > CHATTER_MAX {
                            return Err(Some(End::CHATTER));
                        }
                    }
                },
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.touched.is_empty() && self.events.is_empty()
    }

    /// Whether what the caller may see must be looked at again after this.
    fn concerns(&self, revoked: Option<Revoked>) -> Ended<bool> {
        let session = self.caller.session().id;
        match revoked {
            Some(Revoked::Session(id)) if id == session => Err(Some(End::SESSION)),
            Some(Revoked::Session(_) | Revoked::Vm(_)) => Ok(false),
            Some(Revoked::Access) => Ok(true),
            // Something was missed, perhaps the end of this very session.
            Some(Revoked::Everything) => match self.shared.door().session(&self.token) {
                Some(_) => Ok(true),
                None => Err(Some(End::SESSION)),
            },
            None => Err(Some(End::GOING_AWAY)),
        }
    }

    /// Notes what a revision changed.
    fn gather(&mut self, applied: &Applied) {
        let inventory = self.shared.manager().inventory();
        for change in &applied.changes {
            match change {
                Change::Event(event) if !event.removed => self.events.push(Arc::clone(event)),
                Change::Event(_) => {}
                Change::Statistics(object) => drop(self.measured.insert(*object)),
                change => self.touched.extend(view::touched(&inventory, change)),
            }
        }
        self.gathered = applied.revision;
    }

    /// Where the page can go on, if what it missed is still known. Only for those who see
    /// everything: what others may see can have changed meanwhile, and their snapshot is small.
    fn resumed(&mut self, at: Option<&Position>) -> Option<(Vec<Arc<Applied>>, Subscription)> {
        let at = at?;
        let epoch = at.epoch.parse().ok()?;
        if !self.sees_all {
            return None;
        }
        let (missed, changes) = self.shared.manager().resume(epoch, at.revision)?;
        self.gathered = at.revision;
        self.told = at.revision;
        // The page may have anything that exists; what it has is sent again only when touched.
        let inventory = self.shared.manager().inventory();
        for object in view::everything(&inventory) {
            self.sent.insert(object, 0);
        }
        for applied in &missed {
            for change in &applied.changes {
                if let Change::Removed(object) = change {
                    self.sent.insert(*object, 0);
                }
            }
        }
        Some((missed, changes))
    }

    /// Sends all that the caller may see, in parts.
    async fn snapshot(&mut self, socket: &mut Socket) -> Ended {
        let manager = self.shared.manager().clone();
        let access = manager.access();
        let inventory = Arc::clone(access.inventory());
        let mut part = Vec::new();
        for object in view::everything(&inventory) {
            if let Some(resource) = view::resource(&manager, &access, &self.caller, object) {
                self.sent.insert(object, view::fingerprint(&resource));
                part.push(resource);
            }
            if part.len() >= PART {
                let part = std::mem::take(&mut part);
                send(socket, &snapshot(&inventory, part, false)).await?;
            }
        }
        self.gathered = inventory.revision();
        self.told = inventory.revision();
        send(socket, &snapshot(&inventory, part, true)).await
    }

    /// Sends what was gathered, as it looks now. Every message but the last carries the revision
    /// before, so that a page that breaks off in between is told the rest again.
    async fn flush(&mut self, socket: &mut Socket) -> Ended {
        let manager = self.shared.manager().clone();
        let access = manager.access();
        let inventory = Arc::clone(access.inventory());
        if std::mem::take(&mut self.rights_changed) {
            let sees_all = sees_everything(&access, &self.caller);
            // Nobody's rights matter to one who saw and sees everything.
            if !(self.sees_all && sees_all) {
                self.touched.extend(view::everything(&inventory));
                self.touched.extend(self.sent.keys().copied());
            }
            self.sees_all = sees_all;
        }
        let mut messages = Vec::new();
        for event in std::mem::take(&mut self.events) {
            if access.event_visible(&self.caller, &event) {
                messages.push(ToPage::Event {
                    revision: self.told,
                    event: rest::live::event(&inventory, &event),
                });
            }
        }
        for object in std::mem::take(&mut self.touched) {
            let Some(kind) = view::kind(object) else {
                continue;
            };
            match view::resource(&manager, &access, &self.caller, object) {
                Some(resource) => {
                    let fingerprint = view::fingerprint(&resource);
                    if self.sent.insert(object, fingerprint) != Some(fingerprint) {
                        messages.push(ToPage::Changed {
                            revision: self.told,
                            resource: Box::new(resource),
                        });
                    }
                }
                None => {
                    if self.sent.remove(&object).is_some() {
                        messages.push(ToPage::Removed {
                            revision: self.told,
                            kind,
                            id: object.uuid().to_string(),
                        });
                    }
                }
            }
        }
        if let Some(
            ToPage::Event { revision, .. }
            | ToPage::Changed { revision, .. }
            | ToPage::Removed { revision, .. },
        ) = messages.last_mut()
        {
            *revision = self.gathered;
        }
        for message in &messages {
            send(socket, message).await?;
        }
        self.told = self.gathered;
        Ok(())
    }
}

/// Whether no change of rights can show this caller more, and only the loss of their own role less.
fn sees_everything(access: &Access, caller: &Caller) -> bool {
    // A permit that no role lists: only SuperUser, which holds all of them, has it.
    access.may(caller, Permit(u32::MAX), ObjectId::System)
}

fn snapshot(inventory: &Inventory, resources: Vec<Resource>, done: bool) -> ToPage {
    ToPage::Snapshot {
        epoch: inventory.epoch().to_string(),
        revision: inventory.revision(),
        resources,
        done,
    }
}

/// The page's first message.
async fn hello(socket: &mut Socket) -> Ended<Option<Position>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let ToServer::Hello { resume } =
                    serde_json::from_str(&text).map_err(|_| Some(End::HELLO))?;
                return Ok(resume);
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some(End::HELLO)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
        }
    }
}

async fn send(socket: &mut Socket, message: &ToPage) -> Ended {
    let Ok(text) = serde_json::to_string(message) else {
        tracing::error!("A message of the live stream cannot be written");
        return Ok(());
    };
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Text(text.into()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(None),
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
