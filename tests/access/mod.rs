//! Who is let in, and by what: logins, sessions, cookies, tokens, basic authentication.

use http::Method;
use manager::Caller;
use manager::model::{ObjectId, Role};
use serde_json::json;
use tests::http::{Answer, Client};
use tests::site::{PASSWORD, TestSite};

async fn try_login(client: &Client, name: &str, password: &str) -> Answer {
    client
        .post(
            "/saffron/session",
            &json!({ "username": name, "password": password }),
        )
        .await
}

async fn form(client: &Client, path: &str, form: &str) -> Answer {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
    ];
    client
        .send(Method::POST, path, &headers, form.to_owned())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let wrong = try_login(&stranger, "admin@internal", "wrong-password")
        .await
        .expect(401);
    let unknown = try_login(&stranger, "nobody@internal", "wrong-password")
        .await
        .expect(401);
    let sentence = |answer: &Answer, name: &str| {
        answer.json()["error"]
            .as_str()
            .unwrap()
            .replace(name, "NAME")
    };
    assert_eq!(
        sentence(&wrong, "admin@internal"),
        sentence(&unknown, "nobody@internal")
    );
    assert!(stranger.cookies().is_empty());
}

#[tokio::test]
async fn an_address_that_fails_too_often_must_wait_and_others_need_not() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let mut delayed = None;
    for number in 0..40 {
        let answer = try_login(
            &stranger,
            &format!("user{number}@internal"),
            "wrong-password",
        )
        .await;
        if answer.status == 429 {
            delayed = Some(answer);
            break;
        }
        assert_eq!(answer.status, 401);
    }
    let delayed = delayed.expect("40 failures are too many");
    assert!(delayed.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(
        delayed.json()["error"]
            .as_str()
            .unwrap()
            .contains("Try again in")
    );
}

#[tokio::test]
async fn the_portals_cookie_is_one_that_no_other_page_can_use_or_plant() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    stranger.set_cookie("__Host-saffron", "planted");
    let answer = try_login(&stranger, "admin@internal", PASSWORD)
        .await
        .expect(200);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-saffron="), "{cookie}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("planted"), "the token is new");
    let me = stranger.get("/saffron/session").await.expect(200).json();
    assert_eq!(me["user"]["name"], "admin@internal-authz");
    assert_eq!(me["administrator"], true);
    let planted = site.stranger();
    planted.set_cookie("__Host-saffron", "planted");
    planted.get("/saffron/session").await.expect(401);
}

#[tokio::test]
async fn a_new_login_and_a_logout_end_the_session_before() {
    let site = TestSite::new().await;
    let client = site.admin().await;
    let before = client.cookies();
    try_login(&client, "admin@internal", PASSWORD)
        .await
        .expect(200);
    assert_ne!(client.cookies(), before);
    let old = site.stranger();
    for (name, value) in before {
        old.set_cookie(&name, &value);
    }
    old.get("/saffron/session").await.expect(401);
    let kept = client.cookies();
    client
        .json(Method::DELETE, "/saffron/session", &json!({}))
        .await
        .expect(200);
    assert!(client.cookies().is_empty(), "the cookie is taken away");
    for (name, value) in kept {
        client.set_cookie(&name, &value);
    }
    client.get("/saffron/session").await.expect(401);
}

#[tokio::test]
async fn a_session_ends_when_it_was_not_used_for_half_an_hour() {
    let site = TestSite::new().await;
    let client = site.admin().await;
    site.clock.advance(std::time::Duration::from_secs(29 * 60));
    client.get("/saffron/session").await.expect(200);
    site.clock.advance(std::time::Duration::from_secs(31 * 60));
    client.get("/saffron/session").await.expect(401);
}

#[tokio::test]
async fn a_changed_password_ends_every_session_but_gives_a_new_one() {
    let site = TestSite::new().await;
    site.person("eva", Role::USER_ROLE, ObjectId::System).await;
    let here = site.login("eva@internal", PASSWORD).await;
    let there = site.login("eva@internal", PASSWORD).await;
    let path = "/saffron/session/password";
    here.post(
        path,
        &json!({ "old": "wrong", "new": "another-horse-battery" }),
    )
    .await
    .expect(400);
    here.post(path, &json!({ "old": PASSWORD, "new": "short" }))
        .await
        .expect(400);
    let change = json!({ "old": PASSWORD, "new": "another-horse-battery" });
    here.post(path, &change).await.expect(200);
    here.get("/saffron/session").await.expect(200);
    there.get("/saffron/session").await.expect(401);
    try_login(&site.stranger(), "eva@internal", PASSWORD)
        .await
        .expect(401);
}

#[tokio::test]
async fn whoever_must_change_the_password_can_do_nothing_else() {
    let site = TestSite::new().await;
    let params = manager::UserAddParams {
        user_name: "eva@internal".to_owned(),
        name: "Eva".to_owned(),
        last_name: String::new(),
        email: String::new(),
        department: String::new(),
        password: Some(manager::model::Secret::new(PASSWORD)),
        must_change_password: true,
    };
    let user = site
        .manager()
        .user_add(&Caller::system(), params)
        .await
        .unwrap()
        .id;
    site.give(user, Role::SUPER_USER, ObjectId::System).await;
    let eva = site.login("eva@internal", PASSWORD).await;
    assert_eq!(
        eva.get("/saffron/session").await.expect(200).json()["must_change_password"],
        true
    );
    let refused = eva.get("/ovirt-engine/api").await.expect(403);
    assert!(
        refused.text().contains("Change your password first"),
        "{}",
        refused.text()
    );
    eva.get("/saffron/vms/00000000-0000-0000-0000-000000000001/screenshot")
        .await
        .expect(403);
    assert_eq!(
        eva.websocket("/saffron/live", "live.v1").await.err(),
        Some(403)
    );
    assert_eq!(
        eva.websocket("/saffron/console", "console.v1").await.err(),
        Some(403)
    );
    let change = json!({ "old": PASSWORD, "new": "another-horse-battery" });
    eva.post("/saffron/session/password", &change)
        .await
        .expect(200);
    eva.get("/ovirt-engine/api").await.expect(200);
}

#[tokio::test]
async fn a_foreign_page_can_change_nothing_with_somebodys_cookie() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let admin = site.stranger();
    try_login(&admin, "admin@internal", PASSWORD)
        .await
        .expect(200);
    let revision = || {
        let inventory = site.manager().inventory();
        (
            inventory.vms.len(),
            inventory.users.len(),
            inventory.jobs.len(),
        )
    };
    let before = revision();
    let paths = [
        (Method::POST, "/saffron/session".to_owned()),
        (Method::DELETE, "/saffron/session".to_owned()),
        (Method::POST, "/saffron/session/password".to_owned()),
        (Method::POST, format!("/saffron/vms/{vm}/console")),
        (Method::POST, "/ovirt-engine/api/vms".to_owned()),
        (Method::PUT, format!("/ovirt-engine/api/vms/{vm}")),
        (Method::DELETE, format!("/ovirt-engine/api/vms/{vm}")),
        (Method::POST, format!("/ovirt-engine/api/vms/{vm}/start")),
        (Method::POST, "/ovirt-engine/api/users".to_owned()),
    ];
    let origin = admin.origin();
    for (method, path) in &paths {
        for headers in [
            vec![
                ("content-type", "text/plain"),
                ("origin", "https://evil.test"),
            ],
            vec![("content-type", "application/json")],
            vec![("x-saffron", "1"), ("origin", "https://evil.test")],
            vec![("x-saffron", "1"), ("origin", "null")],
            vec![
                ("x-saffron", "1"),
                ("origin", origin.as_str()),
                ("sec-fetch-site", "cross-site"),
            ],
            vec![("x-saffron", "1"), ("sec-fetch-site", "same-site")],
        ] {
            let answer = admin
                .send(method.clone(), path, &headers, "{}")
                .await
                .unwrap();
            assert_eq!(
                answer.status,
                403,
                "{method} {path} with {headers:?}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(revision(), before, "nothing has changed");
    admin.get("/saffron/session").await.expect(200);
}

#[tokio::test]
async fn every_route_refuses_a_stranger() {
    let site = TestSite::new().await;
    let vm = site.vm("web1").await;
    let stranger = site.stranger().with("x-saffron", "1");
    let mut open = Vec::new();
    let paths = [
        "/ovirt-engine/api".to_owned(),
        "/ovirt-engine/api/".to_owned(),
        "/ovirt-engine/api;max=1".to_owned(),
        "/ovirt-engine/api/v4/vms".to_owned(),
        "/ovirt-engine/api/vms;max=1".to_owned(),
        "/ovirt-engine/api/nothing".to_owned(),
        format!("/ovirt-engine/api/vms/{vm}"),
        format!("/ovirt-engine/api/vms/{vm}/start"),
        "/saffron/session".to_owned(),
        "/saffron/session/password".to_owned(),
        format!("/saffron/vms/{vm}/console"),
        format!("/saffron/vms/{vm}/screenshot"),
        "/images/0123456789abcdef".to_owned(),
        "/images/0123456789abcdef/extents".to_owned(),
    ];
    for path in &paths {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
        ] {
            let body = json!({ "username": "x", "password": "y", "old": "x", "new": "y" });
            let answer = stranger.json(method.clone(), path, &body).await;
            if answer.status < 400 {
                open.push(format!("{method} {path} → {}", answer.status));
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    for (path, protocol) in [
        ("/saffron/live", "live.v1"),
        ("/saffron/console", "console.v1"),
    ] {
        assert_eq!(
            stranger.websocket(path, protocol).await.err(),
            Some(401),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_websocket_takes_a_foreign_origin_whoever_is_logged_in() {
    let site = TestSite::new().await;
    let admin = site.admin().await;
    let port = admin.address().port();
    for (path, protocol) in [
        ("/saffron/live", "live.v1"),
        ("/saffron/console", "console.v1"),
    ] {
        for origin in [
            None,
            Some("null".to_owned()),
            Some("https://evil.test".to_owned()),
            Some(format!("https://localhost:{}", port.wrapping_add(1))),
            Some(format!("https://localhost:{port}.evil.test")),
            Some(format!("https://LOCALHOST:{port}")),
            Some(format!("http://localhost:{port}")),
        ] {
            let refused = admin
                .websocket_from(path, protocol, origin.as_deref())
                .await
                .err();
            assert_eq!(refused, Some(403), "{path} from {origin:?}");
        }
        assert_eq!(
            admin.websocket(path, "another.v1").await.err(),
            Some(400),
            "{path}"
        );
        assert!(admin.websocket(path, protocol).await.is_ok(), "{path}");
    }
}

#[tokio::test]
async fn sdks_get_a_token_use_it_and_end_it() {
    let site = TestSite::new().await;
    let client = site.token("admin@internal").await;
    client.get("/ovirt-engine/api").await.expect(200);
    let token = {
        let stranger = site.stranger();
        let path = format!(
            "/ovirt-engine/sso/oauth/token?grant_type=password&scope=ovirt-app-api&\
             username=admin%40internal&password={PASSWORD}"
        );
        let answer = form(&stranger, &path, "").await.expect(200).json();
        assert_eq!(answer["token_type"], "bearer");
        assert_eq!(answer["exp"], "9223372036854775807");
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let bearer = site
        .stranger()
        .with("authorization", &format!("Bearer {token}"));
    bearer.get("/ovirt-engine/api").await.expect(200);
    let stranger = site.stranger();
    let info = form(
        &stranger,
        "/ovirt-engine/sso/oauth/token-info",
        &format!("token={token}"),
    )
    .await;
    assert_eq!(info.expect(200).json()["user_id"], "admin@internal");
    let end = format!("scope=ovirt-app-api&token={token}");
    form(&stranger, "/ovirt-engine/services/sso-logout", &end)
        .await
        .expect(200);
    let dead = bearer.get("/ovirt-engine/api").await.expect(401);
    assert_eq!(dead.header("www-authenticate"), "Basic realm=\"RESTAPI\"");
    assert!(dead.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn what_is_wrong_with_a_token_request_has_oauths_word_for_it() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let path = "/ovirt-engine/sso/oauth/token";
    for (request, code) in [
        (
            "grant_type=password&scope=ovirt-app-api&username=x%40internal&password=y",
            "access_denied",
        ),
        ("grant_type=password&scope=ovirt-app-api", "invalid_request"),
        ("scope=ovirt-app-api", "invalid_request"),
        (
            "grant_type=magic&scope=ovirt-app-api",
            "unsupported_grant_type",
        ),
    ] {
        let answer = form(&stranger, path, request).await.expect(400).json();
        assert_eq!(answer["error_code"], code, "{request}: {answer}");
        assert!(answer["error"].is_string());
    }
    let other = format!("grant_type=password&username=admin%40internal&password={PASSWORD}");
    let answer = form(&stranger, path, &other).await.expect(400).json();
    assert_eq!(answer["error"], "invalid_scope");
    assert!(answer["error_description"].is_string());
}

/// `admin@internal` and the password, in base64.
fn basic(user: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{user}:{password}");
    let mut out = String::from("Basic ");
    for part in text.as_bytes().chunks(3) {
        let bits = part
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= part.len() {
                ALPHABET[index as usize] as char
            } else {
                '='
            });
        }
    }
    out
}

#[tokio::test]
async fn basic_authentication_works_per_request_or_with_a_cookie_that_was_asked_for() {
    let site = TestSite::new().await;
    let once = site
        .stranger()
        .with("authorization", &basic("admin@internal", PASSWORD));
    let answer = once.get("/ovirt-engine/api").await.expect(200);
    assert_eq!(answer.header("set-cookie"), "", "nobody asked to stay");
    let wrong = site
        .stranger()
        .with("authorization", &basic("admin@internal", "wrong-one"));
    wrong.get("/ovirt-engine/api").await.expect(401);

    let staying = site.stranger().with("prefer", "persistent-auth");
    let authorization = basic("admin@internal", PASSWORD);
    let headers = [("authorization", authorization.as_str())];
    let first = staying
        .send(Method::GET, "/ovirt-engine/api", &headers, "")
        .await
        .unwrap()
        .expect(200);
    assert!(
        first.header("set-cookie").starts_with("JSESSIONID="),
        "{}",
        first.header("set-cookie")
    );
    assert!(
        first
            .header("set-cookie")
            .contains("Path=/ovirt-engine/api")
    );
    staying.get("/ovirt-engine/api").await.expect(200);
    let leaving = site.stranger();
    for (name, value) in staying.cookies() {
        leaving.set_cookie(&name, &value);
    }
    leaving.get("/ovirt-engine/api").await.expect(200);
    staying.get("/ovirt-engine/api").await.expect(401);
}

#[tokio::test]
async fn our_own_pages_get_401_without_the_browsers_login_box() {
    let site = TestSite::new().await;
    let answer = site
        .stranger()
        .with("x-saffron", "1")
        .get("/ovirt-engine/api")
        .await
        .expect(401);
    assert_eq!(answer.header("www-authenticate"), "");
}
