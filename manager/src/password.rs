//! Passwords of the internal domain: argon2id, a few at a time, and as slow for a user who does
//! not exist as for one who does.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::model::Secret;

/// KiB of memory for one hash.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Longest password that is looked at, in bytes.
const LONGEST: usize = 1024;
/// Shortest password that may be chosen, in characters.
const SHORTEST: usize = 8;

/// Hashes and verifies, as many at once as there are processors, so that logins cannot starve
/// everything else.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    nobody: Arc<OnceLock<String>>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
            nobody: Arc::default(),
        }
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let parameters = Params::new(MEMORY, PASSES, 1, None)
        .map_err(|error| Error::failed(format!("argon2's parameters are wrong: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn hash_now(password: &Secret) -> Result<String> {
    let hash: PasswordHash = argon2()?
        .hash_password(password.expose().as_bytes())
        .map_err(|error| Error::failed(format!("a password cannot be hashed: {error}")))?;
    Ok(hash.to_string())
}

impl Passwords {
    /// The hash of a password as PHC string.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String> {
        self.work(move || hash_now(&password)).await?
    }

    /// Whether a password is the one of a hash; without a hash it takes as long and is not.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool> {
        let nobody = Arc::clone(&self.nobody);
        self.work(move || {
            let known = hash.is_some();
            let hash = match hash {
                Some(hash) => hash,
                None => match nobody.get() {
                    Some(hash) => hash.clone(),
                    None => {
                        let hash = hash_now(&Secret::new("nobody"))?;
                        nobody.get_or_init(|| hash).clone()
                    }
                },
            };
            let parsed = PasswordHash::new(&hash).map_err(|error| {
                Error::failed(format!("a kept password cannot be read: {error}"))
            })?;
            let fits = password.expose().len() <= LONGEST
                && argon2()?
                    .verify_password(password.expose().as_bytes(), &parsed)
                    .is_ok();
            Ok(fits && known)
        })
        .await?
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| Error::unavailable("The manager is ending."))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::failed("A password could not be looked at."))
    }
}

/// Whether a hash was made with other costs than today's.
pub(crate) fn is_outdated(hash: &str) -> bool {
    !hash.starts_with(&format!("$argon2id$v=19$m={MEMORY},t={PASSES},p=1$"))
}

/// Refuses a password that may not be chosen.
pub(crate) fn check_choice(password: &Secret) -> Result<()> {
    let text = password.expose();
    if text.chars().count() < SHORTEST || text.len() > LONGEST {
        return Err(Error::invalid(
            "password",
            format!("The password must have {SHORTEST} to {LONGEST} characters."),
        ));
    }
    Ok(())
}

/// A secret of 256 random bits, as 64 hexadecimal digits.
pub(crate) fn random_secret() -> Result<Secret> {
    Ok(Secret::new(hex(&random_key()?)))
}

/// 256 random bits.
pub(crate) fn random_key() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::failed(format!("there are no random numbers: {error}")))?;
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is kept instead of a secret of 256 bits.
pub(crate) fn digest(secret: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_names_its_costs_and_fits_its_password_only() {
        let passwords = Passwords::default();
        let hash = passwords
            .hash(Secret::new("correct horse"))
            .await
            .expect("hashed");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(!is_outdated(&hash));
        assert!(
            passwords
                .verify(Secret::new("correct horse"), Some(hash.clone()))
                .await
                .expect("checked")
        );
        assert!(
            !passwords
                .verify(Secret::new("battery staple"), Some(hash))
                .await
                .expect("checked")
        );
    }

    #[tokio::test]
    async fn nobody_has_no_password_at_all() {
        let passwords = Passwords::default();
        for guess in ["nobody", "", "admin"] {
            assert!(
                !passwords
                    .verify(Secret::new(guess), None)
                    .await
                    .expect("checked")
            );
        }
    }
}
