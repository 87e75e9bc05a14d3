//! Work on disks' content in a simulated host: volumes are files, so images are read and written
//! for real; what QEMU would do is left out.

use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use uuid::Uuid;

use super::{SimHost, Volume};
use crate::host::work::{Content, DiskLimits, DiskWork, OvaExport, OvaFile, is_plain_name};
use crate::host::{
    DiskSpec, HostError, HostFuture, Plugged, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec,
};
use crate::image::ova::{self, Ova};
use crate::image::{self, Limits, Window, archive};

fn failed(error: impl ToString) -> HostError {
    HostError::Failed {
        what: error.to_string(),
    }
}

fn missing(volume: VolumeRef) -> HostError {
    HostError::NotFound {
        what: format!("volume {}", volume.volume),
    }
}

impl SimHost {
    fn outside(&self, file: &OvaFile) -> Result<File, HostError> {
        let path = match file {
            OvaFile::Volume {
                storage_domain,
                volume,
            } => self.path(VolumeRef {
                storage_domain: *storage_domain,
                volume: *volume,
            }),
            OvaFile::Folder { name } if is_plain_name(name) => self.ova_folder().join(name),
            OvaFile::Folder { .. } => return Err(failed("no plain name")),
        };
        File::open(path).map_err(|error| HostError::NotFound {
            what: error.to_string(),
        })
    }
}

impl DiskWork for SimHost {
    fn progress(&self, _volume: VolumeRef) -> Option<u32> {
        self.lock().progress
    }

    fn stop(&self, _volume: VolumeRef) {
        self.lock().calls.push("stop");
    }

    fn volume_duplicate(&self, source: VolumeRef, target: VolumeRef) -> HostFuture<'_, ()> {
        self.call("volume_duplicate", move |host, state| {
            let from = *state.volumes.get(&source).ok_or_else(|| missing(source))?;
            if let Entry::Vacant(place) = state.volumes.entry(target) {
                host.make_file(target)?;
                std::fs::copy(host.path(source), host.path(target)).map_err(failed)?;
                place.insert(Volume {
                    backing: from.backing.map(|below| VolumeRef {
                        storage_domain: target.storage_domain,
                        ..below
                    }),
                    ..from
                });
            }
            Ok(())
        })
    }

    fn volume_sparsify(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_sparsify", move |host, state| {
            host.volume_there(state, volume, format)
                .ok_or_else(|| missing(volume))
        })
    }

    fn volume_wipe(&self, volume: VolumeRef) -> HostFuture<'_, ()> {
        self.call("volume_wipe", move |_, state| {
            if state.volumes.contains_key(&volume) {
                state.wiped.push(volume.volume);
            }
            Ok(())
        })
    }

    fn volume_import(&self, content: Content, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        self.call("volume_import", move |host, state| {
            if let Entry::Vacant(place) = state.volumes.entry(spec.volume) {
                let file = host.outside(&content.file)?;
                let length = file.metadata().map_err(failed)?.len();
                let bytes = content
                    .bytes
                    .unwrap_or(length.saturating_sub(content.offset));
                let mut part = Window::new(&file, content.offset, bytes);
                image::inspect(content.format, &mut part, &Limits::default()).map_err(failed)?;
                let mut part = Window::new(&file, content.offset, bytes);
                if let Some(digest) = &content.digest
                    && !digest.matches(&mut part).map_err(failed)?
                {
                    return Err(failed("the image is not what its archive's manifest says"));
                }
                let mut part = Window::new(&file, content.offset, bytes);
                let mut target = host.make_file(spec.volume)?;
                std::io::copy(&mut part, &mut target).map_err(failed)?;
                place.insert(Volume {
                    format: spec.format,
                    virtual_bytes: spec.virtual_bytes,
                    backing: None,
                });
            }
            host.volume_there(state, spec.volume, spec.format)
                .ok_or_else(|| missing(spec.volume))
        })
    }

    fn ova_folder(&self) -> PathBuf {
        self.directory.join("ova")
    }

    fn ova_read(&self, file: OvaFile) -> HostFuture<'_, Ova> {
        self.call("ova_read", move |host, _| {
            let mut file = host.outside(&file)?;
            ova::read(&mut file, &Limits::default()).map_err(failed)
        })
    }

    fn ova_write(&self, export: OvaExport) -> HostFuture<'_, ()> {
        self.call("ova_write", move |host, _| {
            std::fs::create_dir_all(host.ova_folder()).map_err(failed)?;
            let path = host.ova_folder().join(&export.name);
            if let Ok(there) = std::fs::read(&path) {
                let there = String::from_utf8_lossy(&there).into_owned();
                return if there.contains(&export.stamp.to_string()) {
                    Ok(())
                } else {
                    Err(failed(format!("there is a file {} already", export.name)))
                };
            }
            let mut bytes = Vec::new();
            let mut add = |name: &str, content: &[u8]| {
                let head = archive::file_header(name, content.len() as u64, 0);
                bytes.extend_from_slice(&head.ok_or_else(|| failed("a long name"))?);
                bytes.extend_from_slice(content);
                bytes.resize(bytes.len().next_multiple_of(512), 0);
                Ok::<(), HostError>(())
            };
            add("vm.ovf", export.description.as_bytes())?;
            for (volume, name) in &export.disks {
                add(name, &std::fs::read(host.path(*volume)).map_err(failed)?)?;
            }
            bytes.extend_from_slice(&[0; 1024]);
            File::create(&path)
                .and_then(|mut file| file.write_all(&bytes))
                .map_err(failed)
        })
    }

    fn ova_written(&self, name: String, stamp: Uuid) -> HostFuture<'_, bool> {
        self.call("ova_written", move |host, _| {
            let Ok(file) = File::open(host.ova_folder().join(name)) else {
                return Ok(false);
            };
            let mut begin = Vec::new();
            file.take(16 << 10)
                .read_to_end(&mut begin)
                .map_err(failed)?;
            Ok(String::from_utf8_lossy(&begin).contains(&stamp.to_string()))
        })
    }

    fn disk_mirror(&self, vm: Uuid, target: DiskSpec, volume: VolumeSpec) -> HostFuture<'_, ()> {
        self.call("disk_mirror", move |host, state| {
            let domain = Self::running_of(state, vm)?;
            let source = domain
                .spec
                .disks
                .iter()
                .find(|disk| disk.disk == target.disk)
                .map(|disk| disk.source)
                .ok_or_else(|| missing(target.source))?;
            if let Entry::Vacant(place) = state.volumes.entry(target.source) {
                host.make_file(target.source)?;
                std::fs::copy(host.path(source), host.path(target.source)).map_err(failed)?;
                place.insert(Volume {
                    format: target.format,
                    virtual_bytes: volume.virtual_bytes,
                    backing: None,
                });
            }
            if source != target.source {
                state.mirrors.insert((vm, target.disk), target.source);
            }
            Ok(())
        })
    }

    fn disk_pivot(&self, disk: Plugged, target: VolumeRef) -> HostFuture<'_, ()> {
        self.call("disk_pivot", move |_, state| {
            let mirror = state.mirrors.remove(&(disk.vm, disk.disk));
            let domain = Self::running_of(state, disk.vm)?;
            let it = domain
                .spec
                .disks
                .iter_mut()
                .find(|it| it.disk == disk.disk)
                .ok_or_else(|| missing(target))?;
            if it.source == target {
                return Ok(());
            }
            if mirror != Some(target) {
                return Err(failed("there is no mirror"));
            }
            it.source = target;
            it.backing.clear();
            Ok(())
        })
    }

    fn disk_mirror_end(&self, disk: Plugged) -> HostFuture<'_, ()> {
        self.call("disk_mirror_end", move |_, state| {
            state.mirrors.remove(&(disk.vm, disk.disk));
            Ok(())
        })
    }

    fn disk_source(&self, disk: Plugged) -> HostFuture<'_, Option<VolumeRef>> {
        self.call("disk_source", move |_, state| {
            Ok(state.domains.get(&disk.vm).and_then(|domain| {
                domain
                    .spec
                    .disks
                    .iter()
                    .find(|it| it.disk == disk.disk)
                    .map(|it| it.source)
            }))
        })
    }

    fn disk_limits(&self, disk: Plugged, limits: DiskLimits) -> HostFuture<'_, ()> {
        self.call("disk_limits", move |_, state| {
            let domain = Self::running_of(state, disk.vm)?;
            for it in &mut domain.spec.disks {
                if it.disk == disk.disk {
                    it.limits = limits;
                }
            }
            Ok(())
        })
    }
}
