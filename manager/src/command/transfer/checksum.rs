//! The checksum of an image as oVirt's image daemon makes it: each block is hashed, and the hashes
//! are. So zeros cost nothing, and clients that know a file's blocks can compare.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use blake2::Blake2b;
use blake2::digest::consts::U32;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

use super::data::TransferData;

/// Bytes of a block where nothing is said.
pub const BLOCK: u64 = 4 << 20;
const SMALLEST: u64 = 128 << 10;
const LARGEST: u64 = 16 << 20;

/// How blocks are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// BLAKE2b with 256 bits.
    Blake2b,
    /// SHA-256.
    Sha256,
}

impl ChecksumAlgorithm {
    /// All of them, by their names in Python's `hashlib`.
    pub const NAMES: [&'static str; 2] = ["blake2b", "sha256"];

    /// By its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "blake2b" => Some(Self::Blake2b),
            "sha256" => Some(Self::Sha256),
            _ => None,
        }
    }

    fn of(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Self::Blake2b => Blake2b::<U32>::digest(bytes).into(),
            Self::Sha256 => Sha256::digest(bytes).into(),
        }
    }

    fn of_all(self, digests: &[[u8; 32]]) -> [u8; 32] {
        match self {
            Self::Blake2b => {
                let mut hash = Blake2b::<U32>::new();
                digests.iter().for_each(|digest| hash.update(digest));
                hash.finalize().into()
            }
            Self::Sha256 => {
                let mut hash = Sha256::new();
                digests.iter().for_each(|digest| hash.update(digest));
                hash.finalize().into()
            }
        }
    }
}

impl TransferData {
    /// The checksum of the whole image, in hexadecimal digits.
    pub async fn checksum(&self, algorithm: ChecksumAlgorithm, block: u64) -> Result<String> {
        if !(SMALLEST..=LARGEST).contains(&block) || !block.is_multiple_of(4096) {
            return Err(Error::invalid(
                "block_size",
                format!("The block size must be {SMALLEST} to {LARGEST}, and a multiple of 4096."),
            ));
        }
        let extents = self.extents().await?;
        let size = self.size();
        let zero = algorithm.of(&vec![0; usize::try_from(block).unwrap_or(0)]);
        let mut digests = Vec::new();
        let mut next = 0;
        let mut at = 0;
        while at < size {
            let end = (at + block).min(size);
            while extents
                .get(next)
                .is_some_and(|it| it.start + it.length <= at)
            {
                next += 1;
            }
            let all_zero = extents[next..]
                .iter()
                .take_while(|it| it.start < end)
                .all(|it| it.zero);
            let digest = if all_zero && end - at == block {
                zero
            } else {
                self.work(move |file| one(file, algorithm, at, end - at))
                    .await?
            };
            digests.push(digest);
            at = end;
        }
        let digest = algorithm.of_all(&digests);
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The digest of a block; what is not in the file any more is zeros.
fn one(file: &File, algorithm: ChecksumAlgorithm, at: u64, length: u64) -> io::Result<[u8; 32]> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(algorithm.of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::ChecksumAlgorithm::{Blake2b, Sha256};

    fn hex(bytes: [u8; 32]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_pythons_hashlib() {
        // hashlib.blake2b(b"abc", digest_size=32).hexdigest()
        assert_eq!(
            hex(Blake2b.of(b"abc")),
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
        );
        assert_eq!(
            hex(Sha256.of(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hex(Sha256.of_all(&[[7; 32]])), hex(Sha256.of(&[7; 32])));
    }
}
