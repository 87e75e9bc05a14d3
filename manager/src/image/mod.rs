//! Decides whether an uploaded file may become a disk or a CD, by our own reading of its header,
//! before anything else opens it. The format is what the caller declared: content is compared with
//! it and never used to guess one, because whoever writes the content would then choose what the
//! host's tools do with it.
//!
//! Storing, converting and attaching are left to others.

pub mod archive;
mod iso;
pub mod ova;
pub mod ovf;
mod qcow2;
mod vmdk;
mod window;

pub use qcow2::virtual_bytes as qcow2_virtual_bytes;
pub use window::Window;

use std::io::{self, Read, Seek, SeekFrom};

/// The format that the caller declares for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    /// A disk, byte by byte. Whatever header it carries is the guest's own business, for ever.
    Raw,
    /// A CD or DVD: ISO 9660 or UDF.
    Iso,
    /// A disk in QEMU's format (oVirt: `cow`).
    Qcow2,
    /// A disk in VMware's format that stands alone: monolithic sparse or stream-optimized.
    Vmdk,
}

impl ImageFormat {
    /// By the names that callers use: `raw`, `iso`, `cow`, `qcow2`, `vmdk`. Anything else is
    /// refused.
    pub fn by_name(name: &str) -> Result<Self, ImageError> {
        match name {
            "raw" => Ok(Self::Raw),
            "iso" => Ok(Self::Iso),
            "cow" | "qcow2" => Ok(Self::Qcow2),
            "vmdk" => Ok(Self::Vmdk),
            other => Err(ImageError::Format {
                name: other.chars().take(32).collect(),
            }),
        }
    }

    /// QEMU's name for it.
    #[must_use]
    pub fn qemu(self) -> &'static str {
        match self {
            Self::Raw | Self::Iso => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
        }
    }
}

/// What an image may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Size that a guest sees.
    pub virtual_bytes: u64,
    /// Internal snapshots in a qcow2 file.
    pub snapshots: u32,
}

impl Default for Limits {
    /// 16 TiB, and 16 snapshots.
    fn default() -> Self {
        Self {
            virtual_bytes: 16 << 40,
            snapshots: 16,
        }
    }
}

/// What is known of an image that is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageFacts {
    /// As declared.
    pub format: ImageFormat,
    /// Size that a guest sees, a multiple of 512.
    pub virtual_bytes: u64,
    /// Length of the file.
    pub file_bytes: u64,
}

/// Why a file is refused. Each message is a sentence for the person who uploaded it.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Not a format that we take.
    #[error("images of format {name} are not accepted; use raw, qcow2, vmdk or iso")]
    Format {
        /// What was declared.
        name: String,
    },
    /// There is nothing in it.
    #[error("the image is empty")]
    Empty,
    /// It does not begin as the declared format does.
    #[error("the file is not {expected}")]
    NotDeclared {
        /// What was declared, in words.
        expected: &'static str,
    },
    /// It ends before something that its header speaks of.
    #[error("the image ends early: {what} would be outside of the file")]
    Truncated {
        /// The thing.
        what: &'static str,
    },
    /// It refers to another file.
    #[error("the image needs another file ({what}); only self-contained images are accepted")]
    External {
        /// Backing file or data file.
        what: &'static str,
    },
    /// It is encrypted.
    #[error("the image is encrypted, which is not supported")]
    Encrypted,
    /// A value of its header is outside of what makes sense.
    #[error("the image's header is not acceptable: {what}")]
    Header {
        /// The value and the rule.
        what: String,
    },
    /// It is larger than allowed.
    #[error("the image has a virtual size of {virtual_bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// What it says.
        virtual_bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// It could not be read.
    #[error("the image cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads the header of `file` as the declared format and decides. Reads at most a few hundred KiB,
/// whatever the header claims.
pub fn inspect(
    format: ImageFormat,
    file: &mut (impl Read + Seek),
    limits: &Limits,
) -> Result<ImageFacts, ImageError> {
    let file_bytes = file.seek(SeekFrom::End(0))?;
    if file_bytes == 0 {
        return Err(ImageError::Empty);
    }
    let virtual_bytes = match format {
        ImageFormat::Raw => file_bytes,
        ImageFormat::Iso => {
            iso::check(file, file_bytes)?;
            file_bytes
        }
        ImageFormat::Qcow2 => qcow2::check(file, file_bytes, limits)?,
        ImageFormat::Vmdk => vmdk::check(file, file_bytes, limits)?,
    };
    let rounded = virtual_bytes
        .checked_next_multiple_of(512)
        .unwrap_or(u64::MAX);
    if rounded > limits.virtual_bytes {
        return Err(ImageError::TooLarge {
            virtual_bytes,
            limit: limits.virtual_bytes,
        });
    }
    Ok(ImageFacts {
        format,
        virtual_bytes: rounded,
        file_bytes,
    })
}

/// `length` bytes from `offset`, or [`ImageError::Truncated`].
fn read_at(
    file: &mut (impl Read + Seek),
    offset: u64,
    length: usize,
    what: &'static str,
) -> Result<Vec<u8>, ImageError> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; length];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ImageError::Truncated { what })
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
