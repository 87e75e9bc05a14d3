//! The data of a transfer: reading and writing at places, with what has passed counted, sizes
//! held to, and an end that waits for what is being written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};

use crate::Manager;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::host::VolumeAccess;
use crate::model::{Secret, Transfer, TransferDirection, TransferId};
use crate::operation::transfer_volume;

/// Reads and writes at once of one transfer.
const AT_ONCE: u32 = 8;
/// Longest piece, in bytes.
const LONGEST_PIECE: usize = 8 << 20;

/// A transfer that data can flow through.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: TransferId,
    pub(super) secret: Secret,
    direction: TransferDirection,
    limit: u64,
    file: OnceCell<Arc<File>>,
    /// Closed for good when the transfer stops.
    gate: Semaphore,
    passed: AtomicU64,
    used: Mutex<Duration>,
}

impl Live {
    pub(super) fn new(transfer: &Transfer, secret: Secret, now: Duration) -> Self {
        Self {
            id: transfer.id,
            secret,
            direction: transfer.direction,
            limit: transfer.size_limit,
            file: OnceCell::new(),
            gate: Semaphore::new(AT_ONCE as usize),
            passed: AtomicU64::new(transfer.transferred),
            used: Mutex::new(now),
        }
    }

    pub(super) fn touch(&self, now: Duration) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    pub(super) fn idle(&self, now: Duration) -> Duration {
        now.saturating_sub(*self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Waits for what is going on, lets nothing begin any more, and says how much has passed.
    pub(super) async fn close(&self) -> u64 {
        if let Ok(all) = self.gate.acquire_many(AT_ONCE).await {
            self.gate.close();
            drop(all);
        }
        self.passed()
    }
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins.
    pub start: u64,
    /// How long it is.
    pub length: u64,
    /// Whether it reads as zeros.
    pub zero: bool,
}

/// The data of a transfer, open.
#[derive(Clone, Debug)]
pub struct TransferData {
    live: Arc<Live>,
    file: Arc<File>,
    size: u64,
    clock: Arc<dyn Clock>,
}

pub(super) async fn open(
    manager: &Manager,
    live: Arc<Live>,
    transfer: &Transfer,
) -> Result<TransferData> {
    let file = live
        .file
        .get_or_try_init(|| async {
            let inventory = manager.inventory();
            let disk = inventory
                .disks
                .get(&transfer.disk)
                .ok_or_else(|| Error::not_found(transfer.disk))?;
            let host = manager
                .host_of_domain(&inventory, disk.storage_domain)
                .map_err(|error| Error::unavailable(error.to_string()))?;
            let access = match transfer.direction {
                TransferDirection::Upload => VolumeAccess::Write,
                TransferDirection::Download => VolumeAccess::Read,
            };
            host.volume_open(transfer_volume(disk, transfer), access)
                .await
                .map(Arc::new)
                .map_err(|error| Error::failed(error.to_string()))
        })
        .await?;
    let file = Arc::clone(file);
    let size = match transfer.direction {
        TransferDirection::Upload => live.limit,
        TransferDirection::Download => file.metadata().map_err(io_error)?.len(),
    };
    live.touch(manager.core.clock.monotonic());
    Ok(TransferData {
        live,
        file,
        size,
        clock: Arc::clone(&manager.core.clock),
    })
}

fn io_error(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::StorageFull {
        return Error::NoSpace {
            messages: vec!["There is no space left on the Storage Domain.".to_owned()],
        };
    }
    tracing::warn!(%error, "Reading or writing an image failed");
    Error::failed("The image could not be read or written.")
}

impl TransferData {
    /// The transfer.
    #[must_use]
    pub fn id(&self) -> TransferId {
        self.live.id
    }

    /// Which way.
    #[must_use]
    pub fn direction(&self) -> TransferDirection {
        self.live.direction
    }

    /// Bytes: of a download what there is, of an upload what there may be.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    fn range(&self, offset: u64, length: u64) -> Result<()> {
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(Error::invalid(
                "range",
                format!(
                    "The image has room for {} bytes, and this is beyond.",
                    self.size
                ),
            ));
        }
        Ok(())
    }

    fn upload(&self) -> Result<()> {
        if self.live.direction == TransferDirection::Upload {
            Ok(())
        } else {
            Err(Error::conflict(
                "This image is being downloaded; nothing can be written.",
            ))
        }
    }

    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&File) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let _passage = self
            .live
            .gate
            .acquire()
            .await
            .map_err(|_| Error::conflict("The image transfer has been stopped."))?;
        let file = Arc::clone(&self.file);
        let outcome = tokio::task::spawn_blocking(move || work(&file))
            .await
            .map_err(|_| Error::failed("The image could not be read or written."))?;
        self.live.touch(self.clock.monotonic());
        outcome.map_err(io_error)
    }

    /// Writes a piece.
    pub async fn write_at(
        &self,
        offset: u64,
        piece: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<()> {
        self.upload()?;
        let length = piece.as_ref().len();
        if length > LONGEST_PIECE {
            return Err(Error::invalid("piece", "The piece is too long."));
        }
        self.range(offset, length as u64)?;
        self.work(move |file| file.write_all_at(piece.as_ref(), offset))
            .await?;
        self.live.passed.fetch_add(length as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Reads a piece; shorter than asked for at the end.
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let left = self.size.saturating_sub(offset);
        let length = length
            .min(LONGEST_PIECE)
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = self
            .work(move |file| {
                let mut piece = vec![0; length];
                let mut read = 0;
                while read < length {
                    match file.read_at(&mut piece[read..], offset + read as u64) {
                        Ok(0) => break,
                        Ok(more) => read += more,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                piece.truncate(read);
                Ok(piece)
            })
            .await?;
        if self.live.direction == TransferDirection::Download {
            self.live
                .passed
                .fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        Ok(piece)
    }

    /// Writes zeros. Beyond the end they cost no space.
    pub async fn zero(&self, offset: u64, length: u64) -> Result<()> {
        self.upload()?;
        self.range(offset, length)?;
        self.work(move |file| zero(file, offset, length)).await?;
        self.live.passed.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    /// Returns when what was written is on the disk.
    pub async fn flush(&self) -> Result<()> {
        self.work(File::sync_data).await
    }

    /// Where there is data and where there are zeros, in order and without a gap. What takes no
    /// space on the storage reads as zeros; of an upload that is also what has not come yet.
    pub async fn extents(&self) -> Result<Vec<Extent>> {
        let size = self.size;
        self.work(move |file| extents(file, size)).await
    }
}

/// Most extents that are told apart; behind them everything counts as data.
const MOST_EXTENTS: usize = 1 << 16;

fn extents(file: &File, size: u64) -> io::Result<Vec<Extent>> {
    let length = file.metadata()?.len().min(size);
    let mut found: Vec<Extent> = Vec::new();
    let mut add = |start: u64, end: u64, zero: bool| {
        if end <= start {
            return;
        }
        match found.last_mut() {
            Some(last) if last.zero == zero => last.length += end - start,
            _ => found.push(Extent {
                start,
                length: end - start,
                zero,
            }),
        }
    };
    let mut at = 0;
    let mut count = 0;
    while at < length && count < MOST_EXTENTS {
        let begin = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
            Ok(begin) => begin.min(length),
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = match rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(begin)) {
            Ok(end) => end.min(length),
            Err(rustix::io::Errno::NXIO) => length,
            Err(error) => return Err(error.into()),
        };
        add(at, begin, true);
        add(begin, end, false);
        at = end;
        count += 1;
    }
    add(at, length, count < MOST_EXTENTS);
    add(length, size, true);
    Ok(found)
}

/// Makes a part of a file read as zeros, without taking space where the file system can do that.
fn zero(file: &File, offset: u64, length: u64) -> io::Result<()> {
    static BLOCK: [u8; 64 << 10] = [0; 64 << 10];
    let end = offset + length;
    let present = file.metadata()?.len();
    let inside = end.min(present);
    if inside > offset {
        let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        if rustix::fs::fallocate(file, flags, offset, inside - offset).is_err() {
            let mut at = offset;
            while at < inside {
                let piece = (inside - at).min(BLOCK.len() as u64);
                file.write_all_at(&BLOCK[..usize::try_from(piece).unwrap_or(BLOCK.len())], at)?;
                at += piece;
            }
        }
    }
    if end > present {
        file.set_len(end)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_where_a_file_has_data_and_cover_all_of_it() {
        let path = std::env::temp_dir().join(format!("saffron-extents-{}", uuid::Uuid::new_v4()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        const MIB: u64 = 1 << 20;
        file.set_len(16 * MIB).unwrap();
        file.write_all_at(&[7; 4096], 4 * MIB).unwrap();
        file.write_all_at(&[7; 65536], 8 * MIB).unwrap();
        zero(&file, 8 * MIB, 65536).unwrap();
        zero(&file, 15 * MIB, 2 * MIB).unwrap();
        let found = extents(&file, 20 * MIB).unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut at = 0;
        for extent in &found {
            assert_eq!(extent.start, at);
            at += extent.length;
        }
        assert_eq!(at, 20 * MIB, "{found:?}");
        let data: u64 = found.iter().filter(|it| !it.zero).map(|it| it.length).sum();
        assert!((4096..=65536).contains(&data), "{found:?}");
        let inside = found
            .iter()
            .find(|it| it.start <= 4 * MIB && 4 * MIB < it.start + it.length);
        assert!(!inside.unwrap().zero);
        assert!(extents(&file, 0).unwrap().is_empty());
    }
}
