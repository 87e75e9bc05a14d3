//! A CD with a few files in its root directory: ISO 9660 (ECMA-119), with Joliet names for Windows
//! and Rock Ridge names for everybody else. The same files give the same bytes: all dates are one.
//!
//! ```text
//! 16 primary │ 17 Joliet │ 18 end │ 19..22 path tables │ 23 root │ 24 Joliet root │ 25… files
//! ```

use super::GuestFile;

const SECTOR: usize = 2048;
const PATH_TABLES: [u32; 4] = [19, 20, 21, 22];
const ROOT: u32 = 23;
const JOLIET_ROOT: u32 = 24;
const FILES: u32 = 25;
/// 1 January 2000, as in directory records.
const DATE: [u8; 7] = [100, 1, 1, 0, 0, 0, 0];
/// The same, as in volume descriptors.
const LONG_DATE: &[u8; 17] = b"2000010100000000\0";
/// A path table with nothing but the root.
const PATH_TABLE_BYTES: u32 = 10;

/// The image.
pub(super) fn image(label: &str, files: &[GuestFile]) -> Vec<u8> {
    let mut places = Vec::new();
    let mut next = FILES;
    for file in files {
        places.push(next);
        next += sectors(file.content.len());
    }
    // What reads a CD likes to read ahead.
    let total = next + 150;
    let mut image = vec![0; FILES as usize * SECTOR];
    put(&mut image, 16, &descriptor(label, total, false));
    put(&mut image, 17, &descriptor(label, total, true));
    put(&mut image, 18, b"\xffCD001\x01");
    for (joliet, [little, big], root) in [
        (false, [PATH_TABLES[0], PATH_TABLES[1]], ROOT),
        (true, [PATH_TABLES[2], PATH_TABLES[3]], JOLIET_ROOT),
    ] {
        put(&mut image, little, &path_table(root.to_le_bytes(), [1, 0]));
        put(&mut image, big, &path_table(root.to_be_bytes(), [0, 1]));
        put(&mut image, root, &directory(files, &places, root, joliet));
    }
    for file in files {
        image.extend_from_slice(file.content.as_bytes());
        image.resize(image.len().next_multiple_of(SECTOR), 0);
    }
    image.resize(total as usize * SECTOR, 0);
    image
}

fn sectors(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(SECTOR)).unwrap_or(u32::MAX)
}

fn put(image: &mut [u8], sector: u32, bytes: &[u8]) {
    let at = sector as usize * SECTOR;
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A number in both byte orders.
fn both(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

fn both_short(value: u16) -> [u8; 4] {
    let ([a, b], [c, d]) = (value.to_le_bytes(), value.to_be_bytes());
    [a, b, c, d]
}

/// A text in a field of fixed length: Joliet's is in UCS-2.
fn padded(text: &str, length: usize, joliet: bool) -> Vec<u8> {
    let mut bytes = encoded(text, joliet);
    bytes.truncate(length);
    while bytes.len() < length {
        if joliet && length - bytes.len() > 1 {
            bytes.push(0);
        }
        bytes.push(b' ');
    }
    bytes
}

fn encoded(text: &str, joliet: bool) -> Vec<u8> {
    if joliet {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    } else {
        text.bytes().collect()
    }
}

fn descriptor(label: &str, total: u32, joliet: bool) -> Vec<u8> {
    let mut d = vec![if joliet { 2 } else { 1 }];
    d.extend(b"CD001\x01\0");
    d.extend(padded("LINUX", 32, joliet));
    d.extend(padded(label, 32, joliet));
    d.extend([0; 8]);
    d.extend(both(total));
    let mut escape = [0; 32];
    if joliet {
        // UCS-2, level 3.
        escape[..3].copy_from_slice(b"%/E");
    }
    d.extend(escape);
    d.extend(both_short(1));
    d.extend(both_short(1));
    d.extend(both_short(2048));
    d.extend(both(PATH_TABLE_BYTES));
    let (tables, root) = if joliet {
        (&PATH_TABLES[2..], JOLIET_ROOT)
    } else {
        (&PATH_TABLES[..2], ROOT)
    };
    d.extend(tables[0].to_le_bytes());
    d.extend([0; 4]);
    d.extend(tables[1].to_be_bytes());
    d.extend([0; 4]);
    d.extend(record(&[0], root, SECTOR as u32, true, &[]));
    for length in [128, 128, 128, 128] {
        d.extend(padded("", length, joliet));
    }
    for length in [37, 37, 37] {
        d.extend(padded("", length, joliet));
    }
    for _ in 0..2 {
        d.extend(LONG_DATE);
    }
    for _ in 0..2 {
        d.extend(b"0000000000000000\0");
    }
    d.extend([1, 0]);
    d.resize(SECTOR, 0);
    d
}

fn path_table(root: [u8; 4], parent: [u8; 2]) -> Vec<u8> {
    let mut table = vec![1, 0];
    table.extend(root);
    table.extend(parent);
    table.extend([0, 0]);
    table
}

/// A directory record; `system` is what Rock Ridge says.
fn record(name: &[u8], place: u32, bytes: u32, is_directory: bool, system: &[u8]) -> Vec<u8> {
    let mut r = vec![0, 0];
    r.extend(both(place));
    r.extend(both(bytes));
    r.extend(DATE);
    r.extend([if is_directory { 2 } else { 0 }, 0, 0]);
    r.extend(both_short(1));
    r.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    r.extend(name);
    if r.len() % 2 == 1 {
        r.push(0);
    }
    r.extend(system);
    if r.len() % 2 == 1 {
        r.push(0);
    }
    r[0] = u8::try_from(r.len()).unwrap_or(u8::MAX);
    r
}

fn directory(files: &[GuestFile], places: &[u32], root: u32, joliet: bool) -> Vec<u8> {
    let sector = SECTOR as u32;
    let system = |bytes: Vec<u8>| if joliet { Vec::new() } else { bytes };
    let mut first = b"SP\x07\x01\xbe\xef\0".to_vec();
    first.extend(mode(0o40_555, 2));
    // Says that it is Rock Ridge, and nothing more about it.
    first.extend(b"ER\x12\x01\x0a\0\0\x01RRIP_1991A");
    let mut directory = record(&[0], root, sector, true, &system(first));
    directory.extend(record(&[1], root, sector, true, &system(mode(0o40_555, 2))));
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (file, place) in files.iter().zip(places) {
        let name = if joliet {
            encoded(file.name, true)
        } else {
            plain(file.name).into_bytes()
        };
        // Only the guest's administrator may read it: there are hashes of passwords in it.
        let mut rock = mode(0o100_400, 1);
        rock.extend(b"NM");
        rock.push(u8::try_from(5 + file.name.len()).unwrap_or(u8::MAX));
        rock.extend([1, 0]);
        rock.extend(file.name.bytes());
        let bytes = u32::try_from(file.content.len()).unwrap_or(u32::MAX);
        let entry = record(&name, *place, bytes, false, &system(rock));
        entries.push((name, entry));
    }
    entries.sort();
    for (_, entry) in entries {
        directory.extend(entry);
    }
    directory
}

/// Rock Ridge's mode, links, owner and group.
fn mode(mode: u32, links: u32) -> Vec<u8> {
    let mut px = b"PX\x24\x01".to_vec();
    for value in [mode, links, 0, 0] {
        px.extend(both(value));
    }
    px
}

/// A name of letters, digits and underscores, as the plain standard has them.
fn plain(name: &str) -> String {
    let mut dots = name.matches('.').count();
    let mut text: String = name
        .chars()
        .map(|c| match c {
            '.' => {
                dots -= 1;
                if dots == 0 { '.' } else { '_' }
            }
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        })
        .collect();
    if !text.contains('.') {
        text.push('.');
    }
    text.push_str(";1");
    text
}
