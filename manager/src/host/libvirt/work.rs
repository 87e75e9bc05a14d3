//! Work on disks' content, for real: files by `storage`, a running guest's disks by `block`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use uuid::Uuid;
use virt::connect::Connect;
use virt_sys as sys;

use super::connection::Call;
use super::domain::{get, is_active, running, xml};
use super::domain_facts::device;
use super::domain_xml::{self, Targets};
use super::xml::Element;
use super::{LibvirtHost, block, blocking, domain_facts};
use crate::host::work::{Content, DiskLimits, DiskWork, OvaExport, OvaFile};
use crate::host::{
    DiskSpec, HostError, HostFuture, Plugged, VolumeFormat, VolumeInfo, VolumeRef, VolumeSpec,
};
use crate::image::ova::Ova;

/// Between two looks at a copy under a running guest.
const LOOK: Duration = Duration::from_millis(250);
/// A copy that makes no progress for so long is given up.
const STUCK: Duration = Duration::from_secs(15 * 60);

impl DiskWork for LibvirtHost {
    fn progress(&self, volume: VolumeRef) -> Option<u32> {
        self.inner.images.progress(volume)
    }

    fn stop(&self, volume: VolumeRef) {
        self.inner.images.stop(volume);
    }

    fn volume_duplicate(&self, source: VolumeRef, target: VolumeRef) -> HostFuture<'_, ()> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.duplicate(source, target)))
    }

    fn volume_sparsify(
        &self,
        volume: VolumeRef,
        format: VolumeFormat,
    ) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move { self.inner.images.sparsify(volume, format).await })
    }

    fn volume_wipe(&self, volume: VolumeRef) -> HostFuture<'_, ()> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.wipe(volume)))
    }

    fn volume_import(&self, content: Content, spec: VolumeSpec) -> HostFuture<'_, VolumeInfo> {
        Box::pin(async move { self.inner.images.import(&content, &spec).await })
    }

    fn ova_folder(&self) -> PathBuf {
        self.inner.images.ova_folder()
    }

    fn ova_read(&self, file: OvaFile) -> HostFuture<'_, Ova> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.ova_read(&file)))
    }

    fn ova_write(&self, export: OvaExport) -> HostFuture<'_, ()> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.ova_write(&export)))
    }

    fn ova_written(&self, name: String, stamp: Uuid) -> HostFuture<'_, bool> {
        let images = self.inner.images.clone();
        Box::pin(blocking(move || images.ova_written(&name, stamp)))
    }

    fn disk_mirror(&self, vm: Uuid, target: DiskSpec, spec: VolumeSpec) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let volume = target.source;
            let plugged = Plugged {
                vm,
                disk: target.disk,
            };
            if self.disk_source(plugged).await? == Some(volume) {
                return Ok(());
            }
            self.inner.images.create(&spec).await?;
            let around = self
                .inner
                .surroundings(&[volume.storage_domain], &[])
                .await?;
            let begin = move |c: &_| {
                let document =
                    domain_xml::disk(&target, &mut Targets::default(), None, &around.context())?;
                begin_mirror(c, plugged, &document)
            };
            self.inner
                .connection
                .call(Call::short("mirror a disk"), begin)
                .await?;
            self.until_mirrored(plugged, volume).await
        })
    }

    fn disk_pivot(&self, disk: Plugged, target: VolumeRef) -> HostFuture<'_, ()> {
        Box::pin(async move {
            if self.disk_source(disk).await? == Some(target) {
                return Ok(());
            }
            let call = Call {
                deadline: Duration::from_secs(120),
                ..Call::short("let a guest go on with the copy of its disk")
            };
            self.inner
                .connection
                .call(call, move |c| {
                    let domain = running(c, disk.vm)?;
                    let name = target_of(&xml(&domain, 0)?, disk)?;
                    block::end(&domain, &name, sys::VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
                })
                .await
        })
    }

    fn disk_mirror_end(&self, disk: Plugged) -> HostFuture<'_, ()> {
        let end = move |c: &Connect| {
            let Some(domain) = super::domain::find(c, disk.vm)? else {
                return Ok(());
            };
            if !is_active(&domain)? {
                return Ok(());
            }
            let name = target_of(&xml(&domain, 0)?, disk)?;
            match block::job(&domain, &name)? {
                Some(_) => block::end(&domain, &name, 0),
                None => Ok(()),
            }
        };
        Box::pin(
            self.inner
                .connection
                .call(Call::short("give up the copy of a disk"), end),
        )
    }

    fn disk_source(&self, disk: Plugged) -> HostFuture<'_, Option<VolumeRef>> {
        let look = move |c: &Connect| {
            let Some(domain) = super::domain::find(c, disk.vm)? else {
                return Ok(None);
            };
            let document = xml(&domain, 0)?;
            Ok(device(&document, "disk", disk.disk)
                .and_then(|it| it.find("source"))
                .and_then(|it| domain_facts::volume(it.get("file")?)))
        };
        Box::pin(
            self.inner
                .connection
                .call(Call::short("say where a disk is"), look),
        )
    }

    fn disk_limits(&self, disk: Plugged, limits: DiskLimits) -> HostFuture<'_, ()> {
        let set = move |c: &Connect| {
            let domain = get(c, disk.vm)?;
            if !is_active(&domain)? {
                return Ok(());
            }
            let name = target_of(&xml(&domain, 0)?, disk)?;
            let flags = sys::VIR_DOMAIN_AFFECT_LIVE;
            block::limit(&domain, &name, &limits.named(), flags)
        };
        Box::pin(self.inner.connection.call(Call::short("limit a disk"), set))
    }
}

impl LibvirtHost {
    /// Waits for a mirror to have all of the disk.
    async fn until_mirrored(&self, disk: Plugged, volume: VolumeRef) -> Result<(), HostError> {
        let making = self.inner.images.making(volume);
        let mut last = (0, Instant::now());
        loop {
            let look = move |c: &Connect| {
                let domain = running(c, disk.vm)?;
                let name = target_of(&xml(&domain, 0)?, disk)?;
                let job = block::job(&domain, &name)?.ok_or_else(|| HostError::Failed {
                    what: "the copy of the disk ended before it was complete".to_owned(),
                })?;
                let ready = device(&xml(&domain, 0)?, "disk", disk.disk)
                    .and_then(|it| it.find("mirror"))
                    .is_some_and(|it| it.get("ready") == Some("yes"));
                Ok((job, ready))
            };
            let (job, ready) = self
                .inner
                .connection
                .call(Call::short("say how far a copy is"), look)
                .await?;
            if ready {
                return Ok(());
            }
            making.said(job.done, job.of);
            if job.done != last.0 {
                last = (job.done, Instant::now());
            } else if last.1.elapsed() > STUCK {
                return Err(HostError::Failed {
                    what: "the copy of the disk does not get on".to_owned(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The name by which libvirt knows a domain's disk.
fn target_of(document: &Element, disk: Plugged) -> Result<String, HostError> {
    device(document, "disk", disk.disk)
        .and_then(|it| it.find("target"))
        .and_then(|it| it.get("dev"))
        .map(str::to_owned)
        .ok_or_else(|| HostError::NotFound {
            what: format!("disk {} in domain {}", disk.disk, disk.vm),
        })
}

fn begin_mirror(connection: &Connect, disk: Plugged, target: &Element) -> Result<(), HostError> {
    let domain = running(connection, disk.vm)?;
    let document = xml(&domain, 0)?;
    let name = target_of(&document, disk)?;
    if block::job(&domain, &name)?.is_some() {
        return Ok(());
    }
    // Of a destination only these are said.
    let mut destination = Element::new("disk").attr("type", "file");
    for part in ["driver", "source", "backingStore"] {
        if let Some(part) = target.find(part) {
            destination = destination.child(part.clone());
        }
    }
    let flags = sys::VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | sys::VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB;
    block::copy(&domain, &name, &destination.to_xml(), flags)
}
