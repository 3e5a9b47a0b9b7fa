//! Says which set-up step is missing where the page's libraries are not there to be embedded. Touches no network.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=web");
    println!("cargo::rerun-if-changed=../styles");
    if !Path::new("web/node_modules/maplibre-gl/dist/maplibre-gl.mjs").exists() {
        println!(
            "cargo::error=缺少网页库，请先运行 scripts/web-libraries.sh；the web page's libraries are missing, run scripts/web-libraries.sh first"
        );
    }
}
