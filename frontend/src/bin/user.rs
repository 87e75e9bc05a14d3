//! The User Portal's wasm module.

fn main() {
    frontend::user();
}
