//! Queries as clients send them, asked of a small world.

use std::sync::Arc;

use super::evaluate::Context;
use super::field::Collection;
use super::parse::parse;
use super::*;
use crate::inventory::Entity;
use crate::model::*;
use crate::seed::blank_hardware;

/// 2024-05-01T10:00:00Z
const NOW: Timestamp = Timestamp(1_714_557_600_000);

fn vm(name: &str, cluster: ClusterId, memory_mib: u64, status: VmStatus) -> Vm {
    let mut hardware = blank_hardware();
    hardware.memory = memory_mib << 20;
    Vm {
        id: VmId::random(),
        name: name.to_owned(),
        description: format!("the {name} machine"),
        comment: String::new(),
        cluster,
        template: TemplateId::ZERO,
        original_template: TemplateId::ZERO,
        use_latest_template: false,
        pool: None,
        instance_type: None,
        origin: "ovirt".to_owned(),
        creation_time: Timestamp(NOW.0 - 86_400_000),
        delete_protected: false,
        tags: Default::default(),
        hardware,
        next_run: None,
        disk_attachments: Vec::new(),
        nics: Vec::new(),
        cdrom: None,
        memory: None,
        external: None,
        run: VmRun {
            status,
            ..VmRun::default()
        },
    }
}

/// Two clusters in one data center, three VMs, a host, a user and some events.
struct World {
    inventory: Inventory,
    vms: Vec<VmId>,
    user: UserId,
}

fn world() -> World {
    let mut inventory = Inventory::empty();
    let center = DataCenter {
        id: DataCenterId::random(),
        name: "Default".into(),
        description: String::new(),
        comment: String::new(),
        local: false,
        status: DataCenterStatus::Up,
        version: Version { major: 4, minor: 7 },
        quota_mode: QuotaMode::Disabled,
        mac_pool: crate::seed::MAC_POOL,
    };
    let cluster = |name: &str| Cluster {
        id: ClusterId::random(),
        name: name.into(),
        description: String::new(),
        comment: String::new(),
        data_center: center.id,
        cpu_type: String::new(),
        version: Version { major: 4, minor: 7 },
        bios_type: BiosType::Q35SeaBios,
        ballooning: true,
        ksm: false,
        memory_over_commit: 100,
        threads_as_cores: false,
        virt_service: true,
        ha_reservation: false,
        mac_pool: crate::seed::MAC_POOL,
        cpu_profile: CpuProfileId::random(),
        management_network: NetworkId::random(),
        networks: Vec::new(),
        policy: Default::default(),
    };
    let (default, other) = (cluster("Default"), cluster("Other one"));
    let host = Host {
        id: HostId::random(),
        name: "h 1".into(),
        description: String::new(),
        comment: String::new(),
        address: "10.0.0.1".into(),
        cluster: default.id,
        status: HostStatus::Up,
        status_detail: String::new(),
        tags: Default::default(),
        report: None,
    };
    let parent = Tag {
        id: TagId::random(),
        name: "all".into(),
        description: String::new(),
        parent: None,
    };
    let tag = Tag {
        id: TagId::random(),
        name: "green".into(),
        description: String::new(),
        parent: Some(parent.id),
    };
    let mut first = vm("web1", default.id, 1024, VmStatus::Up);
    first.run.host = Some(host.id);
    first.tags.insert(tag.id);
    let second = vm("Web2", default.id, 2048, VmStatus::Down);
    let third = vm("db", other.id, 512, VmStatus::WaitForLaunch);
    let vms = vec![first.id, second.id, third.id];
    let user = User {
        id: UserId::random(),
        user_name: "eva@internal-authz".into(),
        principal: "eva".into(),
        domain: "internal-authz".into(),
        namespace: "*".into(),
        domain_entry_id: String::new(),
        name: "Eva".into(),
        last_name: "Muster".into(),
        email: String::new(),
        department: String::new(),
        enabled: true,
        groups: Default::default(),
        tags: Default::default(),
        ssh_public_keys: Vec::new(),
        options: Vec::new(),
    };
    for number in 1..=10 {
        let about = vms[usize::try_from(number % 2).unwrap()];
        let event = crate::event::EventDraft::new(
            if number % 2 == 0 { 34 } else { 61 },
            format!("event {number}"),
        )
        .vm(about, &inventory);
        inventory.event_put(Arc::new(
            event.build(EventId(number), Timestamp(NOW.0 - number * 3_600_000)),
        ));
    }
    let entities: Vec<Entity> = vec![
        center.into(),
        default.into(),
        other.into(),
        host.into(),
        parent.into(),
        tag.into(),
        first.into(),
        second.into(),
        third.into(),
        user.clone().into(),
    ];
    for entity in entities {
        inventory.put(entity);
    }
    World {
        inventory,
        vms,
        user: user.id,
    }
}

impl World {
    fn ask<T: Searchable>(&self, query: &str, options: ListOptions) -> Vec<Arc<T>> {
        let access = Access::new(Arc::new(self.inventory.clone()));
        let query = parse(T::COLLECTION, query).unwrap_or_else(|why| panic!("{query}: {why}"));
        run(&access, &Caller::system(), &query, options, NOW)
    }

    fn names(&self, query: &str) -> Vec<String> {
        self.ask::<Vm>(query, ListOptions::default())
            .iter()
            .map(|vm| vm.name.clone())
            .collect()
    }

    fn events(&self, query: &str, options: ListOptions) -> Vec<i64> {
        self.ask::<Event>(query, options)
            .iter()
            .map(|event| event.id.0)
            .collect()
    }
}

#[test]
fn names_are_found_as_clients_ask_for_them() {
    let world = world();
    for query in [
        "name=web1",
        "name=\"web1\"",
        "name = web1",
        "NAME=WEB1",
        "Name =\"Web1\"",
        "name=web1 and cluster=Default",
        "Vms.name=web1",
        "Vms: name=web1",
        "web1",
        "name=*b1",
        "description=\"the web1 machine\"",
    ] {
        assert_eq!(world.names(query), ["web1"], "{query}");
    }
    let id = world.vms[2];
    assert_eq!(world.names(&format!("id={id}")), ["db"]);
    assert!(world.names("name=web").is_empty());
}

#[test]
fn letters_count_when_the_request_says_so() {
    let world = world();
    let options = ListOptions {
        case_sensitive: true,
        ..ListOptions::default()
    };
    assert!(world.ask::<Vm>("name=WEB1", options).is_empty());
    assert_eq!(world.ask::<Vm>("name=web1", options).len(), 1);
}

#[test]
fn and_binds_tighter_than_or_and_side_by_side_last() {
    let world = world();
    assert_eq!(
        world.names("name=db or name=web* and status=up"),
        ["db", "web1"]
    );
    assert_eq!(world.names("name=db or name=web* status=up"), ["web1"]);
    assert!(world.names("name=db and name=web1").is_empty());
    assert_eq!(world.names("name=* and name!=web1"), ["Web2", "db"]);
}

#[test]
fn numbers_times_and_words_are_compared_each_in_their_way() {
    let world = world();
    assert_eq!(world.names("memory>1000"), ["Web2", "web1"]);
    assert_eq!(world.names("memory >= 1024 and memory < 2048"), ["web1"]);
    assert_eq!(world.names("memory=512"), ["db"]);
    assert_eq!(world.names("creationdate=yesterday").len(), 3);
    assert_eq!(world.names("creationdate<2024-04-30").len(), 0);
    assert_eq!(world.names("creationdate>today").len(), 0);
    assert_eq!(world.names("status=waitforlaunch"), ["db"]);
    assert_eq!(world.names("status=wait_for_launch"), ["db"]);
}

#[test]
fn prefixes_lead_to_what_an_object_is_related_to() {
    let world = world();
    assert_eq!(world.names("Hosts.name=\"h 1\""), ["web1"]);
    assert_eq!(world.names("host=\"h 1\""), ["web1"]);
    assert_eq!(world.names("cluster=\"other one\""), ["db"]);
    assert_eq!(world.names("datacenter=Default").len(), 3);
    assert_eq!(world.names("tag=green"), ["web1"]);
    assert_eq!(
        world.names("tag=all"),
        ["web1"],
        "a tag holds what its children hold"
    );
    assert_eq!(world.names("Events.type=61"), ["Web2"]);
    assert_eq!(world.names("events.type!=61"), ["db", "web1"]);
    let centers = world.ask::<DataCenter>("Clusters.name=Other*", ListOptions::default());
    assert_eq!(centers.len(), 1);
    let hosts = world.ask::<Host>("vms.name=web1 and status=up", ListOptions::default());
    assert_eq!(hosts.len(), 1);
    assert!(
        world
            .ask::<Host>("vms.name=db", ListOptions::default())
            .is_empty()
    );
}

#[test]
fn users_are_found_by_every_form_of_their_name() {
    let world = world();
    for query in [
        "usrname=eva@internal",
        "usrname=eva@internal-authz",
        "usrname=eva",
        "name=Eva",
        "name=eva and lastname=Muster",
        "id=*",
        "Users.usrname=eva",
    ] {
        let found = world.ask::<User>(query, ListOptions::default());
        assert_eq!(
            found.iter().map(|user| user.id).collect::<Vec<_>>(),
            [world.user],
            "{query}"
        );
    }
}

#[test]
fn events_come_newest_first_and_from_a_number_on() {
    let world = world();
    let all = ListOptions::default();
    assert_eq!(world.events("", all), (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(world.events("type=34", all), [10, 8, 6, 4, 2]);
    assert_eq!(
        world.events(
            "type=34 or type=61",
            ListOptions {
                max: Some(3),
                ..all
            }
        ),
        [10, 9, 8]
    );
    assert_eq!(
        world.events(
            "",
            ListOptions {
                from: Some(EventId(7)),
                ..all
            }
        ),
        [10, 9, 8]
    );
    assert_eq!(world.events("message=\"*t 7\"", all), [7]);
    assert_eq!(
        world.events("vm.name=web1 and severity=normal", all).len(),
        5
    );
    assert_eq!(
        world.events(
            "event_vm=web1 page 2",
            ListOptions {
                max: Some(2),
                ..all
            }
        ),
        [6, 4]
    );
    assert_eq!(world.events("time=today", all).len(), 10);
    assert_eq!(
        world.events(
            "sortby time asc page 1",
            ListOptions {
                max: Some(2),
                ..all
            }
        ),
        [10, 9]
    );
}

#[test]
fn lists_are_sorted_and_paged() {
    let world = world();
    assert_eq!(world.names("sortby name asc"), ["db", "web1", "Web2"]);
    assert_eq!(world.names("sortby name desc"), ["Web2", "web1", "db"]);
    assert_eq!(
        world.names("name=* sortby memory DESC"),
        ["Web2", "web1", "db"]
    );
    let page = |number| -> Vec<String> {
        let options = ListOptions {
            max: Some(2),
            ..ListOptions::default()
        };
        let query = format!("sortby name page {number}");
        world
            .ask::<Vm>(&query, options)
            .iter()
            .map(|vm| vm.name.clone())
            .collect()
    };
    assert_eq!(page(1), ["db", "web1"]);
    assert_eq!(page(2), ["Web2"]);
    assert!(page(3).is_empty());
    assert!(page(usize::MAX).is_empty());
    assert_eq!(world.names("page 1").len(), 3);
}

#[test]
fn queries_that_cannot_be_read_say_why() {
    for (query, why) in [
        (
            "nosuchfield=1",
            "'nosuchfield' is no field that can be searched by here.",
        ),
        (
            "name=",
            "The value for 'name' is missing in the search query.",
        ),
        ("=x", "The field before = is missing."),
        (
            "name=a'b",
            "The search query must not contain the character '",
        ),
        (
            "name=a;b",
            "The search query must not contain the character ;",
        ),
        ("name=\"a", "A quotation in the search query does not end."),
        ("name<x", "'name' cannot be compared by <."),
        ("memory>much", "'much' is no number, which 'memory' needs."),
        (
            "creationdate>soon",
            "'soon' is no date, which 'creationdate' needs.",
        ),
        (
            "name=a and",
            "The search query ends where a condition should be.",
        ),
        (
            "a b",
            "'b' is no condition: a search query may have one free text.",
        ),
        (
            "sortby nothing",
            "'nothing' is no field that can be sorted by here.",
        ),
        ("page x", "The number of the page is missing, or is none."),
        ("page 0", "The number of the page is missing, or is none."),
        ("page 1 name=x", "The search query ends before 'name'."),
        (
            "Planets.name=x",
            "'Planets' is no prefix that can be searched by here.",
        ),
        ("Hosts.colour=x", "'colour' is no field of 'Hosts'."),
    ] {
        assert_eq!(parse(Collection::Vm, query), Err(why.to_owned()), "{query}");
    }
    assert!(parse(Collection::Vm, &"a".repeat(10_000)).is_err());
    assert!(parse(Collection::Vm, &"name=a ".repeat(1000)).is_err());
}

#[test]
fn any_text_is_read_or_refused_and_never_panics() {
    let pieces = [
        "name", "=", "!=", "<=", "\"", " ", "*", "and", "or", "sortby", "page", "1", ".", "é", "!",
        "vms", "'", "-", "today", "\u{0}",
    ];
    let mut seed = 1u64;
    for _ in 0..20_000 {
        let mut query = String::new();
        for _ in 0..seed % 9 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            query.push_str(pieces[(seed >> 40) as usize % pieces.len()]);
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(3);
        let _ = parse(Collection::Vm, &query);
        let _ = parse(Collection::Event, &query);
    }
}

#[test]
fn every_field_of_the_seed_can_be_asked_for() {
    let world = world();
    let access = Access::new(Arc::new(world.inventory.clone()));
    let caller = Caller::system();
    let seed: serde_json::Value = serde_json::from_str(include_str!("../../seed.json")).unwrap();
    for (name, collection) in [
        ("vms", Collection::Vm),
        ("hosts", Collection::Host),
        ("disks", Collection::Disk),
        ("events", Collection::Event),
        ("users", Collection::User),
        ("networks", Collection::Network),
        ("templates", Collection::Template),
        ("storagedomains", Collection::StorageDomain),
        ("clusters", Collection::Cluster),
        ("datacenters", Collection::DataCenter),
        ("groups", Collection::Group),
        ("vnicprofiles", Collection::VnicProfile),
        ("jobs", Collection::Job),
    ] {
        for field in seed["search"][name]["fields"].as_array().unwrap() {
            let field = field.as_str().unwrap();
            if field.contains(' ') {
                continue;
            }
            let query = parse(collection, &format!("{field}=*"))
                .unwrap_or_else(|why| panic!("{name} {field}: {why}"));
            let context = Context::new(&access, &caller, &query, false, NOW);
            for vm in world.inventory.vms.iter() {
                let _ = context.matches(&query, Item::Vm(vm));
            }
        }
    }
}

#[test]
fn what_the_caller_may_not_see_cannot_be_found_out_by_asking() {
    let mut world = world();
    let role = Role {
        id: Role::USER_ROLE,
        name: "UserRole".into(),
        description: String::new(),
        administrative: false,
        mutable: false,
        permits: [Permit::CONNECT_TO_VM, Permit::RUN_VM].into(),
    };
    world.inventory.put(role.into());
    world.inventory.put(
        Permission {
            id: PermissionId::random(),
            role: Role::USER_ROLE,
            subject: Subject::User(world.user),
            object: world.vms[0].into(),
        }
        .into(),
    );
    let access = Access::new(Arc::new(world.inventory.clone()));
    let caller = Caller {
        user: world.user,
        session: Some(SessionId::random()),
        filter: true,
        ..Caller::system()
    };
    let ask = |query: &str| {
        let query = parse(Collection::Vm, query).unwrap();
        run::<Vm>(&access, &caller, &query, ListOptions::default(), NOW).len()
    };
    assert_eq!(ask("name=*"), 1, "only the VM of the permission");
    assert_eq!(ask("name=db"), 0);
    assert_eq!(ask("Hosts.name=*"), 0, "the host is not theirs to see");
}
