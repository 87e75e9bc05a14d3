//! Many VMs. Measured by hand: `cargo test -p manager --release --test engine -- --ignored scale`.

use std::time::Instant;

use manager::VmUpdateParams;

use crate::site::Site;

/// Bytes that the process has in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("there");
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|text| text.split_whitespace().next())
        .and_then(|word| word.parse::<u64>().ok())
        .map_or(0, |kib| kib << 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; measures, for 50,000 VMs, memory, start and reads"]
async fn fifty_thousand_vms_fit() {
    const COUNT: usize = 50_000;
    let site = Site::new().await;
    let before = resident();
    let begin = Instant::now();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..COUNT {
        let (manager, admin) = (site.manager.clone(), site.admin.clone());
        let params = site.vm_params(&format!("vm-{number:05}"));
        waiting.spawn(async move { manager.vm_add(&admin, params).await.map(|_| ()) });
        if waiting.len() >= 128 {
            waiting
                .join_next()
                .await
                .expect("one")
                .expect("no panic")
                .expect("added");
        }
    }
    while let Some(added) = waiting.join_next().await {
        added.expect("no panic").expect("added");
    }
    let made = begin.elapsed();
    let begin = Instant::now();
    let site = site.restart().await;
    let opened = begin.elapsed();
    assert_eq!(site.manager.inventory().vms.len(), COUNT);
    let memory = resident().saturating_sub(before) >> 20;
    let begin = Instant::now();
    for _ in 0..1000 {
        let inventory = site.manager.inventory();
        let access = site.manager.access();
        let page = inventory
            .vms
            .iter()
            .filter(|vm| access.visible(&site.admin, vm.id))
            .take(100);
        assert_eq!(page.count(), 100);
    }
    let page = begin.elapsed() / 1000;
    let begin = Instant::now();
    let found = site
        .manager
        .inventory()
        .vms
        .iter()
        .filter(|vm| vm.name.contains("4999"))
        .count();
    let scanned = begin.elapsed();
    assert_eq!(found, 15);
    let id = site
        .manager
        .inventory()
        .vm_by_name("vm-00042", None)
        .expect("there")
        .id;
    let begin = Instant::now();
    for number in 0..200 {
        let params = VmUpdateParams {
            description: Some(number.to_string()),
            ..Default::default()
        };
        site.manager
            .vm_update(&site.admin, id, params)
            .await
            .expect("changed");
    }
    let change = begin.elapsed() / 200;
    #[allow(clippy::print_stdout, reason = "what the test is for")]
    {
        println!(
            "{COUNT} VMs: made in {made:?}, {memory} MiB, opened in {opened:?}, a page of 100 in \
             {page:?}, a scan in {scanned:?}, a change in {change:?}"
        );
    }
    // The memory is that of two managers one after the other, with 50,000 jobs and events.
    assert!(
        opened.as_secs() <= 5 && memory <= 512,
        "{opened:?}, {memory} MiB"
    );
    site.manager.close().await;
    let file = std::fs::metadata(site.directory.0.join("saffron.db"))
        .expect("there")
        .len();
    assert!(file >> 20 <= 256, "the database has {} MiB", file >> 20);
}
