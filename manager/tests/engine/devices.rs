//! Disks, interfaces and CDs, of VMs that run and that do not.

use manager::model::{
    DiskContentType, DiskFormat, DiskId, DiskInterface, Mac, NicInterface, StorageDomainStatus,
};
use manager::{
    DiskAttachParams, DiskAttachmentUpdateParams, DiskSource, DiskUpdateParams, ErrorKind,
    NicAddParams, NicUpdateParams,
};

use crate::site::{Site, attach, new_disk, refusal};

const GIB: u64 = 1 << 30;

fn nic(name: &str) -> NicAddParams {
    NicAddParams {
        name: name.to_owned(),
        interface: None,
        mac: None,
        vnic_profile: None,
        linked: None,
        plugged: None,
    }
}

fn plugged_disks(site: &Site, vm: manager::model::VmId) -> Vec<DiskId> {
    site.host
        .spec(vm.0)
        .map(|spec| spec.disks.iter().map(|disk| DiskId(disk.disk)).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_disk_has_its_volume_and_its_name() {
    let site = Site::new().await;
    let added = site
        .manager
        .disk_add(&site.admin, site.disk_params("d1", GIB + 1))
        .await
        .expect("added");
    assert_eq!(added.value.status.as_str(), "locked");
    assert!(site.finished(&added).await);
    let disk = site.disk(added.value.id);
    assert_eq!(
        (disk.status.as_str(), disk.provisioned_size),
        ("ok", GIB + 512)
    );
    assert_eq!(site.events(2021).len(), 1);
    let removed = site
        .manager
        .disk_remove(&site.admin, disk.id)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(site.manager.inventory().disks.is_empty() && site.host.volume_sizes().is_empty());
    assert_eq!(site.events(2014).len(), 1);
}

#[tokio::test]
async fn disks_that_make_no_sense_are_refused() {
    let site = Site::new().await;
    let good = site.disk_params("d", GIB);
    let mut wrong = Vec::new();
    for (what, change) in [
        (
            "size",
            (|it| it.provisioned_size = 0) as fn(&mut manager::DiskAddParams),
        ),
        ("size", |it| it.provisioned_size = u64::MAX),
        ("Preallocated", |it| it.sparse = Some(false)),
        ("Shareable", |it| it.shareable = true),
        ("content type", |it| {
            it.content_type = DiskContentType::OvfStore
        }),
        ("RAW", |it| it.content_type = DiskContentType::Iso),
        ("name", |it| it.name = "a\nb".to_owned()),
    ] {
        let mut params = good.clone();
        change(&mut params);
        let message = refusal(site.manager.disk_add(&site.admin, params).await);
        if !message.contains(what) {
            wrong.push(format!("{what}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(site.manager.inventory().disks.is_empty());
}

#[tokio::test]
async fn where_there_is_no_room_no_disk_is_made() {
    let site = Site::new().await;
    site.host.set_free(GIB / 2);
    site.until("the space is seen", |inventory| {
        inventory
            .storage_domains
            .iter()
            .all(|it| it.available == GIB / 2)
    })
    .await;
    let refused = site
        .manager
        .disk_add(&site.admin, site.disk_params("d", GIB))
        .await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::NoSpace);
    assert!(
        refused
            .to_string()
            .contains("Low disk space on Storage Domain data"),
        "{refused}"
    );
    assert_eq!(site.events(26).len(), 1);
    site.host.set_free(10 * GIB);
    site.until("the space is seen", |inventory| {
        inventory
            .storage_domains
            .iter()
            .all(|it| it.available == 10 * GIB)
    })
    .await;
    let mut preallocated = site.disk_params("d", 20 * GIB);
    preallocated.format = DiskFormat::Raw;
    preallocated.sparse = Some(false);
    let refused = site.manager.disk_add(&site.admin, preallocated).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::NoSpace);
    site.manager
        .disk_add(&site.admin, site.disk_params("d", 20 * GIB))
        .await
        .expect("thin");
}

#[tokio::test]
async fn a_disk_grows_and_never_shrinks() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let resize = |size| DiskUpdateParams {
        provisioned_size: Some(size),
        ..Default::default()
    };
    let grown = site
        .manager
        .disk_update(&site.admin, disk, resize(4 * GIB))
        .await
        .expect("accepted");
    assert!(site.finished(&grown).await);
    assert_eq!(site.disk(disk).provisioned_size, 4 * GIB);
    assert_eq!(site.host.volume_sizes().get(&disk.0), Some(&(4 * GIB)));
    let refused = site
        .manager
        .disk_update(&site.admin, disk, resize(GIB))
        .await;
    assert!(refusal(refused).contains("must not be smaller"));
}

#[tokio::test]
async fn a_disk_is_in_one_vm_unless_it_is_shareable() {
    let site = Site::new().await;
    let first = site.with_disks("web1", 1).await;
    let second = site.bare("web2").await;
    let disk = site.vm(first).disk_attachments[0].disk;
    let refused = site
        .manager
        .disk_attach(&site.admin, second, attach(DiskSource::Existing(disk)))
        .await;
    assert!(refusal(refused).contains("already attached to VM web1"));
    let mut params = site.disk_params("shared", GIB);
    params.format = DiskFormat::Raw;
    params.shareable = true;
    let shared = site
        .manager
        .disk_add(&site.admin, params)
        .await
        .expect("added");
    site.finished(&shared).await;
    for vm in [first, second] {
        site.manager
            .disk_attach(
                &site.admin,
                vm,
                attach(DiskSource::Existing(shared.value.id)),
            )
            .await
            .expect("attached");
    }
    assert_eq!(
        site.manager
            .inventory()
            .vms_of_disk(shared.value.id)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_vm_boots_from_one_disk() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let boot = |name| DiskAttachParams {
        bootable: true,
        ..new_disk(site.disk_params(name, GIB))
    };
    let first = site
        .manager
        .disk_attach(&site.admin, vm, boot("d1"))
        .await
        .expect("accepted");
    site.finished(&first).await;
    let refused = site.manager.disk_attach(&site.admin, vm, boot("d2")).await;
    assert!(refusal(refused).contains("Disk d1 in VM web1 is already marked as boot"));
    assert_eq!(site.manager.inventory().disks.len(), 1);
}

#[tokio::test]
async fn a_running_vm_gets_a_disk_and_gives_it_back() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let accepted = site
        .manager
        .disk_attach(&site.admin, vm, new_disk(site.disk_params("hot", GIB)))
        .await
        .expect("accepted");
    assert!(site.finished(&accepted).await);
    let disk = accepted.value;
    assert_eq!(plugged_disks(&site, vm), [disk]);
    let off = DiskAttachmentUpdateParams {
        active: Some(false),
        ..Default::default()
    };
    let off = site
        .manager
        .disk_attachment_update(&site.admin, vm, disk, off)
        .await
        .expect("accepted");
    assert!(site.finished(&off).await);
    assert!(plugged_disks(&site, vm).is_empty());
    assert!(!site.vm(vm).disk_attachments[0].active);
    let on = DiskAttachmentUpdateParams {
        active: Some(true),
        ..Default::default()
    };
    let on = site
        .manager
        .disk_attachment_update(&site.admin, vm, disk, on)
        .await
        .expect("accepted");
    assert!(site.finished(&on).await);
    assert_eq!(plugged_disks(&site, vm), [disk]);
    let gone = site
        .manager
        .disk_detach(&site.admin, vm, disk, true)
        .await
        .expect("accepted");
    assert!(site.finished(&gone).await);
    assert!(plugged_disks(&site, vm).is_empty() && site.vm(vm).disk_attachments.is_empty());
    assert!(site.host.volume_sizes().is_empty());
}

#[tokio::test]
async fn what_a_guest_does_not_let_go_of_stays_said_to_be_there() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    site.manager
        .nic_add(&site.admin, vm, nic("nic1"))
        .await
        .expect("added");
    site.start(vm).await;
    site.host.stubborn_guests();
    let disk = site.vm(vm).disk_attachments[0].disk;
    let off = DiskAttachmentUpdateParams {
        active: Some(false),
        ..Default::default()
    };
    let off = site
        .manager
        .disk_attachment_update(&site.admin, vm, disk, off)
        .await
        .expect("accepted");
    assert!(!site.finished(&off).await);
    assert!(site.vm(vm).disk_attachments[0].active);
    let gone = site
        .manager
        .disk_detach(&site.admin, vm, disk, false)
        .await
        .expect("accepted");
    assert!(!site.finished(&gone).await);
    assert_eq!(site.vm(vm).disk_attachments.len(), 1);
    let id = site.vm(vm).nics[0].id;
    let gone = site
        .manager
        .nic_remove(&site.admin, vm, id)
        .await
        .expect("accepted");
    assert!(!site.finished(&gone).await);
    assert!(site.vm(vm).nics[0].plugged);
}

#[tokio::test]
async fn only_what_can_be_plugged_is_plugged() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let sata = DiskAttachParams {
        interface: DiskInterface::Sata,
        ..new_disk(site.disk_params("d", GIB))
    };
    let refused = site.manager.disk_attach(&site.admin, vm, sata).await;
    assert!(refusal(refused).contains("hot plug"));
    assert!(site.manager.inventory().disks.is_empty());
}

#[tokio::test]
async fn interfaces_have_addresses_of_their_own() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let first = site
        .manager
        .nic_add(&site.admin, vm, nic("nic1"))
        .await
        .expect("added")
        .value;
    let second = site
        .manager
        .nic_add(&site.admin, vm, nic("nic2"))
        .await
        .expect("added")
        .value;
    assert_ne!(first.mac, second.mac);
    assert_eq!(first.mac.0[..3], [0x56, 0x6f, 0x1a]);
    let twice = site.manager.nic_add(&site.admin, vm, nic("nic1")).await;
    assert!(refusal(twice).contains("name is already in use"));
    let other = site.bare("web2").await;
    let same = NicAddParams {
        mac: Some(first.mac),
        ..nic("nic1")
    };
    let refused = site.manager.nic_add(&site.admin, other, same).await;
    assert!(refusal(refused).contains("already in use"));
    let group = NicAddParams {
        mac: Some(Mac([1, 0, 0, 0, 0, 1])),
        ..nic("nic1")
    };
    let refused = site.manager.nic_add(&site.admin, other, group).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::Invalid);
    let odd = NicAddParams {
        interface: Some(NicInterface::SpaprVlan),
        ..nic("nic1")
    };
    assert!(site.manager.nic_add(&site.admin, other, odd).await.is_err());
}

#[tokio::test]
async fn a_running_vm_gets_an_interface_on_its_network() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    let params = NicAddParams {
        vnic_profile: Some(site.profile()),
        ..nic("nic1")
    };
    let added = site
        .manager
        .nic_add(&site.admin, vm, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    let spec = || site.host.spec(vm.0).expect("runs").nics;
    assert_eq!(spec().len(), 1);
    assert_eq!(
        spec()[0].network,
        manager::host::NicNetwork::Named("ovirtmgmt".to_owned())
    );
    let change = NicUpdateParams {
        linked: Some(false),
        ..Default::default()
    };
    let changed = site
        .manager
        .nic_update(&site.admin, vm, added.value.id, change)
        .await
        .expect("accepted");
    assert!(site.finished(&changed).await);
    assert!(!spec()[0].linked);
    let change = NicUpdateParams {
        mac: Some(Mac([2, 0, 0, 0, 0, 1])),
        ..Default::default()
    };
    let refused = site
        .manager
        .nic_update(&site.admin, vm, added.value.id, change)
        .await;
    assert!(refusal(refused).contains("cannot be changed"));
    let change = NicUpdateParams {
        plugged: Some(false),
        ..Default::default()
    };
    let changed = site
        .manager
        .nic_update(&site.admin, vm, added.value.id, change)
        .await
        .expect("accepted");
    assert!(site.finished(&changed).await);
    assert!(spec().is_empty() && !site.vm(vm).nics[0].plugged);
}

#[tokio::test]
async fn a_cd_is_changed_now_or_for_the_next_start() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let cd = site.iso("cd.iso").await;
    let other = site.iso("other.iso").await;
    let refused = site
        .manager
        .cdrom_change(&site.admin, vm, Some(cd), true)
        .await;
    assert_eq!(refusal(refused), "[Cannot change CD. VM is not running.]");
    site.manager
        .cdrom_change(&site.admin, vm, Some(cd), false)
        .await
        .expect("changed");
    site.start(vm).await;
    let inserted = || {
        site.host
            .spec(vm.0)
            .expect("runs")
            .cd
            .map(|volume| DiskId(volume.volume))
    };
    assert_eq!(inserted(), Some(cd));
    assert_eq!(site.vm(vm).run.cdrom, Some(cd));
    let removed = site.manager.disk_remove(&site.admin, cd).await;
    assert!(refusal(removed).contains("in the CD drive of VM web1"));
    let changed = site
        .manager
        .cdrom_change(&site.admin, vm, Some(other), true)
        .await
        .expect("accepted");
    assert!(site.finished(&changed).await);
    assert_eq!(
        (inserted(), site.vm(vm).run.cdrom, site.vm(vm).cdrom),
        (Some(other), Some(other), Some(cd))
    );
    let ejected = site
        .manager
        .cdrom_change(&site.admin, vm, None, true)
        .await
        .expect("accepted");
    assert!(site.finished(&ejected).await);
    assert_eq!((inserted(), site.vm(vm).run.cdrom), (None, None));
    let disk = site
        .manager
        .disk_add(&site.admin, site.disk_params("d", GIB))
        .await
        .expect("added");
    site.finished(&disk).await;
    let refused = site
        .manager
        .cdrom_change(&site.admin, vm, Some(disk.value.id), true)
        .await;
    assert!(refusal(refused).contains("not an ISO image"));
}

#[tokio::test]
async fn without_its_storage_nothing_is_made() {
    let site = Site::new().await;
    site.host.leave("gone");
    site.until("connecting", |inventory| {
        inventory
            .hosts
            .iter()
            .all(|host| host.status.as_str() == "connecting")
    })
    .await;
    site.clock.advance(std::time::Duration::from_secs(30));
    site.until("inactive", |inventory| {
        inventory
            .storage_domains
            .iter()
            .all(|it| it.status == StorageDomainStatus::Inactive)
    })
    .await;
    let refused = site
        .manager
        .disk_add(&site.admin, site.disk_params("d", GIB))
        .await;
    assert!(refusal(refused).contains("inaccessible"));
}

#[tokio::test]
async fn a_vm_can_be_made_with_a_copy_of_an_image() {
    let site = Site::new().await;
    let image = site
        .manager
        .disk_add(&site.admin, site.disk_params("image", GIB))
        .await
        .expect("added");
    site.finished(&image).await;
    let mut params = site.vm_params("web1");
    params.disks.push(attach(DiskSource::Copy {
        source: image.value.id,
        disk: site.disk_params("", 2 * GIB),
    }));
    let made = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    assert_eq!(site.disk(image.value.id).status.as_str(), "locked");
    assert!(site.finished(&made).await);
    let disk = site.disk(site.vm(made.value.id).disk_attachments[0].disk);
    assert_eq!(
        (
            disk.name.as_str(),
            disk.provisioned_size,
            disk.status.as_str()
        ),
        ("web1_Disk1", 2 * GIB, "ok")
    );
    assert_eq!(site.disk(image.value.id).status.as_str(), "ok");
    assert_eq!(site.host.count("volume_copy"), 1);
}
