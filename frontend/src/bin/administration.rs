//! The Administration Portal's wasm module.

fn main() {
    frontend::administration();
}
