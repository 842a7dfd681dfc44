//! `store`.

use lore_engine::Table;
use serde_json::json;

use super::Context;
use super::args::StoreVerb;
use super::ask::agree;
use crate::at_rest::drop_private;
use crate::error::CliError;
use crate::output;
use crate::store::Store;

pub(super) fn store(context: &Context, verb: &StoreVerb) -> Result<(), CliError> {
    let path = context.home.store_path();
    let _lock = context.home.lock()?;
    match verb {
        StoreVerb::Check => {
            let report = Store::open(&path)?.check()?;
            output::result(&json!(report), context.json, |report| {
                format!("every record was read and verified: {report}")
            })
        }
        StoreVerb::Repair => {
            let report = Store::repair(&path)?;
            output::result(&json!(report), context.json, |report| {
                format!("repaired: {report}\nnext: lore run --detach fetches what was lost")
            })
        }
        StoreVerb::Backup { to } => {
            Store::open(&path)?.backup(to)?;
            output::result(&json!({ "backup": to }), context.json, |_| {
                format!(
                    "copied to {}; private records in it need the key that `lore doctor` names",
                    to.display()
                )
            })
        }
        StoreVerb::DropPrivate { yes } => {
            let store = Store::open(&path)?;
            if !yes {
                agree(
                    "Delete every session, the deny-list and waiting texts of this node for good?",
                )?;
            }
            let records = drop_private(&store)?;
            store.scrub(&[Table::Sessions, Table::Settings])?;
            // Also one that names a key which is lost, or is damaged: it would be asked for again.
            context.home.remove_data_key()?;
            output::result(&json!({ "records": records }), context.json, |_| {
                format!("deleted {records} private records; the node starts with a new key")
            })
        }
        StoreVerb::Restore { from } => {
            Store::restore(from, &path)?;
            output::result(&json!({ "restored": from }), context.json, |_| {
                "restored; this node signs nothing until it has asked its peers".into()
            })
        }
    }
}
