//! The keyboard and the pointer, as far as the guest: by WebDriver, and by the real keys of a
//! keyboard with another layout.

use anyhow::{Result, ensure};
use tests::browsers::{Engine, Layout};

use super::stage::Stage;

super::in_every_browser! {
    keys_and_pointer_reach_the_guest;
    keys_are_places_whatever_is_printed_on_them;
    a_guest_without_a_tablet_takes_movements;
    keys_and_pointer_need_nothing_of_the_worker;
    keys_keep_their_order_while_pictures_flood_in;
}

/// WebDriver's code points of keys that have no letter.
const SHIFT: char = '\u{e008}';
const ARROW_DOWN: char = '\u{e015}';
const RIGHT_CONTROL: char = '\u{e051}';

async fn keys_and_pointer_reach_the_guest(engine: Engine) -> Result<()> {
    let mut stage = Stage::open(engine, &["primary size=640,400"]).await?;
    stage.visitor.real_focus()?;
    stage.focus()?;
    stage.visitor.keys(&[
        ('a', true),
        ('a', false),
        (SHIFT, true),
        ('z', true),
        ('z', false),
        (SHIFT, false),
        ('`', true),
        ('`', false),
        ('\\', true),
        ('\\', false),
        (ARROW_DOWN, true),
        (ARROW_DOWN, false),
        (RIGHT_CONTROL, true),
        (RIGHT_CONTROL, false),
    ])?;
    stage.until_guest_had(&[
        "key 1e", "key 9e", "key 2a", "key 2c", "key ac", "key aa", "key 29", "key a9", "key 2b",
        "key ab", "key e0", "key 50", "key e0", "key d0", "key e0", "key 1d", "key e0", "key 9d",
    ])?;

    // A key that is down when the picture loses the keyboard does not stay down.
    stage.visitor.keys(&[('q', true)])?;
    stage.until_guest_had(&["key 10"])?;
    stage
        .visitor
        .run("document.getElementById('picture').blur()")?;
    stage.until_guest_had(&["key 10", "key 90"])?;
    stage.visitor.keys(&[('q', false)])?;

    let [left, top, ..] = stage.canvas()?;
    stage.visitor.point(left + 320, top + 200)?;
    stage.until_guest_had(&["position 320 200 0"])?;
    stage.visitor.button(true)?;
    stage.visitor.point(left + 330, top + 210)?;
    stage.until_guest_had(&["position 330 210 1"])?;
    stage.visitor.button(false)?;
    stage.forget_guest();
    stage.visitor.wheel(left + 330, top + 210, 120)?;
    stage.until_guest_had(&["wheel 1 0"])?;
    stage.visitor.wheel(left + 330, top + 210, -120)?;
    stage.until_guest_had(&["wheel -1 0"])?;
    let figures = stage.statistics()?;
    ensure!(figures["errors"] == 0, "{figures}");
    stage.close().await
}

/// Keys of a German keyboard, by their numbers in X.
const BESIDE_LEFT_SHIFT: u8 = 94;
const LETTER_Z_BETWEEN_T_AND_U: u8 = 29;
const CARET_BELOW_ESCAPE: u8 = 49;
const SHARP_S: u8 = 20;
const ALT_GR: u8 = 108;

async fn keys_are_places_whatever_is_printed_on_them(engine: Engine) -> Result<()> {
    let setup = ["primary size=320,240"];
    let mut stage = Stage::with_layout(engine, Layout::German, &setup).await?;
    stage.focus()?;
    stage.visitor.real_focus()?;
    for (key, wanted) in [
        (BESIDE_LEFT_SHIFT, ["key 56", "key d6"].as_slice()),
        (LETTER_Z_BETWEEN_T_AND_U, &["key 15", "key 95"]),
        // A dead key: it makes no letter until the next one.
        (CARET_BELOW_ESCAPE, &["key 29", "key a9"]),
        (SHARP_S, &["key 0c", "key 8c"]),
        (ALT_GR, &["key e0", "key 38", "key e0", "key b8"]),
    ] {
        stage.forget_guest();
        stage.visitor.real_key(key)?;
        stage.until_guest_had(wanted)?;
        let had = stage.guest.lock().unwrap().clone();
        let keys = had.iter().filter(|event| event.starts_with("key "));
        ensure!(
            keys.clone().eq(wanted),
            "key {key}: the guest had {had:?}, not {wanted:?}"
        );
    }
    stage.close().await
}

async fn a_guest_without_a_tablet_takes_movements(engine: Engine) -> Result<()> {
    let setup = ["tablet present=0", "primary size=320,240"];
    let mut stage = Stage::open(engine, &setup).await?;
    stage
        .visitor
        .until("return (await saffron.statistics()).clientMouse === false")?;
    // The window's content begins somewhere on the screen; a click in its middle is in the picture.
    stage.visitor.real_focus()?;
    let [left, top, width, height] = stage.canvas()?;
    let window = stage.visitor.run(
        "return [screenX + (outerWidth - innerWidth), screenY + (outerHeight - innerHeight)]",
    )?;
    let (x, y) = (
        window[0].as_f64().unwrap_or_default() as i64 + left + width / 2,
        window[1].as_f64().unwrap_or_default() as i64 + top + height / 2,
    );
    stage.visitor.real_click(x, y)?;
    stage
        .visitor
        .until("return document.pointerLockElement?.id === 'picture'")?;
    stage.forget_guest();
    stage.visitor.real_motion(5, -3)?;
    let began = std::time::Instant::now();
    let (mut dx, mut dy) = (0, 0);
    while (dx, dy) != (5, -3) {
        (dx, dy) = (0, 0);
        for event in stage.guest.lock().unwrap().iter() {
            let words: Vec<&str> = event.split(' ').collect();
            if let ["motion", x, y, ..] = words.as_slice() {
                dx += x.parse::<i32>()?;
                dy += y.parse::<i32>()?;
            }
        }
        ensure!(
            began.elapsed() < tests::browsers::PATIENCE,
            "the guest's pointer moved by {dx}, {dy}"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    stage.close().await
}

async fn keys_and_pointer_need_nothing_of_the_worker(engine: Engine) -> Result<()> {
    let mut stage = Stage::open(engine, &["primary size=640,400"]).await?;
    stage.visitor.real_focus()?;
    stage.focus()?;
    // From here on the worker hears nothing of the page, as if it were in the middle of a picture.
    stage.visitor.run(
        "globalThis.workersOwn = Worker.prototype.postMessage;
         Worker.prototype.postMessage = () => {};",
    )?;
    stage
        .visitor
        .keys(&[('a', true), ('b', true), ('b', false)])?;
    let [left, top, ..] = stage.canvas()?;
    stage.visitor.point(left + 320, top + 200)?;
    stage.visitor.button(true)?;
    stage.visitor.button(false)?;
    stage
        .visitor
        .run("document.getElementById('picture').blur()")?;
    stage.until_guest_had(&["key 1e", "key 30", "key b0", "key 9e"])?;
    stage.until_guest_had(&["position 320 200 0", "position 320 200 1", "buttons 0"])?;
    stage
        .visitor
        .run("Worker.prototype.postMessage = globalThis.workersOwn")?;
    let figures = stage.statistics()?;
    let channels = figures["channels"].as_array().into_iter().flatten();
    let names: Vec<_> = channels.map(|channel| &channel["name"]).collect();
    ensure!(
        names == ["main 0", "display 0", "inputs 0", "cursor 0"],
        "{figures}"
    );
    ensure!(figures["channels"][2]["state"] == "open", "{figures}");
    ensure!(figures["errors"] == 0, "{figures}");
    stage.close().await
}

/// The letters of the home row, and what their keys make when they go down.
const LETTERS: [(char, u8); 9] = [
    ('a', 0x1e),
    ('s', 0x1f),
    ('d', 0x20),
    ('f', 0x21),
    ('g', 0x22),
    ('h', 0x23),
    ('j', 0x24),
    ('k', 0x25),
    ('l', 0x26),
];

async fn keys_keep_their_order_while_pictures_flood_in(engine: Engine) -> Result<()> {
    let setup = ["compression mode=quic", "primary size=1280,800"];
    let mut stage = Stage::open(engine, &setup).await?;
    stage.visitor.real_focus()?;
    stage.focus()?;
    stage.draw("scene name=photo seconds=600")?;
    let pictures = |figures: &serde_json::Value| figures["images"]["quic"].as_f64();
    stage
        .visitor
        .until("return (await saffron.statistics()).images.quic > 3")?;
    stage.forget_guest();
    let before = pictures(&stage.statistics()?);
    let mut wanted = Vec::new();
    for round in 0..10 {
        let mut keys = Vec::new();
        for place in 0..LETTERS.len() {
            // Another order each time.
            let (letter, code) = LETTERS[(place * (round % 3 + 1) + round) % LETTERS.len()];
            keys.extend([(letter, true), (letter, false)]);
            wanted.extend([
                format!("key {code:02x}"),
                format!("key {:02x}", code | 0x80),
            ]);
        }
        stage.visitor.keys(&keys)?;
    }
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    stage.until_guest_had(&wanted)?;
    let had = stage.guest.lock().unwrap().clone();
    ensure!(
        !had.iter().any(|event| event.starts_with("scene ")),
        "{engine:?}: the flood was over before the keys were"
    );
    let had_keys = had.iter().map(String::as_str);
    let keys = had_keys.filter(|event| event.starts_with("key "));
    ensure!(
        keys.eq(wanted.iter().copied()),
        "{engine:?}: more keys arrived than were pressed: {had:?}"
    );
    let after = pictures(&stage.statistics()?);
    ensure!(after > before, "{engine:?}: {before:?} {after:?}");
    stage.draw("scene_stop")?;
    stage.until_guest_said("scene photo ")?;
    stage.until_exact()?;
    stage.close().await
}
