//! The console's worker: the only program that speaks SPICE in the browser. It owns the sockets,
//! the decoding and the canvas; the page's main thread only hands it what the person does.
//!
//! Here is the wiring to the browser: messages, animation frames, timers. What is done with them
//! is in [`console`].

mod console;
mod figures;
mod line;
mod paint;
mod video;
mod webcodecs;

use std::cell::{Cell, RefCell};

use console::{Console, Step, Wanted};
use console_worker::{FromWorker, Message, Phase, ToWorker, socket};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

thread_local! {
    static CONSOLE: RefCell<Option<Console>> = const { RefCell::new(None) };
    static TIMER: Cell<Option<i32>> = const { Cell::new(None) };
    /// [`Step::Work`] is on its way.
    static WORKING: Cell<bool> = const { Cell::new(false) };
    static CALLS: Calls = Calls::new();
}

/// The callbacks that the browser keeps as long as the worker lives.
struct Calls {
    message: Closure<dyn FnMut(MessageEvent)>,
    frame: Closure<dyn FnMut()>,
    timer: Closure<dyn FnMut()>,
    second: Closure<dyn FnMut()>,
    work: Closure<dyn FnMut()>,
    /// A message through it comes after all that has happened already. (A timer would come after
    /// 4 ms.)
    turn: Option<MessageChannel>,
}

impl Calls {
    fn new() -> Self {
        Self {
            message: Closure::new(|event: MessageEvent| {
                if let Some(message) = ToWorker::decode(&event.data()) {
                    step(Step::Page(message));
                }
            }),
            frame: Closure::new(|| step(Step::Frame)),
            timer: Closure::new(|| step(Step::Timer)),
            second: Closure::new(|| step(Step::Second)),
            work: Closure::new(|| step(Step::Work)),
            turn: MessageChannel::new().ok(),
        }
    }
}

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        // Plain words for the person; the place for whoever mends it. The module is dead after this.
        post(&FromWorker::State {
            phase: Phase::Closed,
            code: 0,
            reason: format!("The console stopped because of a fault in Saffron ({panic})."),
        });
    }));
    CONSOLE.with_borrow_mut(|console| *console = Some(Console::new()));
    CALLS.with(|calls| {
        if let Some(turn) = &calls.turn {
            turn.port1()
                .set_onmessage(Some(calls.work.as_ref().unchecked_ref()));
        }
        scope().set_onmessage(Some(calls.message.as_ref().unchecked_ref()));
        let second = calls.second.as_ref().unchecked_ref();
        // Without it there are no figures of the last second, and no probes of a silent channel.
        let _ = scope().set_interval_with_callback_and_timeout_and_arguments_0(second, 1000);
    });
    spawn_local(async { step(Step::Able(video::Able::ask().await)) });
}

/// What a socket reports; the address of this function is its callback.
fn socket_reported(input: socket::Input) {
    step(Step::Socket(input));
}

fn step(step: Step) {
    if matches!(step, Step::Work) {
        WORKING.set(false);
    }
    let wanted = CONSOLE.with_borrow_mut(|console| console.as_mut().map(|c| c.step(step)));
    if let Some(wanted) = wanted {
        arrange(wanted);
    }
}

fn arrange(wanted: Wanted) {
    if wanted.frame {
        let asked = CALLS
            .with(|calls| scope().request_animation_frame(calls.frame.as_ref().unchecked_ref()));
        if asked.is_err() {
            // Workers of older browsers have no animation frames; 16 ms is one at 60 Hz.
            CALLS.with(|calls| timeout(&calls.frame, 16));
        }
    }
    if wanted.work && !WORKING.replace(true) {
        let sent = CALLS.with(|calls| match &calls.turn {
            Some(turn) => turn.port2().post_message(&JsValue::NULL).is_ok(),
            None => false,
        });
        if !sent {
            CALLS.with(|calls| timeout(&calls.work, 0));
        }
    }
    if let Some(pause) = wanted.timer_ms {
        if let Some(old) = TIMER.take() {
            scope().clear_timeout_with_handle(old);
        }
        TIMER.set(CALLS.with(|calls| timeout(&calls.timer, pause)));
    }
    if let Some(canvas) = wanted.picture {
        spawn_local(async {
            let png = paint::png(canvas).await.unwrap_or_default();
            post(&FromWorker::Picture(png));
        });
    }
    if wanted.end {
        scope().close();
    }
}

fn timeout(call: &Closure<dyn FnMut()>, pause_ms: i32) -> Option<i32> {
    scope()
        .set_timeout_with_callback_and_timeout_and_arguments_0(
            call.as_ref().unchecked_ref(),
            pause_ms,
        )
        .ok()
}

/// Tells the page something.
fn post(message: &FromWorker) {
    // Fails only for values that cannot be cloned; ours are plain data.
    let _ = scope().post_message(&message.encode());
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Time since the worker began.
mod clock {
    use std::cell::OnceCell;
    use web_sys::Performance;

    thread_local! {
        static PERFORMANCE: OnceCell<Option<Performance>> = const { OnceCell::new() };
    }

    /// Milliseconds since the worker began, never backwards; 0 where the browser has no clock of that kind.
    pub fn now_ms() -> f64 {
        PERFORMANCE.with(|cell| {
            cell.get_or_init(|| super::scope().performance())
                .as_ref()
                .map_or(0.0, Performance::now)
        })
    }

    /// The same in microseconds.
    pub fn now_us() -> u64 {
        (now_ms() * 1000.0) as u64
    }

    /// `performance.timeOrigin`: when the worker began, in milliseconds since 1970.
    pub fn origin_ms() -> f64 {
        PERFORMANCE.with(|cell| {
            cell.get_or_init(|| super::scope().performance())
                .as_ref()
                .map_or(0.0, Performance::time_origin)
        })
    }
}
