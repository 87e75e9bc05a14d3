//! What must hold for any bytes, as `oracles::link` says.

#![no_main]

#[path = "../../tests/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| oracles::link(data));
