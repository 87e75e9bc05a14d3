//! The gateway's console routes: tickets, who may use them, and what closes a console.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use manager::Caller;
use manager::host::GraphicsTarget;
use manager::model::{ObjectId, Role, VmId};
use serde_json::json;
use spice_proxy::{ChannelType, Hello, Key, Welcome};
use tests::http::{Client, Socket};
use tests::site::{PASSWORD, TestSite};
use tests::spice::{Script, ScriptedSpiceServer};
use tokio_tungstenite::tungstenite::Message;

/// A site whose guests' displays follow a script.
async fn site(script: Script) -> TestSite {
    let site = TestSite::new().await;
    let (server, _) = ScriptedSpiceServer::new(script);
    site.host
        .graphics_with(move |_| Ok(GraphicsTarget::Descriptor(server.connect())));
    site
}

fn echo() -> Script {
    Script::Echo(b"hello from the guest".to_vec())
}

async fn ticket(client: &Client, vm: VmId) -> [u8; 32] {
    let answer = client
        .post(&format!("/saffron/vms/{vm}/console"), &json!({}))
        .await
        .expect(200);
    let answer = answer.json();
    assert_eq!(answer["expires_in"], 30);
    assert_eq!(answer["vm"]["id"], vm.to_string());
    let hex = answer["ticket"].as_str().unwrap();
    assert_eq!(hex.len(), 64);
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).unwrap();
    }
    key
}

fn hello(key: [u8; 32], channel_type: ChannelType, connection_id: u32) -> Message {
    let hello = Hello {
        key: Key(key),
        channel_type,
        channel_id: 0,
        connection_id,
        common_caps: spice::link::Capabilities::of(&[3]),
        channel_caps: spice::link::Capabilities::default(),
        window: 0,
    };
    Message::Binary(hello.encode().into())
}

async fn connect(client: &Client, key: [u8; 32], channel: ChannelType) -> Socket {
    let mut socket = client
        .websocket("/saffron/console", "console.v1")
        .await
        .unwrap();
    let connection = if channel == ChannelType::MAIN { 0 } else { 7 };
    socket.send(hello(key, channel, connection)).await.unwrap();
    socket
}

/// The next binary message, or code and reason of the close.
async fn next(socket: &mut Socket) -> Result<Vec<u8>, (u16, String)> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
        match message.expect("a message within 20 s") {
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
            Some(Ok(Message::Close(Some(frame)))) => {
                return Err((frame.code.into(), frame.reason.to_string()));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err((1006, error.to_string())),
            None => return Err((1006, String::new())),
        }
    }
}

async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Err(closed) = next(socket).await {
            return closed;
        }
    }
}

/// Opens the main channel of a console.
async fn open(client: &Client, vm: VmId) -> (Socket, Vec<Key>) {
    let key = ticket(client, vm).await;
    let mut main = connect(client, key, ChannelType::MAIN).await;
    let welcome = Welcome::decode(&next(&mut main).await.unwrap()).unwrap();
    (main, welcome.keys)
}

#[tokio::test]
async fn a_ticket_opens_the_main_channel_and_its_keys_open_one_more_each() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let admin = site.admin().await;
    let (mut main, keys) = open(&admin, vm).await;
    assert_eq!(keys.len(), 16);
    assert_eq!(next(&mut main).await.unwrap(), b"hello from the guest");
    main.send(Message::Binary(b"echo".to_vec().into()))
        .await
        .unwrap();
    assert_eq!(next(&mut main).await.unwrap(), b"echo");
    let mut display = connect(&admin, keys[0].0, ChannelType::DISPLAY).await;
    let welcome = Welcome::decode(&next(&mut display).await.unwrap()).unwrap();
    assert!(welcome.keys.is_empty());
    let mut again = connect(&admin, keys[0].0, ChannelType::DISPLAY).await;
    assert_eq!(closed(&mut again).await.0, 4403, "a key is good once");
    main.close(None).await.unwrap();
    let began = Instant::now();
    assert_eq!(
        closed(&mut display).await.0,
        4503,
        "main takes the others with it"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
    let mut late = connect(&admin, keys[1].0, ChannelType::INPUTS).await;
    assert_eq!(closed(&mut late).await.0, 4403, "keys die with main");
}

#[tokio::test]
async fn fifty_who_show_one_ticket_are_one_console_and_forty_nine_refusals() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let admin = site.admin().await;
    let key = ticket(&admin, vm).await;
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let admin = admin.clone();
            tokio::spawn(async move {
                let mut socket = connect(&admin, key, ChannelType::MAIN).await;
                let outcome = next(&mut socket)
                    .await
                    .map(|_| ())
                    .map_err(|(code, _)| code);
                (outcome, socket)
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    let mut sockets = Vec::new();
    for attempt in attempts {
        let (outcome, socket) = attempt.await.unwrap();
        outcomes.push(outcome);
        sockets.push(socket);
    }
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Err(4403))
            .count(),
        49,
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_ticket_is_good_for_thirty_seconds() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let admin = site.admin().await;
    let key = ticket(&admin, vm).await;
    site.clock.advance(Duration::from_secs(29));
    let mut socket = connect(&admin, key, ChannelType::MAIN).await;
    assert!(next(&mut socket).await.is_ok());
    let key = ticket(&admin, vm).await;
    site.clock.advance(Duration::from_secs(31));
    let mut socket = connect(&admin, key, ChannelType::MAIN).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4403);
    assert!(!reason.is_empty());
}

#[tokio::test]
async fn a_ticket_is_of_no_use_to_another_login() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let admin = site.admin().await;
    site.person("eva", Role::USER_ROLE, vm.into()).await;
    let eva = site.login("eva@internal", PASSWORD).await;
    let key = ticket(&admin, vm).await;
    let mut socket = connect(&eva, key, ChannelType::MAIN).await;
    assert_eq!(closed(&mut socket).await.0, 4403);
}

#[tokio::test]
async fn a_ticket_is_refused_with_a_sentence_where_there_can_be_none() {
    let site = site(echo()).await;
    let stopped = site.vm("stopped").await;
    let running = site.running_vm("running").await;
    let admin = site.admin().await;
    let path = |vm: &dyn std::fmt::Display| format!("/saffron/vms/{vm}/console");
    let answer = admin.post(&path(&stopped), &json!({})).await.expect(409);
    assert!(
        answer.json()["error"].as_str().unwrap().len() > 10,
        "{}",
        answer.text()
    );
    admin
        .post(&path(&"00000000-0000-0000-0000-00000000abcd"), &json!({}))
        .await
        .expect(404);
    admin.post(&path(&"no-id"), &json!({})).await.expect(404);
    site.person("eva", Role::USER_ROLE, stopped.into()).await;
    let eva = site.login("eva@internal", PASSWORD).await;
    eva.post(&path(&running), &json!({})).await.expect(404);
    let screenshot = |vm: VmId| format!("/saffron/vms/{vm}/screenshot");
    eva.get(&screenshot(running)).await.expect(404);
    admin.get(&screenshot(stopped)).await.expect(409);
    let picture = admin.get(&screenshot(running)).await.expect(200);
    assert_eq!(picture.header("content-type"), "image/png");
    assert!(picture.body.starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_machine_that_stops_while_its_console_connects_is_named() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let admin = site.admin().await;
    let key = ticket(&admin, vm).await;
    site.manager()
        .vm_stop(&Caller::system(), vm, Default::default())
        .await
        .unwrap();
    site.until(|inventory| {
        inventory
            .vms
            .get(&vm)
            .is_some_and(|vm| vm.run.status == manager::model::VmStatus::Down)
    })
    .await;
    let mut socket = connect(&admin, key, ChannelType::MAIN).await;
    let (code, reason) = closed(&mut socket).await;
    assert!([4403, 4409].contains(&code), "{code} {reason}");
    assert!(!reason.is_empty());
}

#[tokio::test]
async fn a_machine_that_stops_takes_its_console_with_it() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let (mut main, _) = open(&site.admin().await, vm).await;
    let began = Instant::now();
    site.manager()
        .vm_stop(&Caller::system(), vm, Default::default())
        .await
        .unwrap();
    let (code, reason) = closed(&mut main).await;
    assert_eq!(code, 4503, "{reason}");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_display_that_is_gone_or_hostile_is_named() {
    for script in [
        Script::Garbage(b"SSH-2.0-OpenSSH\r\n".to_vec()),
        Script::Refuse(7),
        Script::Garbage(vec![0xff; 100_000]),
    ] {
        let site = site(script).await;
        let vm = site.running_vm("web1").await;
        let admin = site.admin().await;
        let key = ticket(&admin, vm).await;
        let mut socket = connect(&admin, key, ChannelType::MAIN).await;
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, 4502, "{reason}");
        assert!(reason.ends_with('.'), "{reason}");
    }
}

#[tokio::test]
async fn a_logout_and_a_lost_right_close_every_channel_within_two_seconds() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let hers = site.running_vm("hers").await;
    let eva_id = site.person("eva", Role::USER_ROLE, hers.into()).await;
    let admin = site.admin().await;
    let eva = site.login("eva@internal", PASSWORD).await;
    let (mut admins, keys) = open(&admin, vm).await;
    let mut admins_display = connect(&admin, keys[0].0, ChannelType::DISPLAY).await;
    next(&mut admins_display).await.unwrap();
    let (mut evas, _) = open(&eva, hers).await;
    let began = Instant::now();
    let permission = site
        .manager()
        .inventory()
        .permissions_on(ObjectId::Vm(hers))
        .find(|permission| permission.subject == manager::model::Subject::User(eva_id))
        .unwrap()
        .id;
    site.manager()
        .permission_remove(&Caller::system(), permission)
        .await
        .unwrap();
    assert_eq!(closed(&mut evas).await.0, 4401);
    admin
        .json(http::Method::DELETE, "/saffron/session", &json!({}))
        .await
        .expect(200);
    assert_eq!(closed(&mut admins).await.0, 4401);
    let code = closed(&mut admins_display).await.0;
    assert!([4401, 4503].contains(&code), "{code}");
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_console_that_somebody_uses_is_not_given_to_another() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let (_main, _) = open(&site.admin().await, vm).await;
    site.person("eva", Role::USER_ROLE, vm.into()).await;
    let eva = site.login("eva@internal", PASSWORD).await;
    let answer = eva
        .post(&format!("/saffron/vms/{vm}/console"), &json!({}))
        .await
        .expect(409);
    let sentence = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(
        sentence.contains("It is used by admin@internal"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_server_that_ends_says_so_to_its_consoles() {
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let (mut main, _) = open(&site.admin().await, vm).await;
    let (closed, ()) = tokio::join!(closed(&mut main), site.close());
    assert_eq!(closed.0, 1001, "{}", closed.1);
}

#[tokio::test]
async fn a_message_in_very_many_pieces_ends_the_console() {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    let site = site(echo()).await;
    let vm = site.running_vm("web1").await;
    let (mut main, _) = open(&site.admin().await, vm).await;
    let mut first = true;
    let mut refused = false;
    for _ in 0..100 {
        let code = if std::mem::take(&mut first) {
            Data::Binary
        } else {
            Data::Continue
        };
        let mut frame = Frame::message(vec![0], OpCode::Data(code), false);
        frame.header_mut().mask = Some([1, 2, 3, 4]);
        if main.send(Message::Frame(frame)).await.is_err() {
            refused = true;
            break;
        }
    }
    let end = closed(&mut main).await;
    assert!(refused || end.0 != 1000, "{end:?}");
}
