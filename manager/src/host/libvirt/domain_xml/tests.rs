//! What the documents look like, that no value changes their shape, and that libvirt's own schema
//! takes them.

mod hardware;

use std::process::Command;
use std::sync::OnceLock;

use expect_test::{expect, expect_file};
use proptest::prelude::*;

use super::disk::device_name;
use super::*;
use crate::host::libvirt::domain_facts::Facts;
use crate::host::{
    Backing, BootSpec, DiskSpec, DomainStamp, KernelBoot, MacAddress, MachineSpec, NicModel,
    NicNetwork, NicSpec, VolumeFormat,
};

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x1111_1111_0000_4000_8000_0000_0000_0000 | n)
}

fn volume(n: u128) -> VolumeRef {
    VolumeRef {
        storage_domain: id(0xd0),
        volume: id(n),
    }
}

fn disk_spec(n: u128, interface: DiskInterface) -> DiskSpec {
    DiskSpec {
        disk: id(n),
        source: volume(n),
        format: VolumeFormat::Qcow2,
        backing: Vec::new(),
        interface,
        read_only: false,
        shareable: false,
        discard: false,
        bootable: false,
        propagate_errors: false,
        limits: crate::host::DiskLimits::default(),
    }
}

fn nic_spec(n: u8, network: NicNetwork) -> NicSpec {
    NicSpec {
        nic: id(0xa0 + u128::from(n)),
        mac: MacAddress([0x56, 0x6f, 0x1a, 0, 0, n]),
        model: NicModel::Virtio,
        network,
        linked: true,
    }
}

fn smallest() -> DomainSpec {
    DomainSpec {
        vm: id(1),
        run_epoch: 7,
        operation: Some(id(0x0b)),
        title: "web1".to_owned(),
        description: String::new(),
        memory_bytes: 512 << 20,
        cpu: CpuSpec {
            sockets: 1,
            cores: 1,
            threads: 1,
            mode: CpuMode::Automatic,
        },
        boot: BootSpec::default(),
        disks: vec![disk_spec(0x10, DiskInterface::Virtio)],
        cd: None,
        nics: vec![nic_spec(1, NicNetwork::Named("ovirtmgmt".to_owned()))],
        display: Some(DisplaySpec::spice([127, 0, 0, 1].into())),
        sound: true,
        usb_redirections: 2,
        clock: ClockSpec::Utc,
        machine: MachineSpec::default(),
    }
}

/// With one of everything.
fn largest() -> DomainSpec {
    DomainSpec {
        description: "Line one\nline <two> & 'three' \"four\"".to_owned(),
        cpu: CpuSpec {
            sockets: 2,
            cores: 4,
            threads: 2,
            mode: CpuMode::Model("Haswell-noTSX".to_owned()),
        },
        boot: BootSpec {
            order: vec![BootDevice::Cd, BootDevice::Disk, BootDevice::Network],
            menu: true,
            kernel: Some(KernelBoot {
                kernel: FileSource::Path("/srv/boot/vmlinuz".into()),
                initrd: Some(FileSource::Volume(volume(0x99))),
                command_line: "console=ttyS0 root=LABEL='x' a<b & c".to_owned(),
            }),
        },
        disks: vec![
            disk_spec(0x10, DiskInterface::Virtio),
            DiskSpec {
                bootable: true,
                discard: true,
                ..disk_spec(0x11, DiskInterface::VirtioScsi)
            },
            DiskSpec {
                format: VolumeFormat::Raw,
                shareable: true,
                ..disk_spec(0x12, DiskInterface::Sata)
            },
            DiskSpec {
                read_only: true,
                ..disk_spec(0x13, DiskInterface::VirtioScsi)
            },
        ],
        cd: Some(volume(0xcd)),
        nics: vec![
            nic_spec(1, NicNetwork::Named("ovirtmgmt".to_owned())),
            NicSpec {
                model: NicModel::E1000e,
                linked: false,
                ..nic_spec(2, NicNetwork::Bridge("br0".to_owned()))
            },
            NicSpec {
                model: NicModel::E1000,
                ..nic_spec(3, NicNetwork::User)
            },
            NicSpec {
                model: NicModel::Rtl8139,
                ..nic_spec(4, NicNetwork::Nowhere)
            },
            nic_spec(5, NicNetwork::Named("plain".to_owned())),
        ],
        display: Some(DisplaySpec {
            vnc: true,
            video: VideoModel::Virtio,
            monitors: 4,
            ..DisplaySpec::spice([0; 16].into())
        }),
        clock: ClockSpec::Ahead { seconds: -3600 },
        ..smallest()
    }
}

fn headless() -> DomainSpec {
    DomainSpec {
        display: None,
        disks: vec![],
        nics: vec![],
        boot: BootSpec {
            menu: false,
            ..BootSpec::default()
        },
        ..smallest()
    }
}

fn render_with(spec: &DomainSpec, acceleration: AccelerationKind) -> Result<Element, HostError> {
    let networks = BTreeMap::from([
        ("ovirtmgmt".to_owned(), NetworkKind::Nat),
        ("plain".to_owned(), NetworkKind::User),
    ]);
    let password = DisplayPassword::chosen("fixed-for-the-snapshot").unwrap();
    let context = Context {
        images: Path::new("/var/lib/saffron/images"),
        acceleration,
        direct_io: true,
        networks: &networks,
        password: &password,
    };
    domain(spec, &context)
}

fn render(spec: &DomainSpec) -> Result<Element, HostError> {
    render_with(spec, AccelerationKind::Tcg)
}

#[test]
fn the_documents_are_as_they_were_last_looked_at() {
    expect_file!["tests/smallest.xml"].assert_eq(&render(&smallest()).unwrap().to_xml());
    expect_file!["tests/largest.xml"].assert_eq(&render(&largest()).unwrap().to_xml());
    expect_file!["tests/headless.xml"].assert_eq(&render(&headless()).unwrap().to_xml());
}

#[test]
fn kvm_changes_the_type_and_the_processor_and_nothing_else() {
    let without = |mut e: Element| {
        e.remove("cpu");
        e.attributes.clear();
        e
    };
    let (tcg, kvm) = (
        render(&smallest()).unwrap(),
        render_with(&smallest(), AccelerationKind::Kvm).unwrap(),
    );
    assert_eq!(
        (tcg.get("type"), kvm.get("type")),
        (Some("qemu"), Some("kvm"))
    );
    let mode = |e: &Element| e.find("cpu").unwrap().get("mode").unwrap().to_owned();
    assert_eq!(
        (mode(&tcg), mode(&kvm)),
        ("maximum".to_owned(), "host-model".to_owned())
    );
    assert_eq!(without(tcg), without(kvm));
}

#[test]
fn libvirts_schema_takes_every_document() {
    let evil = DomainSpec {
        title: "</title><x a='\u{1}\n\u{fffe}]]>&amp;".to_owned(),
        description: "<!-- \" '".to_owned(),
        ..largest()
    };
    for (name, spec) in [
        ("smallest", smallest()),
        ("largest", largest()),
        ("headless", headless()),
        ("evil", evil),
    ] {
        for kind in [AccelerationKind::Tcg, AccelerationKind::Kvm] {
            valid(name, &render_with(&spec, kind).unwrap());
        }
    }
}

/// Asks libvirt's schema.
fn valid(name: &str, document: &Element) {
    let file = std::env::temp_dir().join(format!("saffron-{}.xml", Uuid::new_v4()));
    std::fs::write(&file, document.to_xml()).unwrap();
    let output = Command::new("virt-xml-validate")
        .arg(&file)
        .arg("domain")
        .output()
        .expect("virt-xml-validate");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_written_is_what_is_read_back() {
    let facts = Facts::of(&Element::parse(&render(&largest()).unwrap().to_xml()).unwrap());
    assert_eq!(
        facts.stamp,
        Some(DomainStamp {
            vm: id(1),
            run_epoch: 7,
            operation: Some(id(0x0b))
        })
    );
    assert_eq!(facts.title, "web1");
    assert_eq!(facts.memory_bytes, 512 << 20);
    assert_eq!(facts.vcpus, 16);
    assert_eq!(facts.disks, [0x10, 0x11, 0x12, 0x13].map(id));
    assert_eq!(facts.nics, [0xa1, 0xa2, 0xa3, 0xa4, 0xa5].map(id));
    assert_eq!(facts.cd, Some(volume(0xcd)));
    assert_eq!(facts.spice, None, "no port before it runs");
}

#[test]
fn the_boot_order_is_the_one_asked_for_with_the_bootable_disk_first() {
    let document = render(&largest()).unwrap();
    let order: Vec<(String, String)> = document
        .find("devices")
        .unwrap()
        .elements()
        .filter_map(|e| {
            Some((
                e.find("alias")?.get("name")?.to_owned(),
                e.find("boot")?.get("order")?.to_owned(),
            ))
        })
        .collect();
    let place = |alias: &str| {
        order
            .iter()
            .find(|(a, _)| a == alias)
            .map(|(_, order)| order.parse::<u32>().unwrap())
    };
    assert_eq!(place(CD_ALIAS), Some(1));
    assert_eq!(place(&alias(id(0x11))), Some(2), "the bootable one");
    assert_eq!(place(&alias(id(0x10))), Some(3));
    assert_eq!(place(&alias(id(0xa1))), Some(6));
    let places: std::collections::BTreeSet<_> = order.iter().map(|(_, order)| order).collect();
    assert_eq!(places.len(), order.len(), "no place twice");
}

#[test]
fn the_display_never_has_an_empty_or_a_valid_password() {
    let document = render(&smallest()).unwrap();
    let graphics = document.path(&["devices", "graphics"]).unwrap();
    assert_eq!(graphics.get("passwd"), Some("fixed-for-the-snapshot"));
    assert_eq!(graphics.get("passwdValidTo"), Some("2000-01-01T00:00:00"));
    assert!(DisplayPassword::chosen("").is_err());
    let (a, b) = (
        DisplayPassword::random().unwrap(),
        DisplayPassword::random().unwrap(),
    );
    assert!(a != b && a.reveal().len() == 43);
    expect!["DisplayPassword(…)"].assert_eq(&format!("{a:?}"));
}

#[test]
fn values_that_a_hypervisor_cannot_take_are_refused_with_the_field_named() {
    let kernel = |path: &str, command_line: &str| BootSpec {
        kernel: Some(KernelBoot {
            kernel: FileSource::Path(path.into()),
            initrd: None,
            command_line: command_line.to_owned(),
        }),
        ..BootSpec::default()
    };
    let cpu = |sockets, cores, mode| CpuSpec {
        sockets,
        cores,
        threads: 1,
        mode,
    };
    let nics = |network| vec![nic_spec(1, network)];
    let display = |monitors| {
        Some(DisplaySpec {
            monitors,
            ..smallest().display.unwrap()
        })
    };
    let cases = [
        (
            "memory",
            DomainSpec {
                memory_bytes: 0,
                ..smallest()
            },
        ),
        (
            "memory",
            DomainSpec {
                memory_bytes: (512 << 20) + 1,
                ..smallest()
            },
        ),
        (
            "memory",
            DomainSpec {
                memory_bytes: !0xf_ffff,
                ..smallest()
            },
        ),
        (
            "cpu",
            DomainSpec {
                cpu: cpu(0, 1, CpuMode::Automatic),
                ..smallest()
            },
        ),
        (
            "cpu",
            DomainSpec {
                cpu: cpu(u32::MAX, u32::MAX, CpuMode::Automatic),
                ..smallest()
            },
        ),
        (
            "cpu model",
            DomainSpec {
                cpu: cpu(1, 1, CpuMode::Model("a'b".to_owned())),
                ..smallest()
            },
        ),
        (
            "kernel",
            DomainSpec {
                boot: kernel("boot/vmlinuz", ""),
                ..smallest()
            },
        ),
        (
            "kernel",
            DomainSpec {
                boot: kernel("/a\nb", ""),
                ..smallest()
            },
        ),
        (
            "kernel command line",
            DomainSpec {
                boot: kernel("/k", "a\nb"),
                ..smallest()
            },
        ),
        (
            "network",
            DomainSpec {
                nics: nics(NicNetwork::Named("unknown".to_owned())),
                ..smallest()
            },
        ),
        (
            "network",
            DomainSpec {
                nics: nics(NicNetwork::Named("-x".to_owned())),
                ..smallest()
            },
        ),
        (
            "bridge",
            DomainSpec {
                nics: nics(NicNetwork::Bridge("br0/../x".to_owned())),
                ..smallest()
            },
        ),
        (
            "bridge",
            DomainSpec {
                nics: nics(NicNetwork::Bridge("sixteen-letters-".to_owned())),
                ..smallest()
            },
        ),
        (
            "mac",
            DomainSpec {
                nics: vec![NicSpec {
                    mac: MacAddress([1, 0, 0, 0, 0, 1]),
                    ..nic_spec(1, NicNetwork::User)
                }],
                ..smallest()
            },
        ),
        (
            "monitors",
            DomainSpec {
                display: display(0),
                ..smallest()
            },
        ),
        (
            "monitors",
            DomainSpec {
                display: display(5),
                ..smallest()
            },
        ),
        (
            "usb redirections",
            DomainSpec {
                usb_redirections: 5,
                ..smallest()
            },
        ),
        (
            "disks",
            DomainSpec {
                disks: (1..=6).map(|n| disk_spec(n, DiskInterface::Sata)).collect(),
                ..smallest()
            },
        ),
        (
            "devices",
            DomainSpec {
                disks: (1..=60)
                    .map(|n| disk_spec(n, DiskInterface::Virtio))
                    .collect(),
                ..smallest()
            },
        ),
        (
            "disk",
            DomainSpec {
                disks: vec![DiskSpec {
                    shareable: true,
                    ..disk_spec(1, DiskInterface::Virtio)
                }],
                ..smallest()
            },
        ),
    ];
    for (field, spec) in cases {
        match render(&spec) {
            Err(HostError::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn a_chain_is_declared_to_its_end() {
    let spec = DomainSpec {
        disks: vec![DiskSpec {
            backing: vec![
                Backing {
                    volume: volume(2),
                    format: VolumeFormat::Qcow2,
                },
                Backing {
                    volume: volume(3),
                    format: VolumeFormat::Raw,
                },
            ],
            ..disk_spec(1, DiskInterface::Virtio)
        }],
        ..smallest()
    };
    let document = render(&spec).unwrap();
    let disk = crate::host::libvirt::domain_facts::devices(&document, "disk")
        .find(|disk| disk.get("device") == Some("disk"))
        .unwrap();
    let mut seen = Vec::new();
    let mut below = disk.find("backingStore");
    while let Some(store) = below {
        let format = store.find("format").and_then(|it| it.get("type"));
        let file = store.find("source").and_then(|it| it.get("file"));
        seen.push(format.map(|format| {
            let name = file.and_then(|file| file.rsplit('/').next()).unwrap();
            (format.to_owned(), name.to_owned())
        }));
        below = store.find("backingStore");
    }
    assert_eq!(
        seen,
        [
            Some(("qcow2".to_owned(), id(2).to_string())),
            Some(("raw".to_owned(), id(3).to_string())),
            None,
        ],
        "closed by an empty element"
    );
}

#[test]
fn a_disk_has_its_limits_and_says_what_becomes_of_errors() {
    let plain = disk_spec(1, DiskInterface::Virtio);
    let limited = DiskSpec {
        propagate_errors: true,
        limits: crate::host::DiskLimits {
            bytes: 1 << 20,
            read_requests: 100,
            ..Default::default()
        },
        ..disk_spec(2, DiskInterface::Virtio)
    };
    let spec = DomainSpec {
        disks: vec![plain, limited],
        ..smallest()
    };
    let document = render(&spec).unwrap();
    let disks: Vec<&Element> = document
        .find("devices")
        .unwrap()
        .all("disk")
        .filter(|it| it.get("device") == Some("disk"))
        .collect();
    let policy = |disk: &Element| disk.find("driver")?.get("error_policy").map(str::to_owned);
    assert_eq!(policy(disks[0]).as_deref(), Some("stop"));
    assert_eq!(policy(disks[1]).as_deref(), Some("report"));
    assert!(disks[0].find("iotune").is_none());
    let limits: Vec<_> = disks[1]
        .find("iotune")
        .unwrap()
        .elements()
        .map(|it| (it.name.to_string(), it.own_text()))
        .collect();
    assert_eq!(
        limits,
        [
            ("total_bytes_sec".to_owned(), "1048576".to_owned()),
            ("read_iops_sec".to_owned(), "100".to_owned()),
        ]
    );
}

#[test]
fn many_disks_have_different_names() {
    let spec = DomainSpec {
        disks: (1..=200)
            .map(|n| disk_spec(n, DiskInterface::VirtioScsi))
            .collect(),
        ..smallest()
    };
    let document = render(&spec).unwrap();
    let targets: std::collections::BTreeSet<String> = document
        .find("devices")
        .unwrap()
        .all("disk")
        .map(|d| d.find("target").unwrap().get("dev").unwrap().to_owned())
        .collect();
    assert_eq!(targets.len(), 201);
    assert_eq!(
        (device_name("vd", 25), device_name("vd", 26)),
        ("vdz".to_owned(), "vdaa".to_owned())
    );
}

#[test]
fn a_hardware_address_is_six_pairs_and_nothing_else() {
    let mac: MacAddress = "56:6F:1a:00:00:01".parse().unwrap();
    assert_eq!(mac.to_string(), "56:6f:1a:00:00:01");
    for wrong in [
        "",
        "56:6f:1a:00:00",
        "56:6f:1a:00:00:01:02",
        "56:6f:1a:00:00:0g",
        "+6:6f:1a:00:00:01",
        "566f.1a00.0001",
    ] {
        assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
    }
}

/// Names of elements and attributes, without values.
fn shape(element: &Element) -> String {
    let attributes: Vec<&str> = element
        .attributes
        .iter()
        .map(|(name, _)| name.as_ref())
        .collect();
    let children: Vec<String> = element.elements().map(shape).collect();
    format!(
        "{}[{}]({})",
        element.name,
        attributes.join(" "),
        children.join(",")
    )
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[<>&'\"/=a-z;#x0-9 \\]\\[!-]{0,60}",
        "(</title>|</metadata>|<devices>|<disk/>|<!\\[CDATA\\[|\\]\\]>|<!--|-->|<\\?x|&lt;|&#0;|&#x1;|\u{0}|\u{1}|\u{85}|\u{2028}|\u{fffe}|\r\n|\t|'/>|\"/>){0,6}",
        "[A-Za-z0-9._-]{1,20}",
    ]
}

/// A domain with a value in every field that takes text.
fn with_text([title, description, kernel, initrd, command_line, model]: [&str; 6]) -> DomainSpec {
    DomainSpec {
        title: title.to_owned(),
        description: description.to_owned(),
        boot: BootSpec {
            kernel: Some(KernelBoot {
                kernel: FileSource::Path(format!("/{kernel}").into()),
                initrd: Some(FileSource::Path(format!("/{initrd}").into())),
                command_line: command_line.to_owned(),
            }),
            ..BootSpec::default()
        },
        cpu: CpuSpec {
            mode: CpuMode::Model(model.to_owned()),
            ..smallest().cpu
        },
        ..headless()
    }
}

/// The shape of a harmless document, by whether title, description and command line are there.
fn plain_shape(present: [bool; 3]) -> &'static str {
    static SHAPES: OnceLock<Vec<String>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        (0..8)
            .map(|bits| {
                let x = |bit: u32| if bits & (1 << bit) != 0 { "x" } else { "" };
                shape(&render(&with_text([x(0), x(1), "x", "x", x(2), "x"])).unwrap())
            })
            .collect()
    });
    let [a, b, c] = present.map(usize::from);
    &shapes[a | b << 1 | c << 2]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_value_changes_the_shape_of_a_document(
        title in hostile(),
        description in hostile(),
        kernel in hostile(),
        initrd in hostile(),
        command_line in hostile(),
        model in hostile(),
    ) {
        // What is refused on its own gives way, so that it does not hide what the others do.
        // (That it is refused with an error is the next test but one.)
        let path = |text: &str| path_text("", Path::new(&format!("/{text}"))).is_ok();
        let or_x = |text: &'static str, ok: bool, value: &str| if ok { value.to_owned() } else { text.to_owned() };
        let kernel = or_x("k", path(&kernel), &kernel);
        let initrd = or_x("i", path(&initrd), &initrd);
        let command_line = or_x("c", command_line_text(&command_line).is_ok(), &command_line);
        let model = or_x("m", name("", &model, 64).is_ok(), &model);
        let spec = with_text([&title, &description, &kernel, &initrd, &command_line, &model]);
        let document = render(&spec).expect("labels are never refused");
        let read = Element::parse(&document.to_xml()).expect("well-formed");
        prop_assert_eq!(&read, &document, "every value is read back as it was written");
        let there = |names: &[&str]| document.path(names).is_some();
        prop_assert_eq!(
            shape(&read),
            plain_shape([there(&["title"]), there(&["description"]), there(&["os", "cmdline"])])
        );
        let text = |names: &[&str]| read.path(names).map(Element::own_text).unwrap_or_default();
        prop_assert_eq!(text(&["os", "kernel"]), format!("/{kernel}"));
        prop_assert_eq!(text(&["os", "initrd"]), format!("/{initrd}"));
        prop_assert_eq!(text(&["os", "cmdline"]), command_line);
        prop_assert_eq!(text(&["cpu", "model"]), model);
        if !description.trim().is_empty() {
            let shown: String = description.chars().map(|c| if is_xml_char(c) { c } else { '\u{fffd}' }).collect();
            prop_assert_eq!(text(&["description"]), shown);
        }
    }

    #[test]
    fn a_value_is_refused_or_rendered_whole(value in hostile(), field in 0usize..4) {
        let mut strings = ["t", "d", "k", "i", "c", "m"];
        strings[2 + field] = &value;
        if let Ok(document) = render(&with_text(strings)) {
            let path = [["os", "kernel"], ["os", "initrd"], ["os", "cmdline"], ["cpu", "model"]][field];
            let text = document.path(&path).map(Element::own_text).unwrap_or_default();
            let with_slash = format!("/{value}");
            prop_assert!(text == value || text == with_slash, "{}", text);
        }
    }

    #[test]
    fn no_name_changes_the_shape_of_a_nic(name in hostile()) {
        let networks = BTreeMap::from([(name.clone(), NetworkKind::Nat)]);
        let password = DisplayPassword::chosen("x").unwrap();
        let context = Context {
            images: Path::new("/images"),
            acceleration: AccelerationKind::Tcg,
            direct_io: true,
            networks: &networks,
            password: &password,
        };
        for (network, kind) in [
            (NicNetwork::Bridge(name.clone()), "bridge"),
            (NicNetwork::Named(name.clone()), "network"),
        ] {
            let Ok(document) = nic(&nic_spec(1, network), None, &context) else { continue };
            let read = Element::parse(&document.to_xml()).expect("well-formed");
            let plain = "interface[type](source[K](),mac[address](),model[type](),link[state](),rom[enabled](),alias[name]())";
            prop_assert_eq!(shape(&read), plain.replace('K', kind));
            prop_assert_eq!(read.find("source").unwrap().get(kind), Some(name.as_str()));
        }
    }
}
