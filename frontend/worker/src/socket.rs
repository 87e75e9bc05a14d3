//! One WebSocket of one SPICE channel: opens, says who it is, hands on what comes.
//!
//! Knows nothing of SPICE. Its callbacks only pass an [`Input`] on; whoever owns it decides.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// What a socket reports. A socket is named by its serial number, because a channel's socket of
/// yesterday may still report after today's was made.
pub enum Input {
    /// It is open; the hello may go.
    Opened(u32),
    /// A binary message.
    Message(u32, Uint8Array),
    /// It is closed, for whatever reason.
    Closed {
        /// Which socket.
        serial: u32,
        /// The WebSocket close code.
        code: u16,
        /// The reason the gateway gave.
        reason: String,
    },
}

impl Input {
    /// Which socket it is about.
    pub const fn serial(&self) -> u32 {
        match self {
            Self::Opened(serial) | Self::Message(serial, _) | Self::Closed { serial, .. } => {
                *serial
            }
        }
    }
}

/// A socket and its callbacks; dropping it takes them off and closes it.
pub struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Begins to connect to `url`. Fails only when the browser refuses the address itself.
    pub fn open(
        url: &str,
        serial: u32,
        report: impl Fn(Input) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let socket = WebSocket::new_with_str(url, "console.v1")?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let told = report.clone();
        let open = Closure::<dyn FnMut()>::new(move || told(Input::Opened(serial)));
        let told = report.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // A text message is none of this protocol; the gateway sends none.
            if let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() {
                told(Input::Message(serial, Uint8Array::new(&buffer)));
            }
        });
        let close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            report(Input::Closed {
                serial,
                code: event.code(),
                reason: event.reason(),
            });
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _open: open,
            _message: message,
            _close: close,
        })
    }

    /// Sends one binary message. A socket that is closing swallows it; its close is reported.
    pub fn send(&self, bytes: &[u8]) {
        let _ = self.socket.send_with_u8_array(bytes);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
