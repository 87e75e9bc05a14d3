//! Palettes, and the cache of those that the server will name again by number only.

#![allow(
    clippy::indexing_slicing,
    reason = "a byte cannot be outside of 256 colours"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::error::Error;
use crate::pixels::Pixel;
use crate::surface::Format;

/// The most colours a palette can have: what a byte can choose from.
pub const MAX_COLOURS: usize = 256;
/// A server keeps 128 palettes with its client; a few times that is room enough.
const MAX_PALETTES: usize = 512;

/// The colours that the pixels of a bitmap are numbers of. (SpicePalette)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Filled up with black, so that no number is without a colour.
    colours: Box<[Pixel; MAX_COLOURS]>,
}

impl Palette {
    /// A palette of colours as the wire has them, each 0x00RRGGBB.
    pub fn new(colours: impl ExactSizeIterator<Item = u32>) -> Result<Self, Error> {
        let mut all = Box::new([[0, 0, 0, 255]; MAX_COLOURS]);
        if colours.len() > MAX_COLOURS {
            return Err(Error::limit(
                "palette colours",
                colours.len() as u64,
                MAX_COLOURS as u64,
            ));
        }
        for (place, colour) in all.iter_mut().zip(colours) {
            let [blue, green, red, _] = colour.to_le_bytes();
            *place = [red, green, blue, 255];
        }
        Ok(Self { colours: all })
    }

    /// The same numbers as colours of a surface of that format: on surfaces of 16 bits they are
    /// of 16 bits.
    pub fn of_format(palette: Arc<Self>, format: Format) -> Arc<Self> {
        if !matches!(format, Format::Rgb555 | Format::Rgb565) {
            return palette;
        }
        let mut palette = (*palette).clone();
        for colour in palette.colours.iter_mut() {
            let [red, green, blue, _] = *colour;
            *colour = format.colour(u32::from_le_bytes([blue, green, red, 0]));
        }
        Arc::new(palette)
    }

    /// The colour with this number.
    #[inline(always)]
    pub fn colour(&self, number: u8) -> Pixel {
        self.colours[usize::from(number)]
    }
}

/// Palettes by the server's number. The server says which to forget; the limit is for one that
/// does not.
#[derive(Debug, Default)]
pub struct PaletteCache {
    palettes: HashMap<u64, Arc<Palette>>,
    order: VecDeque<u64>,
}

impl PaletteCache {
    /// Keeps a palette. (SPICE_BITMAP_FLAGS_PAL_CACHE_ME)
    pub fn insert(&mut self, id: u64, palette: Arc<Palette>) {
        if self.palettes.insert(id, palette).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MAX_PALETTES {
            if let Some(oldest) = self.order.pop_front() {
                self.palettes.remove(&oldest);
            }
        }
    }

    /// A palette kept earlier. (SPICE_BITMAP_FLAGS_PAL_FROM_CACHE)
    pub fn get(&self, id: u64) -> Option<&Arc<Palette>> {
        self.palettes.get(&id)
    }

    /// Forgets a palette. (SPICE_MSG_DISPLAY_INVAL_PALETTE)
    pub fn remove(&mut self, id: u64) {
        if self.palettes.remove(&id).is_some() {
            self.order.retain(|held| *held != id);
        }
    }

    /// Forgets all. (SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES)
    pub fn clear(&mut self) {
        self.palettes.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette(colour: u32) -> Arc<Palette> {
        Arc::new(Palette::new([colour].into_iter()).unwrap())
    }

    #[test]
    fn a_palette_is_found_until_the_server_says_to_forget_it() {
        let mut cache = PaletteCache::default();
        cache.insert(7, palette(1));
        cache.insert(8, palette(2));
        cache.remove(7);
        assert!(cache.get(7).is_none());
        assert_eq!(cache.get(8).unwrap().colour(0), [0, 0, 2, 255]);
        cache.clear();
        assert!(cache.get(8).is_none());
    }

    #[test]
    fn a_palette_sent_again_replaces_the_old_one() {
        let mut cache = PaletteCache::default();
        cache.insert(7, palette(1));
        cache.insert(7, palette(2));
        assert_eq!(cache.get(7).unwrap().colour(0), [0, 0, 2, 255]);
    }

    #[test]
    fn a_server_that_never_forgets_does_not_fill_our_memory() {
        let mut cache = PaletteCache::default();
        let last = 10 * MAX_PALETTES as u64;
        for id in 0..=last {
            cache.insert(id, palette(1));
        }
        assert_eq!(cache.palettes.len(), MAX_PALETTES);
        assert!(cache.get(last).is_some());
    }

    #[test]
    fn more_than_256_colours_are_refused_and_missing_ones_are_black() {
        assert!(Palette::new([0; 257].into_iter()).is_err());
        assert_eq!(palette(0xff12_3456).colour(0), [0x12, 0x34, 0x56, 255]);
        assert_eq!(palette(0xff12_3456).colour(255), [0, 0, 0, 255]);
    }
}
