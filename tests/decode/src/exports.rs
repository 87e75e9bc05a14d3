//! The module's doors: a file goes in, text or a number comes out. One caller, one thread.

use std::sync::Mutex;

use crate::{Kind, decode_all, verdict};

static FILE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static TEXT: Mutex<String> = Mutex::new(String::new());

/// Makes room for a file, and says where; what was there is gone.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn file(size: usize) -> *mut u8 {
    let Ok(mut file) = FILE.lock() else {
        return std::ptr::null_mut();
    };
    *file = vec![0; size];
    file.as_mut_ptr()
}

/// Decodes all images of the file; gives how many pixels that was.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> f64 {
    FILE.lock().map_or(0.0, |file| decode_all(&file) as f64)
}

/// Says what becomes of the file; the text's length. (`kind`: [`Kind::of_number`])
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn judge(kind: u32) -> usize {
    let (Ok(file), Ok(mut text)) = (FILE.lock(), TEXT.lock()) else {
        return 0;
    };
    *text = Kind::of_number(kind).map_or_else(String::new, |kind| verdict(kind, &file));
    text.len()
}

/// Where the text is.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn text() -> *const u8 {
    TEXT.lock().map_or(std::ptr::null(), |text| text.as_ptr())
}
