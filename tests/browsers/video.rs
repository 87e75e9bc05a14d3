//! Video: what keeps changing in one place comes as a stream, is shown, and ends as the exact
//! picture.

use anyhow::{Result, ensure};
use serde_json::Value;
use tests::browsers::{Engine, PATIENCE};

use super::stage::Stage;

super::in_every_browser! {
    moving_pictures_are_shown_as_video;
}

/// Frames that were shown, however the page counts them.
fn shown(figures: &Value) -> u64 {
    let frames = &figures["streamFrames"];
    let number = frames.get("shown").unwrap_or(frames);
    number.as_f64().unwrap_or_default() as u64
}

async fn moving_pictures_are_shown_as_video(engine: Engine) -> Result<()> {
    let setup = [
        "streaming mode=all",
        "codecs list=spice:mjpeg",
        "primary size=320,240",
    ];
    let mut stage = Stage::open(engine, &setup).await?;
    stage.draw("image name=0 format=32 size=320,240 pattern=text")?;
    stage.draw("copy box=0,0,320,240 image=0")?;
    for seed in 1..=3 {
        stage.draw(&format!(
            "image name={seed} format=32 size=160,120 pattern=photo seed={seed}"
        ))?;
    }
    let began = std::time::Instant::now();
    let mut frame = 0;
    loop {
        for _ in 0..10 {
            frame += 1;
            stage.draw(&format!(
                "copy box=80,60,160,120 image={} time={frame}",
                frame % 3 + 1
            ))?;
            stage.draw("flush")?;
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        let figures = stage.statistics()?;
        if shown(&figures) >= 10 {
            break;
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{frame} pictures in one place became no video: {figures}"
        );
    }
    // When nothing moves any more, the last picture comes once more without loss.
    stage.until_exact()?;
    let figures = stage.statistics()?;
    ensure!(figures["errors"] == 0, "{figures}");
    stage.close().await
}
