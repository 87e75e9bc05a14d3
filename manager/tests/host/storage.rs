//! Volumes of a storage domain. The test driver serves, as no guest is needed.

use std::io::{Read, Write};
use std::process::Command;

use manager::host::libvirt::{LibvirtConfig, LibvirtHost};
use manager::host::{Chain, HostError, Hypervisor, VolumeAccess, VolumeFormat, VolumeSpec};
use uuid::Uuid;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_made_grown_copied_and_removed_and_every_step_can_be_repeated() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    host.ensure_pool(POOL).await.unwrap();
    for (format, sparse) in [
        (VolumeFormat::Raw, true),
        (VolumeFormat::Raw, false),
        (VolumeFormat::Qcow2, true),
        (VolumeFormat::Qcow2, false),
    ] {
        let spec = VolumeSpec {
            sparse,
            ..volume_spec(format, (8 << 20) + 1)
        };
        let made = host.volume_create(spec.clone()).await.unwrap();
        assert_eq!(
            (made.volume, made.virtual_bytes),
            (spec.volume, (8 << 20) + 512)
        );
        assert_eq!(
            made.actual_bytes >= 8 << 20,
            !sparse,
            "{format:?} {sparse} {made:?}"
        );
        let smaller = VolumeSpec {
            virtual_bytes: 4096,
            ..spec.clone()
        };
        assert_eq!(
            host.volume_create(smaller).await.unwrap(),
            made,
            "what is there is left alone"
        );
        let grown = host
            .volume_resize(spec.volume, format, 16 << 20, None)
            .await
            .unwrap();
        assert_eq!(grown.virtual_bytes, 16 << 20);
        assert_eq!(
            host.volume_resize(spec.volume, format, 16 << 20, None)
                .await
                .unwrap(),
            grown
        );
        assert!(matches!(
            host.volume_resize(spec.volume, format, 1 << 20, None).await,
            Err(HostError::Invalid { .. })
        ));
    }
    assert_eq!(host.volumes(POOL).await.unwrap().len(), 4);

    // A copy into another format has the same content and may be larger.
    let source = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(source.clone()).await.unwrap();
    host.volume_open(source.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(b"content")
        .unwrap();
    let copy = volume_spec(VolumeFormat::Qcow2, 2 << 20);
    let made = host
        .volume_copy(Chain::plain(source.volume, VolumeFormat::Raw), copy.clone())
        .await
        .unwrap();
    assert_eq!(made.virtual_bytes, 2 << 20);
    let back = volume_spec(VolumeFormat::Raw, 1);
    host.volume_copy(Chain::plain(copy.volume, VolumeFormat::Qcow2), back.clone())
        .await
        .unwrap();
    host.volume_copy(Chain::plain(copy.volume, VolumeFormat::Qcow2), back.clone())
        .await
        .unwrap();
    let mut content = Vec::new();
    host.volume_open(back.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    assert_eq!((content.len(), &content[..7]), (2 << 20, &b"content"[..]));

    for volume in host.volumes(POOL).await.unwrap() {
        host.volume_delete(volume).await.unwrap();
        host.volume_delete(volume).await.unwrap();
    }
    assert!(host.volumes(POOL).await.unwrap().is_empty());
    assert_eq!(
        host.volume_info(source.volume, VolumeFormat::Raw)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        std::fs::read_dir(driver.directory.join("images").join(POOL.to_string()))
            .unwrap()
            .count(),
        0
    );
    for bytes in [0, u64::MAX] {
        let refused = host
            .volume_create(volume_spec(VolumeFormat::Raw, bytes))
            .await;
        assert!(
            matches!(refused, Err(HostError::Invalid { field: "size", .. })),
            "{refused:?}"
        );
    }
    host.forget_pool(POOL).await.unwrap();
    host.forget_pool(POOL).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_disk_with_a_qcow2_header_in_it_is_grown_as_raw() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let spec = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(spec.clone()).await.unwrap();
    // What a guest could write: a qcow2 header that names a file of the host's as its backing file.
    let canary = driver.directory.join("canary");
    std::fs::write(&canary, "canary").unwrap();
    let evil = driver.directory.join("evil");
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b"])
        .args([&canary, &evil])
        .arg("1G")
        .status()
        .unwrap();
    assert!(made.success());
    let header = std::fs::read(&evil).unwrap();
    host.volume_open(spec.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(&header)
        .unwrap();
    let before = host
        .volume_info(spec.volume, VolumeFormat::Raw)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(before.virtual_bytes, 1 << 20, "not the header's 1 GiB");
    host.volume_resize(spec.volume, VolumeFormat::Raw, 2 << 20, None)
        .await
        .unwrap();
    let copy = volume_spec(VolumeFormat::Raw, 1);
    host.volume_copy(Chain::plain(spec.volume, VolumeFormat::Raw), copy.clone())
        .await
        .unwrap();
    let mut content = Vec::new();
    host.volume_open(copy.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    assert!(
        content.len() == 2 << 20 && content.starts_with(b"QFI\xfb"),
        "the header is content"
    );
    // The same bytes declared as qcow2 are refused before qemu-img sees them.
    let refused = host
        .volume_copy(
            Chain::plain(spec.volume, VolumeFormat::Qcow2),
            volume_spec(VolumeFormat::Raw, 1),
        )
        .await;
    assert!(
        matches!(&refused, Err(HostError::Failed { what }) if what.contains("backing file")),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&canary).unwrap(), b"canary");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_pipes_and_leftovers_in_a_pool_are_not_volumes() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let pool = driver.directory.join("images").join(POOL.to_string());
    let canary = driver.directory.join("canary");
    std::fs::write(&canary, "canary").unwrap();
    let (link, pipe, directory) = (volume(), volume(), volume());
    std::os::unix::fs::symlink(&canary, pool.join(link.volume.to_string())).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(pool.join(pipe.volume.to_string()))
            .status()
            .unwrap()
            .success()
    );
    std::fs::create_dir(pool.join(directory.volume.to_string())).unwrap();
    for volume in [link, pipe, directory] {
        for access in [
            VolumeAccess::Read,
            VolumeAccess::Write,
            VolumeAccess::Replace,
        ] {
            let opened = tokio::time::timeout(LIMIT, host.volume_open(volume, access))
                .await
                .unwrap();
            assert!(
                matches!(opened, Err(HostError::Failed { .. })),
                "{access:?} {opened:?}"
            );
        }
        assert!(host.volume_info(volume, VolumeFormat::Raw).await.is_err());
        let refused = host
            .volume_create(VolumeSpec {
                volume,
                ..volume_spec(VolumeFormat::Raw, 4096)
            })
            .await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert_eq!(std::fs::read(&canary).unwrap(), b"canary");
    let leftover = pool.join(format!(".{}.0123.part", Uuid::new_v4()));
    std::fs::write(&leftover, "half").unwrap();
    std::fs::write(pool.join("notes.txt"), "somebody's").unwrap();
    std::fs::write(
        pool.join(Uuid::new_v4().to_string().to_uppercase()),
        "somebody's",
    )
    .unwrap();
    let another = LibvirtHost::open(LibvirtConfig {
        uri: "test:///default".to_owned(),
        images: driver.directory.join("images"),
        cache: None,
    });
    connected(&another).await;
    another.ensure_pool(POOL).await.unwrap();
    assert!(!leftover.exists(), "what a crash has left is tidied up");
    assert!(pool.join("notes.txt").exists(), "what is not ours stays");
    let seen = another.volumes(POOL).await.unwrap();
    assert_eq!(seen.len(), 3, "only names of ours: {seen:?}");
    let missing = host.volume_open(volume(), VolumeAccess::Read).await;
    assert!(
        matches!(missing, Err(HostError::NotFound { .. })),
        "{missing:?}"
    );
    let missing = host.volumes(Uuid::new_v4()).await;
    assert!(
        matches!(missing, Err(HostError::NotFound { .. })),
        "{missing:?}"
    );
}
