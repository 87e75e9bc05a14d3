//! The listening socket and what every answer carries, whoever asks for whatever.

use std::time::Duration;

use gateway::connection::Limits;
use http::Method;
use tests::http::Client;
use tests::site::TestSite;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HEADERS: [(&str, &str); 8] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000"),
    ("content-security-policy", "default-src 'none'"),
    ("permissions-policy", "camera=()"),
];

/// Sends bytes on a TLS connection of its own and reads what comes until the end.
async fn raw(client: &Client, bytes: &[u8]) -> String {
    let mut stream = client.connect().await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn every_kind_of_answer_carries_the_security_headers() {
    let site = TestSite::new().await;
    let admin = site.admin().await;
    let stranger = site.stranger();
    let long = "x".repeat(2 * 1024 * 1024);
    let json = [("content-type", "application/json"), ("x-saffron", "1")];
    for (client, method, path, body, status) in [
        (&stranger, Method::GET, "/saffron/health", "", 200),
        (&stranger, Method::GET, "/nothing/here", "", 404),
        (&stranger, Method::GET, "/assets/nothing.js", "", 404),
        (&stranger, Method::DELETE, "/saffron/health", "", 405),
        (&stranger, Method::GET, "/ovirt-engine/api", "", 401),
        (&stranger, Method::GET, "/saffron/session", "", 401),
        (&admin, Method::GET, "/ovirt-engine/webadmin", "", 308),
        (&admin, Method::POST, "/saffron/session", "{", 400),
        (&admin, Method::POST, "/saffron/session", &long, 413),
        (&admin, Method::GET, "/saffron/live", "", 403),
        (
            &admin,
            Method::GET,
            "/saffron/vms/no-id/screenshot",
            "",
            404,
        ),
        (&stranger, Method::GET, "/images/0123", "", 404),
    ] {
        let answer = client
            .send(method.clone(), path, &json, body.to_owned())
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        for (name, part) in HEADERS {
            let value = answer.header(name);
            assert!(value.contains(part), "{method} {path}: {name} is {value:?}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{policy}"
        );
        assert!(
            !answer.header("correlation-id").is_empty(),
            "{method} {path}"
        );
    }
    site.close().await;
}

#[tokio::test]
async fn a_get_that_announces_a_body_is_answered_without_it() {
    let site = TestSite::new().await;
    let request = b"GET /saffron/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n";
    let answer = tokio::time::timeout(Duration::from_secs(5), raw(&site.stranger(), request)).await;
    let answer = answer.expect("answered and closed at once");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Or the next request on this connection would be taken for that body.
    assert!(
        answer.to_ascii_lowercase().contains("connection: close"),
        "{answer}"
    );
    let honest = b"GET /saffron/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let waiting = tokio::time::timeout(Duration::from_secs(1), raw(&site.stranger(), honest)).await;
    assert!(
        waiting.is_err(),
        "a connection without such a request stays open"
    );
}

#[tokio::test]
async fn a_head_of_more_than_16_kib_is_refused() {
    let site = TestSite::new().await;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n",
        "x".repeat(17 * 1024)
    );
    let answer = raw(&site.stranger(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn whoever_sends_a_head_byte_by_byte_is_dropped_while_others_are_served() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let began = std::time::Instant::now();
    let slow: Vec<_> = (0..50)
        .map(|_| {
            let client = stranger.clone();
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(client.connect().await.unwrap());
                let trickle = async {
                    for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "
                        .iter()
                        .cycle()
                    {
                        if write.write_all(&[*byte]).await.is_err() || write.flush().await.is_err()
                        {
                            return;
                        }
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                };
                let mut end = [0; 64];
                tokio::select! {
                    () = trickle => {}
                    _ = read.read(&mut end) => {}
                }
            })
        })
        .collect();
    let normal = stranger.get("/saffron/health").await;
    assert_eq!(normal.status, 200);
    for slow in slow {
        slow.await.unwrap();
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(13), "{took:?}");
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_no_more() {
    let site = TestSite::with_limits(Limits {
        per_address: 3,
        total: 100,
    })
    .await;
    let stranger = site.stranger();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(stranger.connect().await.unwrap());
    }
    assert!(stranger.connect().await.is_err(), "a fourth is refused");
    drop(held.pop());
    let mut free = false;
    for _ in 0..50 {
        if stranger.connect().await.is_ok() {
            free = true;
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(free, "a place that was left is free again");
}

#[tokio::test]
async fn plain_http_is_sent_to_https_or_refused() {
    let site = TestSite::new().await;
    let address = site.stranger().address();
    let ask = |request: String| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let host = format!("Host: localhost:{}\r\n\r\n", address.port());
    let page = ask(format!("GET /admin/vms HTTP/1.1\r\n{host}")).await;
    assert!(page.starts_with("HTTP/1.1 308"), "{page}");
    assert!(
        page.contains(&format!(
            "location: https://localhost:{}/admin/vms",
            address.port()
        )),
        "{page}"
    );
    let api = ask(format!("GET /ovirt-engine/api HTTP/1.1\r\n{host}")).await;
    assert!(
        api.starts_with("HTTP/1.1 426") && api.contains("use https://"),
        "{api}"
    );
    let login = ask(format!(
        "POST /saffron/session HTTP/1.1\r\nContent-Length: 0\r\n{host}"
    ))
    .await;
    assert!(login.starts_with("HTTP/1.1 426"), "{login}");
    let path = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA";
    let ca = ask(format!("GET {path} HTTP/1.1\r\n{host}")).await;
    assert!(ca.contains("BEGIN CERTIFICATE"), "{ca}");
    let split = ask(format!(
        "GET //evil.test/%0d%0aSet-Cookie:x HTTP/1.1\r\n{host}"
    ))
    .await;
    let own = format!("location: https://localhost:{}//evil.test/", address.port());
    assert!(
        split.contains(&own) && !split.to_lowercase().contains("\r\nset-cookie"),
        "{split}"
    );
}

#[tokio::test]
async fn the_authority_is_given_to_anybody() {
    let site = TestSite::new().await;
    let stranger = site.stranger();
    let path = "/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA";
    let answer = stranger.get(path).await.expect(200);
    assert!(answer.text().starts_with("-----BEGIN CERTIFICATE-----"));
    stranger
        .get("/ovirt-engine/services/pki-resource?resource=private-key")
        .await
        .expect(404);
}

#[tokio::test]
async fn clients_that_break_http2s_rules_are_not_offered_it() {
    // libgovirt announces a body with its GETs that never comes.
    let site = TestSite::new().await;
    let chosen = site
        .stranger()
        .negotiated(&["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(chosen.as_deref(), Some("http/1.1"));
}
