//! What could not be drawn is marked: thin lines across the place, so that a person sees that the
//! picture is not right there, and still sees what is.

use super::{Display, note};
use crate::Error;
use crate::channel::Context;
use crate::draw::region::region;
use crate::message::display::{self, Base};
use crate::message::types::{Clip, Rect};
use crate::pixels::Pixel;
use crate::wire::Reader;

/// Lines lie so many pixels apart.
const APART: i32 = 12;
/// Their colour, which few guests use for anything.
const COLOUR: Pixel = [200, 47, 160, 255];

/// As many bytes of a drawing as are needed to mark its place.
pub(crate) const MARK_BYTES: u32 = 4 + 16 + 1;

/// The message is a drawing, and begins with where.
pub(crate) const fn is_drawing(kind: u16) -> bool {
    matches!(
        kind,
        display::COPY_BITS | display::DRAW_FILL
            ..=display::DRAW_ALPHA_BLEND | display::DRAW_COMPOSITE
    )
}

impl Display {
    /// Marks the place of a drawing that could not be done, as far as the message tells it.
    pub(crate) fn mark(&mut self, kind: u16, body: &[u8], context: &mut Context<'_>) {
        if !is_drawing(kind) {
            return;
        }
        // With a clip that cannot be read the box is marked.
        let reader = &mut Reader::new(body);
        let Ok(base) = Base::read(reader).or_else(|_| without_clip(body)) else {
            return;
        };
        let id = base.surface_id;
        let Some(surface) = self.surfaces.get_mut(&id) else {
            return;
        };
        let Ok(region) = region(&base.bounds, &base.clip, &surface.bounds()) else {
            return;
        };
        let mut line = [COLOUR];
        surface.format().settle(&mut line);
        let [colour] = line;
        for rect in &region {
            for y in rect.top..rect.bottom {
                // The same lines wherever the box is, so that marks side by side join.
                let first = (rect.left.saturating_add(y)).rem_euclid(APART);
                let run = surface.run_mut(y, rect.left, rect.right);
                let line = run.iter_mut().skip(((APART - first) % APART) as usize);
                line.step_by(APART as usize)
                    .for_each(|pixel| *pixel = colour);
            }
        }
        if self.primary == Some(id) {
            note(&mut self.damage, &region, context);
        }
    }
}

fn without_clip(body: &[u8]) -> Result<Base, Error> {
    let reader = &mut Reader::new(body);
    Ok(Base {
        surface_id: reader.u32("surface of a drawing")?,
        bounds: Rect::read(reader)?,
        clip: Clip::None,
    })
}
