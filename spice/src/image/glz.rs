//! GLZ: LZ with a dictionary that reaches over pictures. The server numbers the pictures of one
//! session and refers from a new one back into those that both sides still hold; with each
//! picture it says how far back the oldest of them is. The window here is our side of that.

#![allow(
    clippy::indexing_slicing,
    reason = "found by a search in the same queue"
)]

use std::collections::VecDeque;
use std::sync::Arc;

use super::flip;
use super::lz::{self, Byte, Input, Rgb, Rgb16, Unit, kind};
use crate::error::Error;
use crate::pixels::{Alpha, Pixel, Pixels, checked_area};

/// Pictures in the window, whatever their size: some hundred are usual.
const MAX_PICTURES: usize = 1 << 16;
/// What is in the byte that says the kind of picture.
const KIND_MASK: u8 = 0x0f;
const TOP_DOWN: u8 = 0x10;

/// The pictures that later ones may refer to, oldest first.
#[derive(Debug)]
pub struct GlzWindow {
    pictures: VecDeque<Held>,
    pixels: usize,
    max_pixels: usize,
}

#[derive(Debug)]
struct Held {
    id: u64,
    picture: Arc<Pixels>,
    /// The pixels in the order they came, where that is not the picture's own.
    bottom_up: Option<Box<[Pixel]>>,
}

impl Held {
    fn units(&self) -> &[Pixel] {
        self.bottom_up.as_deref().unwrap_or(&self.picture.data)
    }

    /// What it costs, in pixels.
    fn cost(&self) -> usize {
        self.picture.data.len() + self.bottom_up.as_ref().map_or(0, |units| units.len())
    }
}

impl GlzWindow {
    /// A window of at most `max_pixels`, which should be no less than what the server was told: it
    /// then never refers to what we had to drop. (SPICE_MSGC_DISPLAY_INIT,
    /// glz_dictionary_window_size)
    pub fn new(max_pixels: usize) -> Self {
        Self {
            pictures: VecDeque::new(),
            pixels: 0,
            max_pixels,
        }
    }

    /// Forgets every picture.
    pub fn clear(&mut self) {
        self.pictures.clear();
        self.pixels = 0;
    }

    /// How many pictures are held.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether no picture is held.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// How many pixels are held.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Decodes a picture, and keeps it for later ones to refer to.
    pub fn decode(&mut self, data: &[u8], width: u32, height: u32) -> Result<Arc<Pixels>, Error> {
        let mut input = Input(data);
        lz::check_start(&mut input)?;
        let flags = input.byte()?;
        let kind = u32::from(flags & KIND_MASK);
        lz::check_size(&mut input, width, height)?;
        let _stride = input.u32()?;
        let id = input.u64()?;
        let oldest = id.saturating_sub(u64::from(input.u32()?));
        let area = checked_area(width, height)?;
        lz::check_units(area, &input)?;
        let mut pixels = match kind {
            kind::RGB16 => self.decode_units::<Rgb16>(&mut input, id, area)?,
            kind::RGB24 | kind::RGB32 | kind::RGBA => {
                self.decode_units::<Rgb>(&mut input, id, area)?
            }
            // Pictures with a palette are never sent so: the same bytes would be other colours.
            _ => return Err(Error::invalid("glz image type", u64::from(kind))),
        };
        let mut alpha = Alpha::Opaque;
        if kind == kind::RGBA {
            alpha = Alpha::Premultiplied;
            let alphas = self.decode_units::<Byte>(&mut input, id, area)?;
            for (pixel, alpha) in pixels.iter_mut().zip(alphas) {
                pixel[3] = alpha;
            }
        }
        let mut bottom_up = None;
        if flags & TOP_DOWN == 0 {
            bottom_up = Some(pixels.clone().into_boxed_slice());
            flip(&mut pixels, width as usize);
        }
        let picture = Arc::new(Pixels::new(width, height, alpha, pixels)?);
        self.insert(Held {
            id,
            picture: Arc::clone(&picture),
            bottom_up,
        });
        while self.pictures.front().is_some_and(|held| held.id < oldest) {
            self.pop_oldest();
        }
        Ok(picture)
    }

    fn insert(&mut self, new: Held) {
        let at = self.pictures.partition_point(|held| held.id < new.id);
        self.pixels += new.cost();
        match self.pictures.get_mut(at) {
            Some(held) if held.id == new.id => {
                self.pixels -= held.cost();
                *held = new;
            }
            _ => self.pictures.insert(at, new),
        }
        while self.pixels > self.max_pixels || self.pictures.len() > MAX_PICTURES {
            self.pop_oldest();
        }
    }

    fn pop_oldest(&mut self) {
        if let Some(held) = self.pictures.pop_front() {
            self.pixels -= held.cost();
        }
    }

    #[inline(always)]
    fn find(&self, id: u64) -> Option<&[Pixel]> {
        let first = self.pictures.front()?.id;
        let guess = usize::try_from(id.checked_sub(first)?).ok()?;
        // The numbers usually have no gaps.
        match self.pictures.get(guess) {
            Some(held) if held.id == id => Some(held.units()),
            _ => {
                let at = self
                    .pictures
                    .binary_search_by_key(&id, |held| held.id)
                    .ok()?;
                Some(self.pictures[at].units())
            }
        }
    }

    fn decode_units<U: Source>(
        &self,
        input: &mut Input,
        id: u64,
        units: usize,
    ) -> Result<Vec<U::Out>, Error> {
        let mut out = vec![U::Out::default(); units];
        let mut at = 0;
        while at < units {
            let control = input.byte()?;
            if control < lz::LITERALS {
                at = lz::literals::<U>(input, usize::from(control) + 1, &mut out, at)?;
                continue;
            }
            let length = lz::length::<U>(input, control)?;
            let (offset, distance) = reference(input, control)?;
            if distance == 0 {
                at = lz::repeat(&mut out, at, offset + 1, length)?;
                continue;
            }
            let Some(referred) = id
                .checked_sub(u64::from(distance))
                .and_then(|referred| self.find(referred))
            else {
                return Err(Error::missing(
                    "glz picture",
                    id.wrapping_sub(u64::from(distance)),
                ));
            };
            let Some(source) = referred.get(offset..offset.saturating_add(length)) else {
                return Err(Error::invalid("glz reference", offset as u64));
            };
            let end = at.saturating_add(length);
            let Some(places) = out.get_mut(at..end) else {
                return Err(Error::invalid("glz length", length as u64));
            };
            for (place, &pixel) in places.iter_mut().zip(source) {
                *place = U::from_pixel(pixel);
            }
            at = end;
        }
        Ok(out)
    }
}

/// Reads where a reference points: a pixel, and how many pictures back (0: this one, and the
/// pixel then counts backwards).
#[inline(always)]
fn reference(input: &mut Input, control: u8) -> Result<(usize, u32), Error> {
    let mut offset = usize::from(control & 0x0f) | (usize::from(input.byte()?) << 4);
    let byte = input.byte()?;
    let more = u32::from(byte >> 6);
    let mut distance;
    if control & 0x10 == 0 {
        distance = u32::from(byte & 0x3f);
        for step in 0..more {
            distance |= u32::from(input.byte()?) << (6 + 8 * step);
        }
    } else {
        offset |= usize::from(byte & 0x1f) << 12;
        distance = 0;
        for step in 0..more {
            distance |= u32::from(input.byte()?) << (8 * step);
        }
        if byte & 0x20 != 0 {
            offset |= usize::from(input.byte()?) << 17;
        }
    }
    Ok((offset, distance))
}

/// A unit that another picture's pixel can be turned into.
trait Source: Unit {
    fn from_pixel(pixel: Pixel) -> Self::Out;
}

impl Source for Byte {
    #[inline(always)]
    fn from_pixel(pixel: Pixel) -> u8 {
        pixel[3]
    }
}

// A picture without alpha may refer to one with.
impl Source for Rgb16 {
    #[inline(always)]
    fn from_pixel([red, green, blue, _]: Pixel) -> Pixel {
        [red, green, blue, 255]
    }
}

impl Source for Rgb {
    #[inline(always)]
    fn from_pixel([red, green, blue, _]: Pixel) -> Pixel {
        [red, green, blue, 255]
    }
}
