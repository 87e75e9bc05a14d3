//! Logins: how they begin, how long they live, what ends them.

use std::time::Duration;

use manager::clock::Clock as _;
use manager::model::{ObjectId, Secret, SessionPurpose, Timestamp};
use manager::{
    Caller, Config, Error, ErrorKind, Login, LoginParams, Manager, Revoked, UserUpdateParams,
};

use crate::site::{PASSWORD, Site};

async fn login(site: &Site, user: &str, password: &str) -> Result<Login, Error> {
    site.manager
        .login(LoginParams {
            user_name: user.to_owned(),
            password: Secret::new(password),
            source: None,
            purpose: SessionPurpose::Portal,
            idle: None,
        })
        .await
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[tokio::test]
async fn the_right_password_logs_in_and_every_wrong_way_says_the_same() {
    let site = Site::new().await;
    let fine = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in");
    assert!(fine.administrator);
    assert_eq!(fine.token.expose().len(), 64);
    let session = site
        .manager
        .authenticate(fine.token.expose())
        .expect("known");
    assert_eq!(session.user, site.admin.user);
    let says = async |user: &str, password: &str| {
        let error = login(&site, user, password).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        error.to_string().replace(user, "X")
    };
    let wrong = says("admin@internal", "wrong").await;
    assert_eq!(wrong, says("nobody@internal", PASSWORD).await);
    assert_eq!(wrong, says("admin@elsewhere", PASSWORD).await);
    assert_eq!(wrong, says("admin", PASSWORD).await);
    assert_eq!(site.events(114).len(), 4);
    assert_eq!(site.events(30).len(), 1);
}

#[tokio::test]
async fn no_token_is_kept_and_no_password() {
    let site = Site::new().await;
    let fine = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in");
    site.manager.close().await;
    for file in ["saffron.db", "saffron.db-wal"] {
        let Ok(bytes) = std::fs::read(site.directory.0.join(file)) else {
            continue;
        };
        for secret in [fine.token.expose().as_bytes(), PASSWORD.as_bytes()] {
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret),
                "{file}"
            );
        }
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(site.directory.0.clone()), 0o700);
    assert_eq!(mode(site.directory.0.join("saffron.db")), 0o600);
}

#[tokio::test]
async fn a_login_lives_half_an_hour_without_requests_and_twelve_hours_with() {
    let site = Site::new().await;
    let token = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in")
        .token;
    site.clock.advance(minutes(29));
    assert!(site.manager.authenticate(token.expose()).is_ok());
    site.clock.advance(minutes(29));
    assert!(site.manager.authenticate(token.expose()).is_ok());
    site.clock.advance(minutes(31));
    assert!(site.manager.authenticate(token.expose()).is_err());
    assert!(site.manager.authenticate(token.expose()).is_err());

    let token = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in")
        .token;
    for _ in 0..35 {
        site.clock.advance(minutes(20));
        assert!(site.manager.authenticate(token.expose()).is_ok());
    }
    site.clock.advance(minutes(21));
    assert!(site.manager.authenticate(token.expose()).is_err());
}

#[tokio::test]
async fn setting_the_clock_back_revives_nothing_and_a_restart_prolongs_nothing() {
    let site = Site::new().await;
    let token = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in")
        .token;
    site.clock.advance(minutes(20));
    assert!(site.manager.authenticate(token.expose()).is_ok());
    let site = site.restart().await;
    site.clock.advance(minutes(29));
    assert!(
        site.manager.authenticate(token.expose()).is_ok(),
        "a restart ends no login"
    );
    site.clock.advance(minutes(31));
    site.clock
        .set_wall(Timestamp(site.clock.now().0 - 86_400_000));
    assert!(site.manager.authenticate(token.expose()).is_err());
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_owner_still_gets_in() {
    let site = Site::new().await;
    let mut delayed = 0;
    for _ in 0..20 {
        let error = login(&site, "admin@internal", "wrong")
            .await
            .expect_err("refused");
        delayed += usize::from(error.kind() == ErrorKind::Delayed);
    }
    assert_eq!(delayed, 15);
    let Err(Error::Delayed { retry_after }) = login(&site, "admin@internal", PASSWORD).await else {
        panic!("the right password is not delayed");
    };
    site.clock.advance(retry_after);
    login(&site, "admin@internal", PASSWORD)
        .await
        .expect("after the delay");
}

#[tokio::test]
async fn a_logout_ends_the_session_at_once_and_says_so() {
    let site = Site::new().await;
    let mut revocations = site.manager.revocations();
    let fine = login(&site, "admin@internal", PASSWORD)
        .await
        .expect("logged in");
    let caller = Caller {
        session: Some(fine.session.id),
        ..site.admin.clone()
    };
    site.manager.logout(&caller).await.expect("logged out");
    assert!(site.manager.authenticate(fine.token.expose()).is_err());
    let told =
        async { while revocations.next().await != Some(Revoked::Session(fine.session.id)) {} };
    tokio::time::timeout(Duration::from_secs(2), told)
        .await
        .expect("told in time");
    let site = site.restart().await;
    assert!(site.manager.authenticate(fine.token.expose()).is_err());
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once() {
    let site = Site::new().await;
    let user = site.user("uma").await;
    let token = login(&site, "uma@internal", PASSWORD)
        .await
        .expect("logged in")
        .token;
    let disable = UserUpdateParams {
        enabled: Some(false),
        ..Default::default()
    };
    site.manager
        .user_update(&site.admin, user.user, disable)
        .await
        .expect("disabled");
    assert!(site.manager.authenticate(token.expose()).is_err());
    assert!(login(&site, "uma@internal", PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let site = Site::new().await;
    let user = site.user("uma").await;
    let old = login(&site, "uma@internal", PASSWORD)
        .await
        .expect("logged in");
    let other = login(&site, "uma@internal", PASSWORD)
        .await
        .expect("logged in");
    let caller = Caller {
        session: Some(old.session.id),
        ..user
    };
    let change = async |from: &str, to: &str| {
        site.manager
            .password_change(&caller, Secret::new(from), Secret::new(to))
            .await
    };
    assert_eq!(
        change("wrong", "a new password")
            .await
            .expect_err("refused")
            .kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        change(PASSWORD, "short").await.expect_err("refused").kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        change(PASSWORD, PASSWORD)
            .await
            .expect_err("refused")
            .kind(),
        ErrorKind::Invalid
    );
    let new = change(PASSWORD, "a new password").await.expect("changed");
    assert!(site.manager.authenticate(new.token.expose()).is_ok());
    for dead in [&old.token, &other.token] {
        assert!(site.manager.authenticate(dead.expose()).is_err());
    }
    assert!(login(&site, "uma@internal", PASSWORD).await.is_err());
    login(&site, "uma@internal", "a new password")
        .await
        .expect("logged in");
}

#[tokio::test]
async fn basic_authentication_hashes_once_and_hears_of_changes() {
    let site = Site::new().await;
    let password = Secret::new(PASSWORD);
    let first = site
        .manager
        .login_basic("admin@internal", &password, None)
        .await
        .expect("fine");
    let second = site
        .manager
        .login_basic("admin@internal", &password, None)
        .await
        .expect("fine");
    assert_eq!(first.id, second.id);
    assert_eq!(site.events(30).len(), 1);
    assert!(
        site.manager
            .login_basic("admin@internal", &Secret::new("no"), None)
            .await
            .is_err()
    );
    let user = site.user("uma").await;
    site.manager
        .login_basic("uma@internal", &password, None)
        .await
        .expect("fine");
    site.manager
        .user_remove(&site.admin, user.user)
        .await
        .expect("removed");
    assert!(
        site.manager
            .login_basic("uma@internal", &password, None)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_first_password_is_random_shown_once_and_must_be_changed() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let directory = crate::site::Directory(
            std::env::temp_dir().join(format!("saffron-manager-{}", uuid::Uuid::new_v4())),
        );
        let mut config = Config::new(&directory.0);
        config.hypervisor = Some(manager::host::sim::SimHost::new());
        let manager = Manager::open(config).await.expect("opens");
        let password = manager.take_first_password().expect("made up");
        assert!(manager.take_first_password().is_none());
        assert_eq!(password.expose().len(), 64);
        let login = manager
            .login(LoginParams {
                user_name: "admin@internal".to_owned(),
                password: password.clone(),
                source: None,
                purpose: SessionPurpose::Portal,
                idle: None,
            })
            .await
            .expect("works");
        assert!(login.session.must_change_password);
        seen.push(password.expose().to_owned());
        manager.close().await;
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_second_manager_on_the_same_state_is_refused_at_once() {
    let site = Site::new().await;
    let mut config = Config::new(&site.directory.0);
    config.hypervisor = Some(site.host.clone());
    let refused = Manager::open(config).await.expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains("another manager"), "{refused}");
    assert!(site.manager.access().visible(&site.admin, ObjectId::System));
}
