//! WebDriver BiDi over a WebSocket, as Firefox speaks it by itself.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{PATIENCE, Remote, as_json, from_base64};

/// A running Firefox.
pub(super) struct Firefox {
    browser: Child,
    profile: PathBuf,
    socket: WebSocket<TcpStream>,
    number: u64,
    page: String,
    troubles: Vec<String>,
}

/// A test machine has no network that Firefox should talk to, and no person to greet. What Firefox
/// recommends for remote control is left out: among it is that its windows never have the focus.
const PREFERENCES: &str = r#"
user_pref("remote.prefs.recommended", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.tabs.inTitlebar", 0);
user_pref("full-screen-api.warning.timeout", 0);
user_pref("pointer-lock-api.warning.timeout", 0);
"#;

/// Firefox tells of broken security policies in its own console only, which BiDi does not read.
const POLICY: &str = "addEventListener('securitypolicyviolation', (event) => \
     console.error(`refused by ${event.violatedDirective}: ${event.blockedURI}`));";

impl Firefox {
    /// Starts one on this display.
    pub(super) fn start(display: &str) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let profile =
            std::env::temp_dir().join(format!("saffron-firefox-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&profile)?;
        std::fs::write(profile.join("user.js"), PREFERENCES)?;
        let mut browser = Command::new("firefox-esr")
            .args(["--no-remote", "--remote-debugging-port", "0"])
            .args(["--width", "1400", "--height", "960", "--profile"])
            .arg(&profile)
            .env("DISPLAY", display)
            .env_remove("WAYLAND_DISPLAY")
            // Firefox keeps more than the profile, and refuses another person's home.
            .env("HOME", &profile)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("firefox-esr could not be started; `cargo xtask test` installs it")?;
        let connected = connect(&mut browser);
        let socket = match connected {
            Ok(socket) => socket,
            Err(error) => {
                let _ = browser.kill();
                let _ = browser.wait();
                let _ = std::fs::remove_dir_all(&profile);
                return Err(error);
            }
        };
        let mut firefox = Self {
            browser,
            profile,
            socket,
            number: 0,
            page: String::new(),
            troubles: Vec::new(),
        };
        let wishes = json!({"capabilities": {"alwaysMatch": {"acceptInsecureCerts": true}}});
        firefox.ask("session.new", &wishes)?;
        let tree = firefox.ask("browsingContext.getTree", &json!({}))?;
        firefox.page = tree["contexts"][0]["context"]
            .as_str()
            .context("Firefox has no page")?
            .to_owned();
        firefox.ask("session.subscribe", &json!({"events": ["log.entryAdded"]}))?;
        firefox.before_pages(POLICY)?;
        Ok(firefox)
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.number += 1;
        let number = self.number;
        let request = json!({"id": number, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string()))?;
        loop {
            let message = self.socket.read().with_context(|| method.to_owned())?;
            let Message::Text(text) = message else {
                continue;
            };
            let answer: Value = serde_json::from_str(&text)?;
            if answer["type"] == "event" {
                self.hear(&answer);
            } else if answer["id"] == number {
                if answer["type"] == "success" {
                    return Ok(answer["result"].clone());
                }
                bail!("{method}: {} {}", answer["error"], answer["message"]);
            }
        }
    }

    fn hear(&mut self, event: &Value) {
        let what = &event["params"];
        if event["method"] == "log.entryAdded" && what["level"] == "error" {
            self.troubles
                .push(format!("{} {}", what["text"], what["stackTrace"]));
        }
    }
}

/// Waits for the address that Firefox prints, and connects.
fn connect(browser: &mut Child) -> Result<WebSocket<TcpStream>> {
    let errors = browser.stderr.take().context("no standard error")?;
    let (said, hear) = mpsc::channel();
    // Goes on reading to the end, or Firefox would wait for it.
    std::thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            if let Some((_, address)) = line.split_once("listening on ws://") {
                let _ = said.send(address.trim().to_owned());
            }
        }
    });
    let began = Instant::now();
    let address = hear
        .recv_timeout(PATIENCE)
        .context("Firefox did not say where it listens")?;
    let stream = loop {
        match TcpStream::connect(&address) {
            Ok(stream) => break stream,
            Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    let (socket, _) = tungstenite::client(format!("ws://{address}/session"), stream)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(socket)
}

impl Remote for Firefox {
    fn open(&mut self, url: &str) -> Result<()> {
        let params = json!({"context": self.page, "url": url, "wait": "complete"});
        self.ask("browsingContext.navigate", &params).map(drop)
    }

    fn run(&mut self, body: &str) -> Result<Value> {
        let params = json!({
            "expression": as_json(body),
            "target": {"context": self.page},
            "awaitPromise": true,
        });
        let answer = self.ask("script.evaluate", &params)?;
        if answer["type"] != "success" {
            bail!("{}", answer["exceptionDetails"]["text"]);
        }
        let text = answer["result"]["value"].as_str();
        Ok(serde_json::from_str(
            text.context("the script gave nothing")?,
        )?)
    }

    fn before_pages(&mut self, script: &str) -> Result<()> {
        let function = format!("() => {{ {script} }}");
        let params = json!({"functionDeclaration": function});
        self.ask("script.addPreloadScript", &params).map(drop)
    }

    fn act(&mut self, actions: &Value) -> Result<()> {
        let params = json!({"context": self.page, "actions": actions});
        self.ask("input.performActions", &params).map(drop)
    }

    fn screenshot(&mut self) -> Result<Vec<u8>> {
        let params = json!({"context": self.page});
        let answer = self.ask("browsingContext.captureScreenshot", &params)?;
        from_base64(answer["data"].as_str().context("no picture came")?)
    }

    fn troubles(&mut self) -> Result<Vec<String>> {
        // Whatever was said before this answer is here when it is.
        self.ask("session.status", &json!({}))?;
        Ok(std::mem::take(&mut self.troubles))
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        if self.ask("browser.close", &json!({})).is_err() {
            let _ = self.browser.kill();
        }
        let began = Instant::now();
        while matches!(self.browser.try_wait(), Ok(None)) {
            if began.elapsed() > std::time::Duration::from_secs(10) {
                let _ = self.browser.kill();
                let _ = self.browser.wait();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
