//! What the page offers to scripts of its own origin as `window.saffron`: `statistics()`, a promise
//! of what the overlay shows, as one plain object; and `picture()`, a promise of the exact current
//! picture as the bytes of a PNG file. On `saffron view` always; on the portals' consoles only when
//! the address says `?test`, for there it is the test suite's.

use console_worker::{Phase, Statistics};
use js_sys::{Array, Object, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use super::session::Session;

/// The name in `window`.
const NAME: &str = "saffron";

/// The offer, while it stands.
struct Offer {
    _picture: Closure<dyn FnMut() -> Promise>,
    _statistics: Closure<dyn FnMut() -> Promise>,
}

/// See the file's head.
#[derive(Clone, Copy)]
pub struct Script(StoredValue<Option<Offer>, LocalStorage>);

impl Script {
    /// Makes the offer, where there is to be one.
    pub fn offer(session: Session) -> Option<Self> {
        if session.guest.machine().is_some() && !is_test() {
            return None;
        }
        let picture = Closure::<dyn FnMut() -> Promise>::new(move || {
            Promise::new(&mut |resolve, _| session.picture(resolve))
        });
        let statistics = Closure::<dyn FnMut() -> Promise>::new(move || {
            Promise::new(&mut |resolve, _| session.figures(resolve))
        });
        let offer = Object::new();
        set(&offer, "picture", picture.as_ref().clone());
        set(&offer, "statistics", statistics.as_ref().clone());
        let _ = Reflect::set(&window(), &NAME.into(), &offer);
        Some(Self(StoredValue::new_local(Some(Offer {
            _picture: picture,
            _statistics: statistics,
        }))))
    }

    /// Takes the offer back: the console closes.
    pub fn withdraw(self) {
        let _ = Reflect::delete_property(&window(), &NAME.into());
        self.0.try_update_value(|offer| drop(offer.take()));
    }
}

/// Whether the address has the word `test` in its query.
fn is_test() -> bool {
    let query = window().location().search().unwrap_or_default();
    query
        .trim_start_matches('?')
        .split('&')
        .any(|part| part == "test" || part.starts_with("test="))
}

fn set(object: &Object, name: &str, value: JsValue) {
    let _ = Reflect::set(object, &name.into(), &value);
}

fn maybe(number: Option<f64>) -> JsValue {
    number.map_or(JsValue::NULL, JsValue::from)
}

/// What scripts see: how the console stands, and the worker's figures as far as there are any.
pub fn object(session: Session, figures: Option<&Statistics>) -> JsValue {
    let object = Object::new();
    if let Some(state) = session.state.try_get_untracked() {
        let phase = match state.phase {
            Phase::Connecting => "connecting",
            Phase::Connected => "connected",
            Phase::Reconnecting => "reconnecting",
            Phase::Waiting => "waiting",
            Phase::Closed => "closed",
        };
        set(&object, "phase", phase.into());
        set(&object, "reason", state.reason.into());
    }
    let (width, height) = session.size.try_get_untracked().unwrap_or_default();
    set(&object, "width", width.into());
    set(&object, "height", height.into());
    let client = session.client_mouse.try_get_untracked().unwrap_or(true);
    set(&object, "clientMouse", client.into());
    let preset = session.preset.try_get_untracked().unwrap_or_default();
    set(&object, "preset", preset.name().into());
    if let Some(quality) = session.try_quality() {
        set(&object, "quality", quality.sentence().into());
    }
    let none = Statistics::default();
    fill(&object, figures.unwrap_or(&none), time_origin());
    object.into()
}

/// `performance.timeOrigin`: what the page's own moments are counted from.
fn time_origin() -> f64 {
    window()
        .performance()
        .map_or(0.0, |clock| clock.time_origin())
}

/// A moment of the worker on the page's clock.
fn on_page(moment: Option<f64>, worker_origin: f64, page_origin: f64) -> Option<f64> {
    moment.map(|moment| moment + worker_origin - page_origin)
}

fn fill(object: &Object, now: &Statistics, page_origin: f64) {
    let moment = |moment| maybe(on_page(moment, now.time_origin_ms, page_origin));
    let text = |text: Option<&str>| text.map_or(JsValue::NULL, JsValue::from);
    let frames = Object::new();
    set(&frames, "received", now.stream_frames.received.into());
    set(&frames, "shown", now.stream_frames.shown.into());
    set(&frames, "dropped", now.stream_frames.dropped.into());
    for (name, value) in [
        ("messages", counts(&now.messages)),
        ("displayMessages", now.display_messages.into()),
        ("images", counts(&now.images)),
        ("streamFrames", frames.into()),
        ("framesPainted", now.frames_painted.into()),
        ("connectMs", moment(now.connect_ms)),
        ("firstPaintMs", moment(now.first_paint_ms)),
        ("lastPaintMs", moment(now.last_paint_ms)),
        ("lagMs", maybe(now.lag_ms)),
        ("roundTripMs", maybe(now.round_trip_ms)),
        ("bytesReceived", now.bytes_received.into()),
        ("bytesSent", now.bytes_sent.into()),
        ("bitsPerSecond", now.bits_per_second.into()),
        ("decodeMs", now.decode_ms.into()),
        ("paintMs", now.paint_ms.into()),
        ("frameMs", maybe(now.frame_ms)),
        ("codec", text(now.codec.as_deref())),
        ("decoder", text(now.decoder.map(|decoder| decoder.name()))),
        ("channels", channels(now)),
        ("monitors", monitors(now)),
        ("surfaces", now.surfaces.into()),
        ("imageCacheBytes", now.image_cache_bytes.into()),
        ("errors", now.errors.into()),
        ("errorsByKind", counts(&now.errors_by_kind)),
        ("lastError", now.last_error.as_str().into()),
        ("connections", now.connections.into()),
        ("preferences", now.preferences.as_str().into()),
    ] {
        set(object, name, value);
    }
}

fn counts(counts: &[(String, f64)]) -> JsValue {
    let object = Object::new();
    for (name, count) in counts {
        set(&object, name, (*count).into());
    }
    object.into()
}

fn channels(now: &Statistics) -> JsValue {
    let list = now.channels.iter().map(|channel| {
        let object = Object::new();
        set(&object, "name", channel.name.as_str().into());
        set(&object, "bytes", channel.bytes.into());
        set(&object, "messages", channel.messages.into());
        set(&object, "state", channel.state.as_str().into());
        object
    });
    list.collect::<Array>().into()
}

fn monitors(now: &Statistics) -> JsValue {
    let list = now.monitors.iter().map(|monitor| {
        let object = Object::new();
        set(&object, "id", monitor.id.into());
        set(&object, "x", monitor.x.into());
        set(&object, "y", monitor.y.into());
        set(&object, "width", monitor.width.into());
        set(&object, "height", monitor.height.into());
        object
    });
    list.collect::<Array>().into()
}

#[cfg(test)]
mod tests {
    use super::on_page;

    #[test]
    fn the_workers_moments_are_told_on_the_pages_clock() {
        // The worker began 40 ms after the page did.
        assert_eq!(on_page(Some(10.0), 1_040.0, 1_000.0), Some(50.0));
        assert_eq!(on_page(None, 1_040.0, 1_000.0), None);
    }
}
