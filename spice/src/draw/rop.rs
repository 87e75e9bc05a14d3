//! Raster operations: what becomes of each bit where a source and a destination meet.

use crate::message::types::Rop;
use crate::pixels::Pixel;

/// Which inversion flags an operation looks at for its first and its second input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// A picture on the surface.
    SourceOnDest,
    /// A brush on the surface.
    BrushOnDest,
    /// A brush on a picture.
    BrushOnSource,
}

/// A raster operation of two inputs, as the four results it can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rop2 {
    /// The result for source and destination bits 00, 01, 10, 11: all bits set or none.
    results: [u32; 4],
}

impl Rop2 {
    /// The source as it is.
    pub const COPY: Self = Self::of([false, false, true, true]);
    /// The destination inverted.
    pub const INVERT: Self = Self::of([true, false, true, false]);
    /// The destination as it is.
    const NOTHING: Self = Self::of([false, true, false, true]);

    const fn of([a, b, c, d]: [bool; 4]) -> Self {
        const fn all(bit: bool) -> u32 {
            if bit { u32::MAX } else { 0 }
        }
        Self {
            results: [all(a), all(b), all(c), all(d)],
        }
    }

    /// The operation a message's flags mean.
    pub fn new(rop: Rop, inputs: Inputs) -> Self {
        let (first, second) = match inputs {
            Inputs::SourceOnDest => (Rop::INVERS_SRC, Rop::INVERS_DEST),
            Inputs::BrushOnDest => (Rop::INVERS_BRUSH, Rop::INVERS_DEST),
            Inputs::BrushOnSource => (Rop::INVERS_BRUSH, Rop::INVERS_SRC),
        };
        let (not_source, not_dest) = (rop.has(first), rop.has(second));
        let not_result = rop.has(Rop::INVERS_RES);
        let operation: fn(bool, bool) -> bool = if rop.has(Rop::OP_PUT) {
            |source, _| source
        } else if rop.has(Rop::OP_OR) {
            |source, dest| source | dest
        } else if rop.has(Rop::OP_AND) {
            |source, dest| source & dest
        } else if rop.has(Rop::OP_XOR) {
            |source, dest| source != dest
        } else if rop.has(Rop::OP_BLACKNESS) {
            return Self::of([false; 4]);
        } else if rop.has(Rop::OP_WHITENESS) {
            return Self::of([true; 4]);
        } else if rop.has(Rop::OP_INVERS) {
            return Self::INVERT;
        } else {
            return Self::COPY;
        };
        let result = |source: bool, dest: bool| {
            operation(source != not_source, dest != not_dest) != not_result
        };
        Self::of([
            result(false, false),
            result(false, true),
            result(true, false),
            result(true, true),
        ])
    }

    /// The destination stays what it is.
    pub fn does_nothing(self) -> bool {
        self == Self::NOTHING
    }

    /// Done twice it does what it does once.
    pub(super) fn is_settled_at_once(self) -> bool {
        let twice = |source| self.bits(source, self.bits(source, 0)) == self.bits(source, 0);
        let twice_set =
            |source| self.bits(source, self.bits(source, u32::MAX)) == self.bits(source, u32::MAX);
        [0, u32::MAX]
            .into_iter()
            .all(|source| twice(source) && twice_set(source))
    }

    fn bits(self, source: u32, dest: u32) -> u32 {
        let [none, only_dest, only_source, both] = self.results;
        none & !source & !dest
            | only_dest & !source & dest
            | only_source & source & !dest
            | both & source & dest
    }

    /// Lays `source` on `dest`, as far as both go.
    pub fn apply(self, dest: &mut [Pixel], source: &[Pixel]) {
        if self == Self::COPY {
            let count = dest.len().min(source.len());
            if let (Some(dest), Some(source)) = (dest.get_mut(..count), source.get(..count)) {
                dest.copy_from_slice(source);
            }
            return;
        }
        for (dest, source) in dest.iter_mut().zip(source) {
            let (source, old) = (u32::from_le_bytes(*source), u32::from_le_bytes(*dest));
            *dest = self.bits(source, old).to_le_bytes();
        }
    }

    /// Lays one colour on `dest`.
    pub fn apply_colour(self, dest: &mut [Pixel], colour: Pixel) {
        if self == Self::COPY {
            dest.fill(colour);
            return;
        }
        let source = u32::from_le_bytes(colour);
        for dest in dest {
            *dest = self.bits(source, u32::from_le_bytes(*dest)).to_le_bytes();
        }
    }
}

/// A raster operation of three inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rop3(pub u8);

impl Rop3 {
    /// The result for one pixel. Bit `4 * pattern + 2 * source + dest` of the number is the
    /// result for these three bits.
    pub fn bits(self, pattern: u32, source: u32, dest: u32) -> u32 {
        let mut result = 0;
        for case in 0..8u8 {
            if self.0 >> case & 1 == 0 {
                continue;
            }
            let of = |bit: u8, value: u32| if case & bit != 0 { value } else { !value };
            result |= of(4, pattern) & of(2, source) & of(1, dest);
        }
        result
    }
}
