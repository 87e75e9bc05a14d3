//! The API over `fetch`, in JSON; one file per resource. The only place that
//! sends requests: pages call the functions here and get values or a `Fault`.

pub mod access;
pub mod disks;
pub mod events;
pub mod fault;
pub mod first_boot;
pub mod history;
pub mod hosts;
pub mod imports;
pub mod instance_types;
pub mod jobs;
pub mod networks;
pub mod pools;
pub mod session;
pub mod snapshots;
pub mod systems;
pub mod templates;
pub mod transfers;
pub mod view;
pub mod vms;

pub use fault::Fault;

use leptos::prelude::window;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// After so long a question is asked again, in milliseconds.
const AGAIN_MS: i32 = 400;

thread_local! {
    static FILTERED: Cell<bool> = const { Cell::new(false) };
    static ON_LOGGED_OUT: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// From now on, ask only for what the person's own permissions show.
pub fn set_filtered(filtered: bool) {
    FILTERED.with(|cell| cell.set(filtered));
}

/// What to do when an answer says that the session has ended.
pub fn on_logged_out(act: impl Fn() + 'static) {
    ON_LOGGED_OUT.with(|cell| *cell.borrow_mut() = Some(Box::new(act)));
}

/// A request in the making.
pub struct Call<'a> {
    method: &'static str,
    path: String,
    body: Option<&'a Value>,
    correlation: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// A request to this path, by this method.
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>) -> Call<'a> {
        Call {
            method,
            path: path.into(),
            body: None,
            correlation: None,
        }
    }

    /// With this document.
    #[must_use]
    pub fn body(mut self, body: &'a Value) -> Call<'a> {
        self.body = Some(body);
        self
    }

    /// Known by this id in events and jobs.
    #[must_use]
    pub fn correlation(mut self, id: &'a str) -> Call<'a> {
        self.correlation = Some(id);
        self
    }

    /// Sends it and reads the answer.
    pub async fn send(self) -> Result<Value, Fault> {
        let init = web_sys::RequestInit::new();
        init.set_method(self.method);
        let headers = headers()?;
        if let Some(body) = self.body {
            set(&headers, "Content-Type", "application/json")?;
            init.set_body(&JsValue::from_str(&body.to_string()));
        }
        if let Some(id) = self.correlation {
            set(&headers, "Correlation-Id", id)?;
        }
        init.set_headers_headers(&headers);
        let response = if self.method == "GET" {
            fetch_again(&self.path, &init).await?
        } else {
            fetch(&self.path, &init).await?
        };
        let status = response.status();
        let correlation = response.headers().get("Correlation-Id").ok().flatten();
        let text = read_text(&response).await;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if response.ok() {
            return Ok(value);
        }
        if status == 401 && !self.path.starts_with("/saffron/session") {
            ON_LOGGED_OUT.with(|cell| {
                if let Some(act) = &*cell.borrow() {
                    act();
                }
            });
        }
        Err(Fault::read(status, &value, correlation))
    }
}

/// An answer that is on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<Value, Fault>>>>;

/// Sends a request whose document it keeps until the answer is there.
pub fn request(method: &'static str, path: impl Into<String>, body: Option<Value>) -> Answer {
    let path = path.into();
    Box::pin(async move {
        let mut call = Call::new(method, path);
        if let Some(body) = &body {
            call = call.body(body);
        }
        call.send().await
    })
}

/// Headers every request has.
fn headers() -> Result<web_sys::Headers, Fault> {
    let headers = web_sys::Headers::new().map_err(|_| Fault::unsendable())?;
    set(&headers, "Accept", "application/json")?;
    set(&headers, "X-Saffron", "1")?;
    if FILTERED.with(Cell::get) {
        set(&headers, "Filter", "true")?;
    }
    Ok(headers)
}

fn set(headers: &web_sys::Headers, name: &str, value: &str) -> Result<(), Fault> {
    headers.set(name, value).map_err(|_| Fault::unsendable())
}

async fn fetch(path: &str, init: &web_sys::RequestInit) -> Result<web_sys::Response, Fault> {
    init.set_credentials(web_sys::RequestCredentials::SameOrigin);
    let answer = JsFuture::from(window().fetch_with_str_and_init(path, init))
        .await
        .map_err(|_| Fault::unreachable())?;
    answer.dyn_into().map_err(|_| Fault::unreachable())
}

/// Chromium aborts requests whenever a network interface comes or goes, as it
/// does on this very machine when a VM starts. Asking again changes nothing.
async fn fetch_again(path: &str, init: &web_sys::RequestInit) -> Result<web_sys::Response, Fault> {
    match fetch(path, init).await {
        Ok(answer) => Ok(answer),
        Err(_) => {
            crate::task::pause(AGAIN_MS).await;
            fetch(path, init).await
        }
    }
}

async fn read_text(response: &web_sys::Response) -> String {
    match response.text() {
        Ok(promise) => JsFuture::from(promise)
            .await
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// An id for a request's `Correlation-Id`.
#[must_use]
pub fn correlation_id() -> String {
    let mut id = String::from("portal-");
    for _ in 0..12 {
        let digit = (js_sys::Math::random() * 16.0) as u32 & 15;
        id.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
    id
}
