//! Which pixels a drawing may change: its box, cut by its clip and by the surface, as rectangles
//! of which no two overlap, so that no pixel is inverted twice.

use crate::Error;
use crate::message::types::{Clip, Rect};

/// The most clip rectangles that are sorted out when they come in no order. Servers send them in
/// order, and then there may be any number.
pub const MAX_UNORDERED_RECTS: usize = 4096;

/// The parts of `bounds` that `clip` leaves, all within `surface`, none overlapping another.
pub fn region(bounds: &Rect, clip: &Clip, surface: &Rect) -> Result<Vec<Rect>, Error> {
    let bounds = bounds.intersect(surface);
    let rects = match clip {
        Clip::None if bounds.is_empty() => return Ok(Vec::new()),
        Clip::None => return Ok(vec![bounds]),
        Clip::Rects(rects) => rects,
    };
    let cut: Vec<Rect> = rects
        .iter()
        .map(|rect| rect.intersect(&bounds))
        .filter(|rect| !rect.is_empty())
        .collect();
    if is_banded(&cut) {
        return Ok(cut);
    }
    if cut.len() > MAX_UNORDERED_RECTS {
        let limit = MAX_UNORDERED_RECTS as u64;
        return Err(Error::limit(
            "number of clip rectangles",
            cut.len() as u64,
            limit,
        ));
    }
    Ok(banded(&cut))
}

/// The smallest rectangle around all of them.
pub fn around(rects: &[Rect]) -> Rect {
    rects
        .iter()
        .fold(Rect::default(), |all, rect| all.around(rect))
}

/// From top to bottom in bands of equal height, from left to right in each: the order in which
/// servers keep regions, and in which nothing overlaps.
fn is_banded(rects: &[Rect]) -> bool {
    rects.windows(2).all(|pair| match pair {
        [a, b] if a.top == b.top => a.bottom == b.bottom && b.left >= a.right,
        [a, b] => b.top >= a.bottom,
        _ => true,
    })
}

/// The same area in bands.
fn banded(rects: &[Rect]) -> Vec<Rect> {
    let mut edges: Vec<i32> = rects
        .iter()
        .flat_map(|rect| [rect.top, rect.bottom])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut by_left: Vec<&Rect> = rects.iter().collect();
    by_left.sort_unstable_by_key(|rect| rect.left);
    let mut result = Vec::new();
    for (top, bottom) in edges.iter().zip(edges.iter().skip(1)) {
        let mut open: Option<Rect> = None;
        for rect in by_left
            .iter()
            .filter(|rect| rect.top <= *top && rect.bottom >= *bottom)
        {
            match &mut open {
                Some(last) if rect.left <= last.right => last.right = last.right.max(rect.right),
                _ => {
                    result.extend(open.take());
                    let (top, bottom) = (*top, *bottom);
                    open = Some(Rect {
                        top,
                        bottom,
                        left: rect.left,
                        right: rect.right,
                    });
                }
            }
        }
        result.extend(open);
    }
    result
}
