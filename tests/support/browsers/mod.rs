//! Chromium, Firefox and WebKit behind one interface, each as Debian has it, each on an X screen of
//! its own: a page is opened, scripted, pointed at, typed into, and what it shows is read back.
//!
//! Chromium and WebKit are driven by WebDriver ([`classic`]), Firefox by WebDriver BiDi ([`bidi`]),
//! which it speaks without a helper. The screen ([`screen`]) gives keys that no WebDriver has: those
//! of a keyboard with another layout. What a test knows of a portal stays in the test.

mod bidi;
mod classic;
mod picture;
mod screen;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

pub use picture::Picture;
pub use screen::Layout;

use screen::Screen;

/// How long anything in a browser may take. Far more than it does, as other tests run beside.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Debian's `chromium`.
    Chromium,
    /// Debian's `firefox-esr`.
    Firefox,
    /// The smallest browser with Debian's WebKitGTK, which comes with the library itself.
    WebKit,
}

/// All of them.
pub const ENGINES: [Engine; 3] = [Engine::Chromium, Engine::Firefox, Engine::WebKit];

/// What a driver's protocol must be able to do.
trait Remote: Send {
    /// Leads the page to an address and waits until it is loaded.
    fn open(&mut self, url: &str) -> Result<()>;
    /// Runs the body of an async function in the page and gives its result as JSON.
    fn run(&mut self, body: &str) -> Result<Value>;
    /// Runs a script at the beginning of every page to come, where the protocol can do so.
    fn before_pages(&mut self, script: &str) -> Result<()>;
    /// Performs WebDriver actions.
    fn act(&mut self, actions: &Value) -> Result<()>;
    /// What the window shows, a PNG file.
    fn screenshot(&mut self) -> Result<Vec<u8>>;
    /// What the console was told of errors since the last time.
    fn troubles(&mut self) -> Result<Vec<String>>;
}

/// An open browser with one page; closed when dropped.
pub struct Visitor {
    engine: Engine,
    // Ended before the screen that it is on.
    remote: Box<dyn Remote>,
    screen: Screen,
}

impl Visitor {
    /// Starts one with an empty profile, in front of a US keyboard.
    pub fn start(engine: Engine) -> Result<Self> {
        Self::with_layout(engine, Layout::Us)
    }

    /// The same in front of another keyboard.
    pub fn with_layout(engine: Engine, layout: Layout) -> Result<Self> {
        let screen = Screen::start(layout)?;
        let remote: Box<dyn Remote> = match engine {
            Engine::Chromium => Box::new(classic::chromium(screen.name())?),
            Engine::WebKit => Box::new(classic::webkit(screen.name())?),
            Engine::Firefox => Box::new(bidi::Firefox::start(screen.name())?),
        };
        Ok(Self {
            engine,
            remote,
            screen,
        })
    }

    /// Which browser it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Opens the page of an address.
    pub fn open(&mut self, url: &str) -> Result<()> {
        self.remote.open(url).with_context(|| url.to_owned())
    }

    /// Runs the body of an async function in the page; what it returns comes back as JSON.
    pub fn run(&mut self, body: &str) -> Result<Value> {
        self.remote
            .run(body)
            .with_context(|| format!("{:?}: {body}", self.engine))
    }

    /// Runs a script at the beginning of every page to come. Not in WebKit, whose driver cannot.
    pub fn before_pages(&mut self, script: &str) -> Result<()> {
        self.remote.before_pages(script)
    }

    /// Waits until the body of an async function gives something that is neither false nor null.
    pub fn until(&mut self, body: &str) -> Result<Value> {
        let began = Instant::now();
        loop {
            let value = self.run(body)?;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return Ok(value);
            }
            if began.elapsed() > PATIENCE {
                let page = self.run("return document.body.innerText")?;
                let troubles = self.troubles()?;
                bail!(
                    "{:?}: not in {PATIENCE:?}: {body}\nthe page says: {page}\nthe console says: {troubles:?}",
                    self.engine
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses and lets go of keys, in this order, by what a US keyboard has on them; special keys
    /// are WebDriver's code points.
    pub fn keys(&mut self, keys: &[(char, bool)]) -> Result<()> {
        let actions: Vec<Value> = keys
            .iter()
            .map(|(key, down)| {
                let kind = if *down { "keyDown" } else { "keyUp" };
                json!({"type": kind, "value": key.to_string()})
            })
            .collect();
        self.remote
            .act(&json!([{"type": "key", "id": "keyboard", "actions": actions}]))
    }

    /// Moves the pointer to a point of the window, in CSS pixels.
    pub fn point(&mut self, x: i64, y: i64) -> Result<()> {
        self.pointer(&json!([{"type": "pointerMove", "duration": 0, "x": x, "y": y}]))
    }

    /// Presses the left button or lets it go, where the pointer is.
    pub fn button(&mut self, down: bool) -> Result<()> {
        let kind = if down { "pointerDown" } else { "pointerUp" };
        self.pointer(&json!([{"type": kind, "button": 0}]))
    }

    fn pointer(&mut self, actions: &Value) -> Result<()> {
        self.remote.act(&json!([{
            "type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions,
        }]))
    }

    /// Turns the wheel over a point, by CSS pixels; downwards is positive.
    pub fn wheel(&mut self, x: i64, y: i64, pixels: i64) -> Result<()> {
        self.remote
            .act(&json!([{"type": "wheel", "id": "wheel", "actions": [{
                "type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": pixels, "duration": 0,
            }]}]))
    }

    /// Presses and lets go of a key of the real keyboard, by its number in X (evdev's plus 8).
    pub fn real_key(&mut self, keycode: u8) -> Result<()> {
        self.screen.key(keycode)
    }

    /// Moves the real pointer by so many pixels.
    pub fn real_motion(&mut self, dx: i32, dy: i32) -> Result<()> {
        self.screen.motion(dx, dy)
    }

    /// A click of the real pointer at a point of the screen.
    pub fn real_click(&mut self, x: i64, y: i64) -> Result<()> {
        self.screen.click(x, y)
    }

    /// Gives the browser's window the focus of the real keyboard, and waits for the page to have it.
    pub fn real_focus(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            self.screen.focus()?;
            if self.run("return document.hasFocus()")? == true {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("{:?} did not take the focus", self.engine);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What the window shows.
    pub fn screenshot(&mut self) -> Result<Picture> {
        Picture::decode(&self.remote.screenshot()?)
    }

    /// Keeps a picture of the window where the run's pictures are kept.
    pub fn keep_screenshot(&mut self, name: &str) -> Result<()> {
        let file = crate::browser::pictures()?.join(format!("{name}.png"));
        Ok(std::fs::write(file, self.remote.screenshot()?)?)
    }

    /// Errors that the console was told since the last time, broken security policies included.
    pub fn troubles(&mut self) -> Result<Vec<String>> {
        self.remote.troubles()
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Visitor")
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

/// Bytes out of base64, as scripts and drivers hand them over.
pub fn from_base64(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'\n' | b'\r' => continue,
            _ => bail!("no base64"),
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Ok(bytes)
}

/// An async function's body as an expression whose value is the result as JSON text.
fn as_json(body: &str) -> String {
    format!("(async () => JSON.stringify((await (async () => {{ {body} }})()) ?? null))()")
}

#[cfg(test)]
mod tests {
    use super::from_base64;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(from_base64("c2FmZnJvbg==").unwrap(), b"saffron");
        assert_eq!(from_base64("c2FmZnJvbg").unwrap(), b"saffron");
        assert_eq!(from_base64("+/8A").unwrap(), [0xfb, 0xff, 0]);
        assert!(from_base64("c2Fm!").is_err());
    }
}
