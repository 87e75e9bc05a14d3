//! The operators of the X Render extension: what becomes of a pixel where a source, a mask and a
//! destination meet. Eight bits a colour, and every product rounded as the server's own drawing
//! library (pixman) rounds it. Operators that divide are in `combine_float`.

use crate::pixels::Pixel;

/// `value * part / 255`, rounded.
pub(super) const fn share(value: u8, part: u8) -> u8 {
    let product = value as u32 * part as u32 + 0x80;
    ((product + (product >> 8)) >> 8) as u8
}

/// Porter and Duff's "over" of premultiplied pixels.
pub(super) fn over(source: Pixel, dest: Pixel) -> Pixel {
    let [_, _, _, coverage] = source;
    let mut out = source;
    for (out, dest) in out.iter_mut().zip(dest) {
        *out = out.saturating_add(share(dest, 255 - coverage));
    }
    out
}

/// A source under its mask: what is left of its colours, and how much of the destination each of
/// them covers.
pub(super) fn masked(source: Pixel, mask: Option<Pixel>, component: bool) -> (Pixel, Pixel) {
    let [_, _, _, alpha] = source;
    let Some(mask) = mask else {
        return (source, [alpha; 4]);
    };
    if component {
        let mut left = source;
        for (left, mask) in left.iter_mut().zip(mask) {
            *left = share(*left, mask);
        }
        return (left, mask.map(|mask| share(mask, alpha)));
    }
    let [_, _, _, mask] = mask;
    let left = source.map(|value| share(value, mask));
    let [_, _, _, alpha] = left;
    (left, [alpha; 4])
}

/// How much of a source or destination remains: with `changed` it depends on how much the other
/// covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    base: u8,
    changed: u8,
}

impl Part {
    const NONE: Self = Self {
        base: 0,
        changed: 0,
    };
    const ALL: Self = Self {
        base: 255,
        changed: 0,
    };
    /// As much as the other covers.
    const COVERED: Self = Self {
        base: 0,
        changed: 255,
    };
    /// As much as the other leaves free.
    const FREE: Self = Self {
        base: 255,
        changed: 255,
    };

    const fn of(self, value: u8, coverage: u8) -> u8 {
        share(value, self.base ^ coverage & self.changed)
    }
}

/// Render's operators 0 to 12, as what remains of source and destination.
const PORTER_DUFF: [(Part, Part); 13] = {
    const NONE: Part = Part::NONE;
    const ALL: Part = Part::ALL;
    const COVERED: Part = Part::COVERED;
    const FREE: Part = Part::FREE;
    [
        (NONE, NONE),
        (ALL, NONE),
        (NONE, ALL),
        (ALL, FREE),
        (FREE, ALL),
        (COVERED, NONE),
        (NONE, COVERED),
        (FREE, NONE),
        (NONE, FREE),
        (COVERED, FREE),
        (FREE, COVERED),
        (FREE, FREE),
        (ALL, ALL),
    ]
};

/// The first of the PDF blend modes.
const MULTIPLY: u8 = 48;

/// An operator that needs no division.
#[derive(Clone, Copy, Debug)]
pub(super) enum Combine {
    PorterDuff(PorterDuff),
    Multiply,
    Blend(fn(Inputs) -> i32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PorterDuff {
    source: Part,
    dest: Part,
}

/// One colour of source and destination, and the coverage of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs {
    dest: i32,
    dest_alpha: i32,
    source: i32,
    source_alpha: i32,
}

impl Combine {
    /// The operator of that number, if it is one of these.
    pub(super) fn of(operator: u8) -> Option<Self> {
        // Three of the disjoint and conjoint operators do what their plain ones do.
        let operator = match operator {
            16..=18 => operator - 16,
            32..=34 => operator - 32,
            other => other,
        };
        if let Some((source, dest)) = PORTER_DUFF.get(usize::from(operator)) {
            let (source, dest) = (*source, *dest);
            return Some(Self::PorterDuff(PorterDuff { source, dest }));
        }
        let blend: fn(Inputs) -> i32 = match operator.checked_sub(MULTIPLY)? {
            0 => return Some(Self::Multiply),
            1 => |i| i.source * i.dest_alpha + i.dest * i.source_alpha - i.source * i.dest,
            2 => |i| halves(2 * i.dest < i.dest_alpha, i),
            3 => |i| (i.dest_alpha * i.source).min(i.source_alpha * i.dest),
            4 => |i| (i.dest_alpha * i.source).max(i.source_alpha * i.dest),
            7 => |i| halves(2 * i.source < i.source_alpha, i),
            9 => |i| (i.dest * i.source_alpha - i.source * i.dest_alpha).abs(),
            10 => |i| i.source * i.dest_alpha + i.dest * i.source_alpha - 2 * i.dest * i.source,
            _ => return None,
        };
        Some(Self::Blend(blend))
    }

    /// The result for one pixel: `source` and `coverage` as [`masked`] makes them.
    pub(super) fn pixel(self, source: Pixel, coverage: Pixel, dest: Pixel) -> Pixel {
        if let Self::PorterDuff(parts) = self {
            return parts.pixel(source, coverage, dest);
        }
        let [_, _, _, source_alpha] = source;
        let [_, _, _, dest_alpha] = dest;
        let mut out = dest;
        let inputs = source.iter().zip(coverage);
        for (index, (out, (source, coverage))) in out.iter_mut().zip(inputs).enumerate() {
            let (source, dest) = (*source, *out);
            *out = match self {
                Self::PorterDuff(_) => dest,
                Self::Multiply => {
                    let beside =
                        share(source, 255 - dest_alpha).saturating_add(share(dest, 255 - coverage));
                    beside.saturating_add(share(dest, source))
                }
                Self::Blend(_) if index == 3 => {
                    let (source, dest) = (u32::from(source_alpha), u32::from(dest_alpha));
                    divided(source * 255 + dest * 255 - source * dest)
                }
                Self::Blend(blend) => {
                    let beside = u32::from(255 - coverage) * u32::from(dest)
                        + u32::from(255 - dest_alpha) * u32::from(source);
                    let blended = blend(Inputs {
                        dest: dest.into(),
                        dest_alpha: dest_alpha.into(),
                        source: source.into(),
                        source_alpha: coverage.into(),
                    });
                    // Colours brighter than their coverage can make less than nothing of it; the
                    // server takes that for a lot.
                    divided(beside.wrapping_add_signed(blended))
                }
            };
        }
        out
    }
}

impl PorterDuff {
    /// The result for one pixel.
    pub(super) fn pixel(self, source: Pixel, coverage: Pixel, dest: Pixel) -> Pixel {
        let [_, _, _, dest_alpha] = dest;
        let mut out = dest;
        for (out, (source, coverage)) in out.iter_mut().zip(source.iter().zip(coverage)) {
            let of_source = self.source.of(*source, dest_alpha);
            *out = of_source.saturating_add(self.dest.of(*out, coverage));
        }
        out
    }
}

/// Multiplied in the dark half, screened in the bright one.
fn halves(dark: bool, i: Inputs) -> i32 {
    if dark {
        2 * i.source * i.dest
    } else {
        i.source_alpha * i.dest_alpha - 2 * (i.dest_alpha - i.dest) * (i.source_alpha - i.source)
    }
}

/// A product of two bytes as one byte.
fn divided(product: u32) -> u8 {
    let product = product.min(255 * 255) + 0x80;
    ((product + (product >> 8)) >> 8) as u8
}
