//! The console's wasm module.

fn main() {
    frontend::console();
}
