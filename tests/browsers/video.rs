//! Video: what keeps changing in one place comes as a stream, is shown by whoever decodes it here,
//! and ends as the exact picture.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::browsers::{Engine, PATIENCE};

use super::stage::Stage;

super::in_every_browser! {
    motion_jpeg_is_shown;
    coded_video_is_shown_where_the_browser_decodes_it;
}

/// Frames that must have been shown.
const ENOUGH: f64 = 10.0;

async fn motion_jpeg_is_shown(engine: Engine) -> Result<()> {
    let figures = film(engine, "spice:mjpeg").await?;
    ensure!(figures["codec"] == "mjpeg", "{figures}");
    ensure!(figures["errors"] == 0, "{figures}");
    Ok(())
}

/// What the server may send, and how WebCodecs names what of it a browser must decode.
const CODED: [(&str, &str, &str); 3] = [
    ("gstreamer:vp8", "vp8", "vp8"),
    ("gstreamer:vp9", "vp9", "vp09.00.41.08"),
    ("gstreamer:h264", "h264", "avc1.f4001f"),
];

async fn coded_video_is_shown_where_the_browser_decodes_it(engine: Engine) -> Result<()> {
    for (server, name, config) in CODED {
        let able = decodes(engine, config).await?;
        // VP8 is the codec that every browser of Debian's has with what it depends on.
        ensure!(able || name != "vp8", "{engine:?} does not decode VP8");
        let figures = film(engine, server).await?;
        if figures["codec"] != name {
            // Never announced: the same film comes as what can be decoded everywhere.
            ensure!(!able, "{engine:?}: {name} was not used: {figures}");
            ensure!(figures["codec"] == "mjpeg", "{engine:?}: {figures}");
            ensure!(figures["errors"] == 0, "{engine:?}: {figures}");
            continue;
        }
        let decoder = figures["decoder"].as_str().unwrap_or_default();
        ensure!(
            ["hardware", "software"].contains(&decoder),
            "{engine:?}: {name} is the browser's own to decode: {figures}"
        );
        ensure!(figures["errors"] == 0, "{engine:?}: {figures}");
    }
    Ok(())
}

/// Whether the browser has a codec, asked as the console asks.
async fn decodes(engine: Engine, codec: &str) -> Result<bool> {
    let mut stage = Stage::open(engine, &["primary size=64,48"]).await?;
    let answer = stage.visitor.run(&format!(
        "if (typeof VideoDecoder !== 'function') return false;
         const answer = await VideoDecoder.isConfigSupported({{ codec: '{codec}' }});
         return answer.supported === true;"
    ))?;
    stage.close().await?;
    Ok(answer == true)
}

/// Plays a film until enough of it was shown as video; then the screen must be exact. Gives the
/// page's figures.
async fn film(engine: Engine, codec: &str) -> Result<Value> {
    let codecs = format!("codecs list={codec}");
    let setup = ["streaming mode=all", &codecs, "primary size=320,240"];
    let mut stage = Stage::open(engine, &setup).await?;
    stage.draw("image name=0 format=32 size=320,240 pattern=text")?;
    stage.draw("copy box=0,0,320,240 image=0")?;
    for seed in 1..=3 {
        stage.draw(&format!(
            "image name={seed} format=32 size=160,120 pattern=photo seed={seed}"
        ))?;
    }
    let began = Instant::now();
    let mut played = 0;
    loop {
        for _ in 0..10 {
            played += 1;
            stage.draw(&format!(
                "copy box=80,60,160,120 image={} time={played}",
                played % 3 + 1
            ))?;
            stage.draw("flush")?;
            // A film's pace, which the server measures to know one.
            std::thread::sleep(Duration::from_millis(25));
        }
        let figures = stage.statistics()?;
        let shown = figures["streamFrames"]["shown"]
            .as_f64()
            .unwrap_or_default();
        if shown >= ENOUGH {
            break;
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{engine:?}: {played} pictures in one place became no {codec}: {figures}"
        );
    }
    // When nothing moves any more, the last picture comes once more without loss.
    stage.until_exact()?;
    let figures = stage.statistics()?;
    stage.close().await?;
    Ok(figures)
}
