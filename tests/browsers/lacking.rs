//! A browser that lacks what the console cannot do without says so in a sentence, and runs nothing.

use anyhow::{Result, ensure};
use tests::browsers::{Engine, Visitor};
use tests::site::TestSite;

/// WebKit's driver cannot take something away before a page begins; there the same page runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lacking_is_said_in_a_sentence() -> Result<()> {
    let site = TestSite::new().await;
    let origin = format!("https://localhost:{}", site.stranger().address().port());
    for engine in [Engine::Chromium, Engine::Firefox] {
        for (lack, script) in [
            ("OffscreenCanvas", "delete globalThis.OffscreenCanvas"),
            ("WebAssembly SIMD", "WebAssembly.validate = () => false"),
        ] {
            let mut visitor = Visitor::start(engine)?;
            visitor.before_pages(script)?;
            visitor.open(&format!("{origin}/user/"))?;
            let text = visitor.until(
                "const text = document.body.innerText;
                 return text.includes('This browser cannot run Saffron') && text;",
            )?;
            let text = text.as_str().unwrap_or_default();
            ensure!(
                text.contains(&format!("It lacks {lack},")),
                "{engine:?}: {text}"
            );
            ensure!(visitor.run("return typeof globalThis.saffron")? == "undefined");
            let troubles = visitor.troubles()?;
            ensure!(troubles.is_empty(), "{engine:?}: {troubles:?}");
        }
    }
    site.close().await;
    Ok(())
}
