//! Errors of what a person asks of their devices.

use crate::EngineError;

pub(super) fn no_group() -> EngineError {
    EngineError::usage("this user has no other devices")
        .kind("no_devices")
        .help("run `lore device invite` here and `lore device join LINE` on the other device")
}

pub(super) fn unreachable(why: &str) -> EngineError {
    EngineError::failed("device_unreachable", format!("the other device cannot be reached: {why}"))
        .help(
            "check that `lore run` runs there and that both are on the same network, or use a relay: see \
             docs/network.md",
        )
}

pub(super) fn not_admitted(why: &str) -> EngineError {
    EngineError::refused("not_admitted", why)
}
