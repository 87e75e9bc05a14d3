//! A guest's serial console, for tests: what the guest says, kept from the beginning, and commands to
//! it. Goes around the manager on purpose: it is the second opinion.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::libvirtd::Libvirtd;

/// An open console.
#[derive(Debug)]
pub struct Serial {
    file: File,
    said: Arc<(Mutex<String>, Condvar)>,
}

impl Serial {
    /// The console of a domain that is running or about to; waits for it to have one.
    pub fn open(libvirtd: &Libvirtd, domain: &str) -> Result<Self> {
        let began = Instant::now();
        let path = loop {
            match libvirtd.virsh(&["ttyconsole", domain]) {
                Ok(path) if path.trim().starts_with('/') => break path.trim().to_owned(),
                _ if began.elapsed() > Duration::from_secs(60) => bail!("{domain} has no console"),
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .context(path)?;
        let mut reader = file.try_clone()?;
        let said = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let hearing = Arc::clone(&said);
        // Ends when the guest's end of the terminal is gone.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                let (said, changed) = &*hearing;
                said.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_str(&text);
                changed.notify_all();
            }
        });
        Ok(Self { file, said })
    }

    /// All that was said so far.
    pub fn said(&self) -> String {
        self.said
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the guest has said this; gives all that it said.
    pub fn wait_for(&self, text: &str, limit: Duration) -> Result<String> {
        let (said, changed) = &*self.said;
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, _) = changed
            .wait_timeout_while(said, limit, |said| !said.contains(text))
            .unwrap_or_else(PoisonError::into_inner);
        if !said.contains(text) {
            let last: String = said
                .chars()
                .rev()
                .take(400)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            bail!("the guest did not say {text:?}; it said … {last:?}");
        }
        Ok(said.clone())
    }

    /// Gives the guest a command, and waits for an answer that begins with `answer`.
    pub fn ask(&self, command: &str, answer: &str) -> Result<String> {
        let before = self.said().len();
        (&self.file).write_all(format!("{command}\n").as_bytes())?;
        let began = Instant::now();
        loop {
            let said = self.said();
            let new = said.get(before..).unwrap_or_default();
            let line = new
                .lines()
                .map(str::trim)
                .find(|line| line.starts_with(answer));
            if let Some(line) = line {
                return Ok(line.to_owned());
            }
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the guest did not answer {command:?}; it said {new:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
