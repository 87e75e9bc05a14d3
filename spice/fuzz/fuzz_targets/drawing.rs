//! What must hold for any bytes, as `oracles::drawing` says.

#![no_main]

#[path = "../../tests/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop(oracles::drawing(data)));
