//! Lines of dashes. The SPICE server draws them as the X server draws dashed lines that are one
//! pixel wide: every dash is a small rectangle along the line, and two lines that meet in a dash
//! are joined by a mitre.

use super::line::{Budget, Span};
use super::polygon::{Polygon, Slope};
use crate::Error;
use crate::message::stroke::Style;
use crate::message::types::{Point, Rect};

/// Half of the width.
const HALF: f64 = 0.5;
/// Mitres longer than this many widths are cut: 1 / sin²(11° / 2).
const MITRE_LIMIT: f64 = 108.856_472_512_142;

/// Lengths of dashes and gaps, and where in them a line begins.
#[derive(Debug)]
pub(super) struct Dashes {
    lengths: Vec<i64>,
    start: Position,
}

/// Which dash or gap, and how much of it is behind.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    index: usize,
    offset: i64,
}

impl Position {
    fn in_dash(self) -> bool {
        self.index.is_multiple_of(2)
    }
}

/// A length in whole pixels, as the server keeps it: in a byte.
fn pixels(length: i32) -> i64 {
    let whole = (length >> 4).wrapping_add(i32::from(length & 15 > 8));
    i64::from(whole as u8)
}

impl Dashes {
    /// The dashes of a style. There must be some that are longer than nothing.
    pub(super) fn new(style: &Style) -> Result<Self, Error> {
        let mut lengths: Vec<i64> = style.lengths.iter().copied().map(pixels).collect();
        if lengths.iter().all(|length| *length == 0) {
            return Err(Error::invalid("length of dashes", 0));
        }
        let mut offset = 0;
        if style.gap_first {
            lengths.rotate_left(1);
            offset = lengths.first().copied().unwrap_or_default();
        }
        let mut dashes = Self {
            lengths,
            start: Position::default(),
        };
        dashes.start = dashes.after(offset);
        Ok(dashes)
    }

    fn length(&self, index: usize) -> i64 {
        self.lengths.get(index).copied().unwrap_or_default()
    }

    fn next(&self, index: usize) -> usize {
        if index + 1 < self.lengths.len() {
            index + 1
        } else {
            0
        }
    }

    /// The place so far behind the start of the first dash.
    fn after(&self, distance: i64) -> Position {
        let mut left = distance;
        let mut index = 0;
        while left >= self.length(index) {
            left -= self.length(index);
            index = self.next(index);
        }
        Position {
            index,
            offset: left,
        }
    }
}

/// How a line ends: which way it came from, and where its corner lies.
#[derive(Clone, Copy, Debug, Default)]
struct Face {
    at: Point,
    dx: i64,
    dy: i64,
    corner: (f64, f64),
    k: f64,
}

impl Face {
    fn turned(self) -> Self {
        Self {
            dx: -self.dx,
            dy: -self.dy,
            corner: (-self.corner.0, -self.corner.1),
            ..self
        }
    }
}

/// What a dash costs, for it is a polygon even where it lies outside: a million of them can be drawn.
const STEPS_PER_DASH: u64 = 32;

/// Collects what the dashes of one polyline cover.
#[derive(Debug)]
struct Dasher<'d> {
    dashes: &'d Dashes,
    within: &'d Rect,
    budget: &'d mut Budget,
    spans: &'d mut Vec<Span>,
    position: Position,
    /// Every pixel is to be drawn once, whatever covers it: then joins are drawn in full.
    once: bool,
}

/// Adds to `spans` what the dashes along `points` cover within `within`. With `once`, nothing may
/// be drawn twice; the caller sees to it, and joins are then drawn in full.
pub(super) fn polyline(
    points: &[Point],
    dashes: &Dashes,
    once: bool,
    within: &Rect,
    budget: &mut Budget,
    spans: &mut Vec<Span>,
) -> Result<(), Error> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(());
    };
    let mut dasher = Dasher {
        dashes,
        within,
        budget,
        spans,
        position: dashes.start,
        once: once && points.len() > 2,
    };
    let closed = first == last;
    // The beginning of the first line, if the last one may meet it; the end of the one before.
    let mut beginning = None;
    let mut before: Option<(Face, bool)> = None;
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        if from == to {
            continue;
        }
        let begins_in_dash = dasher.position.in_dash();
        let (begin, end) = dasher.segment(*from, *to)?;
        let Position { index, offset } = dasher.position;
        let ends_in_dash = index.is_multiple_of(2) == (offset != 0);
        if begins_in_dash {
            match before {
                Some((end, true)) => dasher.join(begin, end)?,
                None if closed => beginning = Some(begin),
                _ => {}
            }
        }
        before = Some((end, ends_in_dash));
    }
    match (beginning, before) {
        (Some(begin), Some((end, true))) => dasher.join(begin, end),
        _ => Ok(()),
    }
}

impl Dasher<'_> {
    fn fill(
        &mut self,
        corners: &[(f64, f64)],
        slopes: &[Slope],
        origin: Point,
    ) -> Result<(), Error> {
        let polygon = Polygon {
            corners,
            slopes,
            origin,
        };
        polygon.fill(self.within, self.budget, self.spans)
    }

    /// The dashes of one line. Returns how it begins and ends.
    fn segment(&mut self, from: Point, to: Point) -> Result<(Face, Face), Error> {
        let dx = i64::from(to.x) - i64::from(from.x);
        let dy = i64::from(to.y) - i64::from(from.y);
        let (x, y) = (dx as f64, dy as f64);
        let (length, across) = match (dx, dy) {
            (0, _) => (y.abs(), (0.0, HALF.copysign(y))),
            (_, 0) => (x.abs(), (HALF.copysign(x), 0.0)),
            _ => {
                let length = (x * x + y * y).sqrt();
                let unit = HALF / length;
                (length, (unit * x, unit * y))
            }
        };
        let k = HALF * length;
        let (upper, lower) = ((across.1, -across.0), (-across.1, across.0));
        let slopes = |right_k: f64, left_k: f64| {
            let slope = |dx: i64, dy: i64, k: f64| Slope { dx, dy, k };
            [
                slope(dx, dy, k),
                slope(-dy, dx, right_k),
                slope(-dx, -dy, k),
                slope(dy, -dx, left_k),
            ]
        };
        let (mut begin, mut end, mut low_end, mut low_begin) = (upper, upper, lower, lower);
        let mut left_k = 0.0;
        let Position { mut index, offset } = self.position;
        let mut dash = self.dashes.length(index) - offset;
        let mut left = length;
        while left > dash as f64 {
            self.budget.take(STEPS_PER_DASH)?;
            let step = ((dash * dx) as f64 / length, (dash * dy) as f64 / length);
            end = (end.0 + step.0, end.1 + step.1);
            low_end = (low_end.0 + step.0, low_end.1 + step.1);
            let right_k = end.0 * x + end.1 * y;
            if index.is_multiple_of(2) {
                let corners = [begin, end, low_end, low_begin];
                self.fill(&corners, &slopes(right_k, left_k), from)?;
            }
            (begin, low_begin, left_k) = (end, low_end, -right_k);
            left -= dash as f64;
            index = self.dashes.next(index);
            dash = self.dashes.length(index);
        }
        if index.is_multiple_of(2) {
            // Seen from the line's end.
            let corners = [
                (begin.0 - x, begin.1 - y),
                upper,
                lower,
                (low_begin.0 - x, low_begin.1 - y),
            ];
            left_k += (dx * dx + dy * dy) as f64;
            self.fill(&corners, &slopes(0.0, left_k), to)?;
        }
        dash = (dash as f64 - left) as i64;
        if dash == 0 {
            index = self.dashes.next(index);
            dash = self.dashes.length(index);
        }
        self.position = Position {
            index,
            offset: self.dashes.length(index) - dash,
        };
        let begin = Face {
            at: from,
            dx,
            dy,
            corner: upper,
            k,
        };
        let end = Face {
            at: to,
            dx: -dx,
            dy: -dy,
            corner: lower,
            k,
        };
        Ok((begin, end))
    }

    /// What closes the gap between two lines: `begin` is how the second begins, `end` how the
    /// first ends.
    fn join(&mut self, begin: Face, end: Face) -> Result<(), Error> {
        let rightwards = |face: Face| face.dx > 0 || face.dx == 0 && face.dy > 0;
        if !self.once && (rightwards(begin) || rightwards(end)) {
            // One of the lines has the pixel where they meet.
            return Ok(());
        }
        let turn = -begin.dx as f64 * end.dy as f64 + end.dx as f64 * begin.dy as f64;
        if turn == 0.0 {
            return Ok(());
        }
        let swapped = turn <= 0.0;
        let (begin, end) = match swapped {
            false => (begin.turned(), end),
            true => (begin, end.turned()),
        };
        let ((bx, by), (ex, ey)) = (begin.corner, end.corner);
        let (bdx, bdy) = (begin.dx as f64, begin.dy as f64);
        let (edx, edy) = (end.dx as f64, end.dy as f64);
        let out = Slope {
            dx: -end.dy,
            dy: end.dx,
            k: 0.0,
        };
        let back = Slope {
            dx: begin.dy,
            dy: -begin.dx,
            k: 0.0,
        };
        let tip_y = (bdy * (ex * edy - ey * edx) - edy * (bx * bdy - by * bdx)) / turn;
        let tip_x = if begin.dy != 0 {
            bx + (tip_y - by) * bdx / bdy
        } else {
            ex + (tip_y - ey) * edx / edy
        };
        if (tip_x * tip_x + tip_y * tip_y) * 4.0 <= MITRE_LIMIT {
            let along = |face: Face| match swapped {
                false => Slope {
                    dx: face.dx,
                    dy: face.dy,
                    k: face.k,
                },
                true => Slope {
                    dx: -face.dx,
                    dy: -face.dy,
                    k: -face.k,
                },
            };
            let corners = [end.corner, (0.0, 0.0), begin.corner, (tip_x, tip_y)];
            let slopes = [out, back, along(begin), along(end)];
            return self.fill(&corners, &slopes, begin.at);
        }
        let (dx, dy) = (ex - bx, ey - by);
        let scale = if dx.abs() > dy.abs() {
            dx.abs()
        } else {
            dy.abs()
        };
        let (cut_x, cut_y) = (
            (dx * 65_536.0 / scale) as i64,
            (dy * 65_536.0 / scale) as i64,
        );
        let cut = Slope {
            dx: cut_x,
            dy: cut_y,
            k: ((bx + ex) * cut_y as f64 - (by + ey) * cut_x as f64) / 2.0,
        };
        let corners = [end.corner, (0.0, 0.0), begin.corner];
        self.fill(&corners, &[out, back, cut], begin.at)
    }
}
