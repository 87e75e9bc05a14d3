//! OVA files in their one folder, `ova` beside the storage domains' directories: read for imports,
//! written for exports. Nothing is opened through a link, and no name leads out of the folder.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use uuid::Uuid;

use super::{Images, errno, io as file_error, refused};
use crate::host::work::{OvaExport, OvaFile, is_plain_name};
use crate::host::{HostError, VolumeAccess};
use crate::image::{Limits, archive, ova};

const FOLDER: &str = "ova";
/// Where an OVA's description says which operation made it: near the beginning.
const STAMP_REACH: u64 = 16 << 10;

fn wrong_name() -> HostError {
    HostError::Invalid {
        field: "filename",
        reason: "must be a plain file name".to_owned(),
    }
}

impl Images {
    /// The folder.
    pub fn ova_folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    pub(super) fn ova_path(&self, name: &str) -> Result<PathBuf, HostError> {
        if is_plain_name(name) {
            Ok(self.ova_folder().join(name))
        } else {
            Err(wrong_name())
        }
    }

    fn ova_directory(&self) -> Result<OwnedFd, HostError> {
        let what = "the folder of OVA files";
        let path = self.ova_folder();
        std::fs::create_dir_all(&path).map_err(|e| file_error(&e, what))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| errno(e, what))
    }

    pub(super) fn open_ova(&self, name: &str) -> Result<File, HostError> {
        if !is_plain_name(name) {
            return Err(wrong_name());
        }
        let directory = self.ova_directory()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let not_regular = || HostError::Failed {
            what: format!("{name} is not a regular file"),
        };
        let fd =
            rustix::fs::openat(&directory, name, flags, Mode::empty()).map_err(|e| match e {
                Errno::NOENT => HostError::NotFound {
                    what: format!("{name} in {}", self.ova_folder().display()),
                },
                Errno::LOOP | Errno::NXIO => not_regular(),
                e => errno(e, "an OVA file"),
            })?;
        let stat = rustix::fs::fstat(&fd).map_err(|e| errno(e, "an OVA file"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular());
        }
        Ok(File::from(fd))
    }

    /// Reads what an OVA has.
    pub fn ova_read(&self, file: &OvaFile) -> Result<ova::Ova, HostError> {
        let mut file = self.outside(file)?;
        ova::read(&mut file, &Limits::default()).map_err(|e| refused(&e))
    }

    /// Whether an OVA of that name was made by this operation.
    pub fn ova_written(&self, name: &str, stamp: Uuid) -> Result<bool, HostError> {
        let file = match self.open_ova(name) {
            Ok(file) => file,
            Err(HostError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut begin = Vec::new();
        file.take(STAMP_REACH)
            .read_to_end(&mut begin)
            .map_err(|e| file_error(&e, "an OVA file"))?;
        let stamp = stamp.to_string();
        Ok(begin
            .windows(stamp.len())
            .any(|window| window == stamp.as_bytes()))
    }

    /// Writes an OVA: complete under a name of its own first.
    pub fn ova_write(&self, export: &OvaExport) -> Result<(), HostError> {
        let what = "an OVA file";
        if !is_plain_name(&export.name) {
            return Err(wrong_name());
        }
        if self.ova_written(&export.name, export.stamp)? {
            return Ok(());
        }
        let directory = self.ova_directory()?;
        let unfinished = format!(".{}.part", export.stamp);
        // Left behind by an attempt of the same operation.
        let _ = rustix::fs::unlinkat(&directory, &unfinished, AtFlags::empty());
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&directory, &unfinished, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| errno(e, what))?;
        let written = self
            .write_archive(File::from(fd), export)
            .and_then(|()| {
                rustix::fs::linkat(
                    &directory,
                    &unfinished,
                    &directory,
                    &export.name,
                    AtFlags::empty(),
                )
                .map_err(|e| match e {
                    Errno::EXIST => HostError::Failed {
                        what: format!("there is a file {} already", export.name),
                    },
                    e => errno(e, what),
                })
            })
            .and_then(|()| rustix::fs::fsync(&directory).map_err(|e| errno(e, what)));
        let _ = rustix::fs::unlinkat(&directory, &unfinished, AtFlags::empty());
        written
    }

    fn write_archive(&self, mut file: File, export: &OvaExport) -> Result<(), HostError> {
        let failed = |e: &std::io::Error| file_error(e, "an OVA file");
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let head =
            |name: &str, bytes: u64| archive::file_header(name, bytes, now).ok_or_else(wrong_name);
        let text = export.description.as_bytes();
        let making = export.disks.first().map(|(volume, _)| self.making(*volume));
        file.write_all(&head("vm.ovf", text.len() as u64)?)
            .and_then(|()| file.write_all(text))
            .map_err(|e| failed(&e))?;
        pad(&mut file).map_err(|e| failed(&e))?;
        let count = export.disks.len() as u64;
        for (number, (volume, name)) in (0u64..).zip(&export.disks) {
            let source = self.open(*volume, VolumeAccess::Read)?;
            let bytes = source.metadata().map_err(|e| failed(&e))?.len();
            // QEMU reads a part of a file only in whole sectors.
            let padded = bytes.next_multiple_of(512);
            file.write_all(&head(name, padded)?)
                .map_err(|e| failed(&e))?;
            let mut left = source.take(bytes);
            let mut buffer = vec![0; 1 << 20];
            let mut done = 0u64;
            loop {
                let read = left.read(&mut buffer).map_err(|e| failed(&e))?;
                if read == 0 {
                    break;
                }
                file.write_all(&buffer[..read]).map_err(|e| failed(&e))?;
                done += read as u64;
                if let Some(making) = &making {
                    let share = done.saturating_mul(100) / bytes.max(1);
                    making.said(number * 100 + share, count * 100);
                }
            }
            if done != bytes {
                return Err(HostError::Failed {
                    what: "a disk became shorter while it was exported".to_owned(),
                });
            }
            pad(&mut file).map_err(|e| failed(&e))?;
        }
        file.write_all(&[0; 1024])
            .and_then(|()| file.sync_all())
            .map_err(|e| failed(&e))
    }
}

/// Fills up to the next block of an archive.
fn pad(file: &mut File) -> std::io::Result<()> {
    let at = file.stream_position()?;
    let missing = at.next_multiple_of(512) - at;
    file.write_all(&vec![0; usize::try_from(missing).unwrap_or(0)])
}
