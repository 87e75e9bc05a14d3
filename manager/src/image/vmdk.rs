//! The header of a VMDK file (VMware's "Virtual Disk Format 5.0"), little-endian. Accepted is what
//! stands alone: monolithic sparse and stream-optimized. A descriptor that names extents in other
//! files, and one that names a parent, is refused, as is every table that would be outside of the
//! file: QEMU reads the descriptor inside of a sparse file too, and follows what it names.
//!
//! A descriptor that is a file of its own ([`flat`]) is for `ova`, which finds the file that it
//! names in the same archive and nowhere else.

use std::io::{Read, Seek};

use super::{ImageError, Limits, read_at};

const MAGIC: [u8; 4] = *b"KDMV";
const SECTOR: u64 = 512;
const HEADER: usize = 512;
/// The footer's marker, the header that it has, and the marker that ends the stream.
const FOOTER: u64 = 3 * SECTOR;
/// A grain directory's place that says: the real header is the footer.
const AT_END: u64 = u64::MAX;
/// What QEMU reads of a descriptor, whatever its header says of its length.
const READ_ANYWAY: u64 = 20 * SECTOR;
const MAX_DESCRIPTOR: u64 = 64 << 10;
/// QEMU refuses larger grains and longer tables too.
const MAX_GRAIN: u64 = 2048;
const MAX_TABLE_ENTRIES: u32 = 512;
const MAX_DIRECTORY_BYTES: u64 = 32 << 20;

const COMPRESSED: u32 = 1 << 16;
const MARKERS: u32 = 1 << 17;
/// Newline test, second directory, zeroed grains, and the two above.
const KNOWN: u32 = 1 | 2 | 4 | COMPRESSED | MARKERS;

/// What the first line of a descriptor is.
const DESCRIPTOR: &[u8] = b"# Disk DescriptorFile";

/// Decides, and returns the virtual size.
pub(super) fn check(
    file: &mut (impl Read + Seek),
    file_bytes: u64,
    limits: &Limits,
) -> Result<u64, ImageError> {
    let first = match read_at(file, 0, HEADER, "the header") {
        Ok(bytes) => bytes,
        Err(ImageError::Truncated { .. }) => read_all(file, file_bytes)?,
        Err(error) => return Err(error),
    };
    if begins_descriptor(&first) {
        return Err(ImageError::External {
            what: "an extent in a file of its own",
        });
    }
    if first.len() < HEADER || first[..4] != MAGIC {
        return Err(ImageError::NotDeclared {
            expected: "a VMDK image (monolithic sparse or stream-optimized)",
        });
    }
    let head = Header::of(&first);
    head.check(limits)?;
    if head.directory == AT_END {
        // What counts is the second header, at the end; nothing of the first one may differ.
        let at = file_bytes
            .checked_sub(FOOTER)
            .filter(|at| at.is_multiple_of(SECTOR) && *at >= SECTOR)
            .ok_or(ImageError::Truncated { what: "the footer" })?;
        let bytes = read_at(file, at + SECTOR, HEADER, "the footer")?;
        if bytes[..4] != MAGIC {
            return Err(ImageError::Truncated { what: "the footer" });
        }
        let footer = Header::of(&bytes);
        footer.check(limits)?;
        let placed = Header {
            directory: footer.directory,
            second_directory: footer.second_directory,
            overhead: footer.overhead,
            ..head
        };
        if footer.directory == AT_END || footer != placed {
            return Err(header("its footer says other things than its beginning"));
        }
        footer.tables(file_bytes)?;
    } else {
        head.tables(file_bytes)?;
    }
    embedded(file, file_bytes, &head)?;
    Ok(head.capacity * SECTOR)
}

/// The descriptor inside of a sparse file: it must describe this file and nothing else.
fn embedded(
    file: &mut (impl Read + Seek),
    file_bytes: u64,
    head: &Header,
) -> Result<(), ImageError> {
    if head.descriptor == 0 {
        return Err(header("it has no descriptor"));
    }
    let at = head.descriptor.saturating_mul(SECTOR);
    let said = head.descriptor_sectors.saturating_mul(SECTOR);
    if said == 0 || said > MAX_DESCRIPTOR {
        return Err(header(format!("a descriptor of {said} bytes")));
    }
    if at
        .checked_add(said)
        .is_none_or(|end| end > file_bytes || at < SECTOR)
    {
        return Err(ImageError::Truncated {
            what: "the descriptor",
        });
    }
    let length = said.max(READ_ANYWAY).min(file_bytes - at);
    let bytes = read_at(
        file,
        at,
        usize::try_from(length).unwrap_or(0),
        "the descriptor",
    )?;
    // Looked for in all of it, also behind a NUL.
    if contains(&bytes, b"parentfilenamehint") {
        return Err(ImageError::External {
            what: "a parent disk",
        });
    }
    let own = &bytes[..bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len())];
    if !begins_descriptor(own) {
        return Err(header("what should be its descriptor is none"));
    }
    let descriptor = Descriptor::read(own)?;
    let right = if head.flags & COMPRESSED != 0 {
        descriptor.kind == "streamoptimized"
    } else {
        descriptor.kind == "monolithicsparse"
    };
    if !right {
        return Err(header(format!(
            "type {:?}; only monolithicSparse and streamOptimized are accepted",
            descriptor.kind
        )));
    }
    match descriptor.extents.as_slice() {
        [extent] if extent.kind == "SPARSE" && extent.sectors == head.capacity => {
            plain_name(&extent.name).map(|_| ())
        }
        [_] => Err(header(
            "its descriptor describes another extent than the file",
        )),
        _ => Err(ImageError::External {
            what: "several extents",
        }),
    }
}

/// What a descriptor in a file of its own says of a disk that is one flat file: that file's name
/// and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    /// The file, beside the descriptor. A plain name.
    pub name: String,
    /// Its bytes, from its beginning on.
    pub bytes: u64,
}

/// Reads a descriptor of a flat disk. `None` when the file is not a descriptor at all.
pub fn flat(
    file: &mut (impl Read + Seek),
    file_bytes: u64,
    limits: &Limits,
) -> Result<Option<Flat>, ImageError> {
    if file_bytes > MAX_DESCRIPTOR {
        return Ok(None);
    }
    let bytes = read_all(file, file_bytes)?;
    if !begins_descriptor(&bytes) {
        return Ok(None);
    }
    if contains(&bytes, b"parentfilenamehint") {
        return Err(ImageError::External {
            what: "a parent disk",
        });
    }
    let descriptor = Descriptor::read(&bytes)?;
    if !matches!(descriptor.kind.as_str(), "monolithicflat" | "vmfs") {
        return Err(header(format!(
            "type {:?}; of descriptors only monolithicFlat is accepted",
            descriptor.kind
        )));
    }
    let [extent] = descriptor.extents.as_slice() else {
        return Err(ImageError::External {
            what: "several extents",
        });
    };
    if !matches!(extent.kind.as_str(), "FLAT" | "VMFS") || extent.offset.unwrap_or(0) != 0 {
        return Err(header("its extent is not one flat file"));
    }
    let bytes = extent
        .sectors
        .checked_mul(SECTOR)
        .filter(|bytes| *bytes > 0)
        .ok_or(ImageError::Empty)?;
    if bytes > limits.virtual_bytes {
        return Err(ImageError::TooLarge {
            virtual_bytes: bytes,
            limit: limits.virtual_bytes,
        });
    }
    Ok(Some(Flat {
        name: plain_name(&extent.name)?.to_owned(),
        bytes,
    }))
}

/// A file's name that leads nowhere else.
fn plain_name(name: &str) -> Result<&str, ImageError> {
    let plain = !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.chars().any(char::is_control);
    if plain {
        return Ok(name);
    }
    Err(ImageError::External {
        what: "an extent in another folder",
    })
}

#[derive(Debug)]
struct Extent {
    sectors: u64,
    kind: String,
    name: String,
    offset: Option<u64>,
}

#[derive(Debug)]
struct Descriptor {
    /// `createType`, in small letters.
    kind: String,
    extents: Vec<Extent>,
}

impl Descriptor {
    fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let text = String::from_utf8_lossy(bytes);
        let mut kind = None;
        let mut extents = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(access) = ["RW ", "RDONLY ", "NOACCESS "]
                .iter()
                .find(|access| line.starts_with(**access))
            {
                if *access != "RW " || extents.len() >= 2 {
                    return Err(ImageError::External {
                        what: "several extents",
                    });
                }
                extents.push(
                    extent(&line[access.len()..])
                        .ok_or_else(|| header("an extent that cannot be read"))?,
                );
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(header("a line of its descriptor cannot be read"));
            };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "createtype" if kind.is_none() => kind = Some(value.to_ascii_lowercase()),
                "createtype" => return Err(header("its type is said twice")),
                "parentcid" if !value.eq_ignore_ascii_case("ffffffff") => {
                    return Err(ImageError::External {
                        what: "a parent disk",
                    });
                }
                _ => {}
            }
        }
        Ok(Self {
            kind: kind.ok_or_else(|| header("its type is not said"))?,
            extents,
        })
    }
}

/// `4192256 SPARSE "name.vmdk"`, `4192256 FLAT "name-flat.vmdk" 0`.
fn extent(text: &str) -> Option<Extent> {
    let (sectors, rest) = text.trim_start().split_once(' ')?;
    let (kind, rest) = rest.trim_start().split_once(' ')?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let (name, rest) = rest.split_once('"')?;
    let rest = rest.trim();
    Some(Extent {
        sectors: sectors.parse().ok()?,
        kind: kind.to_owned(),
        name: name.to_owned(),
        offset: match rest {
            "" => None,
            rest => Some(rest.parse().ok()?),
        },
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    version: u32,
    flags: u32,
    capacity: u64,
    grain: u64,
    descriptor: u64,
    descriptor_sectors: u64,
    table_entries: u32,
    second_directory: u64,
    directory: u64,
    overhead: u64,
    newlines: [u8; 4],
    compression: u16,
}

impl Header {
    /// From 512 bytes.
    fn of(bytes: &[u8]) -> Self {
        let number = |at: usize, length: usize| {
            bytes[at..at + length]
                .iter()
                .rev()
                .fold(0u64, |value, byte| value << 8 | u64::from(*byte))
        };
        let short = |at| u32::try_from(number(at, 4)).unwrap_or(u32::MAX);
        Self {
            version: short(4),
            flags: short(8),
            capacity: number(12, 8),
            grain: number(20, 8),
            descriptor: number(28, 8),
            descriptor_sectors: number(36, 8),
            table_entries: short(44),
            second_directory: number(48, 8),
            directory: number(56, 8),
            overhead: number(64, 8),
            newlines: [bytes[73], bytes[74], bytes[75], bytes[76]],
            compression: u16::from_le_bytes([bytes[77], bytes[78]]),
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), ImageError> {
        if !(1..=3).contains(&self.version) {
            return Err(header(format!("version {}", self.version)));
        }
        if self.flags & !KNOWN != 0 {
            return Err(header(format!("unknown flags {:#x}", self.flags & !KNOWN)));
        }
        if self.flags & 1 != 0 && self.newlines != *b"\n \r\n" {
            return Err(header("it was changed by a transfer as text"));
        }
        // With no capacity QEMU takes the descriptor for the whole truth.
        if self.capacity == 0 {
            return Err(ImageError::Empty);
        }
        let bytes = self.capacity.saturating_mul(SECTOR);
        if bytes > limits.virtual_bytes {
            return Err(ImageError::TooLarge {
                virtual_bytes: bytes,
                limit: limits.virtual_bytes,
            });
        }
        if !self.grain.is_power_of_two() || self.grain < 8 || self.grain > MAX_GRAIN {
            return Err(header(format!("grains of {} sectors", self.grain)));
        }
        if self.table_entries == 0 || self.table_entries > MAX_TABLE_ENTRIES {
            return Err(header(format!("tables of {} entries", self.table_entries)));
        }
        let compressed = self.flags & COMPRESSED != 0;
        let markers = self.flags & MARKERS != 0;
        if compressed != markers || self.compression != u16::from(compressed) {
            return Err(header(format!("compression {}", self.compression)));
        }
        if self.directory == AT_END && !compressed {
            return Err(header("only a stream-optimized image has a footer"));
        }
        Ok(())
    }

    fn tables(&self, file_bytes: u64) -> Result<(), ImageError> {
        let covered = self.grain * u64::from(self.table_entries);
        let length = self.capacity.div_ceil(covered) * 4;
        if length > MAX_DIRECTORY_BYTES {
            return Err(header(format!("a grain directory of {length} bytes")));
        }
        let inside = |sector: u64, what| {
            let end = sector
                .checked_mul(SECTOR)
                .and_then(|at| at.checked_add(length));
            if sector == 0 || end.is_none_or(|end| end > file_bytes) {
                return Err(ImageError::Truncated { what });
            }
            Ok(())
        };
        inside(self.directory, "the grain directory")?;
        if self.flags & 2 != 0 && self.second_directory != 0 {
            inside(self.second_directory, "the second grain directory")?;
        }
        Ok(())
    }
}

fn read_all(file: &mut (impl Read + Seek), file_bytes: u64) -> Result<Vec<u8>, ImageError> {
    let length = usize::try_from(file_bytes.min(MAX_DESCRIPTOR)).unwrap_or(0);
    read_at(file, 0, length, "the file")
}

fn begins_descriptor(bytes: &[u8]) -> bool {
    bytes
        .get(..DESCRIPTOR.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(DESCRIPTOR))
}

/// Whether these small letters stand anywhere, in whatever letters.
fn contains(bytes: &[u8], small: &[u8]) -> bool {
    bytes
        .windows(small.len())
        .any(|window| window.eq_ignore_ascii_case(small))
}

fn header(what: impl Into<String>) -> ImageError {
    ImageError::Header { what: what.into() }
}
