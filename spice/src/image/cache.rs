//! The image cache: pictures that the server will name again by number only. The server keeps
//! the books (it knows our size and says what to drop); the limit here is for one that lies.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::pixels::{Pixel, Pixels};

/// A picture costs something even if it has few pixels.
const MAX_PICTURES: usize = 1 << 17;

/// Pictures by the server's 64-bit number.
#[derive(Debug)]
pub struct ImageCache {
    pictures: HashMap<u64, Entry>,
    /// Numbers by age, with the stamp of the insertion they belong to: removed or replaced
    /// pictures leave a stale one behind, passed over later.
    order: VecDeque<(u64, u64)>,
    stamp: u64,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    picture: Arc<Pixels>,
    lossless: bool,
    stamp: u64,
}

impl ImageCache {
    /// A cache of at most `max_bytes`, which should be no less than what the server was told.
    /// (SPICE_MSGC_DISPLAY_INIT, pixmap_cache_size)
    pub fn new(max_bytes: usize) -> Self {
        Self {
            pictures: HashMap::new(),
            order: VecDeque::new(),
            stamp: 0,
            bytes: 0,
            max_bytes,
        }
    }

    /// Keeps a picture. A lossy one never takes the place of a lossless one with the same number:
    /// what was promised lossless stays so. (SPICE_IMAGE_FLAGS_CACHE_ME, CACHE_REPLACE_ME)
    pub fn insert(&mut self, id: u64, picture: Arc<Pixels>, lossless: bool) {
        if !lossless && self.pictures.get(&id).is_some_and(|held| held.lossless) {
            return;
        }
        self.stamp += 1;
        self.bytes += picture.data.len() * size_of::<Pixel>();
        let entry = Entry {
            picture,
            lossless,
            stamp: self.stamp,
        };
        if let Some(old) = self.pictures.insert(id, entry) {
            self.bytes -= old.picture.data.len() * size_of::<Pixel>();
        }
        self.order.push_back((id, self.stamp));
        while self.bytes > self.max_bytes || self.pictures.len() > MAX_PICTURES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.evict(oldest);
        }
        // Stale numbers must not outnumber what is held.
        if self.order.len() > 2 * self.pictures.len() + 16 {
            let pictures = &self.pictures;
            self.order
                .retain(|(id, stamp)| pictures.get(id).is_some_and(|held| held.stamp == *stamp));
        }
    }

    fn evict(&mut self, (id, stamp): (u64, u64)) {
        if self
            .pictures
            .get(&id)
            .is_some_and(|held| held.stamp == stamp)
        {
            self.remove(id);
        }
    }

    /// A picture kept earlier; with `lossless`, only if it is. (SPICE_IMAGE_TYPE_FROM_CACHE,
    /// FROM_CACHE_LOSSLESS)
    pub fn get(&self, id: u64, lossless: bool) -> Option<&Arc<Pixels>> {
        let entry = self.pictures.get(&id)?;
        (entry.lossless || !lossless).then_some(&entry.picture)
    }

    /// Forgets a picture. (SPICE_MSG_DISPLAY_INVAL_LIST)
    pub fn remove(&mut self, id: u64) {
        if let Some(entry) = self.pictures.remove(&id) {
            self.bytes -= entry.picture.data.len() * size_of::<Pixel>();
        }
    }

    /// Forgets all. (SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS, SPICE_MSG_DISPLAY_RESET)
    pub fn clear(&mut self) {
        self.pictures.clear();
        self.order.clear();
        self.bytes = 0;
    }

    /// How many pictures are held.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether no picture is held.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// How many bytes of pixels are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Alpha;

    fn picture(colour: u8) -> Arc<Pixels> {
        Arc::new(Pixels::new(2, 1, Alpha::Opaque, vec![[colour, 0, 0, 255]; 2]).unwrap())
    }

    fn colour(cache: &ImageCache, id: u64, lossless: bool) -> Option<u8> {
        cache.get(id, lossless).map(|picture| picture.row(0)[0][0])
    }

    #[test]
    fn numbers_that_differ_in_the_high_word_only_are_different_pictures() {
        let mut cache = ImageCache::new(400);
        cache.insert(5, picture(1), true);
        cache.insert(5 | 1 << 32, picture(2), true);
        assert_eq!(colour(&cache, 5, true), Some(1));
        assert_eq!(colour(&cache, 5 | 1 << 32, true), Some(2));
    }

    #[test]
    fn a_lossy_picture_is_replaced_by_a_lossless_one_and_not_the_other_way() {
        let mut cache = ImageCache::new(400);
        cache.insert(5, picture(1), false);
        assert_eq!(colour(&cache, 5, true), None);
        assert_eq!(colour(&cache, 5, false), Some(1));
        cache.insert(5, picture(2), true);
        assert_eq!(colour(&cache, 5, true), Some(2));
        cache.insert(5, picture(3), false);
        assert_eq!(colour(&cache, 5, false), Some(2));
        assert_eq!(cache.bytes(), 8);
    }

    #[test]
    fn a_server_that_never_forgets_does_not_fill_our_memory() {
        let mut cache = ImageCache::new(400);
        for id in 0..1000 {
            cache.insert(id, picture(id as u8), true);
            cache.insert(7, picture(7), true);
        }
        assert_eq!(cache.bytes(), 400);
        assert_eq!(cache.len(), 50);
        assert!(cache.order.len() <= 2 * 50 + 16);
        assert_eq!(colour(&cache, 999, true), Some(231));
        assert_eq!(colour(&cache, 7, true), Some(7));
        assert_eq!(colour(&cache, 900, true), None);
    }

    #[test]
    fn what_is_removed_frees_its_room() {
        let mut cache = ImageCache::new(400);
        cache.insert(5, picture(1), true);
        cache.remove(5);
        cache.remove(6);
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
        cache.insert(5, picture(1), true);
        cache.clear();
        assert!(cache.is_empty());
        assert_eq!(cache.bytes(), 0);
    }
}
