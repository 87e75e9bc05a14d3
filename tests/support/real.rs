//! A whole site on real parts: a libvirtd of its own with QEMU, and the gateway in this process.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gateway::{Running, Server};
use manager::model::HostStatus;
use serde_json::{Value, json};

use crate::guest::{COMMAND_LINE, READY, TinyGuest};
use crate::http::Client;
use crate::libvirtd::Libvirtd;
use crate::serial::Serial;
use crate::site::PASSWORD;

/// How long a slow machine may take for anything that a guest or a host does.
const LIMIT: Duration = Duration::from_secs(120);

/// A site with one real host.
pub struct RealSite {
    running: Option<Running>,
    state: PathBuf,
    /// The same after a restart, as a browser's open page expects it.
    port: u16,
    demo: bool,
    /// Its libvirtd, free to be killed.
    pub libvirtd: Libvirtd,
}

impl RealSite {
    /// A fresh one whose host is up.
    pub async fn new() -> Result<Self> {
        Self::begin(false).await
    }

    /// The same, with the first machine that `--demo` makes.
    pub async fn with_demo() -> Result<Self> {
        Self::begin(true).await
    }

    async fn begin(demo: bool) -> Result<Self> {
        let libvirtd = Libvirtd::start()?;
        let state = libvirtd.folder().join("s");
        let mut site = Self {
            running: None,
            state,
            port: 0,
            demo,
            libvirtd,
        };
        site.start().await?;
        Ok(site)
    }

    /// Starts the gateway and the manager on the same state; waits for the host.
    pub async fn start(&mut self) -> Result<()> {
        let config = gateway::config::Config {
            state: self.state.clone(),
            listen: ([127, 0, 0, 1], self.port).into(),
            libvirt_uri: self.libvirtd.uri().to_owned(),
            admin_password: Some(gateway::config::Password::new(PASSWORD)),
            display_address: [127, 0, 0, 1].into(),
            names: Vec::new(),
            http2: false,
            demo: self.demo,
            crash: None,
            log: "warn".to_owned(),
        };
        let running = Server::start(config).await?;
        self.port = running.address().port();
        let manager = running.manager().clone();
        self.running = Some(running);
        let mut changes = manager.subscribe();
        let up = async {
            while !manager
                .inventory()
                .hosts
                .iter()
                .any(|host| host.status == HostStatus::Up)
            {
                let _ = changes.next().await;
            }
        };
        tokio::time::timeout(LIMIT, up)
            .await
            .context("the host did not come up")
    }

    /// Ends gateway and manager in order; guests go on.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown().await;
        }
    }

    fn running(&self) -> Result<&Running> {
        self.running.as_ref().context("the site is stopped")
    }

    /// `https://127.0.0.1:PORT`.
    pub fn origin(&self) -> Result<String> {
        Ok(format!(
            "https://127.0.0.1:{}",
            self.running()?.address().port()
        ))
    }

    /// The certificate that clients must trust.
    pub fn ca_file(&self) -> PathBuf {
        self.state.join("ca.pem")
    }

    /// The administrator, in the portal.
    pub async fn admin(&self) -> Result<Client> {
        let running = self.running()?;
        let client = Client::new(running.address(), running.ca_pem())?;
        let body = json!({"username": "admin@internal", "password": PASSWORD});
        client.post("/saffron/session", &body).await.expect(200);
        Ok(client
            .with("x-saffron", "1")
            .with("accept", "application/json"))
    }

    /// Makes the tiny guest by the API and starts it; ready for commands when this returns.
    pub async fn tiny_guest(&self, admin: &Client, name: &str) -> Result<(String, Serial)> {
        let guest = TinyGuest::build()?;
        let body = json!({
            "name": name,
            "cluster": {"name": "Default"},
            "template": {"name": "Blank"},
            "memory": "268435456",
            "memory_policy": {"guaranteed": "268435456", "max": "268435456"},
            "console": {"enabled": "true"},
            "os": {
                "kernel": guest.kernel(),
                "initrd": guest.initrd(),
                "cmdline": COMMAND_LINE,
            },
        });
        let made = admin.post("/ovirt-engine/api/vms", &body).await;
        if !matches!(made.status, 201 | 202) {
            bail!("the VM was not made: {} {}", made.status, made.text());
        }
        let id = made.json()["id"].as_str().context("no id")?.to_owned();
        self.until_status(admin, &id, "down").await?;
        self.act(admin, &id, "start").await?;
        let serial = Serial::open(&self.libvirtd, &id)?;
        serial.wait_for(READY, LIMIT)?;
        self.until_status(admin, &id, "up").await?;
        Ok((id, serial))
    }

    /// An action of a VM that must be accepted.
    pub async fn act(&self, admin: &Client, vm: &str, action: &str) -> Result<()> {
        let path = format!("/ovirt-engine/api/vms/{vm}/{action}");
        let answer = admin.post(&path, &json!({})).await;
        if answer.status != 200 {
            bail!("{action}: {} {}", answer.status, answer.text());
        }
        Ok(())
    }

    /// A VM as the API shows it.
    pub async fn vm(&self, admin: &Client, vm: &str) -> Result<Value> {
        let answer = admin.get(&format!("/ovirt-engine/api/vms/{vm}")).await;
        if answer.status != 200 {
            bail!("{} {}", answer.status, answer.text());
        }
        Ok(answer.json())
    }

    /// Waits until the API says so of a VM.
    pub async fn until_status(&self, admin: &Client, vm: &str, status: &str) -> Result<()> {
        let began = Instant::now();
        loop {
            let is = self.vm(admin, vm).await?["status"].clone();
            if is == status {
                return Ok(());
            }
            if began.elapsed() > LIMIT {
                bail!("the VM is {is}, not {status}");
            }
            // As clients of the API wait: it has nothing to wait on.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
