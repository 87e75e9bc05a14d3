//! SPICE_MSG_DISPLAY_COPY_BITS: part of the surface moved to another place on it.

use super::{Target, region};
use crate::message::types::{Point, Rect};

/// Brings what lies at `from` to the target's box. What would come from outside the surface is
/// left as it is.
pub fn copy_bits(target: &mut Target<'_>, from: Point) {
    let dx = i64::from(from.x) - i64::from(target.bounds.left);
    let dy = i64::from(from.y) - i64::from(target.bounds.top);
    let bounds = target.surface.bounds();
    let moved = |rect: &Rect, sign: i64| {
        let edge = |edge: i32, by: i64| {
            (i64::from(edge) + sign * by).clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        Rect {
            top: edge(rect.top, dy),
            left: edge(rect.left, dx),
            bottom: edge(rect.bottom, dy),
            right: edge(rect.right, dx),
        }
    };
    let reachable = moved(&bounds, -1);
    target
        .region
        .iter_mut()
        .for_each(|rect| *rect = rect.intersect(&reachable));
    target.region.retain(|rect| !rect.is_empty());
    match target.region.as_slice() {
        [] => {}
        [rect] => {
            // Row by row in the order that reads every row before it is written.
            let (from, width) = (moved(rect, 1), rect.width().cast_signed());
            let rows = rect.bottom - rect.top;
            for step in 0..rows {
                let row = if dy >= 0 { step } else { rows - 1 - step };
                let (source, dest) = ((from.left, from.top + row), (rect.left, rect.top + row));
                target.surface.move_run(source, dest, width);
            }
        }
        rects => {
            // Several rectangles may want what another of them covers: a copy holds still.
            let around = moved(&region::around(rects), 1);
            let Some((copy, area)) = target.surface.picture(&around) else {
                return;
            };
            target.runs(true, |x, y, run| {
                let row = i64::from(y) + dy - i64::from(area.top);
                let left = i64::from(x) + dx - i64::from(area.left);
                let (Ok(row), Ok(left)) = (u32::try_from(row), usize::try_from(left)) else {
                    return;
                };
                if let Some(pixels) = copy.row(row).get(left..left + run.len()) {
                    run.copy_from_slice(pixels);
                }
            });
        }
    }
}
