//! The front door: HTTP in both directions, and the server as a library, so that tests run it in
//! their own process. `main.rs` only reads configuration.
//!
//! ```text
//! server (accept, TLS, limits) ─▶ request (context, headers, log) ─▶ router ─▶ auth ─▶ rest, live,
//!                                                                       console, images, assets
//! ```
//!
//! Decisions, and everything that lasts, are the manager's.

pub mod assets;
pub mod auth;
pub mod config;
pub mod connection;
mod console;
mod error;
mod first_boot;
mod frames;
pub mod headers;
mod history;
mod images;
mod live;
pub mod request;
pub mod rest;
mod router;
mod server;
pub mod state;
pub mod tls;
pub mod view;
mod websocket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use manager::Manager;
use manager::model::{HostStatus, Secret, StorageDomainStatus};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connection::{Connections, Limits};
use crate::state::Shared;

/// How long WebSockets may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The manager does not start.
    #[error("the manager cannot start: {0}")]
    Manager(#[from] manager::Error),
}

/// The server.
#[derive(Debug)]
pub struct Server;

/// What a server shows to the network.
#[derive(Clone, Debug)]
pub struct Front {
    /// Where certificates and keys are kept.
    pub state: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// More names for the certificate.
    pub names: Vec<String>,
    /// How many connections there may be.
    pub limits: Limits,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// A server that serves.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    shared: Shared,
    first_password: Option<Secret>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// Starts with this machine's libvirt.
    ///
    /// # Errors
    /// When the state directory, the address or the manager does not work.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        // First of all, so that the directory is private before anything is in it.
        tls::private_directory(&config.state)?;
        let mut settings = manager::Config::new(config.state.clone());
        settings.libvirt_uri = config.libvirt_uri.clone();
        settings.host_name = host_name();
        settings.display_address = config.display_address.to_string();
        settings.admin_password = config
            .admin_password
            .as_ref()
            .map(|password| Secret::new(password.expose()));
        settings.crash = config
            .crash
            .as_deref()
            .and_then(manager::operation::CrashPlan::parse);
        let manager = Manager::open(settings).await?;
        let front = Front {
            state: config.state,
            listen: config.listen,
            names: config.names,
            limits: server::LIMITS,
            http2: config.http2,
        };
        match Self::serve(front, manager.clone()).await {
            Ok(running) => {
                if config.demo {
                    running.make_demo();
                }
                Ok(running)
            }
            Err(error) => {
                manager.close().await;
                Err(error)
            }
        }
    }

    /// Serves a manager that is there already, as tests do with simulated hosts.
    ///
    /// # Errors
    /// When there is no certificate, or the address cannot be listened on.
    pub async fn serve(front: Front, manager: Manager) -> Result<Running, StartError> {
        let Front {
            state,
            listen,
            mut names,
            limits,
            http2,
        } = front;
        names.push(host_name());
        if !listen.ip().is_unspecified() {
            names.push(listen.ip().to_string());
        }
        let now = time::OffsetDateTime::now_utc();
        let identity = tls::identity(&state, &names, http2, now)?;
        let failed = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = server::bind(listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let first_password = manager.take_first_password();
        let shared = Shared::new(manager, &identity.ca_pem, address.port());
        let stop = CancellationToken::new();
        let serving = server::Listener {
            tls: Some(identity.server),
            router: router::router(shared.clone()),
            ca_pem: identity.ca_pem.into(),
            connections: Connections::new(limits),
            stop: stop.clone(),
        };
        Ok(Running {
            address,
            shared,
            first_password,
            stop,
            serving: tokio::spawn(serving.run(listener)),
        })
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that clients must trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        self.shared.ca_pem()
    }

    /// Who decides.
    pub fn manager(&self) -> &Manager {
        self.shared.manager()
    }

    /// The password that the first start made up; there once.
    pub fn take_first_password(&mut self) -> Option<Secret> {
        self.first_password.take()
    }

    /// Makes a first virtual machine when the host is ready; the log says what became of it.
    fn make_demo(&self) {
        let manager = self.manager().clone();
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = until_ready(&manager) => match manager.demo().await {
                    Ok(vm) => tracing::info!(vm = vm.name, "There is a first virtual machine"),
                    Err(error) => tracing::warn!(%error, "Could not make a first virtual machine"),
                },
                () = stop.cancelled() => {}
            }
        });
    }

    /// Ends in order: no new connections, goodbye to WebSockets, requests in progress answered,
    /// then the manager, which writes down what it knows.
    pub async fn shutdown(self) {
        self.shared.go_away();
        self.stop.cancel();
        let sockets = self.shared.sockets().wait();
        if tokio::time::timeout(GOODBYE, sockets).await.is_err() {
            tracing::info!("Dropped WebSockets that did not end");
        }
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "The server's loop has failed");
        }
        self.shared.manager().close().await;
    }
}

/// Ends when a host can run something.
async fn until_ready(manager: &Manager) {
    let mut changes = manager.subscribe();
    loop {
        let inventory = manager.inventory();
        let host = inventory
            .hosts
            .iter()
            .any(|host| host.status == HostStatus::Up);
        let active = StorageDomainStatus::Active;
        if host
            && inventory
                .storage_domains
                .iter()
                .any(|domain| domain.status == active)
        {
            return;
        }
        // Lagging is no harm: the inventory is looked at, not the change.
        if matches!(changes.next().await, Err(manager::Missed::Ended)) {
            std::future::pending::<()>().await;
        }
    }
}

/// This machine's name.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}
