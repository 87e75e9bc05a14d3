//! The shapes that real clients read and send.

use api::link::CreationState;
use api::types::{
    Action, Cluster, Cpu, CpuTopology, Disk, DiskAttachment, Host, Nic, Ticket, Vm, VmStatus,
};
use api::{Date, Link, Typed, service};

fn web1() -> Vm {
    let cluster = Cluster {
        id: Some("2b".into()),
        href: Some("/ovirt-engine/api/clusters/2b".into()),
        ..Cluster::default()
    };
    let mut vm = Vm {
        id: Some("1a".into()),
        href: Some("/ovirt-engine/api/vms/1a".into()),
        name: Some("web1".into()),
        description: Some("d".into()),
        cluster: Some(cluster.into()),
        memory: Some(1 << 30),
        stateless: Some(false),
        status: Some(VmStatus::Up),
        creation_time: Date::parse("2024-05-01T10:00:00.123+02:00"),
        ..Vm::default()
    };
    vm.links.actions = vec![Link {
        href: "/ovirt-engine/api/vms/1a/start".into(),
        rel: "start".into(),
    }];
    vm.links.links = vec![Link {
        href: "/ovirt-engine/api/vms/1a/nics".into(),
        rel: "nics".into(),
    }];
    vm
}

#[test]
fn a_vm_in_xml_is_in_the_engines_order() {
    assert_eq!(
        web1().to_xml(),
        "<vm href=\"/ovirt-engine/api/vms/1a\" id=\"1a\">\
         <actions><link href=\"/ovirt-engine/api/vms/1a/start\" rel=\"start\"/></actions>\
         <name>web1</name><description>d</description>\
         <link href=\"/ovirt-engine/api/vms/1a/nics\" rel=\"nics\"/>\
         <cluster href=\"/ovirt-engine/api/clusters/2b\" id=\"2b\"/>\
         <creation_time>2024-05-01T10:00:00.123+02:00</creation_time>\
         <memory>1073741824</memory><stateless>false</stateless><status>up</status></vm>"
    );
}

#[test]
fn a_vm_in_json_has_strings_for_numbers() {
    let expected = serde_json::json!({
        "id": "1a", "href": "/ovirt-engine/api/vms/1a", "name": "web1", "description": "d",
        "actions": {"link": [{"href": "/ovirt-engine/api/vms/1a/start", "rel": "start"}]},
        "link": [{"href": "/ovirt-engine/api/vms/1a/nics", "rel": "nics"}],
        "cluster": {"href": "/ovirt-engine/api/clusters/2b", "id": "2b"},
        "creation_time": 1_714_550_400_123_i64, "memory": "1073741824",
        "stateless": "false", "status": "up",
    });
    assert_eq!(web1().to_json(), expected);
}

#[test]
fn inner_lists_have_their_own_elements() {
    let vm = Vm {
        nics: Some(
            vec![Nic {
                name: Some("nic1".into()),
                ..Nic::default()
            }]
            .into(),
        ),
        disk_attachments: Some(Vec::new().into()),
        ..Vm::default()
    };
    assert_eq!(
        vm.to_xml(),
        "<vm><disk_attachments/><nics><nic><name>nic1</name></nic></nics></vm>"
    );
    assert_eq!(
        vm.to_json(),
        serde_json::json!({"disk_attachments": {}, "nics": {"nic": [{"name": "nic1"}]}})
    );
}

#[test]
fn input_takes_numbers_and_strings_alike() {
    let text = r#"{"name":"a","memory":268435456,"cpu":{"topology":{"cores":"2","sockets":1}},
        "stateless":true,"delete_protected":"FALSE","creation_time":"1714550400123",
        "unknown":{"deep":[1,2,{"x":null}]},"os":{"boot":{"devices":{"device":["hd","network"]}}},
        "cluster":{"name":"Default"},"template":{"id":"00000000-0000-0000-0000-000000000000"}}"#;
    let vm = Vm::from_json_str(text).unwrap();
    let topology = CpuTopology {
        cores: Some(2),
        sockets: Some(1),
        ..CpuTopology::default()
    };
    assert_eq!(
        vm.cpu.as_deref(),
        Some(&Cpu {
            topology: Some(topology.into()),
            ..Cpu::default()
        })
    );
    assert_eq!(vm.memory, Some(268_435_456));
    assert_eq!(vm.stateless, Some(true));
    assert_eq!(vm.delete_protected, Some(false));
    assert_eq!(vm.creation_time.map(Date::millis), Some(1_714_550_400_123));
    assert_eq!(vm.cluster.unwrap().name.as_deref(), Some("Default"));
    assert_eq!(
        vm.os
            .unwrap()
            .boot
            .as_ref()
            .unwrap()
            .devices
            .as_ref()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_was_read_can_be_sent_back() {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n\
        <vm id=\"1a\" href=\"/x\"><strange a='1'><vm/></strange>\n  <name>a &amp; b &#233;<![CDATA[ <c>]]></name>\
        <ns:memory xmlns:ns='x'>1</ns:memory><link href='/l' rel='nics'/><usb><enabled>1</enabled></usb>\
        <nics><nic><name>n</name></nic><other/></nics><cdroms/></vm>\n";
    let vm = Vm::from_xml(text).unwrap();
    assert_eq!(vm.name.as_deref(), Some("a & b é <c>"));
    assert_eq!(vm.memory, Some(1));
    assert_eq!(vm.usb.as_ref().unwrap().enabled, Some(true));
    assert_eq!(vm.nics.as_ref().unwrap().len(), 1);
    assert_eq!(vm.cdroms.as_ref().unwrap().len(), 0);
    assert_eq!(
        vm.links.links,
        vec![Link {
            href: "/l".into(),
            rel: "nics".into()
        }]
    );
    assert_eq!(Vm::from_xml(&vm.to_xml()).unwrap(), vm);
}

#[test]
fn an_action_brings_its_result() {
    let ticket = Ticket {
        value: Some("s3".into()),
        expiry: Some(120),
    };
    let action = Action {
        ticket: Some(ticket.into()),
        ..api::action::complete()
    };
    assert_eq!(
        action.to_xml(),
        "<action><status>complete</status><ticket><expiry>120</expiry><value>s3</value></ticket></action>"
    );
    for empty in ["<action/>", "<action></action>"] {
        assert_eq!(Action::from_xml(empty).unwrap(), Action::default());
    }
    assert_eq!(Action::from_json_str("{}").unwrap(), Action::default());
}

#[test]
fn faults_speak_as_the_engine_does() {
    assert_eq!(
        api::fault::refused(&["Cannot run VM. VM is running."]).to_xml(),
        "<fault><detail>[Cannot run VM. VM is running.]</detail><reason>Operation Failed</reason></fault>"
    );
    assert_eq!(
        api::fault::incomplete("Vm", &["name"], "add").to_xml(),
        "<fault><detail>Vm [name] required for add</detail><reason>Incomplete parameters</reason></fault>"
    );
}

#[test]
fn bad_values_name_their_place() {
    let fault = Vm::from_xml("<vm><memory>much</memory></vm>")
        .unwrap_err()
        .fault();
    assert_eq!(fault.reason.as_deref(), Some("Invalid value"));
    assert_eq!(
        fault.detail.as_deref(),
        Some("The value 'much' of 'memory' is no valid integer.")
    );
    let fault = Vm::from_xml("<vm><display><type>x</type></display></vm>")
        .unwrap_err()
        .fault();
    assert_eq!(fault.reason.as_deref(), Some("Invalid Enum value"));
    assert!(fault.detail.unwrap().contains("display.type"));
    let fault = Vm::from_json_str(r#"{"type":"mainframe"}"#)
        .unwrap_err()
        .fault();
    assert_eq!(fault.reason.as_deref(), Some("Invalid Enum value"));
    for text in [
        r#"{"memory":1.5}"#,
        r#"{"memory":[1]}"#,
        r#"{"stateless":"maybe"}"#,
        r#"{"cpu":3}"#,
    ] {
        let fault = Vm::from_json_str(text).unwrap_err().fault();
        assert_eq!(fault.reason.as_deref(), Some("Invalid value"), "{text}");
    }
}

#[test]
fn enums_are_read_in_any_case() {
    assert_eq!("UP".parse::<VmStatus>(), Ok(VmStatus::Up));
    assert_eq!(VmStatus::WaitForLaunch.as_str(), "wait_for_launch");
}

#[test]
fn a_page_passes_over_what_it_does_not_know() {
    let data = serde_json::json!({"name": "a", "status": "quantum", "memory": "5"});
    let vm: Vm = api::live::read(&data).unwrap();
    assert_eq!((vm.status, vm.memory), (None, Some(5)));
    let list = serde_json::json!({"vm": [data]});
    assert_eq!(api::json::read_list::<Vm>(&list).unwrap().len(), 1);
    assert_eq!(
        api::json::read_list::<Vm>(&serde_json::json!({}))
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn an_object_in_the_making_says_so() {
    let mut disk = Disk {
        id: Some("d".into()),
        ..Disk::default()
    };
    disk.links.creation_status = Some(CreationState::InProgress);
    assert_eq!(
        disk.to_xml(),
        "<disk id=\"d\"><creation_status>in_progress</creation_status></disk>"
    );
    assert_eq!(Disk::from_json(&disk.to_json()).unwrap(), disk);
}

#[test]
fn decoration_links_what_is_not_inline() {
    let mut vm = Vm {
        href: Some("/ovirt-engine/api/vms/1a".into()),
        nics: Some(Vec::new().into()),
        disk_attachments: Some(vec![DiskAttachment::default()].into()),
        ..Vm::default()
    };
    service::decorate(&mut vm);
    let rels: Vec<&str> = vm
        .links
        .links
        .iter()
        .map(|link| link.rel.as_str())
        .collect();
    for rel in [
        "snapshots",
        "cdroms",
        "statistics",
        "backups",
        "checkpoints",
        "permissions",
    ] {
        assert!(rels.contains(&rel), "{rel} in {rels:?}");
    }
    assert!(
        !rels.contains(&"nics") && !rels.contains(&"diskattachments"),
        "{rels:?}"
    );
    let actions: Vec<&str> = vm
        .links
        .actions
        .iter()
        .map(|link| link.rel.as_str())
        .collect();
    for action in [
        "start",
        "stop",
        "shutdown",
        "reboot",
        "suspend",
        "migrate",
        "export",
        "clone",
        "ticket",
        "detach",
        "freezefilesystems",
        "previewsnapshot",
        "commitsnapshot",
        "undosnapshot",
        "logon",
        "maintenance",
        "reordermacaddresses",
        "cancelmigration",
    ] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    assert_eq!(
        vm.links
            .actions
            .iter()
            .find(|link| link.rel == "start")
            .unwrap()
            .href,
        "/ovirt-engine/api/vms/1a/start"
    );
}

#[test]
fn the_odd_relations_are_the_paths_own() {
    let mut host = Host {
        href: Some("/ovirt-engine/api/hosts/1".into()),
        ..Host::default()
    };
    service::decorate(&mut host);
    let rels: Vec<&str> = host
        .links
        .links
        .iter()
        .map(|link| link.rel.as_str())
        .collect();
    assert!(
        rels.contains(&"storage") && rels.contains(&"fenceagents"),
        "{rels:?}"
    );
    assert!(
        !rels.contains(&"storages") && !rels.contains(&"agents"),
        "{rels:?}"
    );
}

#[test]
fn follow_finds_fields_by_any_spelling() {
    let def = <Vm as Typed>::DEF;
    let index = def.index_of("disk_attachments");
    assert!(index.is_some());
    for name in [
        "disk_attachments",
        "diskattachments",
        "DiskAttachments",
        "DISK_ATTACHMENTS",
    ] {
        assert_eq!(def.index_of_follow(name), index, "{name}");
    }
    assert_eq!(def.index_of_follow("nothing"), None);
    let nodes = <Vm as Typed>::DEF.index_of_follow("numa_nodes");
    assert_eq!(nodes, def.index_of("host_numa_nodes"));
}
