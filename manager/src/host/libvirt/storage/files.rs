//! Volumes as files: copied with their holes, wiped, and given room back for their zeros.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use rustix::fs::{FallocateFlags, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use super::{COPY, Images, Making, Part, Run, errno, io as file_error, refused};
use crate::host::{Chain, HostError, VolumeAccess, VolumeFormat, VolumeInfo, VolumeRef};
use crate::image::{self, ImageFormat, Limits};

/// Bytes copied at a time.
const PIECE: usize = 1 << 20;

/// Calls `with` for each part of a file that takes space, in order.
fn each_part(
    file: &File,
    mut with: impl FnMut(u64, u64) -> io::Result<()>,
) -> Result<u64, HostError> {
    let length = file
        .metadata()
        .map_err(|e| file_error(&e, "a volume"))?
        .len();
    let mut at = 0;
    while at < length {
        let begin = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(begin) => begin,
            // There is none behind here.
            Err(Errno::NXIO) => break,
            Err(e) => return Err(errno(e, "a volume")),
        };
        let end = match rustix::fs::seek(file, SeekFrom::Hole(begin)) {
            Ok(end) => end,
            Err(Errno::NXIO) => break,
            Err(e) => return Err(errno(e, "a volume")),
        };
        with(begin, end.min(length)).map_err(|e| file_error(&e, "a volume"))?;
        at = end;
    }
    Ok(length)
}

/// Copies the parts of `source` that take space.
pub(super) fn copy_file(source: &File, target: &File, making: &Making) -> Result<(), HostError> {
    let length = source
        .metadata()
        .map_err(|e| file_error(&e, "a volume"))?
        .len();
    let mut buffer = vec![0; PIECE];
    let length = each_part(source, |begin, end| {
        let mut at = begin;
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let read = source.read_at(&mut buffer[..most], at)?;
            if read == 0 {
                break;
            }
            target.write_all_at(&buffer[..read], at)?;
            at += read as u64;
            making.said(at, length);
        }
        Ok(())
    })?;
    target
        .set_len(length)
        .map_err(|e| file_error(&e, "a volume"))?;
    // What was taken in advance is taken in advance there too.
    let facts = source.metadata().map_err(|e| file_error(&e, "a volume"))?;
    if length > 0 && facts.blocks().saturating_mul(512) >= length {
        rustix::fs::fallocate(target, FallocateFlags::empty(), 0, length)
            .map_err(|e| errno(e, "a volume"))?;
    }
    target.sync_data().map_err(|e| file_error(&e, "a volume"))
}

impl Part {
    /// Makes the file, empty.
    pub(super) fn make(&self) -> Result<File, HostError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, &self.name, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|e| errno(e, "a volume"))
    }
}

impl Images {
    /// Makes a volume's file a copy of another one's.
    pub fn duplicate(&self, source: VolumeRef, target: VolumeRef) -> Result<(), HostError> {
        match self.open(target, VolumeAccess::Read) {
            Ok(_) => return Ok(()),
            Err(HostError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let source = self.open(source, VolumeAccess::Read)?;
        let part = Part::new(self, target.storage_domain, target.volume)?;
        let making = self.making(target);
        copy_file(&source, &part.make()?, &making)?;
        part.finish(target)
    }

    /// Overwrites with zeros what a volume has on the storage.
    pub fn wipe(&self, volume: VolumeRef) -> Result<(), HostError> {
        let file = match self.open(volume, VolumeAccess::Write) {
            Ok(file) => file,
            Err(HostError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let making = self.making(volume);
        let zeros = vec![0; PIECE];
        let length = file
            .metadata()
            .map_err(|e| file_error(&e, "a volume"))?
            .len();
        each_part(&file, |begin, end| {
            let mut at = begin;
            while at < end {
                let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
                file.write_all_at(&zeros[..most], at)?;
                at += most as u64;
                making.said(at, length);
            }
            Ok(())
        })?;
        file.sync_data().map_err(|e| file_error(&e, "a volume"))
    }

    /// Gives the space of a volume's zeros back.
    pub async fn sparsify(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> Result<VolumeInfo, HostError> {
        match format {
            VolumeFormat::Raw => {
                let images = self.clone();
                super::blocking(move || images.punch(volume)).await?;
            }
            VolumeFormat::Qcow2 => self.rewrite(volume).await?,
        }
        self.must_be(volume, format)
    }

    /// Makes holes of a raw volume's zeros.
    fn punch(&self, volume: VolumeRef) -> Result<(), HostError> {
        let file = self.open(volume, VolumeAccess::Write)?;
        let making = self.making(volume);
        let length = file
            .metadata()
            .map_err(|e| file_error(&e, "a volume"))?
            .len();
        let mut buffer = vec![0; 64 << 10];
        each_part(&file, |begin, end| {
            let mut at = begin;
            while at < end {
                let most = usize::try_from(end - at)
                    .unwrap_or(buffer.len())
                    .min(buffer.len());
                let read = file.read_at(&mut buffer[..most], at)?;
                if read == 0 {
                    break;
                }
                if buffer[..read].iter().all(|byte| *byte == 0) {
                    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                    rustix::fs::fallocate(&file, flags, at, read as u64)?;
                }
                at += read as u64;
                making.said(at, length);
            }
            Ok(())
        })?;
        file.sync_data().map_err(|e| file_error(&e, "a volume"))
    }

    /// Writes a qcow2 volume anew, without its zeros, and puts that in its place.
    async fn rewrite(&self, volume: VolumeRef) -> Result<(), HostError> {
        let mut file = self.open(volume, VolumeAccess::Read)?;
        let limits = Limits {
            virtual_bytes: super::MAX_VIRTUAL_BYTES,
            snapshots: u32::from(u16::MAX),
        };
        image::inspect(ImageFormat::Qcow2, &mut file, &limits).map_err(|e| refused(&e))?;
        let part = Part::new(self, volume.storage_domain, volume.volume)?;
        let declared = self.declared(&Chain::plain(volume, VolumeFormat::Qcow2))?;
        let arguments = [
            "convert",
            "-q",
            "-O",
            "qcow2",
            "-S",
            "4k",
            "-o",
            "compat=1.1",
            "--",
            &declared,
        ];
        let target = part.path();
        let making = self.making(volume);
        let run = Run {
            paths: &[&target],
            progress: Some(&|done| making.say(done)),
            ..Run::new(&arguments, COPY)
        };
        run.go().await?;
        super::blocking(move || part.replace(volume)).await
    }
}

impl Part {
    /// Puts it on the disk and in the place of the volume that is there.
    fn replace(self, volume: VolumeRef) -> Result<(), HostError> {
        let what = "a volume";
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty())
            .map_err(|e| errno(e, what))?;
        rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR).map_err(|e| errno(e, what))?;
        rustix::fs::fsync(&fd).map_err(|e| errno(e, what))?;
        rustix::fs::renameat(
            &self.directory,
            &self.name,
            &self.directory,
            volume.volume.to_string(),
        )
        .map_err(|e| errno(e, what))?;
        rustix::fs::fsync(&self.directory).map_err(|e| errno(e, what))
    }
}

/// Reads all of a file into a digest; for what must be what was announced.
pub(super) fn digest_matches(
    digest: &image::ova::Digest,
    file: &mut impl io::Read,
) -> Result<bool, HostError> {
    digest.matches(file).map_err(|e| file_error(&e, "an image"))
}
