//! One screen about this node.

use serde_json::{Value, json};

use lore_engine::Federation;

use super::Node;
use crate::error::CliError;

const RECOVERING: &str = "run this node until it has synced with a member (`lore run --detach`): its \
     store is a copy or was repaired, and it signs and releases nothing before";

impl Node {
    /// State of the node and its federations, without the network.
    ///
    /// # Errors
    /// When the store or a conversion fails.
    pub fn status(&self) -> Result<Value, CliError> {
        let federations: Vec<Value> =
            self.engine.federations().values().map(|found| self.federation_status(found)).collect();
        let recovering = self.store.recovery()?.map(lore_engine::Recovery::name);
        Ok(json!({
            "home": self.home.root(),
            "key": self.engine.public_key(),
            "federations": federations,
            "sessions": self.session_count()?,
            "privacy": self.privacy_status()?,
            "recovering": recovering,
            "next": if recovering.is_some() { RECOVERING } else { self.advice() },
        }))
    }

    fn federation_status(&self, found: &Federation) -> Value {
        let log = found.log();
        let me = self.engine.public_key();
        let member = log.member_of(&me);
        let problems: Vec<String> = log.problems().values().map(ToString::to_string).collect();
        let disputed: Vec<u32> =
            found.fold().disputed(log).into_iter().map(|(epoch, _, _)| epoch).collect();
        let heard = log
            .tip()
            .roster
            .keys()
            .filter(|member| {
                let newest = log.head(**member).and_then(|(_, id)| log.get(&id));
                newest.is_some_and(|entry| entry.sound.header().epoch + 1 >= log.open_epoch())
            })
            .count();
        let (waiting, waiting_bytes) = log.waiting();
        json!({
            "federation": found.id(),
            "name": log.charter().name,
            "member": member,
            "members": log.tip().roster.len(),
            "heard_from": heard,
            "epoch": log.open_epoch(),
            "root": found.root(),
            "sealed_root": found.fold().sealed().root(),
            "digest": log.digest(),
            "deltas": log.len(),
            "waiting": waiting,
            "waiting_bytes": waiting_bytes,
            "skills": found.library().skills.len(),
            "lessons": found.library().lessons.len(),
            "forks": log.forks().len(),
            "split": log.is_split(),
            "behind": log.behind().map(|(epoch, chains)| json!({
                "epoch": epoch, "chains_missing": chains,
            })),
            "problems": problems,
            "disputed_epochs": disputed,
        })
    }

    fn advice(&self) -> &'static str {
        let joined = self
            .engine
            .federations()
            .values()
            .any(|found| found.log().member_of(&self.engine.public_key()).is_some());
        if self.engine.federations().is_empty() {
            "found a federation with `lore federation create NAME`, or join one with \
             `lore federation join INVITATION`"
        } else if !joined {
            "wait for a checkpoint: until then this node is admitted but not on the roster"
        } else if self.engine.ledger().budget().is_none() {
            "this node only receives; to share what its users learn, see `lore privacy set`"
        } else if self.session_count().is_ok_and(|count| count == 0) {
            "bring in sessions with `lore session import PATH`"
        } else {
            "write the shared skills for your agent with `lore skill export --dir DIR`"
        }
    }
}
