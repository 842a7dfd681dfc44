//! The federation that is simulated: its charter, its keys, and what its members publish.

use lore_protocol::charter::{
    Charter, EpochRule, Founder, Limits, PrivacyTerms, SignedCharter, Vouchers, WindowTerms,
    join_header,
};
use lore_protocol::delta::{Delta, VERSION};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{BlobId, FederationId, Hash, InvitationId, SkillId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::log::Log;
use lore_protocol::payload::{
    Cell, FileEntry, Join, LessonEntry, Lessons, Mechanism, Noise, Origin, Outcomes, Payload,
    Revision, Unit, Window,
};

use super::WorldError;
use crate::rng::{Purpose, Stream, Streams};

/// Standard deviation of the declared noise of outcomes, in millionths.
const SIGMA_MICROS: u64 = 3_000_000;
/// Its cost for one item of one unit: 1 / (2 sigma^2), rounded up, in 1e-9.
const RHO_NANO: u64 = 55_555_556;

/// A federation before anybody acts.
pub(super) struct Federation {
    /// The charter that the founder signed.
    pub(super) charter: SignedCharter,
    /// Secret keys by node; the founder is node 0.
    pub(super) keys: Vec<SecretKey>,
    /// The Join of every node, by node.
    pub(super) joins: Vec<Delta>,
}

/// The one invitation that the founder handed out, for everybody.
pub(super) fn invitation(federation: FederationId) -> InvitationId {
    InvitationId::derive("commonlore simulations invitation", &[federation.as_bytes()])
}

impl Federation {
    /// Draws keys and signs the charter.
    pub(super) fn found(nodes: usize, streams: Streams) -> Result<Self, WorldError> {
        let seed = |node: usize| {
            let node = u32::try_from(node).unwrap_or(u32::MAX);
            streams.stream(node, Purpose::Identity).bytes()
        };
        let keys: Vec<SecretKey> =
            (0..nodes).map(|node| SecretKey::from_seed(&seed(node))).collect();
        let first = keys.first().ok_or(WorldError::Empty)?;
        let founder = Founder { key: first.public_key(), recovery: Hash::ZERO };
        let terms =
            terms(nodes, founder, Hash::derive("commonlore simulations nonce", &[&seed(0)]));
        let charter = terms.sign(first)?;
        let federation = charter.federation();
        let mut joins = Vec::with_capacity(nodes);
        for (node, key) in keys.iter().enumerate() {
            let (header, payload) = if node == 0 {
                terms.founder_join(federation, &founder)
            } else {
                let join = Join {
                    key: key.public_key(),
                    recovery: Hash::ZERO,
                    invitation: Some(invitation(federation)),
                    name: format!("node {node}"),
                };
                join_header(federation, join)
            };
            joins.push(Delta::sign(header, &payload, key));
        }
        Ok(Self { charter, keys, joins })
    }
}

fn terms(nodes: usize, founder: Founder, nonce: Hash) -> Charter {
    Charter {
        version: VERSION,
        name: "simulation".into(),
        nonce,
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Founders,
        scripts: false,
        contexts: vec!["default".into()],
        privacy: PrivacyTerms {
            rho_nano: RHO_NANO,
            delta_e18: 0,
            epsilon_display: "none: simulated numbers".into(),
            units: vec![Unit::User],
            // A period is an epoch, so that outcomes are due in each one.
            epochs_per_period: 1,
            lessons_at: vec![0],
            outcomes_at: vec![0],
            l0: 1,
            sessions_per_item: 1,
            lessons_min_sigma_micros: SIGMA_MICROS,
            lessons_min_threshold: 1,
            outcomes_min_sigma_micros: SIGMA_MICROS,
            lessons_payload_bytes: 1_024,
            votes_at: Vec::new(),
            votes_min_deviation_micros: 1,
            releases_per_unit: None,
            windows: WindowTerms::SHORTEST,
            costs: None,
        },
        limits: Limits {
            members: u32::try_from(nodes).unwrap_or(u32::MAX),
            // Enough for a founder who admits everybody in one epoch.
            deltas_per_epoch: 100_000,
            evidence_cap: 1_000,
            revokers: 1,
            promotion_margin_micros: 10_000,
        },
        founders: vec![founder],
    }
}

/// What a node publishes next, and what it costs in 1e-9 of zero-concentrated DP. `outcomes_due` says
/// that this epoch has no outcome release of the node yet.
pub(super) fn work(
    log: &Log,
    active: Vec<lore_protocol::payload::ItemId>,
    outcomes_due: bool,
    stream: &mut Stream,
) -> Result<(Payload, u64), WorldError> {
    match stream.below(3) {
        0 if outcomes_due && !active.is_empty() => Ok((outcomes(log, active, stream), RHO_NANO)),
        1 => Ok((revision(stream), 0)),
        _ => Ok((lesson(stream)?, 0)),
    }
}

/// A lesson that a person wrote. Few tools and ports, so that nodes meet each other's skills.
fn lesson(stream: &mut Stream) -> Result<Payload, WorldError> {
    let port = 8_000 + stream.below(10);
    let trigger = Trigger {
        tool: Token::new(["curl", "tar", "git", "make"][stream.index(4)])?,
        error: ErrorClass::Other,
        subject: Some(Token::new(port.to_string())?),
    };
    let action = Action::Example(Token::new(format!("try port {}", stream.below(1_000)))?);
    let lesson = Lesson::new(None, Op::Fix, trigger, action)?;
    Ok(Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries: vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }],
        padding: Vec::new(),
    }))
}

/// A revision of one of four skills.
fn revision(stream: &mut Stream) -> Payload {
    let skill = stream.below(4);
    let text = stream.bits();
    Payload::Revision(Revision {
        skill: Some(SkillId::derive("commonlore simulations skill", &[&skill.to_le_bytes()])),
        name: format!("skill-{skill}"),
        description: format!("Version {text:x} of a simulated skill."),
        parents: Vec::new(),
        files: vec![FileEntry {
            path: "SKILL.md".into(),
            executable: false,
            len: 100,
            blob: BlobId::derive("commonlore simulations blob", &[&text.to_le_bytes()]),
        }],
    })
}

/// Outcomes for every active item. The counts are drawn, not measured: what is studied here is whether
/// nodes agree on them. Sessions of one kind are counted; the noise is flat, which no node can see.
fn outcomes(
    log: &Log,
    active: Vec<lore_protocol::payload::ItemId>,
    stream: &mut Stream,
) -> Payload {
    let mut count = || i64::try_from(stream.below(40)).unwrap_or(0) - 10;
    let cells = active
        .into_iter()
        .map(|item| Cell { item, context: 0, successes: count(), failures: count() })
        .collect();
    Payload::Outcomes(Outcomes {
        mechanism: Mechanism {
            unit: Unit::User,
            noise: Noise::Gaussian,
            scale_micros: SIGMA_MICROS,
            l0: 1,
            linf: 1,
            threshold: 0,
            rho_nano: RHO_NANO,
            delta_e18: 0,
        },
        window: Window { start_seconds: 0, end_seconds: 0 },
        items_root: log.tip().body.state_root,
        cells,
    })
}
