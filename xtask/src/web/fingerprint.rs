//! Telling whether something changed: by content, so that a fresh checkout of the same files counts
//! as the same.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// A growing digest.
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a text; where it ends matters.
    pub fn add(&mut self, text: &str) {
        self.add_bytes(text.as_bytes());
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds a file, or a folder with all that is in it; what is not there counts as just that.
    pub fn add_path(&mut self, path: &Path) -> Result<()> {
        if path.is_dir() {
            let mut entries: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                self.add(&entry.file_name().to_string_lossy());
                self.add_path(&entry.path())?;
            }
        } else if path.is_file() {
            self.add_bytes(
                &fs::read(path).with_context(|| format!("{} could not be read", path.display()))?,
            );
        } else {
            self.add("absent");
        }
        Ok(())
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The digest of some bytes, in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_text_ends_matters() {
        let of = |parts: &[&str]| {
            let mut print = Fingerprint::new();
            parts.iter().for_each(|part| print.add(part));
            print.finish()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
    }

    #[test]
    fn the_digest_is_sha256() {
        assert_eq!(digest(b"")[..16], *"e3b0c44298fc1c14");
    }
}
