//! SPICE_MSG_DISPLAY_DRAW_TEXT: glyphs, through which a brush is laid over the surface.

use super::combine::{over, share};
use super::rop::Rop2;
use super::{Paint, Target, fill, region};
use crate::message::text::{Depth, Glyph};
use crate::message::types::{Point, Rect};
use crate::pixels::Pixel;
use crate::surface::Format;

/// Strings wider or higher than this the server does not draw.
const MAX_SIDE: u32 = 0x7ffe;

/// Fills `back_area`, which is within the box, with the back brush.
pub fn text_background(target: &mut Target<'_>, back_area: Rect, back: &Paint) {
    if !back_area.is_empty() {
        target.within(back_area, |target| fill(target, back, Rop2::COPY));
    }
}

/// Lays the brush over the target wherever glyphs are.
pub fn text(target: &mut Target<'_>, depth: Depth, glyphs: &[Glyph<'_>], fore: &Paint) {
    let Some(first) = glyphs.first() else {
        return;
    };
    let string = glyphs
        .iter()
        .fold(first.bounds(), |all, glyph| union(all, glyph.bounds()));
    if string.width() > MAX_SIDE || string.height() > MAX_SIDE {
        return;
    }
    let format = target.surface.format();
    let fore = match fore {
        Paint::None => return,
        Paint::Colour(colour) => Paint::Colour(solid(*colour, format)),
        // Patterns are repeated from where the string begins.
        Paint::Pattern {
            picture,
            origin,
            unused,
        } => Paint::Pattern {
            picture: picture.clone(),
            origin: Point {
                x: origin.x.saturating_add(string.left),
                y: origin.y.saturating_add(string.top),
            },
            unused: *unused,
        },
    };
    let area = string.intersect(&region::around(target.region()));
    if area.is_empty() {
        return;
    }
    let coverage = coverage(depth, glyphs, &area);
    let width = area.width() as usize;
    let mut painted: Vec<Pixel> = Vec::new();
    target.within(area, |target| {
        target.runs(false, |x, y, run| {
            let row = (y - area.top) as usize * width + (x - area.left) as usize;
            let row = coverage.get(row..row + run.len()).unwrap_or_default();
            painted.resize(run.len(), [0; 4]);
            fore.row_over(x, y, format, &mut painted);
            for ((dest, source), cover) in run.iter_mut().zip(&painted).zip(row) {
                if *cover != 0 {
                    let source = source.map(|value| share(value, *cover));
                    *dest = over(source, format.as_seen(*dest));
                    format.forget_unused(core::slice::from_mut(dest));
                }
            }
        });
    });
}

/// The smallest rectangle around both, empty ones too: a glyph without pixels has its place.
fn union(a: Rect, b: Rect) -> Rect {
    Rect {
        top: a.top.min(b.top),
        left: a.left.min(b.left),
        bottom: a.bottom.max(b.bottom),
        right: a.right.max(b.right),
    }
}

/// A colour as text is painted with it: on surfaces of 16 bits the server takes five bits for
/// each colour, even where green has six.
fn solid(colour: Pixel, format: Format) -> Pixel {
    let [r, g, b, _] = colour;
    match format {
        Format::Rgb565 => {
            let bits = u32::from(r >> 3) << 11 | u32::from(g >> 2) << 5 | u32::from(b >> 3);
            Format::Rgb555.colour(bits)
        }
        _ => [r, g, b, 255],
    }
}

/// How much of each pixel of `area` the glyphs cover.
fn coverage(depth: Depth, glyphs: &[Glyph<'_>], area: &Rect) -> Vec<u8> {
    let width = area.width() as usize;
    let mut coverage = vec![0; width * area.height() as usize];
    for glyph in glyphs {
        let bounds = glyph.bounds();
        let seen = bounds.intersect(area);
        let row_bytes = depth.row_bytes(glyph.width);
        if seen.is_empty() || row_bytes == 0 {
            continue;
        }
        // The lowest row comes first.
        let rows = glyph.data.rchunks_exact(row_bytes);
        let skip = seen.top.abs_diff(bounds.top) as usize;
        let from = seen.left.abs_diff(bounds.left) as usize;
        let count = seen.width() as usize;
        let mut place =
            seen.top.abs_diff(area.top) as usize * width + seen.left.abs_diff(area.left) as usize;
        for row in rows.skip(skip).take(seen.height() as usize) {
            if let Some(out) = coverage.get_mut(place..place + count) {
                cover(depth, row, from, out);
            }
            place += width;
        }
    }
    coverage
}

/// Adds columns of a glyph's row, from `from` on.
fn cover(depth: Depth, row: &[u8], from: usize, out: &mut [u8]) {
    let at = |index: usize| row.get(index).copied().unwrap_or_default();
    for (x, out) in (from..).zip(out) {
        match depth {
            Depth::One => {
                if at(x / 8) << (x % 8) & 0x80 != 0 {
                    *out = 255;
                }
            }
            Depth::Four if x.is_multiple_of(2) => *out = (*out).max(at(x / 2) & 0xf0),
            // Where glyphs overlap the server looks at both halves of the byte.
            Depth::Four if at(x / 2) & 0xf0 != 0 => *out = at(x / 2) << 4,
            Depth::Four => *out = (*out).max(at(x / 2) << 4),
            Depth::Eight => *out = (*out).max(at(x)),
        }
    }
}
