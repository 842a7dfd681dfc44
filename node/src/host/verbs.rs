//! Verbs that need no network: what the control socket and a verb without a daemon share.

use lore_agent::select::Offer;
use lore_control::{self as control, Event, Reply, Request};
use lore_protocol::ids::FederationId;
use lore_session::Session;

use super::{Node, convert};
use crate::error::CliError;
use crate::import::SessionFiles;

impl Node {
    /// Does a verb and gives its answer.
    ///
    /// # Errors
    /// The verb's own; `not_running` for a verb that only a running node can do.
    pub fn answer(
        &mut self,
        request: &Request,
        mut progress: impl FnMut(Event),
    ) -> Result<Reply, CliError> {
        self.refresh_settings();
        let reply = match request {
            Request::Status(_) => Reply::to::<control::Status>(&self.status()?),
            Request::Peers(_)
            | Request::Stop(_)
            | Request::FederationPreview(_)
            | Request::FederationRecover(_)
            | Request::FederationJoin(_)
            | Request::DeviceInvite(_)
            | Request::DeviceJoin(_) => {
                return Err(CliError::failed(
                    "not_running",
                    format!("`{}` needs the network, and the node is not running", request.verb()),
                )
                .help("start it with `lore run --detach`"));
            }
            Request::FederationCreate(ask) => {
                Reply::to::<control::FederationCreate>(&self.federation_create(ask)?)
            }
            Request::FederationInvite(ask) => {
                Reply::to::<control::FederationInvite>(&self.federation_invite(ask, Vec::new())?)
            }
            Request::FederationShow(ask) => {
                let federation = self.which(ask.federation.as_deref())?;
                Reply::to::<control::FederationShow>(&self.federation_show(federation)?)
            }
            Request::FederationCheckpoint(ask) => {
                let federation = self.which(ask.federation.as_deref())?;
                Reply::to::<control::FederationCheckpoint>(&self.federation_checkpoint(federation)?)
            }
            Request::FederationHeal(ask) => {
                let federation = self.which(ask.federation.as_deref())?;
                Reply::to::<control::FederationHeal>(&self.federation_heal(federation)?)
            }
            Request::FederationSigners(ask) => {
                let federation = self.which(ask.federation.as_deref())?;
                let signing = self.federation_signers(federation, &ask.add, &ask.remove)?;
                Reply::to::<control::FederationSigners>(&signing)
            }
            Request::FederationLeave(ask) => {
                let federation = self.which(Some(&ask.federation))?;
                let left = self.federation_leave(federation, &ask.reason)?;
                Reply::to::<control::FederationLeave>(&left)
            }
            Request::FederationRevoke(ask) => {
                let federation = self.which(Some(&ask.federation))?;
                let done = self.federation_revoke(federation, &ask.member, &ask.reason)?;
                Reply::to::<control::FederationRevoke>(&done)
            }
            Request::FederationVouch(ask) => {
                let federation = self.which(Some(&ask.federation))?;
                let done = self.federation_vouch(federation, &ask.member, ask.epochs)?;
                Reply::to::<control::FederationVouch>(&done)
            }
            Request::FederationExportLog(ask) => {
                let federation = self.which(ask.federation.as_deref())?;
                let done = self.export_log(federation, &ask.directory)?;
                Reply::to::<control::FederationExportLog>(&done)
            }
            Request::DeviceList(ask) => Reply::to::<control::DeviceList>(&self.device_list(ask)?),
            Request::DeviceRemove(ask) => {
                Reply::to::<control::DeviceRemove>(&self.device_remove(ask)?)
            }
            Request::DeviceLeave(ask) => {
                Reply::to::<control::DeviceLeave>(&self.device_leave(ask)?)
            }
            Request::SessionImport(ask) => {
                let mut files = SessionFiles::find(ask, self.engine.now_seconds())?;
                while let Some(chunk) = files.next_chunk() {
                    let added = self.session_store(&ask.user, chunk.sessions, ask.again)?;
                    progress(Event::Import(files.stored(added)));
                }
                Reply::to::<control::SessionImport>(&files.finish()?)
            }
            Request::SessionAdd(ask) => {
                let read = |line: &control::SessionLine| {
                    Session::from_line(line.as_str(), 1)
                        .map_err(|error| CliError::usage(error).kind("session"))
                };
                let sessions = ask.sessions.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                Reply::to::<control::SessionAdd>(&self.session_import(&ask.user, sessions)?)
            }
            Request::SessionForget(ask) => {
                Reply::to::<control::SessionForget>(&self.session_forget(ask)?)
            }
            Request::SessionWatch(ask) => {
                Reply::to::<control::SessionWatch>(&self.session_watch(ask)?)
            }
            Request::SessionList(ask) => {
                Reply::to::<control::SessionList>(&self.session_list(ask.limit)?)
            }
            Request::SessionShow(ask) => {
                Reply::to::<control::SessionShow>(&self.session_show(&ask.name)?)
            }
            Request::SessionAt(ask) => Reply::to::<control::SessionAt>(&self.session_at(&ask.key)?),
            Request::SessionUnread(_) => {
                Reply::to::<control::SessionUnread>(&self.session_unread()?)
            }
            Request::SessionPropose(ask) => {
                let kept = self.session_propose(&ask.session, ask.lessons.clone())?;
                Reply::to::<control::SessionPropose>(&kept)
            }
            Request::SkillList(ask) => {
                let federation = self.which_any(ask.federation.as_deref())?;
                Reply::to::<control::SkillList>(&self.skill_list(federation)?)
            }
            Request::SkillShow(ask) => {
                Reply::to::<control::SkillShow>(&self.skill_show(&ask.name)?)
            }
            Request::SkillBrief(ask) => {
                Reply::to::<control::SkillBrief>(&self.skill_brief(&ask.name)?)
            }
            Request::SkillSearch(ask) => {
                let federation = self.which_any(ask.federation.as_deref())?;
                let offer = Offer { skills: ask.skills, tokens: ask.tokens };
                let found = self.skill_search(federation, &ask.query, offer)?;
                Reply::to::<control::SkillSearch>(&found)
            }
            Request::SkillExport(ask) => {
                let federation = self.which_any(ask.federation.as_deref())?;
                Reply::to::<control::SkillExport>(&self.skill_export(federation, ask)?)
            }
            Request::SkillCheck(ask) => {
                Reply::to::<control::SkillCheck>(&self.skill_draft(ask)?.shown)
            }
            Request::SkillLog(ask) => Reply::to::<control::SkillLog>(&self.skill_log(ask)?),
            Request::SkillWhy(ask) => Reply::to::<control::SkillWhy>(&self.skill_why(ask)?),
            Request::SkillDiff(ask) => Reply::to::<control::SkillDiff>(&self.skill_diff(ask)?),
            Request::SkillPin(ask) => {
                let done = self.skill_pin(&ask.name, ask.revision.as_deref())?;
                Reply::to::<control::SkillPin>(&done)
            }
            Request::SkillUnpin(ask) => {
                Reply::to::<control::SkillUnpin>(&self.skill_unpin(&ask.name)?)
            }
            Request::SkillRollback(ask) => {
                Reply::to::<control::SkillRollback>(&self.skill_rollback(&ask.name)?)
            }
            Request::SkillWithdraw(ask) => {
                Reply::to::<control::SkillWithdraw>(&self.skill_withdraw(ask)?)
            }
            Request::SkillFileRead(ask) => {
                Reply::to::<control::SkillFileRead>(&self.skill_file(ask)?)
            }
            Request::ShelfReview(ask) => {
                Reply::to::<control::ShelfReview>(&self.shelf_review(ask)?)
            }
            Request::ShelfText(ask) => Reply::to::<control::ShelfText>(&self.shelf_text(&ask.id)?),
            Request::ShelfDecide(ask) => {
                Reply::to::<control::ShelfDecide>(&self.shelf_decide(ask)?)
            }
            Request::ShelfAuthor(ask) => {
                Reply::to::<control::ShelfAuthor>(&self.shelf_author(ask)?)
            }
            Request::LessonList(ask) => Reply::to::<control::LessonList>(&self.lesson_list(ask)?),
            Request::LessonWhy(ask) => Reply::to::<control::LessonWhy>(&self.lesson_why(ask)?),
            Request::LessonSuggest(ask) => {
                Reply::to::<control::LessonSuggest>(&self.lesson_suggest(ask)?)
            }
            Request::LessonHint(ask) => Reply::to::<control::LessonHint>(&self.lesson_hint(ask)?),
            Request::LessonPreview(ask) => {
                Reply::to::<control::LessonPreview>(&self.lesson_preview(ask.limit)?)
            }
            Request::LessonPending(_) => {
                Reply::to::<control::LessonPending>(&self.lesson_pending()?)
            }
            Request::LessonUndo(ask) => {
                Reply::to::<control::LessonUndo>(&self.lesson_undo(&ask.id)?)
            }
            Request::PrivacyStatusOf(_) => {
                Reply::to::<control::PrivacyStatusOf>(&self.privacy_status()?)
            }
            Request::PrivacyBuys(ask) => {
                Reply::to::<control::PrivacyBuys>(&self.privacy_buys(ask)?)
            }
            Request::PrivacySet(ask) => Reply::to::<control::PrivacySet>(&self.privacy_set(ask)?),
            Request::PrivacyExplain(_) => {
                Reply::to::<control::PrivacyExplain>(&self.privacy_explain()?)
            }
            Request::PrivacyPreview(_) => {
                Reply::to::<control::PrivacyPreview>(&self.gate_preview()?)
            }
            Request::PrivacyGate(ask) => Reply::to::<control::PrivacyGate>(&self.gate_decide(ask)?),
            Request::PrivacyDenyList(_) => {
                Reply::to::<control::PrivacyDenyList>(&self.deny_list_shown()?)
            }
            Request::PrivacyDenyAdd(ask) => {
                Reply::to::<control::PrivacyDenyAdd>(&self.deny_add(&ask.pattern)?)
            }
            Request::PrivacyDenyRemove(ask) => {
                Reply::to::<control::PrivacyDenyRemove>(&self.deny_remove(&ask.pattern)?)
            }
            Request::PrivacyLedgerVerify(_) => {
                let verified = convert::verified(&self.engine.ledger().verify()?);
                Reply::to::<control::PrivacyLedgerVerify>(&verified)
            }
        };
        Ok(reply?)
    }

    /// [`Node::answer`] with the types of one verb.
    ///
    /// # Errors
    /// Those of [`Node::answer`].
    pub fn ask<R: control::Ask>(&mut self, ask: R) -> Result<R::Answer, CliError> {
        Ok(self.answer(&ask.into(), |_| {})?.read::<R>()?)
    }

    /// The federation that is meant: by id or its beginning, by name, or the only one.
    ///
    /// # Errors
    /// Fails when there is none, or more than one fits.
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
