//! The library of another federation: the same kinds of tasks, another environment. What its lessons
//! do here shows that the gain is knowledge and not format.
//!
//! It is mined from real sessions in a second lab and folded by the real fold, in memory, by a
//! throwaway member. Nothing of it is ever sent, so no release is involved.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use lore_agent::lab::measure::{Plan, work};
use lore_agent::lab::{FamilyId, Lab};
use lore_protocol::charter::{Charter, EpochRule, Founder, Limits, PrivacyTerms, Vouchers};
use lore_protocol::delta::{Delta, Spend, VERSION};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{Hash, MemberId};
use lore_protocol::lesson::{self, Bundle, LessonKey};
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload, Unit};

use super::script;
use crate::error::CliError;
use crate::export;

/// Users of each family in the other federation.
const USERS_EACH: usize = 3;

/// Writes the other federation's skills below `into`.
pub(super) fn library(
    seed: u64,
    families: &[FamilyId],
    program: &Path,
    dir: &Path,
    into: &Path,
    started: u64,
) -> Result<usize, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed("demo", error);
    let lab = Lab::start_with(seed, &dir.join("lab"), program, script::world());
    let lab = lab.map_err(|error| failed(&error))?;
    let plan = Plan {
        seed,
        users: families.len() * USERS_EACH,
        families,
        tasks: 1,
        controls: 0,
        skills: None,
        started,
        threads: NonZeroUsize::MIN.saturating_add(1),
    };
    let worked = work(lab.environment(), &dir.join("scratch"), &plan, &|_, _| {})
        .map_err(|error| failed(&error))?;
    let mut found: BTreeMap<FamilyId, Vec<Bundle>> = BTreeMap::new();
    for one in &worked {
        let bundle = lesson::mine(&one.attempt.session.trace());
        found.entry(one.family).or_default().extend(bundle);
    }
    let mut entries: BTreeMap<LessonKey, i64> = BTreeMap::new();
    for key in found.values().flatten().flat_map(Bundle::keys) {
        *entries.entry(key).or_default() += 1;
    }
    let log = one_author(seed, entries)?;
    let mut fold = Fold::default();
    fold.advance(&log);
    let rendered =
        fold.library(&log).render(0).map_err(|_| failed(&"a skill cannot be written"))?;
    let skills = rendered.iter().map(|r| (r.name.as_str().to_owned(), r.text.clone())).collect();
    Ok(export::write(into, &skills)?.written.len())
}

/// A log with one member and one delta.
fn one_author(seed: u64, entries: BTreeMap<LessonKey, i64>) -> Result<Log, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed("demo", error);
    let key = SecretKey::from_seed(blake3::hash(&seed.to_le_bytes()).as_bytes());
    let founder = Founder { key: key.public_key(), recovery: Hash::ZERO };
    let charter = Charter {
        version: VERSION,
        name: "elsewhere".into(),
        nonce: Hash::ZERO,
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Founders,
        scripts: false,
        contexts: vec!["any".into()],
        privacy: PrivacyTerms {
            rho_nano: 0,
            delta_e18: 0,
            epsilon_display: "0".into(),
            units: vec![Unit::User],
            epochs_per_period: 1,
            lessons_at: Vec::new(),
            outcomes_at: Vec::new(),
            l0: 3,
            sessions_per_item: 1,
            lessons_min_sigma_micros: 1,
            lessons_min_threshold: 1,
            outcomes_min_sigma_micros: 1,
            lessons_payload_bytes: 1024,
            votes_at: Vec::new(),
            votes_min_deviation_micros: 1,
            releases_per_unit: None,
            costs: None,
        },
        limits: Limits {
            members: 1,
            deltas_per_epoch: 8,
            evidence_cap: 1,
            revokers: 1,
            promotion_margin_micros: 0,
        },
        founders: vec![founder],
    };
    let signed = charter.sign(&key).map_err(|error| failed(&error))?;
    let mut log = Log::new(signed).map_err(|error| failed(&error))?;
    let (header, payload) = charter.founder_join(log.federation(), &founder);
    let join = Delta::sign(header, &payload, &key).sound().map_err(|error| failed(&error))?;
    log.ingest(join);
    let member = log.founders().first().map_or(MemberId::ZERO, |(member, _)| *member);
    let entries = entries.into_keys().map(|key| LessonEntry { key, support: 0 });
    let payload = Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries: entries.collect(),
        padding: Vec::new(),
    });
    let header =
        log.draft(member, Spend { period: 1, ..Spend::default() }).map_err(|e| failed(&e))?;
    let delta = Delta::sign(header, &payload, &key).sound().map_err(|error| failed(&error))?;
    log.ingest(delta);
    Ok(log)
}
