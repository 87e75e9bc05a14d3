//! The guest's pointer as the browser's own: no lag, whatever the network does.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{Blob, BlobPropertyBag, HtmlCanvasElement, HtmlElement, Url};

/// Browsers refuse pointers that are larger.
const MAX_SIDE: u32 = 128;

/// A pointer's picture as an address that style sheets may name.
pub struct Shape {
    url: Option<String>,
    hot: (u32, u32),
}

impl Shape {
    /// No pointer.
    pub fn hidden() -> Self {
        Self {
            url: None,
            hot: (0, 0),
        }
    }

    /// Four bytes a pixel: red, green, blue, alpha.
    pub fn of(rgba: &[u8], width: u32, height: u32, hot_x: u32, hot_y: u32) -> Self {
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Self::hidden();
        }
        let url = blob(&bitmap(rgba, width, height));
        Self {
            url,
            hot: (hot_x.min(width - 1), hot_y.min(height - 1)),
        }
    }

    /// Shows it over this canvas.
    pub fn show(&self, canvas: &HtmlCanvasElement) {
        let css = match &self.url {
            Some(url) => format!("url(\"{url}\") {} {}, default", self.hot.0, self.hot.1),
            None => "none".to_owned(),
        };
        set(canvas, &css);
    }
}

impl Drop for Shape {
    fn drop(&mut self) {
        if let Some(url) = &self.url {
            let _ = Url::revoke_object_url(url);
        }
    }
}

/// Before the guest has told its own; and none in server mode, where the picture has it.
pub fn show_default(canvas: &HtmlCanvasElement, client_mouse: bool) {
    set(canvas, if client_mouse { "default" } else { "none" });
}

fn set(canvas: &HtmlCanvasElement, css: &str) {
    let element: &HtmlElement = canvas.unchecked_ref();
    let _ = element.style().set_property("cursor", css);
}

fn blob(bytes: &[u8]) -> Option<String> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let options = BlobPropertyBag::new();
    options.set_type("image/bmp");
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

/// A 32-bit bitmap file with alpha (BITMAPV4HEADER): the one picture format that needs no
/// compressor, and that browsers take for pointers.
fn bitmap(rgba: &[u8], width: u32, height: u32) -> Vec<u8> {
    const HEADERS: u32 = 14 + 108;
    let size = HEADERS + width * height * 4;
    let mut file = Vec::with_capacity(size as usize);
    file.extend(b"BM");
    for word in [size, 0, HEADERS, 108, width] {
        file.extend(word.to_le_bytes());
    }
    // Rows from the top.
    file.extend((-(height as i32)).to_le_bytes());
    file.extend([1, 0, 32, 0]);
    // BI_BITFIELDS, size, resolution, palette.
    for word in [3, width * height * 4, 2835, 2835, 0, 0] {
        file.extend(u32::to_le_bytes(word));
    }
    for mask in [0x0000_00ff_u32, 0x0000_ff00, 0x00ff_0000, 0xff00_0000] {
        file.extend(mask.to_le_bytes());
    }
    // "sRGB" colour space; end points and gamma do not count then.
    file.extend(0x7352_4742_u32.to_le_bytes());
    file.extend([0; 48]);
    file.extend(rgba.iter().take((width * height * 4) as usize));
    file.resize(size as usize, 0);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitmap_file_is_as_long_as_it_says() {
        let file = bitmap(&[1, 2, 3, 4, 5, 6, 7, 8], 1, 2);
        assert_eq!(file.len(), 14 + 108 + 8);
        assert_eq!(&file[2..6], &130_u32.to_le_bytes());
        assert_eq!(&file[10..14], &122_u32.to_le_bytes());
        assert_eq!(&file[122..], &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn missing_pixels_are_clear_and_surplus_ones_left_out() {
        assert_eq!(bitmap(&[9; 4], 2, 1)[122..], [9, 9, 9, 9, 0, 0, 0, 0]);
        assert_eq!(bitmap(&[9; 12], 2, 1).len(), 122 + 8);
    }
}
