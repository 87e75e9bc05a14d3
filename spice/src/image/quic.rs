//! QUIC (SFALIC): the lossless picture codec of SPICE for photographs and other graduated
//! pictures. It predicts each colour from its left and upper neighbours and writes the
//! difference as a Golomb-Rice code whose parameter adapts to what was seen before, with runs
//! in between. Bytes in, 32-bit pixels out; what a picture is for, `image` decides.
//!
//! Three things make this quick without `unsafe`: the three colours of a pixel are predicted
//! and added as one packed word, the bit reader refills 32 bits at a time, and the code
//! parameter is looked up by the previous difference itself, not through a bucket.

#![allow(
    clippy::indexing_slicing,
    reason = "every index is masked, counted by a loop, or within a row whose length was checked"
)]

mod model;

use model::{Code, Model, codes};

use crate::error::Error;
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// "QUIC" in the byte order of the stream.
const MAGIC: u32 = 0x4349_5551;
const VERSION: u32 = 0;
const HEADER_WORDS: usize = 5;

/// What the stream holds, by the number in its header.
const GRAY: u32 = 1;
const RGB16: u32 = 2;
const RGB24: u32 = 3;
const RGB32: u32 = 4;
const RGBA: u32 = 5;

/// How far the wait mask grows, and after how many pixels it takes a step.
const WAIT_STEPS: u32 = 6;
const PIXELS_PER_WAIT_STEP: usize = 2048;
/// The model halves its counters when the cost of the best code passes this, by wait step.
const HALVE_AT: [u32; WAIT_STEPS as usize + 1] = [110, 550, 900, 800, 550, 400, 350];
/// log2 of the run length that one set bit stands for, by state of the run coder.
const RUN_ORDER: [u8; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];
/// How many pixels the model lets pass before it learns from one. The format's table has 32-bit
/// entries, but the widest wait mask looks at six bits of them.
const WAITS: [u8; 256] = [
    2, 23, 19, 21, 7, 18, 40, 14, 12, 32, 47, 44, 36, 6, 18, 11, 4, 19, 42, 29, 16, 63, 57, 51, 16,
    3, 5, 14, 15, 30, 20, 9, 36, 45, 3, 57, 61, 0, 8, 5, 41, 14, 43, 27, 43, 59, 31, 35, 39, 60,
    42, 38, 13, 54, 62, 1, 26, 3, 11, 61, 52, 34, 7, 48, 4, 59, 22, 12, 22, 8, 50, 4, 10, 6, 44, 8,
    11, 46, 31, 51, 53, 17, 1, 43, 46, 60, 36, 54, 10, 27, 39, 44, 22, 41, 23, 2, 44, 0, 40, 53,
    40, 48, 16, 43, 32, 28, 33, 12, 20, 2, 56, 62, 55, 58, 18, 20, 13, 55, 38, 29, 57, 19, 49, 33,
    47, 63, 59, 0, 35, 61, 19, 25, 46, 38, 60, 4, 35, 1, 26, 40, 28, 10, 5, 14, 25, 18, 48, 49, 20,
    59, 62, 34, 46, 7, 33, 52, 34, 58, 9, 29, 8, 55, 62, 60, 37, 36, 37, 50, 6, 3, 10, 28, 48, 24,
    26, 61, 57, 30, 11, 54, 2, 6, 50, 47, 7, 17, 35, 53, 32, 12, 23, 17, 5, 21, 49, 55, 51, 45, 52,
    27, 39, 25, 39, 63, 22, 24, 42, 52, 56, 38, 41, 41, 56, 32, 13, 24, 26, 51, 27, 56, 58, 37, 24,
    42, 15, 28, 17, 30, 31, 15, 16, 23, 25, 54, 33, 34, 1, 29, 31, 50, 53, 21, 49, 15, 47, 9, 0,
    58, 37, 45, 30, 13, 9, 45, 63, 21,
];

/// Decodes a whole picture, whose header must agree with `width` and `height`.
pub fn decode(data: &[u8], width: u32, height: u32) -> Result<Pixels, Error> {
    let Some((header, body)) = data.split_at_checked(HEADER_WORDS * 4) else {
        return Err(Error::truncated("quic header"));
    };
    let mut words = [0u32; HEADER_WORDS];
    for (word, bytes) in words.iter_mut().zip(header.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    let [magic, version, kind, claimed_width, claimed_height] = words;
    if magic != MAGIC {
        return Err(Error::invalid("quic magic", u64::from(magic)));
    }
    if version != VERSION {
        return Err(Error::invalid("quic version", u64::from(version)));
    }
    if claimed_width != width {
        return Err(Error::invalid("quic width", u64::from(claimed_width)));
    }
    if claimed_height != height {
        return Err(Error::invalid("quic height", u64::from(claimed_height)));
    }
    let area = checked_area(width, height)?;
    let row = width as usize;
    let channels = match kind {
        GRAY => 1,
        RGB16 | RGB24 | RGB32 => 3,
        RGBA => 4,
        _ => return Err(Error::invalid("quic image type", u64::from(kind))),
    };
    // The first row has no runs, and later rows have none in their first three pixels: a stream
    // with fewer bits than that cannot be this picture, and gets no memory for it.
    let coded = row + (height as usize - 1) * row.min(3);
    if body.len() * 8 < coded * channels {
        return Err(Error::truncated("quic stream"));
    }
    let mut pixels = vec![[0u8; 4]; area];
    let mut bits = Bits::new(body);
    match kind {
        GRAY => rows(
            &mut bits,
            &mut pixels,
            row,
            Plane::<8, 1>::new(row),
            |grey| ((grey & 0xff) * 0x0001_0101) | OPAQUE,
        )?,
        RGB16 => rows(
            &mut bits,
            &mut pixels,
            row,
            Plane::<5, 3>::new(row),
            |pixel| (pixel << 3) | ((pixel >> 2) & 0x0007_0707) | OPAQUE,
        )?,
        RGBA => rows_with_alpha(&mut bits, &mut pixels, row)?,
        _ => rows(
            &mut bits,
            &mut pixels,
            row,
            Plane::<8, 3>::new(row),
            |pixel| pixel | OPAQUE,
        )?,
    }
    let alpha = if kind == RGBA {
        Alpha::Premultiplied
    } else {
        Alpha::Opaque
    };
    Pixels::new(width, height, alpha, pixels)
}

/// A full alpha byte in a packed pixel.
const OPAQUE: u32 = 0xff00_0000;

/// Decodes all rows of a picture whose colours are coded together. The row being decoded and the
/// one above stay packed and in the nearest cache; `finish` makes the packed pixel final.
fn rows<const BITS: u32, const COLOURS: usize>(
    bits: &mut Bits,
    pixels: &mut [Pixel],
    width: usize,
    mut plane: Plane<BITS, COLOURS>,
    finish: impl Fn(u32) -> u32,
) -> Result<(), Error> {
    let mut packed = [vec![0u32; width], vec![0u32; width]];
    let mut first = true;
    for row in pixels.chunks_exact_mut(width) {
        packed.swap(0, 1);
        let [above, current] = &mut packed;
        plane.row(bits, (!first).then_some(above.as_slice()), current)?;
        for (pixel, &packed) in row.iter_mut().zip(current.iter()) {
            *pixel = finish(packed).to_le_bytes();
        }
        first = false;
    }
    Ok(())
}

/// Decodes the rows of a picture with alpha: each row comes as colours, then as alpha, each with
/// a model and runs of its own.
fn rows_with_alpha(bits: &mut Bits, pixels: &mut [Pixel], width: usize) -> Result<(), Error> {
    let mut colours = Plane::<8, 3>::new(width);
    let mut alphas = Plane::<8, 1>::new(width);
    let mut colour_rows = [vec![0u32; width], vec![0u32; width]];
    let mut alpha_rows = [vec![0u32; width], vec![0u32; width]];
    let mut first = true;
    for row in pixels.chunks_exact_mut(width) {
        colour_rows.swap(0, 1);
        alpha_rows.swap(0, 1);
        let [colour_above, colour] = &mut colour_rows;
        let [alpha_above, alpha] = &mut alpha_rows;
        colours.row(bits, (!first).then_some(colour_above.as_slice()), colour)?;
        alphas.row(bits, (!first).then_some(alpha_above.as_slice()), alpha)?;
        for ((pixel, colour), alpha) in row.iter_mut().zip(colour.iter()).zip(alpha.iter()) {
            *pixel = (colour | (alpha << 24)).to_le_bytes();
        }
        first = false;
    }
    Ok(())
}

/// Reads bits from 32-bit little-endian words, most significant bit first.
///
/// Past the end it gives zeros and remembers how many, so that the inner loop has no way to fail;
/// every row ends with [`Bits::check`].
struct Bits<'a> {
    words: std::slice::ChunksExact<'a, u8>,
    /// The next bits, the first of them at the top.
    ahead: u64,
    /// How many bits of `ahead` are there; at least 32 between calls.
    count: u32,
    /// How many bits were made up after the end.
    made_up: u64,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        let mut bits = Self {
            words: data.chunks_exact(4),
            ahead: 0,
            count: 0,
            made_up: 0,
        };
        bits.refill();
        bits
    }

    #[inline(always)]
    fn refill(&mut self) {
        let word = match self.words.next() {
            Some(bytes) => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            None => {
                self.made_up = self.made_up.saturating_add(32);
                0
            }
        };
        self.ahead |= u64::from(word) << (32 - self.count);
        self.count += 32;
    }

    /// The next 32 bits.
    #[inline(always)]
    fn peek(&self) -> u32 {
        (self.ahead >> 32) as u32
    }

    /// Steps over `count` bits, at most 32.
    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.ahead <<= count;
        self.count -= count;
        if self.count < 32 {
            self.refill();
        }
    }

    /// Whether all that was used was really there.
    fn check(&self) -> Result<(), Error> {
        if self.made_up > u64::from(self.count) {
            Err(Error::truncated("quic stream"))
        } else {
            Ok(())
        }
    }
}

/// One set of colours coded together, and all that its coder remembers from pixel to pixel.
struct Plane<const BITS: u32, const COLOURS: usize> {
    models: [Model; COLOURS],
    /// The differences of the row before, and of this one as far as it is done, packed like
    /// pixels. Pixels inside a run write none: their place keeps the older row's.
    differences: Vec<u32>,
    /// How many pixels to go before the model learns again.
    wait: usize,
    wait_seed: u8,
    wait_step: u32,
    /// Pixels until the next wait step.
    wait_left: usize,
    run_state: usize,
}

impl<const BITS: u32, const COLOURS: usize> Plane<BITS, COLOURS> {
    const CODES: [Code; 8] = codes(BITS);
    const MASK: u32 = ((1 << BITS) - 1) * 0x0001_0101;

    fn new(width: usize) -> Self {
        Self {
            models: std::array::from_fn(|_| Model::new(BITS)),
            differences: vec![0; width],
            wait: 0,
            wait_seed: 255,
            wait_step: 0,
            wait_left: PIXELS_PER_WAIT_STEP,
            run_state: 0,
        }
    }

    /// Decodes one row below `above`; the first row has none.
    fn row(
        &mut self,
        bits: &mut Bits,
        above: Option<&[u32]>,
        row: &mut [u32],
    ) -> Result<(), Error> {
        let first_context = if above.is_some() {
            self.differences[0]
        } else {
            0
        };
        let mut start = 0;
        while self.wait_step < WAIT_STEPS && self.wait_left <= row.len() - start {
            let end = start + self.wait_left;
            self.segment(bits, above, row, start, end, first_context)?;
            start = end;
            self.wait_step += 1;
            self.wait_left = PIXELS_PER_WAIT_STEP;
        }
        if start < row.len() {
            self.segment(bits, above, row, start, row.len(), first_context)?;
            if self.wait_step < WAIT_STEPS {
                self.wait_left -= row.len() - start;
            }
        }
        bits.check()
    }

    fn segment(
        &mut self,
        bits: &mut Bits,
        above: Option<&[u32]>,
        row: &mut [u32],
        start: usize,
        end: usize,
        first_context: u32,
    ) -> Result<(), Error> {
        if start == end {
            return Ok(());
        }
        let mut at = start;
        if at == 0 {
            let context = first_context;
            let difference = self.differences(bits, context);
            let predicted = above.map_or(0, |above| above[0]);
            row[0] = Self::add(difference, predicted);
            self.differences[0] = difference;
            if self.wait > 0 {
                self.wait -= 1;
            } else {
                self.wait = self.next_wait();
                self.learn(context, difference);
            }
            at = 1;
        }
        match above {
            None => self.segment_first(bits, row, at, end),
            Some(above) => self.segment_below(bits, above, row, at, end)?,
        }
        Ok(())
    }

    /// The first row is predicted from the left alone and has no runs.
    fn segment_first(&mut self, bits: &mut Bits, row: &mut [u32], start: usize, end: usize) {
        let mut learn_at = start + self.wait;
        let mut left = row[start - 1];
        let mut context = self.differences[start - 1];
        let places = row[start..end]
            .iter_mut()
            .zip(&mut self.differences[start..end]);
        // Borrowed apart from the models, so put back by hand.
        let (models, seed, step) = (&mut self.models, &mut self.wait_seed, self.wait_step);
        for (at, (pixel, place)) in (start..).zip(places) {
            let difference = decode_differences::<BITS, COLOURS>(models, bits, context);
            left = Self::add(difference, left);
            *pixel = left;
            *place = difference;
            if at == learn_at {
                learn_all::<BITS, COLOURS>(models, context, difference, step);
                learn_at = at + 1 + next_wait(seed, step);
            }
            context = difference;
        }
        self.wait = learn_at - end;
    }

    fn segment_below(
        &mut self,
        bits: &mut Bits,
        above: &[u32],
        row: &mut [u32],
        start: usize,
        end: usize,
    ) -> Result<(), Error> {
        let above = &above[..end];
        let row = &mut row[..end];
        let mut at = start;
        let mut learn_at = at + self.wait;
        let mut run_at = 0;
        while at < end {
            let mut left = row[at - 1];
            let mut left_2 = if at > 1 { row[at - 2] } else { !left };
            let mut up_left = above[at - 1];
            let mut context = self.differences[at - 1];
            let places = row[at..]
                .iter_mut()
                .zip(&above[at..])
                .zip(&mut self.differences[at..end]);
            let (models, seed, step) = (&mut self.models, &mut self.wait_seed, self.wait_step);
            let mut run = false;
            for ((pixel, &up), place) in places {
                if up == up_left && left == left_2 && at > 2 && at != run_at {
                    run = true;
                    break;
                }
                let difference = decode_differences::<BITS, COLOURS>(models, bits, context);
                let predicted = (left & up) + (((left ^ up) & 0x00fe_fefe) >> 1);
                left_2 = left;
                left = Self::add(difference, predicted);
                up_left = up;
                *pixel = left;
                *place = difference;
                if at == learn_at {
                    learn_all::<BITS, COLOURS>(models, context, difference, step);
                    learn_at = at + 1 + next_wait(seed, step);
                }
                context = difference;
                at += 1;
            }
            if !run {
                break;
            }
            let wait = learn_at - at;
            let length = self.run_length(bits);
            if length > end - at {
                return Err(Error::invalid("quic run", length as u64));
            }
            row[at..at + length].fill(left);
            // A run of length 0 must not be looked for again at the same place.
            run_at = at;
            at += length;
            learn_at = at + wait;
            if at == end {
                self.wait = wait;
                return Ok(());
            }
        }
        self.wait = learn_at - end;
        Ok(())
    }

    #[inline(always)]
    fn differences(&self, bits: &mut Bits, context: u32) -> u32 {
        decode_differences::<BITS, COLOURS>(&self.models, bits, context)
    }

    fn learn(&mut self, context: u32, difference: u32) {
        learn_all::<BITS, COLOURS>(&mut self.models, context, difference, self.wait_step);
    }

    fn next_wait(&mut self) -> usize {
        next_wait(&mut self.wait_seed, self.wait_step)
    }

    /// Undoes the folding of signs (0, -1, 1, -2, …) and adds, each colour for itself.
    #[inline(always)]
    fn add(folded: u32, predicted: u32) -> u32 {
        let negative = (folded & 0x0001_0101) * ((1 << BITS) - 1);
        let difference = ((folded >> 1) & 0x007f_7f7f) ^ negative;
        if BITS == 8 {
            ((difference & 0x007f_7f7f) + (predicted & 0x007f_7f7f))
                ^ ((difference ^ predicted) & 0x0080_8080)
        } else {
            (difference + predicted) & Self::MASK
        }
    }

    /// Each set bit stands for a run of the current order and raises the order; a clear bit and
    /// a remainder end it and lower the order again.
    fn run_length(&mut self, bits: &mut Bits) -> usize {
        let mut length = 0usize;
        loop {
            let ones = (!bits.peek()).leading_zeros().min(8);
            for _ in 0..ones {
                length = length.saturating_add(1 << RUN_ORDER[self.run_state & 31]);
                self.run_state = (self.run_state + 1).min(RUN_ORDER.len() - 1);
            }
            if ones < 8 {
                bits.skip(ones + 1);
                break;
            }
            bits.skip(8);
        }
        let order = u32::from(RUN_ORDER[self.run_state & 31]);
        if order > 0 {
            length = length.saturating_add((bits.peek() >> (32 - order)) as usize);
            bits.skip(order);
        }
        self.run_state = self.run_state.saturating_sub(1);
        length
    }
}

fn next_wait(seed: &mut u8, step: u32) -> usize {
    *seed = seed.wrapping_add(1);
    usize::from(WAITS[usize::from(*seed)]) & ((1 << step) - 1)
}

fn learn_all<const BITS: u32, const COLOURS: usize>(
    models: &mut [Model; COLOURS],
    context: u32,
    difference: u32,
    step: u32,
) {
    let halve_at = HALVE_AT[step as usize];
    for (colour, model) in models.iter_mut().enumerate() {
        let shift = shift_of(colour);
        model.learn::<BITS>(
            (context >> shift) as u8,
            (difference >> shift) as u8,
            halve_at,
        );
    }
}

/// The differences of one pixel, packed like a pixel. Red comes first and sits lowest.
#[inline(always)]
fn decode_differences<const BITS: u32, const COLOURS: usize>(
    models: &[Model; COLOURS],
    bits: &mut Bits,
    context: u32,
) -> u32 {
    let mut packed = 0;
    for (colour, model) in models.iter().enumerate() {
        let shift = shift_of(colour);
        let order = u32::from(model.order[(context >> shift) as usize & 0xff]) & 7;
        let code = Plane::<BITS, COLOURS>::CODES[order as usize];
        let word = bits.peek();
        // A prefix is at most 21 zeros long: the set bit at the end changes nothing.
        let zeros = (word | 1).leading_zeros();
        let value = if zeros < code.prefix {
            let length = zeros + 1 + order;
            bits.skip(length);
            (zeros << order) | ((word >> (32 - length)) & ((1 << order) - 1))
        } else {
            let length = code.prefix + code.suffix;
            bits.skip(length);
            code.short + ((word >> (32 - length)) & ((1 << code.suffix) - 1))
        };
        // Only a hostile stream has values wider than a colour.
        packed |= (value & ((1 << BITS) - 1)) << shift;
    }
    packed
}

#[inline(always)]
const fn shift_of(colour: usize) -> u32 {
    colour as u32 * 8
}
