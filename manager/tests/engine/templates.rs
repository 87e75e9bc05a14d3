//! Templates with their versions, and VMs made from them: thin and whole.

use manager::model::{TemplateId, TemplateStatus, VmId, VmStatus};
use manager::{
    TemplateAddParams, TemplateUpdateParams, VmCloneParams, VmRemoveParams, VmSettings, seed,
};

use crate::site::{Site, refusal};

pub fn params(name: &str, vm: VmId) -> TemplateAddParams {
    TemplateAddParams {
        name: name.to_owned(),
        description: String::new(),
        comment: String::new(),
        vm,
        cluster: None,
        base: None,
        version_name: None,
        storage_domain: None,
        disks: Vec::new(),
        settings: VmSettings::default(),
        delete_protected: false,
        clone_permissions: false,
        seal: false,
    }
}

pub async fn template(site: &Site, name: &str, vm: VmId) -> TemplateId {
    let added = site
        .manager
        .template_add(&site.admin, params(name, vm))
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    added.value.id
}

pub async fn from(site: &Site, name: &str, template: TemplateId, clone: bool) -> VmId {
    let mut params = site.vm_params(name);
    params.template = template;
    params.clone = clone;
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    added.value.id
}

#[tokio::test]
async fn a_template_has_copies_of_its_vms_disks_and_the_vm_goes_on() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 2).await;
    let id = template(&site, "gold", vm).await;
    let inventory = site.manager.inventory();
    let made = inventory.templates.get(&id).expect("made");
    assert_eq!(made.status, TemplateStatus::Ok);
    assert_eq!((made.version_number, made.base), (1, id));
    assert_eq!(made.disk_attachments.len(), 2);
    let own: Vec<_> = site
        .vm(vm)
        .disk_attachments
        .iter()
        .map(|it| it.disk)
        .collect();
    assert!(
        made.disk_attachments
            .iter()
            .all(|it| !own.contains(&it.disk))
    );
    assert_eq!(site.vm(vm).run.status, VmStatus::Down);
    site.start(vm).await;
    let refused = site
        .manager
        .template_add(&site.admin, params("other", vm))
        .await;
    assert!(refusal(refused).contains("VM is running"));
}

#[tokio::test]
async fn a_thin_vm_stands_on_its_template_which_cannot_go_before_it() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let id = template(&site, "gold", vm).await;
    let thin = from(&site, "thin", id, false).await;
    let whole = from(&site, "whole", id, true).await;
    let disk = |vm: VmId| site.disk(site.vm(vm).disk_attachments[0].disk);
    let inventory = site.manager.inventory();
    let below = inventory
        .templates
        .get(&id)
        .expect("there")
        .disk_attachments[0]
        .disk;
    assert_eq!(disk(thin).backing[0].image, site.disk(below).image());
    assert!(disk(whole).backing.is_empty());
    assert_eq!(site.vm(thin).template, id);
    assert_eq!(site.vm(whole).template, seed::BLANK);
    site.start(thin).await;
    let spec = site.host.spec(thin.0).expect("runs");
    assert_eq!(spec.disks[0].backing.len(), 1, "the chain is declared");
    let refused = site.manager.template_remove(&site.admin, id).await;
    let text = refusal(refused);
    assert!(text.contains("thin") && !text.contains("whole"), "{text}");
    site.stop(thin).await;
    let removed = site
        .manager
        .vm_remove(&site.admin, thin, VmRemoveParams::default())
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    assert!(
        site.host
            .volume_sizes()
            .contains_key(&site.disk(below).image().0)
    );
    let removed = site
        .manager
        .template_remove(&site.admin, id)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    // What is left is of the VM and of its whole clone.
    assert_eq!(site.host.volume_sizes().len(), 2);
}

#[tokio::test]
async fn versions_have_one_name_and_the_latest_is_what_new_vms_get() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let first = template(&site, "gold", vm).await;
    let second = site
        .manager
        .template_add(
            &site.admin,
            TemplateAddParams {
                base: Some(first),
                version_name: Some("hardened".to_owned()),
                ..params("ignored", vm)
            },
        )
        .await
        .expect("accepted");
    assert!(site.finished(&second).await);
    let second = second.value.id;
    let inventory = site.manager.inventory();
    let it = inventory.templates.get(&second).expect("made");
    assert_eq!((it.name.as_str(), it.version_number), ("gold", 2));
    assert_eq!(it.version_name, "hardened");
    let mut params = site.vm_params("follower");
    params.template = first;
    params.use_latest_template = true;
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    assert_eq!(site.vm(added.value.id).template, second);
    site.manager
        .template_update(
            &site.admin,
            first,
            TemplateUpdateParams {
                name: Some("silver".to_owned()),
                ..TemplateUpdateParams::default()
            },
        )
        .await
        .expect("renamed");
    let inventory = site.manager.inventory();
    assert!([first, second].iter().all(|id| {
        inventory
            .templates
            .get(id)
            .is_some_and(|it| it.name == "silver")
    }));
    let removed = site
        .manager
        .template_remove(&site.admin, first)
        .await
        .expect("accepted");
    assert!(site.finished(&removed).await);
    let inventory = site.manager.inventory();
    let left = inventory.templates.get(&second).expect("there");
    assert_eq!(left.base, second, "the next version is the base now");
}

#[tokio::test]
async fn who_may_make_templates_owns_them_and_others_see_none() {
    let site = Site::new().await;
    let ana = site.user("ana").await;
    let vm = site.with_disks("web1", 1).await;
    site.grant(&ana, "UserVmManager", vm).await;
    let refused = site.manager.template_add(&ana, params("gold", vm)).await;
    assert!(refused.is_err());
    site.grant(&ana, "TemplateCreator", site.cluster()).await;
    let added = site
        .manager
        .template_add(&ana, params("gold", vm))
        .await
        .expect("accepted");
    assert!(site.finished(&added).await);
    let update = TemplateUpdateParams {
        description: Some("mine".to_owned()),
        ..TemplateUpdateParams::default()
    };
    site.manager
        .template_update(&ana, added.value.id, update.clone())
        .await
        .expect("the owner may");
    let bob = site.user("bob").await;
    assert!(
        site.manager
            .template_update(&bob, added.value.id, update)
            .await
            .is_err()
    );
    assert!(
        site.manager
            .template_remove(&bob, added.value.id)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn blank_stays_and_sealing_is_refused_with_what_to_do() {
    let site = Site::new().await;
    assert!(
        site.manager
            .template_remove(&site.admin, seed::BLANK)
            .await
            .is_err()
    );
    let vm = site.with_disks("web1", 1).await;
    let sealed = TemplateAddParams {
        seal: true,
        ..params("gold", vm)
    };
    assert!(
        refusal(site.manager.template_add(&site.admin, sealed).await).contains("cloud-init clean")
    );
    let id = template(&site, "gold", vm).await;
    let twice = site
        .manager
        .template_add(&site.admin, params("gold", vm))
        .await;
    assert!(refusal(twice).contains("already in use"));
    let protect = TemplateUpdateParams {
        delete_protected: Some(true),
        ..TemplateUpdateParams::default()
    };
    site.manager
        .template_update(&site.admin, id, protect)
        .await
        .expect("changed");
    assert!(refusal(site.manager.template_remove(&site.admin, id).await).contains("protect"));
}

#[tokio::test]
async fn a_clone_has_disks_and_addresses_of_its_own() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let nic = manager::NicAddParams {
        name: "nic1".to_owned(),
        interface: None,
        mac: None,
        vnic_profile: Some(site.profile()),
        linked: None,
        plugged: None,
    };
    site.manager
        .nic_add(&site.admin, vm, nic)
        .await
        .expect("added");
    let cloned = site
        .manager
        .vm_clone(
            &site.admin,
            vm,
            VmCloneParams {
                name: "web2".to_owned(),
                description: None,
                comment: None,
                cluster: None,
                storage_domain: None,
                disks: Vec::new(),
                settings: VmSettings::default(),
            },
        )
        .await
        .expect("accepted");
    assert!(site.finished(&cloned).await);
    let (old, new) = (site.vm(vm), site.vm(cloned.value.id));
    assert_ne!(old.nics[0].mac, new.nics[0].mac);
    assert_ne!(old.disk_attachments[0].disk, new.disk_attachments[0].disk);
    assert!(site.disk(new.disk_attachments[0].disk).backing.is_empty());
}
