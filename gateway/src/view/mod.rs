//! `saffron view`: the console page for one SPICE server and nothing else, without a manager, a
//! login or a database. It is made of what `serve` is made of: the accept loop, the headers, the
//! assets, the one way to a WebSocket, `spice-proxy`.
//!
//! Whoever reaches the address may use the page, so it listens on loopback unless told otherwise,
//! and answers only to names that a foreign page cannot point at it.

mod address;
mod config;
mod routes;
mod tickets;
mod verify;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use spice_proxy::{End, Refusal, Target};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connections;
use crate::view::tickets::Tickets;
use crate::{GOODBYE, StartError, host_name, server, tls};

pub use address::{Address, AddressError};
pub use config::{Config, Error, Flags};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// What the handlers share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    /// Names, beside addresses, that requests may be for.
    names: Vec<String>,
    tickets: Tickets,
    sockets: TaskTracker,
    going_away: watch::Sender<bool>,
}

impl Shared {
    /// Whether a request for `host` (a header's value) is for us. A page of somebody else's may
    /// have its own name lead here; an address cannot be made to lie like that, nor can `localhost`.
    fn is_own(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<http::uri::Authority>() else {
            return false;
        };
        let name = authority.host();
        let bare = name
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(name);
        if host.contains('@') {
            return false;
        }
        match bare.parse::<IpAddr>() {
            Ok(address) => self.is_own_address(address),
            Err(_) => {
                bare.eq_ignore_ascii_case("localhost")
                    || self
                        .0
                        .names
                        .iter()
                        .any(|own| own.eq_ignore_ascii_case(bare))
            }
        }
    }

    fn is_own_address(&self, address: IpAddr) -> bool {
        let listen = self.0.config.listen.ip();
        address.is_loopback() || listen.is_unspecified() || address == listen
    }

    /// Where the SPICE server is now: its name is asked for anew each time.
    async fn target(&self) -> Result<Target, Refusal> {
        let Config { target, tls, .. } = &self.0.config;
        let unknown = || {
            let sentence = format!("No address is known for {}.", target.host());
            Refusal::new(End::Unreachable, sentence)
        };
        let found = tokio::net::lookup_host((target.host(), target.port()));
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in found.await.map_err(|_| unknown())? {
            if !addresses.contains(&address) && addresses.len() < ADDRESSES_MAX {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(unknown());
        }
        let Some(config) = tls else {
            return Ok(Target::Tcp(addresses));
        };
        let name = ServerName::try_from(target.bare_host().to_owned()).map_err(|_| unknown())?;
        Ok(Target::Tls {
            addresses,
            name,
            config: Arc::clone(config),
        })
    }
}

/// A page that is served.
#[derive(Debug)]
pub struct View {
    address: SocketAddr,
    secure: bool,
    ca_pem: Option<String>,
    shared: Shared,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl View {
    /// Begins to serve. The SPICE server is not asked for before a page wants it.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no certificate for it.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let listen = config.listen;
        let mut names = config.names.clone();
        let mut identity = None;
        if !listen.ip().is_loopback() {
            names.push(host_name());
            let mut all = names.clone();
            if !listen.ip().is_unspecified() {
                all.push(listen.ip().to_string());
            }
            let now = time::OffsetDateTime::now_utc();
            identity = Some(tls::identity(&config.state, &all, false, now)?);
        }
        let failed = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = server::bind(listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Shared(Arc::new(Inner {
            config,
            names,
            tickets: Tickets::default(),
            sockets: TaskTracker::new(),
            going_away: watch::Sender::new(false),
        }));
        let stop = CancellationToken::new();
        let ca_pem = identity.as_ref().map(|identity| identity.ca_pem.clone());
        let serving = server::Listener {
            tls: identity.map(|identity| identity.server),
            router: routes::router(shared.clone()),
            ca_pem: ca_pem.clone().unwrap_or_default().into(),
            connections: Connections::new(server::LIMITS),
            stop: stop.clone(),
        };
        Ok(Self {
            address,
            secure: ca_pem.is_some(),
            ca_pem,
            shared,
            stop,
            serving: tokio::spawn(serving.run(listener)),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that browsers must trust, as PEM; none without TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The page's address, for the person. On loopback it is a number, since what browsers keep
    /// about `localhost` (strict transport security, above all) is kept for all of its ports.
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/", SocketAddr::new(ip, self.address.port()))
    }

    /// Ends in order: no new connections, goodbye to consoles.
    pub async fn shutdown(self) {
        self.shared.0.going_away.send_replace(true);
        self.shared.0.sockets.close();
        self.stop.cancel();
        let sockets = self.shared.0.sockets.wait();
        if tokio::time::timeout(GOODBYE, sockets).await.is_err() {
            tracing::info!("Dropped WebSockets that did not end");
        }
        if let Err(error) = self.serving.await {
            tracing::error!(%error, "The server's loop has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(listen: &str) -> Shared {
        let flags = Flags {
            target: "spice://127.0.0.1:5930".to_owned(),
            listen: Some(listen.to_owned()),
            names: vec!["vmhost.example".to_owned()],
            ..Flags::default()
        };
        let config = Config::new(flags, |_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        Shared(Arc::new(Inner {
            names: config.names.clone(),
            config,
            tickets: Tickets::default(),
            sockets: TaskTracker::new(),
            going_away: watch::Sender::new(false),
        }))
    }

    #[test]
    fn a_page_on_loopback_answers_to_loopback_only() {
        let shared = shared("127.0.0.1:8080");
        for own in [
            "127.0.0.1:8080",
            "localhost:8080",
            "LOCALHOST",
            "[::1]:8080",
            // Through a tunnel from another machine's loopback.
            "localhost:9000",
            "vmhost.example:8080",
        ] {
            assert!(shared.is_own(own), "{own}");
        }
        for foreign in [
            "",
            "evil.test:8080",
            "localhost.evil.test:8080",
            "127.0.0.1.evil.test",
            "192.0.2.1:8080",
            "evil.test@127.0.0.1:8080",
            "[::1",
            "0x7f000001",
        ] {
            assert!(!shared.is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_page_for_a_network_answers_to_its_address_and_its_names() {
        let one = shared("192.0.2.7:8443");
        assert!(one.is_own("192.0.2.7:8443") && one.is_own("vmhost.example"));
        assert!(!one.is_own("192.0.2.8:8443") && !one.is_own("evil.test"));
        let every = shared("0.0.0.0:8443");
        assert!(every.is_own("192.0.2.8:8443") && every.is_own("[2001:db8::1]:8443"));
        assert!(!every.is_own("evil.test:8443"));
    }

    #[tokio::test]
    async fn a_name_without_address_is_said() {
        let mut config = shared("127.0.0.1:0").0.config.clone();
        config.target = "spice://no-such-host.invalid:5930".parse().unwrap();
        let shared = Shared(Arc::new(Inner {
            config,
            names: Vec::new(),
            tickets: Tickets::default(),
            sockets: TaskTracker::new(),
            going_away: watch::Sender::new(false),
        }));
        let refusal = shared.target().await.unwrap_err();
        assert_eq!(refusal.end, End::Unreachable);
        assert_eq!(
            refusal.sentence,
            "No address is known for no-such-host.invalid."
        );
    }
}
