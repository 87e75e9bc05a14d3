//! Snapshots on real images and a real guest: what was written comes back, what is removed leaves
//! what stands on it as it was, and a guest goes on from kept memory.

use std::path::PathBuf;
use std::process::Command;

use manager::model::{
    DiskBackup, DiskContentType, DiskFormat, DiskId, DiskInterface, SnapshotId, VmId, VmStatus,
};
use manager::{
    Accepted, Caller, DiskAddParams, DiskAttachParams, DiskSource, Manager, SnapshotAddParams,
    SnapshotUseParams, VmAddParams, VmRemoveParams, VmSettings, VmStartParams, VmStopParams, seed,
};

use super::{LIMIT, Libvirtd, is_up, until, vm_is, volumes};

pub struct Scene<'a> {
    pub libvirtd: &'a Libvirtd,
    pub manager: &'a Manager,
    pub admin: &'a Caller,
    pub vm: VmId,
}

impl Scene<'_> {
    pub async fn done<T>(&self, accepted: Accepted<T>) {
        let Some(job) = accepted.job else { return };
        let job = tokio::time::timeout(LIMIT, self.manager.wait(job))
            .await
            .expect("in time")
            .expect("the job is there");
        let errors: Vec<_> = job
            .steps
            .iter()
            .filter_map(|step| step.error.clone())
            .collect();
        assert_eq!(
            job.status.as_str(),
            "finished",
            "{}: {errors:?}",
            job.description
        );
    }

    pub fn disks(&self) -> Vec<DiskId> {
        let inventory = self.manager.inventory();
        let vm = inventory.vms.get(&self.vm).expect("there");
        vm.disk_attachments.iter().map(|it| it.disk).collect()
    }

    /// The file that a disk is written to, and how.
    fn file(&self, disk: DiskId) -> (PathBuf, &'static str) {
        let inventory = self.manager.inventory();
        let disk = inventory.disks.get(&disk).expect("there");
        let format = match disk.format {
            DiskFormat::Raw => "raw",
            DiskFormat::Cow => "qcow2",
        };
        let folder = self.libvirtd.directory.join("state/images");
        let folder = folder.join(disk.storage_domain.to_string());
        (folder.join(disk.image().to_string()), format)
    }

    fn qemu_io(&self, disk: DiskId, command: &str) -> String {
        let (file, format) = self.file(disk);
        let mut program = Command::new("qemu-io");
        if command.starts_with("read") {
            // The guest that has it open may go on.
            program.args(["-r", "-U"]);
        }
        let output = program
            .args(["-f", format, "-c", command])
            .arg(&file)
            .output()
            .expect("qemu-io");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() || text.contains("verification"),
            "{text}"
        );
        text
    }

    pub fn write(&self, pattern: u8) {
        for disk in self.disks() {
            self.qemu_io(disk, &format!("write -P {pattern} 1M 1M"));
        }
    }

    pub fn holds(&self, pattern: u8) -> bool {
        self.disks().into_iter().all(|disk| {
            let text = self.qemu_io(disk, &format!("read -P {pattern} 1M 1M"));
            !text.contains("verification failed")
        })
    }

    async fn take(&self, name: &str, memory: bool) -> SnapshotId {
        let params = SnapshotAddParams {
            description: name.to_owned(),
            memory,
            disks: None,
        };
        let added = self
            .manager
            .snapshot_add(self.admin, self.vm, params)
            .await
            .expect("accepted");
        let id = added.value.id;
        self.done(added).await;
        id
    }

    async fn remove(&self, id: SnapshotId) {
        let removed = self.manager.snapshot_remove(self.admin, self.vm, id).await;
        self.done(removed.expect("accepted")).await;
    }

    pub async fn start(&self) {
        self.manager
            .vm_start(self.admin, self.vm, VmStartParams::default())
            .await
            .expect("accepted");
        vm_is(self.manager, self.vm, VmStatus::Up).await;
    }

    pub async fn stop(&self) {
        self.manager
            .vm_stop(self.admin, self.vm, VmStopParams::default())
            .await
            .expect("accepted");
        vm_is(self.manager, self.vm, VmStatus::Down).await;
    }

    fn layers(&self) -> Vec<usize> {
        let inventory = self.manager.inventory();
        let layers = |disk| inventory.disks.get(&disk).expect("there").layers().count();
        self.disks().into_iter().map(layers).collect()
    }

    /// What the running guest writes to, as libvirt says.
    fn written(&self) -> Vec<String> {
        let list = self.libvirtd.virsh(&["domblklist", &self.vm.to_string()]);
        let names = list.lines().filter_map(|line| line.rsplit('/').next());
        names.map(str::to_owned).collect()
    }
}

fn disk(name: &str, format: DiskFormat, manager: &Manager) -> DiskAttachParams {
    let inventory = manager.inventory();
    let domain = inventory.storage_domains.iter().find(|it| it.master);
    DiskAttachParams {
        source: DiskSource::New(DiskAddParams {
            id: None,
            name: name.to_owned(),
            description: String::new(),
            storage_domain: Some(domain.expect("a domain").id),
            provisioned_size: 8 << 20,
            format,
            sparse: Some(true),
            content_type: DiskContentType::Data,
            shareable: false,
            wipe_after_delete: None,
            propagate_errors: false,
            backup: DiskBackup::None,
            disk_profile: None,
            quota: None,
        }),
        interface: DiskInterface::Virtio,
        bootable: false,
        active: true,
        read_only: false,
        pass_discard: false,
        uses_scsi_reservation: false,
    }
}

pub async fn vm(manager: &Manager, admin: &Caller) -> Accepted<std::sync::Arc<manager::model::Vm>> {
    let params = VmAddParams {
        name: "kept".to_owned(),
        description: String::new(),
        comment: String::new(),
        cluster: manager
            .inventory()
            .clusters
            .iter()
            .next()
            .expect("a cluster")
            .id,
        template: seed::BLANK,
        instance_type: None,
        delete_protected: false,
        origin: None,
        settings: VmSettings {
            memory: Some(128 << 20),
            ..VmSettings::default()
        },
        disks: vec![
            disk("cow", DiskFormat::Cow, manager),
            disk("raw", DiskFormat::Raw, manager),
        ],
        nics: Vec::new(),
        cdrom: None,
        clone: false,
        template_disks: Vec::new(),
        use_latest_template: false,
        clone_permissions: false,
    };
    manager.vm_add(admin, params).await.expect("accepted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_snapshot_keeps_comes_back_and_what_is_removed_leaves_the_rest_as_it_was() {
    let libvirtd = Libvirtd::start();
    let manager = libvirtd.manager().await;
    until(&manager, LIMIT, "the host is up", is_up).await;
    let admin = Caller::system();
    let made = vm(&manager, &admin).await;
    let scene = Scene {
        libvirtd: &libvirtd,
        manager: &manager,
        admin: &admin,
        vm: made.value.id,
    };
    scene.done(made).await;

    scene.write(1);
    let one = scene.take("one", true).await;
    scene.write(2);
    assert_eq!(scene.layers(), [2, 2]);
    scene.start().await;
    let two = scene.take("two, with memory", true).await;
    let files = |scene: &Scene| -> Vec<String> {
        let disks = scene.disks().into_iter();
        disks
            .map(|disk| {
                scene
                    .file(disk)
                    .0
                    .file_name()
                    .expect("a file")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect()
    };
    for file in files(&scene) {
        assert!(
            scene.written().contains(&file),
            "the guest goes on in {file}"
        );
    }
    scene.stop().await;
    scene.write(3);
    assert!(scene.holds(3) && !scene.holds(2));

    // Back to the first, for good.
    let restored = manager
        .snapshot_restore(&admin, scene.vm, one, SnapshotUseParams::default())
        .await
        .expect("accepted");
    scene.done(restored).await;
    assert!(scene.holds(1));

    // The second is looked at, with its memory, and left again.
    let with_memory = SnapshotUseParams {
        memory: true,
        disks: None,
    };
    let shown = manager
        .snapshot_preview(&admin, scene.vm, two, with_memory)
        .await;
    scene.done(shown.expect("accepted")).await;
    assert!(scene.holds(2));
    scene.start().await;
    scene.stop().await;
    let undone = manager
        .snapshot_undo(&admin, scene.vm)
        .await
        .expect("accepted");
    scene.done(undone).await;
    assert!(scene.holds(1));

    // Two states stand on the first; without the second it can go while the guest runs.
    assert!(
        manager
            .snapshot_remove(&admin, scene.vm, one)
            .await
            .is_err()
    );
    scene.remove(two).await;
    scene.start().await;
    scene.remove(one).await;
    assert_eq!(scene.layers(), [1, 1]);
    assert!(scene.holds(1));
    for file in files(&scene) {
        assert!(
            scene.written().contains(&file),
            "the guest writes to {file}"
        );
    }

    // A chain, whose middle goes while the guest runs and whose rest goes when it does not.
    let mut chain = Vec::new();
    for name in ["a", "b", "c"] {
        chain.push(scene.take(name, false).await);
    }
    scene.remove(chain[1]).await;
    scene.stop().await;
    assert!(scene.holds(1));
    scene.write(4);
    scene.remove(chain[0]).await;
    scene.remove(chain[2]).await;
    assert_eq!(scene.layers(), [1, 1]);
    assert!(scene.holds(4));
    assert_eq!(volumes(&manager).len(), 2);
    scene.start().await;
    scene.stop().await;

    scene.take("last", false).await;
    let removed = manager
        .vm_remove(&admin, scene.vm, VmRemoveParams::default())
        .await;
    scene.done(removed.expect("accepted")).await;
    assert!(volumes(&manager).is_empty(), "nothing is left");
    manager.close().await;
}
