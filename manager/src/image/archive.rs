//! A tar archive as OVA files are: a few regular files in one folder. Only its list is read, never
//! its content; links, folders, devices, names that lead elsewhere and sizes that the file does not
//! have are refused before anything is made of it.

use std::io::{Read, Seek};

use super::{ImageError, read_at};

const BLOCK: u64 = 512;
/// Files in an archive.
pub const MAX_ENTRIES: usize = 64;
/// What may stand before an entry to describe it (POSIX `x`, GNU `L`).
const MAX_EXTENSION: u64 = 16 << 10;
/// Blocks that are looked at: entries and what describes them.
const MAX_HEADERS: usize = 4 * MAX_ENTRIES;

/// A file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its plain name.
    pub name: String,
    /// Where its content begins; a multiple of 512.
    pub offset: u64,
    /// Bytes of its content.
    pub bytes: u64,
}

/// Lists the files of an archive, or refuses it.
pub fn list(file: &mut (impl Read + Seek), file_bytes: u64) -> Result<Vec<Member>, ImageError> {
    let mut members: Vec<Member> = Vec::new();
    let mut said = Said::default();
    let mut at = 0u64;
    for count in 0.. {
        if at >= file_bytes && !members.is_empty() {
            break;
        }
        let block = match read_at(file, at, 512, "an entry of the archive") {
            Ok(block) => block,
            Err(ImageError::Truncated { .. }) if at == 0 => return Err(NOT),
            Err(error) => return Err(error),
        };
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        if !checksum_is_right(&block) {
            return Err(if at == 0 {
                NOT
            } else {
                wrong("an entry is damaged")
            });
        }
        if count >= MAX_HEADERS || members.len() >= MAX_ENTRIES {
            return Err(wrong(format!("more than {MAX_ENTRIES} files")));
        }
        let size = number(&block[124..136]).ok_or_else(|| wrong("an entry without a size"))?;
        let content = at + BLOCK;
        let kind = block[156];
        let bytes = match kind {
            b'0' | 0 | b'7' => said.size.take().unwrap_or(size),
            _ => size,
        };
        let next = bytes
            .checked_next_multiple_of(BLOCK)
            .and_then(|padded| content.checked_add(padded));
        let ends = content.checked_add(bytes);
        let (Some(next), Some(ends)) = (next, ends) else {
            return Err(wrong(format!("an entry of {bytes} bytes")));
        };
        if ends > file_bytes {
            return Err(ImageError::Truncated {
                what: "a file of the archive",
            });
        }
        match kind {
            b'0' | 0 | b'7' => {
                let name = match said.name.take() {
                    Some(name) => name,
                    None => header_name(&block)?,
                };
                let name = plain(&name)?;
                if members.iter().any(|member| member.name == name) {
                    return Err(wrong(format!("two files named {name}")));
                }
                members.push(Member {
                    name,
                    offset: content,
                    bytes,
                });
            }
            b'x' | b'L' => {
                if bytes > MAX_EXTENSION {
                    return Err(wrong(format!("an entry with {bytes} bytes of names")));
                }
                let length = usize::try_from(bytes).unwrap_or(0);
                let text = read_at(file, content, length, "an entry of the archive")?;
                if kind == b'L' {
                    let end = text.iter().position(|byte| *byte == 0);
                    said.name = Some(utf8(&text[..end.unwrap_or(text.len())])?);
                } else {
                    said.read(&text)?;
                }
            }
            // Valid for all that follow: nothing of it is of use, and it must not be believed.
            b'g' if bytes <= MAX_EXTENSION => {}
            b'1' | b'2' => return Err(wrong("a link in it")),
            b'5' => return Err(wrong("a folder in it")),
            other => {
                return Err(wrong(format!(
                    "an entry of kind {:?} in it",
                    char::from(other)
                )));
            }
        }
        at = next;
    }
    if members.is_empty() {
        return Err(ImageError::Empty);
    }
    Ok(members)
}

/// What extensions said of the next entry.
#[derive(Default)]
struct Said {
    name: Option<String>,
    size: Option<u64>,
}

impl Said {
    /// Records of the form `LENGTH KEY=VALUE\n`.
    fn read(&mut self, mut text: &[u8]) -> Result<(), ImageError> {
        let bad = || wrong("an entry whose description cannot be read");
        while !text.is_empty() {
            let space = text
                .iter()
                .take(8)
                .position(|byte| *byte == b' ')
                .ok_or_else(bad)?;
            let length: usize = utf8(&text[..space])?.parse().map_err(|_| bad())?;
            if length <= space + 1 || length > text.len() || text[length - 1] != b'\n' {
                return Err(bad());
            }
            let record = &text[space + 1..length - 1];
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(bad)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.name = Some(utf8(value)?),
                b"size" => self.size = Some(utf8(value)?.parse().map_err(|_| bad())?),
                b"linkpath" => return Err(wrong("a link in it")),
                key if key.starts_with(b"GNU.sparse") => {
                    return Err(wrong("a file with holes in it"));
                }
                _ => {}
            }
            text = &text[length..];
        }
        Ok(())
    }
}

fn header_name(block: &[u8]) -> Result<String, ImageError> {
    let text = |bytes: &[u8]| {
        let end = bytes
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(bytes.len());
        utf8(&bytes[..end])
    };
    let name = text(&block[..100])?;
    let prefix = if block[257..262] == *b"ustar" && block[262] == 0 {
        text(&block[345..500])?
    } else {
        String::new()
    };
    Ok(if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    })
}

/// The name, where it leads nowhere else.
fn plain(name: &str) -> Result<String, ImageError> {
    let own = name.strip_prefix("./").unwrap_or(name);
    let good = !own.is_empty()
        && own.len() <= 255
        && !own.starts_with('.')
        && !own.contains(['/', '\\'])
        && !own.chars().any(char::is_control);
    if good {
        return Ok(own.to_owned());
    }
    let shown: String = name.chars().take(60).collect();
    Err(wrong(format!("a file named {shown:?}")))
}

fn utf8(bytes: &[u8]) -> Result<String, ImageError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| wrong("a name that is no text"))
}

/// Octal digits, or GNU's binary form for what is longer.
fn number(field: &[u8]) -> Option<u64> {
    if field.len() > 8 && field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        if high[0] != 0x80 || high[1..].iter().any(|byte| *byte != 0) {
            return None;
        }
        return Some(
            low.iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        );
    }
    let text = field
        .split(|byte| matches!(byte, 0 | b' '))
        .find(|part| !part.is_empty())?;
    text.iter().try_fold(0u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// The sum of a header's bytes, its own field counted as spaces.
fn checksum_is_right(block: &[u8]) -> bool {
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                u64::from(b' ')
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    number(&block[148..156]) == Some(sum)
}

/// The header of a regular file, for archives that we write. `None` for a name that is too long.
pub fn file_header(name: &str, bytes: u64, modified: u64) -> Option<[u8; 512]> {
    if name.len() > 99 {
        return None;
    }
    let mut block = [0u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    let mut put = |at: usize, digits: usize, value: u64| {
        let text = format!("{value:0digits$o}");
        if text.len() == digits {
            block[at..at + digits].copy_from_slice(text.as_bytes());
        } else {
            block[at] = 0x80;
            block[at + digits - 7..=at + digits].copy_from_slice(&value.to_be_bytes());
        }
    };
    put(100, 7, 0o644);
    put(108, 7, 0);
    put(116, 7, 0);
    put(124, 11, bytes);
    put(136, 11, modified);
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar  \0");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    block[154] = 0;
    Some(block)
}

const NOT: ImageError = ImageError::NotDeclared {
    expected: "an OVA (a tar archive)",
};

fn wrong(what: impl Into<String>) -> ImageError {
    ImageError::Header { what: what.into() }
}
