//! SPICE_MSG_DISPLAY_DRAW_STROKE: lines along a path, one pixel wide.

use super::dash::{self, Dashes};
use super::line::{Budget, Span, line};
use super::rop::Rop2;
use super::{Paint, Target, region};
use crate::Error;
use crate::message::stroke::{Path, PointFix, Style};
use crate::message::types::{Point, Rect};

/// The most points a path may have once its curves are lines.
const MAX_POINTS: usize = 1 << 20;
/// How often a curve is halved at most.
const MAX_HALVINGS: u32 = 16;

/// Draws lines along a path on the target.
pub fn stroke(
    target: &mut Target<'_>,
    path: &Path<'_>,
    style: Option<&Style>,
    paint: &Paint,
    rop: Rop2,
) -> Result<(), Error> {
    let mut pen = Pen {
        within: region::around(target.region()),
        target,
        dashes: style.map(Dashes::new).transpose()?,
        paint,
        rop,
        budget: Budget::default(),
        spans: Vec::new(),
    };
    if pen.within.is_empty() {
        return Ok(());
    }
    let mut points: Vec<Point> = Vec::new();
    for segment in path.segments() {
        let segment = segment?;
        let mut coming = segment.points();
        if segment.begins {
            pen.draw(&mut points)?;
            points.extend(coming.next().map(pixel));
        }
        if segment.bezier {
            while let (Some(a), Some(b), Some(c)) = (coming.next(), coming.next(), coming.next()) {
                let Some(last) = points.last() else {
                    return Err(Error::invalid("curve without a beginning", 0));
                };
                let start = PointFix {
                    x: last.x << 4,
                    y: last.y << 4,
                };
                curve(&mut points, [start, a, b, c], MAX_HALVINGS)?;
            }
        } else {
            for point in coming {
                push(&mut points, pixel(point))?;
            }
        }
        if segment.ends {
            let beginning = points.first().copied();
            points.extend(beginning.filter(|_| segment.closes));
            pen.draw(&mut points)?;
        }
    }
    pen.draw(&mut points)
}

/// The pixel of a point: halves go to the left and up.
fn pixel(point: PointFix) -> Point {
    let whole = |at: i32| (at >> 4) + i32::from(at & 15 > 8);
    Point {
        x: whole(point.x),
        y: whole(point.y),
    }
}

fn push(points: &mut Vec<Point>, point: Point) -> Result<(), Error> {
    if points.len() >= MAX_POINTS {
        let limit = MAX_POINTS as u64;
        return Err(Error::limit("points of a path", limit + 1, limit));
    }
    points.push(point);
    Ok(())
}

/// Adds the points of a cubic curve but for the first: halved until each part is as good as a
/// line. The numbers wrap where the server's do.
fn curve(points: &mut Vec<Point>, curve_points: [PointFix; 4], halvings: u32) -> Result<(), Error> {
    let [a, b, c, d] = curve_points;
    let apart = |from: PointFix, to: PointFix| {
        (
            i64::from(to.x) - i64::from(from.x),
            i64::from(to.y) - i64::from(from.y),
        )
    };
    let dot = |(x, y): (i64, i64), (u, v): (i64, i64)| {
        x.wrapping_mul(u).wrapping_add(y.wrapping_mul(v)) >> 4
    };
    let (first, chord, last, back) = (apart(a, b), apart(a, d), apart(d, c), apart(d, a));
    let length = dot(chord, chord);
    let off = |arm: (i64, i64), chord: (i64, i64)| {
        let along = dot(arm, chord);
        let square = dot(arm, arm).wrapping_mul(length);
        square.wrapping_sub(along.wrapping_mul(along)) >> 3
    };
    if halvings == 0 || off(first, chord) < length && off(last, back) < length {
        return push(points, pixel(d));
    }
    let middle = |one: PointFix, other: PointFix| PointFix {
        x: ((i64::from(one.x) + i64::from(other.x)) / 2) as i32,
        y: ((i64::from(one.y) + i64::from(other.y)) / 2) as i32,
    };
    let (ab, bc, cd) = (middle(a, b), middle(b, c), middle(c, d));
    let (abc, bcd) = (middle(ab, bc), middle(bc, cd));
    let half = middle(abc, bcd);
    curve(points, [a, ab, abc, half], halvings - 1)?;
    curve(points, [half, bcd, cd, d], halvings - 1)
}

/// Draws polylines.
struct Pen<'p, 's> {
    target: &'p mut Target<'s>,
    within: Rect,
    dashes: Option<Dashes>,
    paint: &'p Paint,
    rop: Rop2,
    budget: Budget,
    spans: Vec<Span>,
}

impl Pen<'_, '_> {
    /// Draws the line along `points`, and forgets them.
    fn draw(&mut self, points: &mut Vec<Point>) -> Result<(), Error> {
        let result = match self.dashes.take() {
            Some(dashes) => {
                let result = self.dashed(points, &dashes);
                self.dashes = Some(dashes);
                result
            }
            None => self.solid(points),
        };
        points.clear();
        result
    }

    fn solid(&mut self, points: &[Point]) -> Result<(), Error> {
        let mut brush = Brush::new(self.paint, self.rop);
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let target = &mut *self.target;
            line(*from, *to, &self.within, &mut self.budget, |span| {
                brush.span(target, span);
            })?;
        }
        Ok(())
    }

    fn dashed(&mut self, points: &[Point], dashes: &Dashes) -> Result<(), Error> {
        self.spans.clear();
        dash::polyline(
            points,
            dashes,
            !self.rop.is_settled_at_once(),
            &self.within,
            &mut self.budget,
            &mut self.spans,
        )?;
        // What several pieces cover is drawn once.
        self.spans.sort_unstable();
        let mut brush = Brush::new(self.paint, self.rop);
        let mut joined: Option<Span> = None;
        for span in &self.spans {
            match &mut joined {
                Some(last) if last.y == span.y && span.left <= last.right => {
                    last.right = last.right.max(span.right);
                }
                _ => {
                    if let Some(done) = joined.replace(*span) {
                        brush.span(self.target, done);
                    }
                }
            }
        }
        if let Some(done) = joined {
            brush.span(self.target, done);
        }
        Ok(())
    }
}

/// Paints pieces of rows.
struct Brush<'p> {
    paint: &'p Paint,
    rop: Rop2,
    painted: Vec<crate::pixels::Pixel>,
}

impl<'p> Brush<'p> {
    fn new(paint: &'p Paint, rop: Rop2) -> Self {
        Self {
            paint,
            rop,
            painted: Vec::new(),
        }
    }

    fn span(&mut self, target: &mut Target<'_>, span: Span) {
        let Self {
            paint,
            rop,
            painted,
        } = self;
        let format = target.surface.format();
        target.span(span.y, span.left, span.right, |x, y, run| {
            match paint.colour() {
                Some(colour) => rop.apply_colour(run, colour),
                None => {
                    painted.resize(run.len(), [0; 4]);
                    paint.row(x, y, format, painted);
                    rop.apply(run, painted);
                }
            }
        });
    }
}
