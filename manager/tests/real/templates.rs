//! Templates on real images: thin and whole machines read what the template has, and what they
//! write is theirs alone.

use manager::model::{TemplateId, VmId};
use manager::{Caller, Manager, TemplateAddParams, VmAddParams, VmRemoveParams, VmSettings};

use super::snapshots::{Scene, vm};
use super::{LIMIT, Libvirtd, is_up, until, volumes};

async fn made(
    manager: &Manager,
    admin: &Caller,
    template: TemplateId,
    name: &str,
    clone: bool,
) -> VmId {
    let inventory = manager.inventory();
    let params = VmAddParams {
        name: name.to_owned(),
        description: String::new(),
        comment: String::new(),
        cluster: inventory.clusters.iter().next().expect("a cluster").id,
        template,
        instance_type: None,
        delete_protected: false,
        origin: None,
        settings: VmSettings::default(),
        disks: Vec::new(),
        nics: Vec::new(),
        cdrom: None,
        clone,
        template_disks: Vec::new(),
        use_latest_template: false,
        clone_permissions: false,
    };
    let added = manager.vm_add(admin, params).await.expect("accepted");
    let id = added.value.id;
    let job = manager
        .wait(added.job.expect("a job"))
        .await
        .expect("there");
    assert_eq!(job.status.as_str(), "finished", "{:?}", job.steps);
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_of_a_template_read_what_it_has_and_write_what_is_theirs() {
    let libvirtd = Libvirtd::start();
    let manager = libvirtd.manager().await;
    until(&manager, LIMIT, "the host is up", is_up).await;
    let admin = Caller::system();
    let source = vm(&manager, &admin).await;
    let of = |vm: VmId| Scene {
        libvirtd: &libvirtd,
        manager: &manager,
        admin: &admin,
        vm,
    };
    let original = of(source.value.id);
    original.done(source).await;
    original.write(7);
    let params = TemplateAddParams {
        name: "gold".to_owned(),
        description: String::new(),
        comment: String::new(),
        vm: original.vm,
        cluster: None,
        base: None,
        version_name: None,
        storage_domain: None,
        disks: Vec::new(),
        settings: VmSettings::default(),
        delete_protected: false,
        clone_permissions: false,
        seal: false,
    };
    let template = manager
        .template_add(&admin, params)
        .await
        .expect("accepted");
    let gold = template.value.id;
    original.done(template).await;
    // What the machine writes afterwards is not the template's.
    original.write(8);

    let thin = of(made(&manager, &admin, gold, "thin", false).await);
    let other = of(made(&manager, &admin, gold, "other", false).await);
    let whole = of(made(&manager, &admin, gold, "whole", true).await);
    for scene in [&thin, &other, &whole] {
        assert!(scene.holds(7) && !scene.holds(8));
    }
    // QEMU takes the chain as it is declared.
    thin.start().await;
    thin.stop().await;
    thin.write(9);
    assert!(thin.holds(9) && other.holds(7) && whole.holds(7));

    assert!(manager.template_remove(&admin, gold).await.is_err());
    for scene in [&thin, &other] {
        let removed = manager
            .vm_remove(&admin, scene.vm, VmRemoveParams::default())
            .await;
        scene.done(removed.expect("accepted")).await;
    }
    assert!(whole.holds(7), "a whole clone stands on nothing");
    let removed = manager
        .template_remove(&admin, gold)
        .await
        .expect("accepted");
    whole.done(removed).await;
    assert!(whole.holds(7) && original.holds(8));
    assert_eq!(volumes(&manager).len(), 4, "two machines of two disks");
    manager.close().await;
}
