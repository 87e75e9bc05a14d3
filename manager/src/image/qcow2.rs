//! The header of a qcow2 file (QEMU's docs/interop/qcow2.txt), big-endian. Everything that would
//! make QEMU open another file, ask for a key or allocate what the file merely claims is refused.

use std::io::{Read, Seek};

use super::{ImageError, Limits, read_at};

const MAGIC: [u8; 4] = *b"QFI\xfb";
/// Length of the header of version 2.
const HEADER_2: usize = 72;
/// Least length of the header of version 3.
const HEADER_3: u64 = 104;
/// QEMU refuses larger ones too.
const MAX_L1_BYTES: u64 = 32 << 20;
const MAX_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;
/// All headers, extensions and the backing file's name have to be in the first cluster; what is
/// read of it is limited besides.
const MAX_HEADER_AREA: u64 = 64 << 10;
const MAX_BITMAPS: u64 = 64;
const MAX_BITMAP_DIRECTORY: u64 = 64 << 10;
/// Variable part of a snapshot's entry: extra data, id, name.
const MAX_SNAPSHOT_STRINGS: u64 = 64 << 10;

const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const COMPRESSION_TYPE: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
const KNOWN: u64 = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

const EXTENSION_END: u32 = 0;
const EXTENSION_BACKING_FORMAT: u32 = 0xe279_2aca;
const EXTENSION_FEATURE_NAMES: u32 = 0x6803_f857;
const EXTENSION_BITMAPS: u32 = 0x2385_2875;
const EXTENSION_ENCRYPTION: u32 = 0x0537_be77;
const EXTENSION_DATA_FILE: u32 = 0x4441_5441;

/// Decides, and returns the virtual size.
pub(super) fn check(
    file: &mut (impl Read + Seek),
    file_bytes: u64,
    limits: &Limits,
) -> Result<u64, ImageError> {
    let head = Header::read(file)?;
    if head.backing_offset != 0 || head.backing_length != 0 {
        return Err(ImageError::External {
            what: "a backing file",
        });
    }
    if head.crypt_method != 0 {
        return Err(ImageError::Encrypted);
    }
    if head.incompatible & EXTERNAL_DATA != 0 {
        return Err(ImageError::External {
            what: "an external data file",
        });
    }
    if head.incompatible & CORRUPT != 0 {
        return Err(header("it is marked as corrupt"));
    }
    if head.incompatible & DIRTY != 0 {
        return Err(header(
            "it was not closed properly; repair it with qemu-img check -r all",
        ));
    }
    if head.incompatible & !KNOWN != 0 {
        return Err(header(format!(
            "unknown incompatible features {:#x}",
            head.incompatible & !KNOWN
        )));
    }
    if !(9..=21).contains(&head.cluster_bits) {
        return Err(header(format!(
            "cluster size of 2^{} bytes",
            head.cluster_bits
        )));
    }
    let cluster = 1u64 << head.cluster_bits;
    if head.version >= 3
        && (head.header_length < HEADER_3
            || head.header_length % 8 != 0
            || head.header_length > cluster)
    {
        return Err(header(format!(
            "header length of {} bytes",
            head.header_length
        )));
    }
    if head.refcount_order > 6 {
        return Err(header(format!(
            "reference counts of 2^{} bits",
            head.refcount_order
        )));
    }
    if head.compression > 1
        || (head.compression != 0) != (head.incompatible & COMPRESSION_TYPE != 0)
    {
        return Err(header(format!("compression type {}", head.compression)));
    }
    if head.size == 0 {
        return Err(ImageError::Empty);
    }
    if head.size > limits.virtual_bytes {
        return Err(ImageError::TooLarge {
            virtual_bytes: head.size,
            limit: limits.virtual_bytes,
        });
    }
    extensions(file, &head, cluster, file_bytes)?;

    let table = Table {
        cluster,
        file_bytes,
    };
    let entry = if head.incompatible & EXTENDED_L2 != 0 {
        16
    } else {
        8
    };
    // One L1 entry stands for one L2 table of one cluster. cluster² fits: at most 2^42.
    let needed = head.size.div_ceil(cluster * (cluster / entry));
    if u64::from(head.l1_size) < needed {
        return Err(header(format!(
            "an L1 table of {} entries where {needed} are needed",
            head.l1_size
        )));
    }
    table.check(
        head.l1_offset,
        u64::from(head.l1_size) * 8,
        MAX_L1_BYTES,
        "the L1 table",
    )?;
    let refcounts = u64::from(head.refcount_clusters) * cluster;
    if refcounts == 0 {
        return Err(header("no reference counts"));
    }
    table.check(
        head.refcount_offset,
        refcounts,
        MAX_REFCOUNT_TABLE_BYTES,
        "the table of reference counts",
    )?;
    snapshots(file, &head, &table, limits)?;
    Ok(head.size)
}

/// The virtual size that a header states, for a file that was accepted or made by us before.
pub fn virtual_bytes(file: &mut (impl Read + Seek)) -> Result<u64, ImageError> {
    Header::read(file).map(|header| header.size)
}

struct Header {
    version: u32,
    backing_offset: u64,
    backing_length: u32,
    cluster_bits: u32,
    size: u64,
    crypt_method: u32,
    l1_size: u32,
    l1_offset: u64,
    refcount_offset: u64,
    refcount_clusters: u32,
    snapshots: u32,
    snapshots_offset: u64,
    incompatible: u64,
    refcount_order: u32,
    header_length: u64,
    compression: u8,
}

impl Header {
    fn read(file: &mut (impl Read + Seek)) -> Result<Self, ImageError> {
        const NOT: ImageError = ImageError::NotDeclared {
            expected: "a qcow2 image",
        };
        let bytes = match read_at(file, 0, HEADER_2, "the header") {
            Ok(bytes) if bytes[..4] == MAGIC => bytes,
            Ok(_) | Err(ImageError::Truncated { .. }) => return Err(NOT),
            Err(error) => return Err(error),
        };
        let mut header = Self {
            version: u32_at(&bytes, 4),
            backing_offset: u64_at(&bytes, 8),
            backing_length: u32_at(&bytes, 16),
            cluster_bits: u32_at(&bytes, 20),
            size: u64_at(&bytes, 24),
            crypt_method: u32_at(&bytes, 32),
            l1_size: u32_at(&bytes, 36),
            l1_offset: u64_at(&bytes, 40),
            refcount_offset: u64_at(&bytes, 48),
            refcount_clusters: u32_at(&bytes, 56),
            snapshots: u32_at(&bytes, 60),
            snapshots_offset: u64_at(&bytes, 64),
            incompatible: 0,
            refcount_order: 4,
            header_length: HEADER_2 as u64,
            compression: 0,
        };
        match header.version {
            2 => {}
            3 => {
                let bytes = read_at(file, HEADER_2 as u64, 32, "the header")?;
                header.incompatible = u64_at(&bytes, 0);
                header.refcount_order = u32_at(&bytes, 24);
                header.header_length = u64::from(u32_at(&bytes, 28));
                if header.header_length > HEADER_3 {
                    header.compression = read_at(file, HEADER_3, 1, "the header")?[0];
                }
            }
            version => return Err(self::header(format!("version {version}"))),
        }
        Ok(header)
    }
}

fn extensions(
    file: &mut (impl Read + Seek),
    head: &Header,
    cluster: u64,
    file_bytes: u64,
) -> Result<(), ImageError> {
    let end = cluster.min(MAX_HEADER_AREA).min(file_bytes);
    let mut at = head.header_length;
    while at + 8 <= end {
        let bytes = read_at(file, at, 8, "a header extension")?;
        let (kind, length) = (u32_at(&bytes, 0), u64::from(u32_at(&bytes, 4)));
        let next = (at + 8).saturating_add(length.next_multiple_of(8));
        match kind {
            EXTENSION_END => return Ok(()),
            _ if at + 8 + length > end => {
                return Err(header(format!("an extension of {length} bytes")));
            }
            EXTENSION_BACKING_FORMAT => {
                return Err(ImageError::External {
                    what: "a backing file",
                });
            }
            EXTENSION_DATA_FILE => {
                return Err(ImageError::External {
                    what: "an external data file",
                });
            }
            EXTENSION_ENCRYPTION => return Err(ImageError::Encrypted),
            EXTENSION_BITMAPS => {
                if length < 24 {
                    return Err(header("an extension for bitmaps that is too short"));
                }
                let bytes = read_at(file, at + 8, 24, "a header extension")?;
                let (count, size, offset) = (
                    u64::from(u32_at(&bytes, 0)),
                    u64_at(&bytes, 8),
                    u64_at(&bytes, 16),
                );
                if count > MAX_BITMAPS || size > MAX_BITMAP_DIRECTORY {
                    return Err(header(format!(
                        "{count} bitmaps with a directory of {size} bytes"
                    )));
                }
                if offset.checked_add(size).is_none_or(|end| end > file_bytes) {
                    return Err(ImageError::Truncated {
                        what: "the directory of bitmaps",
                    });
                }
            }
            EXTENSION_FEATURE_NAMES => {}
            // Unknown extensions may be ignored by definition.
            _ => {}
        }
        at = next;
    }
    Ok(())
}

fn snapshots(
    file: &mut (impl Read + Seek),
    head: &Header,
    table: &Table,
    limits: &Limits,
) -> Result<(), ImageError> {
    if head.snapshots == 0 {
        return Ok(());
    }
    if head.snapshots > limits.snapshots {
        return Err(header(format!(
            "{} internal snapshots; at most {} are accepted",
            head.snapshots, limits.snapshots
        )));
    }
    table.check(
        head.snapshots_offset,
        40 * u64::from(head.snapshots),
        u64::MAX,
        "the table of snapshots",
    )?;
    let mut at = head.snapshots_offset;
    for _ in 0..head.snapshots {
        let entry = read_at(file, at, 40, "the table of snapshots")?;
        table.check(
            u64_at(&entry, 0),
            u64::from(u32_at(&entry, 8)) * 8,
            MAX_L1_BYTES,
            "the L1 table of a snapshot",
        )?;
        let strings = u64::from(u32_at(&entry, 36))
            + u64::from(u16_at(&entry, 12))
            + u64::from(u16_at(&entry, 14));
        if strings > MAX_SNAPSHOT_STRINGS {
            return Err(header(format!("a snapshot with {strings} bytes of names")));
        }
        at = (at + 40 + strings).next_multiple_of(8);
    }
    Ok(())
}

/// A table in the file: begins at a cluster, and is inside.
struct Table {
    cluster: u64,
    file_bytes: u64,
}

impl Table {
    fn check(
        &self,
        offset: u64,
        length: u64,
        limit: u64,
        what: &'static str,
    ) -> Result<(), ImageError> {
        if length > limit {
            return Err(header(format!("{what} has {length} bytes")));
        }
        if offset == 0 || !offset.is_multiple_of(self.cluster) {
            return Err(header(format!("{what} begins at byte {offset}")));
        }
        if offset
            .checked_add(length)
            .is_none_or(|end| end > self.file_bytes)
        {
            return Err(ImageError::Truncated { what });
        }
        Ok(())
    }
}

fn header(what: impl Into<String>) -> ImageError {
    ImageError::Header { what: what.into() }
}

// Callers read these from buffers that they have just filled to a length that covers the field.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes[at..at + 2]
        .iter()
        .fold(0, |value, byte| value << 8 | u16::from(*byte))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4]
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
