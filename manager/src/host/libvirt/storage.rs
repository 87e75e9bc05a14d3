//! Volumes of a storage domain on this machine: files in `images/<storage domain>`, each named by
//! the id of its disk, in a directory pool of libvirt's.
//!
//! The files are made, grown and removed here and not through libvirt's volume calls, because
//! those go by the format that libvirt has guessed from a file's content, which a guest can write
//! (CVE-2026-24708). Here the format is always the one that we have declared, and `qemu-img` is
//! started without a shell, with fixed arguments and limits.
//!
//! What is being made has a name of its own (`.<id>.<random>.part`) and gets the real one when it
//! is complete and on the disk, so that a crash never leaves half a volume. No name of a user's is
//! ever part of a path, and nothing is opened through a link.

mod files;
mod import;
mod ova;
mod place;
mod qemu_img;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use tokio::sync::Notify;
use uuid::Uuid;
use virt::connect::Connect;
use virt::error::ErrorNumber;

use self::qemu_img::{Run, qemu_img};
use super::connection::failed;
use super::domain_xml::volume_path;
use super::xml::Element;
use super::{blocking, lock};
use crate::host::{
    Backing, Chain, HostError, PoolInfo, VolumeAccess, VolumeFormat, VolumeInfo, VolumeRef,
    VolumeSpec,
};
use crate::image::{self, ImageError, ImageFormat, Limits};

/// Creating and resizing need no more than the tables of an image.
const QUICK: Duration = Duration::from_secs(60);
/// Copying a disk.
const COPY: Duration = Duration::from_secs(6 * 3600);
const MAX_VIRTUAL_BYTES: u64 = 64 << 40;

/// The images of this machine.
#[derive(Debug, Clone)]
pub(super) struct Images {
    root: PathBuf,
    /// Files that are being made, so that tidying up leaves them alone.
    unfinished: Arc<Mutex<HashSet<String>>>,
    /// Per cent of what makes a volume.
    progress: Arc<Mutex<HashMap<VolumeRef, u32>>>,
    /// How the work that makes a volume is told to stop.
    stops: Arc<Mutex<HashMap<VolumeRef, Arc<Notify>>>>,
}

impl Images {
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            unfinished: Arc::default(),
            progress: Arc::default(),
            stops: Arc::default(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directory, and removes what was left unfinished by an earlier run.
    pub fn prepare(&self, storage_domain: Uuid) -> Result<PoolInfo, HostError> {
        let path = self.root.join(storage_domain.to_string());
        std::fs::create_dir_all(&path).map_err(|e| io(&e, "the storage domain's directory"))?;
        let directory = self.directory(storage_domain)?;
        for name in names(&directory)? {
            let kept = lock(&self.unfinished).contains(&name);
            if name.starts_with('.') && name.ends_with(".part") && !kept {
                let _ = rustix::fs::unlinkat(&directory, &name, AtFlags::empty());
            }
        }
        space(&directory)
    }

    fn directory(&self, storage_domain: Uuid) -> Result<OwnedFd, HostError> {
        let path = self.root.join(storage_domain.to_string());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| match e {
            Errno::NOENT => HostError::NotFound {
                what: format!("storage domain {storage_domain}"),
            },
            e => errno(e, "the storage domain's directory"),
        })
    }

    /// Whether its file system can go around its cache, as disks shall. Some (tmpfs) cannot.
    pub fn direct_io(&self, storage_domain: Uuid) -> bool {
        let Ok(part) = Part::new(self, storage_domain, Uuid::nil()) else {
            return false;
        };
        let made = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::DIRECT | OFlags::CLOEXEC;
        rustix::fs::openat(&part.directory, &part.name, made, Mode::RUSR | Mode::WUSR).is_ok()
    }

    /// Opens a volume's file.
    pub fn open(&self, volume: VolumeRef, access: VolumeAccess) -> Result<File, HostError> {
        let directory = self.directory(volume.storage_domain)?;
        let name = volume.volume.to_string();
        // NONBLOCK: opening a pipe that somebody has put there must not wait for ever.
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let flags = match access {
            VolumeAccess::Read => flags | OFlags::RDONLY,
            VolumeAccess::Write => flags | OFlags::RDWR,
            VolumeAccess::Replace => flags | OFlags::RDWR | OFlags::CREATE,
        };
        let fd = match rustix::fs::openat(&directory, &name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => fd,
            Err(Errno::LOOP) => self.open_placed(&directory, volume, flags)?.into(),
            Err(Errno::NOENT) => return Err(not_found(volume)),
            Err(Errno::NXIO) => return Err(not_regular(volume)),
            Err(e) => return Err(errno(e, "a volume")),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|e| errno(e, "a volume"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular(volume));
        }
        let file = File::from(fd);
        if access == VolumeAccess::Replace {
            file.set_len(0).map_err(|e| io(&e, "a volume"))?;
        }
        Ok(file)
    }

    /// What is known of it.
    pub fn info(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> Result<Option<VolumeInfo>, HostError> {
        let mut file = match self.open(volume, VolumeAccess::Read) {
            Ok(file) => file,
            Err(HostError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| errno(e, "a volume"))?;
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let file_bytes = number(stat.st_size);
        let virtual_bytes = match format {
            VolumeFormat::Raw => file_bytes,
            VolumeFormat::Qcow2 => {
                image::qcow2_virtual_bytes(&mut file).map_err(|e| refused(&e))?
            }
        };
        let actual_bytes = number(stat.st_blocks) * 512;
        Ok(Some(VolumeInfo {
            volume,
            format,
            virtual_bytes,
            actual_bytes,
            file_bytes,
        }))
    }

    fn must_be(&self, volume: VolumeRef, format: VolumeFormat) -> Result<VolumeInfo, HostError> {
        self.info(volume, format)?.ok_or_else(|| not_found(volume))
    }

    /// The volumes there are.
    pub fn list(&self, storage_domain: Uuid) -> Result<Vec<VolumeRef>, HostError> {
        let mut volumes: Vec<VolumeRef> = names(&self.directory(storage_domain)?)?
            .iter()
            .filter_map(|name| {
                let volume: Uuid = name.parse().ok()?;
                // Other spellings of a UUID are not our names.
                (volume.to_string() == *name).then_some(VolumeRef {
                    storage_domain,
                    volume,
                })
            })
            .collect();
        volumes.sort();
        Ok(volumes)
    }

    /// Makes a volume; one that is there is left alone.
    pub async fn create(&self, spec: &VolumeSpec) -> Result<VolumeInfo, HostError> {
        let bytes = size(spec.virtual_bytes)?;
        if let Some(info) = self.info(spec.volume, spec.format)? {
            return Ok(info);
        }
        let part = Part::new(self, spec.volume.storage_domain, spec.volume.volume)?;
        let mut options = format!(
            "preallocation={}",
            if spec.sparse { "off" } else { "falloc" }
        );
        if spec.format == VolumeFormat::Qcow2 {
            options.push_str(",compat=1.1");
        }
        let below = spec
            .backing
            .map(|below| self.below(spec, below))
            .transpose()?;
        let mut arguments = vec!["create", "-q", "-f", spec.format.as_str(), "-o", &options];
        if let Some((name, format)) = &below {
            // Unsafe is QEMU's word for not opening what is named, which we have looked at.
            arguments.extend(["-u", "-b", name.as_str(), "-F", format.as_str()]);
        }
        arguments.push("--");
        qemu_img(&arguments, &[&part.path()], &[&bytes.to_string()], QUICK).await?;
        let volume = spec.volume;
        blocking(move || part.finish(volume)).await?;
        self.must_be(spec.volume, spec.format)
    }

    /// What a new volume's header says that it stands on: a file beside it, by its name alone, so
    /// that the directory can be moved.
    fn below(
        &self,
        spec: &VolumeSpec,
        below: Backing,
    ) -> Result<(String, VolumeFormat), HostError> {
        let fits = spec.format == VolumeFormat::Qcow2
            && spec.sparse
            && below.volume.storage_domain == spec.volume.storage_domain;
        if !fits {
            return Err(HostError::Invalid {
                field: "backing",
                reason: "is for sparse qcow2 volumes in the same storage domain".to_owned(),
            });
        }
        self.must_be(below.volume, below.format)?;
        Ok((below.volume.volume.to_string(), below.format))
    }

    /// A volume for qemu-img with everything that it stands on said, so that QEMU takes nothing
    /// from what the images themselves name.
    pub(super) fn declared(&self, chain: &Chain) -> Result<String, HostError> {
        let mut below = None;
        let layers = std::iter::once((chain.volume, chain.format)).chain(
            chain
                .backing
                .iter()
                .map(|layer| (layer.volume, layer.format)),
        );
        let layers: Vec<_> = layers.collect();
        for (volume, format) in layers.into_iter().rev() {
            let path = volume_path(&self.root, volume);
            let path = path.to_str().ok_or_else(|| HostError::Invalid {
                field: "images directory",
                reason: "must have a name in UTF-8".to_owned(),
            })?;
            let mut node = serde_json::json!({
                "driver": format.as_str(),
                "file": { "driver": "file", "filename": path },
            });
            if format == VolumeFormat::Qcow2 {
                node["backing"] = below.take().unwrap_or(serde_json::Value::Null);
            }
            below = Some(node);
        }
        Ok(format!("json:{}", below.unwrap_or_default()))
    }

    /// Makes a volume with another one's content.
    pub async fn copy(&self, source: &Chain, spec: &VolumeSpec) -> Result<VolumeInfo, HostError> {
        if let Some(info) = self.info(spec.volume, spec.format)? {
            return Ok(info);
        }
        // What qemu-img is to read was acceptable when it came; it is looked at again all the same,
        // as this is where it would follow a reference to another file. What stands on something
        // was made here, and what it stands on is declared; only the lowest can have come from
        // outside.
        let lowest = source
            .backing
            .last()
            .map_or((source.volume, source.format), |it| (it.volume, it.format));
        let mut file = self.open(lowest.0, VolumeAccess::Read)?;
        let format = match lowest.1 {
            VolumeFormat::Raw => ImageFormat::Raw,
            VolumeFormat::Qcow2 => ImageFormat::Qcow2,
        };
        let limits = Limits {
            virtual_bytes: MAX_VIRTUAL_BYTES,
            snapshots: u32::from(u16::MAX),
        };
        image::inspect(format, &mut file, &limits).map_err(|e| refused(&e))?;
        let there = self.must_be(source.volume, source.format)?.virtual_bytes;
        let there = there.next_multiple_of(512);
        let part = Part::new(self, spec.volume.storage_domain, spec.volume.volume)?;
        let declared = self.declared(source)?;
        let arguments = [
            "convert",
            "-q",
            "-O",
            spec.format.as_str(),
            "--",
            declared.as_str(),
        ];
        let target = part.path();
        let making = self.making(spec.volume);
        let run = Run {
            paths: &[&target],
            progress: Some(&|done| making.say(done)),
            ..Run::new(&arguments, COPY)
        };
        making.or_stopped(run.go()).await?;
        let wanted = size(spec.virtual_bytes.max(there))?;
        if wanted > there {
            resize_file(&target, spec.format, wanted).await?;
        }
        let volume = spec.volume;
        blocking(move || part.finish(volume)).await?;
        self.must_be(spec.volume, spec.format)
    }

    /// Makes a volume part of what it stands on. Its own content stays, so that this can be
    /// repeated after it was cut short.
    pub async fn merge(
        &self,
        chain: &Chain,
        above: Option<VolumeRef>,
    ) -> Result<VolumeInfo, HostError> {
        let Some(base) = chain.backing.first() else {
            return Err(HostError::Invalid {
                field: "chain",
                reason: "stands on nothing".to_owned(),
            });
        };
        self.must_be(chain.volume, chain.format)?;
        self.must_be(base.volume, base.format)?;
        let declared = self.declared(chain)?;
        let arguments = ["commit", "-q", "-d", "--", declared.as_str()];
        qemu_img(&arguments, &[], &[], COPY).await?;
        if let Some(above) = above {
            // Only what its header says, which nothing here goes by; its content is not touched.
            let name = base.volume.volume.to_string();
            let arguments = [
                "rebase",
                "-q",
                "-u",
                "-f",
                "qcow2",
                "-b",
                name.as_str(),
                "-F",
                base.format.as_str(),
                "--",
            ];
            let path = volume_path(&self.root, above);
            qemu_img(&arguments, &[&path], &[], QUICK).await?;
        }
        self.must_be(base.volume, base.format)
    }

    /// Grows a volume that nobody has open.
    pub async fn resize(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
        bytes: u64,
    ) -> Result<VolumeInfo, HostError> {
        if self.growth(volume, format, bytes)? {
            resize_file(&self.file_of(volume), format, size(bytes)?).await?;
        }
        self.must_be(volume, format)
    }

    /// Whether a volume must grow to have this size. Never shrinks.
    pub fn growth(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
        bytes: u64,
    ) -> Result<bool, HostError> {
        let (now, wanted) = (self.must_be(volume, format)?.virtual_bytes, size(bytes)?);
        if wanted < now {
            return Err(HostError::Invalid {
                field: "size",
                reason: format!("must be at least {now} bytes"),
            });
        }
        Ok(wanted > now)
    }

    /// Removes a volume.
    pub fn delete(&self, volume: VolumeRef) -> Result<(), HostError> {
        let directory = match self.directory(volume.storage_domain) {
            Ok(directory) => directory,
            Err(HostError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        match rustix::fs::unlinkat(&directory, volume.volume.to_string(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(errno(e, "a volume")),
        }
        self.unplace(&directory, volume);
        rustix::fs::fsync(&directory).map_err(|e| errno(e, "the storage domain's directory"))
    }
}

/// Work that makes a volume, while it goes on.
pub(super) struct Making {
    progress: Arc<Mutex<HashMap<VolumeRef, u32>>>,
    stops: Arc<Mutex<HashMap<VolumeRef, Arc<Notify>>>>,
    stop: Arc<Notify>,
    volume: VolumeRef,
}

impl Making {
    fn say(&self, done: u32) {
        lock(&self.progress).insert(self.volume, done.min(100));
    }

    pub fn said(&self, done: u64, of: u64) {
        let share = u128::from(done) * 100 / u128::from(of.max(1));
        self.say(u32::try_from(share).unwrap_or(100));
    }
}

impl Making {
    /// Does the work, unless it is told to stop: then it is dropped, and its process ends with it.
    pub async fn or_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, HostError>>,
    ) -> Result<T, HostError> {
        tokio::select! {
            () = self.stop.notified() => Err(HostError::Failed {
                what: "The work was cancelled.".to_owned(),
            }),
            done = work => done,
        }
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        lock(&self.stops).remove(&self.volume);
        lock(&self.progress).remove(&self.volume);
    }
}

impl Images {
    pub fn making(&self, volume: VolumeRef) -> Making {
        let making = Making {
            progress: Arc::clone(&self.progress),
            stops: Arc::clone(&self.stops),
            stop: Arc::default(),
            volume,
        };
        making.say(0);
        lock(&self.stops).insert(volume, Arc::clone(&making.stop));
        making
    }

    /// Tells the work that makes a volume to stop, if some goes on.
    pub fn stop(&self, volume: VolumeRef) {
        if let Some(stop) = lock(&self.stops).get(&volume) {
            stop.notify_one();
        }
    }

    /// Per cent of the work that makes a volume.
    pub fn progress(&self, volume: VolumeRef) -> Option<u32> {
        lock(&self.progress).get(&volume).copied()
    }
}

/// A file that is being made. Removed when dropped before it is finished.
struct Part {
    images: Images,
    storage_domain: Uuid,
    directory: OwnedFd,
    name: String,
}

impl Part {
    fn new(images: &Images, storage_domain: Uuid, volume: Uuid) -> Result<Self, HostError> {
        let directory = images.directory(storage_domain)?;
        let name = format!(".{volume}.{}.part", Uuid::new_v4().simple());
        lock(&images.unfinished).insert(name.clone());
        Ok(Self {
            images: images.clone(),
            storage_domain,
            directory,
            name,
        })
    }

    fn path(&self) -> PathBuf {
        self.images
            .root
            .join(self.storage_domain.to_string())
            .join(&self.name)
    }

    /// Puts it on the disk and gives it its name. Another one that has the name already wins.
    fn finish(self, volume: VolumeRef) -> Result<(), HostError> {
        let what = "a volume";
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.directory, &self.name, flags, Mode::empty())
            .map_err(|e| errno(e, what))?;
        rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR).map_err(|e| errno(e, what))?;
        rustix::fs::fsync(&fd).map_err(|e| errno(e, what))?;
        let name = volume.volume.to_string();
        match rustix::fs::linkat(
            &self.directory,
            &self.name,
            &self.directory,
            &name,
            AtFlags::empty(),
        ) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(errno(e, what)),
        }
        rustix::fs::fsync(&self.directory).map_err(|e| errno(e, what))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        lock(&self.images.unfinished).remove(&self.name);
    }
}

async fn resize_file(path: &Path, format: VolumeFormat, bytes: u64) -> Result<(), HostError> {
    match format {
        VolumeFormat::Raw => {
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let fd =
                rustix::fs::open(path, flags, Mode::empty()).map_err(|e| errno(e, "a volume"))?;
            rustix::fs::ftruncate(&fd, bytes).map_err(|e| errno(e, "a volume"))
        }
        VolumeFormat::Qcow2 => {
            qemu_img(
                &["resize", "-q", "-f", "qcow2", "--"],
                &[path],
                &[&bytes.to_string()],
                QUICK,
            )
            .await
        }
    }
}

fn names(directory: &OwnedFd) -> Result<Vec<String>, HostError> {
    let entries = rustix::fs::Dir::read_from(directory)
        .map_err(|e| errno(e, "the storage domain's directory"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| errno(e, "the storage domain's directory"))?;
        if let Ok(name) = entry.file_name().to_str() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn space(directory: &OwnedFd) -> Result<PoolInfo, HostError> {
    let stat =
        rustix::fs::fstatvfs(directory).map_err(|e| errno(e, "the storage domain's space"))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(PoolInfo {
        capacity_bytes: bytes(stat.f_blocks),
        used_bytes: bytes(stat.f_blocks.saturating_sub(stat.f_bfree)),
        available_bytes: bytes(stat.f_bavail),
    })
}

/// A size that a disk can have.
fn size(bytes: u64) -> Result<u64, HostError> {
    if bytes == 0 || bytes > MAX_VIRTUAL_BYTES {
        return Err(HostError::Invalid {
            field: "size",
            reason: format!("must be 1 to {MAX_VIRTUAL_BYTES} bytes"),
        });
    }
    Ok(bytes.next_multiple_of(512))
}

fn not_found(volume: VolumeRef) -> HostError {
    HostError::NotFound {
        what: format!("volume {}", volume.volume),
    }
}

fn not_regular(volume: VolumeRef) -> HostError {
    HostError::Failed {
        what: format!("volume {} is not a regular file", volume.volume),
    }
}

fn refused(error: &ImageError) -> HostError {
    HostError::Failed {
        what: error.to_string(),
    }
}

fn errno(error: Errno, what: &str) -> HostError {
    io(&std::io::Error::from(error), what)
}

fn io(error: &std::io::Error, what: &str) -> HostError {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => HostError::NoSpace {
            what: what.to_owned(),
        },
        _ => HostError::Failed {
            what: format!("{what} cannot be used: {error}"),
        },
    }
}

/// Makes libvirt know the directory as a pool, which it never starts: a pool's start and refresh
/// guess the format of every file from its content, raw disks' too, and open whatever file of the
/// host that content names as a backing file. Domains name their volumes' files.
pub(super) fn ensure_pool(
    connection: &Connect,
    images: &Path,
    storage_domain: Uuid,
) -> Result<(), HostError> {
    let pool = match connection.lookup_storage_pool_by_uuid(storage_domain) {
        Ok(pool) => pool,
        Err(error) if error.code().is(ErrorNumber::NoStoragePool) => {
            let path = images.join(storage_domain.to_string());
            let path = path.to_str().ok_or_else(|| HostError::Invalid {
                field: "images directory",
                reason: "must have a name in UTF-8".to_owned(),
            })?;
            let definition = Element::new("pool")
                .attr("type", "dir")
                .child(Element::new("name").text(format!("saffron-{storage_domain}")))
                .child(Element::new("uuid").text(storage_domain.to_string()))
                .child(Element::new("target").child(Element::new("path").text(path)));
            connection
                .define_storage_pool_xml(&definition.to_xml(), 0)
                .map_err(|e| failed(&e))?
        }
        Err(error) => return Err(failed(&error)),
    };
    pool.set_autostart(false).map_err(|e| failed(&e))?;
    if pool.is_active().map_err(|e| failed(&e))? {
        // Which leaves the files as they are.
        pool.destroy().map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// Makes libvirt forget the pool.
pub(super) fn forget_pool(connection: &Connect, storage_domain: Uuid) -> Result<(), HostError> {
    let pool = match connection.lookup_storage_pool_by_uuid(storage_domain) {
        Ok(pool) => pool,
        Err(error) if error.code().is(ErrorNumber::NoStoragePool) => return Ok(()),
        Err(error) => return Err(failed(&error)),
    };
    if pool.is_active().map_err(|e| failed(&e))? {
        pool.destroy().map_err(|e| failed(&e))?;
    }
    pool.undefine().map_err(|e| failed(&e))
}
