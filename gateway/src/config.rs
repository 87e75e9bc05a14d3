//! What the server is told when it starts: command line, environment and one TOML file, merged into
//! one checked [`Config`]. Precedence: command line and environment over file over default.
//!
//! Only `main.rs` reads arguments, environment and files; everything here is a pure function of
//! them, so that a wrong setting can be tested without starting a server.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Everything the server needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where everything that must survive is kept; mode 0700.
    pub state: PathBuf,
    /// Where HTTPS is served.
    pub listen: SocketAddr,
    /// Which libvirt runs this machine's guests.
    pub libvirt_uri: String,
    /// The first password of `admin@internal`, for starts that nobody watches.
    pub admin_password: Option<Password>,
    /// The address that consoles of this machine's guests are reached at.
    pub display_address: IpAddr,
    /// More names and addresses that the server's certificate is for.
    pub names: Vec<String>,
    /// Offer HTTP/2. Off by default: libgovirt (virt-viewer's library) announces a body with a GET
    /// and sends none, which HTTP/2 forbids and HTTP/1.1 servers can overlook.
    pub http2: bool,
    /// Make a first virtual machine for a newcomer to look at.
    pub demo: bool,
    /// What to log, as `tracing` directives.
    pub log: String,
    /// Where to stop dead (`step:phase`), for tests of recovery.
    pub crash: Option<String>,
}

/// A password on its way in; never shown by `Debug`.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Keeps `text` from being shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The password itself, for the one place that hashes it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The flags of `saffron serve`; each may also come from the environment.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// State directory: database, certificates, images
    #[arg(long, env = "SAFFRON_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Address and port to serve HTTPS on
    #[arg(long, env = "SAFFRON_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Configuration file (TOML) with the same settings
    #[arg(long, env = "SAFFRON_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// libvirt connection URI
    #[arg(long, env = "SAFFRON_LIBVIRT_URI", value_name = "URI")]
    pub libvirt_uri: Option<String>,
    /// File with the first password of admin@internal
    #[arg(long, env = "SAFFRON_ADMIN_PASSWORD_FILE", value_name = "FILE")]
    pub admin_password_file: Option<PathBuf>,
    /// Address that consoles are reached at
    #[arg(long, env = "SAFFRON_DISPLAY_ADDRESS", value_name = "ADDRESS")]
    pub display_address: Option<IpAddr>,
    /// Another name or address for the server's certificate; may be repeated
    #[arg(long = "name", value_name = "NAME")]
    pub names: Vec<String>,
    /// What to log, for example "info" or "info,manager=debug"
    #[arg(long, env = "SAFFRON_LOG", value_name = "DIRECTIVES")]
    pub log: Option<String>,
    /// Make a first virtual machine to look at
    #[arg(long, env = "SAFFRON_DEMO")]
    pub demo: bool,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    state: Option<PathBuf>,
    listen: Option<String>,
    libvirt_uri: Option<String>,
    admin_password_file: Option<PathBuf>,
    display_address: Option<IpAddr>,
    #[serde(default)]
    names: Vec<String>,
    log: Option<String>,
    #[serde(default)]
    http2: bool,
    #[serde(default)]
    demo: bool,
}

/// Why the server cannot start with these settings.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that the settings name cannot be read.
    #[error("cannot read {what} {path}")]
    Read {
        /// What the file is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is not TOML, or has a setting that does not exist.
    #[error("cannot understand configuration file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// The parser's own words, with the line.
        reason: String,
    },
    /// The address to listen on is none.
    #[error("cannot listen on {0:?}: give ADDRESS:PORT, for example 0.0.0.0:8443 or [::]:8443")]
    Listen(String),
    /// The file with the first password holds none that is good enough.
    #[error(
        "the password in {path} has {length} characters; it needs at least 8 on its first line"
    )]
    PasswordShort {
        /// The file.
        path: PathBuf,
        /// How long the first line is.
        length: usize,
    },
}

impl Config {
    /// Merges flags with the file that they name; `read` gives a file's text.
    ///
    /// # Errors
    /// When a file cannot be read or a value cannot be understood; the message says which.
    pub fn new(
        flags: Flags,
        read: impl Fn(&Path) -> std::io::Result<String>,
    ) -> Result<Self, Error> {
        let file = match &flags.config {
            None => File::default(),
            Some(path) => {
                let text = read(path).map_err(|source| Error::Read {
                    what: "configuration file",
                    path: path.clone(),
                    source,
                })?;
                toml::from_str(&text).map_err(|error| Error::File {
                    path: path.clone(),
                    reason: error.to_string(),
                })?
            }
        };
        let listen = flags
            .listen
            .or(file.listen)
            .unwrap_or_else(|| "0.0.0.0:8443".to_owned());
        let listen: SocketAddr = listen.parse().map_err(|_| Error::Listen(listen))?;
        let admin_password = match flags.admin_password_file.or(file.admin_password_file) {
            None => None,
            Some(path) => {
                let text = read(&path).map_err(|source| Error::Read {
                    what: "password file",
                    path: path.clone(),
                    source,
                })?;
                let line = text.lines().next().unwrap_or_default().to_owned();
                let length = line.chars().count();
                if length < 8 {
                    return Err(Error::PasswordShort { path, length });
                }
                Some(Password(line))
            }
        };
        let display_address = flags.display_address.or(file.display_address);
        Ok(Self {
            state: flags
                .state
                .or(file.state)
                .unwrap_or_else(|| PathBuf::from("/var/lib/saffron")),
            listen,
            libvirt_uri: flags
                .libvirt_uri
                .or(file.libvirt_uri)
                .unwrap_or_else(|| "qemu:///system".to_owned()),
            admin_password,
            // Consoles go through the gateway, so that loopback is enough unless somebody wants to
            // reach them with a native viewer.
            display_address: display_address.unwrap_or(IpAddr::from([127, 0, 0, 1])),
            names: file.names.into_iter().chain(flags.names).collect(),
            http2: file.http2,
            demo: flags.demo || file.demo,
            log: flags.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            crash: None,
        })
    }
}

/// The person's own place for what programs keep.
pub(crate) fn persons_state() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .and_then(absolute)
        .or_else(|| {
            let home = absolute(PathBuf::from(std::env::var_os("HOME")?))?;
            Some(home.join(".local/state"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &Path) -> std::io::Result<String> {
        match path.to_str() {
            Some("good.toml") => Ok("listen = \"[::1]:9443\"\nlog = \"debug\"\n".to_owned()),
            Some("typo.toml") => Ok("listn = \"[::1]:9443\"\n".to_owned()),
            Some("secret") => Ok("correct horse\n".to_owned()),
            Some("short") => Ok("\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Flags {
            config: Some("good.toml".into()),
            log: Some("trace".to_owned()),
            ..Flags::default()
        };
        let config = Config::new(flags, files).unwrap();
        assert_eq!(config.listen, "[::1]:9443".parse().unwrap());
        assert_eq!(config.log, "trace");
        assert_eq!(config.libvirt_uri, "qemu:///system");
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named() {
        let flags = Flags {
            config: Some("typo.toml".into()),
            ..Flags::default()
        };
        let error = Config::new(flags, files).unwrap_err().to_string();
        assert!(error.contains("listn"), "{error}");
    }

    #[test]
    fn an_address_without_port_is_refused_with_an_example() {
        let flags = Flags {
            listen: Some("localhost".to_owned()),
            ..Flags::default()
        };
        let error = Config::new(flags, files).unwrap_err().to_string();
        assert!(error.contains("0.0.0.0:8443"), "{error}");
    }

    #[test]
    fn the_first_password_is_read_but_never_shown() {
        let flags = Flags {
            admin_password_file: Some("secret".into()),
            ..Flags::default()
        };
        let config = Config::new(flags, files).unwrap();
        assert_eq!(
            config.admin_password.as_ref().unwrap().expose(),
            "correct horse"
        );
        assert!(!format!("{config:?}").contains("horse"));
    }

    #[test]
    fn an_empty_first_password_and_a_missing_file_are_refused() {
        for (file, part) in [
            ("short", "at least 8"),
            ("missing", "cannot read password file"),
        ] {
            let flags = Flags {
                admin_password_file: Some(file.into()),
                ..Flags::default()
            };
            let error = Config::new(flags, files).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
