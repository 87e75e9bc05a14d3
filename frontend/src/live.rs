//! The live stream: connects, takes up where it was, starts over when told to,
//! and writes what it hears into the store. It alone (with lists of old events)
//! feeds the pages.
//!
//! ```text
//!            open              hello sent         snapshot done / changed
//! Connecting ────▶ Connecting ───────────▶ Live ◀───────────────────────┐
//!     ▲                                     │ closed, silent for 45 s    │
//!     └──── 1, 2, 4 … 30 s ──── Lost ◀──────┘ (the store stays as it is) ┘
//! ```

use crate::app::App;
use crate::store::{Store, Told};
use crate::task;
use api::live::{
    Extra, Kind, Offer, PATH, PROTOCOL, PoolFigures, Position, Resource, ToPage, ToServer,
};
use leptos::prelude::*;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// The server pings every 15 s; two missed and some patience.
const SILENCE_MS: f64 = 45_000.0;
/// The longest pause between tries.
const LONGEST_PAUSE_MS: i32 = 30_000;

/// Whether what the pages show is how things are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LiveState {
    /// For the first time.
    Connecting,
    /// Up to date.
    Live,
    /// As it was at `since`; trying again at `next` (both milliseconds since 1970).
    Lost {
        /// When it was lost.
        since: f64,
        /// When the next try is.
        next: f64,
    },
}

/// What a frame from the server means for the connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Go on.
    Nothing,
    /// The store is complete and current.
    UpToDate,
    /// A whole new snapshot came: old events must be asked for.
    Complete,
    /// Forget where we were and connect again.
    Again,
}

/// Where the stream was, to take it up there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    at: Option<Position>,
    in_snapshot: bool,
}

impl Place {
    /// The first frame we send.
    #[must_use]
    pub fn hello(&self) -> ToServer {
        ToServer::Hello {
            resume: self.at.clone().filter(|_| !self.in_snapshot),
        }
    }

    /// Takes in one frame.
    pub fn hear(&mut self, frame: ToPage, store: &Store, at: f64) -> Heard {
        match frame {
            ToPage::Snapshot {
                epoch,
                revision,
                resources,
                done,
            } => {
                if !self.in_snapshot {
                    store.begin_snapshot();
                    self.in_snapshot = true;
                }
                self.at = Some(Position { epoch, revision });
                for resource in &resources {
                    tell(resource, store, at);
                }
                if !done {
                    return Heard::Nothing;
                }
                self.in_snapshot = false;
                store.end_snapshot();
                Heard::Complete
            }
            ToPage::Changed { revision, resource } => {
                tell(&resource, store, at);
                self.pass(revision)
            }
            ToPage::Removed { revision, kind, id } => {
                store.remove(kind, &id);
                self.pass(revision)
            }
            ToPage::Event { revision, event } => {
                store.add_event(&event);
                self.pass(revision)
            }
            ToPage::Resync => {
                *self = Place::default();
                Heard::Again
            }
            ToPage::Ping => self.pass(0),
        }
    }

    /// While a snapshot is coming in, we are not there yet.
    fn pass(&mut self, revision: u64) -> Heard {
        match &mut self.at {
            Some(at) if !self.in_snapshot => {
                at.revision = at.revision.max(revision);
                Heard::UpToDate
            }
            _ => Heard::Nothing,
        }
    }
}

/// Reads a frame. By hand, for its size: the derived reader keeps a copy of
/// everything in a form of its own first, and is the largest single thing that
/// a portal would otherwise download. The gateway writes with the derived writer,
/// and a test holds the two together.
fn read(text: &str) -> Option<ToPage> {
    let mut frame: Value = serde_json::from_str(text).ok()?;
    let revision = frame.get("revision").and_then(Value::as_u64);
    let text = |frame: &Value, key: &str| frame.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(match frame.get("type")?.as_str()? {
        "snapshot" => ToPage::Snapshot {
            epoch: text(&frame, "epoch")?,
            revision: revision?,
            done: frame.get("done")?.as_bool()?,
            resources: match frame.get_mut("resources")?.take() {
                Value::Array(resources) => resources.into_iter().filter_map(resource).collect(),
                _ => return None,
            },
        },
        "changed" => ToPage::Changed {
            revision: revision?,
            resource: Box::new(resource(frame.get_mut("resource")?.take())?),
        },
        "removed" => ToPage::Removed {
            revision: revision?,
            kind: kind(frame.get("kind")?.as_str()?),
            id: text(&frame, "id")?,
        },
        "event" => ToPage::Event {
            revision: revision?,
            event: frame.get_mut("event")?.take(),
        },
        "resync" => ToPage::Resync,
        // What a newer server may add is a sign of life at least.
        _ => ToPage::Ping,
    })
}

fn kind(word: &str) -> Kind {
    match word {
        "vm" => Kind::Vm,
        "host" => Kind::Host,
        "cluster" => Kind::Cluster,
        "data_center" => Kind::DataCenter,
        "storage_domain" => Kind::StorageDomain,
        "disk" => Kind::Disk,
        "template" => Kind::Template,
        "network" => Kind::Network,
        "vnic_profile" => Kind::VnicProfile,
        "user" => Kind::User,
        "group" => Kind::Group,
        "role" => Kind::Role,
        "permission" => Kind::Permission,
        "job" => Kind::Job,
        "tag" => Kind::Tag,
        "snapshot" => Kind::Snapshot,
        "pool" => Kind::Pool,
        "instance_type" => Kind::InstanceType,
        _ => Kind::Unknown,
    }
}

fn resource(mut value: Value) -> Option<Resource> {
    let offers = value
        .get("offers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let offers = offers
        .map(|(action, offer)| {
            let offer = Offer {
                allowed: offer
                    .get("allowed")
                    .and_then(Value::as_bool)
                    .unwrap_or(false),
                reason: offer
                    .get("reason")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            };
            (action.clone(), offer)
        })
        .collect();
    Some(Resource {
        kind: kind(value.get("kind")?.as_str()?),
        id: value.get("id")?.as_str()?.to_owned(),
        offers,
        extra: value.get("extra").map(extra).unwrap_or_default(),
        data: value.get_mut("data")?.take(),
    })
}

/// Members of `extra` that have a field of their own.
const TYPED: [&str; 9] = [
    "pool",
    "cpu_percent",
    "memory_bytes",
    "uptime_s",
    "consoles",
    "acceleration",
    "acceleration_reason",
    "memory_used_bytes",
    "memory_total_bytes",
];

fn pool(value: &Value) -> PoolFigures {
    let whole = |key: &str| {
        let figure = value.get(key).and_then(Value::as_u64);
        figure
            .and_then(|figure| figure.try_into().ok())
            .unwrap_or(0)
    };
    PoolFigures {
        running: whole("running"),
        assigned: whole("assigned"),
        ready: whole("ready"),
        free: whole("free"),
        mine: whole("mine"),
        maintenance: value
            .get("maintenance")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    }
}

fn extra(value: &Value) -> Extra {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let whole = |key: &str| value.get(key).and_then(Value::as_u64);
    Extra {
        cpu_percent: value.get("cpu_percent").and_then(Value::as_f64),
        memory_bytes: whole("memory_bytes"),
        uptime_s: whole("uptime_s"),
        consoles: value
            .get("consoles")
            .and_then(Value::as_array)
            .map(|names| {
                names
                    .iter()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect()
            }),
        acceleration: text("acceleration"),
        acceleration_reason: text("acceleration_reason"),
        memory_used_bytes: whole("memory_used_bytes"),
        memory_total_bytes: whole("memory_total_bytes"),
        pool: value.get("pool").map(pool),
        other: value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !TYPED.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
}

/// The first frame, by hand for the same reason.
fn write(ToServer::Hello { resume }: &ToServer) -> String {
    let resume = match resume {
        Some(at) => json!({ "epoch": at.epoch, "revision": at.revision }),
        None => Value::Null,
    };
    json!({ "type": "hello", "resume": resume }).to_string()
}

fn tell(resource: &Resource, store: &Store, at: f64) {
    let Resource {
        kind,
        id,
        data,
        offers,
        extra,
    } = resource;
    store.upsert(
        *kind,
        &Told {
            id,
            data,
            offers,
            extra,
            at,
        },
    );
}

struct Connection {
    place: Place,
    socket: Option<web_sys::WebSocket>,
    last_heard: f64,
    tries: u32,
    flush_pending: bool,
    stopped: bool,
}

/// The stream of one session; stops when dropped or told to.
#[derive(Clone)]
pub struct Live(Rc<RefCell<Connection>>, App);

impl Live {
    /// Connects and stays connected.
    #[must_use]
    pub fn start(app: App) -> Live {
        let live = Live(
            Rc::new(RefCell::new(Connection {
                place: Place::default(),
                socket: None,
                last_heard: 0.0,
                tries: 0,
                flush_pending: false,
                stopped: false,
            })),
            app,
        );
        app.live.set(LiveState::Connecting);
        task::run(live.clone().keep_connected());
        live
    }

    /// Ends it for good: the person logged out.
    pub fn stop(&self) {
        self.0.borrow_mut().stopped = true;
        self.hang_up();
    }

    /// Tries at once.
    pub fn now(&self) {
        let store = self.1.live;
        if let LiveState::Lost { since, .. } = store.get_untracked() {
            store.set(LiveState::Lost {
                since,
                next: task::now(),
            });
        }
    }

    fn hang_up(&self) {
        if let Some(socket) = self.0.borrow_mut().socket.take() {
            drop(socket.close());
        }
    }

    async fn keep_connected(self) {
        let app = self.1;
        loop {
            self.talk().await;
            if self.0.borrow().stopped {
                return;
            }
            let now = task::now();
            let tries = {
                let mut connection = self.0.borrow_mut();
                connection.tries += 1;
                connection.tries
            };
            // A little disorder, so that not everybody comes back at the same moment.
            let pause = (500 << tries.min(6)).min(LONGEST_PAUSE_MS);
            let pause = f64::from(pause) * (0.75 + js_sys::Math::random() / 2.0);
            let since = match app.live.get_untracked() {
                LiveState::Lost { since, .. } => since,
                LiveState::Live | LiveState::Connecting => now,
            };
            app.live.set(LiveState::Lost {
                since,
                next: now + pause,
            });
            // The session may have ended while we were away.
            if tries > 1 {
                app.check_session().await;
            }
            while let LiveState::Lost { next, .. } = app.live.get_untracked() {
                let left = next - task::now();
                if left <= 0.0 || self.0.borrow().stopped {
                    break;
                }
                task::pause(left.min(500.0) as i32).await;
            }
        }
    }

    /// One connection, from open to close.
    async fn talk(&self) {
        let Ok(location) = window().location().host() else {
            return;
        };
        let scheme = if window()
            .location()
            .protocol()
            .is_ok_and(|protocol| protocol == "http:")
        {
            "ws://"
        } else {
            "wss://"
        };
        let url = [scheme, &location, PATH].concat();
        let Ok(socket) = web_sys::WebSocket::new_with_str(&url, PROTOCOL) else {
            return;
        };
        self.0.borrow_mut().socket = Some(socket.clone());
        self.0.borrow_mut().last_heard = task::now();

        let this = self.clone();
        let on_message = Closure::<dyn FnMut(web_sys::MessageEvent)>::new(
            move |event: web_sys::MessageEvent| this.frame(&event),
        );
        let opened = socket.clone();
        let this = self.clone();
        let on_open = Closure::<dyn FnMut()>::new(move || {
            drop(opened.send_with_str(&write(&this.0.borrow().place.hello())));
        });
        let closing = socket.clone();
        let closed = js_sys::Promise::new(&mut |done, _| closing.set_onclose(Some(&done)));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));

        let watch = self.clone();
        let watched = socket.clone();
        task::run(async move {
            // A connection that says nothing is dead, whatever the browser thinks.
            while watched.ready_state() <= web_sys::WebSocket::OPEN {
                task::pause(5_000).await;
                if task::now() - watch.0.borrow().last_heard > SILENCE_MS {
                    drop(watched.close());
                    return;
                }
            }
        });
        let _: Result<JsValue, JsValue> = wasm_bindgen_futures::JsFuture::from(closed).await;
        socket.set_onmessage(None);
        socket.set_onopen(None);
        socket.set_onclose(None);
        self.0.borrow_mut().socket = None;
    }

    fn frame(&self, event: &web_sys::MessageEvent) {
        let app = self.1;
        let now = task::now();
        let Some(text) = event.data().as_string() else {
            return;
        };
        let Some(frame) = read(&text) else {
            return;
        };
        let heard = {
            let mut connection = self.0.borrow_mut();
            connection.last_heard = now;
            connection.place.hear(frame, app.store, now)
        };
        match heard {
            Heard::Nothing => {}
            Heard::UpToDate => self.up_to_date(),
            Heard::Complete => {
                self.up_to_date();
                task::run(async move {
                    if let Ok(events) = crate::client::events::newest(200, "").await {
                        app.store.add_events(events.iter());
                    }
                });
            }
            Heard::Again => self.hang_up(),
        }
        self.flush_soon();
    }

    fn up_to_date(&self) {
        self.0.borrow_mut().tries = 0;
        if self.1.live.get_untracked() != LiveState::Live {
            self.1.live.set(LiveState::Live);
        }
    }

    /// Lists hear of changes once a frame, however many there were; a hidden page a few times a second.
    fn flush_soon(&self) {
        if std::mem::replace(&mut self.0.borrow_mut().flush_pending, true) {
            return;
        }
        let this = self.clone();
        let flush = move || {
            this.0.borrow_mut().flush_pending = false;
            this.1.store.flush();
        };
        if document().hidden() {
            set_timeout(flush, std::time::Duration::from_millis(250));
        } else {
            request_animation_frame(flush);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vm(id: &str, name: &str) -> Value {
        json!({ "kind": "vm", "id": id, "data": { "name": name, "status": "down" } })
    }

    fn hear(place: &mut Place, store: &Store, frame: Value) -> Heard {
        place.hear(read(&frame.to_string()).unwrap(), store, 0.0)
    }

    fn snapshot(epoch: &str, revision: u64, resources: &[Value], done: bool) -> Value {
        json!({ "type": "snapshot", "epoch": epoch, "revision": revision, "resources": resources, "done": done })
    }

    fn resume(place: &Place) -> Value {
        serde_json::from_str::<Value>(&write(&place.hello())).unwrap()["resume"].clone()
    }

    #[test]
    fn a_snapshot_in_parts_is_complete_only_at_its_end() {
        let (store, mut place) = (Store::default(), Place::default());
        assert_eq!(
            hear(&mut place, &store, snapshot("e", 7, &[vm("1", "a")], false)),
            Heard::Nothing
        );
        assert_eq!(
            hear(&mut place, &store, json!({"type": "ping"})),
            Heard::Nothing
        );
        assert_eq!(
            resume(&place),
            Value::Null,
            "half a snapshot cannot be taken up"
        );
        assert_eq!(
            hear(&mut place, &store, snapshot("e", 7, &[vm("2", "b")], true)),
            Heard::Complete
        );
        assert_eq!(store.vms.peek_all().len(), 2);
        assert_eq!(resume(&place), json!({"epoch": "e", "revision": 7}));
    }

    #[test]
    fn changes_move_the_place_and_the_store() {
        let (store, mut place) = (Store::default(), Place::default());
        hear(
            &mut place,
            &store,
            snapshot("e", 1, &[vm("1", "a"), vm("2", "b")], true),
        );
        assert_eq!(
            hear(
                &mut place,
                &store,
                json!({"type": "changed", "revision": 2, "resource": vm("1", "z")})
            ),
            Heard::UpToDate
        );
        hear(
            &mut place,
            &store,
            json!({"type": "removed", "revision": 3, "kind": "vm", "id": "2"}),
        );
        hear(
            &mut place,
            &store,
            json!({"type": "event", "revision": 4, "event": {"id": "9", "description": "x"}}),
        );
        assert_eq!(store.vms.peek("1").unwrap().name, "z");
        assert!(store.vms.peek("2").is_none());
        assert_eq!(store.events(5, |_| true).len(), 1);
        assert_eq!(resume(&place)["revision"], 4);
    }

    #[test]
    fn a_second_snapshot_removes_what_was_deleted_meanwhile() {
        let (store, mut place) = (Store::default(), Place::default());
        hear(
            &mut place,
            &store,
            snapshot("e", 1, &[vm("1", "a"), vm("2", "b")], true),
        );
        assert_eq!(
            hear(&mut place, &store, json!({"type": "resync"})),
            Heard::Again
        );
        assert_eq!(resume(&place), Value::Null);
        hear(&mut place, &store, snapshot("f", 1, &[vm("2", "b")], true));
        assert!(store.vms.peek("1").is_none());
        assert!(store.vms.peek("2").is_some());
    }

    #[test]
    fn what_the_gateway_writes_is_read_back_whole() {
        let everything = Resource {
            kind: Kind::Host,
            id: "h".into(),
            data: json!({"name": "a"}),
            offers: [
                ("start".to_owned(), Offer::allowed()),
                ("stop".to_owned(), Offer::refused("It is off.")),
            ]
            .into(),
            extra: Extra {
                cpu_percent: Some(1.5),
                memory_bytes: Some(1),
                uptime_s: Some(2),
                consoles: Some(vec!["ana".into()]),
                acceleration: Some("kvm".into()),
                acceleration_reason: Some("it ran".into()),
                memory_used_bytes: Some(3),
                memory_total_bytes: Some(4),
                pool: Some(PoolFigures {
                    running: 5,
                    mine: 1,
                    maintenance: true,
                    ..PoolFigures::default()
                }),
                ..Extra::default()
            },
        };
        let kinds = [
            Kind::Vm,
            Kind::Host,
            Kind::Cluster,
            Kind::DataCenter,
            Kind::StorageDomain,
            Kind::Disk,
            Kind::Template,
            Kind::Network,
            Kind::VnicProfile,
            Kind::User,
            Kind::Group,
            Kind::Role,
            Kind::Permission,
            Kind::Job,
            Kind::Tag,
            Kind::Snapshot,
            Kind::Pool,
            Kind::InstanceType,
        ];
        let mut frames = vec![
            ToPage::Snapshot {
                epoch: "e".into(),
                revision: 1,
                resources: vec![everything.clone()],
                done: true,
            },
            ToPage::Changed {
                revision: 2,
                resource: everything.into(),
            },
            ToPage::Event {
                revision: 3,
                event: json!({"id": "1"}),
            },
            ToPage::Resync,
            ToPage::Ping,
        ];
        frames.extend(kinds.map(|kind| ToPage::Removed {
            revision: 4,
            kind,
            id: "x".into(),
        }));
        for frame in frames {
            assert_eq!(read(&serde_json::to_string(&frame).unwrap()), Some(frame));
        }
        let hello = ToServer::Hello {
            resume: Some(Position {
                epoch: "e".into(),
                revision: 7,
            }),
        };
        assert_eq!(
            serde_json::from_str::<ToServer>(&write(&hello)).unwrap(),
            hello
        );
    }

    #[test]
    fn a_broken_frame_is_passed_over() {
        for text in [
            "",
            "[]",
            "{\"type\":\"changed\"}",
            "{\"type\":\"snapshot\",\"epoch\":1}",
            "{\"type\":7}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_ping_after_taking_up_says_that_nothing_was_missed() {
        let (store, mut place) = (Store::default(), Place::default());
        hear(&mut place, &store, snapshot("e", 1, &[], true));
        assert_eq!(
            hear(&mut place, &store, json!({"type": "ping"})),
            Heard::UpToDate
        );
    }
}
