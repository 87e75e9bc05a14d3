//! Templates, VMs that stand on them, and VMs that keep nothing, stopped in the middle.

use manager::model::{TemplateId, TemplateStatus, VmId, VmStatus};
use manager::{TemplateAddParams, VmSettings, VmStartParams, VmStopParams, VmUpdateParams};

use super::Deed;
use crate::site::Site;

fn params(vm: VmId, base: Option<TemplateId>) -> TemplateAddParams {
    TemplateAddParams {
        name: "gold".to_owned(),
        description: String::new(),
        comment: String::new(),
        vm,
        cluster: None,
        base,
        version_name: None,
        storage_domain: None,
        disks: Vec::new(),
        settings: VmSettings::default(),
        delete_protected: false,
        clone_permissions: false,
        seal: false,
    }
}

async fn template(site: &Site, vm: VmId, base: Option<TemplateId>) -> TemplateId {
    let added = site
        .manager
        .template_add(&site.admin, params(vm, base))
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    added.value.id
}

/// The template that is not Blank.
fn gold(site: &Site) -> TemplateId {
    let inventory = site.manager.inventory();
    let gold = inventory.templates.iter().find(|it| it.name == "gold");
    gold.expect("a template").id
}

async fn forgetful(site: &Site, vm: VmId) {
    let changes = VmUpdateParams {
        settings: VmSettings {
            stateless: Some(true),
            ..VmSettings::default()
        },
        ..VmUpdateParams::default()
    };
    site.manager
        .vm_update(&site.admin, vm, changes)
        .await
        .expect("changed");
}

pub(super) async fn set_up(site: &Site, deed: Deed, vm: VmId) {
    match deed {
        Deed::TemplateRemove | Deed::Thin => drop(template(site, vm, None).await),
        Deed::Refresh => {
            let first = template(site, vm, None).await;
            let mut follower = site.vm_params("follower");
            follower.template = first;
            follower.use_latest_template = true;
            follower.settings.stateless = Some(true);
            let added = site
                .manager
                .vm_add(&site.admin, follower)
                .await
                .expect("accepted");
            assert!(site.finished(&added).await);
        }
        Deed::StartForgetful => forgetful(site, vm).await,
        Deed::StopForgetful => {
            forgetful(site, vm).await;
            site.start(vm).await;
        }
        _ => {}
    }
}

pub(super) async fn perform(site: &Site, deed: Deed, vm: VmId) {
    let (manager, admin) = (&site.manager, &site.admin);
    match deed {
        Deed::TemplateAdd => {
            manager
                .template_add(admin, params(vm, None))
                .await
                .expect("accepted");
        }
        Deed::TemplateRemove => {
            manager
                .template_remove(admin, gold(site))
                .await
                .expect("accepted");
        }
        Deed::Thin => {
            let mut thin = site.vm_params("thin");
            thin.template = gold(site);
            manager.vm_add(admin, thin).await.expect("accepted");
        }
        Deed::Refresh => {
            // A newer version is what makes the follower anew.
            let added = manager
                .template_add(admin, params(vm, Some(gold(site))))
                .await
                .expect("accepted");
            let waited = manager.wait(added.job.expect("a job"));
            tokio::time::timeout(std::time::Duration::from_secs(5), waited)
                .await
                .ok();
            settled(site).await;
        }
        Deed::StartForgetful => {
            manager
                .vm_start(admin, vm, VmStartParams::default())
                .await
                .expect("accepted");
        }
        Deed::StopForgetful => {
            manager
                .vm_stop(admin, vm, VmStopParams::default())
                .await
                .expect("accepted");
            settled(site).await;
        }
        other => unreachable!("{other:?} is of another file"),
    }
}

/// What follows by itself has begun at least, or the manager is dead.
async fn settled(site: &Site) {
    let followed = async {
        while !site.manager.is_stopped() && !quiet(site) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), followed)
        .await
        .expect("what follows by itself follows");
}

/// Whether nothing is left that would follow by itself.
pub(super) fn quiet(site: &Site) -> bool {
    let inventory = site.manager.inventory();
    let newest = inventory
        .templates
        .iter()
        .filter(|it| it.name == "gold" && it.status == TemplateStatus::Ok)
        .max_by_key(|it| it.version_number)
        .map(|it| it.id);
    inventory.operations.is_empty()
        && inventory.vms.iter().all(|vm| {
            let down = vm.run.status == VmStatus::Down;
            (!down || vm.run.temporary.is_empty())
                && (!vm.use_latest_template || newest.is_none_or(|newest| vm.template == newest))
        })
}

pub(super) fn check(site: &Site, deed: Deed, vm: VmId, context: &str) {
    let inventory = site.manager.inventory();
    let golds: Vec<_> = inventory
        .templates
        .iter()
        .filter(|it| it.name == "gold")
        .collect();
    let vm = site.vm(vm);
    match deed {
        Deed::TemplateAdd => {
            assert_eq!(golds.len(), 1, "{context}");
            assert_eq!(golds[0].status, TemplateStatus::Ok, "{context}");
            assert_eq!(golds[0].disk_attachments.len(), 2, "{context}");
            assert_eq!(vm.run.status, VmStatus::Down, "{context}");
        }
        Deed::TemplateRemove => assert!(golds.is_empty(), "{context}"),
        Deed::Thin => {
            let thin = inventory.vm_by_name("thin", None).expect("made");
            assert_eq!(thin.run.status, VmStatus::Down, "{context}");
            for it in &thin.disk_attachments {
                assert_eq!(site.disk(it.disk).backing.len(), 1, "{context}");
            }
        }
        Deed::Refresh => {
            assert_eq!(golds.len(), 2, "{context}");
            let follower = inventory.vm_by_name("follower", None).expect("there");
            let newest = golds
                .iter()
                .max_by_key(|it| it.version_number)
                .expect("two");
            assert_eq!(follower.template, newest.id, "{context}");
            assert_eq!(follower.disk_attachments.len(), 2, "{context}");
            let below = newest
                .disk_attachments
                .iter()
                .map(|it| site.disk(it.disk).image());
            let stands = follower
                .disk_attachments
                .iter()
                .map(|it| site.disk(it.disk).backing[0].image);
            assert!(stands.eq(below), "{context}: stands on the newest version");
        }
        Deed::StartForgetful => {
            assert_eq!(vm.run.status, VmStatus::Up, "{context}");
            assert_eq!(vm.run.temporary.len(), 2, "{context}");
            for it in &vm.disk_attachments {
                assert_eq!(site.disk(it.disk).backing.len(), 1, "{context}");
            }
        }
        Deed::StopForgetful => {
            assert_eq!(vm.run.status, VmStatus::Down, "{context}");
            assert!(vm.run.temporary.is_empty(), "{context}");
            for it in &vm.disk_attachments {
                let disk = site.disk(it.disk);
                assert_eq!(disk.image().0, disk.id.0, "{context}");
                assert!(disk.backing.is_empty(), "{context}");
            }
        }
        other => unreachable!("{other:?} is of another file"),
    }
}
