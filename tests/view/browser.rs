//! The page in a real browser, in front of a real SPICE server.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tests::browsers::{Engine, Picture, Visitor, from_base64};

use super::site::{Easel, PATIENCE, Page};

/// The page, open in Chromium.
pub struct Show {
    pub visitor: Visitor,
    pub easel: Easel,
    page: Page,
}

impl Show {
    /// Opens the page for a server that carries out these commands first.
    pub fn open(setup: &[&str]) -> Result<Self> {
        let easel = Easel::new(&[], setup)?;
        let page = Page::of(&easel.address())?;
        let mut visitor = Visitor::start(Engine::Chromium)?;
        visitor.open(&page.view.url())?;
        Ok(Self {
            visitor,
            easel,
            page,
        })
    }

    /// Waits until the console has a live picture.
    pub fn until_connected(&mut self) -> Result<()> {
        let connected = "return (await globalThis.saffron?.statistics())?.phase === 'connected'";
        self.visitor.until(connected).map(drop)
    }

    /// What the page tells scripts.
    pub fn statistics(&mut self) -> Result<Value> {
        self.visitor.run("return await saffron.statistics()")
    }

    /// The picture that the console holds; none while it has none.
    fn shown(&mut self) -> Result<Option<Picture>> {
        let text = self.visitor.run(
            "const bytes = await saffron.picture();
             let text = '';
             for (const byte of bytes) text += String.fromCharCode(byte);
             return btoa(text);",
        )?;
        let file = from_base64(text.as_str().context("no text")?)?;
        match file.is_empty() {
            true => Ok(None),
            false => Picture::decode(&file).map(Some),
        }
    }

    /// Waits until the page holds exactly what the server drew.
    pub fn until_exact(&mut self) -> Result<()> {
        let rendering = self.easel.tell("render on=0")?.context("no picture")?;
        let drawn = Picture::of_rgba(rendering.width, rendering.height, &rendering.pixels);
        let began = Instant::now();
        loop {
            let shown = self.shown()?;
            if shown.as_ref() == Some(&drawn) {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let wrong = shown.map(|shown| shown.differing(&drawn));
                let says = self.statistics()?;
                bail!("so many pixels are wrong: {wrong:?}; {says}");
            }
        }
    }

    /// Answers the page's question for the password.
    fn type_password(&mut self, password: &str) -> Result<()> {
        self.visitor
            .until("return document.querySelector('#password') !== null")?;
        self.visitor
            .run("document.querySelector('#password').focus()")?;
        let keys: Vec<_> = password
            .chars()
            .chain(['\u{e007}'])
            .flat_map(|key| [(key, true), (key, false)])
            .collect();
        self.visitor.keys(&keys)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_is_the_servers_and_keys_and_pointer_reach_it() -> Result<()> {
    let mut show = Show::open(&[
        "primary size=640,480",
        "image name=1 format=32 size=640,480 pattern=photo seed=5",
        "copy box=0,0,640,480 image=1",
        "fill box=40,30,200,100 colour=0x3366cc",
    ])?;
    show.until_connected()?;
    show.until_exact()?;
    show.easel.tell("copy_bits box=300,200,200,100 at=40,30")?;
    show.until_exact()?;
    let isolated = show.visitor.run("return self.crossOriginIsolated")?;
    assert_eq!(isolated, true);
    show.visitor
        .run("document.getElementById('picture').focus()")?;
    show.visitor.keys(&[('a', true), ('a', false)])?;
    show.easel.event(|event| event == "key 1e").await?;
    show.easel.event(|event| event == "key 9e").await?;
    let place = show.visitor.run(
        "const box = document.getElementById('picture').getBoundingClientRect();
         return [box.left + box.width / 2, box.top + box.height / 2].map(Math.round);",
    )?;
    let at = |index: usize| place[index].as_i64().context("no place");
    show.visitor.point(at(0)?, at(1)?)?;
    let position = show
        .easel
        .event(|event| event.starts_with("position "))
        .await?;
    let numbers: Vec<i64> = position
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let near = |index: usize, middle: i64| (numbers[index] - middle).abs() <= 2;
    assert!(near(0, 320) && near(1, 240), "{position}");
    assert_eq!(show.visitor.troubles()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_until_it_is_right() -> Result<()> {
    let mut show = Show::open(&[
        "ticket password=corr3ct seconds=0",
        "primary size=320,200",
        "fill box=0,0,320,200 colour=0x205080",
    ])?;
    show.type_password("wr0ng")?;
    let told = "return document.body.innerText.includes('The password is wrong or has expired.')";
    show.visitor.until(told)?;
    show.visitor.keep_screenshot("view-wrong-password")?;
    show.type_password("corr3ct")?;
    show.until_connected()?;
    show.until_exact()?;
    // It is nowhere but in the page's memory.
    let kept = show.visitor.run(
        "return JSON.stringify([{...localStorage}, {...sessionStorage}, location.href, document.cookie])",
    )?;
    let kept = kept.as_str().context("no text")?;
    assert!(!kept.contains("corr3ct"), "{kept}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_comes_back_is_shown_again_by_itself() -> Result<()> {
    let setup = [
        "ticket password=corr3ct seconds=0",
        "primary size=320,200",
        "fill box=0,0,320,200 colour=0x205080",
    ];
    let mut show = Show::open(&setup)?;
    show.type_password("corr3ct")?;
    show.until_connected()?;
    show.until_exact()?;
    show.visitor.run("globalThis.neverLoadedAgain = true")?;
    let port = show.easel.server.port().to_string();
    show.easel.server.kill();
    let waits = "return (await saffron.statistics()).phase !== 'connected'";
    show.visitor.until(waits)?;
    show.visitor.keep_screenshot("view-server-away")?;
    let other = [
        "ticket password=corr3ct seconds=0",
        "primary size=400,300",
        "fill box=0,0,400,300 colour=0xcc8844",
    ];
    show.easel = Easel::new(&["--port", &port], &other)?;
    show.until_connected()?;
    show.until_exact()?;
    let same = show.visitor.run("return globalThis.neverLoadedAgain")?;
    assert_eq!(same, true, "the page was not loaded again");
    let about = show.page.client().get("/saffron/health").await?;
    about.expect(200);
    Ok(())
}
