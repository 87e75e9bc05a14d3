//! Consoles: tickets that are used once, keys that die with their console, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use manager::console::{ConsoleEnd, ConsoleKey, ConsoleLease, ConsoleRefusal, ConsoleTicket};
use manager::model::{Secret, SessionId, SessionPurpose, VmId, VmStatus};
use manager::{Caller, ErrorKind, LoginParams, VmStopParams};

use crate::site::{PASSWORD, Site, refusal};

const MAIN: u8 = 1;
const DISPLAY: u8 = 2;

async fn login(site: &Site, user: &str) -> Caller {
    let login = site
        .manager
        .login(LoginParams {
            user_name: format!("{user}@internal"),
            password: Secret::new(PASSWORD),
            source: None,
            purpose: SessionPurpose::Portal,
            idle: None,
        })
        .await
        .expect("logged in");
    Caller {
        user: login.user.id,
        session: Some(login.session.id),
        ..Caller::system()
    }
}

fn key(ticket: &ConsoleTicket) -> [u8; 32] {
    let digits = ticket.secret.expose();
    std::array::from_fn(|place| {
        u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).expect("hexadecimal")
    })
}

fn shown(session: SessionId, key: [u8; 32], channel_type: u8) -> ConsoleKey {
    ConsoleKey {
        session,
        key,
        channel_type,
        channel_id: 0,
        source: None,
    }
}

async fn running(site: &Site) -> VmId {
    let vm = site.bare("web1").await;
    site.start(vm).await;
    vm
}

async fn ended(lease: &mut ConsoleLease) -> ConsoleEnd {
    tokio::time::timeout(Duration::from_secs(2), lease.ended())
        .await
        .expect("told within 2 s")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_show_the_same_ticket_one_is_let_in() {
    let site = Arc::new(Site::new().await);
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    assert_eq!(ticket.expires_in, Duration::from_secs(30));
    let attempts: Vec<_> = (0..50)
        .map(|_| {
            let site = Arc::clone(&site);
            let shown = shown(session, key(&ticket), MAIN);
            tokio::spawn(async move { site.manager.console_admit(shown).await })
        })
        .collect();
    let mut admitted = Vec::new();
    for attempt in attempts {
        match attempt.await.expect("no panic") {
            Ok(admission) => admitted.push(admission),
            Err(refusal) => assert_eq!(refusal, ConsoleRefusal::KeyRefused),
        }
    }
    assert_eq!(admitted.len(), 1);
    assert_eq!(admitted[0].keys.len(), 16);
    site.until("the console is seen", |inventory| {
        inventory
            .vm_statistics
            .get(&vm)
            .is_some_and(|it| it.consoles == ["admin@internal-authz"])
    })
    .await;
    assert_eq!(site.events(167).len(), 1);
    drop(admitted);
    site.until("its end too", |inventory| {
        inventory
            .vm_statistics
            .get(&vm)
            .is_some_and(|it| it.consoles.is_empty())
    })
    .await;
    assert_eq!(site.events(168).len(), 1);
}

#[tokio::test]
async fn a_ticket_lives_thirty_seconds() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    site.clock.advance(Duration::from_secs(29));
    assert!(
        site.manager
            .console_admit(shown(session, key(&ticket), MAIN))
            .await
            .is_ok()
    );
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    site.clock.advance(Duration::from_secs(31));
    let refused = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await;
    assert_eq!(refused.expect_err("refused"), ConsoleRefusal::KeyRefused);
}

#[tokio::test]
async fn a_ticket_is_of_no_use_to_another_session_or_for_another_run() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let other = login(&site, "admin").await.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    let stolen = site
        .manager
        .console_admit(shown(other, key(&ticket), MAIN))
        .await;
    assert_eq!(stolen.expect_err("refused"), ConsoleRefusal::KeyRefused);
    let burnt = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await;
    assert_eq!(burnt.expect_err("refused"), ConsoleRefusal::KeyRefused);

    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    site.stop(vm).await;
    site.start(vm).await;
    let late = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await;
    let late = late.expect_err("refused");
    assert!(
        matches!(
            late,
            ConsoleRefusal::KeyRefused | ConsoleRefusal::NotRunning { .. }
        ),
        "{late}"
    );
    let channel = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    let wrong = site
        .manager
        .console_admit(shown(session, key(&channel), DISPLAY))
        .await;
    assert_eq!(wrong.expect_err("refused"), ConsoleRefusal::KeyRefused);
}

#[tokio::test]
async fn channel_keys_open_once_and_die_with_the_main_channel() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    let main = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await
        .expect("open");
    let keys = main.keys.clone();
    let mut display = site
        .manager
        .console_admit(shown(session, keys[0], DISPLAY))
        .await
        .expect("open");
    assert!(display.keys.is_empty());
    let twice = site
        .manager
        .console_admit(shown(session, keys[0], DISPLAY))
        .await;
    assert_eq!(twice.expect_err("refused"), ConsoleRefusal::KeyRefused);
    drop(main);
    assert_eq!(ended(&mut display.lease).await, ConsoleEnd::MainClosed);
    let late = site
        .manager
        .console_admit(shown(session, keys[1], DISPLAY))
        .await;
    assert_eq!(late.expect_err("refused"), ConsoleRefusal::KeyRefused);
}

#[tokio::test]
async fn a_lost_right_closes_what_is_open() {
    let site = Site::new().await;
    let vm = running(&site).await;
    site.user("uma").await;
    let user = login(&site, "uma").await;
    let session = user.session.expect("one");
    let refused = site.manager.console_ticket(&user, vm).await;
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::NotFound);
    let permission = site.grant(&user, "UserRole", vm).await;
    let ticket = site.manager.console_ticket(&user, vm).await.expect("given");
    let waiting = site.manager.console_ticket(&user, vm).await.expect("given");
    let mut main = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await
        .expect("open");
    site.manager
        .permission_remove(&site.admin, permission.id)
        .await
        .expect("removed");
    assert_eq!(ended(&mut main.lease).await, ConsoleEnd::AccessLost);
    let late = site
        .manager
        .console_admit(shown(session, key(&waiting), MAIN))
        .await;
    let late = late.expect_err("refused");
    assert!(
        matches!(
            late,
            ConsoleRefusal::KeyRefused | ConsoleRefusal::SessionEnded
        ),
        "{late}"
    );
}

#[tokio::test]
async fn a_logout_closes_what_is_open() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    let mut main = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await
        .expect("open");
    site.manager.logout(&caller).await.expect("logged out");
    assert_eq!(ended(&mut main.lease).await, ConsoleEnd::SessionEnded);
}

#[tokio::test]
async fn a_vm_that_stops_closes_its_consoles_and_gives_no_tickets() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let caller = login(&site, "admin").await;
    let session = caller.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&caller, vm)
        .await
        .expect("given");
    let mut main = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await
        .expect("open");
    site.manager
        .vm_stop(&site.admin, vm, VmStopParams::default())
        .await
        .expect("accepted");
    assert_eq!(ended(&mut main.lease).await, ConsoleEnd::VmStopped);
    site.vm_is(vm, VmStatus::Down).await;
    let refused = site.manager.console_ticket(&caller, vm).await;
    assert_eq!(
        refusal(refused),
        "[Cannot open a console. VM is not running.]"
    );
}

#[tokio::test]
async fn a_console_in_use_is_not_taken_over_without_the_right() {
    let site = Site::new().await;
    let vm = running(&site).await;
    site.user("uma").await;
    let user = login(&site, "uma").await;
    site.grant(&user, "UserRole", vm).await;
    let admin = login(&site, "admin").await;
    let session = admin.session.expect("one");
    let ticket = site
        .manager
        .console_ticket(&admin, vm)
        .await
        .expect("given");
    let main = site
        .manager
        .console_admit(shown(session, key(&ticket), MAIN))
        .await
        .expect("open");
    let refused = site.manager.console_ticket(&user, vm).await;
    assert!(refusal(refused).contains("used by admin@internal-authz"));
    drop(main);
    site.manager
        .console_ticket(&user, vm)
        .await
        .expect("free again");
}

#[tokio::test]
async fn a_native_viewer_gets_a_password_for_a_while_and_anybody_allowed_a_picture() {
    let site = Site::new().await;
    let vm = running(&site).await;
    let ticket = site
        .manager
        .vm_ticket(&site.admin, vm, None)
        .await
        .expect("given");
    assert_eq!(ticket.valid, Duration::from_secs(120));
    assert!(!format!("{ticket:?}").contains(ticket.value.expose()));
    let picture = site
        .manager
        .vm_screenshot(&site.admin, vm)
        .await
        .expect("taken");
    assert_eq!(&picture[1..4], b"PNG");
    let stranger = site.user("mallory").await;
    assert!(site.manager.vm_screenshot(&stranger, vm).await.is_err());
    assert!(site.manager.vm_ticket(&stranger, vm, None).await.is_err());
}
