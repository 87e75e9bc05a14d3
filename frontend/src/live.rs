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
use api::live::{PATH, PROTOCOL, Position, Resource, ToPage, ToServer};
use leptos::prelude::*;
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
            if let Ok(hello) = serde_json::to_string(&this.0.borrow().place.hello()) {
                drop(opened.send_with_str(&hello));
            }
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
        let Ok(frame) = serde_json::from_str::<ToPage>(&text) else {
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
    use serde_json::{Value, json};

    fn vm(id: &str, name: &str) -> Value {
        json!({ "kind": "vm", "id": id, "data": { "name": name, "status": "down" } })
    }

    fn hear(place: &mut Place, store: &Store, frame: Value) -> Heard {
        place.hear(serde_json::from_value(frame).unwrap(), store, 0.0)
    }

    fn snapshot(epoch: &str, revision: u64, resources: &[Value], done: bool) -> Value {
        json!({ "type": "snapshot", "epoch": epoch, "revision": revision, "resources": resources, "done": done })
    }

    fn resume(place: &Place) -> Value {
        serde_json::to_value(place.hello()).unwrap()["resume"].clone()
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
    fn a_ping_after_taking_up_says_that_nothing_was_missed() {
        let (store, mut place) = (Store::default(), Place::default());
        hear(&mut place, &store, snapshot("e", 1, &[], true));
        assert_eq!(
            hear(&mut place, &store, json!({"type": "ping"})),
            Heard::UpToDate
        );
    }
}
