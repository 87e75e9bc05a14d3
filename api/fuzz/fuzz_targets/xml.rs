//! What must hold for any bytes, as `oracles::xml` says.

#![no_main]

#[path = "../../tests/wire/oracles.rs"]
mod oracles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    oracles::xml(data);
});
