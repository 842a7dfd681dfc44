//! A whole federation without any input or output: charter, join, vouch, lesson, checkpoint, fold.
//!
//! `cargo run -p lore-protocol --example federation`

use lore_protocol::charter::{
    Charter, EpochRule, Founder, Limits, PrivacyTerms, Vouchers, WindowTerms, join_header,
};
use lore_protocol::delta::{Delta, VERSION};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{Hash, InvitationId, MemberId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::library::Fold;
use lore_protocol::log::{Ingest, Log};
use lore_protocol::payload::{
    Checkpoint, Join, LessonEntry, Lessons, Origin, Payload, Phase, Unit, Vouch,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The terms: one founder, every member may invite, an epoch ends when the founder says so.
fn charter(founder: &SecretKey) -> Charter {
    Charter {
        version: VERSION,
        name: "example".into(),
        nonce: Hash([7; 32]),
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Members,
        scripts: false,
        contexts: vec!["any".into()],
        codebook: None,
        privacy: PrivacyTerms {
            rho_nano: 1_000_000_000,
            delta_e18: 1_000_000_000_000,
            units: vec![Unit::User],
            epochs_per_period: 4,
            lessons_at: vec![1],
            outcomes_at: vec![0],
            l0: 3,
            sessions_per_item: 1,
            keys_per_unit: 32,
            topic_words: 0,
            lessons_min_sigma_micros: 30_000_000_000,
            lessons_min_threshold: 100_000,
            outcomes_min_sigma_micros: 4_000_000,
            lessons_payload_bytes: 2048,
            votes_at: Vec::new(),
            votes_min_deviation_micros: 40_000_000_000,
            releases_per_unit: None,
            windows: WindowTerms::SHORTEST,
            costs: None,
        },
        limits: Limits {
            members: 50,
            members_per_voice: 400,
            deltas_per_epoch: 256,
            lessons_per_epoch: 100_000,
            evidence_cap: 1000,
            revokers: 2,
            vouches: None,
            promotion_margin_micros: 0,
        },
        founders: vec![Founder { key: founder.public_key(), recovery: Hash::ZERO }],
    }
}

/// Takes a delta in as a peer would: from its bytes.
fn ingest(log: &mut Log, delta: &Delta) -> Result<()> {
    match log.ingest(Delta::parse(&delta.to_bytes())?) {
        Ingest::Accepted(_) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// Signs a payload as the next delta of a member, and takes it in.
fn publish(log: &mut Log, member: MemberId, key: &SecretKey, payload: &Payload) -> Result<()> {
    let header = log.draft(member, log.spend(member))?;
    ingest(log, &Delta::sign(header, payload, key))
}

/// The founder ends the epoch.
fn checkpoint(log: &mut Log, fold: &mut Fold, founder: MemberId, key: &SecretKey) -> Result<()> {
    let body = fold.propose(log);
    let payload = Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body });
    publish(log, founder, key, &payload)?;
    fold.advance(log);
    Ok(())
}

/// The `SKILL.md` texts of the federation's library, at the end.
pub(crate) fn run() -> Result<Vec<String>> {
    // A charter, signed by its founder, is a federation. The founder joins with the one Join it can have.
    let founder_key = SecretKey::from_seed(&[1; 32]);
    let signed = charter(&founder_key).sign(&founder_key)?;
    let terms = signed.open()?;
    let mut log = Log::new(signed)?;
    let mut fold = Fold::default();
    fold.advance(&log);
    let federation = log.federation();
    let (founder, _) = log.founders()[0];
    let (header, join) = terms.founder_join(federation, &terms.founders[0]);
    ingest(&mut log, &Delta::sign(header, &join, &founder_key))?;

    // Another node signs a Join, the founder vouches for it, and the next checkpoint admits it.
    let key = SecretKey::from_seed(&[2; 32]);
    let invitation = InvitationId([9; 32]);
    let (header, join) = join_header(
        federation,
        Join {
            key: key.public_key(),
            recovery: Hash::ZERO,
            invitation: Some(invitation),
            name: "second".into(),
        },
    );
    let join = Delta::sign(header, &join, &key);
    let vouch = Vouch {
        join: join.header.id(),
        key: key.public_key(),
        invitation,
        uses: 1,
        expires_epoch: 3,
    };
    publish(&mut log, founder, &founder_key, &Payload::Vouch(vouch))?;
    ingest(&mut log, &join)?;
    checkpoint(&mut log, &mut fold, founder, &founder_key)?;
    let member = MemberId::from(join.header.id());

    // The new member writes a lesson by hand.
    let trigger = Trigger { tool: Token::new("curl")?, error: ErrorClass::None, subject: None };
    let command = Token::new("curl -s http://127.0.0.1:<port>/v1 -o <out>")?;
    let lesson = Lesson::new(None, Op::Prefer, trigger, Action::Example(command))?;
    let lessons = Lessons {
        origin: Origin::Authored,
        window: None,
        entries: vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }],
        padding: Vec::new(),
    };
    publish(&mut log, member, &key, &Payload::Lessons(lessons))?;
    checkpoint(&mut log, &mut fold, founder, &founder_key)?;

    // Every log with these deltas folds to this library.
    let rendered = fold.sealed().render(0).map_err(|problems| format!("{problems:?}"))?;
    Ok(rendered.into_iter().map(|skill| skill.text).collect())
}

pub(crate) fn main() -> Result<()> {
    for text in run()? {
        println!("{text}");
    }
    Ok(())
}
