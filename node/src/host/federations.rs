//! Federations as their members see them.

use std::path::Path;

use lore_engine::{Joining, Terms};
use lore_protocol::ids::FederationId;
use serde_json::{Value, json};

use super::Node;
use crate::error::CliError;

impl Node {
    /// Founds a federation.
    pub(super) fn federation_create(&mut self, terms: &Terms) -> Result<Value, CliError> {
        let created = self.engine.federation_create(terms)?;
        Ok(json!({
            "federation": created.federation,
            "name": created.name,
            "recovery_secret": created.recovery_secret,
        }))
    }

    /// Makes an invitation. `addresses` is where this node can be reached.
    pub(super) fn federation_invite(
        &self,
        federation: FederationId,
        uses: u16,
        epochs: u32,
        addresses: Vec<String>,
    ) -> Result<Value, CliError> {
        let invited = self.engine.federation_invite(federation, uses, epochs, addresses)?;
        Ok(json!({
            "invitation": invited.line,
            "federation": invited.federation,
            "uses": invited.uses,
            "expires_epoch": invited.expires_epoch,
        }))
    }

    /// Ends the epoch, as a signer.
    pub(super) fn federation_checkpoint(
        &mut self,
        federation: FederationId,
    ) -> Result<Value, CliError> {
        let ended = self.engine.federation_checkpoint(federation)?;
        Ok(json!({
            "federation": ended.federation,
            "epoch": ended.epoch,
            "chains": ended.chains,
            "members": ended.members,
        }))
    }

    /// The charter in plain words, and the members.
    pub(super) fn federation_show(&self, federation: FederationId) -> Result<Value, CliError> {
        let log = self.engine.federation(federation)?.log();
        let members: Vec<Value> = log
            .tip()
            .roster
            .values()
            .map(|entry| json!({ "member": entry.member, "key": entry.key }))
            .collect();
        Ok(json!({
            "federation": federation,
            "charter": log.signed_charter().text,
            "in_words": crate::words::charter(log.charter()),
            "epoch": log.open_epoch(),
            "members": members,
        }))
    }

    /// Writes the charter and every delta to files, for a second implementation or an auditor.
    pub(super) fn export_log(
        &self,
        federation: FederationId,
        into: &Path,
    ) -> Result<Value, CliError> {
        let found = self.engine.federation(federation)?;
        let failed = |error: std::io::Error| {
            CliError::failed("export", format!("cannot write to {}: {error}", into.display()))
        };
        std::fs::create_dir_all(into).map_err(failed)?;
        let charter = lore_protocol::codec::encode(found.log().signed_charter());
        std::fs::write(into.join("charter.bin"), charter).map_err(failed)?;
        let mut count = 0_u64;
        for (id, entry) in found.log().entries() {
            let name = format!("{id}.delta");
            std::fs::write(into.join(name), entry.sound.delta.to_bytes()).map_err(failed)?;
            count += 1;
        }
        Ok(json!({ "directory": into, "deltas": count, "root": found.root() }))
    }
}

/// How an attempt to join ended, as it is shown.
pub(crate) fn joined(joining: Joining) -> Value {
    match joining {
        Joining::Previewed { federation, charter } => json!({
            "federation": federation,
            "name": charter.name,
            "in_words": crate::words::charter(&charter),
        }),
        Joining::Admitted { federation, recovery_secret } => json!({
            "federation": federation,
            "admitted": true,
            "recovery_secret": recovery_secret,
        }),
    }
}
