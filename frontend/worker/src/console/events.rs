//! What the session says, and what becomes of it.

use console_worker::{Cursor, FromWorker};
use spice::link::admission::Hello;
use spice::{ChannelRef, CursorEvent, Event, MouseMode, Severity, VideoEvent};

use super::{Console, Wanted};
use crate::post;

impl Console {
    pub(super) fn event(&mut self, event: Event, wanted: &mut Wanted) {
        match event {
            Event::OpenChannel {
                channel,
                connection_id,
                common_caps,
                channel_caps,
            } => {
                let Some(key) = self.keys.pop() else {
                    let problem = "The gateway gave too few channel keys.".to_owned();
                    post(&FromWorker::Problem(problem));
                    return;
                };
                let hello = Hello {
                    key,
                    channel_type: channel.kind,
                    channel_id: channel.id,
                    connection_id,
                    common_caps,
                    channel_caps,
                    window: 0,
                };
                self.open(channel, hello, wanted);
            }
            Event::Screen { width, height } => {
                if let Some(painter) = &mut self.painter {
                    painter.resize(width, height);
                }
                self.damaged = true;
                post(&FromWorker::Size { width, height });
            }
            Event::Damaged => self.damaged = true,
            Event::Video(event) => self.video_event(event),
            Event::MouseMode(mode) => {
                self.client_mouse = mode == MouseMode::Client;
                self.place_pointer();
                post(&FromWorker::MouseMode {
                    client: self.client_mouse,
                });
            }
            Event::Cursor(event) => self.cursor(event),
            Event::Problem(problem) => {
                self.trouble(format!(
                    "A message of the {} channel (number {}) could not be shown: {}.",
                    problem.channel.kind.name(),
                    problem.message,
                    problem.error
                ));
            }
            // Warnings are not for the person: every server warns that keys are not encrypted, also
            // where the gateway's TLS and a local socket carry them.
            Event::Notice {
                severity: Severity::Error,
                text,
            } => {
                self.trouble(format!("The machine's host says: {text}"));
            }
            Event::Notice { .. } => {}
            Event::Disconnecting { channel, .. } if channel == ChannelRef::MAIN => {
                self.lost(4503, "The machine's host ended the connection.", wanted);
            }
            Event::Migrating => self.lost(4503, "The machine moves to another host.", wanted),
            Event::ScreenReady => {
                self.ready = true;
                self.damaged = true;
            }
            Event::Monitors(monitors) => self.figures.set_monitors(&monitors),
            Event::ScreenGone
            | Event::Leds(_)
            | Event::Disconnecting { .. }
            | Event::Name(_)
            | Event::Uuid(_)
            | Event::Agent { .. } => {}
        }
    }

    fn video_event(&mut self, event: VideoEvent) {
        let Some(session) = &mut self.session else {
            return;
        };
        match event {
            VideoEvent::Frame(coded) => self.player.frame(coded, session),
            VideoEvent::Awaited => self.player.hurry = true,
            VideoEvent::Ended { stream } => self.player.ended(stream),
        }
    }

    fn trouble(&mut self, words: String) {
        words.clone_into(&mut self.figures.own.last_error);
        post(&FromWorker::Problem(words));
    }

    fn cursor(&mut self, event: CursorEvent) {
        match event {
            CursorEvent::Shape(shape) => {
                let rgba = shape.pixels.as_flattened();
                let (width, height) = (u32::from(shape.width), u32::from(shape.height));
                let (hot_x, hot_y) = (u32::from(shape.hot_x), u32::from(shape.hot_y));
                if let Some(painter) = &mut self.painter {
                    painter.set_sprite(rgba, width, height, hot_x, hot_y);
                }
                self.pointer_shown = true;
                let rgba = rgba.to_vec();
                post(&FromWorker::Cursor(Cursor::Shape {
                    width,
                    height,
                    hot_x,
                    hot_y,
                    rgba,
                }));
            }
            CursorEvent::Hidden => {
                self.pointer_shown = false;
                post(&FromWorker::Cursor(Cursor::Hidden));
            }
            CursorEvent::Moved { x, y } => self.pointer = (x.into(), y.into()),
        }
        self.place_pointer();
    }

    fn place_pointer(&mut self) {
        let ours = !self.client_mouse && self.pointer_shown;
        if let Some(painter) = &mut self.painter {
            painter.point(ours.then_some(self.pointer));
        }
    }
}
