//! `/events`

use api::types::{Event, LogSeverity};
use http::Method;
use manager::model::Role;

use super::{Api, admin};

fn said() -> Event {
    Event {
        description: Some("backup done".into()),
        severity: Some(LogSeverity::Warning),
        origin: Some("backup".into()),
        custom_id: Some(7),
        ..Event::default()
    }
}

#[tokio::test]
async fn what_happens_is_written_newest_first() {
    let (site, api) = admin().await;
    let vm = site.vm("web1").await;
    let events: Vec<Event> = api.list("events?max=50").await;
    let ids: Vec<i64> = events
        .iter()
        .map(|it| it.id.as_ref().unwrap().parse().unwrap())
        .collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    let mine = events.iter().find(|event| event.vm.is_some()).unwrap();
    assert_eq!(mine.vm.as_ref().unwrap().id, Some(vm.to_string()));
    assert!(mine.code.is_some() && mine.severity.is_some() && mine.time.is_some());
    site.vm("web2").await;
    let newer: Vec<Event> = api.list(&format!("events?from={}", ids[0])).await;
    assert!(!newer.is_empty());
    assert!(
        newer
            .iter()
            .all(|it| it.id.as_ref().unwrap().parse::<i64>().unwrap() > ids[0])
    );
    let found: Vec<Event> = api.list("events?search=vm.name%3Dweb2&max=1").await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn others_may_write_events_and_take_them_away() {
    let (_site, api) = admin().await;
    let added = api.add("events", &said()).await;
    let path = format!("events/{}", added.id.as_ref().unwrap());
    let event: Event = api.get(&path).await;
    assert_eq!(event.description.as_deref(), Some("backup done"));
    assert_eq!(event.origin.as_deref(), Some("backup"));
    assert_eq!(event.custom_id, Some(7));
    api.delete(&path).await;
    api.gone(&path).await;
    let fault = api
        .refused(
            Method::POST,
            "events",
            "<event><custom_id>1</custom_id></event>",
            400,
        )
        .await;
    assert_eq!(
        fault,
        "Incomplete parameters: Event [origin, severity, description] required for add"
    );
    api.gone("events/notanumber").await;
    api.refused(Method::DELETE, "events/999999", "", 404).await;
}

#[tokio::test]
async fn a_user_reads_of_their_own_vms_only() {
    let (site, _) = admin().await;
    let mine = site.vm("mine").await;
    site.vm("other").await;
    site.person("eva", Role::USER_ROLE, mine.into()).await;
    let eva = Api::of(&site, "eva@internal").await;
    eva.refused(Method::GET, "events", "", 403).await;
    let events: Vec<Event> = eva.list("events?filter=true").await;
    assert!(events.iter().any(|event| event.vm.is_some()));
    let text = |event: &Event| event.description.clone().unwrap();
    assert!(
        events.iter().all(|event| !text(event).contains("other")),
        "{events:?}"
    );
    let answer = eva
        .send(Method::POST, "events", &api::Typed::to_xml(&said()))
        .await;
    assert_eq!(answer.status, 403, "{}", answer.text());
}
