//! The lab's tools alone, for tests of this crate; users get them in the `lore` binary.

fn main() {
    lore_sandbox::enter_if_asked();
    let argv: Vec<String> = std::env::args().collect();
    std::process::exit(lore_lab::tools::dispatch(&argv).unwrap_or_else(|| {
        eprintln!("link me as one of: {}", lore_lab::tools::NAMES.join(" "));
        2
    }));
}
