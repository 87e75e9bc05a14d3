//! What `saffron view` is told when it starts: its command line and the files that it names, made
//! into one checked [`Config`]. Like the configuration of `serve`, a pure function of them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spice_proxy::MAX_PASSWORD_BYTES;

use super::address::{Address, AddressError};
use super::verify::{self, SubjectError};
use crate::config::{Password, persons_state};

/// The arguments of `saffron view`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = HELP)]
pub struct Flags {
    /// The SPICE server: spice://HOST:PORT, or spice+tls://HOST:PORT for TLS
    #[arg(value_name = "ADDRESS")]
    pub target: String,
    /// Address and port to serve the page on. On loopback it is plain HTTP, anywhere else HTTPS
    #[arg(
        long,
        env = "SAFFRON_VIEW_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = LISTEN
    )]
    pub listen: Option<String>,
    /// Certificate authorities (PEM) that may sign the SPICE server's certificate
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Subject that the SPICE server's certificate must have, instead of the host's name; for
    /// example "O=Example,CN=vmhost"
    #[arg(long, value_name = "SUBJECT")]
    pub host_subject: Option<String>,
    /// File with the SPICE password (its first line), so that the page asks nobody
    #[arg(long, value_name = "FILE")]
    pub ticket_file: Option<PathBuf>,
    /// Another name that the page is reached by; may be repeated
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// Where the page's own certificate is kept; used with HTTPS only
    #[arg(long, env = "SAFFRON_VIEW_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// What to log, for example "info" or "debug"
    #[arg(long, env = "SAFFRON_LOG", value_name = "DIRECTIVES")]
    pub log: Option<String>,
}

/// Where the page is served when nobody says so.
const LISTEN: &str = "127.0.0.1:8080";

const HELP: &str = "\
Opens the screen of any SPICE server in a browser, QEMU's for example:
  qemu-system-x86_64 … -spice addr=127.0.0.1,port=5930,disable-ticketing=on -vga qxl
  saffron view spice://127.0.0.1:5930
then the page is at http://127.0.0.1:8080/. A password is asked for in the page.

Ends with 0 when it is told to end, 1 when it cannot start, 2 when an argument is wrong.";

/// Everything that `saffron view` needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The SPICE server.
    pub target: Address,
    /// How it is spoken with over TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Where the page is served: over HTTP on loopback, else over HTTPS.
    pub listen: SocketAddr,
    /// The file with the password. It is read again for each console.
    pub ticket_file: Option<PathBuf>,
    /// More names of the page.
    pub names: Vec<String>,
    /// Where the page's own certificate is kept.
    pub state: PathBuf,
    /// What to log, as `tracing` directives.
    pub log: String,
}

/// Why these arguments will not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SPICE server's address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The address to listen on is none.
    #[error("cannot listen on {0:?}: give ADDRESS:PORT, for example 127.0.0.1:8080 or [::1]:8080")]
    Listen(String),
    /// A file that an argument names cannot be read.
    #[error("cannot read the {what} {path}")]
    Read {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// An argument about TLS without TLS.
    #[error("{0} is for TLS: write the address as spice+tls://HOST:TLS-PORT")]
    OnlyTls(&'static str),
    /// TLS without knowing whom to trust.
    #[error("TLS needs --ca-file: the authority that signs the SPICE server's certificate")]
    NoAuthority,
    /// The file with authorities has none that can be used.
    #[error("{path} holds no usable certificate authority: {reason}")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The subject cannot be understood.
    #[error("cannot understand the host subject: {0}")]
    Subject(#[from] SubjectError),
    /// A password that no SPICE server takes.
    #[error("the password in {path} has {length} bytes; SPICE's have at most {MAX_PASSWORD_BYTES}")]
    PasswordLong {
        /// The file.
        path: PathBuf,
        /// How long the first line is.
        length: usize,
    },
    /// A password that is none.
    #[error("the password file {path} is empty")]
    PasswordEmpty {
        /// The file.
        path: PathBuf,
    },
    /// There is no place for the certificate.
    #[error("HTTPS needs a place for its certificate: give --state DIR")]
    NoState,
}

impl Config {
    /// Checks the arguments; `read` gives a file's text.
    ///
    /// # Errors
    /// When one cannot be understood, or a file cannot be read; the message says which.
    pub fn new(
        flags: Flags,
        read: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, Error> {
        let target: Address = flags.target.parse()?;
        let listen = flags.listen.unwrap_or_else(|| LISTEN.to_owned());
        let listen: SocketAddr = listen.parse().map_err(|_| Error::Listen(listen))?;
        let tls = if target.is_tls() {
            let path = flags.ca_file.ok_or(Error::NoAuthority)?;
            let pem = read(&path).map_err(|source| Error::Read {
                what: "certificate authorities",
                path: path.clone(),
                source,
            })?;
            let subject = flags.host_subject.map(|text| text.parse()).transpose()?;
            let config = verify::client_config(&pem, subject)
                .map_err(|reason| Error::Authority { path, reason })?;
            Some(Arc::new(config))
        } else {
            for (given, argument) in [
                (flags.ca_file.is_some(), "--ca-file"),
                (flags.host_subject.is_some(), "--host-subject"),
            ] {
                if given {
                    return Err(Error::OnlyTls(argument));
                }
            }
            None
        };
        if let Some(path) = &flags.ticket_file {
            password(path, &read)?;
        }
        let state = match flags.state {
            Some(state) => state,
            None if listen.ip().is_loopback() => PathBuf::new(),
            None => persons_state().ok_or(Error::NoState)?.join("saffron/view"),
        };
        Ok(Self {
            target,
            tls,
            listen,
            ticket_file: flags.ticket_file,
            names: flags.names,
            state,
            log: flags.log.unwrap_or_else(|| "warn".to_owned()),
        })
    }
}

/// The password in a file: its first line.
pub(super) fn password(
    path: &Path,
    read: impl Fn(&Path) -> std::io::Result<String>,
) -> Result<Password, Error> {
    let text = read(path).map_err(|source| Error::Read {
        what: "password file",
        path: path.to_owned(),
        source,
    })?;
    let line = text.lines().next().unwrap_or_default();
    match line.len() {
        0 => Err(Error::PasswordEmpty {
            path: path.to_owned(),
        }),
        length if length > MAX_PASSWORD_BYTES => Err(Error::PasswordLong {
            path: path.to_owned(),
            length,
        }),
        _ => Ok(Password::new(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(target: &str) -> Flags {
        Flags {
            target: target.to_owned(),
            ..Flags::default()
        }
    }

    fn files(path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("secret") => Ok("correct horse\nsecond line\n".to_owned()),
            Some("empty") => Ok("\n".to_owned()),
            Some("long") => Ok("x".repeat(61)),
            Some("sixty") => Ok("x".repeat(60)),
            Some("text") => Ok("no certificate\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn refused(flags: Flags) -> String {
        Config::new(flags, files).unwrap_err().to_string()
    }

    #[test]
    fn a_server_is_all_that_must_be_given() {
        let config = Config::new(flags("spice://[::1]:5930"), files).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.target.to_string(), "spice://[::1]:5930");
        assert!(config.tls.is_none() && config.ticket_file.is_none());
    }

    #[test]
    fn tls_wants_an_authority_and_plain_wants_none() {
        assert!(refused(flags("spice+tls://vmhost:5931")).contains("--ca-file"));
        let with_text = Flags {
            ca_file: Some("text".into()),
            ..flags("spice+tls://vmhost:5931")
        };
        assert!(refused(with_text).contains("no usable certificate authority"));
        let with_none = Flags {
            ca_file: Some("none".into()),
            ..flags("spice+tls://vmhost:5931")
        };
        assert!(refused(with_none).contains("cannot read the certificate authorities none"));
        let plain = Flags {
            ca_file: Some("text".into()),
            ..flags("spice://vmhost:5930")
        };
        assert!(refused(plain).contains("spice+tls://"));
        let plain = Flags {
            host_subject: Some("CN=vmhost".to_owned()),
            ..flags("spice://vmhost:5930")
        };
        assert!(refused(plain).contains("--host-subject is for TLS"));
    }

    #[test]
    fn a_password_file_is_read_at_once_and_never_shown() {
        let with = |file: &str| Flags {
            ticket_file: Some(file.into()),
            ..flags("spice://vmhost:5930")
        };
        assert!(Config::new(with("sixty"), files).is_ok());
        let config = Config::new(with("secret"), files).unwrap();
        let password = password(Path::new("secret"), files).unwrap();
        assert_eq!(password.expose(), "correct horse");
        assert!(!format!("{config:?} {password:?}").contains("horse"));
        assert!(refused(with("long")).contains("61 bytes"));
        assert!(refused(with("empty")).contains("is empty"));
        assert!(refused(with("none")).contains("cannot read the password file"));
    }

    #[test]
    fn an_address_to_listen_on_has_a_port() {
        let without = Flags {
            listen: Some("localhost".to_owned()),
            ..flags("spice://vmhost:5930")
        };
        assert!(refused(without).contains("127.0.0.1:8080"));
    }
}
