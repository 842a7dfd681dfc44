//! A replay: nodes draw sessions from their shards, release outcomes, and estimate success rates.

use std::collections::BTreeMap;
use std::path::Path;

use lore_engine::Terms;
use lore_privacy::release::{OutcomesSpec, release_outcomes};
use lore_privacy::{
    LocalSecret, OutcomeContribution, PrivacyError, Private, Schedule, SeededNoise,
};
use lore_protocol::ids::{Hash, RevisionId};
use lore_protocol::library::{Counts, Pool};
use lore_protocol::payload::{ItemId, Mechanism, Payload};
use serde::Deserialize;

use super::table::{Outcomes, OutcomesError, Trial};
use crate::budget::{self, WEEK};
use crate::metrics::Metric;
use crate::rng::{Purpose, Stream, Streams, WHOLE};

/// Arms of every replay, on the same sessions: each node's own counts; the sum of all counts without noise; the
/// releases of all nodes.
pub const ARMS: [&str; 3] = ["alone", "pooled without noise", "pooled with privacy"];

const WEEK_MICROS: u64 = 7 * 86_400 * 1_000_000;
/// The charter's default cap of one voice's counts.
const CAP: u32 = Terms::LIMITS.evidence_cap;

/// Why a replay cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The scenario does not parse; the message names the line.
    #[error("the scenario does not parse: {0}")]
    Parse(String),
    /// A value makes no sense.
    #[error("`{key}` is {got}, but must be {must}; change it in the scenario file")]
    Value {
        /// The key.
        key: &'static str,
        /// Value in the file.
        got: String,
        /// Values that are allowed.
        must: String,
    },
    /// The table is wrong.
    #[error(transparent)]
    Outcomes(#[from] OutcomesError),
    /// The budget buys no release, or a release fails.
    #[error("the privacy code refuses: {0}")]
    Privacy(#[from] PrivacyError),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    world: String,
    name: String,
    #[serde(default)]
    about: String,
    table: String,
    #[serde(default)]
    arm: Option<String>,
    #[serde(default = "one")]
    seed: u64,
    nodes: u32,
    users: u32,
    sessions: u32,
    #[serde(default = "twelve")]
    releases: u32,
    epsilon: f64,
}

const fn one() -> u64 {
    1
}

const fn twelve() -> u32 {
    12
}

/// A scenario of the replay world, with its table.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Name.
    pub name: String,
    /// One line that says what it is for.
    pub about: String,
    /// Seed when the command line names none.
    pub seed: u64,
    /// Nodes, each with a shard of the table.
    pub nodes: u32,
    /// Users of each node.
    pub users: u32,
    /// Sessions of each user between two releases.
    pub sessions: u32,
    /// Releases of the period, one a week.
    pub releases: u32,
    /// Epsilon of the period for each user.
    pub epsilon: f64,
    /// Rows that are replayed.
    pub outcomes: Outcomes,
    groups: Vec<(String, ItemId, f64)>,
    mechanism: Mechanism,
}

/// What a node knows of each group.
type Known = BTreeMap<ItemId, Counts>;

impl Replay {
    /// Reads a scenario and its table, which lies below `directory`.
    ///
    /// # Errors
    /// Fails when a key is unknown or a value impossible, the table is wrong, or the budget buys no release.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ReplayError> {
        let file: File =
            toml::from_str(text).map_err(|error| ReplayError::Parse(error.to_string()))?;
        let within = |key, got: u64, low: u64, high: u64| {
            if (low..=high).contains(&got) {
                return Ok(());
            }
            let must = format!("from {low} to {high}");
            Err(ReplayError::Value { key, got: got.to_string(), must })
        };
        if file.world != "replay" {
            let must = "`replay`; leave the key out for a federation".to_owned();
            return Err(ReplayError::Value { key: "world", got: file.world, must });
        }
        within("nodes", file.nodes.into(), 2, 400)?;
        within("users", file.users.into(), 1, 10_000)?;
        within("sessions", file.sessions.into(), 1, 1_000)?;
        within("releases", file.releases.into(), 1, 52)?;
        if !(0.1..=100.0).contains(&file.epsilon) {
            let (got, must) = (file.epsilon.to_string(), "from 0.1 to 100".to_owned());
            return Err(ReplayError::Value { key: "epsilon", got, must });
        }
        let outcomes = one_arm(Outcomes::read(&directory.join(&file.table))?, file.arm.as_deref())?;
        within("nodes", file.nodes.into(), 2, outcomes.trials.len() as u64)?;
        let groups = outcomes.groups().into_iter().map(|(name, (_, rate, _))| {
            let id = RevisionId::derive("lore-sim/replay-group", &[name.as_bytes()]);
            (name.to_owned(), ItemId::Revision(id), rate)
        });
        let groups = groups.collect();
        let budget = budget::of_micros(budget::micros(file.epsilon))?;
        let schedule = Schedule { outcomes: file.releases, ..Schedule::default() };
        let mechanism = budget.plan(schedule)?.outcomes.ok_or(PrivacyError::NoBudget)?;
        let File { name, about, seed, nodes, users, sessions, releases, epsilon, .. } = file;
        Ok(Self {
            name,
            about,
            seed,
            nodes,
            users,
            sessions,
            releases,
            epsilon,
            outcomes,
            groups,
            mechanism,
        })
    }

    /// Noise of one count of one release, as a standard deviation in sessions.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        (self.mechanism.variance_micros() as f64 / 1e6).sqrt()
    }

    /// Runs it with one seed. After each release every arm has `rate_error_points`: the root of the mean square,
    /// over groups and nodes, of the estimated minus the true success rate, in percentage points. True is
    /// the rate in the whole table; without an estimate a node says 50 %.
    ///
    /// # Errors
    /// Fails when a release fails.
    pub fn run(&self, seed: u64) -> Result<Vec<Metric>, ReplayError> {
        let streams = Streams::new(seed);
        let shards = self.shards(&mut streams.stream(WHOLE, Purpose::Faults));
        let mut work: Vec<Stream> =
            (0..self.nodes).map(|node| streams.stream(node, Purpose::Work)).collect();
        let nodes = self.nodes as usize;
        let (mut own, mut released) = (vec![Known::new(); nodes], vec![Known::new(); nodes]);
        let mut metrics = Vec::new();
        for release in 0..self.releases {
            for (node, draws) in work.iter_mut().enumerate() {
                let sessions = self.sessions_of(node, &shards[node], draws);
                for session in &sessions {
                    let counts = own[node].entry(session.item).or_default();
                    *(if session.success {
                        &mut counts.successes
                    } else {
                        &mut counts.failures
                    }) += 1;
                }
                self.release(seed, node, release, sessions, &mut released[node])?;
            }
            let t_micros = u64::from(release + 1) * WEEK_MICROS;
            let alone = own.iter().map(|known| self.square_error(std::slice::from_ref(known)));
            let alone = alone.sum::<f64>() / f64::from(self.nodes);
            let pooled = [self.square_error(&own), self.square_error(&released)];
            for (arm, square) in ARMS.into_iter().zip([alone, pooled[0], pooled[1]]) {
                let name = "rate_error_points".to_owned();
                let value = square.sqrt() * 100.0;
                metrics.push(Metric { t_micros, node: None, arm: arm.to_owned(), name, value });
            }
        }
        Ok(metrics)
    }

    /// Deals the rows of the table to nodes: in random order, as many to each as to any other, give or take one.
    fn shards(&self, stream: &mut Stream) -> Vec<Vec<&Trial>> {
        let mut rows: Vec<&Trial> = self.outcomes.trials.iter().collect();
        stream.shuffle(&mut rows);
        let mut shards = vec![Vec::new(); self.nodes as usize];
        let count = shards.len();
        for (place, row) in rows.into_iter().enumerate() {
            shards[place % count].push(row);
        }
        shards
    }

    /// Sessions of a node's users until the next release, drawn from its shard.
    fn sessions_of(
        &self,
        node: usize,
        shard: &[&Trial],
        draws: &mut Stream,
    ) -> Vec<OutcomeContribution> {
        let secret = secret(node);
        let mut sessions = Vec::new();
        for user in 0..self.users {
            let unit = secret.user(&user.to_string());
            for _ in 0..self.sessions {
                let trial = shard[draws.index(shard.len())];
                let group = self.groups.iter().find(|(name, ..)| *name == trial.group);
                let Some((_, item, _)) = group else { continue };
                let (item, success) = (*item, trial.success == 1);
                let (context, start_seconds) = (0, 1);
                sessions.push(OutcomeContribution { unit, item, context, success, start_seconds });
            }
        }
        sessions
    }

    fn release(
        &self,
        seed: u64,
        node: usize,
        release: u32,
        sessions: Vec<OutcomeContribution>,
        known: &mut Known,
    ) -> Result<(), ReplayError> {
        let parts = [seed, node as u64, release.into()].map(u64::to_le_bytes).concat();
        let spec = OutcomesSpec {
            release: Hash::derive("lore-sim/replay", &[&parts]),
            mechanism: self.mechanism,
            window: WEEK,
            items_root: Hash::ZERO,
            cells: self.groups.iter().map(|(_, item, _)| (*item, 0)).collect(),
        };
        let mut noise = SeededNoise::new(&parts);
        let made = release_outcomes(&spec, &Private::new(sessions), &secret(node), &mut noise)?;
        if let Payload::Outcomes(outcomes) = made.into_inner() {
            for cell in outcomes.cells {
                let counts = known.entry(cell.item).or_default();
                counts.successes += cell.successes;
                counts.failures += cell.failures;
                counts.variance_micros += self.mechanism.variance_micros();
            }
        }
        Ok(())
    }

    /// Mean square error over groups of what these voices say together.
    fn square_error(&self, voices: &[Known]) -> f64 {
        let errors = self.groups.iter().map(|(_, item, truth)| {
            let mut pool = Pool::new(CAP);
            voices.iter().filter_map(|known| known.get(item)).for_each(|counts| pool.add([counts]));
            let rate = pool.estimate().map_or(0.5, |one| one.rate_micros as f64 / 1e6);
            (rate - truth).powi(2)
        });
        errors.sum::<f64>() / self.groups.len() as f64
    }
}

/// The rows of one arm of a table.
fn one_arm(outcomes: Outcomes, arm: Option<&str>) -> Result<Outcomes, ReplayError> {
    let arms: Vec<String> = outcomes.arms().into_iter().map(str::to_owned).collect();
    let chosen = match arm {
        Some(arm) if arms.iter().any(|known| known == arm) => arm.to_owned(),
        None if arms.len() == 1 => return Ok(outcomes),
        other => {
            let got = other.unwrap_or("not there").to_owned();
            let must = format!("one of the table's arms: {}", arms.join(", "));
            return Err(ReplayError::Value { key: "arm", got, must });
        }
    };
    let trials = outcomes.trials.into_iter().filter(|trial| trial.arm == chosen);
    Ok(Outcomes { trials: trials.collect() })
}

fn secret(node: usize) -> LocalSecret {
    LocalSecret::from_bytes(
        *Hash::derive("lore-sim/replay-node", &[&node.to_le_bytes()]).as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SCENARIO: &str = "world = \"replay\"\nname = \"r\"\ntable = \"t.csv\"\nnodes = 10\nusers = 40\n\
                            sessions = 1\nreleases = 6\nepsilon = 4.0\n";

    /// Two families, solved in 30 % and 80 % of 120 trials each.
    fn directory() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let mut csv = "group,task,trial,arm,success,cost\n".to_owned();
        for (group, tenths) in [("refund", 3), ("rebook", 8)] {
            for task in 0..12 {
                for trial in 0..10 {
                    let success = u8::from((task + trial) % 10 < tenths);
                    csv.push_str(&format!("{group},{task},{trial},none,{success},{}\n", 5 + trial));
                }
            }
        }
        std::fs::write(directory.path().join("t.csv"), csv).unwrap();
        directory
    }

    fn last(metrics: &[Metric], arm: &str) -> f64 {
        metrics.iter().rev().find(|metric| metric.arm == arm).unwrap().value
    }

    #[test]
    fn pooling_beats_a_node_alone_and_privacy_costs_something() {
        let directory = directory();
        let replay = Replay::parse(SCENARIO, directory.path()).unwrap();
        let mut sums = [0.0; 3];
        for seed in 1..=4 {
            let metrics = replay.run(seed).unwrap();
            assert_eq!(metrics.len(), 6 * 3);
            assert_eq!(metrics, replay.run(seed).unwrap(), "a seed gives the same again");
            for (sum, arm) in sums.iter_mut().zip(ARMS) {
                *sum += last(&metrics, arm) / 4.0;
            }
        }
        let [alone, plain, private] = sums;
        assert!(plain < private && private < alone, "{alone} {plain} {private}");
        assert!(plain < 2.5 && alone > 5.0, "{alone} {plain} {private}");
        let weak = SCENARIO.replace("4.0", "0.25");
        let weak = Replay::parse(&weak, directory.path()).unwrap();
        assert!(weak.sigma() > 10.0 * replay.sigma());
        assert!(last(&weak.run(1).unwrap(), ARMS[2]) > private, "less budget, more error");
    }

    #[test]
    fn bad_scenarios_and_tables_are_named() {
        let directory = directory();
        for (from, to, said) in [
            ("nodes = 10", "nodes = 1", "`nodes` is 1"),
            ("nodes = 10", "nodes = 300", "from 2 to 240"),
            ("epsilon = 4.0", "epsilon = 0.0", "epsilon"),
            ("users = 40", "user = 40", "user"),
            ("\"replay\"", "\"other\"", "world"),
            ("t.csv", "none.csv", "none.csv"),
            ("t.csv", "t.txt", "t.txt"),
            ("name = \"r\"", "name = \"r\"\narm = \"gpt\"", "none"),
        ] {
            assert!(SCENARIO.contains(from), "{from}");
            let error = Replay::parse(&SCENARIO.replace(from, to), directory.path()).unwrap_err();
            assert!(error.to_string().contains(said), "{from} -> {to}: {error}");
        }
        let path = directory.path().join("t.csv");
        let csv = std::fs::read_to_string(&path).unwrap();
        for (from, to, said) in [
            ("none,1,5", "none,2,5", "success is 2"),
            ("none,1,5", "none,1,-5", "cost is -5"),
            ("refund,0,1,", "refund,0,0,", "twice"),
            (",cost\n", ",price\n", "cost"),
        ] {
            assert!(csv.contains(from), "{from}");
            std::fs::write(&path, csv.replacen(from, to, 1)).unwrap();
            let error = Replay::parse(SCENARIO, directory.path()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("outcome table"), "{error}");
        }
    }
}
