//! A password as Linux stores it: SHA-512 with a salt, 5,000 rounds (`$6$`, Ulrich Drepper's
//! scheme, in the public domain). So the medium that lies on the storage has no password in it.

use sha2::{Digest as _, Sha256, Sha512};

const ROUNDS: usize = 5000;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether a text is the hash of a password already.
pub(super) fn is_hash(text: &str) -> bool {
    let mut parts = text.splitn(4, '$');
    let (first, scheme, _, hash) = (parts.next(), parts.next(), parts.next(), parts.next());
    first == Some("")
        && matches!(scheme, Some("1" | "2a" | "2b" | "2y" | "5" | "6" | "y"))
        && hash.is_some_and(|hash| hash.len() >= 22)
}

/// A salt that is the same for the same text.
pub(super) fn salt(of: &str) -> String {
    let hash = Sha256::digest(format!("salt of {of}").as_bytes());
    hash.iter()
        .take(16)
        .map(|byte| char::from(ALPHABET[usize::from(byte & 63)]))
        .collect()
}

/// The hash; of the salt the first 16 characters count.
pub(super) fn sha512(password: &str, salt: &str) -> String {
    let key = password.as_bytes();
    let salt = &salt.as_bytes()[..salt.len().min(16)];
    let other = Sha512::new()
        .chain_update(key)
        .chain_update(salt)
        .chain_update(key)
        .finalize();
    let mut first = Sha512::new().chain_update(key).chain_update(salt);
    first.update(repeated(&other, key.len()));
    let mut bits = key.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(other);
        } else {
            first.update(key);
        }
        bits >>= 1;
    }
    let first = first.finalize();
    let mut hash = Sha512::new();
    for _ in 0..key.len() {
        hash.update(key);
    }
    let key_bytes = repeated(&hash.finalize(), key.len());
    let mut hash = Sha512::new();
    for _ in 0..16 + usize::from(first[0]) {
        hash.update(salt);
    }
    let salt_bytes = repeated(&hash.finalize(), salt.len());
    let mut last: [u8; 64] = first.into();
    for round in 0..ROUNDS {
        let mut hash = Sha512::new();
        let odd = round % 2 == 1;
        hash.update(if odd { &key_bytes[..] } else { &last[..] });
        if round % 3 != 0 {
            hash.update(&salt_bytes);
        }
        if round % 7 != 0 {
            hash.update(&key_bytes);
        }
        hash.update(if odd { &last[..] } else { &key_bytes[..] });
        last = hash.finalize().into();
    }
    let mut text = format!("$6${}$", String::from_utf8_lossy(salt));
    // Three bytes become four characters, in an order that goes round.
    let (mut a, mut b, mut c) = (0, 21, 42);
    for _ in 0..21 {
        push(&mut text, [last[a], last[b], last[c]], 4);
        (a, b, c) = (b + 1, c + 1, a + 1);
    }
    push(&mut text, [0, 0, last[63]], 2);
    text
}

fn repeated(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

fn push(text: &mut String, bytes: [u8; 3], characters: usize) {
    let mut value = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    for _ in 0..characters {
        text.push(char::from(ALPHABET[(value & 63) as usize]));
        value >>= 6;
    }
}
