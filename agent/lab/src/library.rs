//! A library without privacy: what many sessions teach, folded and rendered as the shared one is.
//!
//! It is for measuring (what would a central library give? what does another environment's do?) and
//! never leaves the process that made it: nothing is released, so that no budget is spent.

use std::collections::BTreeMap;

use lore_protocol::charter::{
    Charter, EpochRule, Founder, Limits, PrivacyTerms, Vouchers, WindowTerms,
};
use lore_protocol::delta::{Delta, Spend, VERSION};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{Hash, LessonId, MemberId};
use lore_protocol::lesson::{Bundle, GroupKey, LessonKey, group_key, mine};
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload, Unit};

use lore_session::Session;

/// Most keys of one delta.
const MAX_KEYS: usize = 200;

/// Why a library cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the lessons cannot be folded: {0}")]
pub struct LibraryError(String);

/// The skills that sessions teach: of lessons about the same thing the one that most sessions found,
/// with the topic words of at least half of them. By name, as `SKILL.md`.
///
/// # Errors
/// Fails when the fold refuses the lessons; those of the miner it takes.
pub fn without_privacy<'a>(
    sessions: impl IntoIterator<Item = &'a Session>,
) -> Result<BTreeMap<String, String>, LibraryError> {
    let bundles = sessions.into_iter().filter_map(|session| mine(&session.trace()));
    let mut groups: BTreeMap<GroupKey, BTreeMap<LessonId, Vec<Bundle>>> = BTreeMap::new();
    for bundle in bundles {
        let group = groups.entry(group_key(&bundle.primary)).or_default();
        group.entry(bundle.primary.id()).or_default().push(bundle);
    }
    let mut keys = Vec::new();
    for group in groups.into_values() {
        let most = group.into_values().reduce(|a, b| if b.len() > a.len() { b } else { a });
        let Some(found) = most else { continue };
        let mut counts: BTreeMap<LessonKey, usize> = BTreeMap::new();
        for key in found.iter().flat_map(Bundle::keys) {
            *counts.entry(key).or_default() += 1;
        }
        keys.extend(counts.into_iter().filter(|(_, n)| n * 2 >= found.len()).map(|(key, _)| key));
    }
    let failed = |error: &dyn std::fmt::Display| LibraryError(error.to_string());
    // A payload holds its keys in order.
    keys.sort();
    let log = one_author(keys)?;
    let mut fold = Fold::default();
    fold.advance(&log);
    let rendered =
        fold.library(&log).render(0).map_err(|_| failed(&"a skill cannot be written"))?;
    Ok(rendered.into_iter().map(|one| (one.name.as_str().to_owned(), one.text)).collect())
}

/// A log with one throwaway member and its lessons.
fn one_author(keys: Vec<LessonKey>) -> Result<Log, LibraryError> {
    let failed = |error: &dyn std::fmt::Display| LibraryError(error.to_string());
    // Nothing that is signed here is ever shown to anybody.
    let key = SecretKey::from_seed(blake3::hash(b"commonlore/lab/throwaway").as_bytes());
    let founder = Founder { key: key.public_key(), recovery: Hash::ZERO };
    let deltas = keys.len().div_ceil(MAX_KEYS);
    let charter = Charter {
        version: VERSION,
        name: "lab".into(),
        nonce: Hash::ZERO,
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Founders,
        scripts: false,
        contexts: vec!["any".into()],
        codebook: None,
        privacy: PrivacyTerms {
            rho_nano: 0,
            delta_e18: 0,
            units: vec![Unit::User],
            epochs_per_period: 1,
            lessons_at: Vec::new(),
            outcomes_at: Vec::new(),
            l0: 3,
            sessions_per_item: 1,
            keys_per_unit: 1,
            topic_words: 0,
            lessons_min_sigma_micros: 1,
            lessons_min_threshold: 1,
            outcomes_min_sigma_micros: 1,
            lessons_payload_bytes: 1024,
            votes_at: Vec::new(),
            votes_min_deviation_micros: 1,
            releases_per_unit: None,
            windows: WindowTerms::SHORTEST,
            costs: None,
        },
        limits: Limits {
            members: 1,
            members_per_voice: 400,
            deltas_per_epoch: u32::try_from(deltas).unwrap_or(u32::MAX).saturating_add(8),
            lessons_per_epoch: 100_000,
            evidence_cap: 1,
            revokers: 1,
            vouches: None,
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
    for part in keys.chunks(MAX_KEYS) {
        let entries = part.iter().cloned().map(|key| LessonEntry { key, support: 0 });
        let payload = Payload::Lessons(Lessons {
            origin: Origin::Authored,
            window: None,
            entries: entries.collect(),
            padding: Vec::new(),
        });
        let header = log
            .draft(member, Spend { period: 1, ..Spend::default() })
            .map_err(|error| failed(&error))?;
        let delta = Delta::sign(header, &payload, &key).sound().map_err(|error| failed(&error))?;
        log.ingest(delta);
    }
    Ok(log)
}
