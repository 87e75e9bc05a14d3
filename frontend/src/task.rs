//! Work that outlives the page it was begun on. The one door to `spawn_local`:
//! what runs here may touch only signals of `App`, or a page's by their `try_` forms.

use std::future::Future;
use wasm_bindgen::{JsCast, JsValue};

/// Runs it to its end.
pub fn run(work: impl Future<Output = ()> + 'static) {
    leptos::task::spawn_local(work);
}

/// Waits; used between tries and between questions the API has no stream for.
pub async fn pause(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |done, _| {
        drop(
            leptos::prelude::window().set_timeout_with_callback_and_timeout_and_arguments_0(
                done.unchecked_ref(),
                milliseconds,
            ),
        );
    });
    let _: Result<JsValue, JsValue> = wasm_bindgen_futures::JsFuture::from(promise).await;
}

/// Milliseconds since 1970.
#[must_use]
pub fn now() -> f64 {
    js_sys::Date::now()
}
