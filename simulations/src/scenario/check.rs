//! Checks the values of a scenario.

use super::{LatencySection, MAX_SECONDS, Scenario, ScenarioError};

const TIME: &str = "at least 1 and at most ten years";
const SPAN: &str = "at most ten years";
const MOST_MS: u64 = MAX_SECONDS * 1_000;

/// Refuses a number outside a range.
pub(crate) fn within(
    key: &'static str,
    got: u64,
    low: u64,
    high: u64,
    must: &'static str,
) -> Result<(), ScenarioError> {
    let fits = (low..=high).contains(&got);
    let got = got.to_string();
    if fits { Ok(()) } else { Err(ScenarioError::Value { key, got, must }) }
}

/// Refuses a share below 0 or above `high`.
pub(crate) fn ratio(
    key: &'static str,
    got: f64,
    high: f64,
    must: &'static str,
) -> Result<(), ScenarioError> {
    let fits = (0.0..=high).contains(&got);
    let got = got.to_string();
    if fits { Ok(()) } else { Err(ScenarioError::Value { key, got, must }) }
}

impl Scenario {
    /// Checks the values of a scenario.
    pub(crate) fn check(&self) -> Result<(), ScenarioError> {
        within("nodes", self.nodes as u64, 2, 400, "from 2 to 400")?;
        within("settle_s", self.settle_s, 1, MAX_SECONDS, TIME)?;
        within("sample_ms", self.sample_ms, 1, MOST_MS, TIME)?;
        within(
            "work.deltas_per_node",
            self.work.deltas_per_node.into(),
            0,
            10_000,
            "at most 10000",
        )?;
        let bytes = self.work.payload_bytes as u64;
        within("work.payload_bytes", bytes, 0, 16_000, "at most 16000")?;
        within("work.spread_s", self.work.spread_s, 1, MAX_SECONDS, TIME)?;
        within("sync.period_ms", self.sync.period_ms, 1, MOST_MS, TIME)?;
        within("sync.retry_ms", self.sync.retry_ms, 1, MOST_MS, TIME)?;
        within("sync.timeout_ms", self.sync.timeout_ms, 1, MOST_MS, TIME)?;
        within("checkpoints.period_ms", self.checkpoints.period_ms, 1, MOST_MS, TIME)?;
        within("network.jitter_ms", self.network.jitter_ms, 0, MOST_MS, SPAN)?;
        self.check_links()?;
        let (least, most) = match self.network.latency {
            LatencySection::Constant { ms } => (ms, ms),
            LatencySection::Plane { min_ms, span_ms }
            | LatencySection::Uniform { min_ms, span_ms } => (min_ms, span_ms),
        };
        within("network.latency", least, 0, MOST_MS, SPAN)?;
        within("network.latency", most, 0, MOST_MS, SPAN)?;
        let below = "less than nodes, not 1, and even when nodes is odd";
        let degree = self.gossip.degree;
        if degree >= self.nodes || !(degree * self.nodes).is_multiple_of(2) || degree == 1 {
            let got = degree.to_string();
            return Err(ScenarioError::Value { key: "gossip.degree", got, must: below });
        }
        self.check_faults()?;
        for split in &self.partition {
            within(
                "partition.until_s",
                split.until_s,
                split.from_s + 1,
                MAX_SECONDS,
                "after from_s",
            )?;
            ratio("partition.share", split.share, 1.0, "from 0 to 1")?;
        }
        for crash in &self.crash {
            within("crash.at_s", crash.at_s, 1, MAX_SECONDS, TIME)?;
            within("crash.down_s", crash.down_s, 1, MAX_SECONDS, TIME)?;
            let members = self.nodes as u64 - 1;
            within(
                "crash.nodes",
                crash.nodes as u64,
                1,
                members,
                "at least 1 and less than nodes",
            )?;
        }
        if let Some(releases) = &self.releases {
            within("releases.users", releases.users.into(), 0, 10_000, "at most 10000")?;
            let periods = releases.epochs_per_period.into();
            within("releases.epochs_per_period", periods, 1, 10_000, "from 1 to 10000")?;
            let fits = (0.1..=100.0).contains(&releases.epsilon);
            let got = releases.epsilon.to_string();
            if !fits {
                let key = "releases.epsilon";
                return Err(ScenarioError::Value { key, got, must: "from 0.1 to 100" });
            }
            if let Some(gate_s) = releases.gate_s {
                let most = self.checkpoints.period_ms / 2_000;
                let must = "at least 1 and at most half of checkpoints.period_ms";
                within("releases.gate_s", gate_s, 1, most, must)?;
            }
        }
        Ok(())
    }

    fn check_links(&self) -> Result<(), ScenarioError> {
        const SHARE: &str = "from 0 to 1";
        let links = self.network;
        ratio("network.loss", links.loss, 0.9, "from 0 to 0.9")?;
        ratio("network.duplicate", links.duplicate, 1.0, SHARE)?;
        ratio("network.reorder", links.reorder, 1.0, SHARE)?;
        ratio("network.nat", links.nat, 1.0, SHARE)?;
        within("network.reorder_ms", links.reorder_ms, 0, MOST_MS, SPAN)?;
        if let Some(burst) = links.burst {
            ratio("network.burst.enter", burst.enter, 1.0, SHARE)?;
            ratio("network.burst.loss", burst.loss, 1.0, SHARE)?;
            let fits = (0.001..=1.0).contains(&burst.leave);
            let got = burst.leave.to_string();
            if !fits {
                let key = "network.burst.leave";
                return Err(ScenarioError::Value { key, got, must: "from 0.001 to 1" });
            }
        }
        let kbit = links.bandwidth_kbit.unwrap_or(1);
        let must = "from 1 to 1000000000; leave it out for no limit";
        within("network.bandwidth_kbit", kbit, 1, 1_000_000_000, must)
    }

    fn check_faults(&self) -> Result<(), ScenarioError> {
        if let Some(churn) = self.churn {
            within("churn.up_s", churn.up_s, 1, MAX_SECONDS, TIME)?;
            within("churn.down_s", churn.down_s, 1, MAX_SECONDS, TIME)?;
            within("churn.until_s", churn.until_s, 1, MAX_SECONDS, TIME)?;
        }
        let machines = self.machines;
        ratio("machines.slow", machines.slow, 1.0, "from 0 to 1")?;
        within("machines.slow_ms", machines.slow_ms, 0, MOST_MS, SPAN)?;
        let an_hour = "at most 3600, an hour";
        within("machines.skew_s", machines.skew_s, 0, 3_600, an_hour)?;
        ratio("attack.corrupt", self.attack.corrupt, 1.0, "from 0 to 1")?;
        let hostile: usize = self.attack.counts().iter().sum();
        let must = "fewer hostile members in all than nodes: the founder is honest";
        within("attack", hostile as u64, 0, self.nodes as u64 - 1, must)
    }
}
