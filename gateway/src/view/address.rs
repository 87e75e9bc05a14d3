//! Where a SPICE server is, as people write it: `spice://HOST:PORT`, or `spice+tls://HOST:PORT`.
//! A password in it would be in the list of processes, so that none is taken.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A SPICE server's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    tls: bool,
    host: String,
    port: u16,
}

/// Why an address is none. Each is a sentence for the person.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// Something else, or nothing, stands before `://`.
    #[error("{0:?} is no SPICE address: give spice://HOST:PORT or spice+tls://HOST:PORT")]
    Scheme(String),
    /// There is no port.
    #[error("{0:?} has no port: give spice://HOST:PORT, for example spice://127.0.0.1:5930")]
    Port(String),
    /// The host is none.
    #[error("{0:?} names no host: give a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// A name or a password.
    #[error("leave the password out of the address: the page asks for it, or --ticket-file has it")]
    Password,
    /// A path or parameters.
    #[error(
        "nothing may follow the port in a SPICE address; for TLS give spice+tls://HOST:TLS-PORT"
    )]
    Rest,
}

impl Address {
    /// Whether it is reached over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without an IPv6 address's zone, as a certificate names it.
    pub fn bare_host(&self) -> &str {
        self.host
            .split_once('%')
            .map_or(&*self.host, |(bare, _)| bare)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "spice+tls" } else { "spice" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // Before anything of it is said again.
        if rest.contains('@') {
            return Err(AddressError::Password);
        }
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "spice" => false,
            "spice+tls" => true,
            _ => return Err(AddressError::Scheme(text.to_owned())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(AddressError::Rest);
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest
                    .split_once(']')
                    .ok_or_else(|| AddressError::Host(text.to_owned()))?;
                let address = host.split_once('%').map_or(host, |(address, _)| address);
                if address.parse::<Ipv6Addr>().is_err() {
                    return Err(AddressError::Host(text.to_owned()));
                }
                (host, port.strip_prefix(':'))
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.contains(':') && !rest.starts_with('[') || port.is_some_and(|p| p.contains(':')) {
            return Err(AddressError::Host(text.to_owned()));
        }
        let named = host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'));
        if host.is_empty() || host.starts_with('-') || !named {
            return Err(AddressError::Host(text.to_owned()));
        }
        // A sign is no part of a number here.
        let port = port
            .filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()))
            .and_then(|port| port.parse().ok())
            .filter(|port| *port != 0)
            .ok_or_else(|| AddressError::Port(text.to_owned()))?;
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_port() {
        for (text, tls, host, port, shown) in [
            (
                "spice://127.0.0.1:5930",
                false,
                "127.0.0.1",
                5930,
                "spice://127.0.0.1:5930",
            ),
            (
                "spice+tls://vmhost.example:5931/",
                true,
                "vmhost.example",
                5931,
                "spice+tls://vmhost.example:5931",
            ),
            (
                "SPICE://[2001:db8::1]:5930",
                false,
                "2001:db8::1",
                5930,
                "spice://[2001:db8::1]:5930",
            ),
            (
                "spice://[fe80::1%eth0]:1",
                false,
                "fe80::1%eth0",
                1,
                "spice://[fe80::1%eth0]:1",
            ),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.is_tls(), address.host(), address.port()),
                (tls, host, port)
            );
            assert_eq!(address.to_string(), shown);
        }
        let local: Address = "spice+tls://[fe80::1%eth0]:1".parse().unwrap();
        assert_eq!(local.bare_host(), "fe80::1");
    }

    #[test]
    fn what_is_no_address_is_told_how_one_looks() {
        for (text, part) in [
            ("vnc://127.0.0.1:5900", "spice+tls://HOST:PORT"),
            ("spice+unix:///run/spice.sock", "no SPICE address"),
            ("http://127.0.0.1:5930", "no SPICE address"),
            ("127.0.0.1:5930", "no SPICE address"),
            ("", "no SPICE address"),
            ("spice://", "names no host"),
            ("spice://:5930", "names no host"),
            ("spice://::1:5930", "names no host"),
            ("spice://[::1:5930", "names no host"),
            ("spice://[vmhost]:5930", "names no host"),
            ("spice://-oProxy:5930", "names no host"),
            ("spice://a b:5930", "names no host"),
            ("spice://vmhost", "has no port"),
            ("spice://[::1]", "has no port"),
            ("spice://vmhost:", "has no port"),
            ("spice://vmhost:0", "has no port"),
            ("spice://vmhost:+5930", "has no port"),
            ("spice://vmhost:65536", "has no port"),
            ("spice://vmhost:5930?tls-port=5931", "spice+tls"),
            ("spice://vmhost?port=5930", "nothing may follow"),
            ("spice://vmhost:5930/x", "nothing may follow"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        for text in [
            "spice://:hunter2@vmhost:5930",
            "vnc://me:hunter2@vmhost",
            "me:hunter2@vmhost",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error, AddressError::Password);
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
