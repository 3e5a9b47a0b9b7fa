//! Keeps our symbols to ourselves: without this, the bundled `SQLite` would be exported and libgdal
//! would call it in place of its own, which is undefined behaviour that works by luck.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--exclude-libs,ALL");
    println!("cargo:rerun-if-changed=build.rs");
}
