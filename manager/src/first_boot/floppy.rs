//! A floppy disk of 1.44 MB with a few files: FAT12, for guests that know nothing newer. Names
//! longer than 8.3 get the second entries that Windows 95 brought. The same files give the same
//! bytes.

use super::GuestFile;

const SECTOR: usize = 512;
const SECTORS: usize = 2880;
const FAT_SECTORS: usize = 9;
const ROOT_ENTRIES: usize = 224;
const DATA: usize = 1 + 2 * FAT_SECTORS + ROOT_ENTRIES * 32 / SECTOR;
/// 1 January 2000.
const DATE: u16 = 20 << 9 | 1 << 5 | 1;

/// The image. What does not fit is cut off: settings are limited long before.
pub(super) fn image(label: &str, files: &[GuestFile]) -> Vec<u8> {
    let mut image = vec![0; SECTORS * SECTOR];
    boot_sector(&mut image, label);
    let mut fat = vec![0u16; SECTORS - DATA + 2];
    fat[0] = 0xff0;
    fat[1] = 0xfff;
    let mut root = Vec::new();
    root.extend(entry(&label_field(label), 0x08, 0, 0));
    let mut next = 2;
    for file in files {
        let content = file.content.as_bytes();
        let room = (fat.len() - next) * SECTOR;
        let content = &content[..content.len().min(room)];
        let clusters = content.len().div_ceil(SECTOR);
        let first = if clusters == 0 { 0 } else { next };
        // Each entry names the one after it; the last says that it is the last.
        let chain = fat[next..next + clusters].iter_mut();
        for (place, after) in chain.zip(next + 1..) {
            *place = after as u16;
        }
        if clusters > 0 {
            fat[next + clusters - 1] = 0xfff;
        }
        let at = (DATA + next - 2) * SECTOR;
        image[at..at + content.len()].copy_from_slice(content);
        next += clusters;
        let short = short_name(file.name);
        root.extend(long_name(file.name, &short));
        root.extend(entry(&short, 0x20, first as u16, content.len() as u32));
    }
    let packed = pack(&fat);
    for copy in 0..2 {
        let at = (1 + copy * FAT_SECTORS) * SECTOR;
        let length = packed.len().min(FAT_SECTORS * SECTOR);
        image[at..at + length].copy_from_slice(&packed[..length]);
    }
    root.truncate(ROOT_ENTRIES * 32);
    let at = (1 + 2 * FAT_SECTORS) * SECTOR;
    image[at..at + root.len()].copy_from_slice(&root);
    image
}

fn boot_sector(image: &mut [u8], label: &str) {
    let mut boot = b"\xeb\x3c\x90SAFFRON ".to_vec();
    boot.extend(512u16.to_le_bytes());
    boot.extend([1, 1, 0, 2]);
    boot.extend((ROOT_ENTRIES as u16).to_le_bytes());
    boot.extend((SECTORS as u16).to_le_bytes());
    boot.push(0xf0);
    boot.extend((FAT_SECTORS as u16).to_le_bytes());
    boot.extend(18u16.to_le_bytes());
    boot.extend(2u16.to_le_bytes());
    boot.extend([0; 8]);
    boot.extend([0, 0, 0x29, 0x5a, 0xff, 0x00, 0x01]);
    boot.extend(label_field(label));
    boot.extend(b"FAT12   ");
    image[..boot.len()].copy_from_slice(&boot);
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
}

fn label_field(label: &str) -> [u8; 11] {
    let mut field = [b' '; 11];
    for (place, byte) in field.iter_mut().zip(label.bytes()) {
        *place = byte.to_ascii_uppercase();
    }
    field
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u16, bytes: u32) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = attributes;
    for at in [16, 18, 24] {
        entry[at..at + 2].copy_from_slice(&DATE.to_le_bytes());
    }
    entry[26..28].copy_from_slice(&cluster.to_le_bytes());
    entry[28..].copy_from_slice(&bytes.to_le_bytes());
    entry
}

/// `meta-data` → `META-DAT   `; one that is short already is itself.
fn short_name(name: &str) -> [u8; 11] {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut short = [b' '; 11];
    let clean = |text: &str, most: usize| -> Vec<u8> {
        text.bytes()
            .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            .map(|byte| byte.to_ascii_uppercase())
            .take(most)
            .collect()
    };
    let (stem, extension) = (clean(stem, 8), clean(extension, 3));
    short[..stem.len()].copy_from_slice(&stem);
    short[8..8 + extension.len()].copy_from_slice(&extension);
    short
}

/// The entries with the whole name: 13 characters each, the last part first.
fn long_name(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let sum = short
        .iter()
        .fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut units: Vec<u16> = name.encode_utf16().collect();
    if !units.len().is_multiple_of(13) {
        units.push(0);
    }
    while !units.len().is_multiple_of(13) {
        units.push(0xffff);
    }
    let parts = units.len() / 13;
    let mut entries = Vec::new();
    for part in (0..parts).rev() {
        let mut entry = [0u8; 32];
        let last = if part + 1 == parts { 0x40 } else { 0 };
        entry[0] = u8::try_from(part + 1).unwrap_or(1) | last;
        entry[11] = 0x0f;
        entry[13] = sum;
        let places = (1..11)
            .step_by(2)
            .chain((14..26).step_by(2))
            .chain([28, 30]);
        for (at, unit) in places.zip(&units[part * 13..]) {
            entry[at..at + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entries.extend(entry);
    }
    entries
}

/// Two entries of 12 bits in three bytes.
fn pack(fat: &[u16]) -> Vec<u8> {
    fat.chunks(2)
        .flat_map(|pair| {
            let (a, b) = (pair[0], pair.get(1).copied().unwrap_or(0));
            [
                (a & 0xff) as u8,
                (a >> 8) as u8 | ((b & 0xf) << 4) as u8,
                (b >> 4) as u8,
            ]
        })
        .collect()
}
