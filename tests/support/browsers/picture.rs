//! Pictures in tests: decoded from PNG files, cut and compared.

use anyhow::{Context, Result};

/// Pixels of red, green and blue, rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Reads a PNG file; transparency is dropped.
    pub fn decode(file: &[u8]) -> Result<Self> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let mut samples = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let info = reader.next_frame(&mut samples)?;
        let rgb = samples
            .chunks_exact(info.color_type.samples())
            .flat_map(|pixel| match *pixel {
                [grey] | [grey, _] => [grey; 3],
                [red, green, blue, ..] => [red, green, blue],
                [] => [0; 3],
            })
            .collect();
        Ok(Self {
            width: info.width,
            height: info.height,
            rgb,
        })
    }

    /// The same from pixels of four bytes.
    pub fn of_rgba(width: u32, height: u32, rgba: &[u8]) -> Self {
        let (pixels, _) = rgba.as_chunks::<4>();
        let rgb = pixels
            .iter()
            .flat_map(|[r, g, b, _]| [*r, *g, *b])
            .collect();
        Self { width, height, rgb }
    }

    /// The part that begins at a point.
    pub fn cut(&self, left: u32, top: u32, width: u32, height: u32) -> Result<Self> {
        let row = self.width as usize * 3;
        let mut rgb = Vec::new();
        for y in top..top + height {
            let from = y as usize * row + left as usize * 3;
            let part = self.rgb.get(from..from + width as usize * 3);
            rgb.extend_from_slice(part.context("the part lies outside of the picture")?);
        }
        Ok(Self { width, height, rgb })
    }

    /// How many pixels of the other, of the same size, differ; all of them when the sizes do.
    pub fn differing(&self, other: &Self) -> usize {
        if (self.width, self.height) != (other.width, other.height) {
            return self.rgb.len().max(other.rgb.len()) / 3;
        }
        let (ours, _) = self.rgb.as_chunks::<3>();
        let (theirs, _) = other.rgb.as_chunks::<3>();
        ours.iter().zip(theirs).filter(|(a, b)| a != b).count()
    }

    /// The mean distance of the samples of two pictures of the same size.
    pub fn distance(&self, other: &Self) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 255.0;
        }
        let pairs = self.rgb.iter().zip(&other.rgb);
        let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / self.rgb.len().max(1) as f64
    }
}
