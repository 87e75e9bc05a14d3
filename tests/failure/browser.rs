//! Browsers that cannot run the portals are told what they lack, in words, and nothing else happens.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::browser::Browser;
use tests::site::TestSite;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_lacks_something_is_told_what() -> Result<()> {
    let site = TestSite::new().await;
    let origin = format!("https://127.0.0.1:{}", site.stranger().address().port());
    for lack in ["OffscreenCanvas", "WebAssembly SIMD", "WebAssembly"] {
        let mut browser = Browser::start()?;
        browser.tell(&json!(["lack", lack]))?;
        for page in ["/", "/admin/vms", "/user/"] {
            browser.open(&format!("{origin}{page}"))?;
            browser.tell(&json!(["see", "This browser cannot run Saffron"]))?;
            let text = browser.tell(&json!(["text"]))?;
            let text = text.as_str().unwrap_or_default();
            ensure!(text.contains(&format!("It lacks {lack}")), "{page}: {text}");
        }
    }
    site.close().await;
    Ok(())
}
