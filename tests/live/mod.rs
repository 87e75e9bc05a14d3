//! The live stream: what changes arrives, soon, and only to those who may see it.

use std::time::{Duration, Instant};

use manager::model::{ObjectId, Role};
use manager::{Caller, VmUpdateParams};
use serde_json::json;
use tests::live::Stream;
use tests::site::{PASSWORD, TestSite};

fn renamed(name: &str) -> VmUpdateParams {
    VmUpdateParams {
        name: Some(name.to_owned()),
        ..VmUpdateParams::default()
    }
}

#[tokio::test]
async fn a_page_begins_with_everything_and_hears_of_a_change_within_a_second() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let mut stream = Stream::open(&site.admin().await).await;
    let key = format!("vm/{vm}");
    let machine = &stream.resources[&key];
    assert_eq!(machine["data"]["name"], "web1");
    assert_eq!(machine["data"]["status"], "down");
    assert_eq!(
        machine["offers"]["start"]["allowed"], true,
        "{}",
        machine["offers"]
    );
    let stop = &machine["offers"]["stop"];
    assert_eq!(stop["allowed"], false);
    assert!(
        !stop["reason"].as_str().unwrap().is_empty(),
        "a refusal says why"
    );
    assert!(stream.resources.keys().any(|key| key.starts_with("host/")));
    let began = Instant::now();
    site.manager()
        .vm_update(&Caller::system(), vm, renamed("web2"))
        .await
        .unwrap();
    stream
        .until(|resources| resources[&key]["data"]["name"] == "web2")
        .await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_start_is_seen_step_by_step_without_asking() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let mut stream = Stream::open(&site.admin().await).await;
    let key = format!("vm/{vm}");
    site.manager()
        .vm_start(&Caller::system(), vm, Default::default())
        .await
        .unwrap();
    stream
        .until(|resources| resources[&key]["data"]["status"] == "up")
        .await;
    stream
        .until(|resources| resources[&key]["offers"]["stop"]["allowed"] == true)
        .await;
    assert_eq!(stream.resources[&key]["offers"]["start"]["allowed"], false);
}

#[tokio::test]
async fn whoever_may_not_see_a_machine_hears_nothing_of_it() {
    let site = TestSite::new().await;
    let mine = site.vm("mine").await;
    let other = site.vm("other").await;
    site.person("eva", Role::USER_ROLE, mine.into()).await;
    let mut stream = Stream::open(&site.login("eva@internal", PASSWORD).await).await;
    assert!(stream.resources.contains_key(&format!("vm/{mine}")));
    assert!(!stream.resources.contains_key(&format!("vm/{other}")));
    assert!(!stream.resources.keys().any(|key| key.starts_with("host/")));
    site.manager()
        .vm_update(&Caller::system(), other, renamed("secret-name"))
        .await
        .unwrap();
    site.manager()
        .vm_update(&Caller::system(), mine, renamed("mine-too"))
        .await
        .unwrap();
    // What came before the change that may be seen has come too, had it been sent.
    loop {
        let message = stream.next().await.unwrap();
        assert!(!message.to_string().contains("secret-name"), "{message}");
        assert!(
            !message.to_string().contains(&other.to_string()),
            "{message}"
        );
        if message["resource"]["data"]["name"] == "mine-too" {
            break;
        }
    }
}

#[tokio::test]
async fn a_right_that_is_given_or_taken_shows_and_hides_within_two_seconds() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let eva = site
        .person("eva", Role::USER_ROLE, site.vm("hers").await.into())
        .await;
    let mut stream = Stream::open(&site.login("eva@internal", PASSWORD).await).await;
    let key = format!("vm/{vm}");
    assert!(!stream.resources.contains_key(&key));
    let began = Instant::now();
    site.give(eva, Role::USER_ROLE, vm.into()).await;
    stream.until(|resources| resources.contains_key(&key)).await;
    let given = site
        .manager()
        .inventory()
        .permissions_on(ObjectId::Vm(vm))
        .find(|permission| permission.subject == manager::model::Subject::User(eva))
        .unwrap()
        .id;
    site.manager()
        .permission_remove(&Caller::system(), given)
        .await
        .unwrap();
    stream
        .until(|resources| !resources.contains_key(&key))
        .await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?} for both");
}

#[tokio::test]
async fn a_removed_machine_is_removed_from_the_page() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let mut stream = Stream::open(&site.admin().await).await;
    let key = format!("vm/{vm}");
    site.manager()
        .vm_remove(&Caller::system(), vm, Default::default())
        .await
        .unwrap();
    stream
        .until(|resources| !resources.contains_key(&key))
        .await;
}

#[tokio::test]
async fn a_logout_closes_the_stream_within_two_seconds() {
    let site = TestSite::new().await;
    let admin = site.admin().await;
    let mut stream = Stream::open(&admin).await;
    let began = Instant::now();
    admin
        .json(http::Method::DELETE, "/saffron/session", &json!({}))
        .await
        .expect(200);
    let (code, reason) = stream.closed().await;
    assert_eq!((code, reason.as_str()), (4401, "Your session has ended."));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_disabled_user_loses_the_stream_within_two_seconds() {
    let site = TestSite::new().await;
    let eva = site.person("eva", Role::SUPER_USER, ObjectId::System).await;
    let mut stream = Stream::open(&site.login("eva@internal", PASSWORD).await).await;
    let began = Instant::now();
    site.manager()
        .user_remove(&Caller::system(), eva)
        .await
        .unwrap();
    assert_eq!(stream.closed().await.0, 4401);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_page_that_comes_back_goes_on_where_it_was() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let admin = site.admin().await;
    let stream = Stream::open(&admin).await;
    let (epoch, revision) = (stream.epoch.clone(), stream.revision);
    drop(stream);
    site.manager()
        .vm_update(&Caller::system(), vm, renamed("web2"))
        .await
        .unwrap();
    let mut again = Stream::resume(&admin, &epoch, revision).await;
    let message = again.next().await.unwrap();
    assert_ne!(
        message["type"], "snapshot",
        "it did not have to start over: {message}"
    );
    let key = format!("vm/{vm}");
    again
        .until(|resources| {
            resources
                .get(&key)
                .is_some_and(|vm| vm["data"]["name"] == "web2")
        })
        .await;
}

#[tokio::test]
async fn a_place_that_is_not_known_any_more_begins_with_everything() {
    let site = TestSite::new().await;
    let admin = site.admin().await;
    for (epoch, revision) in [("00000000-0000-0000-0000-000000000001", 1), ("no epoch", 1)] {
        let mut stream = Stream::resume(&admin, epoch, revision).await;
        assert_eq!(stream.next().await.unwrap()["type"], "snapshot");
    }
}

#[tokio::test]
async fn a_first_message_that_is_no_hello_ends_the_stream() {
    let site = TestSite::new().await;
    let admin = site.admin().await;
    for message in [json!({}), json!({ "type": "bye" }), json!([1])] {
        let mut stream = Stream::raw(&admin).await;
        stream.say(&message).await;
        assert_eq!(stream.closed().await.0, 4400, "{message}");
    }
}

#[tokio::test]
async fn events_arrive_with_what_happened() {
    let site = TestSite::new().await;
    let mut stream = Stream::open(&site.admin().await).await;
    site.vm("web1").await;
    loop {
        let message = stream.next().await.unwrap();
        if message["type"] == "event"
            && message["event"]["description"]
                .as_str()
                .is_some_and(|text| text.contains("web1"))
        {
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_ends_says_so_to_its_pages() {
    let site = TestSite::new().await;
    let mut stream = Stream::open(&site.admin().await).await;
    let (closed, ()) = tokio::join!(stream.closed(), site.close());
    assert_eq!(closed.0, 1001);
}
