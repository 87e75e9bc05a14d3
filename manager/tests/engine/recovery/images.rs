//! The deeds that work on disks' content, for the tests of recovery.

use std::collections::BTreeSet;

use manager::host::sim::Fault;
use manager::host::{DiskWork as _, HostError};
use manager::model::{DiskFormat, DiskId, HostId, VmId};
use manager::{OvaImportParams, OvaSource};

use super::{Deed, Stage};
use crate::images::{ova, second_domain};
use crate::site::Site;

const FILE: &str = "web1.ova";

fn host(site: &Site) -> HostId {
    site.manager
        .inventory()
        .hosts
        .iter()
        .next()
        .expect("a host")
        .id
}

/// What these deeds stand on besides.
pub(super) async fn set_up(site: &Site, deed: Deed, vm: VmId) {
    match deed {
        Deed::Move => {
            second_domain(site).await;
        }
        Deed::MoveLive | Deed::MoveLiveFails => {
            second_domain(site).await;
            site.start(vm).await;
        }
        Deed::Import => {
            let folder = site.host.ova_folder();
            std::fs::create_dir_all(&folder).expect("made");
            std::fs::write(folder.join(FILE), ova("appliance")).expect("written");
        }
        _ => {}
    }
    if deed == Deed::MoveLiveFails {
        let error = HostError::Failed {
            what: "the guest cannot go on with it".to_owned(),
        };
        site.host.next("disk_pivot", Fault::Fails(error));
    }
}

pub(super) async fn perform(site: &Site, deed: Deed, stage: Stage) {
    let (manager, admin) = (&site.manager, &site.admin);
    match deed {
        Deed::Move | Deed::MoveLive | Deed::MoveLiveFails => {
            let to = second(site);
            manager
                .disk_move(admin, stage.disk, to)
                .await
                .expect("accepted");
        }
        Deed::Sparsify => {
            manager
                .disk_sparsify(admin, stage.disk)
                .await
                .expect("accepted");
        }
        Deed::Convert => {
            manager
                .disk_convert(admin, stage.disk, Some(DiskFormat::Raw), None)
                .await
                .expect("accepted");
        }
        Deed::Import => {
            let params = OvaImportParams {
                name: Some("imported".to_owned()),
                source: OvaSource::File(FILE.to_owned()),
                cluster: site.cluster(),
                storage_domain: None,
                host: None,
                sparse: None,
            };
            manager
                .vm_import_ova(admin, params)
                .await
                .expect("accepted");
        }
        Deed::Export => {
            let folder = site.host.ova_folder().display().to_string();
            manager
                .vm_export_ova(admin, stage.vm, host(site), &folder, Some(FILE.to_owned()))
                .await
                .expect("accepted");
        }
        other => panic!("{other:?} is not about images"),
    }
}

fn second(site: &Site) -> manager::model::StorageDomainId {
    let inventory = site.manager.inventory();
    let found = inventory
        .storage_domains
        .iter()
        .find(|it| it.name == "second")
        .map(|it| it.id);
    found.expect("there are two")
}

/// What must be true of them.
pub(super) fn check(site: &Site, deed: Deed, disk: DiskId, context: &str) {
    let inventory = site.manager.inventory();
    // Every volume is where its disk is, and nowhere else.
    let said: BTreeSet<_> = inventory
        .disks
        .iter()
        .flat_map(|disk| {
            disk.layers()
                .map(|layer| (disk.storage_domain.0, layer.image.0))
                .collect::<Vec<_>>()
        })
        .collect();
    let there: BTreeSet<_> = site
        .host
        .volume_places()
        .into_iter()
        .map(|volume| (volume.storage_domain, volume.volume))
        .collect();
    assert_eq!(said, there, "{context}: volumes and their places");
    let domain = inventory.disks.get(&disk).map(|disk| disk.storage_domain);
    match deed {
        Deed::Move => assert_eq!(domain, Some(second(site)), "{context}"),
        Deed::MoveLive => {
            assert_eq!(domain, Some(second(site)), "{context}");
            assert_eq!(source(site, disk), domain.map(|it| it.0), "{context}");
        }
        Deed::MoveLiveFails => {
            assert_ne!(domain, Some(second(site)), "{context}");
            assert_eq!(source(site, disk), domain.map(|it| it.0), "{context}");
        }
        Deed::Convert => {
            let it = inventory.disks.get(&disk).expect("there");
            assert_eq!(it.format, DiskFormat::Raw, "{context}");
            assert_ne!(it.image().0, disk.0, "{context}");
        }
        Deed::Import => {
            let vm = inventory.vm_by_name("imported", None).expect("made");
            assert_eq!(vm.run.status.as_str(), "down", "{context}");
            assert_eq!(vm.disk_attachments.len(), 1, "{context}");
        }
        Deed::Export => {
            let folder = site.host.ova_folder();
            let files = std::fs::read_dir(&folder).expect("there").count();
            assert_eq!(files, 1, "{context}");
            let text = std::fs::read(folder.join(FILE)).expect("written");
            assert!(String::from_utf8_lossy(&text).contains("web1"), "{context}");
        }
        _ => {}
    }
}

/// Where the running guest has its disk.
fn source(site: &Site, disk: DiskId) -> Option<uuid::Uuid> {
    let vm = *site.host.known().first()?;
    let spec = site.host.spec(vm)?;
    spec.disks
        .iter()
        .find(|it| it.disk == disk.0)
        .map(|it| it.source.storage_domain)
}
