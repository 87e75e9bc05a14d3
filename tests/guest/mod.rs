//! The whole way, on real parts: a machine made by the API on real libvirt and QEMU, its desktop in
//! a real browser, its keyboard and pointer, and what happens to the console when things break.

mod provisioning;

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tests::browser::{Browser, pictures};
use tests::http::Client;
use tests::real::RealSite;
use tests::site::PASSWORD;

const LIMIT: Duration = Duration::from_secs(30);

/// A picture's size and its pixels' red, green and blue.
type Picture = (u32, u32, Vec<u8>);

fn decode(file: &[u8]) -> Result<Picture> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let info = reader.next_frame(&mut pixels)?;
    let samples = info.color_type.samples();
    let rgb = pixels
        .chunks_exact(samples)
        .flat_map(|pixel| match *pixel {
            [grey] | [grey, _] => [grey; 3],
            [r, g, b, ..] => [r, g, b],
            [] => [0; 3],
        })
        .collect();
    Ok((info.width, info.height, rgb))
}

/// What libvirt says the guest shows.
async fn screenshot(admin: &Client, vm: &str) -> Result<Picture> {
    let answer = admin.get(&format!("/saffron/vms/{vm}/screenshot")).await;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    decode(&answer.body)
}

/// What the console's core in the browser holds; nothing while it connects anew.
fn picture(browser: &mut Browser) -> Result<Option<Picture>> {
    let file = pictures()?.join("console-picture.png");
    browser.tell(&json!(["picture", file]))?;
    let png = std::fs::read(file)?;
    if png.is_empty() {
        Ok(None)
    } else {
        decode(&png).map(Some)
    }
}

/// Waits until both are equal to the last pixel: what was drawn last may still be on its way.
async fn same_picture(browser: &mut Browser, admin: &Client, vm: &str) -> Result<Picture> {
    let began = Instant::now();
    loop {
        let theirs = screenshot(admin, vm).await?;
        let Some(ours) = picture(browser)? else {
            ensure!(began.elapsed() < LIMIT, "the console has no picture");
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if theirs == ours {
            return Ok(ours);
        }
        if began.elapsed() > LIMIT {
            let differing = theirs.2.iter().zip(&ours.2).filter(|(a, b)| a != b).count();
            bail!(
                "libvirt shows {}x{}, the console {}x{}; {differing} samples differ",
                theirs.0,
                theirs.1,
                ours.0,
                ours.1
            );
        }
    }
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let at = (y * picture.0 as usize + x) * 3;
    [picture.2[at], picture.2[at + 1], picture.2[at + 2]]
}

fn is(browser: &mut Browser, phase: &str) -> Result<()> {
    browser.tell(&json!(["console_is", phase])).map(drop)
}

fn statistics(browser: &mut Browser) -> Result<Value> {
    browser.tell(&json!(["statistics"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_guest_on_real_parts_is_seen_and_used_in_the_browser() -> Result<()> {
    let mut site = RealSite::new().await?;
    let admin = site.admin().await?;
    let (vm, serial) = site.tiny_guest(&admin, "tiny").await?;
    let mut browser = Browser::start()?;
    let origin = site.origin()?;

    browser.open(&format!("{origin}/admin/"))?;
    browser.screenshot("login")?;
    browser.log_in("admin@internal", PASSWORD)?;
    browser.tell(&json!(["see", "Overview"]))?;
    browser.open(&format!("{origin}/admin/vms"))?;
    browser.tell(&json!(["see", "tiny"]))?;
    browser.screenshot("vm-list")?;
    browser.open(&format!("{origin}/admin/vms/{vm}"))?;
    browser.tell(&json!(["see", "tiny"]))?;
    browser.screenshot("vm-page")?;
    browser.open(&format!("{origin}/user/"))?;
    browser.tell(&json!(["see", "tiny"]))?;
    browser.screenshot("user-portal")?;

    // The picture is the guest's, to the last pixel.
    browser.open(&format!("{origin}/admin/vms/{vm}/console?test"))?;
    is(&mut browser, "connected")?;
    serial.ask("fill 336699", "")?;
    serial.ask("rect 10 20 30 40 ffcc00", "")?;
    let began = Instant::now();
    let shown = loop {
        let shown = same_picture(&mut browser, &admin, &vm).await?;
        if pixel(&shown, 10, 20) == [0xff, 0xcc, 0x00] || began.elapsed() > LIMIT {
            break shown;
        }
    };
    assert_eq!(pixel(&shown, 10, 20), [0xff, 0xcc, 0x00]);
    assert_eq!(pixel(&shown, 39, 59), [0xff, 0xcc, 0x00]);
    assert_eq!(pixel(&shown, 40, 60), [0x33, 0x66, 0x99]);
    browser.screenshot("console")?;

    // Keys arrive as keys: KEY_A is 30, left Shift 42, in linux/input-event-codes.h.
    browser.tell(&json!(["key", "KeyA"]))?;
    let said = serial.wait_for(" 1 30 0", LIMIT)?;
    assert!(
        said.contains(" 1 30 1"),
        "a key that goes up went down before"
    );
    browser.tell(&json!(["key_down", "ShiftLeft"]))?;
    serial.wait_for(" 1 42 1", LIMIT)?;
    browser.tell(&json!(["blur"]))?;
    serial.wait_for(" 1 42 0", LIMIT)?;

    // The pointer is where it was put: BTN_LEFT is 272; the tablet's axes have 32768 steps.
    browser.tell(&json!(["click", shown.0 / 2, shown.1 / 4]))?;
    let said = serial.wait_for(" 1 272 0", LIMIT)?;
    let axis = |code: &str| {
        said.lines()
            .filter_map(|line| line.trim().strip_prefix("EV "))
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|parts| parts.len() == 4 && parts[1] == "3" && parts[2] == code)
            .filter_map(|parts| parts[3].parse::<i64>().ok())
            .next_back()
    };
    let near = |value: Option<i64>, wanted: i64| value.is_some_and(|it| (it - wanted).abs() < 100);
    assert!(near(axis("0"), 32768 / 2), "x {:?}", axis("0"));
    assert!(near(axis("1"), 32768 / 4), "y {:?}", axis("1"));

    // The guest restarts: the same tab goes on.
    let before = serial.said().matches("TINY-READY").count();
    site.act(&admin, &vm, "reset").await?;
    let began = Instant::now();
    while serial.said().matches("TINY-READY").count() == before {
        ensure!(
            began.elapsed() < Duration::from_secs(90),
            "the guest did not come back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    is(&mut browser, "connected")?;
    same_picture(&mut browser, &admin, &vm).await?;

    // The gateway restarts: the same tab goes on, and the guest never noticed.
    let connections = statistics(&mut browser)?["connections"]
        .as_f64()
        .unwrap_or_default();
    site.stop().await;
    site.start().await?;
    let began = Instant::now();
    loop {
        let now = statistics(&mut browser)?;
        if now["phase"] == "connected" && now["connections"].as_f64() > Some(connections) {
            break;
        }
        ensure!(
            began.elapsed() < Duration::from_secs(60),
            "the console did not come back: {now}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    same_picture(&mut browser, &admin, &vm).await?;
    let last = statistics(&mut browser)?;
    assert_eq!(last["errors"], 0, "{last}");
    Ok(())
}

/// The graphical installer that a newcomer sees first: another kind of guest, with a pointer of its
/// own and large changes of the picture.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_demo_machine_shows_debians_graphical_installer() -> Result<()> {
    let site = RealSite::with_demo().await?;
    let admin = site.admin().await?;
    let vm = loop {
        let list = admin.get("/ovirt-engine/api/vms").await.expect(200).json();
        match list["vm"][0]["id"].as_str() {
            Some(id) => break id.to_owned(),
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    };
    site.until_status(&admin, &vm, "up").await?;
    let mut browser = Browser::start()?;
    let origin = site.origin()?;
    browser.open(&format!("{origin}/admin/vms/{vm}/console?test"))?;
    browser.log_in("admin@internal", PASSWORD)?;
    is(&mut browser, "connected")?;

    // The installer's first page is there when most of the picture is its list of languages, and
    // it stands still.
    let began = Instant::now();
    let mut last = same_picture(&mut browser, &admin, &vm).await?;
    let first_page = loop {
        ensure!(
            began.elapsed() < Duration::from_secs(240),
            "the installer did not come up"
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = same_picture(&mut browser, &admin, &vm).await?;
        if now == last && has_list(&now) {
            break now;
        }
        last = now;
    };
    browser.screenshot("console-installer")?;

    // What is typed has its effect: the list of languages moves.
    browser.tell(&json!(["key", "ArrowDown"]))?;
    let began = Instant::now();
    loop {
        let now = same_picture(&mut browser, &admin, &vm).await?;
        if now != first_page {
            assert!(
                has_list(&now),
                "another language is marked in the same list"
            );
            break;
        }
        ensure!(
            began.elapsed() < LIMIT,
            "the key had no effect that can be seen"
        );
    }
    let last = statistics(&mut browser)?;
    assert_eq!(last["errors"], 0, "{last}");
    Ok(())
}

/// Whether a third of the picture has the colour that the installer's list of languages lies on.
fn has_list(picture: &Picture) -> bool {
    let paper = picture
        .2
        .chunks_exact(3)
        .filter(|pixel| *pixel == [248, 252, 248])
        .count();
    paper * 3 > picture.2.len() / 3
}
