//! An OVA as a whole: the archive, its description and its manifest agree, and every disk in it is
//! one that we would take as an upload. Nothing is unpacked here.

use std::io::{Read, Seek};

use super::archive::{self, Member};
use super::ovf::{self, Appliance, Written};
use super::window::Window;
use super::{ImageError, ImageFormat, Limits, inspect, read_at, vmdk};

const MAX_MANIFEST: u64 = 64 << 10;

/// What an OVA has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ova {
    /// The VM that it describes.
    pub appliance: Appliance,
    /// The content of the VM's disks, in their order; none for an empty disk.
    pub disks: Vec<Option<OvaDisk>>,
}

/// The content of a disk, inside of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OvaDisk {
    /// Where it begins in the archive.
    pub offset: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// How it is written.
    pub format: ImageFormat,
    /// Bytes that a guest sees.
    pub virtual_bytes: u64,
    /// What the manifest says that it is.
    pub digest: Option<Digest>,
}

/// A digest by a manifest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Digest {
    /// Whether what `file` gives is what was meant. Reads all of it.
    pub fn matches(&self, file: &mut impl Read) -> std::io::Result<bool> {
        let mut buffer = vec![0; 256 << 10];
        let mut feed = |take: &mut dyn FnMut(&[u8])| -> std::io::Result<()> {
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(read) => take(&buffer[..read]),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        };
        match self {
            Self::Sha1(wanted) => {
                use sha1::Digest as _;
                let mut hash = sha1::Sha1::new();
                feed(&mut |bytes| hash.update(bytes))?;
                Ok(hash.finalize()[..] == wanted[..])
            }
            Self::Sha256(wanted) => {
                use sha2::Digest as _;
                let mut hash = sha2::Sha256::new();
                feed(&mut |bytes| hash.update(bytes))?;
                Ok(hash.finalize()[..] == wanted[..])
            }
        }
    }
}

/// Reads an OVA and decides.
pub fn read(file: &mut (impl Read + Seek), limits: &Limits) -> Result<Ova, ImageError> {
    let file_bytes = file.seek(std::io::SeekFrom::End(0))?;
    let members = archive::list(file, file_bytes)?;
    let described: Vec<&Member> = members
        .iter()
        .filter(|member| has_ending(&member.name, "ovf"))
        .collect();
    let [description] = described.as_slice() else {
        return Err(wrong(format!(
            "{} descriptions where there must be one",
            described.len()
        )));
    };
    let text = member_text(file, description, ovf::MAX_BYTES)?;
    let appliance = Appliance::read(&text)?;
    let manifest = match members.iter().find(|it| has_ending(&it.name, "mf")) {
        Some(member) => manifest(&member_text(file, member, MAX_MANIFEST)?)?,
        None => Vec::new(),
    };
    let digest_of = |name: &str| {
        manifest
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, digest)| digest.clone())
    };
    if let Some(digest) = digest_of(&description.name)
        && !digest.matches(&mut text.as_bytes())?
    {
        return Err(wrong("its manifest says that its description was changed"));
    }
    let mut used: Vec<&str> = Vec::new();
    let mut total = 0u64;
    let mut disks = Vec::new();
    for disk in &appliance.disks {
        let Some(name) = &disk.file else {
            total = total.saturating_add(disk.capacity);
            disks.push(None);
            continue;
        };
        let member = find(&members, name)?;
        if used.contains(&member.name.as_str()) {
            return Err(wrong("two disks with one file"));
        }
        used.push(&member.name);
        let found = content(file, &members, member, disk.written, limits)?;
        let digest = digest_of(
            members
                .iter()
                .find(|it| it.offset == found.offset)
                .map_or(name, |it| &it.name),
        );
        total = total.saturating_add(found.virtual_bytes);
        disks.push(Some(OvaDisk { digest, ..found }));
    }
    if total > limits.virtual_bytes {
        return Err(ImageError::TooLarge {
            virtual_bytes: total,
            limit: limits.virtual_bytes,
        });
    }
    Ok(Ova { appliance, disks })
}

/// Looks at a disk's content as what its description says that it is.
fn content(
    file: &mut (impl Read + Seek),
    members: &[Member],
    member: &Member,
    written: Written,
    limits: &Limits,
) -> Result<OvaDisk, ImageError> {
    let (member, format) = match written {
        Written::Qcow2 => (member, ImageFormat::Qcow2),
        Written::Raw => (member, ImageFormat::Raw),
        Written::Vmdk => match vmdk::flat(&mut part(file, member), member.bytes, limits)? {
            Some(flat) => {
                let extent = find(members, &flat.name)?;
                if extent.bytes != flat.bytes {
                    return Err(ImageError::Truncated {
                        what: "the end of a flat disk",
                    });
                }
                (extent, ImageFormat::Raw)
            }
            None => (member, ImageFormat::Vmdk),
        },
    };
    let facts = inspect(format, &mut part(file, member), limits)?;
    Ok(OvaDisk {
        offset: member.offset,
        bytes: member.bytes,
        format,
        virtual_bytes: facts.virtual_bytes,
        digest: None,
    })
}

fn part<'a, F: Read + Seek>(file: &'a mut F, member: &Member) -> Window<&'a mut F> {
    Window::new(file, member.offset, member.bytes)
}

fn find<'a>(members: &'a [Member], name: &str) -> Result<&'a Member, ImageError> {
    members
        .iter()
        .find(|member| member.name == name)
        .ok_or(ImageError::External {
            what: "a disk that is not in the archive",
        })
}

fn has_ending(name: &str, ending: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, it)| it.eq_ignore_ascii_case(ending))
}

fn member_text(
    file: &mut (impl Read + Seek),
    member: &Member,
    most: u64,
) -> Result<String, ImageError> {
    if member.bytes > most {
        return Err(wrong(format!("{} of {} bytes", member.name, member.bytes)));
    }
    let length = usize::try_from(member.bytes).unwrap_or(0);
    let bytes = read_at(file, member.offset, length, "a file of the archive")?;
    String::from_utf8(bytes).map_err(|_| wrong(format!("{} is not UTF-8", member.name)))
}

/// `SHA256(name)= hex` lines.
fn manifest(text: &str) -> Result<Vec<(String, Digest)>, ImageError> {
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim).filter(|it| !it.is_empty()) {
        let bad = || wrong("its manifest cannot be read");
        let (algorithm, rest) = line.split_once('(').ok_or_else(bad)?;
        let (name, hex) = rest.rsplit_once(')').ok_or_else(bad)?;
        let hex = hex.trim_start().strip_prefix('=').ok_or_else(bad)?.trim();
        let bytes = from_hex(hex).ok_or_else(bad)?;
        let digest = match algorithm.trim().to_ascii_uppercase().as_str() {
            "SHA1" => Digest::Sha1(bytes.try_into().map_err(|_| bad())?),
            "SHA256" => Digest::Sha256(bytes.try_into().map_err(|_| bad())?),
            _ => return Err(wrong("its manifest uses an unknown digest")),
        };
        if lines.len() >= archive::MAX_ENTRIES || lines.iter().any(|(it, _)| it == name) {
            return Err(bad());
        }
        lines.push((name.to_owned(), digest));
    }
    Ok(lines)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) || text.len() > 128 {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

fn wrong(what: impl Into<String>) -> ImageError {
    ImageError::Header { what: what.into() }
}
