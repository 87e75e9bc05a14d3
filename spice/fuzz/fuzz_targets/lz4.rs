//! What must hold for any bytes, as `oracles::lz4` says.

#![no_main]

#[path = "../../tests/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracles::lz4(data));
