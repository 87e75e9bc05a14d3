//! What the page's server answers, and to whom.

use http::Method;
use serde_json::json;
use tests::http::Client as SecureClient;

use super::site::{Folder, Page, flags};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_told_its_server_and_never_a_password() -> anyhow::Result<()> {
    let folder = Folder::new("about")?;
    std::fs::write(folder.file("password"), "c0rrect-horse\n")?;
    let asking = Page::of("spice://[::1]:5930")?;
    let about = asking.client().get("/saffron/view").await?.expect(200);
    assert_eq!(
        about.json(),
        json!({ "target": "spice://[::1]:5930", "password": true })
    );
    let knowing = Page::with(gateway::view::Flags {
        ticket_file: Some(folder.file("password").into()),
        ..flags("spice://vmhost.example:5930")
    })?;
    let client = knowing.client();
    let about = client.get("/saffron/view").await?.expect(200);
    assert_eq!(
        about.json(),
        json!({ "target": "spice://vmhost.example:5930", "password": false })
    );
    let ticket = client.post("/saffron/view/console", &json!({})).await?;
    assert!(!ticket.expect(200).text().contains("c0rrect-horse"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_of_a_secure_page() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let client = page.client();
    for (method, path, status) in [
        (Method::GET, "/saffron/view", 200),
        (Method::GET, "/saffron/health", 200),
        (Method::GET, "/nothing", 404),
        (Method::GET, "/ovirt-engine/api", 404),
        (Method::GET, "/saffron/live", 404),
        (Method::GET, "/saffron/session", 404),
        (Method::GET, "/admin/", 404),
        (Method::DELETE, "/saffron/view", 405),
        (Method::GET, "/saffron/view/console", 405),
        (Method::GET, "/assets/..%2f..%2fCargo.toml", 404),
    ] {
        let answer = client.send(method, path, &[], "").await?;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        for (header, part) in [
            ("content-security-policy", "default-src 'none'"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            let value = answer.header(header);
            assert!(value.contains(part), "{path}: {header} is {value:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_itself_is_there_or_said_to_be_missing() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let answer = page.client().get("/").await?;
    match answer.status {
        200 => {
            let text = answer.text();
            assert!(text.contains("data-view"), "{text}");
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(answer.header("cache-control"), "no-store");
            // What it names is there.
            let script = text
                .split('"')
                .find(|part| part.starts_with("/assets/start"))
                .expect("a script");
            let script = page.client().get(script).await?.expect(200);
            assert!(script.header("content-type").starts_with("text/javascript"));
        }
        503 => assert!(answer.text().contains("cargo xtask web"), "{answer:?}"),
        other => panic!("{other}: {}", answer.text()),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_elses_page_made_lead_here_is_refused() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let port = page.view.address().port();
    for host in [
        format!("evil.test:{port}"),
        "evil.test".to_owned(),
        format!("localhost.evil.test:{port}"),
        format!("192.0.2.1:{port}"),
        String::new(),
    ] {
        let mut rebound = page.client();
        // To the browser it is the evil page's own server.
        rebound.origin = Some(format!("http://{host}"));
        rebound.host.clone_from(&host);
        for path in ["/", "/saffron/view", "/assets/x.js"] {
            let answer = rebound.get(path).await?;
            assert_eq!(answer.status, 403, "{host} {path}");
        }
        let asked = rebound.post("/saffron/view/console", &json!({})).await?;
        assert_eq!(asked.status, 403, "{host}");
        assert_eq!(rebound.websocket().await?.err(), Some(403), "{host}");
    }
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
    ] {
        let mut own = page.client();
        own.host.clone_from(&host);
        own.origin = Some(format!("http://{host}"));
        own.get("/saffron/view").await?.expect(200);
        let asked = own.post("/saffron/view/console", &json!({})).await?;
        asked.expect(200);
        assert!(own.websocket().await?.is_ok(), "{host}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_gets_no_ticket_and_no_connection() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let own = page.client();
    for origin in [
        "http://evil.test",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
        &format!("https://{}", own.host),
        &format!("http://{}.evil.test", own.host),
    ] {
        let mut foreign = own.clone();
        foreign.origin = Some(origin.to_owned());
        let asked = foreign.post("/saffron/view/console", &json!({})).await?;
        assert_eq!(asked.status, 403, "{origin}");
        assert_eq!(foreign.websocket().await?.err(), Some(403), "{origin}");
    }
    let mut without = own.clone();
    without.origin = None;
    assert_eq!(
        without.websocket().await?.err(),
        Some(403),
        "a browser always says where a page is from"
    );
    let json = ("content-type", "application/json");
    for headers in [
        &[json][..],
        &[json, ("x-saffron", "0")],
        &[json, ("x-saffron", "1"), ("sec-fetch-site", "cross-site")],
        &[json, ("x-saffron", "1"), ("sec-fetch-site", "same-site")],
    ] {
        let asked = own
            .send(Method::POST, "/saffron/view/console", headers, "{}")
            .await?;
        assert_eq!(asked.status, 403, "{headers:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_password_is_refused_and_not_repeated() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let client = page.client();
    let path = "/saffron/view/console";
    client
        .post(path, &json!({ "password": "x".repeat(60) }))
        .await?
        .expect(200);
    client.post(path, &json!({})).await?.expect(200);
    let long = client
        .post(path, &json!({ "password": "x".repeat(61) }))
        .await?
        .expect(400);
    assert!(long.text().contains("at most 60 bytes"), "{}", long.text());
    let marked = [("content-type", "application/json"), ("x-saffron", "1")];
    for body in [
        "hunter2",
        "{\"password\":",
        "{\"password\":7}",
        "[\"hunter2\"]x",
        "\u{feff}{}",
    ] {
        let answer = client.send(Method::POST, path, &marked, body).await?;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.text().contains("hunter2"), "{}", answer.text());
    }
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-saffron", "1"),
    ];
    let answer = client.send(Method::POST, path, &form, "{}").await?;
    assert_eq!(answer.status, 400);
    let huge = "x".repeat(100_000);
    let answer = client.send(Method::POST, path, &marked, huge).await?;
    assert!([400, 413].contains(&answer.status), "{}", answer.status);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn anywhere_but_on_loopback_it_is_https() -> anyhow::Result<()> {
    let folder = Folder::new("https")?;
    let page = Page::with(gateway::view::Flags {
        listen: Some("0.0.0.0:0".to_owned()),
        state: Some(folder.0.clone()),
        names: vec!["screens.example".to_owned()],
        ..flags("spice://127.0.0.1:5930")
    })?;
    let port = page.view.address().port();
    assert_eq!(page.view.url(), format!("https://127.0.0.1:{port}/"));
    let ca = page.view.ca_pem().expect("an authority").to_owned();
    let there = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let client = SecureClient::new(there, &ca)?;
    client.get("/saffron/view").await.expect(200);
    let asked = client.post("/saffron/view/console", &json!({})).await;
    asked.expect(200);
    assert!(
        client
            .websocket("/saffron/console", "console.v1")
            .await
            .is_ok()
    );
    let foreign = client
        .websocket_from("/saffron/console", "console.v1", Some("https://evil.test"))
        .await;
    assert_eq!(foreign.err(), Some(403));
    for (host, status) in [("screens.example", 200), ("evil.test", 403)] {
        let answer = client
            .send(Method::GET, "/saffron/view", &[("host", host)], "")
            .await?;
        assert_eq!(answer.status, status, "{host}");
    }
    // In the open there is only the way to the other side.
    let mut plain = page.client();
    plain.host = format!("127.0.0.1:{port}");
    let answer = plain.get("/saffron/view").await?;
    assert_eq!(answer.status, 426);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_said() -> anyhow::Result<()> {
    let page = Page::of("spice://127.0.0.1:5930")?;
    let taken = page.view.address();
    let again = Page::with(gateway::view::Flags {
        listen: Some(taken.to_string()),
        ..flags("spice://127.0.0.1:5930")
    });
    let error = again.err().expect("nobody can have it twice").to_string();
    assert_eq!(error, format!("cannot listen on {taken}"));
    Ok(())
}
