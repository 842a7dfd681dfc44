//! Typed requests for an engine that still takes verbs by name with JSON arguments.

use std::sync::Arc;

use lore_control::{Event, Failure, Reply, Request as Typed};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::error::CliError;
use crate::home::{Home, HomeLock};
use crate::import::SessionFiles;

/// A verb by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Such as `status`.
    pub verb: String,
    /// Its arguments.
    pub args: Value,
}

/// Events of a verb at work.
#[derive(Debug, Clone)]
pub struct Progress;

/// What the daemon does with a request.
pub trait Handler: Send + Sync + 'static {
    /// Does the verb's work and gives its result.
    fn handle(
        &self,
        request: Request,
        progress: Progress,
    ) -> impl Future<Output = Result<Value, CliError>> + Send;
}

/// A bound control socket.
#[derive(Debug)]
pub struct Server(lore_control::Server);

impl Server {
    /// Binds the socket of a home that this process holds.
    ///
    /// # Errors
    /// A failure that names the socket.
    pub fn bind(home: &Home, lock: &HomeLock) -> Result<Self, CliError> {
        Ok(Self(lore_control::Server::bind(&home.socket_path(), home.root(), lock)?))
    }

    /// Serves until the future is dropped.
    pub async fn serve(self, handler: Arc<impl Handler>) {
        self.0.serve(Arc::new(ByName(handler))).await;
    }
}

struct ByName<H>(Arc<H>);

impl<H: Handler> lore_control::Handler for ByName<H> {
    async fn handle(
        &self,
        request: Typed,
        progress: lore_control::Progress,
    ) -> Result<Reply, Failure> {
        if let Typed::SessionImport(wanted) = &request {
            let user = wanted.user.clone();
            let mut files = SessionFiles::find(wanted, crate::engine::now_seconds())?;
            loop {
                let (read, chunk) = tokio::task::spawn_blocking(move || {
                    let chunk = files.next_chunk();
                    (files, chunk)
                })
                .await
                .map_err(|error| Failure::failed("import", error))?;
                files = read;
                let Some(chunk) = chunk? else { break };
                let args = json!({ "user": user, "sessions": chunk.sessions });
                let request = Request { verb: "session.import".into(), args };
                let added = self.0.handle(request, Progress).await?;
                let added = Reply::from_value(added).read::<lore_control::SessionAdd>()?;
                progress.send(Event::Import(files.stored(added))).await;
            }
            return Reply::to::<lore_control::SessionImport>(&files.finish());
        }
        let (verb, args) = untyped(&request)?;
        let value = self.0.handle(Request { verb, args }, Progress).await?;
        Ok(reply(&request, value))
    }
}

/// A request by name.
fn untyped(request: &Typed) -> Result<(String, Value), CliError> {
    let wrong = |error: serde_json::Error| CliError::failed("control", error);
    let verb = |name: &str| name.to_owned();
    Ok(match request {
        Typed::FederationPreview(ask) => {
            (verb("federation.join"), json!({ "invitation": ask.invitation, "preview": true }))
        }
        Typed::SessionAdd(ask) => {
            let sessions: Result<Vec<Value>, _> =
                ask.sessions.iter().map(|line| serde_json::from_str(line.as_str())).collect();
            let sessions = sessions.map_err(wrong)?;
            (verb("session.import"), json!({ "user": ask.user, "sessions": sessions }))
        }
        Typed::SessionAt(ask) => (verb("session.at"), json!({ "name": ask.key })),
        Typed::LessonPreview(ask) => (verb("lessons"), json!(ask)),
        Typed::PrivacyDenyAdd(ask) => {
            (verb("privacy.deny_list.add"), json!({ "name": ask.pattern }))
        }
        Typed::PrivacyDenyRemove(ask) => {
            (verb("privacy.deny_list.remove"), json!({ "name": ask.pattern }))
        }
        other => {
            let value = serde_json::to_value(other).map_err(wrong)?;
            (verb(other.verb()), value["args"].clone())
        }
    })
}

/// The answer to a request, from what the engine gave.
fn reply(request: &Typed, value: Value) -> Reply {
    Reply::from_value(match request {
        Typed::SessionShow(_) | Typed::SessionAt(_) => json!({ "session": value.to_string() }),
        _ => value,
    })
}

/// Does a request in this process.
///
/// # Errors
/// The verb's own.
pub(crate) fn do_verb(
    engine: &mut Engine,
    request: &Typed,
    mut progress: impl FnMut(Event),
) -> Result<Reply, CliError> {
    if let Typed::SessionImport(wanted) = request {
        let mut files = SessionFiles::find(wanted, crate::engine::now_seconds())?;
        while let Some(chunk) = files.next_chunk()? {
            let args = json!({ "user": wanted.user, "sessions": chunk.sessions });
            let added = engine.verb("session.import", args)?;
            let added = Reply::from_value(added).read::<lore_control::SessionAdd>()?;
            progress(Event::Import(files.stored(added)));
        }
        return Ok(Reply::to::<lore_control::SessionImport>(&files.finish())?);
    }
    let (verb, args) = untyped(request)?;
    let value = engine.verb(&verb, args)?;
    Ok(reply(request, value))
}
