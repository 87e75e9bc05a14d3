//! Images that are uploaded through the API to the real program: in pieces, broken off, with the
//! program killed in between, and what becomes of them in machines that run.

use tests::guest::{READY, TinyGuest};
use tests::serial::Serial;

use super::parts::until;
use super::*;

pub(super) const MIB: usize = 1 << 20;
/// The only CD drive of a VM.
const DRIVE: &str = "00000000-0000-0000-0000-000000000000";

/// What qemu-img does with these arguments, in a folder.
pub(super) fn qemu_img(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("qemu-img")
        .args(arguments)
        .current_dir(folder)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "qemu-img {arguments:?}: {said}");
    Ok(())
}

/// A disk or CD without content, ready to be uploaded to.
pub(super) async fn new_disk(
    program: &Saffron,
    name: &str,
    size: usize,
    format: &str,
    content: &str,
) -> Result<String> {
    let body = json!({
        "name": name, "provisioned_size": size.to_string(), "format": format, "content_type": content,
        "sparse": "true",
        "storage_domains": {"storage_domain": [{"name": "data"}]},
    });
    let disk = program.done(Method::POST, "disks", &body).await?;
    let id = disk["id"].as_str().context("no id")?.to_owned();
    disk_is_ready(program, &id).await?;
    Ok(id)
}

pub(super) async fn disk_is_ready(program: &Saffron, disk: &str) -> Result<()> {
    let path = format!("disks/{disk}");
    until(program, &path, LIMIT, |disk| disk["status"] == "ok")
        .await
        .map(drop)
}

/// Begins a transfer; its path in the API once data may flow.
pub(super) async fn transfer(
    program: &Saffron,
    disk: &str,
    direction: &str,
    format: &str,
) -> Result<String> {
    let body = json!({
        "disk": {"id": disk}, "direction": direction, "format": format,
    });
    let made = program.done(Method::POST, "imagetransfers", &body).await?;
    let path = format!("imagetransfers/{}", made["id"].as_str().context("no id")?);
    until(program, &path, LIMIT, |it| it["phase"] == "transferring").await?;
    Ok(path)
}

/// Where a transfer's data goes; the secret is in it.
async fn address(program: &Saffron, transfer: &str) -> Result<String> {
    let transfer = program.get(transfer).await?;
    let url = transfer["transfer_url"].as_str().context("no address")?;
    let at = url.find("/images/").context("an odd address")?;
    Ok(url[at..].to_owned())
}

/// Somebody who knows the address and nothing else.
fn stranger(site: &Site) -> Result<Client> {
    let ca = std::fs::read_to_string(site.state.join("ca.pem"))?;
    Client::new(site.address, &ca)
}

async fn put(client: &Client, address: &str, from: usize, piece: &[u8]) -> Result<Answer> {
    let range = format!("bytes {from}-{}/*", from + piece.len() - 1);
    let headers = [("content-range", range.as_str())];
    client
        .send(Method::PUT, address, &headers, piece.to_vec())
        .await
}

/// Sends all of an image in pieces.
pub(super) async fn send(
    site: &Site,
    program: &Saffron,
    transfer: &str,
    image: &[u8],
) -> Result<()> {
    let (client, address) = (stranger(site)?, address(program, transfer).await?);
    for (number, piece) in image.chunks(MIB).enumerate() {
        let answer = put(&client, &address, number * MIB, piece).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    }
    Ok(())
}

/// Ends a transfer and waits for what comes of it.
pub(super) async fn finalize(program: &Saffron, transfer: &str) -> Result<String> {
    program
        .done(Method::POST, &format!("{transfer}/finalize"), &json!({}))
        .await?;
    let over = |it: &Value| {
        it["phase"]
            .as_str()
            .is_some_and(|phase| phase.starts_with("finished"))
    };
    let over = until(program, transfer, LIMIT, over).await?;
    Ok(over["phase"].as_str().unwrap_or_default().to_owned())
}

pub(super) async fn upload(
    site: &Site,
    program: &Saffron,
    disk: &str,
    format: &str,
    image: &[u8],
) -> Result<String> {
    let transfer = transfer(program, disk, "upload", format).await?;
    send(site, program, &transfer, image).await?;
    finalize(program, &transfer).await
}

/// What a guest would read from a disk.
pub(super) async fn download(site: &Site, program: &Saffron, disk: &str) -> Result<Vec<u8>> {
    let transfer = transfer(program, disk, "download", "raw").await?;
    let address = address(program, &transfer).await?;
    let answer = stranger(site)?.send(Method::GET, &address, &[], "").await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    let phase = finalize(program, &transfer).await?;
    ensure!(phase == "finished_success", "{phase}");
    disk_is_ready(program, disk).await?;
    Ok(answer.body.to_vec())
}

/// Bytes that repeat nowhere soon.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_outlives_a_lost_connection_a_pause_and_the_programs_death() -> Result<()> {
    let site = Site::new()?;
    let folder = site.libvirtd.folder().to_owned();
    let content = pattern(6 * MIB);
    std::fs::write(folder.join("raw"), &content)?;
    qemu_img(
        &folder,
        &["convert", "-f", "raw", "-O", "qcow2", "raw", "cow"],
    )?;
    let image = std::fs::read(folder.join("cow"))?;
    ensure!(image.len() > 6 * MIB);

    let program = site.start(None).await?;
    let disk = new_disk(&program, "upload", 8 * MIB, "cow", "data").await?;
    let path = transfer(&program, &disk, "upload", "cow").await?;
    let client = stranger(&site)?;
    let first = address(&program, &path).await?;
    let answer = put(&client, &first, 0, &image[..2 * MIB]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());

    // The connection is lost in the middle of a piece; the same piece is sent again.
    {
        use tokio::io::AsyncWriteExt;
        let mut stream = client.connect().await?;
        let head = format!(
            "PUT {first} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\
             Content-Range: bytes {}-{}/*\r\n\r\n",
            2 * MIB,
            3 * MIB - 1
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&image[2 * MIB..2 * MIB + 100_000]).await?;
        stream.flush().await?;
    }
    let answer = put(&client, &first, 2 * MIB, &image[2 * MIB..3 * MIB]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());

    // Paused, nothing is taken; resumed, it goes on.
    program
        .done(Method::POST, &format!("{path}/pause"), &json!({}))
        .await?;
    let paused = put(&client, &first, 3 * MIB, &image[3 * MIB..4 * MIB]).await?;
    assert!([404, 409].contains(&paused.status), "{}", paused.text());
    let said = paused.json()["error"].as_str().unwrap_or_default().len();
    assert!(said > 10, "{}", paused.text());
    program
        .done(Method::POST, &format!("{path}/resume"), &json!({}))
        .await?;
    let second = address(&program, &path).await?;
    let answer = put(&client, &second, 3 * MIB, &image[3 * MIB..4 * MIB]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());

    // The program is killed: what was acknowledged is still there, at a new address.
    drop(program);
    let program = site.start(None).await?;
    let third = address(&program, &path).await?;
    let old = put(&client, &second, 4 * MIB, &image[4 * MIB..5 * MIB]).await?;
    assert_eq!(old.status, 404, "secrets are not kept: {}", old.text());
    for from in [5 * MIB, 4 * MIB] {
        let end = (from + MIB).min(image.len());
        let end = if from == 5 * MIB { image.len() } else { end };
        let answer = put(&client, &third, from, &image[from..end]).await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(finalize(&program, &path).await?, "finished_success");
    disk_is_ready(&program, &disk).await?;
    assert_eq!(
        site.volumes()?,
        BTreeSet::from([disk.clone()]),
        "nothing else is left"
    );
    let shown = download(&site, &program, &disk).await?;
    assert_eq!(shown.len(), 8 * MIB, "the disk is as large as it was made");
    assert!(shown[..content.len()] == content, "the content is the same");
    assert!(shown[content.len()..].iter().all(|byte| *byte == 0));
    assert_eq!(
        site.volumes()?,
        BTreeSet::from([disk]),
        "nothing is left of the download"
    );
    Ok(())
}

/// What libvirt says is in a domain's CD drive.
fn drive(site: &Site, vm: &str) -> Result<String> {
    let list = site.libvirtd.virsh(&["domblklist", vm, "--details"])?;
    let line = list
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some("cdrom"))
        .with_context(|| format!("no drive in {list:?}"))?;
    Ok(line.split_whitespace().nth(3).unwrap_or("-").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_cd_boots_a_machine_and_is_changed_while_it_runs() -> Result<()> {
    let site = Site::new()?;
    let program = site.start(None).await?;
    let image = std::fs::read(TinyGuest::build()?.iso())?;
    let cd = new_disk(&program, "tiny.iso", image.len(), "raw", "iso").await?;
    assert_eq!(
        upload(&site, &program, &cd, "raw", &image).await?,
        "finished_success"
    );
    disk_is_ready(&program, &cd).await?;
    let memory = "268435456";
    let body = json!({
        "name": "cd", "cluster": {"name": "Default"}, "template": {"name": "Blank"},
        "memory": memory, "memory_policy": {"guaranteed": memory, "max": memory},
        "console": {"enabled": "true"}, "os": {"boot": {"devices": {"device": ["cdrom"]}}},
    });
    let vm = program.done(Method::POST, "vms", &body).await?;
    let vm = vm["id"].as_str().context("no id")?.to_owned();
    let put = async |query: &str, id: &str| {
        let path = format!("vms/{vm}/cdroms/{DRIVE}{query}");
        program
            .done(Method::PUT, &path, &json!({"file": {"id": id}}))
            .await
    };
    put("", &cd).await?;
    program
        .done(Method::POST, &format!("vms/{vm}/start"), &json!({}))
        .await?;
    let serial = Serial::open(&site.libvirtd, &vm)?;
    serial
        .wait_for(READY, Duration::from_secs(120))
        .context("the CD does not boot")?;
    assert!(drive(&site, &vm)?.ends_with(&cd), "{}", drive(&site, &vm)?);

    // What is in a running machine's drive stays.
    let refused = program
        .send(Method::DELETE, &format!("disks/{cd}"), &json!({}))
        .await?;
    assert_eq!(refused.status, 409, "{}", refused.text());

    put("?current=true", "").await?;
    let current = format!("vms/{vm}/cdroms/{DRIVE}?current=true");
    until(&program, &current, LIMIT, |drive| drive["file"].is_null()).await?;
    assert_eq!(drive(&site, &vm)?, "-", "ejected");
    put("?current=true", &cd).await?;
    until(&program, &current, LIMIT, |drive| {
        drive["file"]["id"] == cd.as_str()
    })
    .await?;
    assert!(drive(&site, &vm)?.ends_with(&cd), "inserted");
    serial.ask("ping", "pong")?;
    // A disk is no CD.
    let disk = new_disk(&program, "disk", MIB, "raw", "data").await?;
    let refused = program
        .send(Method::PUT, &current, &json!({"file": {"id": disk}}))
        .await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(
        refused.text().contains("is not an ISO image"),
        "{}",
        refused.text()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_disk_is_full_the_upload_is_told_and_nothing_else_suffers() -> Result<()> {
    let mut site = Site::new()?;
    // Once, so that the storage domain's folder is there to be mounted upon.
    drop(site.start(None).await?);
    let folder = std::fs::read_dir(site.state.join("images"))?
        .next()
        .context("no storage domain")??
        .path();
    site.small = Some((folder, 24));
    let program = site.start(None).await?;
    let domain = program.get("storagedomains").await?;
    let domain = format!(
        "storagedomains/{}",
        domain["storage_domain"][0]["id"]
            .as_str()
            .context("no domain")?
    );
    // With the reserve of a gibibyte nothing is made at all.
    let full = |answer: &Answer| {
        answer.status == 409
            && answer
                .text()
                .contains("Low disk space on Storage Domain data")
    };
    until(&program, &domain, LIMIT, |it| {
        it["available"]
            .as_str()
            .and_then(|it| it.parse::<u64>().ok())
            .is_some_and(|available| available < 25 << 20)
    })
    .await?;
    let body = json!({"name": "early", "provisioned_size": "1048576", "format": "cow",
                      "storage_domains": {"storage_domain": [{"name": "data"}]}});
    let answer = program.send(Method::POST, "disks", &body).await?;
    assert!(full(&answer), "{} {}", answer.status, answer.text());

    // Without a reserve a thin disk fits, and what is sent to it does not.
    program
        .done(
            Method::PUT,
            &domain,
            &json!({"critical_space_action_blocker": "0"}),
        )
        .await?;
    let disk = new_disk(&program, "large", 64 * MIB, "raw", "data").await?;
    let path = transfer(&program, &disk, "upload", "raw").await?;
    let address = address(&program, &path).await?;
    let answer = put(&stranger(&site)?, &address, 0, &pattern(48 * MIB)).await?;
    assert_eq!(answer.status, 507, "{}", answer.text());
    let said = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        said.contains("no space left on the Storage Domain"),
        "{said}"
    );
    // The transfer can be given up, and its room is free again.
    program
        .done(Method::POST, &format!("{path}/cancel"), &json!({}))
        .await?;
    until(&program, &path, LIMIT, |it| it["phase"] == "cancelled_user").await?;
    let gone = program
        .send(Method::GET, &format!("disks/{disk}"), &json!({}))
        .await?;
    assert_eq!(gone.status, 404);
    let disk = new_disk(&program, "small", 8 * MIB, "raw", "data").await?;
    let phase = upload(&site, &program, &disk, "raw", &pattern(8 * MIB)).await?;
    assert_eq!(phase, "finished_success");
    assert!(download(&site, &program, &disk).await? == pattern(8 * MIB));
    // Machines and their state have never been in danger.
    program.make_vm("beside").await.map(drop)
}
