//! What must hold for any bytes, as `oracles::json` says.

#![no_main]

#[path = "../../tests/wire/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracles::json(data);
});
