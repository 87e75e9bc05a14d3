//! Small convex polygons, filled as the X server fills the pieces of wide lines: a pixel belongs
//! to the one in which its middle lies, and never to two that share an edge.

use super::line::{Budget, Span};
use crate::Error;
use crate::message::types::{Point, Rect};

/// An edge's direction, and `x * dy - y * dx` of all its points.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slope {
    pub(super) dx: i64,
    pub(super) dy: i64,
    pub(super) k: f64,
}

/// Corners, and the edges from each to the next, relative to a point of the surface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polygon<'v> {
    pub(super) corners: &'v [(f64, f64)],
    pub(super) slopes: &'v [Slope],
    pub(super) origin: Point,
}

/// One side at a row: the edge from `first` on, down to the next one's.
#[derive(Clone, Copy, Debug)]
struct Edge {
    first: i64,
    dx: i64,
    dy: i64,
    k: i64,
}

impl Edge {
    /// The first column at row `y` that does not lie left of the edge.
    fn column(&self, y: i64) -> i64 {
        let at = i128::from(self.k) + i128::from(y) * i128::from(self.dx);
        let dy = i128::from(self.dy);
        -(-at).div_euclid(dy) as i64
    }
}

/// The edges of one side; no more than there are corners.
#[derive(Debug, Default)]
struct Side {
    edges: [Option<Edge>; 4],
}

impl Side {
    fn push(&mut self, edge: Edge) {
        if let Some(place) = self.edges.iter_mut().find(|place| place.is_none()) {
            *place = Some(edge);
        }
    }

    fn first(&self) -> Option<&Edge> {
        self.edges.iter().flatten().next()
    }

    /// The edge that a row meets.
    fn at(&self, y: i64) -> Option<&Edge> {
        let mut edges = self.edges.iter().flatten();
        let first = edges.next()?;
        Some(
            edges
                .take_while(|edge| edge.first <= y)
                .last()
                .unwrap_or(first),
        )
    }
}

impl Polygon<'_> {
    /// The edges met on the way from one corner to another.
    fn side(&self, top: usize, bottom: usize, forward: bool) -> Side {
        let count = self.corners.len();
        let mut side = Side::default();
        let mut corner = top;
        while corner != bottom {
            let next = match forward {
                true => (corner + 1) % count,
                false => (corner + count - 1) % count,
            };
            let slope = self.slopes.get(if forward { corner } else { next });
            if let (Some(slope), Some((_, y))) = (slope, self.corners.get(corner)) {
                let turn = if slope.dy < 0 { -1 } else { 1 };
                if slope.dy != 0 {
                    side.push(Edge {
                        first: y.ceil() as i64,
                        dx: slope.dx * turn,
                        dy: slope.dy * turn,
                        k: (slope.k * turn as f64).ceil() as i64,
                    });
                }
            }
            corner = next;
        }
        side
    }

    /// Adds the pixels in it to `spans`, those within `within`.
    pub(super) fn fill(
        &self,
        within: &Rect,
        budget: &mut Budget,
        spans: &mut Vec<Span>,
    ) -> Result<(), Error> {
        let count = self.corners.len();
        let Some(((_, first), first_slope)) = self.corners.first().zip(self.slopes.first()) else {
            return Ok(());
        };
        let (mut top, mut bottom) = (0, 0);
        let (mut least, mut most) = (*first, *first);
        for (index, (_, y)) in self.corners.iter().enumerate().skip(1) {
            if *y < least {
                (top, least) = (index, *y);
            }
            if *y >= most {
                (bottom, most) = (index, *y);
            }
        }
        let slope = |index: usize| self.slopes.get(index).unwrap_or(first_slope);
        let (before, after) = (slope((top + count - 1) % count), slope(top));
        let turned = i128::from(before.dy) * i128::from(after.dx)
            > i128::from(after.dy) * i128::from(before.dx);
        let right = self.side(top, bottom, !turned);
        let left = self.side(top, bottom, turned);
        let Some(first) = right.first() else {
            return Ok(());
        };
        let (x0, y0) = (i64::from(self.origin.x), i64::from(self.origin.y));
        let begin = first.first.max(i64::from(within.top).saturating_sub(y0));
        let end = (most.ceil() as i64).min(i64::from(within.bottom).saturating_sub(y0));
        if begin >= end {
            return Ok(());
        }
        budget.take((end - begin) as u64)?;
        for y in begin..end {
            let (Some(left), Some(right)) = (left.at(y), right.at(y)) else {
                continue;
            };
            let from = left.column(y).saturating_add(x0).max(within.left.into());
            let to = right.column(y).saturating_add(x0).min(within.right.into());
            if from < to {
                spans.push(Span {
                    y: (y + y0) as i32,
                    left: from as i32,
                    right: to as i32,
                });
            }
        }
        Ok(())
    }
}
