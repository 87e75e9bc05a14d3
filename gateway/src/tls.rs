//! The server's own certificate authority and the certificate it serves with.
//!
//! The authority is made at the first start and stays; what it signs is renewed at a start when it
//! expires within a month, or when the server got a name that the certificate lacks. Both keys are
//! readable by the server's user alone. Verifying others' certificates is not here.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

/// How long the authority lives.
const CA_LIFE: Duration = Duration::days(3650);
/// How long a server certificate lives; browsers refuse more than 398 days from public
/// authorities, and some tools from private ones.
const SERVER_LIFE: Duration = Duration::days(397);
/// A server certificate is renewed when it has less than this left.
const RENEW_BEFORE: Duration = Duration::days(30);

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the state directory cannot be read or written.
    #[error("cannot {verb} {path}")]
    File {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Making a key or a certificate failed.
    #[error("cannot make the {what}")]
    Make {
        /// Which.
        what: &'static str,
        /// Why not.
        #[source]
        source: rcgen::Error,
    },
    /// A certificate or key in the state directory is broken.
    #[error("{path} holds no usable certificate or key: {reason}; remove it to have it made anew")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the server serves with.
pub struct Identity {
    /// For the acceptor: TLS 1.2 and 1.3, HTTP/1.1 and perhaps HTTP/2.
    pub server: Arc<rustls::ServerConfig>,
    /// The authority's certificate, for those who want to trust it.
    pub ca_pem: String,
}

/// Makes `path` a directory that only its owner may enter.
///
/// # Errors
/// When it cannot be made, or belongs to somebody else.
pub fn private_directory(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File {
        verb: "write",
        path: path.to_owned(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)
}

/// Reads the identity in `state`, making whatever is missing or about to expire. The certificate
/// is for `localhost`, loopback, and `names`. `http2` offers HTTP/2 beside HTTP/1.1.
///
/// # Errors
/// When files cannot be read or written, or hold something else.
pub fn identity(
    state: &Path,
    names: &[String],
    http2: bool,
    now: OffsetDateTime,
) -> Result<Identity, Error> {
    private_directory(state)?;
    let ca_path = state.join("ca.pem");
    let ca_key_path = state.join("ca.key");
    if !ca_path.exists() || !ca_key_path.exists() {
        let (certificate, key) = make_ca(now).map_err(|source| Error::Make {
            what: "certificate authority",
            source,
        })?;
        // The key first: a crash between the two leaves no authority that nobody can sign with.
        write_private(&ca_key_path, &key)?;
        write_private(&ca_path, &certificate)?;
    }
    let ca_pem = read(&ca_path)?;
    let names = all_names(names);
    let certificate_path = state.join("server.pem");
    let key_path = state.join("server.key");
    if needs_server(&certificate_path, &key_path, &ca_pem, &names, now) {
        let ca_key = read(&ca_key_path)?;
        let (certificate, key) =
            make_server(&ca_pem, &ca_key, &names, now).map_err(|source| Error::Make {
                what: "server certificate",
                source,
            })?;
        write_private(&key_path, &key)?;
        write_private(&certificate_path, &certificate)?;
        tracing::info!(names = names.join(","), "Made a server certificate");
    }
    Ok(Identity {
        server: Arc::new(server_config(&certificate_path, &key_path, &ca_pem, http2)?),
        ca_pem,
    })
}

/// Loopback's names and `names`, each once.
fn all_names(names: &[String]) -> Vec<String> {
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    for name in names {
        let name = name.trim().to_ascii_lowercase();
        if !name.is_empty() && !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn make_ca(now: OffsetDateTime) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = subject("Saffron Certificate Authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.serial_number = Some(serial());
    params.not_before = now - Duration::days(1);
    params.not_after = now + CA_LIFE;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn make_server(
    ca_pem: &str,
    ca_key: &str,
    names: &[String],
    now: OffsetDateTime,
) -> Result<(String, String), rcgen::Error> {
    let ca_key = KeyPair::from_pem(ca_key)?;
    let issuer = Issuer::from_ca_cert_pem(ca_pem, ca_key)?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(names.last().map_or("localhost", String::as_str));
    for name in names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into()?),
        });
    }
    // keyEncipherment as well: some TLS stacks of API clients insist on it for any server.
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(serial());
    params.not_before = now - Duration::days(1);
    params.not_after = now + SERVER_LIFE;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn subject(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Saffron");
    subject.push(DnType::CommonName, name);
    subject
}

/// Random, so that a certificate made anew is never mistaken for the one before.
fn serial() -> SerialNumber {
    let mut bytes = uuid::Uuid::new_v4().into_bytes();
    bytes[0] &= 0x7f; // Positive, as DER integers are signed.
    SerialNumber::from_slice(&bytes)
}

/// True when there is no server certificate that fits: missing, unreadable, about to expire,
/// signed by another authority, or without one of the names.
fn needs_server(
    certificate: &Path,
    key: &Path,
    ca_pem: &str,
    names: &[String],
    now: OffsetDateTime,
) -> bool {
    let Ok(pem) = fs::read_to_string(certificate) else {
        return true;
    };
    if !key.exists() {
        return true;
    }
    let (Ok(der), Ok(ca)) = (
        CertificateDer::from_pem_slice(pem.as_bytes()),
        CertificateDer::from_pem_slice(ca_pem.as_bytes()),
    ) else {
        return true;
    };
    let roots = {
        let mut roots = rustls::RootCertStore::empty();
        if roots.add(ca).is_err() {
            return true;
        }
        Arc::new(roots)
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Ok(verifier) =
        rustls::client::WebPkiServerVerifier::builder_with_provider(roots, provider).build()
    else {
        return true;
    };
    // Asking as a client would, a month from now, answers all of it at once.
    let later = (now + RENEW_BEFORE).unix_timestamp();
    let later = rustls_pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        u64::try_from(later).unwrap_or(0),
    ));
    names.iter().any(|name| {
        let Ok(name) = rustls_pki_types::ServerName::try_from(name.as_str()) else {
            return false;
        };
        use rustls::client::danger::ServerCertVerifier;
        verifier
            .verify_server_cert(&der, &[], &name, &[], later)
            .is_err()
    })
}

fn server_config(
    certificate_path: &Path,
    key_path: &Path,
    ca_pem: &str,
    http2: bool,
) -> Result<rustls::ServerConfig, Error> {
    let broken = |path: &Path, reason: String| Error::Broken {
        path: path.to_owned(),
        reason,
    };
    let pem = read(certificate_path)?;
    let mut chain = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes())
        .chain(CertificateDer::pem_slice_iter(ca_pem.as_bytes()))
    {
        chain.push(certificate.map_err(|e| broken(certificate_path, e.to_string()))?);
    }
    let key = PrivateKeyDer::from_pem_slice(read(key_path)?.as_bytes())
        .map_err(|e| broken(key_path, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| broken(key_path, e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| broken(key_path, e.to_string()))?;
    let protocols: &[&[u8]] = if http2 {
        &[b"h2", b"http/1.1"]
    } else {
        &[b"http/1.1"]
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File {
        verb: "read",
        path: path.to_owned(),
        source,
    })
}

/// Writes beside the file and renames, so that a reader never meets half of it.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File {
        verb: "write",
        path: path.to_owned(),
        source,
    };
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> PathBuf {
        let path = std::env::temp_dir().join(format!("saffron-tls-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn the_second_start_keeps_authority_and_certificate() {
        let state = state();
        let now = OffsetDateTime::now_utc();
        let names = ["vmhost.example".to_owned()];
        let first = identity(&state, &names, false, now).unwrap();
        let certificate = fs::read(state.join("server.pem")).unwrap();
        let second = identity(&state, &names, false, now).unwrap();
        assert_eq!(first.ca_pem, second.ca_pem);
        assert_eq!(certificate, fs::read(state.join("server.pem")).unwrap());
        fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn a_certificate_is_renewed_when_it_expires_or_lacks_a_name() {
        let state = state();
        let now = OffsetDateTime::now_utc();
        identity(&state, &[], false, now).unwrap();
        let first = fs::read(state.join("server.pem")).unwrap();
        identity(&state, &[], false, now + Duration::days(380)).unwrap();
        let renewed = fs::read(state.join("server.pem")).unwrap();
        assert_ne!(first, renewed);
        identity(&state, &["10.1.2.3".to_owned()], false, now).unwrap();
        assert_ne!(renewed, fs::read(state.join("server.pem")).unwrap());
        fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn only_the_owner_may_read_keys_and_directory() {
        let state = state();
        identity(&state, &[], false, OffsetDateTime::now_utc()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        for file in ["ca.key", "server.key", "ca.pem", "server.pem"] {
            assert_eq!(mode(&state.join(file)), 0o600, "{file}");
        }
        fs::remove_dir_all(state).unwrap();
    }
}
