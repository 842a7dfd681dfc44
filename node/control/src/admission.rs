//! `federation invite`, `join` and `vouch`: becoming a member.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FederationId, MemberId};

/// Arguments of `federation.invite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationInvite {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
    /// Number of members that may join with it; at least 1.
    pub uses: u16,
    /// For how many more epochs it holds.
    pub epochs: u32,
}

/// An invitation that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invited {
    /// The line to paste.
    pub invitation: String,
    /// The federation.
    pub federation: FederationId,
    /// Number of members that may join with it.
    pub uses: u16,
    /// The last epoch in which it holds.
    pub expires_epoch: u32,
}

/// Arguments of `federation.preview`: read the charter behind an invitation, and do not join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationPreview {
    /// The invitation line.
    pub invitation: String,
}

/// A charter, for a person to agree to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CharterInWords {
    /// The federation.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// One sentence a rule.
    pub in_words: Vec<String>,
}

/// Arguments of `federation.join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationJoin {
    /// The invitation line.
    pub invitation: String,
}

/// A federation that was joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// The federation.
    pub federation: FederationId,
    /// Always true: the inviter has vouched. With enough vouches the next checkpoint puts the node on the roster.
    pub admitted: bool,
    /// The member that this node will be.
    pub member: MemberId,
    /// Voices that must vouch for it, the inviter's included; fewer while the federation has fewer.
    pub vouches: u32,
    /// Secret of the node's recovery key, shown once; none when an earlier attempt showed it.
    pub recovery_secret: Option<String>,
}

/// A node that asks to join.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskingMember {
    /// The member that it would be.
    pub member: MemberId,
    /// Its name, as it gives it itself.
    pub name: String,
    /// Members that vouched for it in the open epoch.
    pub vouchers: Vec<MemberId>,
    /// Their distinct voices: a member and those that it vouched for are one.
    pub voices: u64,
    /// Voices that must vouch.
    pub needed: u64,
    /// True when the next checkpoint can admit it: so many vouch, and the inviter is among them.
    pub enough: bool,
}

/// Arguments of `federation.vouch`: vouch for a node that another member invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationVouch {
    /// Id, its beginning, or name.
    pub federation: String,
    /// The id of who asks to join, or its beginning.
    pub member: String,
    /// For how many more epochs this node vouches, while it is not admitted.
    pub epochs: u32,
}

/// A word for a newcomer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vouched {
    /// The federation.
    pub federation: FederationId,
    /// Who asks to join, after this word.
    pub asking: AskingMember,
}
