//! The manager on a real libvirtd of the test's own, with real QEMU: the life of a VM, through a
//! libvirtd that is killed, a manager that is stopped, and with nothing left at the end. Needs
//! root, libvirtd and QEMU.

#![allow(clippy::unwrap_used, reason = "tests")]

mod snapshots;
mod templates;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use manager::model::{
    BootDevice, DiskBackup, DiskContentType, DiskFormat, DiskInterface, GraphicsType, HostStatus,
    Secret, StorageDomainStatus, VmId, VmStatus,
};
use manager::{
    Caller, Config, DiskAddParams, DiskAttachParams, DiskSource, Inventory, Manager, NicAddParams,
    VmAddParams, VmRemoveParams, VmSettings, VmStartParams, VmStopParams, seed,
};

/// How soon everything must be right again after something has come back.
const SOON: Duration = Duration::from_secs(10);
/// Long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A libvirtd of the test's own, ended and removed when dropped.
struct Libvirtd {
    directory: PathBuf,
}

impl Libvirtd {
    fn start() -> Self {
        // Short, because the path of a UNIX socket is.
        let number = uuid::Uuid::new_v4().as_u128() & 0xffff_ffff;
        let libvirtd = Self {
            directory: PathBuf::from(format!("/tmp/sfm-{number:08x}")),
        };
        libvirtd.script("start");
        libvirtd
    }

    fn script(&self, action: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lab/libvirtd.sh");
        let output = Command::new("sh")
            .arg(script)
            .arg(action)
            .arg(&self.directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{action}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn virsh(&self, arguments: &[&str]) -> String {
        let uri = self.script("uri");
        let output = Command::new("virsh")
            .args(["-q", "-c", &uri])
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    async fn manager(&self) -> Manager {
        let mut config = Config::new(self.directory.join("state"));
        config.libvirt_uri = self.script("uri");
        config.host_name = "real1".to_owned();
        config.admin_password = Some(Secret::new("correct horse battery"));
        Manager::open(config).await.unwrap()
    }
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        for network in self.virsh(&["net-list", "--name"]).lines() {
            self.virsh(&["net-destroy", network.trim()]);
        }
        self.script("purge");
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn until(
    manager: &Manager,
    limit: Duration,
    what: &str,
    mut fits: impl FnMut(&Inventory) -> bool,
) -> Duration {
    let begin = Instant::now();
    let mut changes = manager.subscribe();
    let waiting = async {
        while !fits(&manager.inventory()) {
            let _ = changes.next().await;
        }
    };
    let state = || {
        let inventory = manager.inventory();
        let last: Vec<_> = inventory
            .events
            .newest_first()
            .take(5)
            .map(|event| event.description.clone())
            .collect();
        format!("{what}; the last events: {last:#?}")
    };
    assert!(
        tokio::time::timeout(limit, waiting).await.is_ok(),
        "not in time: {}",
        state()
    );
    begin.elapsed()
}

fn is_up(inventory: &Inventory) -> bool {
    inventory
        .hosts
        .iter()
        .all(|host| host.status == HostStatus::Up)
        && inventory
            .storage_domains
            .iter()
            .all(|it| it.status == StorageDomainStatus::Active)
}

async fn vm_is(manager: &Manager, vm: VmId, status: VmStatus) {
    until(
        manager,
        LIMIT,
        &format!("the VM is {status}"),
        |inventory| {
            inventory
                .vms
                .get(&vm)
                .is_some_and(|vm| vm.run.status == status)
                && inventory.operations.is_empty()
        },
    )
    .await;
}

async fn add_vm(manager: &Manager, admin: &Caller) -> VmId {
    let inventory = manager.inventory();
    let disk = DiskAddParams {
        quota: None,
        id: None,
        name: "real1_Disk1".to_owned(),
        description: String::new(),
        storage_domain: None,
        provisioned_size: 64 << 20,
        format: DiskFormat::Cow,
        sparse: None,
        content_type: DiskContentType::Data,
        shareable: false,
        wipe_after_delete: None,
        propagate_errors: false,
        backup: DiskBackup::None,
        disk_profile: None,
    };
    let added = manager
        .vm_add(
            admin,
            VmAddParams {
                name: "real-vm".to_owned(),
                description: "a <real> VM & more".to_owned(),
                comment: String::new(),
                cluster: inventory.clusters.iter().next().unwrap().id,
                template: seed::BLANK,
                instance_type: None,
                delete_protected: false,
                origin: None,
                settings: VmSettings {
                    memory: Some(64 << 20),
                    graphics: Some(vec![GraphicsType::Spice, GraphicsType::Vnc]),
                    boot_devices: Some(vec![BootDevice::Hd]),
                    ..VmSettings::default()
                },
                disks: vec![DiskAttachParams {
                    source: DiskSource::New(disk),
                    interface: DiskInterface::Virtio,
                    bootable: true,
                    active: true,
                    read_only: false,
                    pass_discard: false,
                    uses_scsi_reservation: false,
                }],
                nics: vec![NicAddParams {
                    name: "nic1".to_owned(),
                    interface: None,
                    mac: None,
                    vnic_profile: inventory.vnic_profiles.iter().next().map(|it| it.id),
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
        .await
        .unwrap();
    let job = manager.wait(added.job.unwrap()).await.unwrap();
    assert_eq!(job.status.as_str(), "finished", "{:?}", job.steps);
    added.value.id
}

/// The ways to log in that an RFB server offers.
fn rfb_security(address: &str, port: u16) -> Vec<u8> {
    use std::io::{Read as _, Write as _};
    let mut server = std::net::TcpStream::connect((address, port)).unwrap();
    server.set_read_timeout(Some(SOON)).unwrap();
    let mut version = [0; 12];
    server.read_exact(&mut version).unwrap();
    assert!(version.starts_with(b"RFB 003.00"), "{version:?}");
    server.write_all(b"RFB 003.008\n").unwrap();
    let mut count = [0];
    server.read_exact(&mut count).unwrap();
    let mut kinds = vec![0; usize::from(count[0])];
    server.read_exact(&mut kinds).unwrap();
    kinds
}

/// The files of the storage domain.
fn volumes(manager: &Manager) -> Vec<String> {
    let path = manager
        .inventory()
        .storage_domains
        .iter()
        .next()
        .unwrap()
        .path
        .clone();
    let mut names: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vm_lives_through_a_killed_libvirtd_and_a_stopped_manager_and_leaves_nothing() {
    let libvirtd = Libvirtd::start();
    let manager = libvirtd.manager().await;
    until(&manager, LIMIT, "the host is up", is_up).await;
    let admin = Caller::system();
    let host = manager.inventory().hosts.iter().next().unwrap().clone();
    let facts = host.report.clone().unwrap();
    assert!(
        !facts.acceleration_reason.is_empty() && facts.memory > 0,
        "{facts:?}"
    );
    assert!(
        host.status_detail.contains(&facts.acceleration_reason),
        "{}",
        host.status_detail
    );

    let vm = add_vm(&manager, &admin).await;
    let disk = manager.inventory().vms.get(&vm).unwrap().disk_attachments[0].disk;
    assert_eq!(volumes(&manager), [disk.to_string()]);

    manager
        .vm_start(&admin, vm, VmStartParams::default())
        .await
        .unwrap();
    vm_is(&manager, vm, VmStatus::Up).await;
    assert_eq!(libvirtd.virsh(&["list", "--name"]), vm.to_string());
    let run = manager.inventory().vms.get(&vm).unwrap().run.clone();
    for protocol in [GraphicsType::Spice, GraphicsType::Vnc] {
        let console = run
            .graphics
            .iter()
            .find(|it| it.protocol == protocol)
            .unwrap();
        assert!(console.port.is_some(), "{run:?}");
    }
    let ticket = manager.vm_ticket(&admin, vm, None).await.unwrap();
    assert_eq!(ticket.value.expose().len(), 8, "RFB looks at no more");
    let vnc = run
        .graphics
        .iter()
        .find(|it| it.protocol == GraphicsType::Vnc)
        .unwrap();
    assert_eq!(
        rfb_security(&vnc.address, vnc.port.unwrap()),
        [2],
        "VNC asks for its password"
    );
    let picture = manager.vm_screenshot(&admin, vm).await.unwrap();
    assert_eq!(&picture[1..4], b"PNG");

    // Its libvirtd is killed: the guest goes on, and all is right again soon.
    libvirtd.script("kill");
    until(&manager, LIMIT, "the loss is seen", |inventory| {
        !is_up(inventory)
    })
    .await;
    assert_eq!(
        manager.inventory().vms.get(&vm).unwrap().run.status,
        VmStatus::Up
    );
    libvirtd.script("start");
    let took = until(&manager, LIMIT, "the host is back", is_up).await;
    assert!(took < SOON, "{took:?}");
    let after = manager.inventory().vms.get(&vm).unwrap().run.clone();
    assert_eq!(
        (after.status, after.epoch, after.start_time),
        (VmStatus::Up, 1, run.start_time)
    );

    // The manager ends and another one begins: the same.
    manager.close().await;
    drop(manager);
    let manager = libvirtd.manager().await;
    let took = until(&manager, LIMIT, "the host is up", is_up).await;
    assert!(took < SOON, "{took:?}");
    assert_eq!(
        manager.inventory().vms.get(&vm).unwrap().run.status,
        VmStatus::Up
    );
    assert_eq!(libvirtd.virsh(&["list", "--name"]), vm.to_string());

    // It ends behind our back, while nobody is there to see it.
    manager.close().await;
    drop(manager);
    libvirtd.virsh(&["destroy", &vm.to_string()]);
    let manager = libvirtd.manager().await;
    vm_is(&manager, vm, VmStatus::Down).await;
    until(&manager, LIMIT, "the host is up", is_up).await;

    // Suspended, restored, stopped, removed.
    manager
        .vm_start(&admin, vm, VmStartParams::default())
        .await
        .unwrap();
    vm_is(&manager, vm, VmStatus::Up).await;
    manager.vm_suspend(&admin, vm).await.unwrap();
    vm_is(&manager, vm, VmStatus::Suspended).await;
    assert_eq!(libvirtd.virsh(&["list", "--name"]), "");
    manager
        .vm_start(&admin, vm, VmStartParams::default())
        .await
        .unwrap();
    vm_is(&manager, vm, VmStatus::Up).await;
    manager.vm_reset(&admin, vm).await.unwrap();
    vm_is(&manager, vm, VmStatus::Up).await;
    manager
        .vm_stop(&admin, vm, VmStopParams::default())
        .await
        .unwrap();
    vm_is(&manager, vm, VmStatus::Down).await;
    let removed = manager
        .vm_remove(&admin, vm, VmRemoveParams::default())
        .await
        .unwrap();
    let job = manager.wait(removed.job.unwrap()).await.unwrap();
    assert_eq!(job.status.as_str(), "finished", "{:?}", job.steps);
    assert_eq!(libvirtd.virsh(&["list", "--all", "--name"]), "");
    assert!(volumes(&manager).is_empty());
    assert!(manager.inventory().vms.is_empty() && manager.inventory().disks.is_empty());
    manager.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_while_libvirtd_was_away_is_done_when_it_is_back() {
    let libvirtd = Libvirtd::start();
    let manager = libvirtd.manager().await;
    until(&manager, LIMIT, "the host is up", is_up).await;
    let admin = Caller::system();
    let vm = add_vm(&manager, &admin).await;
    manager
        .vm_start(&admin, vm, VmStartParams::default())
        .await
        .unwrap();
    vm_is(&manager, vm, VmStatus::Up).await;
    libvirtd.script("kill");
    let stopped = manager
        .vm_stop(&admin, vm, VmStopParams::default())
        .await
        .unwrap();
    libvirtd.script("start");
    let begin = Instant::now();
    let job = manager.wait(stopped.job.unwrap()).await.unwrap();
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    assert_eq!(job.status.as_str(), "finished", "{:?}", job.steps);
    assert_eq!(
        manager.inventory().vms.get(&vm).unwrap().run.status,
        VmStatus::Down
    );
    assert_eq!(libvirtd.virsh(&["list", "--name"]), "");
    manager.close().await;
}
