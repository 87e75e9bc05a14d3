//! Work on disks' content with the real tools: copies, imports, archives, and a disk that moves
//! under a running guest.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use manager::host::work::{Content, OvaExport, OvaFile};
use manager::host::{
    Chain, DiskWork, Hypervisor, VolumeAccess, VolumeFormat, VolumeRef, VolumeSpec,
};
use manager::image::ImageFormat;
use manager::image::archive::file_header;
use manager::image::ova::Digest;
use manager::image::ovf::{Appliance, Bus, ExportDisk};
use uuid::Uuid;

use crate::support::*;

pub const MIB: u64 = 1 << 20;
pub const OTHER: Uuid = Uuid::from_u128(0xd000_0000_0000_4000_8000_0000_0000_0002);
pub const CANARY: &[u8] = b"CANARY that no guest may ever see";

pub fn qemu_img(arguments: &[&str], paths: &[&Path]) {
    let output = Command::new("qemu-img")
        .args(arguments)
        .args(paths)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Four MiB with something at the beginning, in the middle, and at the end.
fn content() -> Vec<u8> {
    let mut bytes = vec![0u8; 4 * MIB as usize];
    bytes[..5].copy_from_slice(b"begin");
    for (at, byte) in bytes[2_000_000..2_200_000].iter_mut().enumerate() {
        *byte = (at % 253) as u8;
    }
    let end = bytes.len() - 3;
    bytes[end..].copy_from_slice(b"end");
    bytes
}

pub async fn read(host: &impl Hypervisor, source: Chain) -> Vec<u8> {
    let spec = volume_spec(VolumeFormat::Raw, 1);
    host.volume_copy(source, spec.clone()).await.unwrap();
    let mut bytes = Vec::new();
    host.volume_open(spec.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    host.volume_delete(spec.volume).await.unwrap();
    bytes
}

fn whole(file: OvaFile, format: ImageFormat) -> Content {
    Content {
        file,
        offset: 0,
        bytes: None,
        format,
        digest: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_every_kind_are_imported_with_the_content_that_they_have() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let source = driver.directory.join("source");
    std::fs::write(&source, content()).unwrap();
    let kinds: [(ImageFormat, &[&str]); 5] = [
        (ImageFormat::Raw, &["-O", "raw"]),
        (ImageFormat::Qcow2, &["-O", "qcow2"]),
        (ImageFormat::Qcow2, &["-c", "-O", "qcow2"]),
        (
            ImageFormat::Vmdk,
            &["-O", "vmdk", "-o", "subformat=monolithicSparse"],
        ),
        (
            ImageFormat::Vmdk,
            &["-O", "vmdk", "-o", "subformat=streamOptimized"],
        ),
    ];
    for (format, options) in kinds {
        let staged = volume();
        let path = driver
            .directory
            .join("images")
            .join(POOL.to_string())
            .join(staged.volume.to_string());
        let arguments: Vec<&str> = ["convert", "-f", "raw"]
            .iter()
            .chain(options)
            .copied()
            .collect();
        qemu_img(&arguments, &[&source, &path]);
        for target in [VolumeFormat::Qcow2, VolumeFormat::Raw] {
            let spec = volume_spec(target, 8 * MIB);
            let from = whole(OvaFile::of(staged), format);
            let made = host
                .volume_import(from.clone(), spec.clone())
                .await
                .unwrap();
            assert_eq!(made.virtual_bytes, 8 * MIB, "{options:?}");
            assert_eq!(
                host.volume_import(from, spec.clone()).await.unwrap(),
                made,
                "again"
            );
            let bytes = read(host, Chain::plain(spec.volume, target)).await;
            assert!(bytes[..4 * MIB as usize] == content()[..], "{options:?}");
            assert!(host.progress(spec.volume).is_none(), "it is over");
        }
        let small = volume_spec(VolumeFormat::Qcow2, MIB);
        let refused = host
            .volume_import(whole(OvaFile::of(staged), format), small)
            .await;
        assert!(refused.unwrap_err().to_string().contains("large"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_image_from_outside_leads_to_a_file_of_the_hosts() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let folder = driver.directory.join("images").join(POOL.to_string());
    let canary = driver.directory.join("canary");
    let mut secret = vec![0u8; MIB as usize];
    secret[..CANARY.len()].copy_from_slice(CANARY);
    std::fs::write(&canary, &secret).unwrap();
    let name = canary.display().to_string();
    let json = format!(
        "json:{{\"driver\":\"raw\",\"file\":{{\"driver\":\"file\",\"filename\":\"{name}\"}}}}"
    );
    let attacks: [&[&str]; 3] = [
        &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &name],
        &[
            "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", &json,
        ],
        &[
            "create",
            "-q",
            "-f",
            "vmdk",
            "-o",
            "subformat=monolithicFlat",
        ],
    ];
    for attack in attacks {
        let staged = volume();
        let path = folder.join(staged.volume.to_string());
        let mut command = Command::new("qemu-img");
        command.args(attack).arg(&path).arg("1M");
        assert!(command.status().unwrap().success(), "{attack:?}");
        for format in [ImageFormat::Qcow2, ImageFormat::Vmdk] {
            let spec = volume_spec(VolumeFormat::Raw, MIB);
            let refused = host
                .volume_import(whole(OvaFile::of(staged), format), spec.clone())
                .await;
            assert!(refused.is_err(), "{attack:?} as {format:?}");
            assert_eq!(
                host.volume_info(spec.volume, VolumeFormat::Raw)
                    .await
                    .unwrap(),
                None
            );
        }
        // As a raw disk it is what it is, for ever.
        let spec = volume_spec(VolumeFormat::Qcow2, 4 * MIB);
        host.volume_import(whole(OvaFile::of(staged), ImageFormat::Raw), spec.clone())
            .await
            .unwrap();
        let bytes = read(host, Chain::plain(spec.volume, VolumeFormat::Qcow2)).await;
        assert!(
            !bytes.windows(CANARY.len()).any(|it| it == CANARY),
            "{attack:?}"
        );
    }
    // Neither does a name in the folder of archives, or a link that lies there.
    let ova = host.ova_folder();
    std::fs::create_dir_all(&ova).unwrap();
    std::os::unix::fs::symlink(&canary, ova.join("link.ova")).unwrap();
    for name in ["link.ova", "../canary", "/etc/passwd", ".hidden", ""] {
        let file = OvaFile::Folder {
            name: name.to_owned(),
        };
        assert!(host.ova_read(file.clone()).await.is_err(), "{name}");
        let spec = volume_spec(VolumeFormat::Raw, MIB);
        let refused = host
            .volume_import(whole(file, ImageFormat::Raw), spec)
            .await;
        assert!(refused.is_err(), "{name}");
    }
    assert_eq!(
        std::fs::read(&canary).unwrap(),
        secret,
        "nobody wrote to it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_bytes_that_unpack_to_a_full_disk_are_refused() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    // A GiB of ones compresses to a two-hundredth or less.
    let source = driver.directory.join("ones");
    let mut file = std::fs::File::create(&source).unwrap();
    for _ in 0..512 {
        file.write_all(&vec![1u8; MIB as usize]).unwrap();
    }
    let staged = volume();
    let path = driver
        .directory
        .join("images")
        .join(POOL.to_string())
        .join(staged.volume.to_string());
    qemu_img(
        &["convert", "-c", "-f", "raw", "-O", "qcow2"],
        &[&source, &path],
    );
    std::fs::remove_file(&source).unwrap();
    let packed = std::fs::metadata(&path).unwrap().len();
    assert!(packed * 100 + (64 << 20) < 512 * MIB, "{packed}");
    let spec = volume_spec(VolumeFormat::Qcow2, 512 * MIB);
    let refused = host
        .volume_import(whole(OvaFile::of(staged), ImageFormat::Qcow2), spec.clone())
        .await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(
        host.volumes(POOL).await.unwrap(),
        [staged],
        "nothing is left of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_written_read_back_and_imported_disk_by_disk() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let disk = volume_spec(VolumeFormat::Qcow2, 4 * MIB);
    let raw = volume_spec(VolumeFormat::Raw, 4 * MIB);
    host.volume_create(raw.clone()).await.unwrap();
    host.volume_open(raw.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(&content())
        .unwrap();
    host.volume_copy(Chain::plain(raw.volume, VolumeFormat::Raw), disk.clone())
        .await
        .unwrap();
    let info = host
        .volume_info(disk.volume, VolumeFormat::Qcow2)
        .await
        .unwrap()
        .unwrap();
    let stamp = Uuid::new_v4();
    let appliance = Appliance {
        name: "web1".to_owned(),
        memory: 512 * MIB,
        cpus: (1, 1, 1),
        ..Appliance::default()
    };
    let described = ExportDisk {
        id: disk.volume.volume.to_string(),
        file: "disk1".to_owned(),
        file_bytes: info.file_bytes,
        capacity: 4 * MIB,
        alias: "web1_Disk1".to_owned(),
        bus: Bus::Virtio,
        boot: true,
    };
    let export = OvaExport {
        name: "web1.ova".to_owned(),
        stamp,
        description: appliance.write("web1", &[described], &stamp.to_string()),
        disks: vec![(disk.volume, "disk1".to_owned())],
    };
    host.ova_write(export.clone()).await.unwrap();
    host.ova_write(export.clone()).await.unwrap();
    assert!(
        host.ova_written("web1.ova".to_owned(), stamp)
            .await
            .unwrap()
    );
    let another = OvaExport {
        stamp: Uuid::new_v4(),
        ..export.clone()
    };
    assert!(
        host.ova_write(another).await.is_err(),
        "it is somebody else's"
    );
    let path = host.ova_folder().join("web1.ova");
    // Others read it too.
    let listed = Command::new("tar").arg("tf").arg(&path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "vm.ovf\ndisk1\n");
    assert_eq!(std::fs::read_dir(host.ova_folder()).unwrap().count(), 1);

    let file = OvaFile::Folder {
        name: "web1.ova".to_owned(),
    };
    let ova = host.ova_read(file.clone()).await.unwrap();
    assert_eq!(ova.appliance.name, "web1");
    let found = ova.disks[0].clone().unwrap();
    let part = Content {
        file,
        offset: found.offset,
        bytes: Some(found.bytes),
        format: found.format,
        digest: None,
    };
    let spec = volume_spec(VolumeFormat::Qcow2, found.virtual_bytes);
    host.volume_import(part.clone(), spec.clone())
        .await
        .unwrap();
    let bytes = read(host, Chain::plain(spec.volume, VolumeFormat::Qcow2)).await;
    assert!(bytes == content());
    let changed = Content {
        digest: Some(Digest::Sha256([7; 32])),
        ..part
    };
    let spec = volume_spec(VolumeFormat::Qcow2, found.virtual_bytes);
    let refused = host.volume_import(changed, spec).await;
    assert!(refused.unwrap_err().to_string().contains("manifest"));

    // A stream-optimized disk inside of an archive, as other managers export.
    let stream = driver.directory.join("stream.vmdk");
    let source = driver.directory.join("source");
    std::fs::write(&source, content()).unwrap();
    qemu_img(
        &[
            "convert",
            "-f",
            "raw",
            "-O",
            "vmdk",
            "-o",
            "subformat=streamOptimized",
        ],
        &[&source, &stream],
    );
    let stream = std::fs::read(&stream).unwrap();
    let mut archive = std::fs::File::create(host.ova_folder().join("other.ova")).unwrap();
    archive.write_all(&[0; 512]).unwrap();
    archive.write_all(&stream).unwrap();
    archive.write_all(&[0; 1024]).unwrap();
    archive.seek(SeekFrom::Start(0)).unwrap();
    archive
        .write_all(&file_header("d.vmdk", stream.len() as u64, 0).unwrap())
        .unwrap();
    let part = Content {
        file: OvaFile::Folder {
            name: "other.ova".to_owned(),
        },
        offset: 512,
        bytes: Some(stream.len() as u64),
        format: ImageFormat::Vmdk,
        digest: None,
    };
    let spec = volume_spec(VolumeFormat::Raw, 4 * MIB);
    host.volume_import(part, spec.clone()).await.unwrap();
    let bytes = read(host, Chain::plain(spec.volume, VolumeFormat::Raw)).await;
    assert!(bytes == content());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_keeps_holes_a_thinned_disk_has_them_and_a_wiped_one_nothing() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(OTHER).await.unwrap();
    for format in [VolumeFormat::Raw, VolumeFormat::Qcow2] {
        let spec = volume_spec(format, 16 * MIB);
        host.volume_create(spec.clone()).await.unwrap();
        let path = driver
            .directory
            .join("images")
            .join(POOL.to_string())
            .join(spec.volume.volume.to_string());
        // As a guest would: data, and zeros that take space.
        let io = Command::new("qemu-io")
            .args(["-f", format.as_str(), "-c", "write -P 7 0 64k", "-c"])
            .arg("write -P 0 1M 8M")
            .arg(&path)
            .output()
            .unwrap();
        assert!(io.status.success());
        let target = VolumeRef {
            storage_domain: OTHER,
            ..spec.volume
        };
        host.volume_duplicate(spec.volume, target).await.unwrap();
        host.volume_duplicate(spec.volume, target).await.unwrap();
        let copied = host.volume_info(target, format).await.unwrap().unwrap();
        let before = host
            .volume_info(spec.volume, format)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(copied.virtual_bytes, before.virtual_bytes);
        assert!(copied.actual_bytes <= before.actual_bytes + 65536);
        let chain = |volume| Chain::plain(volume, format);
        let bytes = read(host, chain(spec.volume)).await;
        assert!(read(host, chain(target)).await == bytes);

        let thin = host.volume_sparsify(spec.volume, format).await.unwrap();
        assert!(
            thin.actual_bytes + 4 * MIB < before.actual_bytes,
            "{format:?} {before:?} {thin:?}"
        );
        assert_eq!(thin.virtual_bytes, 16 * MIB);
        assert!(read(host, chain(spec.volume)).await == bytes);

        if format == VolumeFormat::Raw {
            // What was taken in advance is taken there too.
            let full = VolumeSpec {
                sparse: false,
                ..volume_spec(format, 4 * MIB)
            };
            host.volume_create(full.clone()).await.unwrap();
            let there = VolumeRef {
                storage_domain: OTHER,
                ..full.volume
            };
            host.volume_duplicate(full.volume, there).await.unwrap();
            let taken = host.volume_info(there, format).await.unwrap().unwrap();
            assert!(taken.actual_bytes >= 4 * MIB, "{format:?} {taken:?}");
        }

        host.volume_wipe(target).await.unwrap();
        let file = host.volume_open(target, VolumeAccess::Read).await.unwrap();
        let mut begin = vec![7; 65536];
        file.read_exact_at(&mut begin, 0).unwrap();
        assert!(begin.iter().all(|byte| *byte == 0), "{format:?}");
        assert!(
            file.metadata().unwrap().blocks() > 0,
            "overwritten, not cut"
        );
        host.volume_delete(target).await.unwrap();
        host.volume_wipe(target).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_with_layers_moves_as_it_is_and_reads_the_same_elsewhere() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(OTHER).await.unwrap();
    let base = volume_spec(VolumeFormat::Raw, 8 * MIB);
    host.volume_create(base.clone()).await.unwrap();
    host.volume_open(base.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(&content())
        .unwrap();
    let below = manager::host::Backing {
        volume: base.volume,
        format: VolumeFormat::Raw,
    };
    let top = VolumeSpec {
        backing: Some(below),
        ..volume_spec(VolumeFormat::Qcow2, 8 * MIB)
    };
    host.volume_create(top.clone()).await.unwrap();
    let path = driver
        .directory
        .join("images")
        .join(POOL.to_string())
        .join(top.volume.volume.to_string());
    let io = Command::new("qemu-io")
        .args(["-f", "qcow2", "-c", "write -P 5 6M 64k"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(io.status.success());
    let elsewhere = |volume: VolumeRef| VolumeRef {
        storage_domain: OTHER,
        ..volume
    };
    let chain = |place: &dyn Fn(VolumeRef) -> VolumeRef| Chain {
        volume: place(top.volume),
        format: VolumeFormat::Qcow2,
        backing: vec![manager::host::Backing {
            volume: place(base.volume),
            ..below
        }],
    };
    let before = read(host, chain(&|volume| volume)).await;
    for volume in [base.volume, top.volume] {
        host.volume_duplicate(volume, elsewhere(volume))
            .await
            .unwrap();
    }
    for volume in [top.volume, base.volume] {
        host.volume_delete(volume).await.unwrap();
    }
    assert!(read(host, chain(&elsewhere)).await == before);
    assert!(before[6 << 20..(6 << 20) + 65536].iter().all(|it| *it == 5));
    // Also for whoever goes by what its header says, as it says a name only.
    let path = driver
        .directory
        .join("images")
        .join(OTHER.to_string())
        .join(top.volume.volume.to_string());
    qemu_img(&["check", "-q", "-f", "qcow2"], &[&path]);
}
