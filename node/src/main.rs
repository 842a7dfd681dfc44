//! The `lore` binary. Under one of the task lab's tool names it is that tool.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox's second run of this program; before anything else, and before any thread.
    lore_agent::sandbox::enter_if_asked();
    let argv: Vec<String> =
        std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some(code) = lore_agent::lab::tools::dispatch(&argv) {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    lore_node::cli::main()
}
