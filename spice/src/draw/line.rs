//! Lines one pixel wide: which pixels lie on them. Bresenham's, with ties broken as the X server
//! does, whose code the SPICE server draws with. The last pixel is not drawn.

use crate::Error;
use crate::message::types::{Point, Rect};

/// The most pixels that may be looked at for the lines of one message.
const MAX_STEPS: u64 = 1 << 24;

/// How much more may be drawn for a message.
#[derive(Debug)]
pub(super) struct Budget {
    left: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_STEPS }
    }
}

impl Budget {
    /// Takes some of it.
    pub(super) fn take(&mut self, steps: u64) -> Result<(), Error> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::limit("pixels of a stroke", steps, self.left)),
        }
    }
}

/// A piece of a row: columns `left` up to `right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) y: i32,
    pub(super) left: i32,
    pub(super) right: i32,
}

/// Calls `draw` with the pixels from one point up to, not including, the other; those outside
/// `within` are left out.
pub(super) fn line(
    from: Point,
    to: Point,
    within: &Rect,
    budget: &mut Budget,
    mut draw: impl FnMut(Span),
) -> Result<(), Error> {
    let (dx, dy) = (
        i64::from(to.x) - i64::from(from.x),
        i64::from(to.y) - i64::from(from.y),
    );
    let steep = dx.abs() <= dy.abs();
    let along = |point: Point, rect_from: (i32, i32), rect_to: (i32, i32)| {
        if steep {
            (
                i64::from(point.y),
                i64::from(rect_from.1),
                i64::from(rect_to.1),
            )
        } else {
            (
                i64::from(point.x),
                i64::from(rect_from.0),
                i64::from(rect_to.0),
            )
        }
    };
    let (start, first, end) = along(
        from,
        (within.left, within.top),
        (within.right, within.bottom),
    );
    let (major, minor) = if steep { (dy, dx) } else { (dx, dy) };
    let length = major.abs();
    // Which steps lie within, in the direction of the line's own length.
    let (low, high) = if major >= 0 {
        (first - start, end - start)
    } else {
        (start - end + 1, start - first + 1)
    };
    let (low, high) = (low.max(0), high.min(length));
    if low >= high {
        return Ok(());
    }
    budget.take((high - low) as u64)?;
    // On a tie lines of the upper left half go straight on.
    let bias = i64::from(match (steep, dx < 0, dy < 0) {
        (false, leftwards, _) => leftwards,
        (true, _, upwards) => upwards,
    });
    let (double, minor_step) = (2 * minor.abs(), minor.signum());
    let aside = |step: i64| (double * step + length - bias).div_euclid(2 * length);
    let mut error = double * low + length - bias - 2 * length * aside(low);
    let mut side = aside(low);
    let mut run: Option<Span> = None;
    for step in low..high {
        let major_at = start + major.signum() * step;
        if steep {
            let x = i64::from(from.x) + minor_step * side;
            let (x, y) = (x as i32, major_at as i32);
            draw(Span {
                y,
                left: x,
                right: x.saturating_add(1),
            });
        } else {
            let y = (i64::from(from.y) + minor_step * side) as i32;
            let x = major_at as i32;
            match &mut run {
                Some(run) if run.y == y => {
                    run.left = run.left.min(x);
                    run.right = run.right.max(x.saturating_add(1));
                }
                _ => {
                    let new = Span {
                        y,
                        left: x,
                        right: x.saturating_add(1),
                    };
                    if let Some(done) = run.replace(new) {
                        draw(done);
                    }
                }
            }
        }
        error += double;
        if error >= 2 * length {
            error -= 2 * length;
            side += 1;
        }
    }
    if let Some(done) = run {
        draw(done);
    }
    Ok(())
}
