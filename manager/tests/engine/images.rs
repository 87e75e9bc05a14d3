//! Disks moved and thinned out, archives imported and exported, limits of throughput.

use std::time::Duration;

use manager::host::DiskWork as _;
use manager::image::archive::file_header;
use manager::image::ovf::{Appliance, ApplianceNic, Bus, ExportDisk};
use manager::model::{
    DiskFormat, DiskId, DiskProfile, DiskStatus, HostId, JobStatus, QosType, StorageDomainId,
    TransferDirection, TransferPhase, VmStatus,
};
use manager::{
    DiskAddParams, DiskCopyParams, DiskUpdateParams, ErrorKind, OvaImportParams, OvaSource,
    ProfileParams, QosParams, StorageDomainAddParams, TransferAddParams,
};

use crate::site::{Site, refusal};

const GIB: u64 = 1 << 30;

pub fn host(site: &Site) -> HostId {
    let inventory = site.manager.inventory();
    inventory.hosts.iter().next().expect("a host").id
}

/// A storage domain beside the first one.
pub async fn second_domain(site: &Site) -> StorageDomainId {
    let params = StorageDomainAddParams {
        name: "second".to_owned(),
        description: String::new(),
        comment: String::new(),
        host: host(site),
        path: None,
        wipe_after_delete: false,
    };
    let domain = site
        .manager
        .storage_domain_add(&site.admin, params)
        .await
        .expect("added")
        .id;
    site.until("the domain is active", |inventory| {
        inventory
            .storage_domains
            .get(&domain)
            .is_some_and(|it| it.status.as_str() == "active")
    })
    .await;
    domain
}

/// An empty qcow2 image of 1 GiB.
pub fn qcow2() -> Vec<u8> {
    let mut bytes = vec![0u8; 4 * 65536];
    let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    set(0, b"QFI\xfb");
    set(4, &3u32.to_be_bytes());
    set(20, &16u32.to_be_bytes());
    set(24, &GIB.to_be_bytes());
    set(36, &2u32.to_be_bytes());
    set(40, &(3u64 * 65536).to_be_bytes());
    set(48, &65536u64.to_be_bytes());
    set(56, &1u32.to_be_bytes());
    set(96, &4u32.to_be_bytes());
    set(100, &104u32.to_be_bytes());
    bytes
}

pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        bytes.extend_from_slice(&file_header(name, content.len() as u64, 0).expect("short"));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

fn described(name: &str, disk: &str) -> String {
    let appliance = Appliance {
        name: name.to_owned(),
        description: "From elsewhere".to_owned(),
        os: Some("debian_9".to_owned()),
        memory: 768 << 20,
        cpus: (1, 2, 1),
        bios: Some("q35_sea_bios".to_owned()),
        disks: Vec::new(),
        nics: vec![ApplianceNic {
            name: "nic1".to_owned(),
            model: Some("e1000"),
            network: Some("ovirtmgmt".to_owned()),
        }],
    };
    let disk = ExportDisk {
        id: disk.to_owned(),
        file: "disk".to_owned(),
        file_bytes: 1,
        capacity: GIB,
        alias: "system".to_owned(),
        bus: Bus::Virtio,
        boot: true,
    };
    appliance.write("x", &[disk], "00000000-0000-0000-0000-000000000000")
}

/// An archive with a VM that has one disk.
pub fn ova(name: &str) -> Vec<u8> {
    tar(&[
        ("vm.ovf", described(name, "one").as_bytes()),
        ("disk", &qcow2()),
    ])
}

fn import(site: &Site, source: OvaSource) -> OvaImportParams {
    OvaImportParams {
        name: None,
        source,
        cluster: site.cluster(),
        storage_domain: None,
        host: None,
        sparse: None,
    }
}

fn place(site: &Site, disk: DiskId) -> Vec<StorageDomainId> {
    site.host
        .volume_places()
        .into_iter()
        .filter(|volume| volume.volume == disk.0)
        .map(|volume| StorageDomainId(volume.storage_domain))
        .collect()
}

#[tokio::test]
async fn a_disk_moves_with_its_machine_down_or_running() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 2).await;
    let [first, second] = [0, 1].map(|at| site.vm(vm).disk_attachments[at].disk);
    let from = site.domain();
    let to = second_domain(&site).await;
    let moved = site
        .manager
        .disk_move(&site.admin, first, to)
        .await
        .expect("accepted");
    assert_eq!(moved.value.status, DiskStatus::Locked);
    assert!(site.finished(&moved).await);
    assert_eq!(site.disk(first).storage_domain, to);
    assert_eq!(site.disk(first).status, DiskStatus::Ok);
    assert_eq!(place(&site, first), [to]);
    let profile = site.disk(first).disk_profile;
    let inventory = site.manager.inventory();
    assert_eq!(
        inventory
            .disk_profiles
            .get(&profile)
            .map(|it| it.storage_domain),
        Some(to)
    );

    site.start(vm).await;
    let moved = site
        .manager
        .disk_move(&site.admin, second, to)
        .await
        .expect("accepted");
    assert!(site.finished(&moved).await);
    assert_eq!(place(&site, second), [to]);
    let spec = site.host.spec(vm.0).expect("runs");
    assert!(
        spec.disks
            .iter()
            .all(|disk| disk.source.storage_domain == to.0)
    );
    assert_eq!(site.host.starts().len(), 1, "the guest went on");

    // A copy is a disk of its own, wherever it is to be.
    site.stop(vm).await;
    let params = DiskCopyParams {
        name: Some("copy".to_owned()),
        storage_domain: Some(from),
        format: Some(DiskFormat::Raw),
    };
    let copy = site
        .manager
        .disk_copy(&site.admin, first, params)
        .await
        .expect("accepted");
    assert!(site.finished(&copy).await);
    assert_eq!(place(&site, copy.value.id), [from]);
    assert_eq!(place(&site, first), [to], "it stays");
    let removed = site
        .manager
        .disk_remove(&site.admin, copy.value.id)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);

    let same = site.manager.disk_move(&site.admin, first, to).await;
    assert!(refusal(same).contains("must be different"));
    // What holds disks stays, and what holds none goes.
    let full = site.manager.storage_domain_remove(&site.admin, to).await;
    assert!(refusal(full).contains("There are disks in it"));
    for disk in [first, second] {
        let back = site
            .manager
            .disk_move(&site.admin, disk, from)
            .await
            .expect("accepted");
        assert!(site.finished(&back).await);
    }
    site.manager
        .storage_domain_remove(&site.admin, to)
        .await
        .expect("removed");
}

#[tokio::test]
async fn a_disk_that_cannot_be_moved_now_says_why() {
    let site = Site::new().await;
    let to = second_domain(&site).await;
    let vm = site.with_disks("web1", 1).await;
    let other = site.with_disks("web2", 1).await;
    let params = DiskAddParams {
        format: DiskFormat::Raw,
        shareable: true,
        ..site.disk_params("shared", GIB)
    };
    let shared = site
        .manager
        .disk_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(site.finished(&shared).await);
    for vm in [vm, other] {
        let attached = crate::site::attach(manager::DiskSource::Existing(shared.value.id));
        site.manager
            .disk_attach(&site.admin, vm, attached)
            .await
            .expect("attached");
    }
    site.start(vm).await;
    let refused = site
        .manager
        .disk_move(&site.admin, shared.value.id, to)
        .await;
    assert!(refusal(refused).contains("shared disk"));
    let disk = site.vm(vm).disk_attachments[0].disk;
    let sparsify = site.manager.disk_sparsify(&site.admin, disk).await;
    assert!(refusal(sparsify).contains("is not down"));
    let nobody = site.user("nobody").await;
    let denied = site.manager.disk_move(&nobody, disk, to).await;
    assert_eq!(
        denied.expect_err("refused").kind(),
        ErrorKind::NotFound,
        "what one may not see is not there"
    );
    site.stop(vm).await;
    let done = site
        .manager
        .disk_sparsify(&site.admin, disk)
        .await
        .expect("accepted");
    assert!(site.finished(&done).await);
    assert_eq!(site.host.count("volume_sparsify"), 1);
    site.manager
        .disk_reduce(&site.admin, disk)
        .await
        .expect("nothing is left to be done");
}

#[tokio::test]
async fn how_far_a_long_step_is_stands_in_its_job() {
    let site = Site::new().await;
    let disk = {
        let vm = site.with_disks("web1", 1).await;
        site.vm(vm).disk_attachments[0].disk
    };
    site.host.set_progress(Some(42));
    let slow = manager::host::sim::Fault::Slow(Duration::from_secs(3));
    site.host.next("volume_copy", slow);
    let copy = site
        .manager
        .disk_copy(&site.admin, disk, DiskCopyParams::default())
        .await
        .expect("accepted");
    let job = copy.job.expect("a job");
    site.until("the job says 42 per cent", |inventory| {
        inventory
            .jobs
            .get(&job)
            .is_some_and(|job| job.steps.iter().any(|step| step.progress == Some(42)))
    })
    .await;
    assert!(site.finished(&copy).await);
    let inventory = site.manager.inventory();
    assert_eq!(
        inventory.jobs.get(&job).expect("kept").status,
        JobStatus::Finished
    );
}

#[tokio::test]
async fn an_archive_becomes_a_machine_and_a_machine_an_archive() {
    let site = Site::new().await;
    let folder = site.host.ova_folder();
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("appliance.ova"), ova("appliance")).expect("written");
    let path = folder.join("appliance.ova").display().to_string();
    for source in [
        OvaSource::File("/etc/passwd".to_owned()),
        OvaSource::File("/tmp/../etc/appliance.ova".to_owned()),
        OvaSource::File("../appliance.ova".to_owned()),
        OvaSource::File("missing.ova".to_owned()),
    ] {
        let refused = site
            .manager
            .vm_import_ova(&site.admin, import(&site, source.clone()))
            .await;
        assert!(refusal(refused).contains("Cannot import VM"), "{source:?}");
    }
    let imported = site
        .manager
        .vm_import_ova(&site.admin, import(&site, OvaSource::File(path)))
        .await
        .expect("accepted");
    assert!(site.finished(&imported).await);
    let vm = site.vm(imported.value.id);
    assert_eq!(vm.name, "appliance");
    assert_eq!(vm.description, "From elsewhere");
    assert_eq!(vm.hardware.memory, 768 << 20);
    assert_eq!(vm.hardware.topology.cores, 2);
    assert_eq!(vm.hardware.os_type, "debian_9");
    assert_eq!(vm.nics[0].interface.as_str(), "e1000");
    assert!(vm.nics[0].vnic_profile.is_some(), "its network is here too");
    let disk = site.disk(vm.disk_attachments[0].disk);
    assert_eq!((disk.name.as_str(), disk.provisioned_size), ("system", GIB));
    assert!(vm.disk_attachments[0].bootable);

    // Others' archives are nobody's business.
    let mut user = import(&site, OvaSource::File("appliance.ova".to_owned()));
    user.name = Some("mine".to_owned());
    let nobody = site.user("nobody").await;
    assert!(site.manager.vm_import_ova(&nobody, user).await.is_err());

    let elsewhere = site
        .manager
        .vm_export_ova(&site.admin, vm.id, host(&site), "/tmp", None)
        .await;
    assert!(refusal(elsewhere).contains("only"));
    let inside = folder.display().to_string();
    let taken = site
        .manager
        .vm_export_ova(&site.admin, vm.id, host(&site), &inside, None)
        .await
        .expect("accepted");
    assert!(
        !site.finished(&taken).await,
        "somebody else's file is not replaced"
    );
    assert_eq!(site.vm(vm.id).run.status, VmStatus::Down);
    assert_eq!(site.host.volume_sizes().len(), 1, "nothing is left behind");
    let name = Some("copy.ova".to_owned());
    let exported = site
        .manager
        .vm_export_ova(&site.admin, vm.id, host(&site), &inside, name)
        .await
        .expect("accepted");
    assert_eq!(site.vm(vm.id).run.status, VmStatus::ImageLocked);
    assert!(site.finished(&exported).await);
    let written = std::fs::read(folder.join("copy.ova")).expect("written");
    let mut file = std::io::Cursor::new(written);
    let read = manager::image::ova::read(&mut file, &manager::image::Limits::default())
        .expect("one that we would take");
    assert_eq!(read.appliance.name, "appliance");
    assert_eq!(read.appliance.disks[0].alias.as_deref(), Some("system"));
    assert_eq!(site.host.volume_sizes().len(), 1, "the copy is gone");
}

#[tokio::test]
async fn an_uploaded_archive_is_imported_from_the_disk_that_has_it() {
    let site = Site::new().await;
    let archive = ova("uploaded");
    let params = DiskAddParams {
        format: DiskFormat::Raw,
        ..site.disk_params("uploaded.ova", archive.len() as u64)
    };
    let added = site
        .manager
        .disk_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    let disk = added.value.id;
    upload(&site, disk, false, &archive).await;
    let imported = site
        .manager
        .vm_import_ova(&site.admin, import(&site, OvaSource::Disk(disk)))
        .await
        .expect("accepted");
    assert!(site.finished(&imported).await);
    let vm = site.vm(imported.value.id);
    assert_eq!(
        (vm.name.as_str(), vm.disk_attachments.len()),
        ("uploaded", 1)
    );
    assert_eq!(site.disk(disk).status, DiskStatus::Ok, "it is there still");

    // The same description alone makes a machine of disks that are there (oVirt's own clients
    // upload disks one by one).
    let own = vm.disk_attachments[0].disk;
    let removed = site
        .manager
        .vm_remove(
            &site.admin,
            vm.id,
            manager::VmRemoveParams { detach_only: true },
        )
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    let text = described("again", &own.to_string());
    let made = site
        .manager
        .vm_add_described(&site.admin, &text, site.cluster(), None)
        .await
        .expect("made");
    assert_eq!(site.vm(made.value.id).disk_attachments[0].disk, own);
    let broken = site
        .manager
        .vm_add_described(&site.admin, "<a/>", site.cluster(), None)
        .await;
    assert!(refusal(broken).contains("no OVF envelope"));
}

/// Uploads content to a disk.
async fn upload(site: &Site, disk: DiskId, vmdk: bool, content: &[u8]) {
    let params = TransferAddParams {
        disk,
        direction: TransferDirection::Upload,
        format: Some(DiskFormat::Raw),
        vmdk,
        shallow: false,
        inactivity_timeout: None,
        timeout_policy: None,
    };
    let id = site
        .manager
        .transfer_add(&site.admin, params)
        .await
        .expect("accepted")
        .id;
    let phase = |wanted: TransferPhase| {
        move |inventory: &manager::Inventory| {
            inventory
                .transfers
                .get(&id)
                .is_some_and(|it| it.phase == wanted)
        }
    };
    site.until("it flows", phase(TransferPhase::Transferring))
        .await;
    let secret = site
        .manager
        .transfer_secret(&site.admin, id)
        .expect("there");
    let data = site
        .manager
        .transfer_open(secret.expose())
        .await
        .expect("open");
    data.write_at(0, content.to_vec()).await.expect("written");
    let extents = data.extents().await.expect("known");
    assert!(!extents[0].zero, "what has come is known");
    site.manager
        .transfer_finalize(&site.admin, id)
        .await
        .expect("accepted");
    site.until("it is over", phase(TransferPhase::FinishedSuccess))
        .await;
}

#[tokio::test]
async fn a_disk_that_is_to_be_wiped_is_wiped_before_it_goes() {
    let site = Site::new().await;
    let add = async |name: &str, wipe| {
        let params = DiskAddParams {
            wipe_after_delete: Some(wipe),
            ..site.disk_params(name, GIB)
        };
        let added = site
            .manager
            .disk_add(&site.admin, params)
            .await
            .expect("accepted");
        assert!(site.finished(&added).await);
        added.value.id
    };
    let (secret, plain) = (add("secret", true).await, add("plain", false).await);
    for disk in [secret, plain] {
        let removed = site
            .manager
            .disk_remove(&site.admin, disk)
            .await
            .expect("accepted");
        assert!(site.finished(&removed).await);
    }
    assert_eq!(site.host.wiped(), [secret.0]);
}

#[tokio::test]
async fn a_profile_of_another_domain_is_refused_and_its_own_is_taken() {
    let site = Site::new().await;
    let other = second_domain(&site).await;
    let params = site.disk_params("data1", GIB);
    let added = site
        .manager
        .disk_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    let inventory = site.manager.inventory();
    let of = |domain| -> DiskProfile {
        let mut profiles = inventory.disk_profiles.iter();
        let found = profiles.find(|it| it.storage_domain == domain);
        (**found.expect("each domain has one")).clone()
    };
    let wrong = DiskUpdateParams {
        disk_profile: Some(of(other).id),
        ..Default::default()
    };
    let refused = site
        .manager
        .disk_update(&site.admin, added.value.id, wrong)
        .await;
    assert!(refusal(refused).contains("doesn't match the storage domain"));
    assert_eq!(site.vm(site.bare("web1").await).run.status, VmStatus::Down);
}

#[tokio::test]
async fn a_profiles_limits_hold_from_the_start_and_change_while_the_guest_runs() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let inventory = site.manager.inventory();
    let center = inventory.data_centers.iter().next().expect("one").id;
    let profile = site.disk(disk).disk_profile;
    let limits = |limits: &[(&'static str, i64)]| QosParams {
        name: Some("slow".to_owned()),
        description: None,
        limits: limits.to_vec(),
    };
    let qos = site
        .manager
        .qos_add(
            &site.admin,
            center,
            QosType::Storage,
            limits(&[("max_throughput", 10), ("max_read_iops", 500)]),
        )
        .await
        .expect("added")
        .id;
    let params = ProfileParams {
        qos: Some(Some(qos)),
        ..Default::default()
    };
    site.manager
        .disk_profile_update(&site.admin, profile, params)
        .await
        .expect("updated");
    site.start(vm).await;
    let now = || site.host.spec(vm.0).expect("runs").disks[0].limits;
    assert_eq!((now().bytes, now().read_bytes), (10 << 20, 0));
    assert_eq!(now().read_requests, 500);
    site.manager
        .qos_update(&site.admin, qos, limits(&[("max_throughput", 20)]))
        .await
        .expect("updated");
    until(|| now().bytes == 20 << 20).await;
    site.manager
        .qos_remove(&site.admin, qos)
        .await
        .expect("removed");
    until(|| now() == manager::host::DiskLimits::default()).await;
}

/// Waits for what the simulated host hears of.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("in time");
}
