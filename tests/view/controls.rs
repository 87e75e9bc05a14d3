//! The bar of the console in a real browser: presets, statistics, what scripts see, and whether
//! everybody can use it.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::browser::Show;
use tests::guest::target;

const DOWN: char = '\u{e015}';
const ENTER: char = '\u{e007}';

const SCREEN: &[&str] = &[
    "primary size=640,480",
    "image name=1 format=32 size=640,480 pattern=photo seed=5",
    "copy box=0,0,640,480 image=1",
];

impl Show {
    /// Presses a button of the page by its name.
    fn press(&mut self, name: &str) -> Result<()> {
        let script = format!(
            "const named = [...document.querySelectorAll('button')].find((button) =>
               (button.getAttribute('aria-label') ?? button.textContent).startsWith({name:?}));
             named.focus(); named.click(); return true"
        );
        self.visitor.run(&script).map(drop)
    }

    fn type_keys(&mut self, keys: &[char]) -> Result<()> {
        let presses: Vec<_> = keys
            .iter()
            .flat_map(|key| [(*key, true), (*key, false)])
            .collect();
        self.visitor.keys(&presses)
    }

    /// What axe-core finds wrong with the page, at these levels or worse.
    fn faults(&mut self) -> Result<Value> {
        let file = target().join("node/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(&file)
            .with_context(|| format!("{}: `cargo xtask setup` brings it", file.display()))?;
        let script = format!(
            "{axe};
             const result = await axe.run(document, {{ resultTypes: ['violations'] }});
             return result.violations
               .filter(({{ impact }}) => impact === 'serious' || impact === 'critical')
               .map(({{ id, nodes }}) => [id, nodes.map(({{ html }}) => html.slice(0, 200))])"
        );
        self.visitor.run(&script)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preset_is_chosen_by_keyboard_alone_and_remembered() -> Result<()> {
    let mut show = Show::open(SCREEN)?;
    show.until_connected()?;
    assert_eq!(show.statistics()?["preset"], "balanced");
    show.press("Quality")?;
    show.visitor
        .until("return document.activeElement.getAttribute('aria-checked') === 'true'")?;
    show.type_keys(&[DOWN, ENTER])?;
    show.visitor
        .until("return (await saffron.statistics()).preset === 'video'")?;
    let focus = show.visitor.run("return document.activeElement.id")?;
    assert_eq!(focus, "picture", "the guest has the keyboard again");

    show.visitor.run("setTimeout(() => location.reload())")?;
    show.visitor
        .until("return (await globalThis.saffron?.statistics())?.preset === 'video'")?;
    show.until_connected()?;
    show.until_exact()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_and_the_overlay_are_told_the_same_figures_on_the_pages_clock() -> Result<()> {
    let mut show = Show::open(SCREEN)?;
    show.until_connected()?;
    show.until_exact()?;
    show.press("Statistics")?;
    show.visitor.until(
        "const table = document.querySelector('.sf-hud table');
         return table !== null && table.innerText.includes('display 0')",
    )?;
    show.visitor.keep_screenshot("view-statistics")?;
    let now = show.statistics()?;
    assert_eq!((&now["width"], &now["height"]), (&640.into(), &480.into()));
    assert!(now["messages"]["draw_copy"].as_f64() >= Some(1.0), "{now}");
    let sum: f64 = now["messages"]
        .as_object()
        .context("no messages")?
        .iter()
        // Those that every channel has: acknowledgements, pings.
        .filter(|(name, _)| *name != "common")
        .filter_map(|(_, count)| count.as_f64())
        .sum();
    assert_eq!(now["displayMessages"].as_f64(), Some(sum), "{now}");
    assert_eq!(now["errors"], 0, "{now}");
    let moment = |name: &str| now[name].as_f64().with_context(|| format!("{name}: {now}"));
    let page = show.visitor.run("return performance.now()")?;
    let page = page.as_f64().context("no clock")?;
    let (connected, first, last) = (
        moment("connectMs")?,
        moment("firstPaintMs")?,
        moment("lastPaintMs")?,
    );
    assert!(
        0.0 < connected && connected < first && first <= last && last < page,
        "{connected} {first} {last} {page}"
    );
    let shown = show
        .visitor
        .run("return document.querySelector('.sf-hud').innerText")?;
    let shown = shown.as_str().context("no text")?;
    for word in ["640 × 480", "Round trip", "Lag", "Errors", "Very good"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_the_console_nor_its_question_shuts_anybody_out() -> Result<()> {
    let mut show = Show::open(SCREEN)?;
    show.until_connected()?;
    show.press("Statistics")?;
    for menu in ["Quality", "Keys"] {
        show.press(menu)?;
        show.visitor
            .until("return document.querySelector('.sf-pop') !== null")?;
        assert_eq!(show.faults()?, Value::Array(Vec::new()), "{menu}");
    }
    let mut asked = Show::open(&["ticket password=corr3ct seconds=0", "primary size=64,48"])?;
    asked
        .visitor
        .until("return document.querySelector('#password') !== null")?;
    assert_eq!(asked.faults()?, Value::Array(Vec::new()));
    Ok(())
}
