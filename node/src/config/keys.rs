//! Every key of `config.toml`, as the reference in the documentation lists them.

/// Keys with what they mean, in the order of the reference. `NAME` stands for a name of the owner's.
pub const KEYS: &[(&str, &str)] = &[
    (
        "name",
        "What this node is called in its own output, and in a federation that it joins: its members see it, \
         for ever.",
    ),
    ("listen", "Where to listen, as multiaddresses. Port 0 lets the system choose."),
    ("peers", "Peers to keep a connection with, each ending in `/p2p/PEER`."),
    ("log_level", "`error`, `warn`, `info`, `debug`, `trace` or a filter of the `tracing` crate."),
    ("sync_interval_seconds", "Seconds between two comparisons with a member, 1 to 86400; 30."),
    (
        "network.relays",
        "Relays, each ending in `/p2p/PEER`: this node is reached through them while it cannot be reached otherwise.",
    ),
    (
        "network.bootstrap",
        "Nodes at which addresses of members are looked up, each ending in `/p2p/PEER`; the relays.",
    ),
    (
        "network.mdns",
        "Whether members are looked for on the LAN, where everybody then sees this node's key; `true` unless the node \
         listens on loopback only.",
    ),
    (
        "network.dht",
        "Whether this node's addresses are published at the bootstrap nodes, and those of members looked up; `true`.",
    ),
    (
        "network.gossip",
        "Whether new deltas are gossiped; without, they come with the next comparison; `true`.",
    ),
    ("privacy.gate", "`off`, or `ask`: a person approves lesson releases."),
    (
        "privacy.gate_deadline_seconds",
        "Seconds until a held release goes out, 1 to 2592000; 86400.",
    ),
    (
        "privacy.share_delay_seconds",
        "Seconds that `lore lesson share` waits before it signs, 600 to 2592000; 600.",
    ),
    (
        "sessions.keep_days",
        "Days that a session is kept, from when it came here, 0 (for ever) to 36500; 90.",
    ),
    (
        "sessions.key",
        "Where the key of private records is: `file`, `keyring`, or `auto`: a new one in the keyring where there \
         is one.",
    ),
    (
        "shelf.policy",
        "What of other members' lessons agents get without your approval: `manual`, `validated` or `auto`; `validated`.",
    ),
    ("agent.model", "Name of the model that is used when none is asked for."),
    ("agent.policy", "The policy, as `lore agent --policy` takes it."),
    ("agent.read", "Directories that may be read besides the workspace."),
    ("agent.web", "Whether pages of the public internet may be read; `false`."),
    (
        "agent.hints",
        "Whether a failed call's result is followed by a hint of what is known to work; `true`.",
    ),
    ("agent.max_calls", "Most model calls of a task."),
    ("agent.max_tokens", "Most tokens of a task."),
    ("agent.max_usd", "Most money of a task, in US dollars, as text such as `\"1.50\"`."),
    ("agent.day_calls", "Most model calls of a day, over all tasks of this node."),
    ("agent.day_tokens", "Most tokens of a day."),
    ("agent.day_usd", "Most money of a day, in US dollars, as text."),
    ("agent.outside.timeout_seconds", "Longest call of an outside service, 1 to 600 seconds; 60."),
    ("agent.outside.arxiv.enabled", "Whether the tools of arXiv are there; `false`."),
    ("agent.outside.arxiv.base_url", "Another address of the service."),
    ("agent.outside.arxiv.interval_seconds", "Least seconds between two requests; 3."),
    ("agent.outside.semantic_scholar.enabled", "Whether the tools of Semantic Scholar are there."),
    ("agent.outside.semantic_scholar.base_url", "Another address of the service."),
    ("agent.outside.semantic_scholar.token", "The token itself."),
    ("agent.outside.semantic_scholar.token_env", "The environment variable that holds the token."),
    ("agent.outside.huggingface.enabled", "Whether the tools that only look are there."),
    ("agent.outside.huggingface.write", "Whether tools may create repositories and commit."),
    ("agent.outside.huggingface.jobs", "Whether the tools of jobs are there; jobs cost money."),
    ("agent.outside.huggingface.jobs_may_use_token", "Whether a job may be given the token."),
    ("agent.outside.huggingface.base_url", "Another address of the service."),
    ("agent.outside.huggingface.datasets_server_url", "Another address of the service of rows."),
    ("agent.outside.huggingface.download_hosts", "Hosts to which downloads may be redirected."),
    ("agent.outside.huggingface.token", "The token itself."),
    ("agent.outside.huggingface.token_env", "The environment variable that holds the token."),
    ("agent.outside.github.enabled", "Whether the tools of GitHub are there."),
    ("agent.outside.github.base_url", "Another address of the service."),
    ("agent.outside.github.token", "The token itself."),
    ("agent.outside.github.token_env", "The environment variable that holds the token."),
    ("agent.outside.web_search.provider", "Which service searches the web; none without it."),
    ("agent.outside.web_search.base_url", "Another address of the service."),
    ("agent.outside.web_search.token", "The token itself."),
    ("agent.outside.web_search.token_env", "The environment variable that holds the token."),
    ("agent.mcp_files", "Files in the form of `.mcp.json`, whose MCP servers are used too."),
    ("agent.mcp.NAME.command", "A program that is an MCP server over its standard streams."),
    ("agent.mcp.NAME.args", "Its arguments."),
    ("agent.mcp.NAME.env", "Its environment besides PATH, HOME and LANG; `${VAR}` is filled in."),
    ("agent.mcp.NAME.cwd", "The directory in which it starts."),
    ("agent.mcp.NAME.type", "`stdio` or `http`, as other agents write it; not needed."),
    ("agent.mcp.NAME.disabled", "Whether the server is left out."),
    ("agent.mcp.NAME.url", "Or the address of an MCP server over streamable HTTP."),
    ("agent.mcp.NAME.token", "The token of that server."),
    ("agent.mcp.NAME.token_env", "The environment variable that holds the token."),
    ("agent.mcp.NAME.headers", "Further header lines for that server."),
    ("models.NAME.url", "Where the model is served, up to and with `/v1`."),
    ("models.NAME.model", "What the server calls it."),
    ("models.NAME.dialect", "`openai` or `anthropic`; from the address when absent."),
    ("models.NAME.key_env", "The environment variable that holds its key."),
    ("models.NAME.key_file", "The private file that holds its key, relative to the home."),
    ("models.NAME.window", "Its context window, in tokens."),
    ("models.NAME.price_in", "US dollars for a million tokens that it reads."),
    ("models.NAME.price_out", "US dollars for a million tokens that it writes."),
    ("models.NAME.max_tokens", "Most tokens of one reply."),
    ("models.NAME.effort", "`low`, `medium` or `high`, where the model takes it."),
];

/// The reference of the documentation, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\nEvery key of `config.toml` in a node's home. `NAME` stands for a name of your choice. \
         The privacy budget is not here: see `lore privacy set`.\n\n| key | meaning |\n|---|---|\n",
    );
    for (key, meaning) in KEYS {
        text.push_str(&format!("| `{key}` | {meaning} |\n"));
    }
    text
}

/// The keys that a parser expected, from its message about an unknown one; none for other messages.
pub(super) fn known(message: &str) -> Option<Vec<&str>> {
    let expected = message.strip_prefix("unknown field `")?.split_once("`, expected ")?.1;
    Some(expected.split('`').skip(1).step_by(2).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;
    use crate::config::{Config, ConfigError};

    /// The keys of a table, by what the parser expects in it.
    fn accepted(table: &str) -> BTreeSet<String> {
        let text = if table.is_empty() { "?".into() } else { format!("[{table}]\n?") };
        let text = text.replace('?', "no_such_key = 1\n");
        match Config::parse(&text, Path::new("config.toml")) {
            Err(ConfigError::UnknownKey { known, .. }) => {
                known.split(", ").map(ToOwned::to_owned).collect()
            }
            other => panic!("[{table}]: {other:?}"),
        }
    }

    #[test]
    fn the_reference_lists_exactly_the_keys_that_are_accepted() {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, _) in KEYS {
            let parts: Vec<&str> = key.split('.').collect();
            for (at, part) in parts.iter().enumerate() {
                if *part != "NAME" {
                    let table = parts[..at].join(".");
                    tables.entry(table).or_default().insert((*part).to_owned());
                }
            }
        }
        tables.retain(|table, _| !["models", "agent.mcp"].contains(&table.as_str()));
        assert!(tables.len() > 8);
        for (table, listed) in tables {
            assert_eq!(listed, accepted(&table), "[{table}]");
        }
    }

    /// `LORE_WRITE_REFERENCE=1 cargo test -p lore-node the_committed_reference` writes the file.
    #[test]
    fn the_committed_reference_is_the_programs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
        if std::env::var_os("LORE_WRITE_REFERENCE").is_some() {
            std::fs::write(&path, reference()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, reference(), "run it with LORE_WRITE_REFERENCE=1");
    }
}
