//! Work that is given up: what it had made is taken away, and who may not, cannot.

use std::time::Duration;

use manager::VmStartParams;
use manager::host::HostError;
use manager::host::sim::Fault;
use manager::model::{JobStatus, ObjectId, VmStatus};

use crate::site::{Site, new_disk, refusal};

#[tokio::test]
async fn a_vm_that_is_being_made_can_be_given_up() {
    let site = Site::new().await;
    let mut params = site.vm_params("web1");
    params
        .disks
        .push(new_disk(site.disk_params("one", 1 << 30)));
    params
        .disks
        .push(new_disk(site.disk_params("two", 1 << 30)));
    site.host
        .next("volume_create", Fault::Slow(Duration::from_millis(500)));
    let added = site
        .manager
        .vm_add(&site.admin, params)
        .await
        .expect("accepted");
    let job = added.job.expect("a job");
    let mallory = site.user("mallory").await;
    assert!(site.manager.job_cancel(&mallory, job).await.is_err());
    let offers = site.manager.offers(&site.admin, ObjectId::Job(job));
    assert!(
        offers
            .iter()
            .any(|it| it.action == "cancel" && it.verdict.is_ok())
    );
    site.manager
        .job_cancel(&site.admin, job)
        .await
        .expect("accepted");
    let ended = site.manager.wait(job).await.expect("there");
    assert_eq!(ended.status, JobStatus::Aborted);
    assert!(site.find(added.value.id).is_none());
    assert!(site.manager.inventory().disks.is_empty());
    assert!(site.host.volume_sizes().is_empty(), "no volume is left");
    let again = site.manager.job_cancel(&site.admin, job).await;
    assert!(refusal(again).contains("has ended"));
}

#[tokio::test]
async fn a_start_that_waits_for_its_host_says_so_and_can_be_given_up() {
    let site = Site::new().await;
    let vm = site.bare("web1").await;
    // The host takes nothing, again and again.
    for _ in 0..50 {
        let error = HostError::Unreachable {
            reason: "gone".to_owned(),
        };
        site.host.next("start", Fault::Fails(error));
    }
    let started = site
        .manager
        .vm_start(&site.admin, vm, VmStartParams::default())
        .await
        .expect("accepted");
    let job = started.job.expect("a job");
    site.until("it is said what it waits for", |inventory| {
        inventory
            .jobs
            .get(&job)
            .is_some_and(|job| job.steps.iter().any(|step| step.waiting.is_some()))
    })
    .await;
    site.manager
        .job_cancel(&site.admin, job)
        .await
        .expect("accepted");
    let ended = site.manager.wait(job).await.expect("there");
    assert_eq!(ended.status, JobStatus::Aborted);
    site.vm_is(vm, VmStatus::Down).await;
    assert!(site.host.running().is_empty());
}
