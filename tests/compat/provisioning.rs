//! Ansible's module for machines sets up, starts and changes machines with firmware, small devices
//! and first-boot settings, on real libvirt and QEMU.

use std::path::Path;

use anyhow::{Result, ensure};
use tests::guest::target;
use tests::real::RealSite;
use tests::site::PASSWORD;
use tokio::process::Command;

use super::clients;

const SECRET: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ansibles_machine_module_provisions_machines_of_every_kind() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let home = clients(&here.join("kit"))?;
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let folder = target().join("ansible-provisioning");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let variables = serde_json::json!({ "kit": {
        "url": format!("{}/ovirt-engine/api", site.origin()?),
        "user": "admin@internal",
        "password": PASSWORD,
        "ca": site.ca_file(),
        "secret": SECRET,
    }, "ansible_python_interpreter": home.join("venv/bin/python") });
    let file = folder.join("variables.json");
    std::fs::write(&file, variables.to_string())?;
    let played = Command::new(home.join("venv/bin/ansible-playbook"))
        .args(["-i", "localhost,", "-c", "local", "-e"])
        .arg(format!("@{}", file.display()))
        .arg(here.join("provisioning.yml"))
        .current_dir(&folder)
        .env("ANSIBLE_COLLECTIONS_PATH", home.join("collections"))
        .env("ANSIBLE_HOME", folder.join(".ansible"))
        .env("ANSIBLE_NOCOLOR", "1")
        .output()
        .await?;
    ensure!(
        played.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&played.stdout),
        String::from_utf8_lossy(&played.stderr)
    );
    // Nothing of what is secret is in any answer or event.
    for path in ["vms?all_content=true", "events", "jobs"] {
        let answer = admin.get(&format!("/ovirt-engine/api/{path}")).await;
        ensure!(!answer.text().contains(SECRET), "{path} shows a password");
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
