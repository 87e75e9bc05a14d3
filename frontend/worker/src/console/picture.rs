//! When something is shown: video is taken from its decoders, and the canvas is painted.
//!
//! What changes after a pause is painted at once, for nobody wants to wait for a frame that could
//! have been shown already; what changes again soon after waits for the next animation frame, so
//! that all changes of one frame are painted once. In a hidden page there are no animation frames:
//! messages are dealt with all the same, and the changes wait as a few rectangles.

use console_worker::{FromWorker, Phase};
use spice::{ChannelRef, Session};

use super::{Console, FRAME_MS, Step, Wanted, text};
use crate::paint::{self, Area, Frame, Painter};
use crate::{clock, post};

impl Console {
    /// Something came from a decoder.
    pub(super) fn video(&mut self, step: Step) {
        let Some(session) = &mut self.session else {
            if let Step::Decoded { image, .. } = step {
                image.close();
            }
            return;
        };
        let mut copied = false;
        match step {
            Step::Decoded {
                stream,
                frame,
                image,
            } => self.player.decoded(stream, frame, image, session),
            Step::Undecodable(frame) => self.player.undecodable(frame, session),
            Step::Broken(stream) => self.player.broken(stream, session),
            Step::Flushed(stream) => self.player.flushed(stream, session),
            Step::Copied { frame, picture } => {
                let began = clock::now_ms();
                self.player.copied(frame, picture, session);
                self.figures.own.decode_ms += clock::now_ms() - began;
                copied = true;
            }
            _ => {}
        }
        // What waited for it can go on.
        if session.backlog(ChannelRef::DISPLAY) > 0 && !self.work_wanted {
            self.work();
        }
        // It was taken because something was to be shown now.
        if copied && !self.player.is_copying() {
            self.paint();
        }
    }

    /// Shows at once what is due, and wishes for an animation frame for the rest.
    pub(super) fn show(&mut self, wanted: &mut Wanted) {
        let last = self.figures.own.last_paint_ms;
        // An animation frame that was wished for and has not come will come, or nobody looks.
        let idle = !self.frame_wanted && last.is_none_or(|last| clock::now_ms() - last > FRAME_MS);
        if self.player.has_ready() && (self.player.hurry || self.picture_wanted || idle) {
            self.player.show();
        }
        let moved = self.painter.as_ref().is_some_and(Painter::pointer_moved);
        // While more is to come, painting would show half of it.
        if (self.damaged || moved) && idle && !self.work_wanted && !self.player.is_copying() {
            self.paint();
        }
        self.give_picture(wanted);
        let left = self.damaged || self.player.has_ready();
        if (left || moved) && !self.frame_wanted {
            self.frame_wanted = true;
            wanted.frame = true;
        }
    }

    /// An animation frame.
    pub(super) fn frame(&mut self) {
        self.frame_wanted = false;
        // Pictures that are still on their way since the last frame are not waited for again.
        let late = self.player.is_copying();
        self.player.show();
        // Else their pixels are here before the browser shows this frame, and are painted then.
        if late || !self.player.is_copying() {
            self.paint();
        }
    }

    fn paint(&mut self) {
        let (Some(session), Some(painter)) = (&mut self.session, &mut self.painter) else {
            return;
        };
        let started = clock::now_ms();
        self.damaged = false;
        self.changed.clear();
        session.take_damage(&mut self.changed);
        self.areas.clear();
        self.areas.extend(self.changed.iter().map(|rect| Area {
            left: rect.left.max(0) as u32,
            top: rect.top.max(0) as u32,
            right: rect.right.max(0) as u32,
            bottom: rect.bottom.max(0) as u32,
        }));
        let Some(frame) = frame(session) else { return };
        if self.areas.is_empty() && !self.ready && !painter.pointer_moved() {
            return;
        }
        if let Err(error) = painter.paint(frame, &self.areas) {
            post(&FromWorker::Problem(text(&error)));
        }
        let now = clock::now_ms();
        let figures = &mut self.figures.own;
        figures.paint_ms += now - started;
        if !self.areas.is_empty() {
            figures.frames_painted += 1.0;
            figures.last_paint_ms = Some(now);
        } else if !self.ready {
            return;
        }
        figures.first_paint_ms.get_or_insert(now);
        if self.phase != Phase::Connected {
            self.enter(Phase::Connected, 0, "");
        }
    }

    /// Gives the exact picture to who asked for it, once all video that came is in it.
    fn give_picture(&mut self, wanted: &mut Wanted) {
        if !self.picture_wanted || self.player.is_copying() || self.player.has_ready() {
            return;
        }
        self.picture_wanted = false;
        let picture = self.session.as_ref().and_then(frame);
        let canvas =
            picture.and_then(|frame| paint::sprite(frame.rgba, frame.width, frame.height).ok());
        match canvas {
            Some(canvas) => wanted.picture = Some(canvas),
            None => post(&FromWorker::Picture(Vec::new())),
        }
    }
}

fn frame(session: &Session) -> Option<Frame<'_>> {
    let screen = session.screen()?;
    Some(Frame {
        rgba: screen.pixels,
        width: screen.width,
        height: screen.height,
    })
}
