//! Joining a federation: reach the inviter, prove the invitation, read the charter, be vouched for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lore_protocol::codec;
use lore_protocol::ids::PublicKey;
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::wire::{Reply, Request};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Daemon};
use crate::engine::random_bytes;
use crate::error::CliError;
use crate::network::RequestId;

/// How long the inviter may take, from dialling to the vouch.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    invitation: String,
    /// Read the charter and stop.
    #[serde(default)]
    preview: bool,
}

struct Attempt {
    invitation: Invitation,
    preview: bool,
    challenge: Challenge,
    waiting_for: Option<RequestId>,
    recovery_secret: Option<String>,
    deadline: Instant,
    answer: Option<Answer>,
}

/// Attempts under way, by inviter.
#[derive(Default)]
pub(super) struct Joins(BTreeMap<PublicKey, Attempt>);

impl Attempt {
    fn end(mut self, result: Result<Value, CliError>) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(result);
        }
    }
}

impl Joins {
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        let late: Vec<PublicKey> =
            self.0.iter().filter(|(_, a)| a.deadline <= now).map(|(key, _)| *key).collect();
        for key in late {
            if let Some(attempt) = self.0.remove(&key) {
                attempt.end(Err(unreachable("it did not answer in time")));
            }
        }
    }

    pub(super) fn fail(&mut self, request: RequestId, why: &str) {
        let failed = self.0.iter().find(|(_, a)| a.waiting_for == Some(request)).map(|(k, _)| *k);
        if let Some(attempt) = failed.and_then(|key| self.0.remove(&key)) {
            attempt.end(Err(unreachable(why)));
        }
    }
}

fn unreachable(why: &str) -> CliError {
    CliError::failed("inviter_unreachable", format!("the inviter cannot be reached: {why}"))
        .help("check that the inviter's node runs and that the address in the invitation is right")
}

impl Daemon {
    pub(super) async fn begin_join(&mut self, args: Value, answer: Answer) -> Result<(), CliError> {
        let begun = serde_json::from_value::<Args>(args)
            .map_err(|error| CliError::usage(format!("the arguments do not fit: {error}")))
            .and_then(|args| {
                let invitation = Invitation::from_line(&args.invitation)
                    .map_err(|error| CliError::usage(error).kind("invitation"))?;
                self.check_new(&invitation)?;
                Ok((invitation, args.preview, random_bytes()?))
            });
        let (invitation, preview, nonce) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let _ = answer.send(Err(error));
                return Ok(());
            }
        };
        let inviter = invitation.inviter;
        for address in &invitation.addresses {
            self.dial(inviter, address).await?;
        }
        let attempt = Attempt {
            invitation,
            preview,
            challenge: Challenge { joiner: nonce, inviter: [0; 32] },
            waiting_for: None,
            recovery_secret: None,
            deadline: Instant::now() + PATIENCE,
            answer: Some(answer),
        };
        if let Some(old) = self.joins.0.insert(inviter, attempt) {
            old.end(Err(CliError::failed("superseded", "another join took this one's place")));
        }
        if self.network.peers().contains(&inviter) {
            self.knock_if_joining(inviter).await?;
        }
        Ok(())
    }

    fn check_new(&self, invitation: &Invitation) -> Result<(), CliError> {
        let me = self.engine.public_key();
        if invitation.inviter == me {
            return Err(CliError::usage("this is this node's own invitation")
                .help("give it to somebody else"));
        }
        let found = self.engine.federations().get(&invitation.federation);
        if found.is_some_and(|found| found.member(&me).is_some()) {
            return Err(CliError::usage("this node is a member of that federation already")
                .help("see `lore federation show`"));
        }
        Ok(())
    }

    pub(super) async fn knock_if_joining(&mut self, peer: PublicKey) -> Result<(), CliError> {
        let Some(attempt) = self.joins.0.get(&peer) else {
            return Ok(());
        };
        let federation = attempt.invitation.federation;
        let request = Request::Knock { federation, nonce: attempt.challenge.joiner };
        self.send_join(peer, &request).await
    }

    async fn send_join(&mut self, peer: PublicKey, request: &Request) -> Result<(), CliError> {
        let sent = self.network.request(peer, codec::encode(request)).await;
        if let Some(attempt) = self.joins.0.get_mut(&peer) {
            attempt.waiting_for = sent.ok();
        }
        Ok(())
    }

    pub(super) async fn on_join_reply(
        &mut self,
        request: RequestId,
        peer: PublicKey,
        reply: Reply,
    ) -> Result<(), CliError> {
        let Some(mut attempt) = self.joins.0.remove(&peer) else {
            return Ok(());
        };
        if attempt.waiting_for != Some(request) {
            self.joins.0.insert(peer, attempt);
            return Ok(());
        }
        match self.next_of_join(&mut attempt, reply) {
            Ok(Next::Ask(request)) => {
                self.joins.0.insert(peer, attempt);
                self.send_join(peer, &request).await?;
            }
            Ok(Next::Done(value)) => {
                let federation = attempt.invitation.federation;
                let preview = attempt.preview;
                attempt.end(Ok(value));
                if !preview {
                    self.begin_round(federation, peer).await?;
                }
            }
            Err(error) => attempt.end(Err(error)),
        }
        Ok(())
    }

    fn next_of_join(&mut self, attempt: &mut Attempt, reply: Reply) -> Result<Next, CliError> {
        let federation = attempt.invitation.federation;
        let invitation = attempt.invitation.id();
        match reply {
            Reply::Challenge { nonce } => {
                attempt.challenge.inviter = nonce;
                let proof = self.proof(attempt);
                Ok(Next::Ask(Request::Charter { federation, invitation, proof }))
            }
            Reply::Charter(signed) => {
                let charter = signed.open().map_err(|error| CliError::failed("charter", error))?;
                if signed.federation() != federation {
                    return Err(CliError::failed(
                        "charter",
                        "the inviter sent the charter of another federation",
                    )
                    .help("ask the inviter for a new invitation"));
                }
                if attempt.preview {
                    return Ok(Next::Done(json!({
                        "federation": federation,
                        "name": charter.name,
                        "in_words": crate::words::charter(&charter),
                    })));
                }
                let join = match self.engine.own_join(federation) {
                    Some(join) => join,
                    None => {
                        let (join, recovery) =
                            self.engine.prepare_join(signed, invitation, &self.name)?;
                        attempt.recovery_secret = Some(recovery);
                        join
                    }
                };
                let proof = self.proof(attempt);
                let join = Box::new(join);
                Ok(Next::Ask(Request::Admit { federation, invitation, proof, join }))
            }
            Reply::Admitted => {
                let invitation = &attempt.invitation;
                self.engine.set_inviter(federation, invitation.inviter, &invitation.addresses)?;
                Ok(Next::Done(json!({
                    "federation": federation,
                    "admitted": true,
                    "recovery_secret": attempt.recovery_secret,
                })))
            }
            Reply::Refused(why) => Err(CliError::refused("not_admitted", why)),
            Reply::Sync(_) | Reply::Peers(_) => {
                Err(CliError::failed("protocol", "the inviter answered another question"))
            }
        }
    }

    fn proof(&self, attempt: &Attempt) -> lore_protocol::ids::Hash {
        attempt.invitation.proof(&self.engine.public_key(), &attempt.challenge)
    }
}

enum Next {
    Ask(Request),
    Done(Value),
}
