//! The ticket exchange: a password encrypted with the server's 1024-bit RSA key (OAEP, SHA-1),
//! as the protocol has fixed it. The key is too short to keep a secret from everyone: that is
//! the transport's work.

use rsa::rand_core::{CryptoRng, Error as RngError, RngCore};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPublicKey, pkcs8::DecodePublicKey};
use sha1::Sha1;

use super::{PUBLIC_KEY_BYTES, TICKET_BYTES};
use crate::Error;

/// The longest password, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 60;

/// Encrypts `password` for the server whose SubjectPublicKeyInfo is `public_key`.
pub fn encrypt(
    public_key: &[u8; PUBLIC_KEY_BYTES],
    password: &str,
) -> Result<[u8; TICKET_BYTES], Error> {
    if password.len() > MAX_PASSWORD_BYTES {
        let (value, limit) = (password.len() as u64, MAX_PASSWORD_BYTES as u64);
        return Err(Error::limit("length of the SPICE password", value, limit));
    }
    let key = RsaPublicKey::from_public_key_der(public_key)
        .map_err(|_| Error::invalid("the server's public key", 0))?;
    if key.size() != TICKET_BYTES {
        return Err(Error::invalid(
            "size of the server's public key",
            key.size() as u64,
        ));
    }
    // The server reads a C string: the closing zero belongs to it.
    let mut plain = Vec::with_capacity(MAX_PASSWORD_BYTES + 1);
    plain.extend_from_slice(password.as_bytes());
    plain.push(0);
    let mut pool = Pool::fill()?;
    let coded = key
        .encrypt(&mut pool, Oaep::new::<Sha1>(), &plain)
        .map_err(|_| Error::invalid("the server's public key", 1))?;
    if pool.ran_out {
        return Err(Error::unsupported(
            "amount of randomness",
            POOL_BYTES as u64,
        ));
    }
    coded
        .try_into()
        .map_err(|_| Error::invalid("size of the ticket", TICKET_BYTES as u64))
}

/// OAEP's seed is 20 bytes.
const POOL_BYTES: usize = 64;

/// Randomness drawn beforehand, because `fill_bytes` has no way to fail.
struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
    ran_out: bool,
}

impl Pool {
    fn fill() -> Result<Self, Error> {
        let mut bytes = [0; POOL_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Error::missing("source of randomness", 0))?;
        Ok(Self {
            bytes,
            used: 0,
            ran_out: false,
        })
    }
}

impl RngCore for Pool {
    fn next_u32(&mut self) -> u32 {
        let mut word = [0; 4];
        self.fill_bytes(&mut word);
        u32::from_le_bytes(word)
    }

    fn next_u64(&mut self) -> u64 {
        let mut word = [0; 8];
        self.fill_bytes(&mut word);
        u64::from_le_bytes(word)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        let from = self.bytes.get(self.used..).unwrap_or_default();
        match from.get(..dest.len()) {
            Some(random) => {
                dest.copy_from_slice(random);
                self.used += dest.len();
            }
            None => self.ran_out = true,
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), RngError> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Pool {}
