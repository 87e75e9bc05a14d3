//! Real, unmodified oVirt clients against a real site: the conformance kit's tier of basic
//! automation. What cannot pass yet, and why, is in `exceptions.txt`.

mod imageio;
mod provisioning;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::guest::target;
use tests::real::RealSite;
use tests::site::PASSWORD;

/// Where the clients are; fetched when they are not there yet.
fn clients(kit: &Path) -> Result<PathBuf> {
    let home = std::env::var_os("SAFFRON_KIT").map_or_else(|| target().join("kit"), PathBuf::from);
    if !home.join("venv/bin/python").exists() {
        let done = Command::new("bash")
            .arg(kit.join("setup.sh"))
            .arg(&home)
            .status()?;
        ensure!(done.success(), "the clients could not be fetched");
    }
    Ok(home)
}

fn exceptions(kit: &Path) -> Result<BTreeMap<String, String>> {
    let list = std::fs::read_to_string(kit.with_file_name("exceptions.txt"))?;
    list.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let (case, why) = line.split_once(' ').context("a case without a reason")?;
            Ok((case.to_owned(), why.trim().to_owned()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovirts_own_clients_automate_the_basics() -> Result<()> {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/kit");
    let home = clients(&kit)?;
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let hosts = admin
        .get("/ovirt-engine/api/hosts")
        .await
        .expect(200)
        .json();
    let host = hosts["host"][0]["name"]
        .as_str()
        .context("no host")?
        .to_owned();
    let folder = target().join("kit-run");
    std::fs::create_dir_all(&folder)?;
    let results = folder.join("results.json");
    let mut run = Command::new("python3");
    run.arg(kit.join("run.py"))
        .args([
            "--base-url",
            &site.origin()?,
            "--user",
            "admin@internal",
            "--password",
            PASSWORD,
        ])
        .arg("--ca")
        .arg(site.ca_file())
        .args([
            "--env",
            &format!("host={host}"),
            "--env",
            "sd=data",
            "--tier",
            "1,2,3",
            "--slow",
            "2",
        ])
        .arg("--json")
        .arg(&results)
        .arg("--log-dir")
        .arg(folder.join("logs"))
        .env("OVIRT_KIT_HOME", home);
    // Its own status says only that something failed; which is decided here, by case.
    let output = tokio::task::spawn_blocking(move || run.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let results: Value = serde_json::from_slice(
        &std::fs::read(&results)
            .with_context(|| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))?,
    )?;
    let cases = results.as_array().or_else(|| results["results"].as_array());
    let cases = cases.context("no results")?;
    ensure!(cases.len() > 60, "only {} cases ran", cases.len());

    let exceptions = exceptions(&kit)?;
    let mut wrong = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap_or_default();
        let passed = case["status"] == "PASS";
        match (passed, exceptions.get(id)) {
            (true, Some(why)) => wrong.push(format!("{id} passes, although it needs {why}")),
            (false, None) => wrong.push(format!("{id}: {} {}", case["status"], case["reason"])),
            _ => {}
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
