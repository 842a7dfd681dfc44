//! `config.toml`: what a person may change about a node. The privacy budget is not here: it lives
//! in the store, where it cannot be rolled back by an editor.

mod agent;
mod keys;
mod mcp;
mod model;
mod network;
mod sessions;
mod shelf;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use agent::Settings as AgentSettings;
pub use keys::{KEYS, reference};
use lore_engine::shelf::Policy;
use lore_privacy::Delay;
pub use mcp::McpEntry;
pub(crate) use mcp::read_file as read_mcp_file;
pub use model::ModelSettings;
pub(crate) use model::{ModelFile, base_url, dialect_of, is_name};
pub use network::NetworkSettings;
use serde::Deserialize;
pub use sessions::SessionSettings;

use crate::error::CliError;
use crate::modes::{Exposed, exposed};
use crate::network::{Multiaddr, PeerAddress};

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Other accounts can change it, and with it the programs that this node starts.
    #[error(
        "{} can be changed by others (mode {mode:o}, owner {owner}): it names programs that this node starts. \
         Look at what it holds, then run `chmod go-w` on it", path.display()
    )]
    Exposed {
        /// The file, or its directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
    /// A key nobody knows.
    #[error(
        "{}:{line}: unknown key `{key}`; known keys here: {known} (all are in docs/configuration.md)",
        path.display()
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// The keys of the same table.
        known: String,
    },
    /// A value of the wrong kind, or no TOML at all.
    #[error("{}:{line}: {why}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The problem.
        why: String,
    },
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error).kind("config")
    }
}

/// The settings of a node.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this node in its own output and in each federation that it joins: it is published there.
    pub name: String,
    /// The addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Peers to keep a connection with.
    pub peers: Vec<PeerAddress>,
    /// Ways to other nodes.
    pub network: NetworkSettings,
    /// `error`, `warn`, `info`, `debug`, `trace` or a tracing filter.
    pub log_level: String,
    /// The interval between comparisons with a random peer.
    pub sync_interval: Duration,
    /// Seconds from a lesson release to its public deadline, when a person looks at keys before they go
    /// out; none without a gate.
    pub gate_seconds: Option<u64>,
    /// Delay between a hand-written lesson and its signature.
    pub share_delay: Delay,
    /// How stored sessions are kept.
    pub sessions: SessionSettings,
    /// Policy of the shelf.
    pub shelf_policy: Policy,
    /// Models by the names that a person gave them.
    pub models: BTreeMap<String, ModelSettings>,
    /// The name of the model that is used when none is asked for.
    pub default_model: Option<String>,
    /// Settings for every task of the agent.
    pub agent: AgentSettings,
}

const GATE_SECONDS: u64 = 86_400;

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "node".into(),
            listen: ["/ip4/0.0.0.0/udp/4730/quic-v1", "/ip4/0.0.0.0/tcp/4730"]
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect(),
            peers: Vec::new(),
            network: NetworkSettings::default(),
            log_level: "info".into(),
            sync_interval: Duration::from_secs(30),
            gate_seconds: None,
            share_delay: Delay::default(),
            sessions: SessionSettings::default(),
            shelf_policy: Policy::default(),
            models: BTreeMap::new(),
            default_model: None,
            agent: AgentSettings::default(),
        }
    }
}

/// The file as it is written, before addresses are understood.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct File {
    name: Option<String>,
    listen: Option<Vec<toml::Spanned<String>>>,
    peers: Option<Vec<toml::Spanned<String>>>,
    log_level: Option<String>,
    sync_interval_seconds: Option<toml::Spanned<u64>>,
    network: network::NetworkTable,
    privacy: Privacy,
    sessions: sessions::SessionsTable,
    shelf: shelf::ShelfTable,
    agent: AgentSettings,
    models: BTreeMap<String, toml::Spanned<ModelFile>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Privacy {
    gate: Option<toml::Spanned<String>>,
    gate_deadline_seconds: Option<toml::Spanned<u64>>,
    share_delay_seconds: Option<toml::Spanned<u64>>,
}

impl Config {
    /// Reads the file; keys that are absent have their defaults.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line and key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        if let Some(Exposed { path, mode, owner }) = exposed(path).map_err(unreadable)? {
            return Err(ConfigError::Exposed { path, mode, owner });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text, path)
    }

    /// Reads configuration text; `path` is for messages.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line and key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let line_of = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
        let invalid = |offset: usize, why: String| ConfigError::Invalid {
            path: path.to_owned(),
            line: line_of(offset),
            why,
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            if let Some(known) = keys::known(error.message()) {
                return ConfigError::UnknownKey {
                    path: path.to_owned(),
                    line: line_of(span.start),
                    key: text.get(span).unwrap_or_default().trim().to_owned(),
                    known: known.join(", "),
                };
            }
            invalid(span.start, error.message().to_owned())
        })?;
        let mut config = Self::default();
        if let Some(name) = file.name {
            config.name = name;
        }
        if let Some(listen) = file.listen {
            config.listen = listen
                .into_iter()
                .map(|text| {
                    text.get_ref().parse().map_err(|error| {
                        let why = format!(
                            "`{}` is not an address like /ip4/0.0.0.0/tcp/4730: {error}",
                            text.get_ref()
                        );
                        invalid(text.span().start, why)
                    })
                })
                .collect::<Result<_, _>>()?;
        }
        if let Some(peers) = file.peers {
            config.peers = peers
                .into_iter()
                .map(|text| {
                    text.get_ref()
                        .parse::<PeerAddress>()
                        .map_err(|error| invalid(text.span().start, error.to_string()))
                })
                .collect::<Result<_, _>>()?;
        }
        if let Some(level) = file.log_level {
            config.log_level = level;
        }
        if let Some(seconds) = file.sync_interval_seconds {
            if !(1..=86_400).contains(seconds.get_ref()) {
                let why = "sync_interval_seconds must be between 1 and 86400".into();
                return Err(invalid(seconds.span().start, why));
            }
            config.sync_interval = Duration::from_secs(*seconds.get_ref());
        }
        let deadline = match file.privacy.gate_deadline_seconds {
            Some(given) if !(1..=30 * 86_400).contains(given.get_ref()) => {
                let why = "gate_deadline_seconds must be between 1 and 2592000".into();
                return Err(invalid(given.span().start, why));
            }
            given => given.map_or(GATE_SECONDS, toml::Spanned::into_inner),
        };
        if let Some(gate) = file.privacy.gate {
            config.gate_seconds = match gate.get_ref().as_str() {
                "off" => None,
                "ask" => Some(deadline),
                other => {
                    let why = format!("the gate is \"off\" or \"ask\", not \"{other}\"");
                    return Err(invalid(gate.span().start, why));
                }
            };
        }
        if let Some(given) = file.privacy.share_delay_seconds {
            config.share_delay = Delay::new(*given.get_ref()).ok_or_else(|| {
                let why = format!(
                    "share_delay_seconds must be between {} and {}",
                    Delay::LEAST_SECONDS,
                    Delay::MOST_SECONDS
                );
                invalid(given.span().start, why)
            })?;
        }
        config.network = file.network.settings().map_err(|(offset, why)| invalid(offset, why))?;
        config.sessions = file.sessions.settings().map_err(|(offset, why)| invalid(offset, why))?;
        config.shelf_policy = file.shelf.policy().map_err(|(offset, why)| invalid(offset, why))?;
        for (name, model) in file.models {
            let at = model.span().start;
            let settings = model.into_inner().settings(&name, at);
            let settings = settings.map_err(|(offset, why)| invalid(offset, why))?;
            config.models.insert(name, settings);
        }
        if let Some(name) = file.agent.model.clone() {
            if !config.models.contains_key(name.get_ref()) {
                let why = format!("there is no [models.{}]", name.get_ref());
                return Err(invalid(name.span().start, why));
            }
            config.default_model = Some(name.into_inner());
        }
        config.agent = file.agent;
        Ok(config)
    }

    /// The file with comments, as `lore init` writes it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let list = |items: Vec<String>| {
            let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        };
        format!(
            "# Settings of this node. Restart `lore run` after a change.\n\
             # The privacy budget is not here: see `lore privacy status`.\n\n\
             # What this node is called in its own output, and in a federation that it joins. Every\n\
             # member of that federation sees it, for ever: later changes do not reach them.\n\
             name = {}\n\n\
             # Where to listen. Port 0 lets the system choose; 127.0.0.1 stays on this machine.\n\
             listen = {}\n\n\
             # Peers to keep a connection with, each ending in /p2p/<peer id>.\n\
             # Joining a federation adds the inviter without an entry here.\n\
             peers = {}\n\n\
             # error, warn, info, debug or trace. The variable LORE_LOG overrides it.\n\
             log_level = {}\n\n\
             # How often to compare libraries with a random peer, in seconds (1 to 86400).\n\
             sync_interval_seconds = {}\n\n\
             # Models stand in [models.NAME], the one to use in [agent]; `lore model set` writes both.\n\n\
             {}\n\
             [privacy]\n\
             # \"ask\": a person may drop keys of a lesson release before it goes out (see\n\
             # `lore privacy preview`); without an answer nothing does. \"off\": no gate.\n\
             gate = {}\n\
             # Public: releases go out this long after they are due, whenever the gate was answered.\n\
             gate_deadline_seconds = {}\n\
             # How long a lesson of `lore lesson share` waits before it is signed; until then\n\
             # `lore lesson undo` withdraws it. At least 600.\n\
             share_delay_seconds = {}\n\n{}\n{}",
            quoted(&self.name),
            list(self.listen.iter().map(ToString::to_string).collect()),
            list(self.peers.iter().map(ToString::to_string).collect()),
            quoted(&self.log_level),
            self.sync_interval.as_secs(),
            self.network.to_toml(),
            quoted(if self.gate_seconds.is_some() { "ask" } else { "off" }),
            self.gate_seconds.unwrap_or(GATE_SECONDS),
            self.share_delay.seconds(),
            self.sessions.to_toml(),
            shelf::to_toml(self.shelf_policy),
        )
    }
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("home/config.toml")).map_err(|error| error.to_string())
    }

    /// Secrets cannot be compared; there are none here.
    fn shown(config: &Config) -> String {
        format!("{config:?}")
    }

    #[test]
    fn what_init_writes_is_what_is_read() {
        let config = Config {
            name: "clinic \"north\"".into(),
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
            ..Config::default()
        };
        assert_eq!(shown(&parse(&config.to_toml()).unwrap()), shown(&config));
        assert_eq!(shown(&parse("").unwrap()), shown(&Config::default()));
        let share_delay = Delay::new(900).unwrap();
        let asks = Config { gate_seconds: Some(90), share_delay, ..Config::default() };
        assert_eq!(shown(&parse(&asks.to_toml()).unwrap()), shown(&asks));
    }

    #[test]
    fn an_unknown_key_is_named_with_file_line_and_the_known_keys() {
        let error = parse("name = \"a\"\n\nlisten_on = []\n").unwrap_err();
        assert_eq!(
            error,
            "home/config.toml:3: unknown key `listen_on`; known keys here: name, listen, peers, \
             log_level, sync_interval_seconds, network, privacy, sessions, shelf, agent, models (all are in \
             docs/configuration.md)"
        );
        let error = parse("[privacy]\nepsilon = 4\n").unwrap_err();
        assert!(error.starts_with("home/config.toml:2: unknown key `epsilon`"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_with_file_and_line() {
        let error = parse("name = \"a\"\nlisten = [\n \"nowhere\"]\n").unwrap_err();
        assert!(error.starts_with("home/config.toml:3: `nowhere`"), "{error}");
        let error = parse("peers = [\"/ip4/127.0.0.1/tcp/1\"]\n").unwrap_err();
        assert!(error.contains("/p2p/"), "{error}");
        let error = parse("sync_interval_seconds = 0\n").unwrap_err();
        assert!(error.contains(":1: sync_interval_seconds"), "{error}");
        let error = parse("[privacy]\ngate = \"maybe\"\n").unwrap_err();
        assert!(error.starts_with("home/config.toml:2: the gate is"), "{error}");
        let error = parse("[sessions]\nkeep_days = 40000\n").unwrap_err();
        assert!(error.starts_with("home/config.toml:2: keep_days must"), "{error}");
        assert_eq!(parse("[sessions]\nkeep_days = 0\n").unwrap().sessions.keep_days, None);
        let error = parse("name = 3\n").unwrap_err();
        assert!(error.starts_with("home/config.toml:1:"), "{error}");
    }
}
