//! What a real guest finds of its first-boot settings, and of what is plugged into it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::guest::{COMMAND_LINE, READY, TinyGuest};
use tests::http::Client;
use tests::real::RealSite;
use tests::serial::Serial;

const LIMIT: Duration = Duration::from_secs(120);
const PASSWORD: &str = "correct horse battery";

/// The tiny guest with more settings, made and not started.
async fn make(site: &RealSite, admin: &Client, name: &str, more: Value) -> Result<String> {
    let guest = TinyGuest::build()?;
    let mut body = json!({
        "name": name,
        "cluster": {"name": "Default"},
        "template": {"name": "Blank"},
        "memory": "268435456",
        "memory_policy": {"guaranteed": "268435456", "max": "1073741824"},
        "os": {
            "kernel": guest.kernel(),
            "initrd": guest.initrd(),
            "cmdline": COMMAND_LINE,
        },
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    let made = admin.post("/ovirt-engine/api/vms", &body).await;
    ensure!(
        matches!(made.status, 201 | 202),
        "{} {}",
        made.status,
        made.text()
    );
    ensure!(!made.text().contains(PASSWORD), "a password came back");
    let id = made.json()["id"].as_str().context("no id")?.to_owned();
    site.until_status(admin, &id, "down").await?;
    Ok(id)
}

async fn start(site: &RealSite, admin: &Client, vm: &str) -> Result<Serial> {
    site.act(admin, vm, "start").await?;
    let serial = Serial::open(&site.libvirtd, vm)?;
    serial.wait_for(READY, LIMIT)?;
    site.until_status(admin, vm, "up").await?;
    Ok(serial)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guest_reads_its_first_boot_settings_once() -> Result<()> {
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let settings = json!({"initialization": {
        "host_name": "web1.example.org",
        "user_name": "root",
        "root_password": PASSWORD,
        "authorized_ssh_keys": "ssh-ed25519 AAAA ada@example.org",
        "custom_script": "runcmd:\n- [touch, /ready]\n",
        "dns_servers": "192.0.2.53",
        "nic_configurations": {"nic_configuration": [{
            "name": "eth0",
            "on_boot": "true",
            "boot_protocol": "static",
            "ip": {"address": "192.0.2.10", "netmask": "255.255.255.0", "gateway": "192.0.2.1"},
        }]},
    }});
    let vm = make(&site, &admin, "seeded", settings).await?;
    let shown = site.vm(&admin, &vm).await?;
    ensure!(
        shown["initialization"]["host_name"] == "web1.example.org",
        "{shown}"
    );
    ensure!(
        !shown.to_string().contains(PASSWORD),
        "a password is shown: {shown}"
    );
    let serial = start(&site, &admin, &vm).await?;
    serial.ask(
        "sh load ahci sr_mod isofs; mkdir /seed /windows; mount -t iso9660 -o ro /dev/sr1 /seed; echo mounted $?",
        "mounted 0",
    )?;
    serial.ask(
        "sh cat /seed/meta-data",
        "local-hostname: \"web1.example.org\"",
    )?;
    serial.ask("sh head -n 1 /seed/user-data", "#cloud-config")?;
    serial.ask(
        "sh grep ssh- /seed/user-data",
        "- \"ssh-ed25519 AAAA ada@example.org\"",
    )?;
    serial.ask("sh grep password /seed/user-data", "password: \"$6$")?;
    serial.ask("sh grep touch /seed/user-data", "- [touch, /ready]")?;
    serial.ask(
        "sh grep addresses /seed/network-config",
        "addresses: [\"192.0.2.10/24\"]",
    )?;
    serial.ask("sh ls -l /seed/user-data", "-r--------")?;
    // The same by the names that Windows reads.
    serial.ask(
        "sh mount -t iso9660 -o ro,norock /dev/sr1 /windows; grep fqdn /windows/user-data",
        "fqdn: \"web1.example.org\"",
    )?;
    // At the second start there is nothing any more, neither in the guest nor on the storage.
    site.act(&admin, &vm, "stop").await?;
    site.until_status(&admin, &vm, "down").await?;
    let serial = start(&site, &admin, &vm).await?;
    serial.ask(
        "sh load ahci sr_mod; sleep 1; test -e /dev/sr0 && ! test -e /dev/sr1 && echo alone",
        "alone",
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guest_finds_the_processor_and_the_memory_that_are_plugged_into_it() -> Result<()> {
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let vm = make(&site, &admin, "growing", json!({})).await?;
    let serial = start(&site, &admin, &vm).await?;
    let path = format!("/ovirt-engine/api/vms/{vm}");
    let change = async |body: Value| -> Result<Value> {
        let answer = admin.json(Method::PUT, &path, &body).await;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
        let shown = answer.json();
        Ok(json!({
            "cores": shown["cpu"]["topology"]["cores"],
            "sockets": shown["cpu"]["topology"]["sockets"],
            "memory": shown["memory"],
            "waits": shown["next_run_configuration_exists"],
        }))
    };
    let shown = change(json!({
        "memory": "536870912",
        "cpu": {"topology": {"sockets": "2", "cores": "1", "threads": "1"}},
    }))
    .await?;
    ensure!(shown["sockets"] == "2", "{shown}");
    ensure!(shown["memory"] == "536870912", "{shown}");
    ensure!(shown["waits"] == "false", "{shown}");
    serial.ask(
        "sh until test -d /sys/devices/system/cpu/cpu1; do sleep 1; done; echo second processor",
        "second processor",
    )?;
    serial.ask(
        "sh until ls /sys/devices/system/memory | grep -q 'memory[3-9]'; do sleep 1; done; echo more memory",
        "more memory",
    )?;
    // This system lets go of a processor. Without KVM QEMU 7.2 does not tell libvirt that it is gone;
    // then it is said to be there, and to go at the next start.
    let shown = change(json!({"cpu": {"topology": {"sockets": "1"}}})).await?;
    serial.ask(
        "sh until ! test -d /sys/devices/system/cpu/cpu1; do sleep 1; done; echo alone again",
        "alone again",
    )?;
    let said = (shown["sockets"].as_str(), shown["waits"].as_str());
    ensure!(
        said == (Some("1"), Some("false")) || said == (Some("2"), Some("true")),
        "{shown}"
    );
    // What cannot be plugged waits, and says so.
    let shown = change(json!({"cpu": {"topology": {"cores": "2"}}})).await?;
    ensure!(shown["cores"] == "1", "{shown}");
    ensure!(shown["waits"] == "true", "{shown}");
    let next = admin.get(&format!("{path}?next_run=true")).await.json();
    ensure!(next["cpu"]["topology"]["cores"] == "2", "{next}");
    Ok(())
}
