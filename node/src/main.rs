//! The `lore` binary. Under one of the task lab's tool names it is that tool, and when the sandbox starts it,
//! it sets a sandbox up.

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: it forks, which is only sound while there is one thread.
    lore_sandbox::enter_if_asked();
    let argv: Vec<String> =
        std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    if let Some(code) = lore_lab::tools::dispatch(&argv) {
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    lore_node::cli::main(lore_node::host::Machine::of_a_person())
}
