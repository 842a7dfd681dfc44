//! The sandbox's helper alone, for tests of this crate; users get it in the `lore` binary.

fn main() {
    lore_sandbox::enter_if_asked();
    eprintln!("this program is started by the sandbox, not by hand");
    std::process::exit(2);
}
