//! The SPICE server's side: passwords, TLS, and what cannot be reached.

use std::time::Duration;

use anyhow::{Context, Result};
use gateway::view::Flags;
use spice_proxy::ChannelType;
use time::OffsetDateTime;

use super::site::{Easel, Folder, Page, flags, next};

const SCREEN: &str = "primary size=64,48";
const TICKET: &str = "ticket password=corr3ct seconds=0";
const WRONG: &str = "The password is wrong or has expired.";

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_opens_all_channels_and_a_wrong_one_none() -> Result<()> {
    let easel = Easel::new(&[], &[SCREEN, TICKET])?;
    let page = Page::of(&easel.address())?;
    let client = page.client();
    for wrong in ["", "c0rrect", "corr3ctx"] {
        let closed = client.main(wrong).await?.err();
        assert_eq!(closed, Some((4403, WRONG.to_owned())), "{wrong:?}");
    }
    let (mut main, welcome) = client.main("corr3ct").await?.expect("let in");
    assert_eq!(welcome.keys.len(), 16);
    // SPICE_MSG_MAIN_INIT begins with the session's number.
    let init = next(&mut main).await?.expect("a message");
    let id = init.get(6..10).context("no session number")?;
    let session = u32::from_le_bytes(id.try_into()?);
    let key = welcome.keys[0].0;
    let (display, more) = client
        .channel(key, ChannelType::DISPLAY, session)
        .await?
        .expect("let in");
    assert!(more.keys.is_empty());
    let again = client.channel(key, ChannelType::INPUTS, session).await?;
    assert_eq!(again.err().map(|closed| closed.0), Some(4403));
    // With the main channel everything ends.
    drop(main);
    let mut display = display;
    let closed = loop {
        if let Err(closed) = next(&mut display).await? {
            break closed;
        }
    };
    assert_eq!(closed.0, 4503, "{}", closed.1);
    let late = client
        .channel(welcome.keys[1].0, ChannelType::INPUTS, session)
        .await?;
    assert_eq!(late.err().map(|closed| closed.0), Some(4403));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_password_is_sent_whole() -> Result<()> {
    // The longest that libspice-server itself keeps whole.
    let password = &"0123456789".repeat(6)[..59];
    let ticket = format!("ticket password={password} seconds=0");
    let easel = Easel::new(&[], &[SCREEN, &ticket])?;
    let page = Page::of(&easel.address())?;
    assert!(page.client().main(password).await?.is_ok());
    let short = page.client().main(&password[..58]).await?;
    assert_eq!(short.err().map(|closed| closed.0), Some(4403));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_who_show_one_ticket_are_one_console() -> Result<()> {
    let easel = Easel::new(&[], &[SCREEN])?;
    let page = Page::of(&easel.address())?;
    let client = page.client();
    let ticket = client.ticket("").await?;
    let mut attempts = Vec::new();
    for _ in 0..50 {
        let client = client.clone();
        attempts.push(tokio::spawn(async move {
            client.channel(ticket, ChannelType::MAIN, 0).await
        }));
    }
    let mut open = Vec::new();
    for attempt in attempts {
        match attempt.await?? {
            Ok(channel) => open.push(channel),
            Err((code, reason)) => assert_eq!(code, 4403, "{reason}"),
        }
    }
    assert_eq!(open.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_has_any_number_of_tabs() -> Result<()> {
    // libspice-server lets the newest client in and ends the one before, so each has its own.
    let first = Easel::new(&[], &[SCREEN])?;
    let page = Page::of(&first.address())?;
    let client = page.client();
    let (mut one, _) = client.main("").await?.expect("let in");
    next(&mut one).await?.expect("a message");
    let (mut two, _) = client.main("").await?.expect("let in");
    next(&mut two).await?.expect("a message");
    let closed = loop {
        if let Err(closed) = next(&mut one).await? {
            break closed;
        }
    };
    assert_eq!(closed.0, 4503, "{}", closed.1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_a_file_is_used_and_read_anew_each_time() -> Result<()> {
    let easel = Easel::new(&[], &[SCREEN, TICKET])?;
    let folder = Folder::new("file")?;
    let file = folder.file("password");
    std::fs::write(&file, "corr3ct\n")?;
    let page = Page::with(Flags {
        ticket_file: Some(file.clone().into()),
        ..flags(&easel.address())
    })?;
    let client = page.client();
    assert!(client.main("whatever the page says").await?.is_ok());
    std::fs::write(&file, "changed\n")?;
    let (code, reason) = client.main("").await?.err().context("it was let in")?;
    assert_eq!(code, 4502, "nobody can be asked: {reason}");
    assert!(reason.contains("the password is wrong"), "{reason}");
    std::fs::remove_file(&file)?;
    let body = serde_json::json!({});
    let answer = client.post("/saffron/view/console", &body).await?;
    assert!(answer.expect(503).text().contains("password"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_tried_again_when_the_page_asks() -> Result<()> {
    let easel = Easel::new(&[], &[SCREEN])?;
    let port = easel.server.port().to_string();
    let page = Page::of(&easel.address())?;
    let client = page.client();
    assert!(client.main("").await?.is_ok());
    drop(easel);
    let (code, reason) = client.main("").await?.err().context("nobody is there")?;
    assert_eq!(code, 4502);
    assert!(reason.contains("nobody listens at its address"), "{reason}");
    let _again = Easel::new(&["--port", &port], &[SCREEN])?;
    assert!(client.main("").await?.is_ok());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_ends_says_goodbye() -> Result<()> {
    let easel = Easel::new(&[], &[SCREEN])?;
    let page = Page::of(&easel.address())?;
    let (mut main, _) = page.client().main("").await?.expect("let in");
    let goodbye = async {
        loop {
            if let Err(closed) = next(&mut main).await? {
                break anyhow::Ok(closed);
            }
        }
    };
    let (closed, ()) = tokio::join!(goodbye, page.view.shutdown());
    assert_eq!(closed?.0, 1001);
    Ok(())
}

/// A certificate for a SPICE server, and the authority that signed it, as files.
struct Certificate {
    folder: Folder,
}

impl Certificate {
    /// For this machine's loopback and `vmhost.example`, made so many days ago.
    fn made(days_ago: i64) -> Result<Self> {
        let folder = Folder::new("certificate")?;
        let then = OffsetDateTime::now_utc() - time::Duration::days(days_ago);
        gateway::tls::identity(&folder.0, &["vmhost.example".to_owned()], false, then)?;
        Ok(Self { folder })
    }

    fn authority(&self) -> String {
        self.folder.file("ca.pem")
    }

    /// A server with it, at this address.
    fn server(&self, address: &str) -> Result<Easel> {
        let [certificate, key] = ["server.pem", "server.key"].map(|name| self.folder.file(name));
        let authority = self.authority();
        Easel::new(
            &[
                "--address",
                address,
                "--tls",
                &certificate,
                &key,
                &authority,
            ],
            &[SCREEN, TICKET],
        )
    }
}

/// What becomes of a main channel over TLS.
async fn over_tls(
    host: &str,
    port: u16,
    authority: &str,
    subject: Option<&str>,
) -> Result<Result<(), (u16, String)>> {
    let page = Page::with(Flags {
        ca_file: Some(authority.into()),
        host_subject: subject.map(str::to_owned),
        ..flags(&format!("spice+tls://{host}:{port}"))
    })?;
    Ok(page.client().main("corr3ct").await?.map(|_| ()))
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_checked_and_each_failure_has_its_own_sentence() -> Result<()> {
    let good = Certificate::made(0)?;
    let foreign = Certificate::made(0)?;
    let old = Certificate::made(500)?;
    let server = good.server("127.0.0.1")?;
    let port = server.server.tls_port().context("no TLS")?;
    let authority = good.authority();

    assert_eq!(over_tls("127.0.0.1", port, &authority, None).await?, Ok(()));
    assert_eq!(over_tls("localhost", port, &authority, None).await?, Ok(()));
    let subject = "O=Saffron, CN=vmhost.example";
    assert_eq!(
        over_tls("127.0.0.1", port, &authority, Some(subject)).await?,
        Ok(())
    );

    let elsewhere = good.server("127.0.0.2")?;
    let other_port = elsewhere.server.tls_port().context("no TLS")?;
    // The subject takes the name's place.
    let named = over_tls("127.0.0.2", other_port, &authority, Some(subject)).await?;
    assert_eq!(named, Ok(()));
    let expired = old.server("127.0.0.1")?;
    let old_port = expired.server.tls_port().context("no TLS")?;
    let plain_port = server.server.port();

    let mut sentences = std::collections::BTreeSet::new();
    for (host, port, authority, subject, part) in [
        (
            "127.0.0.1",
            port,
            foreign.authority(),
            None,
            "not signed by an authority trusted here",
        ),
        (
            "127.0.0.2",
            other_port,
            good.authority(),
            None,
            "for another name",
        ),
        (
            "127.0.0.1",
            port,
            good.authority(),
            Some("O=Saffron,CN=other.example"),
            "has another subject",
        ),
        ("127.0.0.1", old_port, old.authority(), None, "has expired"),
        (
            "127.0.0.1",
            plain_port,
            good.authority(),
            None,
            "does not speak TLS",
        ),
    ] {
        let outcome = over_tls(host, port, &authority, subject).await?;
        let (code, reason) = outcome.err().context(part)?;
        assert_eq!(code, 4502, "{reason}");
        assert!(reason.contains(part), "{part}: {reason}");
        assert!(reason.ends_with('.'), "{reason}");
        sentences.insert(reason);
    }
    assert_eq!(sentences.len(), 5, "{sentences:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_one_over_tls_too() -> Result<()> {
    let certificate = Certificate::made(0)?;
    let server = certificate.server("127.0.0.1")?;
    let port = server.server.tls_port().context("no TLS")?;
    let page = Page::with(Flags {
        ca_file: Some(certificate.authority().into()),
        ..flags(&format!("spice+tls://127.0.0.1:{port}"))
    })?;
    let closed = page.client().main("wr0ng").await?.err();
    assert_eq!(closed, Some((4403, WRONG.to_owned())));
    // And a server that speaks TLS is not spoken with in the open.
    let plain = Page::of(&format!("spice://127.0.0.1:{port}"))?;
    let began = std::time::Instant::now();
    let (code, reason) = plain
        .client()
        .main("corr3ct")
        .await?
        .err()
        .context("it was let in")?;
    assert_eq!(code, 4502, "{reason}");
    assert!(began.elapsed() < Duration::from_secs(15), "{reason}");
    println!("in the open: {reason}");
    Ok(())
}
