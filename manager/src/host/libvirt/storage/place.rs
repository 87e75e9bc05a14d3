//! Volumes whose files stay where they are, as those of adopted domains: in the storage domain's
//! directory there is a link of that name, which QEMU follows, and beside it a note of ours that
//! says the same. A link without its note is not followed, so a link alone opens nothing.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{Images, errno, io, not_regular, refused};
use crate::host::{HostError, VolumeFormat, VolumeInfo, VolumeRef};
use crate::image::{self, ImageFormat, Limits};

const MAX_PATH: usize = 4096;

fn note(volume: VolumeRef) -> String {
    format!(".{}.place", volume.volume)
}

fn wrong(reason: &str) -> HostError {
    HostError::Invalid {
        field: "path",
        reason: reason.to_owned(),
    }
}

/// Opens the file at a path, if it is a regular one and no link leads to it.
fn open_at(path: &Path, flags: OFlags) -> Result<File, HostError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| errno(e, "the file"))?;
    let stat = rustix::fs::fstat(&fd).map_err(|e| errno(e, "the file"))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(wrong("must lead to a regular file"));
    }
    Ok(File::from(fd))
}

impl Images {
    /// Where a volume's file is that was left in its place; `None` for any other.
    pub(super) fn placed(&self, directory: &OwnedFd, volume: VolumeRef) -> Option<PathBuf> {
        let name = volume.volume.to_string();
        let target = rustix::fs::readlinkat(directory, &name, Vec::new()).ok()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(directory, note(volume), flags, Mode::empty()).ok()?;
        let mut said = vec![0; MAX_PATH + 1];
        let length = rustix::io::read(&fd, &mut said[..]).ok()?;
        let target = target.to_str().ok()?;
        (said.get(..length)? == target.as_bytes()).then(|| PathBuf::from(target))
    }

    /// Opens the file of a volume that was left in its place.
    pub(super) fn open_placed(
        &self,
        directory: &OwnedFd,
        volume: VolumeRef,
        flags: OFlags,
    ) -> Result<File, HostError> {
        match self.placed(directory, volume) {
            Some(path) => open_at(&path, flags - OFlags::CREATE),
            None => Err(not_regular(volume)),
        }
    }

    /// The path of a volume's own file.
    pub(super) fn file_of(&self, volume: VolumeRef) -> PathBuf {
        self.directory(volume.storage_domain)
            .ok()
            .and_then(|directory| self.placed(&directory, volume))
            .unwrap_or_else(|| super::volume_path(&self.root, volume))
    }

    /// Makes a volume of a file that stays where it is.
    pub fn place(
        &self,
        volume: VolumeRef,
        path: &Path,
        format: VolumeFormat,
    ) -> Result<VolumeInfo, HostError> {
        let text = path
            .to_str()
            .filter(|text| text.len() <= MAX_PATH && !text.chars().any(char::is_control))
            .ok_or_else(|| wrong("must be of printable characters"))?;
        // No link anywhere on the way: what is looked at now is what will be opened later.
        let real = std::fs::canonicalize(path).map_err(|e| io(&e, "the file"))?;
        if real != path {
            return Err(wrong("must lead to the file without a link"));
        }
        let own = std::fs::canonicalize(&self.root).map_err(|e| io(&e, "the images"))?;
        if real.starts_with(own) {
            return Err(wrong("must not lead into a storage domain"));
        }
        let mut file = open_at(path, OFlags::RDONLY)?;
        let declared = match format {
            VolumeFormat::Raw => ImageFormat::Raw,
            VolumeFormat::Qcow2 => ImageFormat::Qcow2,
        };
        image::inspect(declared, &mut file, &Limits::default()).map_err(|e| refused(&e))?;
        self.prepare(volume.storage_domain)?;
        let directory = self.directory(volume.storage_domain)?;
        let name = volume.volume.to_string();
        if self.placed(&directory, volume).as_deref() != Some(path) {
            let what = "a volume";
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
            let fd = rustix::fs::openat(
                &directory,
                note(volume),
                flags | OFlags::CLOEXEC,
                Mode::RUSR | Mode::WUSR,
            )
            .map_err(|e| errno(e, what))?;
            let mut left = text.as_bytes();
            while !left.is_empty() {
                let written = rustix::io::write(&fd, left).map_err(|e| errno(e, what))?;
                left = left.get(written..).unwrap_or_default();
            }
            rustix::fs::fsync(&fd).map_err(|e| errno(e, what))?;
            match rustix::fs::symlinkat(path, &directory, &name) {
                Ok(()) => {}
                Err(Errno::EXIST) if self.placed(&directory, volume).as_deref() == Some(path) => {}
                Err(e) => return Err(errno(e, what)),
            }
            rustix::fs::fsync(&directory).map_err(|e| errno(e, what))?;
        }
        self.must_be(volume, format)
    }

    /// Forgets the note of a volume that is removed. The file stays.
    pub(super) fn unplace(&self, directory: &OwnedFd, volume: VolumeRef) {
        // There is one of few volumes only.
        let _ = rustix::fs::unlinkat(directory, note(volume), AtFlags::empty());
    }
}
