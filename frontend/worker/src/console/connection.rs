//! When the console connects, and what becomes of a connection that is lost.

use console_worker::inputs::{self, Greeting};
use console_worker::wish::Video;
use console_worker::{FromWorker, Phase};
use spice::link::ChannelType;
use spice::link::admission::{Hello, Key};
use spice::{ChannelRef, Config, Session, VideoCodec};

use super::{Console, PAUSES_MS, Wanted, text};
use crate::line::Line;
use crate::post;

impl Console {
    pub(super) fn connect(&mut self, ticket: &str, wanted: &mut Wanted) {
        let Some(able) = &self.able else {
            self.ticket = Some(ticket.to_owned());
            return;
        };
        let Some(key) = parse_key(ticket) else {
            self.close(4400, "The console ticket cannot be read.", wanted);
            return;
        };
        let codecs = able.codecs.iter().map(|(codec, _)| *codec).collect();
        self.drop_session();
        self.keys.push(key);
        let wish = self.weather.wish(self.figures.own.preset);
        // Its first event asks for the main channel, which takes that key.
        self.session = Some(Session::new(Config {
            codecs,
            video: wish.video != Video::None,
            preferences: self.preferences(wish),
            ..Config::default()
        }));
        self.tell_wish();
        self.figures.own.connections += 1.0;
        if self.phase == Phase::Waiting {
            self.enter(Phase::Reconnecting, 0, "");
        }
    }

    pub(super) fn open(&mut self, channel: ChannelRef, mut hello: Hello, wanted: &mut Wanted) {
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        if channel == ChannelRef::INPUTS {
            hello.window = inputs::WINDOW;
            self.inputs = Some(serial);
            post(&FromWorker::Inputs {
                serial,
                greeting: Greeting(hello.encode()),
            });
            return;
        }
        match Line::open(&self.url, serial, channel, hello) {
            Ok(line) => {
                self.lines.insert(serial, line);
            }
            Err(error) => self.close(0, &text(&error), wanted),
        }
    }

    pub(super) fn closed(&mut self, serial: u32, code: u16, reason: &str, wanted: &mut Wanted) {
        let Some(line) = self.lines.remove(&serial) else {
            return;
        };
        let channel = line.channel;
        self.closing.push(line);
        self.over(channel, code, reason, wanted);
    }

    /// A channel's connection is gone.
    pub(super) fn over(
        &mut self,
        channel: ChannelRef,
        code: u16,
        reason: &str,
        wanted: &mut Wanted,
    ) {
        let main = channel.kind == ChannelType::MAIN;
        let needed = main
            || matches!(
                channel.kind,
                ChannelType::DISPLAY | ChannelType::INPUTS | ChannelType::CURSOR
            );
        if matches!(code, 4401 | 4404) {
            self.close(code, reason, wanted);
        } else if needed {
            // Without its picture or its keys a console is of no use; one new session is simpler
            // and surer than a channel of its own, and the picture comes back whole.
            self.lost(code, reason, wanted);
        } else if let Some(session) = &mut self.session {
            session.closed(channel);
        }
    }

    /// A stream stands still for want of a key frame, which a new connection begins with. A codec
    /// that failed before is not asked for again.
    pub(super) fn begin_video_anew(&mut self, codec: VideoCodec, wanted: &mut Wanted) {
        if self.gave_up.contains(&codec)
            && let Some(able) = &mut self.able
        {
            able.codecs.retain(|(able, _)| *able != codec);
        }
        self.gave_up.push(codec);
        let reason = "This browser's video decoder gave up; the picture is fetched anew.";
        self.lost(0, reason, wanted);
    }

    /// The connection is gone, and is to come back.
    pub(super) fn lost(&mut self, code: u16, reason: &str, wanted: &mut Wanted) {
        if self.phase == Phase::Closed {
            return;
        }
        self.drop_session();
        let phase = match self.phase {
            Phase::Connecting => Phase::Connecting,
            _ => Phase::Reconnecting,
        };
        self.enter(phase, code, reason);
        let index = (self.attempts as usize).min(PAUSES_MS.len() - 1);
        self.attempts = self.attempts.saturating_add(1);
        wanted.timer_ms = PAUSES_MS.get(index).copied();
    }

    pub(super) fn timer(&mut self) {
        if self.phase != Phase::Closed && self.lines.is_empty() {
            self.ask();
        }
    }

    pub(super) fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            post(&FromWorker::NeedTicket);
        }
    }

    pub(super) fn close(&mut self, code: u16, reason: &str, wanted: &mut Wanted) {
        self.drop_session();
        self.enter(Phase::Closed, code, reason);
        wanted.end = code == 1000;
    }

    pub(super) fn drop_session(&mut self) {
        if let Some(session) = self.session.take() {
            self.figures.session_over(&session);
        }
        self.player.forget_all();
        self.closing
            .extend(std::mem::take(&mut self.lines).into_values());
        if self.inputs.take().is_some() {
            post(&FromWorker::NoInputs);
        }
        self.keys.clear();
        self.ticket = None;
        self.ready = false;
        self.damaged = false;
        self.pointer_shown = false;
        if let Some(painter) = &mut self.painter {
            painter.point(None);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, code: u16, reason: &str) {
        self.phase = phase;
        if phase == Phase::Connected {
            self.attempts = 0;
        }
        if !reason.is_empty() && phase != Phase::Connected {
            reason.clone_into(&mut self.figures.own.last_error);
        }
        post(&FromWorker::State {
            phase,
            code,
            reason: reason.to_owned(),
        });
    }
}

/// 64 hexadecimal digits.
fn parse_key(ticket: &str) -> Option<Key> {
    let digits = ticket.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let text = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(text, 16).ok()?;
    }
    Some(Key(key))
}
