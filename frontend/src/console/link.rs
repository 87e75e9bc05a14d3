//! The page's end of the line to the console's worker.

use console_worker::{FromWorker, Message, ToWorker};
use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, HtmlCanvasElement, MessageEvent, Worker, WorkerOptions, WorkerType};

/// A running worker; dropping it ends the worker and all its connections.
pub struct Link {
    worker: Worker,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Link {
    /// Starts a worker that paints on `canvas` (which can be given away once only) and connects to
    /// `url` with `ticket`. `script` is the address of its start script.
    ///
    /// Fails when the browser has no module workers or no `OffscreenCanvas`, or when the canvas
    /// was already used.
    pub fn start(
        script: &str,
        canvas: &HtmlCanvasElement,
        url: &str,
        ticket: &str,
        mut receive: impl FnMut(FromWorker) + 'static,
        mut died: impl FnMut(String) + 'static,
    ) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(script, &options)?;
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = FromWorker::decode(&event.data()) {
                receive(message);
            }
        });
        let error = Closure::<dyn FnMut(ErrorEvent)>::new(move |event: ErrorEvent| {
            died(event.message());
        });
        worker.set_onmessage(Some(message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(error.as_ref().unchecked_ref()));
        let canvas = canvas.transfer_control_to_offscreen()?;
        let init = ToWorker::Init {
            canvas: canvas.clone(),
            url: url.to_owned(),
            ticket: ticket.to_owned(),
        };
        worker.post_message_with_transfer(&init.encode(), &Array::of1(&canvas))?;
        Ok(Self {
            worker,
            _message: message,
            _error: error,
        })
    }

    /// Tells the worker something. A worker that died takes it silently.
    pub fn send(&self, message: &ToWorker) {
        let _ = self.worker.post_message(&message.encode());
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
