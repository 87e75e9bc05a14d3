//! One object's history as a file of fixed size: three rings of slots, a minute, a quarter of an
//! hour and six hours wide. A slot knows which stretch of time it is of, so that what was not
//! measured is a gap and not an old value, and has a checksum, so that half a write is one too.
//!
//! Coarse slots are made anew from the finer ring with every minute, so nothing is kept in memory
//! that a restart could lose, and a year's chart ends now and not six hours ago.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A ring: how many seconds a slot is wide, and how many slots there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) step: u32,
    pub(super) slots: u32,
}

/// A day in minutes, thirty days in quarters of an hour, a year in six hours.
pub(super) const LEVELS: [Level; 3] = [
    Level {
        step: 60,
        slots: 1440,
    },
    Level {
        step: 900,
        slots: 2880,
    },
    Level {
        step: 21_600,
        slots: 1464,
    },
];

const MAGIC: &[u8; 8] = b"SAFRING1";
const HEADER: u64 = 16;
/// More series than any kind of object has.
const MAX_SERIES: usize = 16;

/// Average and maximum of one series in one stretch of time; not a number where nothing was
/// measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) average: f32,
    pub(super) maximum: f32,
}

impl Value {
    const NONE: Self = Self {
        average: f32::NAN,
        maximum: f32::NAN,
    };
}

/// What was measured in one stretch of time.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// How many samples are in it.
    pub(super) count: u32,
    pub(super) values: Vec<Value>,
}

impl Slot {
    /// Several stretches as one.
    pub(super) fn of<'a>(series: usize, slots: impl Iterator<Item = &'a Slot>) -> Option<Self> {
        let mut count = 0u32;
        let mut sums = vec![(0f64, 0f64, f32::NAN); series];
        for slot in slots {
            count = count.saturating_add(slot.count);
            for (sum, value) in sums.iter_mut().zip(&slot.values) {
                if value.average.is_nan() {
                    continue;
                }
                sum.0 += f64::from(value.average) * f64::from(slot.count);
                sum.1 += f64::from(slot.count);
                // The other one wins over a NaN.
                sum.2 = sum.2.max(value.maximum);
            }
        }
        #[allow(clippy::cast_possible_truncation, reason = "a chart's precision")]
        let values = sums
            .into_iter()
            .map(|(sum, weight, maximum)| {
                if weight == 0.0 {
                    Value::NONE
                } else {
                    Value {
                        average: (sum / weight) as f32,
                        maximum,
                    }
                }
            })
            .collect();
        (count > 0).then_some(Self { count, values })
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct Ring {
    file: File,
    series: usize,
}

impl Ring {
    /// Opens a file for writing, making it if need be. One that is not as it should be (of an
    /// earlier version, or spoilt) begins anew.
    pub(super) fn open(path: &Path, series: usize) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(NOFOLLOW)
            .open(path)?;
        let ring = Self { file, series };
        if !ring.fits()? {
            ring.file.set_len(0)?;
            let mut header = [0; HEADER as usize];
            header[..8].copy_from_slice(MAGIC);
            header[8..12].copy_from_slice(&word(series)?.to_le_bytes());
            ring.file.write_all_at(&header, 0)?;
            // Nothing is taken on the disk for what was not measured yet.
            ring.file.set_len(ring.length())?;
        }
        Ok(ring)
    }

    /// Opens a file for reading; `None` when there is none, or none of this kind.
    pub(super) fn look(path: &Path, series: usize) -> Result<Option<Self>> {
        let opened = File::options().read(true).custom_flags(NOFOLLOW).open(path);
        match opened {
            Ok(file) => {
                let ring = Self { file, series };
                Ok(ring.fits()?.then_some(ring))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn fits(&self) -> Result<bool> {
        if self.series > MAX_SERIES {
            return Err(Error::new(ErrorKind::InvalidInput, "too many series"));
        }
        let facts = self.file.metadata()?;
        if !facts.is_file() || facts.len() != self.length() {
            return Ok(false);
        }
        let mut header = [0; HEADER as usize];
        self.file.read_exact_at(&mut header, 0)?;
        Ok(header[..8] == *MAGIC && header[8..12] == word(self.series)?.to_le_bytes())
    }

    fn slot_length(&self) -> usize {
        4 + 4 + self.series * 8 + 4
    }

    /// The length of the whole file, which never changes.
    pub(super) fn length(&self) -> u64 {
        let slots: u64 = LEVELS.iter().map(|level| u64::from(level.slots)).sum();
        HEADER + slots * self.slot_length() as u64
    }

    fn place(&self, level: usize, index: u32) -> u64 {
        let before: u64 = LEVELS[..level]
            .iter()
            .map(|level| u64::from(level.slots))
            .sum();
        let slot = before + u64::from(index % LEVELS[level].slots);
        HEADER + slot * self.slot_length() as u64
    }

    fn write(&self, level: usize, index: u32, slot: &Slot) -> Result<()> {
        let mut bytes = Vec::with_capacity(self.slot_length());
        bytes.extend(index.to_le_bytes());
        bytes.extend(slot.count.to_le_bytes());
        for number in 0..self.series {
            let value = slot.values.get(number).copied().unwrap_or(Value::NONE);
            bytes.extend(value.average.to_le_bytes());
            bytes.extend(value.maximum.to_le_bytes());
        }
        bytes.extend(checksum(&bytes).to_le_bytes());
        self.file.write_all_at(&bytes, self.place(level, index))
    }

    /// The slots of `count` stretches of time from `first` on; `None` where there is nothing.
    pub(super) fn read(&self, level: usize, first: u32, count: u32) -> Result<Vec<Option<Slot>>> {
        let count = count.min(LEVELS[level].slots);
        let length = self.slot_length();
        let mut all = Vec::with_capacity(count as usize);
        let mut next = first;
        let mut left = count;
        while left > 0 {
            // Up to where the ring begins again.
            let piece = left.min(LEVELS[level].slots - next % LEVELS[level].slots);
            let mut bytes = vec![0; piece as usize * length];
            self.file
                .read_exact_at(&mut bytes, self.place(level, next))?;
            for (index, bytes) in (next..).zip(bytes.chunks_exact(length)) {
                all.push(self.slot(index, bytes));
            }
            next = next.saturating_add(piece);
            left -= piece;
        }
        Ok(all)
    }

    fn slot(&self, index: u32, bytes: &[u8]) -> Option<Slot> {
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        let end = bytes.len().checked_sub(4)?;
        if word(0)? != index || word(end)? != checksum(&bytes[..end]) {
            return None;
        }
        let values = (0..self.series)
            .map(|number| {
                let at = 8 + number * 8;
                Some(Value {
                    average: f32::from_bits(word(at)?),
                    maximum: f32::from_bits(word(at + 4)?),
                })
            })
            .collect::<Option<_>>()?;
        let count = word(4)?;
        (count > 0).then_some(Slot { count, values })
    }

    /// Puts what was measured in a minute into all rings. A minute that is there already, as after
    /// a restart in the middle of it, becomes both together.
    pub(super) fn add(&self, minute: u32, slot: &Slot) -> Result<()> {
        let there = self.read(0, minute, 1)?.pop().flatten();
        let both = Slot::of(self.series, there.iter().chain([slot]));
        self.write(0, minute, both.as_ref().unwrap_or(slot))?;
        let mut index = minute;
        for level in 1..LEVELS.len() {
            let ratio = LEVELS[level].step / LEVELS[level - 1].step;
            index /= ratio;
            let finer = self.read(level - 1, index.saturating_mul(ratio), ratio)?;
            if let Some(slot) = Slot::of(self.series, finer.iter().flatten()) {
                self.write(level, index, &slot)?;
            }
        }
        Ok(())
    }
}

#[allow(clippy::cast_possible_wrap, reason = "flags of open(2)")]
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

fn word(number: usize) -> Result<u32> {
    u32::try_from(number).map_err(|_| Error::new(ErrorKind::InvalidInput, "too many series"))
}

/// FNV-1a: tells a torn write from a whole one, and nothing more.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(std::path::PathBuf);

    impl Place {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("saffron-ring-{}", uuid::Uuid::new_v4())))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).ok();
        }
    }

    fn slot(average: f32, maximum: f32) -> Slot {
        Slot {
            count: 6,
            values: vec![Value { average, maximum }, Value::NONE],
        }
    }

    #[test]
    fn a_minute_is_read_back_and_makes_the_coarser_rings() {
        let place = Place::new();
        let ring = Ring::open(&place.0, 2).expect("opens");
        // A quarter of an hour that begins at a multiple of six hours.
        let first = 360 * 1000;
        for minute in 0..15u8 {
            ring.add(
                first + u32::from(minute),
                &slot(f32::from(minute), f32::from(minute) * 2.0),
            )
            .expect("written");
        }
        drop(ring);
        let ring = Ring::look(&place.0, 2).expect("reads").expect("is there");
        let day = ring.read(0, first - 1, 17).expect("read");
        assert!(day[0].is_none() && day[16].is_none(), "gaps are gaps");
        let third = day[3].as_ref().expect("measured");
        assert_eq!(
            (third.values[0].average, third.values[0].maximum),
            (2.0, 4.0)
        );
        assert!(
            third.values[1].average.is_nan(),
            "what nobody told is nothing"
        );
        for (level, index) in [(1, first / 15), (2, first / 360)] {
            let coarse = ring.read(level, index, 1).expect("read").remove(0);
            let value = coarse.expect("made").values[0];
            assert_eq!((value.average, value.maximum), (7.0, 28.0), "level {level}");
        }
    }

    #[test]
    fn a_file_never_grows_and_old_slots_make_way() {
        let place = Place::new();
        let ring = Ring::open(&place.0, 2).expect("opens");
        let length = ring.length();
        for minute in 0..2 * 1440 {
            ring.add(30_000_000 + minute, &slot(1.0, 1.0))
                .expect("written");
        }
        assert_eq!(std::fs::metadata(&place.0).expect("there").len(), length);
        let old = ring.read(0, 30_000_000, 1440).expect("read");
        assert!(old.iter().all(Option::is_none), "a day later it is gone");
        let quarters = ring.read(1, 2_000_000, 192).expect("read");
        assert_eq!(
            quarters.iter().flatten().count(),
            192,
            "and in the next ring it is not"
        );
    }

    #[test]
    fn a_minute_in_two_halves_is_their_average() {
        let place = Place::new();
        let ring = Ring::open(&place.0, 2).expect("opens");
        ring.add(5, &slot(10.0, 20.0)).expect("written");
        ring.add(5, &slot(20.0, 90.0)).expect("written");
        let both = ring.read(0, 5, 1).expect("read").remove(0).expect("there");
        assert_eq!(
            (both.values[0].average, both.values[0].maximum),
            (15.0, 90.0)
        );
        assert_eq!(both.count, 12);
    }

    #[test]
    fn a_torn_slot_and_a_foreign_file_are_nothing() {
        let place = Place::new();
        let ring = Ring::open(&place.0, 2).expect("opens");
        ring.add(5, &slot(10.0, 20.0)).expect("written");
        let at = ring.place(0, 5) + 9;
        ring.file.write_all_at(&[0xff], at).expect("spoilt");
        assert!(ring.read(0, 5, 1).expect("read")[0].is_none());
        assert!(
            Ring::look(&place.0, 3).expect("looked").is_none(),
            "another kind"
        );
        std::fs::write(&place.0, b"something else").expect("written");
        assert!(Ring::look(&place.0, 2).expect("looked").is_none());
        let anew = Ring::open(&place.0, 2).expect("begins anew");
        assert_eq!(
            std::fs::metadata(&place.0).expect("there").len(),
            anew.length()
        );
    }
}
