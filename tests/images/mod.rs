//! The data of image transfers: up in pieces, down in ranges, and what is refused.

use http::Method;
use manager::Caller;
use manager::model::{
    DiskBackup, DiskContentType, DiskFormat, DiskId, DiskStatus, TransferDirection, TransferId,
    TransferPhase,
};
use manager::{DiskAddParams, TransferAddParams};
use serde_json::json;
use tests::http::{Answer, Client};
use tests::site::TestSite;

const MIB: usize = 1024 * 1024;

async fn disk(site: &TestSite, name: &str, size: usize) -> DiskId {
    let params = DiskAddParams {
        id: None,
        name: name.to_owned(),
        description: String::new(),
        storage_domain: None,
        provisioned_size: size as u64,
        format: DiskFormat::Raw,
        sparse: Some(true),
        content_type: DiskContentType::Data,
        shareable: false,
        wipe_after_delete: None,
        propagate_errors: false,
        backup: DiskBackup::None,
        disk_profile: None,
        quota: None,
    };
    let id = site
        .manager()
        .disk_add(&Caller::system(), params)
        .await
        .unwrap()
        .value
        .id;
    is_ok(site, id).await;
    id
}

async fn is_ok(site: &TestSite, disk: DiskId) {
    let ok = |inventory: &manager::Inventory| {
        inventory
            .disks
            .get(&disk)
            .is_some_and(|disk| disk.status == DiskStatus::Ok)
    };
    site.until(ok).await;
}

/// A transfer that is ready, and where its data goes.
async fn transfer(
    site: &TestSite,
    disk: DiskId,
    direction: TransferDirection,
) -> (TransferId, String) {
    let caller = Caller::system();
    let params = TransferAddParams {
        disk,
        direction,
        format: Some(DiskFormat::Raw),
        vmdk: false,
        shallow: false,
        inactivity_timeout: None,
        timeout_policy: None,
    };
    let id = site
        .manager()
        .transfer_add(&caller, params)
        .await
        .unwrap()
        .id;
    site.until(|inventory| {
        let phase = inventory.transfers.get(&id).map(|transfer| transfer.phase);
        phase == Some(TransferPhase::Transferring)
    })
    .await;
    let secret = site.manager().transfer_secret(&caller, id).unwrap();
    (id, format!("/images/{}", secret.expose()))
}

async fn put(client: &Client, path: &str, range: &str, data: &[u8]) -> Answer {
    let headers = [("content-range", range)];
    client
        .send(Method::PUT, path, &headers, data.to_vec())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_image_goes_up_in_pieces_is_resumed_and_comes_down_the_same() {
    let site = TestSite::new().await;
    let data: Vec<u8> = (0..3 * MIB).map(|n| (n * 7 % 251) as u8).collect();
    let disk = disk(&site, "upload", data.len()).await;
    let (id, path) = transfer(&site, disk, TransferDirection::Upload).await;
    // Whoever knows the address needs no login.
    let stranger = site.stranger();
    put(
        &stranger,
        &path,
        &format!("bytes 0-{}/*", MIB - 1),
        &data[..MIB],
    )
    .await
    .expect(200);
    // The second piece breaks off in the middle and is sent again.
    let broken = format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\
         Content-Range: bytes {MIB}-{}/*\r\n\r\n",
        2 * MIB - 1
    );
    let mut stream = stranger.connect().await.unwrap();
    {
        use tokio::io::AsyncWriteExt;
        stream.write_all(broken.as_bytes()).await.unwrap();
        stream.write_all(&data[MIB..MIB + 1000]).await.unwrap();
        stream.flush().await.unwrap();
    }
    drop(stream);
    let rest = format!("bytes {MIB}-{}/{}", data.len() - 1, data.len());
    put(&stranger, &path, &rest, &data[MIB..]).await.expect(200);
    let flush = json!({ "op": "flush" });
    stranger
        .json(Method::PATCH, &path, &flush)
        .await
        .expect(200);
    site.manager()
        .transfer_finalize(&Caller::system(), id)
        .await
        .unwrap();
    is_ok(&site, disk).await;
    stranger.get(&path).await.expect(404);

    let (_, path) = transfer(&site, disk, TransferDirection::Download).await;
    let whole = stranger.get(&path).await.expect(200);
    assert!(whole.body == data, "what came down is what went up");
    let range = [("range", "bytes=1000-1999")];
    let part = stranger
        .send(Method::GET, &path, &range, "")
        .await
        .unwrap()
        .expect(206);
    assert_eq!(&part.body[..], &data[1000..2000]);
    assert_eq!(
        part.header("content-range"),
        format!("bytes 1000-1999/{}", data.len())
    );
    let beyond = [("range", "bytes=99999999-")];
    stranger
        .send(Method::GET, &path, &beyond, "")
        .await
        .unwrap()
        .expect(416);
    put(&stranger, &path, "bytes 0-3/*", b"evil")
        .await
        .expect(403);
}

#[tokio::test]
async fn what_a_transfer_is_not_for_is_refused() {
    let site = TestSite::new().await;
    let disk = disk(&site, "upload", MIB).await;
    let (_, path) = transfer(&site, disk, TransferDirection::Upload).await;
    let stranger = site.stranger();
    let options = stranger
        .send(Method::OPTIONS, &path, &[], "")
        .await
        .unwrap()
        .expect(200);
    assert_eq!(
        options.json()["features"],
        json!(["checksum", "extents", "zero", "flush"])
    );
    stranger.get(&path).await.expect(403);
    stranger
        .send(Method::DELETE, &path, &[], "")
        .await
        .unwrap()
        .expect(405);
    put(&stranger, &path, "bytes 0-x/*", b"abc")
        .await
        .expect(400);
    put(&stranger, &path, "bytes 0-9/*", b"abc")
        .await
        .expect(400);
    put(
        &stranger,
        &path,
        &format!("bytes {MIB}-{}/*", MIB + 2),
        b"abc",
    )
    .await
    .expect(416);
    put(&stranger, &path, "bytes 18446744073709551614-*/*", b"abc")
        .await
        .expect(416);
    stranger
        .json(Method::PATCH, &path, &json!({ "op": "format" }))
        .await
        .expect(400);
    let zero = json!({ "op": "zero", "offset": 10, "size": 2 * MIB });
    stranger.json(Method::PATCH, &path, &zero).await.expect(416);
    let zero = json!({ "op": "zero", "offset": 0, "size": MIB });
    stranger.json(Method::PATCH, &path, &zero).await.expect(200);
}

#[tokio::test]
async fn an_address_that_is_not_a_transfers_leads_nowhere() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    for path in [
        "/images/0",
        "/images/..%2fsaffron.db",
        "/images/0123456789abcdef/extents",
    ] {
        stranger.get(path).await.expect(404);
        put(&stranger, path, "bytes 0-2/*", b"abc").await;
    }
    let admin = site.admin().await;
    admin
        .get("/images/00000000-0000-0000-0000-000000000000")
        .await
        .expect(404);
}
