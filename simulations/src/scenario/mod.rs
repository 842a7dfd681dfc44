//! A scenario: what is simulated, read from TOML. Unknown keys are errors, units stand in the names.

mod check;
mod faults;
mod network;
mod releases;

pub(crate) use check::{ratio, within};
pub use faults::{Attack, Churn, Crash, Machines, Split};
pub use network::{Burst, BurstSection, Latency, LatencySection, NetworkPlan, NetworkSection};
pub use releases::Releases;
use serde::Deserialize;

use crate::queue::Micros;
use crate::rng::MILLION;

/// Why a scenario was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, an unknown key, a missing key or a value of the wrong type; the message of the parser
    /// names the line.
    #[error("the scenario does not parse: {0}")]
    Parse(String),
    /// A value that makes no sense.
    #[error("`{key}` is {got}, but must be {must}; change it in the scenario file")]
    Value {
        /// The key, with its table.
        key: &'static str,
        /// Value in the file.
        got: String,
        /// Values that are allowed.
        must: &'static str,
    },
}

/// A whole scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name, for output.
    pub name: String,
    /// One line that says what it is for.
    #[serde(default)]
    pub about: String,
    /// Number of nodes with the founder, 2 to 400 (a version 1 federation holds no more).
    pub nodes: usize,
    /// Seed when the command line names none.
    #[serde(default = "one")]
    pub seed: u64,
    /// Work that members publish.
    pub work: Work,
    /// The links.
    pub network: NetworkSection,
    /// The fast path.
    pub gossip: Gossip,
    /// The path that guarantees convergence.
    pub sync: Sync,
    /// Epochs and when they end.
    pub checkpoints: Checkpoints,
    /// Splits.
    #[serde(default)]
    pub partition: Vec<Split>,
    /// Crashes.
    #[serde(default)]
    pub crash: Vec<Crash>,
    /// Members that come and go.
    #[serde(default)]
    pub churn: Option<Churn>,
    /// Machines that differ from each other.
    #[serde(default)]
    pub machines: Machines,
    /// Attack by hostile or broken participants.
    #[serde(default)]
    pub attack: Attack,
    /// Releases from private sessions; none: nobody has a budget.
    #[serde(default)]
    pub releases: Option<Releases>,
    /// Time after the last fault and the last publication until all nodes must agree, in seconds.
    pub settle_s: u64,
    /// Time between sample lines, in milliseconds.
    #[serde(default = "second")]
    pub sample_ms: u64,
}

/// Work that members publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Deltas that each member publishes after it has joined.
    pub deltas_per_node: u32,
    /// They are spread evenly at random over this many seconds.
    pub spread_s: u64,
    /// About this long, in bytes, at most 16,000; 0: a lesson or a revision as it comes.
    #[serde(default)]
    pub payload_bytes: usize,
}

/// Gossip over a fixed random overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gossip {
    /// Peers of each node in the overlay; 0 turns gossip off.
    pub degree: usize,
}

/// Periodic anti-entropy with one random peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Mean time between two sessions that a node opens, in milliseconds.
    pub period_ms: u64,
    /// A session is given up after this long, in milliseconds.
    pub timeout_ms: u64,
    /// An unanswered request is sent again after this long, in milliseconds: what a reliable transport
    /// does under a lossy network.
    #[serde(default = "half_second")]
    pub retry_ms: u64,
    /// After it came back from a backup a node signs nothing before it has finished rounds with this many
    /// peers (or all others, where they are fewer), so that it knows the head of its own chain. 0 lets it sign
    /// at once, and fork.
    #[serde(default = "three")]
    pub recovery_peers: usize,
}

/// Times at which the founder ends an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Time between two checkpoints, in milliseconds.
    pub period_ms: u64,
}

const fn one() -> u64 {
    1
}

const fn half_second() -> u64 {
    500
}

const fn three() -> usize {
    3
}

const fn second() -> u64 {
    1_000
}

/// Seconds as microseconds.
#[must_use]
pub const fn seconds(count: u64) -> Micros {
    count.saturating_mul(1_000_000)
}

/// Milliseconds as microseconds.
#[must_use]
pub const fn millis(count: u64) -> Micros {
    count.saturating_mul(1_000)
}

/// Longest time that a scenario may name, in seconds: ten years.
const MAX_SECONDS: u64 = 10 * 366 * 86_400;

/// A probability as parts per million.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn parts(probability: f64) -> u32 {
    (probability.clamp(0.0, 1.0) * f64::from(MILLION)).round() as u32
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// Fails when it does not parse, has an unknown key, or a value makes no sense.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| ScenarioError::Parse(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The links in microseconds and parts per million.
    #[must_use]
    pub fn network_plan(&self) -> NetworkPlan {
        self.network.plan()
    }

    /// Time at which the last fault has ended and the last delta was due: from here on the world is calm.
    #[must_use]
    pub fn calm_at(&self) -> Micros {
        let work = self.work.spread_s;
        let splits = self.partition.iter().map(|split| split.until_s);
        let crashes = self.crash.iter().map(|crash| crash.at_s + crash.down_s);
        let churn = self.churn.map_or(0, |churn| churn.until_s);
        seconds(splits.chain(crashes).chain([work, churn]).max().unwrap_or(work))
    }

    /// Time by which all nodes must agree.
    #[must_use]
    pub fn deadline(&self) -> Micros {
        self.calm_at() + seconds(self.settle_s)
    }
}

/// The federations that come with the crate, by name.
pub const SHIPPED: [(&str, &str); 5] = [
    ("lossy-mesh", include_str!("../../scenarios/lossy-mesh.toml")),
    ("partition-heals", include_str!("../../scenarios/partition-heals.toml")),
    ("lost-disks", include_str!("../../scenarios/lost-disks.toml")),
    ("hostile-members", include_str!("../../scenarios/hostile-members.toml")),
    ("releases", include_str!("../../scenarios/releases.toml")),
];

/// The text of a shipped federation.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(from: &str, to: &str) -> Result<Scenario, ScenarioError> {
        let text = shipped("lossy-mesh").unwrap();
        assert!(text.contains(from), "{from}");
        Scenario::parse(&text.replace(from, to))
    }

    #[test]
    fn every_shipped_scenario_parses_and_carries_its_name() {
        for (name, text) in SHIPPED {
            assert_eq!(Scenario::parse(text).unwrap().name, name);
        }
    }

    /// Keys of a table, as the parser names them.
    fn keys<T: serde::de::DeserializeOwned>() -> Vec<String> {
        let error = toml::from_str::<T>("zzz = 0").err().unwrap().to_string();
        let (_, known) = error.split_once("`zzz`, expected ").unwrap();
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_template_has_every_key_and_every_key_of_it_is_one() {
        let template = include_str!("../../templates/federation.toml");
        let tables = [
            ("", keys::<Scenario>()),
            ("work", keys::<Work>()),
            ("network", keys::<NetworkSection>()),
            ("gossip", keys::<Gossip>()),
            ("sync", keys::<Sync>()),
            ("checkpoints", keys::<Checkpoints>()),
            ("partition", keys::<Split>()),
            ("crash", keys::<Crash>()),
            ("churn", keys::<Churn>()),
            ("machines", keys::<Machines>()),
            ("attack", keys::<Attack>()),
            ("releases", keys::<Releases>()),
        ];
        // Settings that are commented out count as they are after the mark is removed.
        let setting = |line: &str| {
            let key = line.split([' ', ']']).next().unwrap_or_default().trim_start_matches('[');
            tables.iter().any(|(table, keys)| *table == key || keys.iter().any(|one| one == key))
                && (line.starts_with('[') || line.contains(" = "))
        };
        let uncommented = |line: &str| match line.strip_prefix("# ") {
            Some(rest) if setting(rest) => rest.to_owned(),
            _ => line.to_owned(),
        };
        let whole: Vec<String> = template.lines().map(uncommented).collect();
        let whole: toml::Table = toml::from_str(&whole.join("\n")).unwrap();
        for (table, keys) in &tables {
            let found = match whole.get(*table) {
                Some(toml::Value::Array(all)) => all[0].as_table().unwrap(),
                Some(one) => one.as_table().unwrap(),
                None => &whole,
            };
            assert!(!keys.is_empty());
            for key in keys {
                assert!(found.contains_key(key), "the template lacks `{key}` of `[{table}]`");
            }
        }
        Scenario::parse(&toml::to_string(&whole).unwrap()).unwrap();
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = with("spread_s", "sprad_s").unwrap_err().to_string();
        assert!(error.contains("sprad_s"), "{error}");
    }

    #[test]
    fn values_without_sense_are_named_with_what_is_allowed() {
        for (from, to, key) in [
            ("nodes = 30", "nodes = 1", "nodes"),
            ("loss = 0.25", "loss = 1.5", "network.loss"),
            ("loss = 0.25", "loss = nan", "network.loss"),
            ("degree = 6", "degree = 30", "gossip.degree"),
            ("settle_s = 120", "settle_s = 0", "settle_s"),
            ("duplicate = 0.05", "reorder = 2.0", "network.reorder"),
            ("duplicate = 0.05", "nat = -0.1", "network.nat"),
            ("duplicate = 0.05", "bandwidth_kbit = 0", "network.bandwidth_kbit"),
            (
                "duplicate = 0.05",
                "burst = { enter = 0.1, leave = 0.0, loss = 1.0 }",
                "network.burst.leave",
            ),
            ("forgers = 2", "forgers = 30", "attack"),
            ("forgers = 2", "[machines]\nskew_s = 3601", "machines.skew_s"),
            ("forgers = 2", "[churn]\nup_s = 0\ndown_s = 1\nuntil_s = 9", "churn.up_s"),
        ] {
            let error = with(from, to).unwrap_err();
            assert!(
                matches!(error, ScenarioError::Value { key: got, .. } if got == key),
                "{error}"
            );
            assert!(error.to_string().contains("must be"));
        }
    }

    #[test]
    fn calm_begins_after_the_last_fault() {
        let scenario = Scenario::parse(shipped("partition-heals").unwrap()).unwrap();
        let last = scenario.partition.iter().map(|split| split.until_s).max();
        assert_eq!(scenario.calm_at(), seconds(last.unwrap()));
    }
}
