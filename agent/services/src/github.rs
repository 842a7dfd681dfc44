//! GitHub: what all its tools share.

use lore_agent::service::OutsideError;
use lore_agent::service::{Profile, TokenHeader};

pub(super) const PROFILE: Profile = Profile {
    name: "GitHub",
    table: "agent.outside.github",
    address: "base_url",
    token_header: TokenHeader::Bearer,
    token_page: Some("https://github.com/settings/tokens, without any scope for public code"),
    headers: &[("x-github-api-version", "2022-11-28")],
    forbidden: None,
};
pub(super) const BASE: &str = "https://api.github.com";
pub(super) const VARIABLES: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];
/// Media type of JSON answers.
pub(super) const JSON: &str = "application/vnd.github+json";

/// The owner and the name of `owner/name`.
///
/// # Errors
/// Fails when it is none.
pub(super) fn parts_of(repo: &str) -> Result<(&str, &str), OutsideError> {
    let known = |part: &str| {
        (1..=100).contains(&part.len())
            && !matches!(part, "." | "..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let repo = repo.trim();
    match repo.split_once('/') {
        Some((owner, name)) if known(owner) && known(name) => Ok((owner, name)),
        _ => {
            let why = format!("{repo:?} is not a repository like owner/name");
            Err(OutsideError::argument(why))
        }
    }
}
