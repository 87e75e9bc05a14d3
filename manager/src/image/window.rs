//! A part of a file that is read as if it were a file, as a disk inside of an archive is.

use std::io::{self, Read, Seek, SeekFrom};

/// The part.
#[derive(Debug)]
pub struct Window<F> {
    file: F,
    begin: u64,
    length: u64,
    at: u64,
}

impl<F: Read + Seek> Window<F> {
    /// `length` bytes of `file` from `begin` on.
    pub fn new(file: F, begin: u64, length: u64) -> Self {
        Self {
            file,
            begin,
            length,
            at: 0,
        }
    }
}

impl<F: Read + Seek> Read for Window<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let place = self
            .begin
            .checked_add(self.at)
            .ok_or(io::ErrorKind::InvalidInput)?;
        self.file.seek(SeekFrom::Start(place))?;
        let read = self.file.read(&mut buffer[..most])?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<F: Read + Seek> Seek for Window<F> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let to = match place {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
