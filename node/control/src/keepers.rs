//! What keeps a federation alive when a signer or a key is lost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FederationId, MemberId};

/// Arguments of `federation.heal`: go on after an epoch was sealed twice, as a signer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationHeal {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
}

/// Arguments of `federation.signers`: who signs checkpoints, and this signer's word on who should.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationSigners {
    /// Id, its beginning, or name; none: the only federation.
    #[serde(default)]
    pub federation: Option<String>,
    /// Members by id or its beginning that should sign, too.
    #[serde(default)]
    pub add: Vec<String>,
    /// Members by id or its beginning that should sign no more.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The signers of a federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FederationSigning {
    /// The federation.
    pub federation: FederationId,
    /// Members that sign, sorted.
    pub signers: Vec<MemberId>,
    /// Signers that have to agree on the end of an epoch, and on who signs.
    pub needed: u64,
    /// Signers that may be lost without stopping the federation.
    pub may_be_lost: u64,
    /// What signers say about who should sign from the next checkpoint on.
    pub words: Vec<SignersWord>,
}

/// One signer's word on who should sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignersWord {
    /// The signer.
    pub by: MemberId,
    /// Members that it says should sign, sorted.
    pub signers: Vec<MemberId>,
}

/// Arguments of `federation.recover`: take over a member's chain with its recovery secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FederationRecover {
    /// An invitation line of the federation, also a used one: it says where a member is.
    pub invitation: String,
    /// The member's recovery secret: 64 hexadecimal digits.
    pub secret: String,
}

impl std::fmt::Debug for FederationRecover {
    /// The secret is never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FederationRecover")
            .field("invitation", &self.invitation)
            .finish_non_exhaustive()
    }
}

/// A chain that was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recovered {
    /// The federation.
    pub federation: FederationId,
    /// The member that this node is now.
    pub member: MemberId,
}
