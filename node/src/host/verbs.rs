//! Verbs by name, with JSON in and out: what the control socket and a verb without a daemon share.

use std::path::PathBuf;

use lore_agent::select::Offer;
use lore_agent::session::Session;
use lore_engine::Terms;
use lore_protocol::ids::FederationId;
use lore_protocol::lesson::Proposal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Node;
use super::gate::Decision;
use super::privacy::Wanted;
use crate::error::CliError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default)]
    federation: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    #[serde(default)]
    federation: Option<String>,
    uses: u16,
    epochs: u32,
    #[serde(default)]
    addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    user: String,
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Propose {
    session: String,
    lessons: Vec<Proposal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    limit: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    #[serde(default)]
    federation: Option<String>,
    directory: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    #[serde(default)]
    federation: Option<String>,
    query: String,
    skills: usize,
    tokens: u64,
}

fn args<T: DeserializeOwned>(value: Value) -> Result<T, CliError> {
    serde_json::from_value(value)
        .map_err(|error| CliError::usage(format!("the arguments do not fit: {error}")))
}

impl Node {
    /// Does a verb that needs no network.
    ///
    /// # Errors
    /// What the verb says; an unknown verb is a usage error.
    pub fn verb(&mut self, verb: &str, value: Value) -> Result<Value, CliError> {
        self.refresh_gate();
        match verb {
            "status" => self.status(),
            "federation.create" => self.federation_create(&args::<Terms>(value)?),
            "federation.invite" => {
                let Invite { federation, uses, epochs, addresses } = args(value)?;
                let federation = self.which(federation.as_deref())?;
                self.federation_invite(federation, uses, epochs, addresses)
            }
            "federation.show" => {
                let federation = self.which_of(value)?;
                self.federation_show(federation)
            }
            "federation.checkpoint" => {
                let federation = self.which_of(value)?;
                self.federation_checkpoint(federation)
            }
            "federation.export_log" => {
                let Export { federation, directory } = args(value)?;
                let federation = self.which(federation.as_deref())?;
                self.export_log(federation, &directory)
            }
            "session.import" => {
                let Import { user, sessions } = args(value)?;
                self.session_import(&user, sessions)
            }
            "session.list" => self.session_list(args::<List>(value)?.limit),
            "session.show" => self.session_show(&args::<Named>(value)?.name),
            "session.unread" => self.session_unread(),
            "session.at" => Ok(json!(self.session_at(&args::<Named>(value)?.name)?)),
            "session.propose" => {
                let Propose { session, lessons } = args(value)?;
                self.session_propose(&session, lessons)
            }
            "session.pass" => self.session_pass(),
            "skill.list" => {
                let Which { federation } = args(value)?;
                let federation = self.which_any(federation.as_deref())?;
                self.skill_list(federation)
            }
            "skill.show" => self.skill_show(&args::<Named>(value)?.name),
            "skill.brief" => self.skill_brief(&args::<Named>(value)?.name),
            "skill.search" => {
                let Search { federation, query, skills, tokens } = args(value)?;
                let federation = self.which_any(federation.as_deref())?;
                self.skill_search(federation, &query, Offer { skills, tokens })
            }
            "skill.export" => {
                let Export { federation, directory } = args(value)?;
                let federation = self.which_any(federation.as_deref())?;
                self.skill_export(federation, &directory)
            }
            "privacy.status" => self.privacy_status(),
            "privacy.explain" => self.privacy_explain(),
            "privacy.buys" => self.privacy_buys(&args::<Wanted>(value)?),
            "privacy.preview" => self.gate_preview(),
            "privacy.gate" => self.gate_decide(&args::<Decision>(value)?),
            "privacy.deny_list" => self.deny_list_shown(),
            "privacy.deny_list.add" => self.deny_add(&args::<Named>(value)?.name),
            "privacy.deny_list.remove" => self.deny_remove(&args::<Named>(value)?.name),
            "privacy.ledger.verify" => Ok(json!(self.engine.ledger().verify()?)),
            "lessons" => self.private_lessons(args::<List>(value)?.limit),
            "privacy.set" => self.privacy_set(&args::<Wanted>(value)?),
            other => Err(CliError::usage(format!("this node knows no verb `{other}`"))
                .help("the daemon and the program may be of different versions: restart it")),
        }
    }

    fn which_of(&self, value: Value) -> Result<FederationId, CliError> {
        let Which { federation } = args(value)?;
        self.which(federation.as_deref())
    }

    /// The federation that is meant: by id or its beginning, by name, or the only one.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub fn which(&self, text: Option<&str>) -> Result<FederationId, CliError> {
        let fits = |id: &FederationId| {
            text.is_none_or(|text| {
                let name =
                    self.engine.federations().get(id).map(|f| f.log().charter().name.as_str());
                id.to_string().starts_with(text) || name == Some(text)
            })
        };
        let mut found = self.engine.federations().keys().filter(|id| fits(id));
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(*id),
            (None, _) => Err(CliError::usage(text.map_or_else(
                || "this node is in no federation".to_owned(),
                |text| format!("this node is in no federation `{text}`"),
            ))
            .help(if self.engine.federations().is_empty() {
                "found one with `lore federation create`, or join one with `lore federation join`"
            } else {
                "see `lore federation show`, or join one with `lore federation join`"
            })),
            (Some(_), Some(_)) => {
                Err(CliError::usage("this node is in more than one federation that fits")
                    .help("name it with --federation"))
            }
        }
    }

    fn which_any(&self, text: Option<&str>) -> Result<Option<FederationId>, CliError> {
        text.map(|text| self.which(Some(text))).transpose()
    }
}
