//! oVirt's own clients for images against a real site: sparse images up and down in every pair of
//! formats, their extents and checksums, a broken upload that goes on, a hostile one that does not;
//! and the SDK's example that makes a machine of an archive.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::guest::target;
use tests::real::RealSite;
use tests::site::PASSWORD;

use super::clients;

/// Runs a program without holding up the site.
async fn output(mut command: Command) -> Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ovirts_image_client_moves_sparse_images_in_every_format() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let home = clients(&here.join("kit"))?;
    let site = RealSite::new().await?;
    let folder = target().join("imageio-run");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(home.join("venv/bin/python"));
    command
        .arg(here.join("imageio.py"))
        .args([site.origin()?.as_str(), PASSWORD])
        .arg(site.ca_file())
        .arg(&folder);
    let said = output(command).await?;
    let result: Value = serde_json::from_str(said.trim().lines().last().unwrap_or_default())?;
    for case in ["raw-to-raw", "raw-to-cow", "qcow2-to-raw", "qcow2-to-cow"] {
        ensure!(result[case]["data"].is_u64(), "{case}: {said}");
    }
    ensure!(
        result["resumed"] == true && result["hostile"] == "refused",
        "{said}"
    );
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ansibles_disk_module_uploads_moves_thins_extends_and_shares_disks() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let home = clients(&here.join("kit"))?;
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let api = "/ovirt-engine/api";
    let hosts = admin.get(&format!("{api}/hosts")).await.json();
    let host = hosts["host"][0]["id"].as_str().context("a host")?;
    let second = serde_json::json!({
        "name": "second",
        "type": "data",
        "host": { "id": host },
        "storage": { "type": "localfs" },
    });
    let made = admin.post(&format!("{api}/storagedomains"), &second).await;
    ensure!(made.status == 201, "{}", made.text());
    let folder = target().join("ansible-disks");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let script = "import os, sys; f = open(sys.argv[1], 'wb'); f.truncate(64 << 20); f.seek(5 << 20); f.write(os.urandom(1 << 20))";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(folder.join("source.raw"));
    output(command).await?;
    let mut command = Command::new("qemu-img");
    command
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .args([folder.join("source.raw"), folder.join("source.qcow2")]);
    output(command).await?;
    let variables = serde_json::json!({ "kit": {
        "url": format!("{}{api}", site.origin()?),
        "user": "admin@internal",
        "password": PASSWORD,
        "ca": site.ca_file(),
        "folder": folder,
    }, "ansible_python_interpreter": home.join("venv/bin/python") });
    let file = folder.join("variables.json");
    std::fs::write(&file, variables.to_string())?;
    let mut command = Command::new(home.join("venv/bin/ansible-playbook"));
    command
        .args(["-i", "localhost,", "-c", "local", "-e"])
        .arg(format!("@{}", file.display()))
        .arg(here.join("disks.yml"))
        .current_dir(&folder)
        .env("ANSIBLE_COLLECTIONS_PATH", home.join("collections"))
        .env("ANSIBLE_HOME", folder.join(".ansible"))
        .env("ANSIBLE_NOCOLOR", "1");
    output(command).await?;
    let mut command = Command::new("qemu-img");
    // What was added when it was extended is zeros.
    command
        .args(["compare", "-f", "qcow2", "-F", "qcow2"])
        .args([folder.join("source.qcow2"), folder.join("down.qcow2")]);
    output(command).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdks_example_makes_a_machine_of_an_exported_archive() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat");
    let home = clients(&here.join("kit"))?;
    let site = RealSite::new().await?;
    let admin = site.admin().await?;
    let api = "/ovirt-engine/api";
    // A machine with a disk, written into an archive by us …
    let body = serde_json::json!({
        "name": "exported",
        "cluster": { "name": "Default" },
        "template": { "name": "Blank" },
        "memory": 268_435_456,
        "disk_attachments": { "disk_attachment": [{
            "bootable": true,
            "interface": "virtio",
            "disk": {
                "name": "exported_Disk1",
                "format": "cow",
                "provisioned_size": 16 << 20,
                "storage_domains": { "storage_domain": [{ "name": "data" }] },
            },
        }] },
    });
    let vm = admin.post(&format!("{api}/vms"), &body).await;
    ensure!(vm.status < 300, "{}", vm.text());
    let vm = vm.json()["id"].as_str().context("an id")?.to_owned();
    site.until_status(&admin, &vm, "down").await?;
    let attachments = admin
        .get(&format!("{api}/vms/{vm}/diskattachments"))
        .await
        .json();
    let disk = attachments["disk_attachment"][0]["id"]
        .as_str()
        .context("a disk")?
        .to_owned();
    let hosts = admin.get(&format!("{api}/hosts")).await.json();
    let host = hosts["host"][0]["id"]
        .as_str()
        .context("a host")?
        .to_owned();
    let elsewhere = serde_json::json!({ "host": { "id": host }, "directory": "/tmp" });
    let refused = admin
        .post(&format!("{api}/vms/{vm}/export"), &elsewhere)
        .await;
    ensure!(refused.status == 409, "{}", refused.text());
    let sentence = refused.text();
    let directory = sentence
        .split_once("written to ")
        .and_then(|(_, rest)| rest.split_once(" only"))
        .map(|(folder, _)| folder.to_owned())
        .context("the refusal names the folder")?;
    let export = serde_json::json!({ "host": { "id": host }, "directory": directory });
    let accepted = admin.post(&format!("{api}/vms/{vm}/export"), &export).await;
    ensure!(accepted.status < 300, "{}", accepted.text());
    site.until_status(&admin, &vm, "down").await?;
    let file = Path::new(&directory).join("exported.ova");
    ensure!(file.exists(), "{} is not there", file.display());
    let ids = format!("{api}/vms/{vm}");
    admin.json(http::Method::DELETE, &ids, &Value::Null).await;
    for _ in 0..600 {
        if admin.get(&format!("{api}/disks/{disk}")).await.status == 404
            && admin.get(&ids).await.status == 404
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // … becomes one again by oVirt's own program, which uploads the disk under the id that the
    // archive says and sends the description.
    let folder = target().join("ova-run");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    std::fs::create_dir_all(folder.join(".config"))?;
    std::fs::write(
        folder.join(".config/ovirt.conf"),
        format!(
            "[engine]\nengine_url = {}\nusername = admin@internal\npassword = {PASSWORD}\ncafile = {}\n",
            site.origin()?,
            site.ca_file().display()
        ),
    )?;
    let examples = home.join("sdk/examples");
    let mut command = Command::new(home.join("venv/bin/python"));
    command
        .arg(examples.join("upload_ova_as_vm_or_template.py"))
        .args([
            "-c",
            "engine",
            "--sd-name",
            "data",
            "--cluster-name",
            "Default",
        ])
        .arg(&file)
        .current_dir(&folder)
        .env("HOME", &folder);
    output(command).await?;
    let found = admin
        .get(&format!("{api}/vms?search=name%3Dexported"))
        .await
        .json();
    let made = found["vm"][0]["id"].as_str().context("the machine")?;
    let attachments = admin
        .get(&format!("{api}/vms/{made}/diskattachments"))
        .await
        .json();
    ensure!(
        attachments["disk_attachment"][0]["id"] == disk.as_str(),
        "{attachments}"
    );
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
