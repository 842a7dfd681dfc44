//! The daemon: one node, one network, one control socket, in one loop.
//!
//! It decides nothing: what happens goes to the engine as events, and what the engine wants is done.

mod drive;
mod listen;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lore_engine::Event;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::control::{self, Handler, Progress, Server};
use crate::error::CliError;
use crate::home::Home;
use crate::host::{Machine, Node};
use crate::network::{
    FrameTap, GossipId, Network, NetworkConfig, NetworkError, NetworkHandle, ReplyToken, RequestId,
};
use crate::stop::Stop;

/// Most verbs that wait for the loop.
const COMMANDS: usize = 64;
/// How often the engine looks at its clock.
const TICK: Duration = Duration::from_secs(1);

type Answer = oneshot::Sender<Result<Value, CliError>>;

struct Command {
    verb: String,
    args: Value,
    answer: Answer,
}

struct ToLoop(mpsc::Sender<Command>);

impl Handler for ToLoop {
    async fn handle(
        &self,
        request: control::Request,
        _progress: Progress,
    ) -> Result<Value, CliError> {
        let gone = || CliError::failed("stopping", "the daemon is stopping");
        let (answer, answered) = oneshot::channel();
        let command = Command { verb: request.verb, args: request.args, answer };
        self.0.send(command).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Arguments of `federation.join`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Join {
    invitation: String,
    /// Read the charter and stop.
    #[serde(default)]
    preview: bool,
}

struct Daemon {
    node: Node,
    network: NetworkHandle,
    record: Option<FrameTap>,
    /// Requests of the engine that wait for an answer, by the network's name for them.
    requests: BTreeMap<RequestId, u64>,
    /// Requests of peers that the engine has yet to answer.
    replies: BTreeMap<u64, ReplyToken>,
    /// Frames that wait for the engine's verdict.
    frames: BTreeMap<u64, GossipId>,
    /// Verbs that wait for an attempt to join.
    joins: BTreeMap<u64, Answer>,
    numbers: u64,
    stopping: bool,
}

/// What `lore run` takes beside the configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Writes every plaintext frame that leaves to this file, for an audit.
    pub record_frames: Option<PathBuf>,
}

/// Runs the daemon of a home until it is told to stop.
///
/// # Errors
/// When the home is in use, the store is damaged, or an address is taken.
pub async fn run(
    home: &Home,
    config: &Config,
    options: &Options,
    machine: &Machine,
) -> Result<(), CliError> {
    let lock = home.lock()?;
    let node = Node::open(home.clone(), machine)?;
    let mut stop = Stop::listen()?;
    let record = options.record_frames.as_deref().map(recorder).transpose()?;
    let start = |listen| NetworkConfig {
        listen,
        bootstrap: config.peers.clone(),
        frame_tap: record.clone(),
        ..NetworkConfig::new(node.engine().secret_key())
    };
    let before = listen::as_before(&**node.engine().store(), &config.listen)?;
    let started = match Network::start(start(before)).await {
        // Somebody else took a port that the configuration leaves open: any other will do.
        Err(NetworkError::PortInUse { .. }) => Network::start(start(config.listen.clone())).await,
        started => started,
    };
    let (network, mut events) = started?;
    let server = Server::bind(home, &lock)?;
    let (sender, mut commands) = mpsc::channel(COMMANDS);
    let serving = tokio::spawn(server.serve(Arc::new(ToLoop(sender))));

    let mut daemon = Daemon {
        node,
        network,
        record,
        requests: BTreeMap::new(),
        replies: BTreeMap::new(),
        frames: BTreeMap::new(),
        joins: BTreeMap::new(),
        numbers: 0,
        stopping: false,
    };
    daemon.tell(Event::Tick)?;
    daemon.flush().await?;
    let mut tick = interval(TICK.min(config.sync_interval));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tracing::info!(key = %daemon.node.engine().public_key(), "running");
    while !daemon.stopping {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => daemon.on_event(event)?,
                None => break,
            },
            Some(command) = commands.recv() => daemon.on_command(command),
            _ = tick.tick() => daemon.tell(Event::Tick)?,
            () = stop.asked() => break,
        }
        daemon.flush().await?;
    }
    tracing::info!("stopping");
    serving.abort();
    let _ = serving.await;
    drop(lock);
    Ok(())
}

/// Appends every outgoing frame to a file, length first.
fn recorder(path: &std::path::Path) -> Result<FrameTap, CliError> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| {
        CliError::failed("record_frames", format!("cannot write {}: {error}", path.display()))
    };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    let file = std::sync::Mutex::new(file);
    Ok(Arc::new(move |direction, frame: &[u8]| {
        if direction == crate::network::Direction::Out
            && let Ok(mut file) = file.lock()
        {
            let length = u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes();
            if file.write_all(&length).and_then(|()| file.write_all(frame)).is_err() {
                tracing::warn!("a frame could not be recorded");
            }
        }
    }))
}

impl Daemon {
    fn on_command(&mut self, command: Command) {
        let Command { verb, mut args, answer } = command;
        let result = match verb.as_str() {
            "stop" => {
                self.stopping = true;
                Ok(json!({ "stopping": true }))
            }
            "peers" => Ok(self.peers()),
            "federation.join" => return self.begin_join(args, answer),
            "status" => self.node.status().map(|status| self.with_network(status)),
            other => {
                if other == "federation.invite"
                    && let Some(fields) = args.as_object_mut()
                {
                    let addresses = self.network.addresses();
                    let bare: Vec<String> =
                        addresses.iter().map(|address| address.address().to_string()).collect();
                    fields.insert("addresses".into(), json!(bare));
                }
                tokio::task::block_in_place(|| self.node.verb(other, args))
            }
        };
        // The asking process may be gone; the work is done all the same.
        let _ = answer.send(result);
    }

    fn begin_join(&mut self, args: Value, answer: Answer) {
        let begun = serde_json::from_value::<Join>(args)
            .map_err(|error| CliError::usage(format!("the arguments do not fit: {error}")))
            .and_then(|args| {
                Ok(self.node.engine_mut().begin_join(&args.invitation, args.preview)?)
            });
        match begun {
            Ok(attempt) => {
                self.joins.insert(attempt, answer);
            }
            Err(error) => {
                let _ = answer.send(Err(error));
            }
        }
    }

    fn peers(&self) -> Value {
        let counters = self.network.counters();
        json!({
            "connected": self.network.peers(),
            "listening": self.network.addresses().iter().map(ToString::to_string)
                .collect::<Vec<_>>(),
            "counters": counters,
        })
    }

    fn with_network(&self, mut status: Value) -> Value {
        if let Some(fields) = status.as_object_mut() {
            fields.insert("daemon".into(), json!(std::process::id()));
            fields.insert("network".into(), self.peers());
        }
        status
    }
}
