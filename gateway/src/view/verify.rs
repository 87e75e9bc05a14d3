//! Whether a SPICE server's certificate is the right one, by the rules that SPICE clients have: it
//! is signed by an authority from a file (or stands in that file itself), is valid now, and is for
//! the host's name, or has exactly the subject that was asked for. A certificate of the old kind
//! that names its host in the subject only is taken at that word.

use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore};
use rustls::{Error, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{X509Name, X509Version};

/// How to speak TLS with a server whose certificate one of the authorities in `pem` has signed, and
/// which has `subject`, if that is given. In error, what is wrong with `pem`.
pub(super) fn client_config(pem: &str, subject: Option<Subject>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let mut pinned = Vec::new();
    let mut trouble = None;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        // What is no authority may still be the server's own certificate.
        if let Err(error) = roots.add(certificate.clone()) {
            trouble = Some(error.to_string());
        }
        pinned.push(certificate);
    }
    if pinned.is_empty() {
        return Err("it has no certificate".to_owned());
    }
    if let (true, Some(trouble)) = (roots.is_empty(), trouble) {
        return Err(trouble);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier {
        roots,
        pinned,
        algorithms: provider.signature_verification_algorithms,
        subject,
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

#[derive(Debug)]
struct Verifier {
    roots: RootCertStore,
    /// What the file has, as it is.
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    subject: Option<Subject>,
}

/// What `rustls` has no error for; its text is a part of a sentence.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("its certificate has another subject")]
    Subject,
    #[error("its certificate is of X.509 version {0}, not 3")]
    Version(u32),
    #[error("its certificate cannot be read")]
    Unreadable,
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        CertificateError::Other(OtherError(Arc::new(wrong))).into()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Ok((_, details)) = X509Certificate::from_der(end_entity) else {
            return Err(Wrong::Unreadable.into());
        };
        if details.version() != X509Version::V3 {
            return Err(Wrong::Version(details.version().0.saturating_add(1)).into());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if self.pinned.contains(end_entity) {
            is_valid(&details, now)?;
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        match &self.subject {
            Some(subject) if subject.is(details.subject()) => {}
            Some(_) => return Err(Wrong::Subject.into()),
            None if is_named_by_subject(&details, server_name) => {}
            None => verify_server_name(&certificate, server_name)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_valid(certificate: &X509Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}

/// Whether a certificate without alternative names has the host's name as its common name.
fn is_named_by_subject(certificate: &X509Certificate<'_>, name: &ServerName<'_>) -> bool {
    // One that is there twice, or broken, is there.
    if !matches!(certificate.subject_alternative_name(), Ok(None)) {
        return false;
    }
    let mut names = certificate.subject().iter_common_name();
    let (Some(common), None) = (names.next(), names.next()) else {
        return false;
    };
    common
        .as_str()
        .is_ok_and(|common| common.eq_ignore_ascii_case(&name.to_str()))
}

/// A certificate's subject, as SPICE clients are given it: `O=Example,CN=vmhost`; a comma or a
/// backslash of a value has a backslash before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Subject(Vec<(String, String)>);

/// Why a text is no subject.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SubjectError {
    /// There is nothing.
    #[error("it is empty; write it like \"O=Example,CN=vmhost\"")]
    Empty,
    /// A part without `=`.
    #[error("{0:?} has no \"=\"; write it like \"O=Example,CN=vmhost\"")]
    NoValue(String),
    /// An attribute that is not known.
    #[error("{0:?} is no attribute; known are C, ST, L, O, OU, CN, DC, UID, emailAddress, numbers")]
    Attribute(String),
}

/// Short names and numbers of a subject's attributes.
const ATTRIBUTES: [(&str, &str); 16] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("street", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("postalCode", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
];

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let mut parts = vec![String::new()];
        let mut escaped = false;
        for character in text.chars() {
            match character {
                '\\' if !escaped => escaped = true,
                ',' if !escaped => parts.push(String::new()),
                other => {
                    escaped = false;
                    if let Some(part) = parts.last_mut() {
                        part.push(other);
                    }
                }
            }
        }
        if text.trim().is_empty() {
            return Err(SubjectError::Empty);
        }
        let attribute = |part: String| {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| SubjectError::NoValue(part.trim().to_owned()))?;
            let name = name.trim();
            let number = name
                .split('.')
                .all(|arc| !arc.is_empty() && arc.bytes().all(|digit| digit.is_ascii_digit()));
            let known = ATTRIBUTES
                .iter()
                .find(|(short, _)| short.eq_ignore_ascii_case(name));
            match known {
                Some((_, number)) => Ok(((*number).to_owned(), canonical(value))),
                None if number && name.contains('.') => Ok((name.to_owned(), canonical(value))),
                None => Err(SubjectError::Attribute(name.to_owned())),
            }
        };
        parts
            .into_iter()
            .map(attribute)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Subject {
    /// Whether a certificate's subject is this one: the same attributes in the same order.
    fn is(&self, name: &X509Name<'_>) -> bool {
        let mut wanted = self.0.iter();
        for attribute in name.iter_attributes() {
            let Some((number, value)) = wanted.next() else {
                return false;
            };
            let same = attribute.attr_type().to_id_string() == *number
                && attribute
                    .as_str()
                    .is_ok_and(|found| canonical(found) == *value);
            if !same {
                return false;
            }
        }
        wanted.next().is_none()
    }
}

/// A value as X.509 compares it: without regard to case and to how much space there is.
fn canonical(value: &str) -> String {
    let words: Vec<_> = value.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    };
    use time::OffsetDateTime;

    use super::*;

    struct Authority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn name(parts: &[(DnType, &str)]) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        for (kind, value) in parts {
            name.push(kind.clone(), *value);
        }
        name
    }

    fn authority() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = name(&[(DnType::CommonName, "An Authority")]);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for `names`, with this organization and common name.
    fn server(authority: &Authority, names: &[&str], common: &str) -> CertificateDer<'static> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = name(&[
            (DnType::OrganizationName, "Example,  Inc."),
            (DnType::CommonName, common),
        ]);
        let now = OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(2);
        params.not_after = now + time::Duration::days(2);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &authority.issuer).unwrap();
        signed.der().clone()
    }

    fn verify_at(
        pem: &str,
        subject: Option<&str>,
        certificate: &CertificateDer<'_>,
        name: &str,
        days: i64,
    ) -> Result<(), Error> {
        let subject = subject.map(|subject| subject.parse().unwrap());
        let mut roots = RootCertStore::empty();
        let pinned: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .map(Result::unwrap)
            .collect();
        for certificate in &pinned {
            let _ = roots.add(certificate.clone());
        }
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let verifier = Verifier {
            roots,
            pinned,
            algorithms: provider.signature_verification_algorithms,
            subject,
        };
        let then = OffsetDateTime::now_utc() + time::Duration::days(days);
        let then = Duration::from_secs(u64::try_from(then.unix_timestamp()).unwrap());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(
                certificate,
                &[],
                &name,
                &[],
                UnixTime::since_unix_epoch(then),
            )
            .map(|_| ())
    }

    fn verify(
        pem: &str,
        subject: Option<&str>,
        certificate: &CertificateDer<'_>,
        name: &str,
    ) -> Result<(), String> {
        verify_at(pem, subject, certificate, name, 0).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_must_be_signed_for_the_name_and_valid_now() {
        let ours = authority();
        let certificate = server(&ours, &["vmhost.example", "192.0.2.7"], "whoever");
        assert_eq!(
            verify(&ours.pem, None, &certificate, "vmhost.example"),
            Ok(())
        );
        assert_eq!(verify(&ours.pem, None, &certificate, "192.0.2.7"), Ok(()));
        let other = verify(&ours.pem, None, &certificate, "other.example");
        assert!(other.unwrap_err().contains("not valid for name"));
        // The common name is not looked at where there are better names.
        assert!(verify(&ours.pem, None, &certificate, "whoever").is_err());
        // Of the same name, which is no matter of trust.
        let foreign = verify(&authority().pem, None, &certificate, "vmhost.example");
        assert!(foreign.unwrap_err().contains("BadSignature"));
        let late = verify_at(&ours.pem, None, &certificate, "vmhost.example", 3).unwrap_err();
        assert!(late.to_string().contains("expired"), "{late}");
        let early = verify_at(&ours.pem, None, &certificate, "vmhost.example", -3).unwrap_err();
        assert!(early.to_string().contains("not valid yet"), "{early}");
    }

    #[test]
    fn a_subject_takes_the_place_of_the_name() {
        let ours = authority();
        let certificate = server(&ours, &["vmhost.example"], "vmhost");
        let right = r"O=example\, inc.,CN=VMHOST";
        assert_eq!(
            verify(&ours.pem, Some(right), &certificate, "10.0.0.1"),
            Ok(())
        );
        let number = r"2.5.4.10 = Example\, Inc., 2.5.4.3 = vmhost";
        assert_eq!(
            verify(&ours.pem, Some(number), &certificate, "10.0.0.1"),
            Ok(())
        );
        for wrong in [
            "CN=vmhost",
            r"CN=vmhost,O=Example\, Inc.",
            r"O=Example\, Inc.,CN=vmhost,OU=x",
            r"O=Example\, Inc.,CN=vmhost2",
            r"O=Example\, Inc.,OU=vmhost",
        ] {
            let refused = verify(&ours.pem, Some(wrong), &certificate, "vmhost.example");
            assert!(
                refused.unwrap_err().contains("Other(OtherError(Subject))"),
                "{wrong}"
            );
        }
        // The right subject helps nobody whom the authority did not sign.
        let foreign = verify(&authority().pem, Some(right), &certificate, "10.0.0.1");
        assert!(foreign.is_err());
    }

    #[test]
    fn an_old_certificate_names_its_host_in_the_subject() {
        let ours = authority();
        let certificate = server(&ours, &[], "vmhost.example");
        assert_eq!(
            verify(&ours.pem, None, &certificate, "VMHOST.example"),
            Ok(())
        );
        assert!(verify(&ours.pem, None, &certificate, "example").is_err());
        let address = server(&ours, &[], "192.0.2.7");
        assert_eq!(verify(&ours.pem, None, &address, "192.0.2.7"), Ok(()));
    }

    #[test]
    fn a_certificate_that_stands_in_the_file_itself_is_trusted_while_it_is_valid() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["vmhost.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = OffsetDateTime::now_utc() + time::Duration::days(2);
        let own = params.self_signed(&key).unwrap();
        let pem = own.pem();
        assert_eq!(verify(&pem, None, own.der(), "vmhost.example"), Ok(()));
        assert!(verify(&pem, None, own.der(), "other.example").is_err());
        let late = verify_at(&pem, None, own.der(), "vmhost.example", 3).unwrap_err();
        assert_eq!(late, CertificateError::Expired.into());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let ours = authority();
        let certificate = server(&ours, &["vmhost.example"], "vmhost");
        for length in [0, 1, 10, certificate.len() - 1] {
            let cut = CertificateDer::from(certificate[..length].to_vec());
            assert!(verify(&ours.pem, None, &cut, "vmhost.example").is_err());
        }
        assert!(client_config("", None).is_err());
        assert!(
            client_config(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                None
            )
            .is_err()
        );
    }

    #[test]
    fn a_subject_that_is_none_is_told_how_one_looks() {
        for (text, part) in [
            ("", "it is empty"),
            ("vmhost", "has no \"=\""),
            ("O=Example,,CN=x", "has no \"=\""),
            ("XY=1", "is no attribute"),
            ("2=1", "is no attribute"),
        ] {
            let error = text.parse::<Subject>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
