//! WebDriver over HTTP, as ChromeDriver and WebKitWebDriver speak it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{PATIENCE, Remote, as_json, from_base64};

/// More than a screenshot of our windows.
const LARGEST_ANSWER: usize = 64 << 20;

/// A session with a driver, and the driver.
pub(super) struct Classic {
    driver: Child,
    port: u16,
    session: String,
    log: Log,
}

/// Where a browser's console is read.
enum Log {
    /// The driver keeps it.
    Driver,
    /// The browser prints it; lines that are errors.
    Printed(Arc<Mutex<Vec<String>>>),
}

/// Starts Chromium.
pub(super) fn chromium(display: &str) -> Result<Classic> {
    let mut command = Command::new("chromedriver");
    command.stdout(Stdio::null());
    let wishes = json!({
        "browserName": "chrome",
        "acceptInsecureCerts": true,
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"args": [
            "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1400,960", "--window-position=0,0",
        ]},
    });
    Classic::start(command, display, &wishes, Log::Driver)
}

/// Starts WebKitGTK's own small browser.
pub(super) fn webkit(display: &str) -> Result<Classic> {
    let browser = mini_browser()?;
    let mut command = Command::new("WebKitWebDriver");
    command.stdout(Stdio::piped());
    let wishes = json!({
        "browserName": "MiniBrowser",
        "acceptInsecureCerts": true,
        "webkitgtk:browserOptions": {
            "binary": browser,
            "args": [
                "--automation", "--geometry=1400x960",
                "--enable-write-console-messages-to-stdout=true",
            ],
        },
    });
    Classic::start(command, display, &wishes, Log::Printed(Arc::default()))
}

/// It lies beside the library, in a folder that carries the processor's name.
fn mini_browser() -> Result<std::path::PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib")?;
    libraries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .flat_map(|folder| {
            ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"]
                .map(|version| folder.join(version).join("MiniBrowser"))
        })
        .find(|file| Path::new(file).exists())
        .context("no WebKitGTK here; `cargo xtask test` installs it")
}

impl Classic {
    fn start(mut command: Command, display: &str, wishes: &Value, log: Log) -> Result<Self> {
        // Neither driver says which port it took when it may choose.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let driver = command
            .arg(format!("--port={port}"))
            .env("DISPLAY", display)
            // Not the desktop's that this may run on.
            .env_remove("WAYLAND_DISPLAY")
            .env("GDK_BACKEND", "x11")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("{command:?} could not be started; `cargo xtask test` installs it")
            })?;
        let mut remote = Self {
            driver,
            port,
            session: String::new(),
            log,
        };
        if let (Some(output), Log::Printed(lines)) = (remote.driver.stdout.take(), &remote.log) {
            let lines = Arc::clone(lines);
            std::thread::spawn(move || collect(output, &lines));
        }
        remote.ready()?;
        let wishes = json!({"capabilities": {"alwaysMatch": wishes}});
        let answer = remote.ask("POST", "/session", Some(&wishes))?;
        remote.session = answer["sessionId"]
            .as_str()
            .context("the driver gave no session")?
            .to_owned();
        let limit = PATIENCE.as_millis() as u64;
        remote.post("timeouts", &json!({"script": limit, "pageLoad": limit}))?;
        Ok(remote)
    }

    /// Waits until the driver listens.
    fn ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.driver.try_wait()? {
                bail!("the browser's driver ended: {status}");
            }
            if began.elapsed() > PATIENCE {
                bail!("the browser's driver does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn post(&mut self, what: &str, body: &Value) -> Result<Value> {
        let path = format!("/session/{}/{what}", self.session);
        self.ask("POST", &path, Some(body))
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, answer) = http(self.port, method, path, body)?;
        let value = answer.get("value").cloned().unwrap_or_default();
        if status != 200 {
            bail!("{method} {path}: {status} {}", value["message"]);
        }
        Ok(value)
    }
}

impl Remote for Classic {
    fn open(&mut self, url: &str) -> Result<()> {
        self.post("url", &json!({"url": url})).map(drop)
    }

    fn run(&mut self, body: &str) -> Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1];\
             {}.then((value) => done(['ok', value]), (error) => done(['error', String(error)]));",
            as_json(body)
        );
        let answer = self.post("execute/async", &json!({"script": script, "args": []}))?;
        let text = answer[1].as_str().context("the script gave nothing")?;
        match answer[0].as_str() {
            Some("ok") => Ok(serde_json::from_str(text)?),
            _ => bail!("{text}"),
        }
    }

    fn before_pages(&mut self, script: &str) -> Result<()> {
        if matches!(self.log, Log::Printed(_)) {
            bail!("WebKitWebDriver has no scripts that run before a page's own");
        }
        let command = json!({
            "cmd": "Page.addScriptToEvaluateOnNewDocument",
            "params": {"source": script},
        });
        self.post("goog/cdp/execute", &command).map(drop)
    }

    fn act(&mut self, actions: &Value) -> Result<()> {
        self.post("actions", &json!({"actions": actions})).map(drop)
    }

    fn screenshot(&mut self) -> Result<Vec<u8>> {
        let path = format!("/session/{}/screenshot", self.session);
        let answer = self.ask("GET", &path, None)?;
        from_base64(answer.as_str().context("no picture came")?)
    }

    fn troubles(&mut self) -> Result<Vec<String>> {
        if let Log::Printed(lines) = &self.log {
            let mut lines = lines.lock().unwrap_or_else(|lines| lines.into_inner());
            return Ok(std::mem::take(&mut *lines));
        }
        let entries = self.post("se/log", &json!({"type": "browser"}))?;
        Ok(entries
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].to_string())
            .collect())
    }
}

impl Drop for Classic {
    fn drop(&mut self) {
        // The browser ends with its session, not with its driver.
        if !self.session.is_empty() {
            let _ = self.ask("DELETE", &format!("/session/{}", self.session), None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keeps what WebKit prints of errors: `CONSOLE JS ERROR …`, `CONSOLE NETWORK ERROR …`.
fn collect(output: impl Read, lines: &Mutex<Vec<String>>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        if line.contains("CONSOLE") && line.contains("ERROR") {
            let mut lines = lines.lock().unwrap_or_else(|lines| lines.into_inner());
            lines.push(line);
        }
    }
}

/// One request on a connection of its own.
fn http(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    // The driver itself gives up earlier.
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    let body = body.map_or_else(String::new, Value::to_string);
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .with_context(|| format!("no HTTP: {line:?}"))?;
    let mut length = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = Some(value.trim().parse::<usize>()?);
        }
    }
    let limit = length.unwrap_or(LARGEST_ANSWER).min(LARGEST_ANSWER);
    let mut bytes = Vec::new();
    reader.take(limit as u64).read_to_end(&mut bytes)?;
    let value = serde_json::from_slice(&bytes)
        .with_context(|| String::from_utf8_lossy(&bytes).into_owned())?;
    Ok((status, value))
}
