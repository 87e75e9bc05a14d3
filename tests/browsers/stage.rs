//! A site with one machine whose screen is a drawing server's, and a browser in front of it.

use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use manager::host::{GraphicsTarget, HostError};
use serde_json::Value;
use tests::browsers::{Engine, Layout, PATIENCE, Picture, Visitor, from_base64};
use tests::site::{PASSWORD, TestSite};

use crate::lab::draw_server::{DrawServer, Rendering, Said};

/// A console that is open in a browser.
pub struct Stage {
    site: TestSite,
    server: DrawServer,
    /// Where the machine's screen is now.
    port: Arc<AtomicU16>,
    said: (Sender<Said>, Receiver<Said>),
    /// What the drawing server said of keyboard and pointer.
    pub guest: Arc<Mutex<Vec<String>>>,
    /// The browser, on the console's page.
    pub visitor: Visitor,
}

impl Stage {
    /// Has the server carry out commands, and opens the console in front of a US keyboard.
    pub async fn open(engine: Engine, setup: &[&str]) -> Result<Self> {
        Self::with_layout(engine, Layout::Us, setup).await
    }

    /// The same in front of another keyboard.
    pub async fn with_layout(engine: Engine, layout: Layout, setup: &[&str]) -> Result<Self> {
        let site = TestSite::new().await;
        let guest = Arc::<Mutex<Vec<String>>>::default();
        let said = channel();
        let server = start(&said.0, &guest);
        let port = Arc::new(AtomicU16::new(server.port()));
        let there = Arc::clone(&port);
        site.host.graphics_with(move |_| {
            let port = there.load(Ordering::SeqCst);
            let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| {
                HostError::Unreachable {
                    reason: error.to_string(),
                }
            })?;
            Ok(GraphicsTarget::Descriptor(stream.into()))
        });
        let vm = site.running_vm("easel").await;
        let mut stage = Self {
            visitor: Visitor::with_layout(engine, layout)?,
            site,
            server,
            port,
            said,
            guest,
        };
        for command in setup {
            stage.draw(command)?;
        }
        let origin = stage.origin();
        stage.visitor.open(&format!("{origin}/user/"))?;
        // One of the guest's pixels is one of the screen's, so that screenshots can be compared.
        let status = stage.visitor.run(&format!(
            "localStorage.setItem('saffron-console-scale-{vm}', 'pixel');
             const answer = await fetch('/saffron/session', {{
                 method: 'POST',
                 headers: {{ 'content-type': 'application/json', 'x-saffron': '1' }},
                 body: JSON.stringify({{ username: 'admin@internal', password: '{PASSWORD}' }}),
             }});
             return answer.status;"
        ))?;
        ensure!(status == 200, "logging in: {status}");
        // The page before the login asked who is there, and was told nobody.
        stage.visitor.troubles()?;
        // Before the login the page asked who is there, and was told: nobody.
        let early = stage.visitor.troubles()?;
        let expected = |trouble: &String| trouble.contains("/session") && trouble.contains("401");
        ensure!(early.iter().all(expected), "{engine:?}: {early:#?}");
        stage
            .visitor
            .open(&format!("{origin}/admin/vms/{vm}/console?test"))?;
        stage.until_connected()?;
        Ok(stage)
    }

    fn origin(&self) -> String {
        format!(
            "https://localhost:{}",
            self.site.stranger().address().port()
        )
    }

    /// Waits until the console has a live picture.
    pub fn until_connected(&mut self) -> Result<()> {
        self.visitor
            .until("return (await globalThis.saffron?.statistics())?.phase === 'connected'")
            .map(drop)
    }

    /// What the page tells scripts.
    pub fn statistics(&mut self) -> Result<Value> {
        self.visitor.run("return await saffron.statistics()")
    }

    /// Has the drawing server carry out a command.
    pub fn draw(&mut self, command: &str) -> Result<()> {
        self.ask(command).map(drop)
    }

    /// What the server's own renderer made of the screen.
    pub fn rendered(&mut self) -> Result<Picture> {
        let rendering = self.ask("render on=0")?.context("no picture")?;
        Ok(Picture::of_rgba(
            rendering.width,
            rendering.height,
            &rendering.pixels,
        ))
    }

    fn ask(&mut self, command: &str) -> Result<Option<Rendering>> {
        self.server.send(command);
        match self.said.1.recv_timeout(PATIENCE).context("no answer")? {
            Said::Ok(rendering) => Ok(rendering),
            Said::Error(error) => bail!("{command}: {error}"),
            _ => bail!("{command}: the drawing server has ended"),
        }
    }

    /// The picture that the console holds; none while it connects.
    pub fn shown(&mut self) -> Result<Option<Picture>> {
        let text = self.visitor.run(
            "const bytes = await saffron.picture();
             let text = '';
             for (const byte of bytes) text += String.fromCharCode(byte);
             return btoa(text);",
        )?;
        let file = from_base64(text.as_str().context("no text")?)?;
        if file.is_empty() {
            return Ok(None);
        }
        Picture::decode(&file).map(Some)
    }

    /// Waits until the console holds exactly what the server drew.
    pub fn until_exact(&mut self) -> Result<Picture> {
        let drawn = self.rendered()?;
        let began = Instant::now();
        loop {
            let shown = self.shown()?;
            if shown.as_ref() == Some(&drawn) {
                return Ok(drawn);
            }
            if began.elapsed() > PATIENCE {
                let differing =
                    shown.map(|shown| (shown.width, shown.height, shown.differing(&drawn)));
                bail!(
                    "the server drew {}x{}; the console shows, with so many wrong: {differing:?}; {}",
                    drawn.width,
                    drawn.height,
                    self.statistics()?
                );
            }
        }
    }

    /// Where the canvas lies in the window: left, top, width, height, in CSS pixels.
    pub fn canvas(&mut self) -> Result<[i64; 4]> {
        let place = self.visitor.run(
            "const box = document.getElementById('picture').getBoundingClientRect();
             return [box.left, box.top, box.width, box.height].map(Math.round);",
        )?;
        let mut numbers = [0; 4];
        for (number, value) in numbers
            .iter_mut()
            .zip(place.as_array().into_iter().flatten())
        {
            *number = value.as_i64().context("no number")?;
        }
        Ok(numbers)
    }

    /// Gives the picture the keyboard.
    pub fn focus(&mut self) -> Result<()> {
        self.visitor
            .run("document.getElementById('picture').focus()")
            .map(drop)
    }

    /// Waits until the guest had these events, one after another, others between them or not.
    pub fn until_guest_had(&self, wanted: &[&str]) -> Result<()> {
        let began = Instant::now();
        loop {
            let had = self.guest.lock().unwrap().clone();
            let mut left = wanted.iter().peekable();
            for event in &had {
                left.next_if(|next| **next == event);
            }
            if left.peek().is_none() {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("the guest had {had:?}, not {wanted:?}");
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Waits for something that the drawing server says by itself.
    pub fn until_guest_said(&self, beginning: &str) -> Result<()> {
        let began = Instant::now();
        while !self
            .guest
            .lock()
            .unwrap()
            .iter()
            .any(|event| event.starts_with(beginning))
        {
            ensure!(began.elapsed() < PATIENCE, "no {beginning:?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ok(())
    }

    /// What the guest has pressed and released since the last time, as `key` events' bytes.
    pub fn forget_guest(&self) {
        self.guest.lock().unwrap().clear();
    }

    /// The machine's screen breaks off and comes back as another server, with an empty screen.
    pub fn replace_server(&mut self, setup: &[&str]) -> Result<()> {
        let server = start(&self.said.0, &self.guest);
        self.port.store(server.port(), Ordering::SeqCst);
        // The old one ends here.
        self.server = server;
        // Its end may have been told.
        while let Ok(said) = self
            .said
            .1
            .recv_timeout(std::time::Duration::from_millis(200))
        {
            ensure!(matches!(said, Said::Gone), "only its end was to come");
        }
        for command in setup {
            self.draw(command)?;
        }
        Ok(())
    }

    /// Ends everything, if nothing was wrong in the browser's console.
    pub async fn close(mut self) -> Result<()> {
        let troubles = self.visitor.troubles()?;
        ensure!(
            troubles.is_empty(),
            "{:?}: {troubles:#?}",
            self.visitor.engine()
        );
        drop(self.visitor);
        self.site.close().await;
        Ok(())
    }
}

fn start(said: &Sender<Said>, guest: &Arc<Mutex<Vec<String>>>) -> DrawServer {
    let (said, guest) = (said.clone(), Arc::clone(guest));
    DrawServer::start(move |line| match line {
        Said::Event(event) => guest.lock().unwrap().push(event),
        // Nobody listens any more at the end of the test.
        line => drop(said.send(line)),
    })
}
