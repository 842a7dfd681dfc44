//! Federations as their members see them.

use std::path::Path;

use lore_control::{self as control, Failure, Reply};
use lore_engine::{Asking, Ended, Joining};
use lore_protocol::ids::{FederationId, MemberId};

use super::Node;
use super::convert::{self, count};
use crate::error::CliError;

impl Node {
    /// Founds a federation.
    pub(super) fn federation_create(
        &mut self,
        wanted: &control::FederationCreate,
    ) -> Result<control::FederationCreated, CliError> {
        let created = self.engine.federation_create(&convert::terms(wanted))?;
        Ok(control::FederationCreated {
            federation: control::FederationId::of(created.federation),
            name: created.name,
            recovery_secret: created.recovery_secret,
        })
    }

    /// Makes an invitation. `addresses` is where this node can be reached.
    ///
    /// # Errors
    /// Fails when no federation fits, the charter does not let this node invite, or there is no address.
    pub fn federation_invite(
        &self,
        wanted: &control::FederationInvite,
        addresses: Vec<String>,
    ) -> Result<control::Invited, CliError> {
        let federation = self.which(wanted.federation.as_deref())?;
        let invited =
            self.engine.federation_invite(federation, wanted.uses, wanted.epochs, addresses)?;
        Ok(control::Invited {
            invitation: invited.line,
            federation: control::FederationId::of(invited.federation),
            uses: invited.uses,
            expires_epoch: invited.expires_epoch,
        })
    }

    /// Ends the epoch, as a signer.
    pub(super) fn federation_checkpoint(
        &mut self,
        federation: FederationId,
    ) -> Result<control::Checkpoint, CliError> {
        self.engine.federation_checkpoint(federation).map(checkpoint).map_err(CliError::from)
    }

    /// Goes on after an epoch was sealed twice, as a signer.
    pub(super) fn federation_heal(
        &mut self,
        federation: FederationId,
    ) -> Result<control::Checkpoint, CliError> {
        self.engine.federation_heal(federation).map(checkpoint).map_err(CliError::from)
    }

    /// Who signs, after this signer's word on who should, when there is one.
    pub(super) fn federation_signers(
        &mut self,
        federation: FederationId,
        add: &[String],
        remove: &[String],
    ) -> Result<control::FederationSigning, CliError> {
        let find = |names: &[String]| -> Result<Vec<MemberId>, CliError> {
            names.iter().map(|name| self.roster_member(federation, name)).collect()
        };
        let (more, less) = (find(add)?, find(remove)?);
        let signing = if more.is_empty() && less.is_empty() {
            self.engine.signing(federation)?
        } else {
            self.engine.federation_signers(federation, &more, &less)?
        };
        let ids = |members: Vec<MemberId>| members.into_iter().map(control::MemberId::of).collect();
        let word = |(by, signers)| control::SignersWord {
            by: control::MemberId::of(by),
            signers: ids(signers),
        };
        Ok(control::FederationSigning {
            federation: control::FederationId::of(federation),
            needed: count(signing.quorum),
            may_be_lost: count(signing.signers.len() - signing.quorum),
            signers: ids(signing.signers),
            words: signing.words.into_iter().map(word).collect(),
        })
    }

    /// The member of the roster whose id begins with `name`.
    fn roster_member(&self, federation: FederationId, name: &str) -> Result<MemberId, CliError> {
        let roster = self.engine.federation(federation)?.log().tip().roster.keys();
        the_one(roster.copied(), name, "member")
    }

    /// Vouches for who asks to join and whose id begins with `member`.
    pub(super) fn federation_vouch(
        &mut self,
        federation: FederationId,
        member: &str,
        epochs: u32,
    ) -> Result<control::Vouched, CliError> {
        let waiting = self.engine.asking(federation)?.into_iter().map(|one| one.member);
        let member = the_one(waiting, member, "newcomer")?;
        let now = self.engine.federation_vouch(federation, member, epochs)?;
        let federation = control::FederationId::of(federation);
        Ok(control::Vouched { federation, asking: asking(now) })
    }

    /// Leaves a federation for ever.
    pub(super) fn federation_leave(
        &mut self,
        federation: FederationId,
        reason: &str,
    ) -> Result<control::FederationLeft, CliError> {
        self.engine.federation_leave(federation, reason)?;
        Ok(control::FederationLeft {
            federation: control::FederationId::of(federation),
            epoch: self.engine.federation(federation)?.log().open_epoch(),
        })
    }

    /// Speaks against the member whose id begins with `member`.
    pub(super) fn federation_revoke(
        &mut self,
        federation: FederationId,
        member: &str,
        reason: &str,
    ) -> Result<control::MemberRevoked, CliError> {
        let target = self.roster_member(federation, member)?;
        let revoked = self.engine.federation_revoke(federation, target, reason)?;
        Ok(control::MemberRevoked {
            federation: control::FederationId::of(federation),
            member: control::MemberId::of(revoked.member),
            voices: count(revoked.voices),
            needed: revoked.needed,
        })
    }

    /// The charter in plain words, and the members.
    pub(super) fn federation_show(
        &self,
        federation: FederationId,
    ) -> Result<control::FederationShown, CliError> {
        let log = self.engine.federation(federation)?.log();
        let members = log.members().map(|(member, key)| control::Member {
            member: control::MemberId::of(member),
            key: control::PublicKey::of(key),
        });
        Ok(control::FederationShown {
            federation: control::FederationId::of(federation),
            charter: log.signed_charter().text.clone(),
            in_words: crate::words::charter(log.charter()),
            epoch: log.open_epoch(),
            members: members.collect(),
            signers: log.tip().signers.iter().map(|id| control::MemberId::of(*id)).collect(),
            asking: self.engine.asking(federation)?.into_iter().map(asking).collect(),
        })
    }

    /// Writes the charter and every delta to files, for a second implementation or an auditor.
    pub(super) fn export_log(
        &self,
        federation: FederationId,
        into: &Path,
    ) -> Result<control::LogExported, CliError> {
        let found = self.engine.federation(federation)?;
        let failed = |error: std::io::Error| {
            CliError::failed("export", format!("cannot write to {}: {error}", into.display()))
        };
        std::fs::create_dir_all(into).map_err(failed)?;
        let charter = lore_protocol::codec::encode(found.log().signed_charter());
        std::fs::write(into.join("charter.bin"), charter).map_err(failed)?;
        let mut deltas = 0_u64;
        for (id, entry) in found.log().entries() {
            let name = format!("{id}.delta");
            std::fs::write(into.join(name), entry.delta.to_bytes()).map_err(failed)?;
            deltas += 1;
        }
        Ok(control::LogExported {
            directory: into.to_owned(),
            deltas,
            root: control::Hash::of(found.root()),
        })
    }
}

/// End of an attempt to join, as the answer to its verb.
///
/// # Errors
/// Fails when the answer cannot be sent.
pub(crate) fn joined(joining: Joining) -> Result<Reply, Failure> {
    match joining {
        Joining::Previewed { federation, charter } => {
            Reply::to::<control::FederationPreview>(&control::CharterInWords {
                federation: control::FederationId::of(federation),
                name: charter.name.clone(),
                in_words: crate::words::charter(&charter),
            })
        }
        Joining::Admitted { federation, member, vouches, recovery_secret } => {
            Reply::to::<control::FederationJoin>(&control::Joined {
                federation: control::FederationId::of(federation),
                admitted: true,
                member: control::MemberId::of(member),
                vouches,
                recovery_secret,
            })
        }
        Joining::TakenOver { federation, member } => {
            Reply::to::<control::FederationRecover>(&control::Recovered {
                federation: control::FederationId::of(federation),
                member: control::MemberId::of(member),
            })
        }
    }
}

fn asking(one: Asking) -> control::AskingMember {
    control::AskingMember {
        member: control::MemberId::of(one.member),
        name: one.name,
        vouchers: one.vouchers.into_iter().map(control::MemberId::of).collect(),
        voices: count(one.voices),
        needed: count(one.needed),
        enough: one.enough,
    }
}

/// The one of these ids that begins with `name`.
fn the_one(
    ids: impl Iterator<Item = MemberId>,
    name: &str,
    what: &str,
) -> Result<MemberId, CliError> {
    let fits = |id: &MemberId| !name.is_empty() && id.to_string().starts_with(name);
    let found: Vec<MemberId> = ids.filter(fits).collect();
    let [member] = found[..] else {
        let (count, name) = (found.len(), name.escape_debug());
        return Err(CliError::usage(match count {
            0 => format!("no {what}'s id begins with `{name}`"),
            _ => format!("the ids of {count} {what}s begin with `{name}`"),
        })
        .help("see the ids in `lore federation show`"));
    };
    Ok(member)
}

fn checkpoint(ended: Ended) -> control::Checkpoint {
    control::Checkpoint {
        federation: control::FederationId::of(ended.federation),
        epoch: ended.epoch,
        chains: count(ended.chains),
        members: count(ended.members),
        sealed: ended.sealed,
        agreed: count(ended.agreed),
        needed: count(ended.needed),
    }
}
