//! Volumes that stand on others: made, read as one, copied flat, and never taken for what their
//! headers say.

use std::io::{Read, Seek, SeekFrom, Write};

use manager::host::{
    Backing, Chain, HostError, Hypervisor, VolumeAccess, VolumeFormat, VolumeSpec,
};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_volume_has_not_written_is_read_from_below_and_a_copy_stands_on_nothing() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let base = volume_spec(VolumeFormat::Raw, 1 << 20);
    host.volume_create(base.clone()).await.unwrap();
    host.volume_open(base.volume, VolumeAccess::Write)
        .await
        .unwrap()
        .write_all(b"below")
        .unwrap();
    let standing = |on: &VolumeSpec, bytes| VolumeSpec {
        backing: Some(Backing {
            volume: on.volume,
            format: on.format,
        }),
        ..volume_spec(VolumeFormat::Qcow2, bytes)
    };
    let middle = standing(&base, 1 << 20);
    host.volume_create(middle.clone()).await.unwrap();
    let top = standing(&middle, 2 << 20);
    let made = host.volume_create(top.clone()).await.unwrap();
    assert_eq!(made.virtual_bytes, 2 << 20, "larger than what it stands on");
    assert_eq!(
        host.volume_create(top.clone()).await.unwrap(),
        made,
        "once more changes nothing"
    );

    // A guest's content never says what an image stands on, but a header could: it is not asked.
    let mut file = host
        .volume_open(middle.volume, VolumeAccess::Write)
        .await
        .unwrap();
    let mut head = [0; 20];
    file.read_exact(&mut head).unwrap();
    let at = u64::from_be_bytes(head[8..16].try_into().unwrap());
    let length = usize::try_from(u32::from_be_bytes(head[16..20].try_into().unwrap())).unwrap();
    let mut name = vec![0; length];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut name).unwrap();
    assert_eq!(
        String::from_utf8(name).unwrap(),
        base.volume.volume.to_string(),
        "a name beside it, no path"
    );
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(b"/etc/passwd/etc/passwd/etc/passwd012"[..length].as_ref())
        .unwrap();

    let chain = Chain {
        volume: top.volume,
        format: top.format,
        backing: [&middle, &base]
            .map(|it| Backing {
                volume: it.volume,
                format: it.format,
            })
            .to_vec(),
    };
    let flat = volume_spec(VolumeFormat::Raw, 2 << 20);
    let info = host.volume_copy(chain, flat.clone()).await.unwrap();
    assert_eq!(info.virtual_bytes, 2 << 20);
    let mut content = Vec::new();
    host.volume_open(flat.volume, VolumeAccess::Read)
        .await
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    assert!(content.starts_with(b"below\0"));
    assert!(content[5..].iter().all(|byte| *byte == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_sparse_qcow2_volume_stands_on_something_that_is_there() {
    let driver = TestDriver::open().await;
    let host = &driver.host;
    host.ensure_pool(POOL).await.unwrap();
    let base = volume_spec(VolumeFormat::Raw, 1 << 20);
    let backing = Some(Backing {
        volume: base.volume,
        format: base.format,
    });
    let good = VolumeSpec {
        backing,
        ..volume_spec(VolumeFormat::Qcow2, 1 << 20)
    };
    let missing = host.volume_create(good.clone()).await;
    assert!(
        matches!(missing, Err(HostError::NotFound { .. })),
        "{missing:?}"
    );
    host.volume_create(base).await.unwrap();
    let mut elsewhere = good.clone();
    elsewhere.volume.storage_domain = uuid::Uuid::new_v4();
    host.ensure_pool(elsewhere.volume.storage_domain)
        .await
        .unwrap();
    for wrong in [
        VolumeSpec {
            format: VolumeFormat::Raw,
            ..good.clone()
        },
        VolumeSpec {
            sparse: false,
            ..good.clone()
        },
        elsewhere,
    ] {
        let refused = host.volume_create(wrong).await;
        assert!(
            matches!(
                refused,
                Err(HostError::Invalid {
                    field: "backing",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
    host.volume_create(good).await.unwrap();
}
