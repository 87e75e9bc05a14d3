//! `--demo`: a first virtual machine for a newcomer to look at, booted from the kernel that
//! Debian's network installer package brings. Made once; whoever deletes it is not given another
//! unless no machine is left at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use manager::model::{
    DiskBackup, DiskContentType, DiskFormat, DiskInterface, HostStatus,
    StorageDomainStatus, TemplateId, VmId,
};
use manager::{
    Caller, DiskAddParams, DiskAttachParams, DiskSource, Inventory, Manager, VmAddParams,
    VmSettings, VmStartParams,
};

/// Where Debian's packages put their installers.
const INSTALLERS: &str = "/usr/lib/debian-installer/images";
/// How long the host may take until it can run something.
const PATIENCE: Duration = Duration::from_secs(180);

const GIB: u64 = 1024 * 1024 * 1024;

/// Why there is no first machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The package is not installed.
    #[error("no installer is found below {INSTALLERS}: install debian-installer-12-netboot-amd64")]
    NoInstaller,
    /// Nothing can run it yet.
    #[error("no host and storage domain was ready in time")]
    NotReady,
    /// The manager refused.
    #[error(transparent)]
    Manager(#[from] manager::Error),
}

/// Makes the machine and starts it, as soon as a host can run it.
pub(crate) async fn make(manager: &Manager) -> Result<Option<VmId>, Error> {
    let (kernel, initrd) = installer(Path::new(INSTALLERS)).ok_or(Error::NoInstaller)?;
    let mut changes = manager.subscribe();
    let ready = async {
        while !is_ready(&manager.inventory()) {
            // Lagging is no harm: the inventory is looked at, not the change.
            let _ = changes.next().await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.map_err(|_| Error::NotReady)?;
    let inventory = manager.inventory();
    if !inventory.vms.is_empty() {
        return Ok(None);
    }
    let caller = Caller::system();
    let cluster = inventory.hosts.iter().map(|host| host.cluster).next().ok_or(Error::NotReady)?;
    let added = manager.vm_add(&caller, machine(cluster, &kernel, &initrd)).await?;
    if let Some(job) = &added.job {
        manager.wait(job).await;
    }
    let vm = added.value.id;
    manager.vm_start(&caller, vm, VmStartParams::default()).await?;
    Ok(Some(vm))
}

fn is_ready(inventory: &Inventory) -> bool {
    inventory.hosts.iter().any(|host| host.status == HostStatus::Up)
        && inventory
            .storage_domains
            .iter()
            .any(|domain| domain.status == StorageDomainStatus::Active)
}

fn machine(cluster: manager::model::ClusterId, kernel: &Path, initrd: &Path) -> VmAddParams {
    VmAddParams {
        name: "debian-installer".to_owned(),
        description: "Debian's installer, to look at: delete it when you like".to_owned(),
        comment: String::new(),
        cluster,
        template: TemplateId::ZERO,
        instance_type: None,
        delete_protected: false,
        origin: None,
        settings: VmSettings {
            memory: Some(GIB),
            cores: Some(1),
            os_type: Some("debian_9".to_owned()),
            kernel: Some(kernel.display().to_string()),
            initrd: Some(initrd.display().to_string()),
            cmdline: Some("vga=788 ---".to_owned()),
            ..VmSettings::default()
        },
        disks: vec![DiskAttachParams {
            source: DiskSource::New(DiskAddParams {
                id: None,
                name: "debian-installer_Disk1".to_owned(),
                description: String::new(),
                storage_domain: None,
                provisioned_size: 8 * GIB,
                format: DiskFormat::Cow,
                sparse: Some(true),
                content_type: DiskContentType::Data,
                shareable: false,
                wipe_after_delete: None,
                propagate_errors: false,
                backup: DiskBackup::None,
            }),
            interface: DiskInterface::Virtio,
            bootable: true,
            active: true,
            read_only: false,
            pass_discard: false,
            uses_scsi_reservation: false,
        }],
        nics: Vec::new(),
        cdrom: None,
    }
}

/// Kernel and initial ram disk of the newest installer, the graphical one in preference.
fn installer(installers: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir(installers)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    versions.sort();
    versions.iter().rev().find_map(|version| {
        ["gtk", "text"].into_iter().find_map(|kind| {
            let folder = version.join("amd64").join(kind).join("debian-installer/amd64");
            let (kernel, initrd) = (folder.join("linux"), folder.join("initrd.gz"));
            (kernel.is_file() && initrd.is_file()).then_some((kernel, initrd))
        })
    })
}
