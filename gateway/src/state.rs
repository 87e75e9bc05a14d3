//! What handlers share: the manager, who is let in, and what a request needs to know of the server
//! itself. Cheap to clone.

use std::sync::Arc;

use http::HeaderMap;
use manager::Manager;
use manager::model::UserId;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::auth::door::Door;
use crate::console::Channels;

/// What handlers share.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    manager: Manager,
    door: Door,
    ca_pem: Arc<str>,
    port: u16,
    channels: Channels,
    sockets: TaskTracker,
    going_away: watch::Sender<bool>,
}

impl Shared {
    /// For a server of `manager`'s on `port`, whose authority's certificate is `ca_pem`.
    pub fn new(manager: Manager, ca_pem: &str, port: u16) -> Self {
        Self(Arc::new(Inner {
            door: Door::new(manager.clone()),
            manager,
            ca_pem: ca_pem.into(),
            port,
            channels: Channels::default(),
            sockets: TaskTracker::new(),
            going_away: watch::Sender::new(false),
        }))
    }

    /// Who decides, remembers and watches.
    pub fn manager(&self) -> &Manager {
        &self.0.manager
    }

    /// The certificate that clients must trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.0.ca_pem
    }

    /// The host and port that this request was sent to, as it names them.
    pub fn authority(&self, headers: &HeaderMap) -> String {
        headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok())
            .map_or_else(|| format!("localhost:{}", self.0.port), str::to_owned)
    }

    /// Where an image transfer's data is sent to or had from, by its secret.
    pub fn image_url(&self, headers: &HeaderMap, secret: &str) -> String {
        format!("https://{}/images/{secret}", self.authority(headers))
    }

    /// Whether somebody has a role of administration, and so a portal for it.
    pub fn is_administrator(&self, user: UserId) -> bool {
        let caller = manager::Caller {
            user,
            ..manager::Caller::system()
        };
        // A caller of that user, not the system itself.
        let caller = manager::Caller {
            session: Some(manager::model::SessionId::ZERO),
            ..caller
        };
        self.0.manager.access().administrator(&caller)
    }

    pub(crate) fn door(&self) -> &Door {
        &self.0.door
    }

    pub(crate) fn channels(&self) -> &Channels {
        &self.0.channels
    }

    /// Counts WebSockets, which outlive their requests.
    pub(crate) fn sockets(&self) -> &TaskTracker {
        &self.0.sockets
    }

    /// Becomes true when the server ends.
    pub(crate) fn going_away(&self) -> watch::Receiver<bool> {
        self.0.going_away.subscribe()
    }

    /// Tells every WebSocket that the server ends.
    pub(crate) fn go_away(&self) {
        self.0.going_away.send_replace(true);
        self.0.sockets.close();
    }
}
