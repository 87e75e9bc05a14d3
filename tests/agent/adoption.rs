//! A domain made by `virsh` is seen, opened, and adopted while it runs.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;
use tests::guest::{COMMAND_LINE, TinyGuest};
use tests::real::RealSite;

use super::{process, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_made_by_virsh_is_adopted_while_it_runs_and_its_file_stays() -> Result<()> {
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let files = TinyGuest::build()?;
    let folder = std::fs::canonicalize(site.libvirtd.folder())?;
    let file = folder.join("legacy.qcow2");
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(&file)
        .arg("64M")
        .status()?;
    ensure!(made.success());
    let document = format!(
        "<domain type='qemu'><name>legacy db</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{}</kernel><initrd>{}</initrd><cmdline>{COMMAND_LINE}</cmdline></os>\
         <devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>\
         <interface type='user'><mac address='52:54:00:aa:bb:01'/><model type='virtio'/></interface>\
         <serial type='pty'/><graphics type='spice' autoport='yes'/><video><model type='qxl'/></video></devices></domain>",
        files.kernel().display(),
        files.initrd().display(),
        file.display()
    );
    let xml = folder.join("legacy.xml");
    std::fs::write(&xml, document)?;
    // Without a definition: what is hardest to keep.
    site.libvirtd
        .virsh(&["create", &xml.display().to_string()])?;
    let seen = until(
        &admin,
        "/ovirt-engine/api/vms?search=name%3Dexternal-legacy*",
        "seen",
        |said| said["vm"][0]["status"] == "up",
    )
    .await?;
    let shown = &seen["vm"][0];
    ensure!(shown["origin"] == "external", "{shown}");
    ensure!(shown["name"] == "external-legacy db", "{shown}");
    let vm = shown["id"].as_str().context("an id")?.to_owned();
    let at = format!("/ovirt-engine/api/vms/{vm}");
    let refused = admin.post(&format!("{at}/stop"), &json!({})).await;
    ensure!(
        refused.status == 409 && refused.text().contains("adopt it first"),
        "{}",
        refused.text()
    );
    let console = admin
        .post(&format!("/saffron/vms/{vm}/console"), &json!({}))
        .await;
    ensure!(console.status == 200, "{}", console.text());
    let picture = admin.get(&format!("/saffron/vms/{vm}/screenshot")).await;
    ensure!(picture.status == 200, "{}", picture.status);

    let before = process("legacy db")?;
    let adopted = admin
        .post(&format!("{at}/adopt"), &json!({"vm": {"name": "legacy"}}))
        .await;
    ensure!(adopted.status == 200, "{}", adopted.text());
    until(&admin, &at, "ours", |said| {
        said["origin"] == "kvm" && said["name"] == "legacy" && said["status"] == "up"
    })
    .await?;
    ensure!(process("legacy db")? == before, "it was restarted");
    let marked = site.libvirtd.virsh(&["dumpxml", &vm])?;
    ensure!(
        marked.contains("saffron:domain") && marked.contains("saffron:device"),
        "{marked}"
    );
    let disks = admin
        .get(&format!("{at}/diskattachments?follow=disk"))
        .await
        .json();
    let disk = &disks["disk_attachment"][0]["disk"];
    ensure!(
        disk["status"] == "ok" && disk["provisioned_size"] == "67108864",
        "{disks}"
    );
    ensure!(
        disk["description"]
            .as_str()
            .is_some_and(|it| it.contains("legacy.qcow2")),
        "{disk}"
    );
    let nics = admin.get(&format!("{at}/nics")).await.json();
    ensure!(
        nics["nic"][0]["mac"]["address"] == "52:54:00:aa:bb:01",
        "{nics}"
    );
    // What is measured finds the device that libvirt named.
    let disk = disk["id"].as_str().context("an id")?.to_owned();
    until(
        &admin,
        &format!("/saffron/history/disks/{disk}?range=live"),
        "measured",
        |said| {
            let read = said["series"][0]["average"].as_array();
            read.is_some_and(|all| all.iter().any(serde_json::Value::is_number))
        },
    )
    .await?;

    site.act(&admin, &vm, "stop").await?;
    site.until_status(&admin, &vm, "down").await?;
    site.act(&admin, &vm, "start").await?;
    site.until_status(&admin, &vm, "up").await?;
    let name = site.libvirtd.virsh(&["domname", &vm])?;
    ensure!(name.trim() == vm, "it has our name now: {name}");
    let blocks = site.libvirtd.virsh(&["domblklist", &vm])?;
    let link = blocks
        .split_whitespace()
        .find(|word| word.ends_with(&disk))
        .context("the disk is not plugged")?;
    ensure!(
        std::fs::canonicalize(link)? == file,
        "{link} leads elsewhere"
    );
    site.act(&admin, &vm, "stop").await?;
    site.until_status(&admin, &vm, "down").await?;
    let removed = admin.json(Method::DELETE, &at, &json!({})).await;
    ensure!(removed.status == 200, "{}", removed.text());
    until(&admin, "/ovirt-engine/api/disks", "gone", |said| {
        !said.to_string().contains(&disk)
    })
    .await?;
    ensure!(file.exists(), "somebody's file was deleted");
    ensure!(std::fs::symlink_metadata(link).is_err(), "a link is left");
    Ok(())
}
