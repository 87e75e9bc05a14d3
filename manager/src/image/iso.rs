//! ISO 9660 (ECMA-119) and UDF (ECMA-167): the volume descriptors from byte 32768 on. Enough to say
//! that it is a CD and that the upload is complete; its files are the guest's business.

use std::io::{Read, Seek};

use super::{ImageError, read_at};

const SECTOR: u64 = 2048;
const FIRST: u64 = 16;
/// Descriptors that are looked at before giving up.
const MAX_DESCRIPTORS: u64 = 64;

pub(super) fn check(file: &mut (impl Read + Seek), file_bytes: u64) -> Result<(), ImageError> {
    const NOT: ImageError = ImageError::NotDeclared {
        expected: "an ISO image (neither ISO 9660 nor UDF)",
    };
    let mut udf = false;
    for sector in FIRST..FIRST + MAX_DESCRIPTORS {
        let descriptor = match read_at(
            file,
            sector * SECTOR,
            SECTOR as usize,
            "a volume descriptor",
        ) {
            Ok(descriptor) => descriptor,
            Err(ImageError::Truncated { .. }) => break,
            Err(error) => return Err(error),
        };
        match (descriptor[0], &descriptor[1..6]) {
            // Primary volume descriptor: 8.4 of ECMA-119. Numbers are there in both byte orders.
            (1, b"CD001") => {
                let little = |at: usize, n: usize| {
                    descriptor[at..at + n]
                        .iter()
                        .rev()
                        .fold(0u64, |value, byte| value << 8 | u64::from(*byte))
                };
                let blocks = little(80, 4);
                let block = little(128, 2);
                if !matches!(block, 512 | 1024 | 2048) || blocks == 0 {
                    return Err(ImageError::Header {
                        what: format!("{blocks} blocks of {block} bytes"),
                    });
                }
                if blocks * block > file_bytes {
                    return Err(ImageError::Truncated {
                        what: "a part of the CD",
                    });
                }
                return Ok(());
            }
            (_, b"NSR02" | b"NSR03") => udf = true,
            (_, b"CD001" | b"BEA01" | b"BOOT2" | b"TEA01" | b"CDW02") => {}
            _ => break,
        }
    }
    if udf { Ok(()) } else { Err(NOT) }
}
