//! Domains of somebody else's: seen as external VMs, left alone, and adopted without a restart.

use std::path::PathBuf;

use manager::host::foreign::{ForeignDisk, ForeignDomain, ForeignNic};
use manager::host::{Chipset, DiskInterface, MacAddress, NicModel, VolumeFormat};
use manager::model::{GraphicsType, ObjectId, VmId, VmStatus};
use manager::{NicAddParams, VmRemoveParams, VmUpdateParams};

use crate::site::{Site, refusal};

const FOREIGN: VmId = VmId(uuid::Uuid::from_u128(0xf00d));

/// What a domain of somebody else's is.
pub fn foreign() -> ForeignDomain {
    ForeignDomain {
        topology: (1, 2, 1),
        chipset: Chipset::Q35,
        sound: false,
        disks: vec![disk("vda", "/srv/legacy/a.qcow2")],
        nics: vec![ForeignNic {
            mac: MacAddress([0x52, 0x54, 0, 1, 2, 3]),
            model: NicModel::Virtio,
            network: Some("ovirtmgmt".to_owned()),
            linked: true,
        }],
        refusals: Vec::new(),
        notes: Vec::new(),
    }
}

/// A disk of it.
pub fn disk(target: &str, path: &str) -> ForeignDisk {
    ForeignDisk {
        target: target.to_owned(),
        path: PathBuf::from(path),
        format: VolumeFormat::Qcow2,
        interface: DiskInterface::Virtio,
        read_only: false,
        shareable: false,
    }
}

/// A site with a running domain of somebody else's, and a running VM of ours.
async fn site(foreign: ForeignDomain) -> (Site, VmId) {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    site.start(vm).await;
    site.host.add_foreign(vm.0, FOREIGN.0, foreign);
    site.until("it is seen", |inventory| {
        inventory.externals.contains_key(&FOREIGN)
    })
    .await;
    (site, vm)
}

#[tokio::test]
async fn a_foreign_domain_is_an_external_vm_that_can_be_looked_at_only() {
    let (site, vm) = site(foreign()).await;
    let it = site.vm(FOREIGN);
    assert_eq!(
        (it.name.as_str(), it.origin.as_str()),
        ("external-f00d", "external")
    );
    assert_eq!(it.run.status, VmStatus::Up);
    assert_eq!(it.hardware.topology.cores, 2);
    assert_eq!(it.hardware.display.graphics, [GraphicsType::Spice]);
    assert_eq!(site.events(20101).len(), 1);
    for offer in site.manager.offers(&site.admin, ObjectId::Vm(FOREIGN)) {
        let possible = matches!(offer.action, "console" | "adopt");
        assert!(possible || offer.verdict.is_err(), "{offer:?}");
        assert!(!possible || offer.verdict.is_ok(), "{offer:?}");
    }
    let stopped = site
        .manager
        .vm_stop(&site.admin, FOREIGN, Default::default());
    assert!(refusal(stopped.await).contains("adopt it first"));
    let edited = VmUpdateParams {
        name: Some("mine".to_owned()),
        ..VmUpdateParams::default()
    };
    let edited = site.manager.vm_update(&site.admin, FOREIGN, edited).await;
    assert!(refusal(edited).contains("adopt it first"));
    let nic = NicAddParams {
        name: "nic1".to_owned(),
        interface: None,
        mac: None,
        vnic_profile: None,
        linked: None,
        plugged: None,
    };
    let nic = site.manager.nic_add(&site.admin, FOREIGN, nic).await;
    assert!(refusal(nic).contains("adopt it first"));
    let removed = VmRemoveParams::default();
    let removed = site.manager.vm_remove(&site.admin, FOREIGN, removed).await;
    assert!(refusal(removed).contains("adopt it first"));
    // It is known after a restart, and goes with its domain.
    let site = site.restart().await;
    site.until("it is seen", |inventory| {
        inventory.externals.contains_key(&FOREIGN)
    })
    .await;
    assert_eq!(site.events(20101).len(), 1, "it is the same one");
    site.host.vanish(FOREIGN.0);
    site.until("it is gone", |inventory| {
        !inventory.vms.contains_key(&FOREIGN)
    })
    .await;
    assert!(site.find(vm).is_some());
}

#[tokio::test]
async fn an_adopted_vm_went_on_running_and_is_like_any_other() {
    let (site, _) = site(foreign()).await;
    let starts = site.host.starts().len();
    let mallory = site.user("mallory").await;
    assert!(
        site.manager
            .vm_adopt(&mallory, FOREIGN, None)
            .await
            .is_err()
    );
    let taken = site
        .manager
        .vm_adopt(&site.admin, FOREIGN, Some("web1".to_owned()));
    assert!(refusal(taken.await).contains("already in use"));
    let adopted = site
        .manager
        .vm_adopt(&site.admin, FOREIGN, Some("legacy".to_owned()))
        .await
        .expect("accepted");
    assert!(site.finished(&adopted).await);
    let vm = site.vm(FOREIGN);
    assert_eq!((vm.name.as_str(), vm.origin.as_str()), ("legacy", "kvm"));
    assert_eq!((vm.external, vm.run.status), (None, VmStatus::Up));
    assert_eq!(vm.nics[0].mac.to_string(), "52:54:00:01:02:03");
    assert_eq!(vm.nics[0].vnic_profile, Some(site.profile()));
    let disk = site.disk(vm.disk_attachments[0].disk);
    assert_eq!(
        (disk.status.as_str(), disk.provisioned_size),
        ("ok", 1 << 30)
    );
    assert!(disk.description.contains("/srv/legacy/a.qcow2"));
    let inventory = site.manager.inventory();
    let home = inventory
        .storage_domains
        .get(&disk.storage_domain)
        .expect("there");
    assert!(home.in_place && inventory.externals.is_empty());
    assert_eq!(site.host.starts().len(), starts, "nothing was started");
    assert_eq!(site.events(20103).len(), 1);
    // Stopped, started and removed like any other.
    site.stop(FOREIGN).await;
    site.start(FOREIGN).await;
    let spec = site.host.spec(FOREIGN.0).expect("runs");
    assert_eq!((spec.disks.len(), spec.nics.len()), (1, 1));
    site.stop(FOREIGN).await;
    let removed = VmRemoveParams::default();
    let removed = site.manager.vm_remove(&site.admin, FOREIGN, removed).await;
    assert!(site.finished(&removed.expect("accepted")).await);
    assert!(site.find(FOREIGN).is_none());
}

#[tokio::test]
async fn what_we_could_not_run_is_refused_with_its_reason() {
    let mut odd = foreign();
    odd.refusals
        .push("It has a device of the host's.".to_owned());
    let (site, _) = site(odd).await;
    let adopted = site.manager.vm_adopt(&site.admin, FOREIGN, None).await;
    assert!(refusal(adopted).contains("It has a device of the host's."));
    let offers = site.manager.offers(&site.admin, ObjectId::Vm(FOREIGN));
    let adopt = offers
        .iter()
        .find(|offer| offer.action == "adopt")
        .expect("offered");
    assert!(
        adopt
            .verdict
            .as_ref()
            .is_err_and(|it| it.contains("device of the host"))
    );
}

#[tokio::test]
async fn an_adoption_that_fails_leaves_the_external_vm_as_it_was() {
    let mut half = foreign();
    half.disks.push(disk("vdb", "/missing/b.qcow2"));
    let (site, _) = site(half).await;
    let adopted = site.manager.vm_adopt(&site.admin, FOREIGN, None).await;
    assert!(!site.finished(&adopted.expect("accepted")).await);
    let vm = site.vm(FOREIGN);
    assert_eq!(
        (vm.name.as_str(), vm.external.is_some()),
        ("external-f00d", true)
    );
    assert!(vm.disk_attachments.is_empty() && vm.nics.is_empty());
    assert!(site.manager.inventory().disks.is_empty());
    assert!(site.host.volume_sizes().is_empty(), "no volume is left");
    assert_eq!(site.events(20104).len(), 1);
}
