//! One screen about this node.

use lore_control as control;
use lore_engine::{Federation, Recovery};

use super::Node;
use super::convert::count;
use crate::error::CliError;

const RECOVERING: &str = "run this node until it has synced with a member (`lore run --detach`): its \
     store is a copy or was repaired, and it signs and releases nothing before";

impl Node {
    /// State of the node and its federations, without the network.
    ///
    /// # Errors
    /// Fails when the store or a conversion fails.
    pub fn status(&self) -> Result<control::NodeStatus, CliError> {
        let federations = self.engine.federations().values();
        let recovering = self.store.recovery()?.map(|why| match why {
            Recovery::Repaired => control::Recovering::Repaired,
            Recovery::Restored => control::Recovering::Restored,
        });
        Ok(control::NodeStatus {
            home: self.home.root().to_owned(),
            key: control::PublicKey::of(self.engine.public_key()),
            federations: federations.map(|found| self.federation_status(found)).collect(),
            devices: count(self.devices.served().len()),
            sessions: self.session_count()?,
            retention: self.retention()?,
            privacy: self.privacy_status()?,
            shelf: self.shelf_status(),
            pending_lessons: self.lesson_pending()?.lessons,
            recovering,
            next: if recovering.is_some() { RECOVERING } else { self.advice() }.into(),
            daemon: None,
            network: None,
        })
    }

    fn federation_status(&self, found: &Federation) -> control::FederationStatus {
        let log = found.log();
        let me = self.engine.public_key();
        let member = log.member_of(&me);
        let mut problems: Vec<String> = log.problems().values().map(ToString::to_string).collect();
        problems.extend(self.second_copy_in(found).unwrap_or_default());
        problems.extend(self.called_gone(found));
        let disputed: Vec<u32> =
            found.fold().disputed(log).into_iter().map(|(epoch, _, _)| epoch).collect();
        let heard = log
            .tip()
            .roster
            .keys()
            .filter(|member| {
                let newest = log.head(**member).and_then(|(_, id)| log.get(&id));
                newest.is_some_and(|entry| entry.header().epoch + 1 >= log.open_epoch())
            })
            .count();
        let (waiting, waiting_bytes) = log.waiting();
        let voices = log.tip().voices.count(log.tip().roster.keys().copied());
        control::FederationStatus {
            federation: control::FederationId::of(found.id()),
            name: log.charter().name.clone(),
            member: member.map(control::MemberId::of),
            former_member: self.is_former_member(found),
            members: count(log.tip().roster.len()),
            heard_from: count(heard),
            voices: count(voices),
            // The weight of each voice is capped alike.
            voices_of_half: count(voices.div_ceil(2)),
            epoch: log.open_epoch(),
            root: control::Hash::of(found.root()),
            sealed_root: control::Hash::of(found.fold().sealed().root()),
            digest: control::Hash::of(log.digest()),
            deltas: count(log.len()),
            waiting: count(waiting),
            waiting_bytes: count(waiting_bytes),
            skills: count(found.library().skills.len()),
            lessons: count(found.library().lessons.len()),
            drifting_lessons: count(found.library().drifting().len()),
            forks: count(log.forks().len()),
            split: log.is_split(),
            behind: log
                .behind()
                .map(|(epoch, chains)| control::Behind { epoch, chains_missing: count(chains) }),
            problems,
            disputed_epochs: disputed,
        }
    }

    /// Words of other members for a node that was removed and never saw the checkpoint that did it.
    fn called_gone(&self, found: &Federation) -> Option<String> {
        let by = self.engine.called_gone_by(found.id());
        let known = by == 0 || self.is_former_member(found);
        (!known).then(|| {
            format!(
                "{by} members say that this node was removed from the federation: they serve it no more, and \
                 nothing that it publishes reaches them; ask a founder why. A removed key cannot join \
                 again: to come back, make another home and ask for an invitation"
            )
        })
    }

    fn is_former_member(&self, found: &Federation) -> bool {
        self.engine.is_former_member(found.id()).unwrap_or(false)
    }

    fn advice(&self) -> &'static str {
        let joined = self
            .engine
            .federations()
            .values()
            .any(|found| found.log().member_of(&self.engine.public_key()).is_some());
        if self.engine.federations().values().all(|found| self.is_former_member(found)) {
            "found a federation with `lore federation create NAME`, or join one with \
             `lore federation join INVITATION`"
        } else if !joined {
            "wait for a checkpoint: until then this node is admitted but not on the roster"
        } else if self.engine.ledger().budget().is_none() {
            "this node only receives; to share what its users learn, see `lore privacy set`"
        } else if self.session_count().is_ok_and(|count| count == 0) {
            "bring in sessions with `lore session import PATH`"
        } else if self.shelf_status().waiting > 0 {
            "review what other members published with `lore review`, then write the skills for your agent with \
             `lore skill export --dir DIR`"
        } else {
            "write the shared skills for your agent with `lore skill export --dir DIR`"
        }
    }
}
