//! The charter: what the members of a federation agreed to, fixed for ever by its hash.

mod costs;
mod text;

use serde::{Deserialize, Serialize};

use crate::codec::{Decode, Encode};
use crate::delta::{Header, Spend, VERSION};
use crate::identity::{Signature, Signer};
use crate::ids::{DeltaId, FederationId, Hash, MemberId, PublicKey};
use crate::lesson::MAX_TOPICS;
use crate::payload::{Join, Payload, PayloadKind, Unit};

pub use costs::{CostKind, CostTerms, Measure};

/// Longest charter, in bytes.
pub const MAX_CHARTER_BYTES: usize = 32 << 10;

/// Most members of a federation, former ones included: a checkpoint that names them all fits a payload
/// while heights stay below 65,536.
pub const MAX_MEMBERS_EVER: usize = 400;

const ID_TAG: &str = "commonlore/charter/v1";
const SIGN_TAG: &[u8] = b"commonlore/charter-signature/v1";

/// Why a charter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CharterError {
    /// Not TOML, an unknown key or a value of the wrong kind.
    #[error("the charter does not parse: {0}")]
    Parse(String),
    /// Parses, but is not written the one canonical way.
    #[error("the charter is not in canonical form; write it with `lore federation create`")]
    NotCanonical,
    /// A rule contradicts another or is out of range.
    #[error("the charter is invalid: {0}")]
    Invalid(&'static str),
    /// A founder's signature is missing or wrong.
    #[error("the charter is not signed by founder {0}")]
    Unsigned(PublicKey),
}

/// One founder: a key and the hash of its recovery key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founder {
    /// The founder's key.
    pub key: PublicKey,
    /// Hash of the recovery public key.
    pub recovery: Hash,
}

/// Rule that ends an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpochRule {
    /// A signer says so.
    Rounds,
    /// A signer's clock says that this many hours have passed since the last one.
    Hours(u32),
}

/// Members that may admit others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vouchers {
    /// Founders only.
    Founders,
    /// Every member.
    Members,
}

/// Privacy ceilings, mechanisms and the release schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyTerms {
    /// Most that a member may spend in a period, in 1e-9 of zero-concentrated DP.
    pub rho_nano: u64,
    /// Most threshold delta in a period, in 1e-18.
    pub delta_e18: u64,
    /// Units that a release may protect.
    pub units: Vec<Unit>,
    /// Epochs in an accounting period.
    pub epochs_per_period: u32,
    /// Epochs of a period, counted from 0, in which lessons are released.
    pub lessons_at: Vec<u32>,
    /// Epochs of a period in which outcomes are released.
    pub outcomes_at: Vec<u32>,
    /// Most items of one unit in an outcome or cost release.
    pub l0: u16,
    /// Most sessions of one unit for an item.
    pub sessions_per_item: u16,
    /// Most keys of one unit in a lesson release, and most candidates that it votes for: 1 to 256. They share
    /// one weight ([`WEIGHT`](crate::payload::WEIGHT)), so that a larger number costs nothing.
    pub keys_per_unit: u16,
    /// Topic words of its task that a lesson brings into a release: 0 to 2. Each takes a key's part of the
    /// weight.
    pub topic_words: u16,
    /// Least sigma of a lesson release, in millionths of a unit of weight.
    pub lessons_min_sigma_micros: u64,
    /// Least threshold of a lesson release, in units of weight.
    pub lessons_min_threshold: u32,
    /// Least sigma of an outcome release, in millionths.
    pub outcomes_min_sigma_micros: u64,
    /// Encoded size of every lesson payload, in bytes.
    pub lessons_payload_bytes: u32,
    /// Epochs of a period in which votes are released.
    pub votes_at: Vec<u32>,
    /// Least standard deviation of the noise of a vote release, in millionths of a unit of weight: sigma of a
    /// Gaussian, the square root of 2 times b of a Laplace.
    pub votes_min_deviation_micros: u64,
    /// Of the releases of one kind in a period, how many one unit's sessions feed, chosen by a keyed
    /// hash; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases_per_unit: Option<u32>,
    /// Windows of time that releases draw on, and when they are sent.
    pub windows: WindowTerms,
    /// Cost releases; none: costs stay where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs: Option<CostTerms>,
}

/// The public times of releases: when a window ends, how long it is, and when its release is sent. None
/// of them depends on how long a node works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowTerms {
    /// A window ends at a multiple of so many seconds since the Unix epoch: 1 to 86,400.
    pub grid_seconds: u32,
    /// Least length of a window, and least time from joining and between two releases of a kind, in
    /// seconds: 1 to 2,592,000 (30 days). It bounds how fast epochs can spend a member's budget.
    pub least_seconds: u32,
    /// Seconds from the end of its window until a release is sent: 0 to 86,400.
    pub send_after_seconds: u32,
}

impl WindowTerms {
    /// Windows of a second and more, sent at once: for demonstrations and tests. How long a node works
    /// shows in when it sends.
    pub const SHORTEST: Self = Self { grid_seconds: 1, least_seconds: 1, send_after_seconds: 0 };
}

impl Default for WindowTerms {
    /// Windows of a day and more that end on the hour, sent ten minutes later.
    fn default() -> Self {
        Self { grid_seconds: 3_600, least_seconds: 86_400, send_after_seconds: 600 }
    }
}

/// Bounds on what one member may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most members.
    pub members: u32,
    /// Most members of one voice ([`crate::voice`]), former ones included: an invitee of a founder, whom
    /// that one vouched for, and so on. So one invitee cannot fill the roster, and a founder's own vouches bound
    /// what all of them together can.
    pub members_per_voice: u32,
    /// Most deltas of one author in an epoch.
    pub deltas_per_epoch: u32,
    /// Most lessons that one author writes by hand in an epoch, over all its deltas.
    pub lessons_per_epoch: u32,
    /// Most noisy successes or failures of one author that count for an item in a context.
    pub evidence_cap: u32,
    /// Distinct voices ([`crate::voice`]) that must revoke before it takes effect.
    pub revokers: u32,
    /// Distinct voices ([`crate::voice`]) that must vouch for a Join in one epoch before it admits: 2 to 8; none: one
    /// Vouch is enough. While so many are not there, all voices but one do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouches: Option<u32>,
    /// Least lead, in millionths, of a challenger before it is tested against noise.
    pub promotion_margin_micros: u32,
}

/// The terms of a federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// Protocol version.
    pub version: u8,
    /// Name, for people.
    pub name: String,
    /// Random, so that two charters with the same terms differ.
    pub nonce: Hash,
    /// Rule that ends an epoch.
    pub epoch: EpochRule,
    /// Members that may admit others.
    pub vouchers: Vouchers,
    /// True when skills with scripts may spread.
    pub scripts: bool,
    /// Contexts that evidence is kept apart for.
    pub contexts: Vec<String>,
    /// Hash of the codebook, whose lessons are on the ballot from the start
    /// ([`Codebook::hash`](crate::payload::Codebook::hash)); none: the ballot begins empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codebook: Option<Hash>,
    /// Privacy.
    pub privacy: PrivacyTerms,
    /// Bounds.
    pub limits: Limits,
    /// Founders; the first one signs checkpoints.
    pub founders: Vec<Founder>,
}

/// A charter's canonical text with its founders' signatures, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct SignedCharter {
    /// Canonical TOML.
    pub text: String,
    /// One signature per founder, in their order.
    pub signatures: Vec<Signature>,
}

impl Charter {
    /// The canonical text: TOML, written the one way of docs/protocol.md.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// Signs a charter with its only founder's key.
    ///
    /// # Errors
    /// Fails when the terms contradict each other or the founder is another.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedCharter, CharterError> {
        self.check()?;
        let text = self.to_text();
        let signed = SignedCharter { signatures: vec![signer.sign(&signed_bytes(&text))], text };
        signed.open()?;
        Ok(signed)
    }

    fn check(&self) -> Result<(), CharterError> {
        let rule = |holds: bool, otherwise| {
            if holds { Ok(()) } else { Err(CharterError::Invalid(otherwise)) }
        };
        rule(self.version == VERSION, "it speaks another protocol version")?;
        rule(plain(&self.name), "its name has 1 to 64 bytes of visible characters")?;
        rule(self.founders.len() == 1, "version 1 federations have one founder")?;
        rule(!matches!(self.epoch, EpochRule::Hours(0)), "an epoch lasts at least an hour")?;
        rule((1..=64).contains(&self.contexts.len()), "it has 1 to 64 contexts")?;
        let contexts = self.contexts.iter().all(|context| plain(context));
        rule(contexts, "a context has 1 to 64 bytes of visible characters")?;
        let privacy = &self.privacy;
        rule(privacy.epochs_per_period > 0, "a period has at least one epoch")?;
        rule(!privacy.units.is_empty(), "it allows at least one unit of privacy")?;
        let costs_at = privacy.costs.as_ref().map_or(&[][..], |costs| &costs.at);
        let due = [&privacy.lessons_at, &privacy.outcomes_at, &privacy.votes_at, costs_at];
        let fits = due.iter().all(|at| at.iter().all(|&at| at < privacy.epochs_per_period));
        rule(fits, "a release is due in an epoch of the period")?;
        let sorted = due.iter().all(|at| at.is_sorted_by(|a, b| a < b));
        rule(sorted, "releases are sorted")?;
        rule(privacy.releases_per_unit != Some(0), "a unit feeds at least one release")?;
        let windows = &privacy.windows;
        rule((1..=86_400).contains(&windows.grid_seconds), "`grid_seconds` is 1 to 86400")?;
        rule((1..=2_592_000).contains(&windows.least_seconds), "`least_seconds` is 1 to 2592000")?;
        rule(windows.send_after_seconds <= 86_400, "`send_after_seconds` is 0 to 86400")?;
        if let EpochRule::Hours(hours) = self.epoch {
            // Cells and ballots are of the state that opened the epoch: a release must fit into it.
            let half = u64::from(hours) * 1_800;
            let sent = u64::from(windows.grid_seconds) + u64::from(windows.send_after_seconds);
            rule(sent <= half, "a release is sent in the first half of its epoch")?;
        }
        if let Some(costs) = &privacy.costs {
            rule((1..=8).contains(&costs.kinds.len()), "costs have 1 to 8 kinds")?;
            rule(costs.kinds.iter().all(|kind| kind.per > 0), "a unit of cost is not empty")?;
            rule(costs.bound > 0, "a session costs something")?;
        }
        rule(privacy.l0 > 0 && privacy.sessions_per_item > 0, "contribution bounds are positive")?;
        rule((1..=256).contains(&privacy.keys_per_unit), "`keys_per_unit` is 1 to 256")?;
        rule(usize::from(privacy.topic_words) <= MAX_TOPICS, "`topic_words` is 0 to 2")?;
        let sized = (1024..=60 << 10).contains(&privacy.lessons_payload_bytes);
        rule(sized, "a lesson payload has 1 to 60 KiB")?;
        let bounded = (1..=MAX_MEMBERS_EVER).contains(&(self.limits.members as usize));
        rule(bounded, "a version 1 federation has at most 400 members")?;
        rule(self.limits.revokers > 0, "at least one member revokes")?;
        let vouches = self.limits.vouches;
        rule(
            vouches.is_none_or(|most| (2..=8).contains(&most)),
            "`vouches` is 2 to 8, or left out",
        )?;
        let several = vouches.is_none() || self.vouchers == Vouchers::Members;
        rule(several, "where only founders vouch, one Vouch is enough")?;
        rule(self.limits.deltas_per_epoch >= 4, "a member may write at least 4 deltas an epoch")?;
        rule(self.limits.lessons_per_epoch > 0, "a member may write at least one lesson an epoch")?;
        rule(self.limits.members_per_voice > 0, "an invitee of a founder is a member itself")?;
        rule(self.limits.evidence_cap > 0, "evidence counts for something")
    }

    /// The one Join that a founder can have: fully determined by the charter.
    #[must_use]
    pub fn founder_join(&self, federation: FederationId, founder: &Founder) -> (Header, Payload) {
        let join = Join {
            key: founder.key,
            recovery: founder.recovery,
            invitation: None,
            name: "founder".into(),
        };
        join_header(federation, join)
    }

    /// The founders as members.
    #[must_use]
    pub fn founder_members(&self, federation: FederationId) -> Vec<(MemberId, PublicKey)> {
        let member = |founder: &Founder| {
            let (header, payload) = self.founder_join(federation, founder);
            let bytes = crate::codec::encode(&payload);
            let header = Header {
                payload_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                payload_hash: Hash(*blake3::hash(&bytes).as_bytes()),
                ..header
            };
            (MemberId::from(header.id()), founder.key)
        };
        self.founders.iter().map(member).collect()
    }

    /// The accounting period of an epoch.
    #[must_use]
    pub const fn period(&self, epoch: u32) -> u32 {
        // SAFETY: `check` refuses a charter whose period has no epoch.
        epoch / self.privacy.epochs_per_period
    }
}

/// Header and payload of a Join, before its payload fields are filled in by signing.
#[must_use]
pub fn join_header(federation: FederationId, join: Join) -> (Header, Payload) {
    let header = Header {
        version: VERSION,
        federation,
        author: MemberId::ZERO,
        seq: 0,
        prev: None::<DeltaId>,
        anchor: federation.into(),
        deps: Vec::new(),
        depth: 1,
        epoch: 1,
        spend: Spend::default(),
        payload_kind: PayloadKind::Join,
        payload_len: 0,
        payload_hash: Hash::ZERO,
    };
    (header, Payload::Join(join))
}

/// Text that a person can judge before agreeing: short, in one line, and nothing in it that is not seen or that
/// turns what stands around it: control characters, marks of direction, joiners, tags, odd spaces.
fn plain(text: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || (c.is_whitespace() && c != ' ')
            || matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
                | '\u{e0000}'..='\u{10ffff}')
    };
    (1..=64).contains(&text.len()) && text.trim() == text && !text.chars().any(hidden)
}

fn signed_bytes(text: &str) -> Vec<u8> {
    [SIGN_TAG, text.as_bytes()].concat()
}

impl SignedCharter {
    /// The federation that this charter makes: the hash of its text.
    #[must_use]
    pub fn federation(&self) -> FederationId {
        FederationId::derive(ID_TAG, &[self.text.as_bytes()])
    }

    /// Parses, checks and verifies the charter.
    ///
    /// # Errors
    /// Anything that a founder could not have signed.
    pub fn open(&self) -> Result<Charter, CharterError> {
        if self.text.len() > MAX_CHARTER_BYTES {
            return Err(CharterError::Invalid("it is longer than 32 KiB"));
        }
        let charter: Charter =
            toml::from_str(&self.text).map_err(|error| CharterError::Parse(error.to_string()))?;
        if charter.to_text() != self.text {
            return Err(CharterError::NotCanonical);
        }
        charter.check()?;
        let message = signed_bytes(&self.text);
        for (place, founder) in charter.founders.iter().enumerate() {
            let signed =
                self.signatures.get(place).is_some_and(|s| founder.key.verify(&message, s));
            if !signed {
                return Err(CharterError::Unsigned(founder.key));
            }
        }
        Ok(charter)
    }
}
