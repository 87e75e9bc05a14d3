//! Real guests and what is known of them: their agents, honest and hostile, machines that come back
//! by themselves, and domains that somebody else has made.

mod adoption;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::guest::{COMMAND_LINE, READY, TinyGuest};
use tests::http::Client;
use tests::real::RealSite;
use tests::serial::Serial;

const LIMIT: Duration = Duration::from_secs(120);

/// Waits until an address answers as it should.
pub async fn until(
    admin: &Client,
    path: &str,
    what: &str,
    mut fits: impl FnMut(&Value) -> bool,
) -> Result<Value> {
    let began = Instant::now();
    loop {
        let answer = admin.get(path).await;
        let said = if answer.status == 200 {
            answer.json()
        } else {
            Value::Null
        };
        if fits(&said) {
            return Ok(said);
        }
        if began.elapsed() > LIMIT {
            bail!("{path}: not {what}: {} {said}", answer.status);
        }
        // As clients of the API wait: it has nothing to wait on.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The process of a domain's QEMU.
pub fn process(domain: &str) -> Result<u32> {
    let found = Command::new("pgrep")
        .args(["-f", &format!("guest={domain},")])
        .output()?;
    let text = String::from_utf8(found.stdout)?;
    let first = text.lines().next().context("no process of that domain")?;
    Ok(first.trim().parse()?)
}

/// The tiny guest with a network interface, running.
async fn guest(
    site: &RealSite,
    admin: &Client,
    name: &str,
    more: Value,
) -> Result<(String, Serial)> {
    let files = TinyGuest::build()?;
    let profiles = admin.get("/ovirt-engine/api/vnicprofiles").await.json();
    let profile = profiles["vnic_profile"][0]["id"].clone();
    let mut body = json!({
        "name": name,
        "cluster": {"name": "Default"},
        "template": {"name": "Blank"},
        "memory": "268435456",
        "memory_policy": {"guaranteed": "268435456", "max": "268435456"},
        "os": {
            "kernel": files.kernel(),
            "initrd": files.initrd(),
            "cmdline": COMMAND_LINE,
        },
        "nics": {"nic": [{"name": "nic1", "vnic_profile": {"id": profile}}]},
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
    let id = made.json()["id"].as_str().context("no id")?.to_owned();
    site.until_status(admin, &id, "down").await?;
    site.act(admin, &id, "start").await?;
    let serial = Serial::open(&site.libvirtd, &id)?;
    serial.wait_for(READY, LIMIT)?;
    site.until_status(admin, &id, "up").await?;
    Ok((id, serial))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guests_agent_tells_where_it_is_and_a_hostile_one_holds_nobody_up() -> Result<()> {
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let (vm, serial) = guest(&site, &admin, "told", json!({})).await?;
    let at = format!("/ovirt-engine/api/vms/{vm}");
    let devices = until(
        &admin,
        &format!("{at}/reporteddevices"),
        "an address",
        |said| said.to_string().contains("\"v4\""),
    )
    .await?;
    let device = &devices["reported_device"][0];
    let nics = admin.get(&format!("{at}/nics")).await.json();
    let nic = &nics["nic"][0];
    ensure!(
        device["mac"]["address"] == nic["mac"]["address"],
        "{devices} {nics}"
    );
    let own = format!(
        "{at}/nics/{}/reporteddevices",
        nic["id"].as_str().context("id")?
    );
    let own = admin.get(&own).await.json();
    ensure!(own["reported_device"][0]["name"] == device["name"], "{own}");
    let shown = site.vm(&admin, &vm).await?;
    ensure!(
        shown["guest_operating_system"]["distribution"] == "tiny",
        "{shown}"
    );
    ensure!(shown["fqdn"].is_string(), "{shown}");
    let applications = admin.get(&format!("{at}/applications")).await.text();
    ensure!(applications.contains("qemu-guest-agent-"), "{applications}");
    let address = device["ips"]["ip"][0]["address"]
        .as_str()
        .context("an address")?;
    let found = format!("/ovirt-engine/api/vms?search=ip%3D{address}");
    let found = admin.get(&found).await.json();
    ensure!(found["vm"][0]["id"] == vm.as_str(), "{found}");
    // Now the one who answers on that channel means no good.
    serial.ask(
        "sh busybox kill -9 $(busybox pidof qemu-ga); for p in /sys/class/virtio-ports/*; do if grep -q guest_agent $p/name; then busybox yes '{\"return\":[[[' >/dev/$(busybox basename $p) & fi; done; echo hostile $?",
        "hostile 0",
    )?;
    let freeze = format!("{at}/freezefilesystems");
    let began = Instant::now();
    loop {
        let refused = admin.post(&freeze, &json!({})).await;
        if refused.status == 409 && refused.text().contains("does not answer") {
            break;
        }
        ensure!(
            began.elapsed() < LIMIT,
            "it is believed: {}",
            refused.text()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Others do not wait for it.
    let began = Instant::now();
    let (other, _serial) = guest(&site, &admin, "other", json!({})).await?;
    site.act(&admin, &other, "stop").await?;
    site.until_status(&admin, &other, "down").await?;
    site.act(&admin, &vm, "stop").await?;
    site.until_status(&admin, &vm, "down").await?;
    ensure!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let gone = admin.get(&format!("{at}/reporteddevices")).await.json();
    ensure!(!gone.to_string().contains("\"v4\""), "{gone}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_highly_available_vm_whose_process_is_killed_runs_again_and_is_charted() -> Result<()> {
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let more = json!({"high_availability": {"enabled": "true", "priority": "50"}});
    let (vm, _serial) = guest(&site, &admin, "available", more).await?;
    let before = process(&vm)?;
    let figures = format!("/saffron/history/vms/{vm}?range=live");
    let chart = until(&admin, &figures, "measured", |said| {
        let cpu = &said["series"][0];
        cpu["name"] == "cpu"
            && cpu["average"]
                .as_array()
                .is_some_and(|all| all.iter().any(Value::is_number))
    })
    .await?;
    ensure!(chart["step"] == 2000, "{chart}");
    let table = admin
        .get(&format!("{figures}&format=csv"))
        .await
        .expect(200)
        .text();
    ensure!(table.starts_with("time,cpu (percent)"), "{table}");
    ensure!(
        Command::new("kill")
            .args(["-9", &before.to_string()])
            .status()?
            .success()
    );
    let events = "/ovirt-engine/api/events?search=type%3D9602";
    until(&admin, events, "said", |said| said["event"][0].is_object()).await?;
    site.until_status(&admin, &vm, "up").await?;
    let after = process(&vm)?;
    ensure!(after != before, "the same process");
    // Told to stop, it stays down.
    site.act(&admin, &vm, "stop").await?;
    site.until_status(&admin, &vm, "down").await?;
    let removed = admin
        .json(
            Method::DELETE,
            &format!("/ovirt-engine/api/vms/{vm}"),
            &json!({}),
        )
        .await;
    ensure!(removed.status == 200, "{}", removed.text());
    Ok(())
}
