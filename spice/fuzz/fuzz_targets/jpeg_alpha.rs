//! What must hold for any bytes, as `oracles::jpeg_alpha` says.

#![no_main]

#[path = "../../tests/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracles::jpeg_alpha(data));
