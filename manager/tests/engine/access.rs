//! Who may do what: per object, with inheritance downwards and never upwards.

use std::collections::BTreeSet;

use manager::model::{ObjectId, Permit, Subject, VmStatus};
use manager::{
    Caller, Error, ErrorKind, PermissionAddParams, RoleAddParams, UserUpdateParams, VmRemoveParams,
    VmSettings, VmStartParams, VmStopParams, VmUpdateParams,
};

use crate::site::{Site, new_disk, refusal};

fn kind<T: std::fmt::Debug>(outcome: Result<T, Error>) -> ErrorKind {
    outcome.expect_err("refused").kind()
}

fn edit() -> VmUpdateParams {
    VmUpdateParams {
        description: Some("changed".to_owned()),
        ..Default::default()
    }
}

async fn permission(
    site: &Site,
    who: &Caller,
    role: &str,
    subject: &Caller,
    object: impl Into<ObjectId>,
) -> Result<(), Error> {
    let params = PermissionAddParams {
        role: site.role(role),
        subject: Subject::User(subject.user),
        object: object.into(),
    };
    site.manager.permission_add(who, params).await.map(|_| ())
}

#[tokio::test]
async fn to_a_stranger_nothing_exists() {
    let site = Site::new().await;
    let vm = site.with_disks("web1", 1).await;
    let stranger = site.user("mallory").await;
    let access = site.manager.access();
    let inventory = site.manager.inventory();
    for entity in inventory.entities() {
        let hidden = matches!(
            entity.id(),
            ObjectId::Vm(_)
                | ObjectId::Disk(_)
                | ObjectId::Host(_)
                | ObjectId::StorageDomain(_)
                | ObjectId::Job(_)
                | ObjectId::Operation(_)
        ) || matches!(entity.id(), ObjectId::User(id) if id != stranger.user);
        assert!(
            !(hidden && access.visible(&stranger, entity.id())),
            "{:?}",
            entity.id()
        );
    }
    assert!(
        inventory
            .events
            .newest_first()
            .all(|event| !access.event_visible(&stranger, event))
    );
    assert!(access.may_list(&stranger).is_err());
    assert!(
        access
            .may_list(&Caller {
                filter: true,
                ..stranger.clone()
            })
            .is_ok()
    );
    let manager = &site.manager;
    assert_eq!(
        kind(
            manager
                .vm_start(&stranger, vm, VmStartParams::default())
                .await
        ),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(manager.vm_update(&stranger, vm, edit()).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(
            manager
                .vm_remove(&stranger, vm, VmRemoveParams::default())
                .await
        ),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(manager.vm_add(&stranger, site.vm_params("x")).await),
        ErrorKind::NotFound
    );
    let missing = manager::model::VmId::random();
    let foreign = refusal(manager.vm_update(&stranger, vm, edit()).await);
    let none = refusal(manager.vm_update(&stranger, missing, edit()).await);
    assert_eq!(
        foreign.replace(&vm.to_string(), ""),
        none.replace(&missing.to_string(), "")
    );
}

#[tokio::test]
async fn the_rights_of_each_role_on_a_vm_are_its_own() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let other = site.bare("web2").await;
    let user = site.user("uma").await;
    site.grant(&user, "UserRole", vm).await;
    let manager = &site.manager;
    assert!(site.manager.access().visible(&user, vm));
    assert!(!site.manager.access().visible(&user, other));
    manager
        .vm_start(&user, vm, VmStartParams::default())
        .await
        .expect("may start");
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    manager
        .vm_stop(&user, vm, VmStopParams::default())
        .await
        .expect("may stop");
    site.vm_is(vm, VmStatus::Down).await;
    site.idle().await;
    assert_eq!(
        kind(manager.vm_update(&user, vm, edit()).await),
        ErrorKind::Denied
    );
    assert_eq!(
        kind(
            manager
                .vm_remove(&user, vm, VmRemoveParams::default())
                .await
        ),
        ErrorKind::Denied
    );
    assert_eq!(
        kind(
            manager
                .vm_start(&user, other, VmStartParams::default())
                .await
        ),
        ErrorKind::NotFound
    );

    site.grant(&user, "UserVmManager", vm).await;
    manager
        .vm_update(&user, vm, edit())
        .await
        .expect("may edit");
    let hosts = BTreeSet::from([site
        .manager
        .inventory()
        .hosts
        .iter()
        .next()
        .expect("one")
        .id]);
    let pinned = VmUpdateParams {
        settings: VmSettings {
            hosts: Some(hosts),
            ..Default::default()
        },
        ..Default::default()
    };
    assert_eq!(
        kind(manager.vm_update(&user, vm, pinned).await),
        ErrorKind::Denied
    );
    manager
        .vm_remove(&user, vm, VmRemoveParams::default())
        .await
        .expect("may remove");
}

#[tokio::test]
async fn a_right_on_a_cluster_is_one_on_its_vms_and_a_right_on_a_vm_is_none_on_its_cluster() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let user = site.user("uma").await;
    site.grant(&user, "UserVmManager", vm).await;
    // UserVmManager has create_vm, which on a VM means nothing for the cluster.
    assert_eq!(
        kind(site.manager.vm_add(&user, site.vm_params("x")).await),
        ErrorKind::Denied
    );
    assert!(
        !site
            .manager
            .access()
            .may(&user, Permit::CREATE_VM, site.cluster())
    );
    let other = site.user("carl").await;
    site.grant(&other, "UserRole", site.cluster()).await;
    assert!(site.manager.access().visible(&other, vm));
    assert!(site.manager.access().may(&other, Permit::RUN_VM, vm));
    let data_center = site
        .manager
        .inventory()
        .data_centers
        .iter()
        .next()
        .expect("one")
        .id;
    assert!(
        !site
            .manager
            .access()
            .may(&other, Permit::RUN_VM, data_center)
    );
}

#[tokio::test]
async fn a_power_user_owns_what_they_make_and_sees_nothing_else() {
    let site = Site::new().await;
    let foreign = site.bare("web1").await;
    let user = site.user("paula").await;
    site.grant(&user, "PowerUserRole", ObjectId::System).await;
    let mut params = site.vm_params("mine");
    params.disks.push(new_disk(site.disk_params("d", 1 << 30)));
    let made = site
        .manager
        .vm_add(&user, params)
        .await
        .expect("may create");
    assert!(site.finished(&made).await);
    let vm = made.value.id;
    let disk = site.vm(vm).disk_attachments[0].disk;
    let access = site.manager.access();
    assert!(access.visible(&user, vm) && access.visible(&user, disk));
    assert!(access.visible(&user, site.cluster()) && access.visible(&user, site.domain()));
    assert!(!access.visible(&user, foreign));
    assert!(!access.administrator(&user));
    site.manager
        .vm_start(&user, vm, VmStartParams::default())
        .await
        .expect("may start");
    site.vm_is(vm, VmStatus::Up).await;
    assert_eq!(
        kind(
            site.manager
                .vm_start(&user, foreign, VmStartParams::default())
                .await
        ),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let owner = site.user("olga").await;
    let friend = site.user("fred").await;
    site.grant(&owner, "UserVmManager", vm).await;
    permission(&site, &owner, "UserVmManager", &friend, vm)
        .await
        .expect("may share their VM");
    for (role, object) in [
        ("SuperUser", ObjectId::Vm(vm)),
        ("ClusterAdmin", ObjectId::Vm(vm)),
        ("UserVmManager", ObjectId::Cluster(site.cluster())),
        ("UserRole", ObjectId::System),
    ] {
        let refused = permission(&site, &owner, role, &owner, object)
            .await
            .expect_err("refused");
        assert!(
            matches!(refused.kind(), ErrorKind::Denied | ErrorKind::NotFound),
            "{role} on {object:?}: {refused}"
        );
    }
    // UserRole has access_image_storage, which UserVmManager lacks.
    assert!(
        permission(&site, &owner, "UserRole", &friend, vm)
            .await
            .is_err()
    );
    let stranger = site.user("mallory").await;
    assert!(
        permission(&site, &stranger, "UserRole", &stranger, vm)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_administrator_of_a_part_does_not_become_one_of_the_whole() {
    let site = Site::new().await;
    let admin = site.user("clara").await;
    site.grant(&admin, "ClusterAdmin", site.cluster()).await;
    let access = site.manager.access();
    assert!(access.administrator(&admin));
    assert!(!access.visible(&admin, ObjectId::System));
    assert!(!access.visible(&admin, ObjectId::User(site.admin.user)));
    assert!(
        permission(&site, &admin, "ClusterAdmin", &admin, ObjectId::System)
            .await
            .is_err()
    );
    assert!(
        permission(&site, &admin, "SuperUser", &admin, site.cluster())
            .await
            .is_err()
    );
    permission(
        &site,
        &admin,
        "ClusterAdmin",
        &site.user("fred").await,
        site.cluster(),
    )
    .await
    .expect("may share what they have");
    let change = UserUpdateParams {
        password: Some(manager::model::Secret::new("another password")),
        ..Default::default()
    };
    let refused = site
        .manager
        .user_update(&admin, site.admin.user, change)
        .await;
    assert_eq!(kind(refused), ErrorKind::NotFound);
}

#[tokio::test]
async fn attaching_a_disk_needs_rights_at_both_ends() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let disk = site
        .manager
        .disk_add(&site.admin, site.disk_params("d", 1 << 30))
        .await
        .expect("added");
    site.finished(&disk).await;
    let disk = disk.value.id;
    let user = site.user("uma").await;
    let params = || crate::site::attach(manager::DiskSource::Existing(disk));
    site.grant(&user, "UserVmManager", vm).await;
    assert_eq!(
        kind(site.manager.disk_attach(&user, vm, params()).await),
        ErrorKind::NotFound
    );
    let other = site.user("dora").await;
    site.grant(&other, "DiskOperator", disk).await;
    assert_eq!(
        kind(site.manager.disk_attach(&other, vm, params()).await),
        ErrorKind::NotFound
    );
    site.grant(&user, "DiskOperator", disk).await;
    site.manager
        .disk_attach(&user, vm, params())
        .await
        .expect("has both");
}

#[tokio::test]
async fn only_the_trusted_name_files_of_the_host() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let user = site.user("uma").await;
    site.grant(&user, "UserVmManager", vm).await;
    let kernel = |path: &str| VmUpdateParams {
        settings: VmSettings {
            kernel: Some(path.to_owned()),
            ..Default::default()
        },
        ..Default::default()
    };
    assert_eq!(
        kind(
            site.manager
                .vm_update(&user, vm, kernel("/etc/shadow"))
                .await
        ),
        ErrorKind::Denied
    );
    site.manager
        .vm_update(&site.admin, vm, kernel("/boot/vmlinuz"))
        .await
        .expect("may");
}

#[tokio::test]
async fn a_disk_named_by_its_path_is_still_somebodys_disk() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let disk = site
        .manager
        .disk_add(&site.admin, site.disk_params("secrets", 1 << 30))
        .await
        .expect("added");
    site.finished(&disk).await;
    let disk = disk.value.id;
    let folder = site
        .manager
        .inventory()
        .storage_domains
        .get(&site.domain())
        .expect("there")
        .path
        .clone();
    let user = site.user("uma").await;
    site.grant(&user, "UserVmManager", vm).await;
    let initrd = |path: String| VmUpdateParams {
        settings: VmSettings {
            initrd: Some(path),
            ..Default::default()
        },
        ..Default::default()
    };
    for path in [
        format!("{folder}/{disk}"),
        format!("{folder}//{disk}"),
        disk.to_string(),
    ] {
        assert_eq!(
            kind(
                site.manager
                    .vm_update(&user, vm, initrd(path.clone()))
                    .await
            ),
            ErrorKind::NotFound,
            "{path}"
        );
    }
    let part = format!("{folder}/.{disk}.0.part");
    assert_eq!(
        kind(site.manager.vm_update(&user, vm, initrd(part)).await),
        ErrorKind::Invalid
    );
    let missing = format!("{folder}/{}", manager::model::DiskId::random());
    assert_eq!(
        kind(site.manager.vm_update(&user, vm, initrd(missing)).await),
        ErrorKind::NotFound
    );
    let mut installer = initrd(format!("{folder}/initrd.gz"));
    installer.settings.kernel = Some(format!("{folder}/linux"));
    site.manager
        .vm_update(&user, vm, installer)
        .await
        .expect("files of the storage domain that are no disks are for everybody");
}

#[tokio::test]
async fn the_last_one_who_may_do_everything_stays() {
    let site = Site::new().await;
    let permission = site
        .manager
        .inventory()
        .permissions_of(Subject::User(site.admin.user))
        .next()
        .expect("SuperUser")
        .id;
    let refused = site
        .manager
        .permission_remove(&site.admin, permission)
        .await;
    assert!(refusal(refused).contains("last one"));
    let second = site.user("second").await;
    site.grant(&second, "SuperUser", ObjectId::System).await;
    site.manager
        .user_remove(&second, site.admin.user)
        .await
        .expect("there is another");
    let refused = site.manager.user_remove(&second, second.user).await;
    assert!(refusal(refused).contains("yourself"));
    assert!(
        site.manager
            .inventory()
            .permissions_of(Subject::User(site.admin.user))
            .next()
            .is_none()
    );
}

#[tokio::test]
async fn a_role_of_the_seed_cannot_be_changed_and_one_of_ones_own_can() {
    let site = Site::new().await;
    let refused = site
        .manager
        .role_remove(&site.admin, site.role("UserRole"))
        .await;
    assert!(refusal(refused).contains("pre-defined"));
    let role = site
        .manager
        .role_add(
            &site.admin,
            RoleAddParams {
                name: "Starter".to_owned(),
                description: String::new(),
                administrative: false,
                permits: BTreeSet::from([Permit::RUN_VM, Permit::LOGIN]),
            },
        )
        .await
        .expect("added");
    let vm = site.bare("web1").await;
    let user = site.user("uma").await;
    site.grant(&user, "Starter", vm).await;
    site.manager
        .vm_start(&user, vm, VmStartParams::default())
        .await
        .expect("may start");
    site.vm_is(vm, VmStatus::Up).await;
    site.idle().await;
    let refused = site
        .manager
        .vm_stop(&user, vm, VmStopParams::default())
        .await;
    assert_eq!(kind(refused), ErrorKind::Denied);
    let refused = site.manager.role_remove(&site.admin, role.id).await;
    assert!(refusal(refused).contains("given to somebody"));
    let administrative = site
        .manager
        .role_add(
            &site.admin,
            RoleAddParams {
                name: "Sly".to_owned(),
                description: String::new(),
                administrative: false,
                permits: BTreeSet::from([Permit::MANIPULATE_HOST]),
            },
        )
        .await;
    assert!(refusal(administrative).contains("administrative roles only"));
}

#[tokio::test]
async fn what_is_offered_is_what_would_be_accepted() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    let user = site.user("uma").await;
    site.grant(&user, "UserRole", vm).await;
    let verdicts = |who: &Caller| -> Vec<String> {
        site.manager
            .offers(who, vm)
            .into_iter()
            .map(|offer| match offer.verdict {
                Ok(()) => offer.action.to_owned(),
                Err(reason) => format!("{}: {reason}", offer.action),
            })
            .collect()
    };
    let down = verdicts(&site.admin);
    assert!(down.contains(&"start".to_owned()), "{down:?}");
    assert!(down.contains(&"delete".to_owned()), "{down:?}");
    assert!(
        down.contains(&"stop: Cannot stop VM. VM is not running.".to_owned()),
        "{down:?}"
    );
    let others = verdicts(&user);
    assert!(others.contains(&"start".to_owned()), "{others:?}");
    assert!(
        others.contains(&"delete: User is not authorized to perform this action.".to_owned()),
        "{others:?}"
    );
    site.start(vm).await;
    let up = verdicts(&site.admin);
    assert!(
        up.contains(&"start: Cannot run VM. VM is running.".to_owned()),
        "{up:?}"
    );
    assert!(up.contains(&"console".to_owned()), "{up:?}");
    assert!(
        up.contains(&"delete: Cannot remove VM. VM is running.".to_owned()),
        "{up:?}"
    );
}
