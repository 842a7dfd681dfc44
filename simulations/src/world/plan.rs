//! Schedule of a simulation: work, checkpoints, samples and faults, as far as they do not depend on what happens.

use super::{Event, World};
use crate::network::Partition;
use crate::rng::{Purpose, Streams, WHOLE};
use crate::scenario::{millis, seconds};

impl World<'_> {
    /// Schedules what does not depend on what happens.
    pub(super) fn plan(&mut self, streams: Streams) {
        let scenario = self.scenario;
        let spread = seconds(scenario.work.spread_s);
        // Everybody comes in the first two seconds, or sooner.
        let first = millis(scenario.sync.period_ms).min(seconds(2));
        for (node, draws) in self.draws.iter_mut().enumerate() {
            let rides = self.actors[node].rides();
            for _ in 0..scenario.work.deltas_per_node {
                let at = draws.work.below(spread);
                if !rides {
                    self.queue.schedule(at, Event::Due { node });
                }
            }
            self.queue.schedule(draws.peers.below(first), Event::Tick { node });
        }
        self.queue.schedule(millis(scenario.checkpoints.period_ms), Event::Checkpoint);
        self.queue.schedule(millis(scenario.sample_ms), Event::Sample);
        // Which members a fault hits: every fault takes the next ones of a shuffled list.
        let mut faults = streams.stream(WHOLE, Purpose::Faults);
        let mut members: Vec<usize> = (1..scenario.nodes).collect();
        for split in &scenario.partition {
            faults.shuffle(&mut members);
            let mut side = vec![false; scenario.nodes];
            for node in members.iter().take(split.cut_off(scenario.nodes)) {
                side[*node] = true;
            }
            let (from, until) = (seconds(split.from_s), seconds(split.until_s));
            let one_way = split.one_way;
            self.network.add_partition(Partition { from, until, side, one_way });
        }
        faults.shuffle(&mut members);
        let mut next = members.iter().copied().cycle();
        for crash in &scenario.crash {
            for node in next.by_ref().take(crash.nodes) {
                let at = seconds(crash.at_s);
                self.queue.schedule(at, Event::Crash { node, disk: crash.disk });
                self.queue.schedule(at + seconds(crash.down_s), Event::Restart { node });
            }
        }
        self.plan_churn(streams);
        if scenario.network.heals {
            self.queue.schedule(scenario.calm_at(), Event::Heal);
        }
    }

    /// Members go down and come up until the churn ends; all are up then.
    fn plan_churn(&mut self, streams: Streams) {
        let Some(churn) = self.scenario.churn else { return };
        let end = seconds(churn.until_s);
        for node in 1..self.scenario.nodes {
            let number = u32::try_from(node).unwrap_or(WHOLE);
            let mut stream = streams.stream(number, Purpose::Churn);
            let mut at = stream.below(2 * seconds(churn.up_s));
            while at < end {
                let back = (at + 1 + stream.below(2 * seconds(churn.down_s))).min(end);
                self.queue.schedule(at, Event::Crash { node, disk: true });
                self.queue.schedule(back, Event::Restart { node });
                at = back + 1 + stream.below(2 * seconds(churn.up_s));
            }
        }
    }
}
