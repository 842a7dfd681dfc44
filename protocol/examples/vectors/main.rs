//! Writes the golden vectors below `protocol/vectors/`:
//! `cargo run -p lore-protocol --example vectors -- write`. A changed vector is another protocol.

mod inputs;
#[path = "../../tests/world/mod.rs"]
mod world;

use std::path::Path;

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() != Some("write") {
        println!("usage: vectors write");
        return Ok(());
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    std::fs::create_dir_all(&directory)?;
    for (name, text) in inputs::files() {
        std::fs::write(directory.join(&name), text)?;
        println!("{name}");
    }
    Ok(())
}
