//! `[shelf]` of `config.toml`: what of other members is used without a person.

use lore_engine::shelf::Policy;
use serde::Deserialize;

/// The table as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ShelfTable {
    policy: Option<toml::Spanned<String>>,
}

impl ShelfTable {
    /// The policy; otherwise where the fault is, and what it is.
    pub(super) fn policy(self) -> Result<Policy, (usize, String)> {
        let Some(given) = self.policy else { return Ok(Policy::default()) };
        Policy::named(given.get_ref()).ok_or_else(|| {
            let why = format!(
                "the policy of the shelf is \"manual\", \"validated\" or \"auto\", not \"{}\"",
                given.get_ref()
            );
            (given.span().start, why)
        })
    }
}

/// The table with comments.
pub(super) fn to_toml(policy: Policy) -> String {
    format!(
        "[shelf]\n\
         # What of other members' lessons agents get without your approval (see `lore review`).\n\
         # \"manual\": nothing. \"validated\": pitfalls that name only known public programs and flags.\n\
         # \"auto\": everything that the scan finds nothing in and that allows nothing new.\n\
         policy = \"{}\"\n",
        policy.name()
    )
}
