//! The `lore` binary.

fn main() -> std::process::ExitCode {
    lore_node::output::fail(
        &lore_node::error::CliError::usage("no verb is wired up yet"),
        false,
    )
}
