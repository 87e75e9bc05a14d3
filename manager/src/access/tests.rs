//! Whatever anybody does with the rights they have, rights come from nowhere: after a permission
//! was given, whoever got it can do nothing that neither they nor the giver could do before.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::{
    Cluster, ClusterId, CpuProfileId, PermissionId, Timestamp, User, Vm, VmId, VmRun,
};
use crate::seed::{self, FirstStart};
use crate::writer::Draft;

/// Two clusters with two VMs each, beside what a first start makes, and four users without rights.
fn world() -> (Draft, Vec<UserId>, Vec<ObjectId>) {
    let mut draft = Draft::new(Inventory::empty(), Timestamp(0));
    seed::constants(&mut draft).expect("seeded");
    let first = FirstStart {
        host_name: "host1",
        images: Path::new("/images"),
        password_hash: String::new(),
        password_expires: None,
    };
    seed::first_start(&mut draft, &first).expect("made");
    let first = draft.clusters.iter().next().expect("one").clone();
    let second = Cluster {
        id: ClusterId::random(),
        name: "second".to_owned(),
        cpu_profile: CpuProfileId::random(),
        ..(*first).clone()
    };
    draft.put(second.clone()).expect("put");
    let mut objects = vec![
        ObjectId::System,
        first.data_center.into(),
        first.id.into(),
        second.id.into(),
    ];
    for (number, cluster) in [first.id, first.id, second.id, second.id]
        .into_iter()
        .enumerate()
    {
        let vm = Vm {
            id: VmId::random(),
            name: format!("vm{number}"),
            description: String::new(),
            comment: String::new(),
            cluster,
            template: seed::BLANK,
            original_template: seed::BLANK,
            use_latest_template: false,
            pool: None,
            instance_type: None,
            origin: "ovirt".to_owned(),
            creation_time: Timestamp(0),
            delete_protected: false,
            tags: BTreeSet::new(),
            hardware: seed::blank_hardware(),
            next_run: None,
            disk_attachments: Vec::new(),
            nics: Vec::new(),
            cdrom: None,
            memory: None,
            run: VmRun::default(),
            external: None,
        };
        objects.push(vm.id.into());
        draft.put(vm).expect("put");
    }
    let admin = draft.users.iter().next().expect("one").clone();
    let users: Vec<UserId> = (0..4)
        .map(|number| {
            let user = User {
                id: UserId::random(),
                user_name: format!("user{number}@internal-authz"),
                ..(*admin).clone()
            };
            let id = user.id;
            draft.put(user).expect("put");
            id
        })
        .collect();
    (draft, users, objects)
}

fn caller(user: UserId) -> Caller {
    Caller {
        user,
        correlation_id: "test".to_owned(),
        ..Caller::system()
    }
}

/// Everything that somebody may do.
fn rights(draft: &Draft, user: UserId, objects: &[ObjectId]) -> BTreeSet<(u32, usize)> {
    let viewer = Viewer::new(draft, &caller(user));
    let permits: Vec<u32> = seed::permits().map(|permit| permit.id).collect();
    objects
        .iter()
        .enumerate()
        .flat_map(|(place, object)| {
            permits
                .iter()
                .filter(|permit| viewer.may(draft, Permit(**permit), *object))
                .map(move |permit| (*permit, place))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn give(draft: &mut Draft, role: &Role, subject: UserId, object: ObjectId) {
    draft
        .put(Permission {
            id: PermissionId::random(),
            role: role.id,
            subject: Subject::User(subject),
            object,
        })
        .expect("put");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rights_come_from_nowhere(
        begin in prop::collection::vec((0..37_usize, 0..4_usize, 0..8_usize), 0..6),
        deeds in prop::collection::vec((0..4_usize, 0..37_usize, 0..4_usize, 0..8_usize), 1..12),
    ) {
        let (mut draft, users, objects) = world();
        let mut roles: Vec<_> = draft.roles.iter().cloned().collect();
        roles.sort_by_key(|role| role.id);
        for (role, user, object) in begin {
            give(&mut draft, &roles[role], users[user], objects[object]);
        }
        for (giver, role, receiver, object) in deeds {
            let role = &roles[role];
            let allowed =
                require_grant(&draft, &caller(users[giver]), role, objects[object]).is_ok();
            let had = rights(&draft, users[receiver], &objects);
            let giver_had = rights(&draft, users[giver], &objects);
            let was_administrator = |draft: &Draft, user| {
                Viewer::new(draft, &caller(user)).administrator
            };
            let administered = was_administrator(&draft, users[receiver])
                || was_administrator(&draft, users[giver]);
            if !allowed {
                continue;
            }
            give(&mut draft, role, users[receiver], objects[object]);
            let has = rights(&draft, users[receiver], &objects);
            let new: Vec<_> = has
                .iter()
                .filter(|right| !had.contains(right) && !giver_had.contains(right))
                .collect();
            prop_assert!(new.is_empty(), "{} on {:?} made {new:?}", role.name, objects[object]);
            prop_assert!(administered || !was_administrator(&draft, users[receiver]));
        }
    }

    #[test]
    fn what_may_be_done_may_be_seen(
        grants in prop::collection::vec((0..37_usize, 0..8_usize), 0..6),
    ) {
        let (mut draft, users, objects) = world();
        let mut roles: Vec<_> = draft.roles.iter().cloned().collect();
        roles.sort_by_key(|role| role.id);
        for (role, object) in grants {
            give(&mut draft, &roles[role], users[0], objects[object]);
        }
        let viewer = Viewer::new(&draft, &caller(users[0]));
        for object in &objects {
            let acts = [Permit::RUN_VM, Permit::EDIT_VM_PROPERTIES, Permit::CONNECT_TO_VM]
                .into_iter()
                .any(|permit| viewer.may(&draft, permit, *object));
            if acts && matches!(object, ObjectId::Vm(_)) {
                prop_assert!(viewer.sees(&draft, *object));
            }
        }
    }
}

#[test]
fn a_disabled_user_may_nothing() {
    let (mut draft, users, objects) = world();
    let role = draft.roles.get(&Role::SUPER_USER).cloned().expect("seeded");
    give(&mut draft, &role, users[0], ObjectId::System);
    assert!(!rights(&draft, users[0], &objects).is_empty());
    let mut user = (**draft.users.get(&users[0]).expect("there")).clone();
    user.enabled = false;
    draft.put(user).expect("put");
    assert!(rights(&draft, users[0], &objects).is_empty());
}
