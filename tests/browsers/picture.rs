//! The picture: exact in the console's core, exact on the canvas, through changes of the screen and
//! through a lost connection.

use anyhow::{Result, ensure};
use tests::browsers::Engine;

use super::stage::Stage;

super::in_every_browser! {
    the_picture_is_the_servers_to_the_last_pixel;
    the_console_comes_back_by_itself;
}

/// One of each kind of operation and of picture.
const DRAWING: &[&str] = &[
    "fill box=0,0,640,400 colour=0x336699",
    "image name=1 format=32 size=200,150 pattern=photo seed=3",
    "copy box=10,10,200,150 image=1",
    "compression mode=quic",
    "image name=2 format=24 size=120,90 pattern=noise seed=4",
    "copy box=220,10,120,90 image=2",
    "compression mode=lz",
    "image name=3 format=8 size=100,100 pattern=text seed=5",
    "copy box=350,10,100,100 image=3",
    "compression mode=glz",
    "image name=4 format=32 size=180,120 pattern=text seed=6",
    "copy box=450,200,180,120 image=4",
    "copy box=450,60,180,120 image=4",
    "image name=5 format=rgba size=64,64 pattern=alpha seed=7",
    "alpha_blend box=300,180,64,64 image=5 alpha=200",
    "copy_bits box=20,250,200,120 at=10,10",
    "invert box=40,40,60,30",
    "rop3 box=240,120,80,60 image=2 colour=0x00ff00 rop=0x96",
    "blackness box=600,380,20,10",
    "whiteness box=560,380,20,10",
    "copy box=300,260,100,80 image=1 scale=1",
];

async fn the_picture_is_the_servers_to_the_last_pixel(engine: Engine) -> Result<()> {
    let mut stage = Stage::open(engine, &["primary size=640,400"]).await?;
    for command in DRAWING {
        stage.draw(command)?;
    }
    let drawn = stage.until_exact()?;
    let colours: std::collections::HashSet<&[u8]> = drawn.rgb.chunks_exact(3).collect();
    ensure!(colours.len() > 1000, "there is something to compare");

    // What is on the canvas is what a person sees: the part that no control of the page covers.
    stage.visitor.run(&two_frames())?;
    let [left, top, width, height] = stage.canvas()?;
    ensure!((width, height) == (640, 400), "a pixel is a pixel");
    let (left, top) = (u32::try_from(left)?, u32::try_from(top)?);
    let seen = stage.visitor.screenshot()?;
    let name = format!("console-{engine:?}").to_lowercase();
    stage.visitor.keep_screenshot(&name)?;
    // A picture that has the keyboard has a frame of two pixels.
    let seen = seen.cut(left + 4, top + 150, 632, 246)?;
    let wanted = drawn.cut(4, 150, 632, 246)?;
    ensure!(
        seen.differing(&wanted) == 0,
        "{} of {} pixels of the canvas are wrong",
        seen.differing(&wanted),
        640 * 250
    );

    // Another resolution, as a guest's driver sets it.
    stage.draw("primary_destroy")?;
    stage.draw("primary size=800,600")?;
    stage.draw("image name=9 format=32 size=800,600 pattern=photo seed=9")?;
    stage.draw("copy box=0,0,800,600 image=9")?;
    stage.until_exact()?;
    let [_, _, width, height] = stage.canvas()?;
    ensure!(
        (width, height) == (800, 600),
        "the canvas follows the guest"
    );

    let figures = stage.statistics()?;
    ensure!(figures["errors"] == 0, "{figures}");
    ensure!(
        (figures["width"].as_u64(), figures["height"].as_u64()) == (Some(800), Some(600)),
        "{figures}"
    );
    // What the overlay and benchmarks read is there in every browser.
    for name in [
        "framesPainted",
        "bytesReceived",
        "displayMessages",
        "connectMs",
        "firstPaintMs",
        "lastPaintMs",
    ] {
        ensure!(figures[name].as_f64() > Some(0.0), "{name}: {figures}");
    }
    ensure!(
        figures["firstPaintMs"].as_f64() >= figures["connectMs"].as_f64()
            && figures["lastPaintMs"].as_f64() > figures["firstPaintMs"].as_f64(),
        "{figures}"
    );
    ensure!(
        figures["channels"].as_array().map(Vec::len) == Some(4),
        "{figures}"
    );
    stage.close().await
}

async fn the_console_comes_back_by_itself(engine: Engine) -> Result<()> {
    let setup = [
        "primary size=320,240",
        "fill box=0,0,320,240 colour=0x112233",
    ];
    let mut stage = Stage::open(engine, &setup).await?;
    stage.until_exact()?;
    let again = [
        "primary size=400,300",
        "fill box=0,0,400,300 colour=0x445566",
    ];
    stage.replace_server(&again)?;
    stage
        .visitor
        .until("return (await saffron.statistics()).connections >= 2")?;
    stage.until_connected()?;
    let drawn = stage.until_exact()?;
    ensure!((drawn.width, drawn.height) == (400, 300), "the new screen");

    // Keys go to the new guest.
    stage.focus()?;
    stage.visitor.keys(&[('a', true), ('a', false)])?;
    stage.until_guest_had(&["key 1e", "key 9e"])?;
    stage.close().await
}

/// A script that waits until what was drawn so far is on the screen.
fn two_frames() -> String {
    "for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);"
        .to_owned()
}
