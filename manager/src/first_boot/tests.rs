//! What guests are told, and that the media are what they say.

use std::io::Cursor;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::image::{self, ImageFormat, Limits};
use crate::model::{AddressSource, Addressing, CloudInitNetworkProtocol, Hidden, NicConfiguration};

const LINUX: Identity<'static> = Identity {
    instance: "11111111-0000-4000-8000-000000000001-1",
    vm_name: "web1",
    os_type: "debian_9",
};

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn whole() -> Initialization {
    Initialization {
        host_name: some("web1.example.org"),
        timezone: some("Europe/Prague"),
        user_name: some("root"),
        root_password: Some(Hidden::new("Hello world!")),
        authorized_ssh_keys: some("ssh-ed25519 AAAA ada@example.org\nssh-rsa BBBB\n"),
        regenerate_ssh_keys: Some(true),
        custom_script: some("runcmd:\n- [touch, /ready]\n"),
        dns_servers: some("192.0.2.53 2001:db8::53"),
        dns_search: some("example.org"),
        nic_configurations: Some(vec![
            NicConfiguration {
                name: "eth0".to_owned(),
                on_boot: true,
                ipv4: Addressing {
                    source: AddressSource::Static,
                    address: some("192.0.2.10"),
                    netmask: some("255.255.255.0"),
                    gateway: some("192.0.2.1"),
                },
                ipv6: Addressing {
                    source: AddressSource::Static,
                    address: some("2001:db8::10"),
                    netmask: some("64"),
                    gateway: some("2001:db8::1"),
                },
            },
            NicConfiguration {
                name: "eth1".to_owned(),
                on_boot: false,
                ipv4: Addressing {
                    source: AddressSource::Dhcp,
                    ..Addressing::default()
                },
                ipv6: Addressing {
                    source: AddressSource::Autoconf,
                    ..Addressing::default()
                },
            },
        ]),
        ..Initialization::default()
    }
}

fn content(files: &[GuestFile], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name);
    file.map(|file| file.content.clone()).unwrap_or_default()
}

#[test]
fn cloud_init_is_told_what_was_chosen_and_no_password() {
    let files = files(FirstBoot::CloudInit, &whole(), LINUX);
    expect![[r#"
        instance-id: "11111111-0000-4000-8000-000000000001-1"
        local-hostname: "web1.example.org"
    "#]]
    .assert_eq(&content(&files, "meta-data"));
    let user_data = content(&files, "user-data");
    assert!(!user_data.contains("Hello world!"));
    let hash = user_data
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .unwrap();
    assert!(hash.starts_with("\"$6$"), "{hash}");
    expect![[r#"
        #cloud-config
        hostname: "web1"
        fqdn: "web1.example.org"
        timezone: "Europe/Prague"
        user: "root"
        disable_root: false
        password: HASH
        chpasswd: {expire: false}
        ssh_pwauth: true
        ssh_authorized_keys:
        - "ssh-ed25519 AAAA ada@example.org"
        - "ssh-rsa BBBB"
        ssh_deletekeys: true
        runcmd:
        - [touch, /ready]
    "#]]
    .assert_eq(&user_data.replace(hash, "HASH"));
    expect![[r#"
        version: 2
        ethernets:
          "eth0":
            dhcp4: false
            dhcp6: false
            accept-ra: false
            addresses: ["192.0.2.10/24", "2001:db8::10/64"]
            gateway4: "192.0.2.1"
            gateway6: "2001:db8::1"
            nameservers:
              addresses: ["192.0.2.53", "2001:db8::53"]
              search: ["example.org"]
          "eth1":
            dhcp4: true
            dhcp6: false
            accept-ra: true
            optional: true
            nameservers:
              addresses: ["192.0.2.53", "2001:db8::53"]
              search: ["example.org"]
    "#]]
    .assert_eq(&content(&files, "network-config"));
}

#[test]
fn the_old_language_for_interfaces_is_spoken_when_it_is_wished_for() {
    let settings = Initialization {
        network_protocol: Some(CloudInitNetworkProtocol::Eni),
        ..whole()
    };
    let files = files(FirstBoot::CloudInit, &settings, LINUX);
    assert_eq!(content(&files, "network-config"), "");
    expect![[r#"
        instance-id: "11111111-0000-4000-8000-000000000001-1"
        local-hostname: "web1.example.org"
        network-interfaces: |
          auto eth0
          iface eth0 inet static
            address 192.0.2.10
            netmask 255.255.255.0
            gateway 192.0.2.1
          iface eth0 inet6 static
            address 2001:db8::10
            netmask 64
            gateway 2001:db8::1
            dns-nameservers 192.0.2.53 2001:db8::53
            dns-search example.org
          iface eth1 inet dhcp
          iface eth1 inet6 auto
            dns-nameservers 192.0.2.53 2001:db8::53
            dns-search example.org
    "#]]
    .assert_eq(&content(&files, "meta-data"));
}

#[test]
fn without_settings_a_guest_still_learns_its_name() {
    let files = files(FirstBoot::CloudInit, &Initialization::default(), LINUX);
    expect![[r#"
        #cloud-config
        hostname: "web1"
        user: "root"
        disable_root: false
    "#]]
    .assert_eq(&content(&files, "user-data"));
}

#[test]
fn a_shell_script_travels_beside_the_settings() {
    let settings = Initialization {
        custom_script: some("#!/bin/sh\necho saffron-part\n"),
        ..Initialization::default()
    };
    let files = files(FirstBoot::CloudInit, &settings, LINUX);
    let user_data = content(&files, "user-data");
    assert!(user_data.starts_with("Content-Type: multipart/mixed; boundary=\"saffron-part-x\"\n"));
    assert_eq!(user_data.matches("\n--saffron-part-x\n").count(), 2);
    assert!(user_data.ends_with("\necho saffron-part\n--saffron-part-x--\n"));
    assert!(user_data.contains("Content-Type: text/x-shellscript"));
}

#[test]
fn a_hash_is_the_one_that_linux_makes() {
    // From the description of the scheme.
    assert_eq!(
        crypt::sha512("Hello world!", "saltstring"),
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    );
    assert!(crypt::is_hash(&crypt::sha512("x", &crypt::salt("y"))));
    assert!(!crypt::is_hash("$6$ is not enough"));
}

#[test]
fn windows_is_answered_in_the_form_of_its_time() {
    let settings = Initialization {
        org_name: some("Example & Co"),
        domain: some("corp.example.org"),
        active_directory_ou: some("OU=desks,DC=corp"),
        root_password: Some(Hidden::new("<pass>\"word\"")),
        windows_license_key: Some(Hidden::new("AAAAA-BBBBB")),
        timezone: some("Europe/Prague"),
        host_name: some("a-very-long-host-name"),
        ..Initialization::default()
    };
    let told = |os_type| {
        let identity = Identity { os_type, ..LINUX };
        files(FirstBoot::Sysprep, &settings, identity).remove(0)
    };
    let old = told("windows_xp");
    assert_eq!(old.name, "sysprep.inf");
    for line in [
        "AdminPassword=\"<pass>word\"",
        "TimeZone=95",
        "OrgName=\"Example & Co\"",
        "ComputerName=\"a-very-long-hos\"",
        "JoinDomain=\"corp.example.org\"",
        "MachineObjectOU=\"OU=desks,DC=corp\"",
        "ProductKey=\"AAAAA-BBBBB\"",
    ] {
        assert!(
            old.content.split("\r\n").any(|it| it == line),
            "{line} in\n{}",
            old.content
        );
    }
    let new = told("windows_10x64");
    assert_eq!(new.name, "Unattend.xml");
    for line in [
        "<RegisteredOrganization>Example &amp; Co</RegisteredOrganization>",
        "<Value>&lt;pass&gt;\"word\"</Value>",
        "<TimeZone>Central Europe Standard Time</TimeZone>",
        "<ComputerName>a-very-long-hos</ComputerName>",
        "<JoinDomain>corp.example.org</JoinDomain>",
    ] {
        assert!(new.content.lines().any(|it| it == line), "{line}");
    }
    assert!(new.content.contains("processorArchitecture=\"amd64\""));
    assert!(
        told("windows_7")
            .content
            .contains("processorArchitecture=\"x86\"")
    );
    // As a document it holds together.
    let mut open = Vec::new();
    let mut reader = quick_xml::Reader::from_str(&new.content);
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push(tag.name().as_ref().to_owned()),
            Event::End(tag) => assert_eq!(open.pop().unwrap(), tag.name().as_ref()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty());
}

#[test]
fn a_custom_script_is_the_whole_answer_file() {
    let settings = Initialization {
        custom_script: some("<mine/>"),
        ..Initialization::default()
    };
    let identity = Identity {
        os_type: "windows_2019x64",
        ..LINUX
    };
    assert_eq!(
        files(FirstBoot::Sysprep, &settings, identity)[0].content,
        "<mine/>"
    );
}

/// Reads a file of the root directory back, by the name that Rock Ridge (`NM`) or Joliet gives it.
fn read_back(image: &[u8], descriptor: usize, name: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    let root = descriptor * 2048 + 156;
    let mut at = number(root + 2) * 2048;
    let end = at + number(root + 10);
    while at < end && image[at] != 0 {
        let record = &image[at..at + usize::from(image[at])];
        let own = &record[33..33 + usize::from(record[32])];
        let rock = record.windows(name.len()).any(|part| part == name);
        if own == name || (descriptor == 16 && rock) {
            let start = number(at + 2) * 2048;
            return Some(image[start..start + number(at + 10)].to_vec());
        }
        at += record.len();
    }
    None
}

#[test]
fn the_cd_has_the_files_under_both_kinds_of_names() {
    let files = files(FirstBoot::CloudInit, &whole(), LINUX);
    let image = medium(FirstBoot::CloudInit, PayloadMedium::Cdrom, &files);
    assert_eq!(&image[16 * 2048 + 40..16 * 2048 + 46], b"cidata");
    image::inspect(
        ImageFormat::Iso,
        &mut Cursor::new(&image),
        &Limits::default(),
    )
    .unwrap();
    for file in &files {
        let joliet: Vec<u8> = file
            .name
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for (descriptor, name) in [(16, file.name.as_bytes()), (17, &joliet[..])] {
            let read = read_back(&image, descriptor, name);
            assert_eq!(
                read.as_deref(),
                Some(file.content.as_bytes()),
                "{}",
                file.name
            );
        }
    }
    assert_eq!(
        image,
        medium(FirstBoot::CloudInit, PayloadMedium::Cdrom, &files),
        "what is repeated is the same"
    );
}

#[test]
fn the_floppy_has_the_file_in_its_clusters() {
    let file = GuestFile {
        name: "sysprep.inf",
        content: "0123456789abcdef".repeat(200),
    };
    let image = medium(
        FirstBoot::Sysprep,
        PayloadMedium::Floppy,
        std::slice::from_ref(&file),
    );
    assert_eq!(image.len(), 1_474_560);
    let root = 19 * 512;
    let entry = (0..224)
        .map(|n| &image[root + n * 32..root + n * 32 + 32])
        .find(|entry| entry[..11] == *b"SYSPREP INF" && entry[11] == 0x20)
        .unwrap();
    let bytes = u32::from_le_bytes(entry[28..].try_into().unwrap()) as usize;
    let mut cluster = usize::from(u16::from_le_bytes([entry[26], entry[27]]));
    let mut read = Vec::new();
    while cluster < 0xff8 {
        let at = (33 + cluster - 2) * 512;
        read.extend_from_slice(&image[at..at + 512]);
        let at = 512 + cluster * 3 / 2;
        let pair = usize::from(u16::from_le_bytes([image[at], image[at + 1]]));
        cluster = if cluster % 2 == 0 {
            pair & 0xfff
        } else {
            pair >> 4
        };
    }
    read.truncate(bytes);
    assert_eq!(read, file.content.as_bytes());
}

#[test]
fn settings_that_cannot_be_are_refused_with_a_sentence() {
    let nic = |name: &str, address: &str, netmask: &str| Initialization {
        nic_configurations: Some(vec![NicConfiguration {
            name: name.to_owned(),
            on_boot: true,
            ipv4: Addressing {
                source: AddressSource::Static,
                address: some(address),
                netmask: some(netmask),
                gateway: None,
            },
            ipv6: Addressing::default(),
        }]),
        ..Initialization::default()
    };
    assert_eq!(fault(&whole()), None);
    assert_eq!(fault(&nic("eth0", "192.0.2.1", "24")), None);
    for (wrong, said) in [
        (nic("eth 0", "192.0.2.1", "24"), "name"),
        (nic("eth0", "192.0.2", "24"), "address"),
        (nic("eth0", "192.0.2.1", "255.0.255.0"), "netmask"),
        (
            Initialization {
                host_name: some("a\nb"),
                ..Initialization::default()
            },
            "one line",
        ),
        (
            Initialization {
                custom_script: some(&"x".repeat(70_000)),
                ..Initialization::default()
            },
            "too long",
        ),
    ] {
        let sentence = fault(&wrong).unwrap();
        assert!(sentence.contains(said), "{sentence}");
    }
}

proptest! {
    /// Whatever is typed stays inside its own value.
    #[test]
    fn what_is_typed_cannot_leave_its_value(text in "\\PC{0,40}") {
        let settings = Initialization {
            host_name: Some(text.clone()),
            timezone: Some(text.clone()),
            user_name: Some(text),
            ..Initialization::default()
        };
        let files = files(FirstBoot::CloudInit, &settings, LINUX);
        let keys: Vec<String> = content(&files, "user-data")
            .lines()
            .skip(1)
            .map(|line| line.split(':').next().unwrap_or_default().to_owned())
            .collect();
        let known = ["hostname", "fqdn", "timezone", "user", "disable_root"];
        prop_assert!(keys.iter().all(|key| known.contains(&key.as_str())), "{keys:?}");
    }
}
