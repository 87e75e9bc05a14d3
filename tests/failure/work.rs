//! Work on disks' content, with the program killed in the middle: a disk that moves, also under a
//! running guest, one that is thinned out, and a machine that becomes an archive.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http::Method;
use serde_json::json;

use super::{LIMIT, PHASES, Saffron, Site, clean};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Move,
    MoveLive,
    Sparsify,
    Export,
}

/// The steps at which the program dies, with the phases that are worth a real QEMU's time.
const STEPS: [(Deed, &str, &[&str]); 8] = [
    (Deed::Move, "volume_duplicate", &["after_act"]),
    (Deed::Move, "disk_switch", &["after_observe"]),
    (Deed::MoveLive, "disk_mirror", &PHASES),
    (Deed::MoveLive, "disk_pivot", &PHASES),
    (Deed::Sparsify, "volume_sparsify", &["after_act"]),
    (Deed::Export, "export_stage", &["after_act"]),
    (Deed::Export, "ova_write", &PHASES),
    (Deed::Export, "scratch_delete", &["before_act"]),
];

async fn id_of(program: &Saffron, collection: &str, kind: &str, name: &str) -> Result<String> {
    let all = program.get(collection).await?;
    all[kind]
        .as_array()
        .into_iter()
        .flatten()
        .find(|it| name.is_empty() || it["name"] == name)
        .and_then(|it| it["id"].as_str())
        .map(str::to_owned)
        .with_context(|| format!("no {kind} {name}"))
}

async fn second_domain(program: &Saffron) -> Result<String> {
    let host = id_of(program, "hosts", "host", "").await?;
    let body = json!({
        "name": "second", "type": "data", "host": {"id": host}, "storage": {"type": "localfs"},
    });
    program.done(Method::POST, "storagedomains", &body).await?;
    let id = id_of(program, "storagedomains", "storage_domain", "second").await?;
    let began = Instant::now();
    while program.get(&format!("storagedomains/{id}")).await?["status"] != "active" {
        ensure!(began.elapsed() < LIMIT, "the domain does not become active");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(id)
}

async fn ask(deed: Deed, program: &Saffron, site: &Site, vm: &str, disk: &str) -> bool {
    let (path, body) = match deed {
        Deed::Move | Deed::MoveLive => (
            format!("disks/{disk}/move"),
            json!({"storage_domain": {"name": "second"}}),
        ),
        Deed::Sparsify => (format!("disks/{disk}/sparsify"), json!({})),
        Deed::Export => {
            let Ok(host) = id_of(program, "hosts", "host", "").await else {
                return false;
            };
            let folder = site.state.join("images/ova");
            (
                format!("vms/{vm}/export"),
                json!({"host": {"id": host}, "directory": folder, "filename": "victim.ova"}),
            )
        }
    };
    let answer = program.send(Method::POST, &path, &body).await;
    answer.is_ok_and(|answer| answer.status < 300)
}

/// Whether what was promised is so.
async fn kept(
    deed: Deed,
    program: &Saffron,
    site: &Site,
    second: &str,
    vm: &str,
    disk: &str,
) -> Result<()> {
    let images = site.state.join("images");
    match deed {
        Deed::Move | Deed::MoveLive => {
            let it = program.get(&format!("disks/{disk}")).await?;
            let domain = &it["storage_domains"]["storage_domain"][0]["id"];
            ensure!(domain == second, "the disk is in {domain}");
            ensure!(images.join(second).join(disk).exists(), "it has no file");
            if deed == Deed::MoveLive {
                // Nobody noticed, and its next start finds it too.
                ensure!(program.get(&format!("vms/{vm}")).await?["status"] == "up");
                for (action, status) in [("stop", "down"), ("start", "up")] {
                    program
                        .done(Method::POST, &format!("vms/{vm}/{action}"), &json!({}))
                        .await?;
                    program.vm_is(vm, status).await?;
                }
            }
        }
        Deed::Sparsify => {}
        Deed::Export => {
            let names: Vec<_> = std::fs::read_dir(images.join("ova"))?
                .filter_map(|entry| Some(entry.ok()?.file_name()))
                .collect();
            ensure!(names == ["victim.ova"], "{names:?}");
            let path = images.join("ova/victim.ova");
            let mut file = std::fs::File::open(&path)?;
            let limits = manager::image::Limits::default();
            let ova = manager::image::ova::read(&mut file, &limits)?;
            ensure!(ova.appliance.name == "victim" && ova.disks.len() == 1);
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_disks_move_and_archives_are_written_all_comes_to_its_end() -> Result<()> {
    let site = Site::new()?;
    let second = {
        let program = site.start(None).await?;
        second_domain(&program).await?
    };
    for (deed, step, phases) in STEPS {
        for phase in phases {
            let what = format!("{deed:?}, killed at {step}:{phase}");
            let mut program = site.start(Some(&format!("{step}:{phase}"))).await?;
            let vm = program.make_vm("victim").await.context(what.clone())?;
            ensure!(program.add_disk(&vm).await?.status < 300, "no disk");
            program.disks_are_ready().await?;
            program.vm_is(&vm, "down").await?;
            let (disk, _) = program.disks().await?[0].clone();
            if deed == Deed::MoveLive {
                program
                    .done(Method::POST, &format!("vms/{vm}/start"), &json!({}))
                    .await?;
                program.vm_is(&vm, "up").await?;
            }
            ensure!(
                ask(deed, &program, &site, &vm, &disk).await,
                "{what}: refused"
            );
            let began = Instant::now();
            while program.child.try_wait()?.is_none() {
                ensure!(began.elapsed() < LIMIT, "{what}: it did not die");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            drop(program);
            let program = site.start(None).await.context(what.clone())?;
            program.is_right_in_time(&site, &what).await?;
            kept(deed, &program, &site, &second, &vm, &disk)
                .await
                .context(what.clone())?;
            clean(&program, &vm).await.context(what.clone())?;
            program
                .is_right_in_time(&site, &format!("{what}, cleaned up"))
                .await?;
            ensure!(site.volumes()?.is_empty(), "{what}: a file is left");
        }
    }
    Ok(())
}
