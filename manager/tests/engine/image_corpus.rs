//! Hostile images and archives made in code, each with its refusal; and honest ones made by
//! qemu-img and by hand.

use std::io::Cursor;
use std::process::Command;
use std::time::{Duration, Instant};

use manager::image::ova::Digest;
use manager::image::ovf::{Appliance, ApplianceNic, Bus, ExportDisk};
use manager::image::*;

pub const MIB: u64 = 1 << 20;

/// A monolithic sparse VMDK of 1 MiB without content, `change`d before it is given.
pub fn vmdk(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0u8; 64 << 10];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"KDMV");
    put(4, &1u32.to_le_bytes());
    put(8, &3u32.to_le_bytes());
    put(12, &2048u64.to_le_bytes());
    put(20, &128u64.to_le_bytes());
    put(28, &1u64.to_le_bytes());
    put(36, &20u64.to_le_bytes());
    put(44, &512u32.to_le_bytes());
    put(48, &21u64.to_le_bytes());
    put(56, &26u64.to_le_bytes());
    put(64, &128u64.to_le_bytes());
    put(73, b"\n \r\n");
    put(
        512,
        descriptor("monolithicSparse", "RW 2048 SPARSE \"x.vmdk\"").as_bytes(),
    );
    change(&mut bytes);
    bytes
}

fn descriptor(kind: &str, extent: &str) -> String {
    format!(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"{kind}\"\n\n\
         # Extent description\n{extent}\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"ide\"\n"
    )
}

/// The same, stream-optimized: its footer has the place of the directory.
pub fn stream(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vmdk(|bytes| {
        bytes[8..12].copy_from_slice(&0x3_0001u32.to_le_bytes());
        bytes[4..8].copy_from_slice(&3u32.to_le_bytes());
        bytes[48..56].fill(0);
        bytes[56..64].fill(0xff);
        bytes[77..79].copy_from_slice(&1u16.to_le_bytes());
        let text = descriptor("streamOptimized", "RW 2048 SPARSE \"x.vmdk\"");
        bytes[512..512 + 20 * 512].fill(0);
        bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
    });
    let mut footer = bytes[..512].to_vec();
    footer[56..64].copy_from_slice(&26u64.to_le_bytes());
    let mut marker = vec![0u8; 512];
    marker[0] = 1;
    marker[12] = 3;
    bytes.extend_from_slice(&marker);
    bytes.extend_from_slice(&footer);
    bytes.extend_from_slice(&[0; 512]);
    change(&mut bytes);
    bytes
}

fn look(format: ImageFormat, bytes: &[u8]) -> Result<ImageFacts, ImageError> {
    inspect(format, &mut Cursor::new(bytes), &Limits::default())
}

fn put(at: usize, value: impl AsRef<[u8]>) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[at..at + value.as_ref().len()].copy_from_slice(value.as_ref())
}

fn described(kind: &str, extent: &str) -> Vec<u8> {
    let text = descriptor(kind, extent);
    vmdk(|bytes| {
        bytes[512..512 + 20 * 512].fill(0);
        bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
    })
}

fn in_descriptor(from: &str, to: &str) -> Vec<u8> {
    let text = descriptor("monolithicSparse", "RW 2048 SPARSE \"x.vmdk\"").replace(from, to);
    vmdk(|bytes| {
        bytes[512..512 + 20 * 512].fill(0);
        bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
    })
}

#[test]
fn vmdk_images_of_the_two_kinds_that_stand_alone_are_accepted() {
    assert_eq!(
        look(ImageFormat::Vmdk, &vmdk(|_| {}))
            .unwrap()
            .virtual_bytes,
        MIB
    );
    assert_eq!(
        look(ImageFormat::Vmdk, &stream(|_| {}))
            .unwrap()
            .virtual_bytes,
        MIB
    );
    let folder = std::env::temp_dir().join(format!("saffron-vmdk-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let source = folder.join("source");
    let mut content = vec![0u8; 4 << 20];
    for (at, byte) in content.iter_mut().enumerate().take(300_000) {
        *byte = (at % 251) as u8;
    }
    std::fs::write(&source, &content).unwrap();
    for kind in ["monolithicSparse", "streamOptimized"] {
        let made = folder.join(kind);
        let status = Command::new("qemu-img")
            .args(["convert", "-f", "raw", "-O", "vmdk", "-o"])
            .arg(format!("subformat={kind}"))
            .args([&source, &made])
            .status()
            .unwrap();
        assert!(status.success());
        let mut file = std::fs::File::open(&made).unwrap();
        let facts = inspect(ImageFormat::Vmdk, &mut file, &Limits::default())
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(facts.virtual_bytes, 4 * MIB, "{kind}");
    }
    for (kind, name) in [
        ("monolithicFlat", "f.vmdk"),
        ("twoGbMaxExtentSparse", "t.vmdk"),
    ] {
        let status = Command::new("qemu-img")
            .args(["create", "-q", "-f", "vmdk", "-o"])
            .arg(format!("subformat={kind}"))
            .arg(folder.join(name))
            .arg("4M")
            .status()
            .unwrap();
        assert!(status.success());
        let mut file = std::fs::File::open(folder.join(name)).unwrap();
        let verdict = inspect(ImageFormat::Vmdk, &mut file, &Limits::default());
        assert!(
            matches!(verdict, Err(ImageError::External { .. })),
            "{kind}: {verdict:?}"
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn every_hostile_vmdk_is_refused_for_what_is_wrong_with_it() {
    let external: Vec<(&str, Vec<u8>)> = vec![
        (
            "a descriptor alone",
            descriptor("monolithicFlat", "RW 2048 FLAT \"/etc/passwd\" 0").into_bytes(),
        ),
        (
            "a descriptor with a prefix in other letters",
            b"# disk descriptorfile\ncreateType=\"vmfs\"\n".repeat(40),
        ),
        (
            "a parent",
            in_descriptor(
                "parentCID=ffffffff",
                "parentCID=12345678\nparentFileNameHint=\"/etc/passwd\"",
            ),
        ),
        (
            "a parent by its number alone",
            in_descriptor("parentCID=ffffffff", "parentCID=00000001"),
        ),
        (
            "a parent in other letters",
            in_descriptor("ffffffff\n", "ffffffff\nPARENTfilenamehint=\"x\"\n"),
        ),
        (
            "a parent behind a NUL",
            vmdk(put(512 + 9000, b"parentFileNameHint=\"/etc/passwd\"")),
        ),
        (
            "a parent behind the descriptor's end",
            vmdk(|bytes| {
                bytes[36..44].copy_from_slice(&2u64.to_le_bytes());
                bytes[512 + 9000..512 + 9018].copy_from_slice(b"parentFileNameHint");
            }),
        ),
        (
            "two extents",
            described(
                "monolithicSparse",
                "RW 1024 SPARSE \"x.vmdk\"\nRW 1024 SPARSE \"y.vmdk\"",
            ),
        ),
        (
            "three extents",
            described("monolithicSparse", &"RW 1024 SPARSE \"x.vmdk\"\n".repeat(3)),
        ),
        (
            "an extent elsewhere",
            described("monolithicSparse", "RW 2048 SPARSE \"../x.vmdk\""),
        ),
        (
            "an extent by its whole path",
            described("monolithicSparse", "RW 2048 SPARSE \"/etc/passwd\""),
        ),
        (
            "an extent behind a protocol",
            described("monolithicSparse", "RW 2048 SPARSE \"nbd:localhost:1\""),
        ),
        (
            "an extent as json",
            described(
                "monolithicSparse",
                "RW 2048 SPARSE \"json:{'driver':'raw'}\"",
            ),
        ),
        (
            "an extent that is read only",
            described("monolithicSparse", "RDONLY 2048 SPARSE \"x.vmdk\""),
        ),
    ];
    for (name, bytes) in external {
        let verdict = look(ImageFormat::Vmdk, &bytes);
        assert!(
            matches!(verdict, Err(ImageError::External { .. })),
            "{name}: {verdict:?}"
        );
    }
    let header: Vec<(&str, Vec<u8>)> = vec![
        (
            "a flat extent",
            described("monolithicSparse", "RW 2048 FLAT \"x.vmdk\" 0"),
        ),
        (
            "an extent of other size",
            described("monolithicSparse", "RW 1 SPARSE \"x.vmdk\""),
        ),
        (
            "no extent that can be read",
            described("monolithicSparse", "RW lots"),
        ),
        (
            "another type",
            described("vmfsSparse", "RW 2048 SPARSE \"x.vmdk\""),
        ),
        (
            "a device",
            described("fullDevice", "RW 2048 SPARSE \"x.vmdk\""),
        ),
        (
            "the type twice",
            in_descriptor("version=1", "createType=\"vmfs\""),
        ),
        ("no type", in_descriptor("createType", "otherType")),
        ("version 4", vmdk(put(4, 4u32.to_le_bytes()))),
        ("unknown flags", vmdk(put(8, 0x8000_0003u32.to_le_bytes()))),
        ("grains of 7", vmdk(put(20, 7u64.to_le_bytes()))),
        ("grains of 2^63", vmdk(put(20, (1u64 << 63).to_le_bytes()))),
        ("grains of 0", vmdk(put(20, 0u64.to_le_bytes()))),
        ("tables of 0", vmdk(put(44, 0u32.to_le_bytes()))),
        ("tables of 2^32", vmdk(put(44, u32::MAX.to_le_bytes()))),
        ("no descriptor", vmdk(put(28, 0u64.to_le_bytes()))),
        ("a descriptor of nothing", vmdk(put(36, 0u64.to_le_bytes()))),
        (
            "a descriptor of 2^63",
            vmdk(put(36, (1u64 << 63).to_le_bytes())),
        ),
        ("text that is none", vmdk(put(512, b"nothing to see"))),
        ("a transfer as text", vmdk(put(73, b"\n \n\n"))),
        (
            "an unknown compression",
            stream(put(77, 2u16.to_le_bytes())),
        ),
        (
            "compression without markers",
            vmdk(put(8, (3u32 | 1 << 16).to_le_bytes())),
        ),
        (
            "a footer on a plain one",
            vmdk(put(56, u64::MAX.to_le_bytes())),
        ),
        (
            "a footer with another descriptor",
            stream(|bytes| {
                let at = bytes.len() - 1024;
                bytes[at + 28..at + 36].copy_from_slice(&2u64.to_le_bytes());
            }),
        ),
        (
            "a footer with a larger disk",
            stream(|bytes| {
                let at = bytes.len() - 1024;
                bytes[at + 12..at + 20].copy_from_slice(&4096u64.to_le_bytes());
            }),
        ),
    ];
    for (name, bytes) in header {
        let verdict = look(ImageFormat::Vmdk, &bytes);
        assert!(
            matches!(verdict, Err(ImageError::Header { .. })),
            "{name}: {verdict:?}"
        );
    }
    let truncated: Vec<(&str, Vec<u8>)> = vec![
        (
            "the directory outside",
            vmdk(put(56, (1u64 << 40).to_le_bytes())),
        ),
        (
            "the directory at the number's end",
            vmdk(put(56, (u64::MAX - 1).to_le_bytes())),
        ),
        (
            "the second directory outside",
            vmdk(put(48, (1u64 << 40).to_le_bytes())),
        ),
        (
            "the descriptor outside",
            vmdk(put(28, (1u64 << 40).to_le_bytes())),
        ),
        ("half of it", vmdk(|bytes| bytes.truncate(8 << 10))),
        (
            "a stream that broke off",
            stream(|bytes| {
                let length = bytes.len() - 2048;
                bytes.truncate(length);
            }),
        ),
    ];
    for (name, bytes) in truncated {
        let verdict = look(ImageFormat::Vmdk, &bytes);
        assert!(
            matches!(verdict, Err(ImageError::Truncated { .. })),
            "{name}: {verdict:?}"
        );
    }
    for sectors in [1u64 << 36, 1 << 62, u64::MAX] {
        let verdict = look(ImageFormat::Vmdk, &vmdk(put(12, sectors.to_le_bytes())));
        assert!(
            matches!(verdict, Err(ImageError::TooLarge { .. })),
            "{sectors}: {verdict:?}"
        );
    }
    // With no capacity QEMU would believe the descriptor instead.
    let empty = look(ImageFormat::Vmdk, &vmdk(put(12, 0u64.to_le_bytes())));
    assert!(matches!(empty, Err(ImageError::Empty)), "{empty:?}");
    for bytes in [&b"COWD"[..], b"QFI\xfb", &[0; 4096]] {
        let verdict = look(ImageFormat::Vmdk, bytes);
        assert!(
            matches!(verdict, Err(ImageError::NotDeclared { .. })),
            "{verdict:?}"
        );
    }
}

/// A tar archive.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        entry(&mut bytes, name, content, b'0', content.len() as u64);
    }
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

fn entry(out: &mut Vec<u8>, name: &str, content: &[u8], kind: u8, size: u64) {
    let mut header = archive::file_header(name, size, 0).expect("a short name");
    header[156] = kind;
    sign(&mut header);
    out.extend_from_slice(&header);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

fn sign(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

fn appliance() -> Appliance {
    Appliance {
        name: "web1".to_owned(),
        description: "The <site> & more".to_owned(),
        os: Some("debian_9".to_owned()),
        memory: 512 * MIB,
        cpus: (2, 2, 1),
        bios: Some("q35_sea_bios".to_owned()),
        disks: Vec::new(),
        nics: vec![ApplianceNic {
            name: "nic1".to_owned(),
            model: Some("e1000"),
            network: Some("ovirtmgmt".to_owned()),
        }],
    }
}

pub fn description() -> String {
    let disk = ExportDisk {
        id: "one".to_owned(),
        file: "disk.qcow2".to_owned(),
        file_bytes: 1,
        capacity: 1 << 30,
        alias: "web1_Disk1".to_owned(),
        bus: Bus::Virtio,
        boot: true,
    };
    appliance().write("web1", &[disk], "00000000-0000-0000-0000-000000000000")
}

/// A qcow2 image of 1 GiB, empty.
pub fn qcow2() -> Vec<u8> {
    let mut bytes = vec![0u8; 4 * 65536];
    let mut set = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    set(0, b"QFI\xfb");
    set(4, &3u32.to_be_bytes());
    set(20, &16u32.to_be_bytes());
    set(24, &(1u64 << 30).to_be_bytes());
    set(36, &2u32.to_be_bytes());
    set(40, &(3u64 * 65536).to_be_bytes());
    set(48, &65536u64.to_be_bytes());
    set(56, &1u32.to_be_bytes());
    set(96, &4u32.to_be_bytes());
    set(100, &104u32.to_be_bytes());
    bytes
}

fn open(bytes: &[u8]) -> Result<ova::Ova, ImageError> {
    ova::read(&mut Cursor::new(bytes), &Limits::default())
}

#[test]
fn an_ova_that_we_write_is_read_as_what_it_was() {
    let archive = tar(&[
        ("vm.ovf", description().as_bytes()),
        ("disk.qcow2", &qcow2()),
    ]);
    let read = open(&archive).unwrap();
    let wanted = appliance();
    assert_eq!(read.appliance.name, wanted.name);
    assert_eq!(read.appliance.description, wanted.description);
    assert_eq!(read.appliance.os, wanted.os);
    assert_eq!(read.appliance.memory, wanted.memory);
    assert_eq!(read.appliance.cpus, wanted.cpus);
    assert_eq!(read.appliance.bios, wanted.bios);
    assert_eq!(read.appliance.nics, wanted.nics);
    let disk = &read.appliance.disks[0];
    assert_eq!(
        (disk.id.as_str(), disk.boot, disk.bus),
        ("one", true, Some(Bus::Virtio))
    );
    let content = read.disks[0].as_ref().unwrap();
    assert_eq!(content.virtual_bytes, 1 << 30);
    assert_eq!(content.format, ImageFormat::Qcow2);
    assert_eq!(content.offset % 512, 0);
    assert_eq!(
        &archive[content.offset as usize..content.offset as usize + 4],
        b"QFI\xfb"
    );
}

/// What VMware's tools write.
pub fn vmware(disk: &str, extra: &str) -> String {
    format!(
        r#"<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="r">
 <References><File ovf:href="{disk}" ovf:id="file1" ovf:size="65536"/>{extra}</References>
 <DiskSection><Info>d</Info><Disk ovf:capacity="1" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1" ovf:fileRef="file1" ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/></DiskSection>
 <VirtualSystem ovf:id="vm"><Info>v</Info><Name>appliance</Name>
  <OperatingSystemSection ovf:id="94"><Info>o</Info></OperatingSystemSection>
  <VirtualHardwareSection><Info>h</Info>
   <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>4</rasd:VirtualQuantity></Item>
   <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:InstanceID>2</rasd:InstanceID><rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>1024</rasd:VirtualQuantity></Item>
   <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
   <Item><rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent><rasd:ResourceType>17</rasd:ResourceType></Item>
   <Item><rasd:Connection>VM Network</rasd:Connection><rasd:ElementName>Ethernet 1</rasd:ElementName><rasd:InstanceID>5</rasd:InstanceID><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType><rasd:ResourceType>10</rasd:ResourceType></Item>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>"#
    )
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn what_other_managers_export_is_read_with_its_manifest() {
    use sha1::Digest as _;
    let (text, disk) = (vmware("d.vmdk", ""), stream(|_| {}));
    let manifest = format!(
        "SHA1(x.ovf)= {}\nSHA1(d.vmdk)= {}\n",
        hex(sha1::Sha1::digest(text.as_bytes())),
        hex(sha1::Sha1::digest(&disk))
    );
    let read = open(&tar(&[
        ("x.ovf", text.as_bytes()),
        ("x.mf", manifest.as_bytes()),
        ("d.vmdk", &disk),
    ]))
    .unwrap();
    assert_eq!(read.appliance.name, "appliance");
    assert_eq!(read.appliance.cpus, (4, 1, 1));
    assert_eq!(read.appliance.memory, 1 << 30);
    assert_eq!(read.appliance.disks[0].bus, Some(Bus::Scsi));
    assert_eq!(
        read.appliance.nics[0].network.as_deref(),
        Some("VM Network")
    );
    let content = read.disks[0].clone().unwrap();
    assert_eq!(
        (content.format, content.virtual_bytes),
        (ImageFormat::Vmdk, MIB)
    );
    let digest = content.digest.expect("the manifest names it");
    assert!(digest.matches(&mut &disk[..]).unwrap());
    assert!(!digest.matches(&mut &disk[1..]).unwrap());
    assert!(matches!(digest, Digest::Sha1(_)));

    // A flat disk: the descriptor leads to a file of the same archive.
    let flat = descriptor("monolithicFlat", "RW 2048 FLAT \"d-flat.vmdk\" 0");
    let content = vec![7u8; MIB as usize];
    let files = [
        ("x.ovf", text.as_bytes()),
        ("d.vmdk", flat.as_bytes()),
        ("d-flat.vmdk", &content[..]),
    ];
    let read = open(&tar(&files)).unwrap();
    let found = read.disks[0].clone().unwrap();
    assert_eq!((found.format, found.bytes), (ImageFormat::Raw, MIB));
}

#[test]
fn every_hostile_archive_is_refused() {
    let text = description();
    let disk = qcow2();
    let good: Vec<(&str, &[u8])> = vec![("vm.ovf", text.as_bytes()), ("disk.qcow2", &disk)];
    assert!(open(&tar(&good)).is_ok());
    let special = |name: &str, kind: u8, size: u64| {
        let mut bytes = Vec::new();
        entry(&mut bytes, name, &[], kind, size);
        bytes.extend_from_slice(&tar(&good));
        bytes
    };
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for kind in [b'1', b'2', b'3', b'4', b'5', b'6', b'S', b'D', b'K'] {
        cases.push((
            format!("an entry of kind {}", char::from(kind)),
            special("x", kind, 0),
        ));
    }
    for name in [
        "../x",
        "/etc/passwd",
        "a/b",
        ".hidden",
        "./../x",
        "a\\b",
        "..",
        ".",
        "",
        "./",
    ] {
        cases.push((format!("a file named {name:?}"), special(name, b'0', 0)));
    }
    cases.push((
        "a size beyond the file".to_owned(),
        special("x", b'0', 1 << 40),
    ));
    cases.push(("a size of 2^63".to_owned(), special("x", b'0', 1 << 63)));
    cases.push(("a size of 2^64-1".to_owned(), special("x", b'0', u64::MAX)));
    cases.push(("a name twice".to_owned(), tar(&[good[0], good[1], good[1]])));
    cases.push((
        "65 files".to_owned(),
        tar(&(0..65)
            .map(|number| (&*format!("f{number}").leak(), &b"x"[..]))
            .collect::<Vec<_>>()),
    ));
    cases.push(("no description".to_owned(), tar(&good[1..])));
    cases.push(("no disk".to_owned(), tar(&good[..1])));
    cases.push((
        "two descriptions".to_owned(),
        tar(&[good[0], ("b.ovf", good[0].1), good[1]]),
    ));
    let long = vec![b' '; 2 << 20];
    cases.push((
        "a description of 2 MiB".to_owned(),
        tar(&[("vm.ovf", &long), good[1]]),
    ));
    let mut huge_pax = Vec::new();
    entry(&mut huge_pax, "p", &vec![b'x'; 32 << 10], b'x', 32 << 10);
    huge_pax.extend_from_slice(&tar(&good));
    cases.push(("a description of an entry of 32 KiB".to_owned(), huge_pax));
    for record in [
        "18 path=../canary\n",
        "21 size=99999999999\n",
        "18 linkpath=/etc/x\n",
        "22 GNU.sparse.major=1\n",
        "999 path=x\n",
        "garbage",
    ] {
        let mut bytes = Vec::new();
        entry(
            &mut bytes,
            "p",
            record.as_bytes(),
            b'x',
            record.len() as u64,
        );
        bytes.extend_from_slice(&tar(&good));
        cases.push((format!("the record {record:?}"), bytes));
    }
    let doctype = text.replacen(
        "<ovf:Envelope",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><ovf:Envelope",
        1,
    );
    cases.push((
        "a document type".to_owned(),
        tar(&[("vm.ovf", doctype.as_bytes()), good[1]]),
    ));
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    cases.push((
        "a deep description".to_owned(),
        tar(&[("vm.ovf", deep.as_bytes()), good[1]]),
    ));
    let wide = text.replacen(
        "<References",
        &format!("{}<References", "<a/>".repeat(11_000)),
        1,
    );
    cases.push((
        "a wide description".to_owned(),
        tar(&[("vm.ovf", wide.as_bytes()), good[1]]),
    ));
    for (from, to) in [
        ("ovf:href='disk.qcow2'", "ovf:href='../disk.qcow2'"),
        ("ovf:href='disk.qcow2'", "ovf:href='/etc/passwd'"),
        ("ovf:href='disk.qcow2'", "ovf:href='http://127.0.0.1/x'"),
        (
            "ovf:href='disk.qcow2'",
            "ovf:href='disk.qcow2' ovf:compression='gzip'",
        ),
        (
            "ovf:href='disk.qcow2'",
            "ovf:href='disk.qcow2' ovf:chunkSize='4'",
        ),
        (
            "ovf:volume-format='COW'",
            "ovf:volume-format='COW' ovf:parentRef='x'",
        ),
        ("ovf:volume-format='COW'", "ovf:volume-format='vdi'"),
        ("ovf:fileRef='disk.qcow2'", "ovf:fileRef='nothing'"),
        (
            "<VirtualSystem ",
            "<VirtualSystemCollection/><VirtualSystem ",
        ),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        // A format that nobody knows must not be taken for one that is known.
        let changed = if to.contains("vdi") {
            changed.replace("qcow-image-format", "vdi")
        } else {
            changed
        };
        cases.push((
            to.to_owned(),
            tar(&[("vm.ovf", changed.as_bytes()), good[1]]),
        ));
    }
    let mut backed = disk.clone();
    backed[8..16].copy_from_slice(&512u64.to_be_bytes());
    backed[16..20].copy_from_slice(&11u32.to_be_bytes());
    cases.push((
        "a disk with a backing file".to_owned(),
        tar(&[good[0], ("disk.qcow2", &backed)]),
    ));
    let mut exabyte = disk.clone();
    exabyte[24..32].copy_from_slice(&(1u64 << 60).to_be_bytes());
    cases.push((
        "a disk of 1 EiB".to_owned(),
        tar(&[good[0], ("disk.qcow2", &exabyte)]),
    ));
    for manifest in [
        "SHA256(vm.ovf)= 00\n".to_owned(),
        format!("SHA256(vm.ovf)= {}\n", "0".repeat(64)),
        format!("MD5(vm.ovf)= {}\n", "0".repeat(32)),
        "nonsense\n".to_owned(),
    ] {
        cases.push((
            format!("the manifest {manifest:?}"),
            tar(&[good[0], ("vm.mf", manifest.as_bytes()), good[1]]),
        ));
    }
    for (name, target) in [
        ("d.vmdk", "/etc/passwd"),
        ("d.vmdk", "../x"),
        ("d.vmdk", "not-there"),
    ] {
        let flat = descriptor("monolithicFlat", &format!("RW 2048 FLAT \"{target}\" 0"));
        cases.push((
            format!("a flat disk at {target}"),
            tar(&[
                ("x.ovf", vmware(name, "").as_bytes()),
                (name, flat.as_bytes()),
            ]),
        ));
    }
    let begun = Instant::now();
    for (name, bytes) in cases {
        assert!(open(&bytes).is_err(), "{name} was accepted");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}
