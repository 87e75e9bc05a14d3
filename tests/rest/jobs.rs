//! `/jobs`

use api::types::{Action, Job, JobStatus, Step, StepEnum, StepStatus};
use http::Method;

use super::admin;

#[tokio::test]
async fn every_piece_of_work_is_a_job() {
    let (site, api) = admin().await;
    site.running_vm("web1").await;
    let jobs: Vec<Job> = api.list("jobs?follow=steps").await;
    let job = jobs
        .iter()
        .find(|job| job.description.as_ref().unwrap().contains("web1"))
        .unwrap();
    assert!(job.start_time.is_some() && job.external == Some(false));
    assert!(!job.steps.as_ref().unwrap().is_empty(), "{job:?}");
    api.get::<Job>(&format!("jobs/{}", job.id.as_ref().unwrap()))
        .await;
}

#[tokio::test]
async fn others_may_show_their_work() {
    let (_site, api) = admin().await;
    let job = Job {
        description: Some("Backing up".into()),
        auto_cleared: Some(false),
        ..Job::default()
    };
    let job = api.add("jobs", &job).await;
    let path = format!("jobs/{}", job.id.as_ref().unwrap());
    assert_eq!(
        (job.external, job.status),
        (Some(true), Some(JobStatus::Started))
    );
    let step = Step {
        description: Some("Copying".into()),
        type_: Some(StepEnum::Executing),
        ..Step::default()
    };
    let step = api.add(&format!("{path}/steps"), &step).await;
    let step_path = format!("{path}/steps/{}", step.id.as_ref().unwrap());
    let failed = Action {
        succeeded: Some(false),
        ..Action::default()
    };
    api.act(&format!("{step_path}/end"), &failed).await;
    assert_eq!(
        api.get::<Step>(&step_path).await.status,
        Some(StepStatus::Failed)
    );
    api.refused(Method::POST, &format!("{path}/steps"), "<step/>", 400)
        .await;
    let done = Action {
        succeeded: Some(true),
        ..Action::default()
    };
    api.act(&format!("{path}/end"), &done).await;
    assert_eq!(
        api.get::<Job>(&path).await.status,
        Some(JobStatus::Finished)
    );
    api.refused(Method::POST, &format!("{path}/end"), "<action/>", 409)
        .await;
    api.act(&format!("{path}/clear"), &Action::default()).await;
    api.gone(&path).await;
    api.refused(Method::POST, "jobs", "<job/>", 400).await;
    api.refused(Method::POST, &format!("{path}/end"), "<action/>", 404)
        .await;
}
