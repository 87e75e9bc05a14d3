//! The files of `data` that oracles and mutations start from.

use std::path::{Path, PathBuf};

/// An oracle by its name, which is also the fuzz target's.
pub struct Oracle {
    pub name: &'static str,
    pub check: fn(&[u8]),
    /// Folders under `data` with inputs for it.
    pub folders: &'static [&'static str],
}

/// All of them.
pub const ORACLES: &[Oracle] = &[
    Oracle {
        name: "link",
        check: super::oracles::link,
        folders: &["link"],
    },
    Oracle {
        name: "message",
        check: super::oracles::message,
        folders: &["message"],
    },
    Oracle {
        name: "bitmap",
        check: super::oracles::bitmap,
        folders: &["image/bitmap"],
    },
    Oracle {
        name: "quic",
        check: super::oracles::quic,
        folders: &["image/quic"],
    },
    Oracle {
        name: "lz",
        check: super::oracles::lz,
        folders: &["image/lz"],
    },
    Oracle {
        name: "glz",
        check: super::oracles::glz,
        folders: &["image/glz", "image/zlib_glz"],
    },
    Oracle {
        name: "jpeg",
        check: super::oracles::jpeg,
        folders: &["image/jpeg"],
    },
    Oracle {
        name: "lz4",
        check: super::oracles::lz4,
        folders: &["image/lz4"],
    },
    Oracle {
        name: "zlib_glz",
        check: super::oracles::zlib_glz,
        folders: &["image/zlib_glz"],
    },
    Oracle {
        name: "jpeg_alpha",
        check: super::oracles::jpeg_alpha,
        folders: &["image/jpeg"],
    },
    Oracle {
        name: "drawing",
        check: |data| drop(super::oracles::drawing(data)),
        folders: &["drawing"],
    },
    Oracle {
        name: "stream",
        check: |data| drop(super::oracles::stream(data)),
        folders: &["stream"],
    },
    Oracle {
        name: "conversation",
        check: super::oracles::conversation,
        folders: &["conversation"],
    },
];

impl Oracle {
    /// Every input there is for it.
    pub fn inputs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut inputs = Vec::new();
        for folder in self.folders {
            for file in files(&data().join(folder)) {
                if file.extension().is_some_and(|extension| extension == "bin") {
                    let bytes = std::fs::read(&file).expect("a file of the corpus");
                    inputs.push((file, bytes));
                }
            }
        }
        assert!(!inputs.is_empty(), "{} has no inputs", self.name);
        inputs
    }
}

/// The folder with the inputs.
pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// All files in a folder and those in it, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the corpus").path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files.extend(self::files(&entry));
        } else {
            files.push(entry);
        }
    }
    files
}
