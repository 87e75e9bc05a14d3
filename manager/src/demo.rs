//! A first VM for a newcomer: Debian's graphical installer, booted from a kernel that a package of
//! Debian brings.

use std::path::Path;
use std::sync::Arc;

use crate::Manager;
use crate::caller::Caller;
use crate::command::{
    DiskAddParams, DiskAttachParams, DiskSource, NicAddParams, VmAddParams, VmSettings,
    VmStartParams,
};
use crate::error::{Error, Result};
use crate::model::{
    DiskBackup, DiskContentType, DiskFormat, DiskInterface, StorageDomain, Vm, VmStatus,
};
use crate::seed;

/// The demo's VM.
const NAME: &str = "debian-installer";
/// Where the package `debian-installer-12-netboot-amd64` puts its files.
const FILES: &str = "/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64";
const GIB: u64 = 1 << 30;

impl Manager {
    /// Makes a VM that boots Debian's graphical installer, and starts it. Does nothing to one that
    /// is there already but start it.
    pub async fn demo(&self) -> Result<Arc<Vm>> {
        let caller = Caller::system();
        let inventory = self.inventory();
        if let Some(vm) = inventory.vm_by_name(NAME, None) {
            return self.demo_start(&caller, vm).await;
        }
        let domain = inventory
            .storage_domains
            .iter()
            .find(|domain| domain.master)
            .ok_or_else(|| Error::not_found("storage domain"))?;
        let kernel = copy(domain, "linux", "debian-installer-linux").await?;
        let initrd = copy(domain, "initrd.gz", "debian-installer-initrd.gz").await?;
        let cluster = inventory
            .hosts
            .iter()
            .next()
            .map(|host| host.cluster)
            .ok_or_else(|| Error::not_found("host"))?;
        let profile = inventory
            .vnic_profiles
            .iter()
            .find(|profile| profile.name == seed::MANAGEMENT_NETWORK)
            .map(|profile| profile.id);
        let made = self
            .vm_add(
                &caller,
                VmAddParams {
                    name: NAME.to_owned(),
                    description: "Debian's graphical installer, to try the console with".to_owned(),
                    comment: String::new(),
                    cluster,
                    template: seed::BLANK,
                    instance_type: None,
                    delete_protected: false,
                    origin: None,
                    settings: VmSettings {
                        memory: Some(GIB),
                        os_type: Some("debian_9".to_owned()),
                        kernel: Some(kernel),
                        initrd: Some(initrd),
                        cmdline: Some("vga=788 --- quiet".to_owned()),
                        ..VmSettings::default()
                    },
                    disks: vec![DiskAttachParams {
                        source: DiskSource::New(DiskAddParams {
                            id: None,
                            name: format!("{NAME}_Disk1"),
                            description: String::new(),
                            storage_domain: Some(domain.id),
                            provisioned_size: 8 * GIB,
                            format: DiskFormat::Cow,
                            sparse: Some(true),
                            content_type: DiskContentType::Data,
                            shareable: false,
                            wipe_after_delete: None,
                            propagate_errors: false,
                            quota: None,
                            backup: DiskBackup::None,
                            disk_profile: None,
                        }),
                        interface: DiskInterface::Virtio,
                        bootable: true,
                        active: true,
                        read_only: false,
                        pass_discard: true,
                        uses_scsi_reservation: false,
                    }],
                    nics: vec![NicAddParams {
                        name: "nic1".to_owned(),
                        interface: None,
                        mac: None,
                        vnic_profile: profile,
                        linked: None,
                        plugged: None,
                    }],
                    cdrom: None,
                    clone: false,
                    template_disks: Vec::new(),
                    use_latest_template: false,
                    clone_permissions: false,
                },
            )
            .await?;
        if let Some(job) = made.job {
            self.wait(job).await;
        }
        let inventory = self.inventory();
        let vm = inventory
            .vms
            .get(&made.value.id)
            .ok_or_else(|| Error::failed("The demo's disk could not be made; see the events."))?;
        self.demo_start(&caller, vm).await
    }

    async fn demo_start(&self, caller: &Caller, vm: &Arc<Vm>) -> Result<Arc<Vm>> {
        if vm.run.status != VmStatus::Down {
            return Ok(Arc::clone(vm));
        }
        self.vm_start(caller, vm.id, VmStartParams::default())
            .await
            .map(|started| started.value)
    }
}

/// Copies a file of the installer to where only the manager writes, complete or not at all.
async fn copy(domain: &StorageDomain, file: &str, name: &str) -> Result<String> {
    let source = Path::new(FILES).join(file);
    let target = Path::new(&domain.path).join(name);
    let shown = target.display().to_string();
    tokio::task::spawn_blocking(move || {
        let directory = target.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(directory)?;
        let unfinished = target.with_extension("unfinished");
        std::fs::copy(&source, &unfinished)?;
        std::fs::rename(&unfinished, &target)
    })
    .await
    .map_err(|_| Error::failed("The demo's files could not be copied."))?
    .map_err(|error| {
        Error::failed(format!(
            "The demo needs the package debian-installer-12-netboot-amd64: {FILES}/{file}: {error}"
        ))
    })?;
    Ok(shown)
}
