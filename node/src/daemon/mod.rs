//! The daemon: one engine, one network, one control socket, in one loop.

mod gossip;
mod joining;
mod listen;
mod rounds;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lore_protocol::codec;
use lore_protocol::ids::PublicKey;
use lore_protocol::wire::{Reply, Request};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::control::{self, Handler, Progress, Server};
use crate::engine::{Effect, Engine};
use crate::error::CliError;
use crate::home::Home;
use crate::network::{
    FrameTap, Multiaddr, Network, NetworkConfig, NetworkError, NetworkEvent, NetworkHandle,
    PeerAddress,
};
use crate::stop::Stop;
use joining::Joins;
use rounds::Rounds;

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

struct Daemon {
    engine: Engine,
    network: NetworkHandle,
    record: Option<FrameTap>,
    rounds: Rounds,
    joins: Joins,
    sync_interval: Duration,
    last_sync: Option<Instant>,
    dialled: BTreeMap<PublicKey, Vec<String>>,
    /// Where connected peers say that they listen; bounded by the number of connections.
    identified: BTreeMap<PublicKey, Vec<String>>,
    name: String,
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
pub async fn run(home: &Home, config: &Config, options: &Options) -> Result<(), CliError> {
    let lock = home.lock()?;
    let engine = Engine::open(home.clone())?;
    let mut stop = Stop::listen()?;
    let record = options.record_frames.as_deref().map(recorder).transpose()?;
    let start = |listen| NetworkConfig {
        listen,
        bootstrap: config.peers.clone(),
        frame_tap: record.clone(),
        ..NetworkConfig::new(engine.secret_key())
    };
    let before = listen::as_before(engine.store(), &config.listen)?;
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
        engine,
        network,
        record,
        rounds: Rounds::default(),
        joins: Joins::default(),
        sync_interval: config.sync_interval,
        last_sync: None,
        dialled: BTreeMap::new(),
        identified: BTreeMap::new(),
        name: config.name.clone(),
        stopping: false,
    };
    daemon.settle()?;
    daemon.flush().await?;
    let mut tick = interval(TICK.min(config.sync_interval));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tracing::info!(key = %daemon.engine.public_key(), "running");
    while !daemon.stopping {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => daemon.on_event(event).await?,
                None => break,
            },
            Some(command) = commands.recv() => daemon.on_command(command).await?,
            _ = tick.tick() => daemon.on_tick().await?,
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
    fn settle(&mut self) -> Result<(), CliError> {
        tokio::task::block_in_place(|| self.engine.settle())
    }

    /// Does what the engine left to be done.
    async fn flush(&mut self) -> Result<(), CliError> {
        for effect in self.engine.take_outbox() {
            match effect {
                Effect::Publish(federation, id) => {
                    self.gossip(federation, id).await?;
                }
                Effect::Subscribe(federation) => self.network.subscribe(federation).await?,
            }
        }
        self.dial_known().await
    }

    /// Keeps connections with members whose addresses are known.
    async fn dial_known(&mut self) -> Result<(), CliError> {
        let federations: Vec<_> = self.engine.federations().keys().copied().collect();
        for federation in federations {
            for key in self.engine.companions(federation) {
                let addresses = self.engine.addresses_of(&key)?;
                if addresses.is_empty() || self.dialled.get(&key) == Some(&addresses) {
                    continue;
                }
                for address in &addresses {
                    self.dial(key, address).await?;
                }
                self.dialled.insert(key, addresses);
            }
        }
        Ok(())
    }

    async fn dial(&self, key: PublicKey, address: &str) -> Result<(), CliError> {
        let Ok(address) = address.parse::<Multiaddr>() else {
            return Ok(());
        };
        if let Err(error) = self.network.dial(PeerAddress::new(address, key)?).await {
            tracing::debug!(%error, "not dialled");
        }
        Ok(())
    }

    async fn on_event(&mut self, event: NetworkEvent) -> Result<(), CliError> {
        match event {
            NetworkEvent::Listening { address } => {
                tracing::info!(%address, "listening");
                let now: Vec<Multiaddr> =
                    self.network.addresses().iter().map(|a| a.address().clone()).collect();
                listen::keep(self.engine.store(), &now)?;
            }
            NetworkEvent::Connected { peer } => {
                tracing::info!(peer = %peer.short(), "connected");
                self.knock_if_joining(peer).await?;
                self.begin_rounds_with(peer).await?;
            }
            NetworkEvent::Disconnected { peer } => {
                self.identified.remove(&peer);
                tracing::info!(peer = %peer.short(), "disconnected");
            }
            NetworkEvent::Identified { peer, addresses } => {
                let addresses = addresses.iter().map(ToString::to_string).collect();
                self.identified.insert(peer, addresses);
                self.remember_identified()?;
            }
            NetworkEvent::Gossip { from, topic, id, bytes } => {
                self.on_gossip(from, topic, id, &bytes).await?;
            }
            NetworkEvent::Request { peer, bytes, reply } => {
                let answer = match codec::decode::<Request>(&bytes) {
                    Ok(request) => self.engine.answer(peer, request)?,
                    Err(error) => Reply::Refused(format!("the request does not decode: {error}")),
                };
                self.network.reply(reply, codec::encode(&answer)).await?;
                self.settle()?;
            }
            NetworkEvent::Response { request, peer, bytes } => {
                match codec::decode::<Reply>(&bytes) {
                    Ok(reply) => self.on_reply(request, peer, reply).await?,
                    Err(error) => {
                        tracing::warn!(peer = %peer.short(), %error, "a reply does not decode");
                        self.rounds.forget(request);
                    }
                }
            }
            NetworkEvent::RequestFailed { request, peer, why } => {
                tracing::debug!(peer = %peer.short(), %why, "a request failed");
                self.rounds.forget(request);
                self.joins.fail(request, &why.to_string());
            }
        }
        Ok(())
    }

    /// Remembers where connected members listen. Who identifies itself is often a stranger still, and
    /// a member only after it was vouched for.
    fn remember_identified(&self) -> Result<(), CliError> {
        for (peer, addresses) in &self.identified {
            self.engine.remember(*peer, addresses.clone())?;
        }
        Ok(())
    }

    async fn on_tick(&mut self) -> Result<(), CliError> {
        self.settle()?;
        self.remember_identified()?;
        self.joins.expire();
        if self.last_sync.is_none_or(|last| last.elapsed() >= self.sync_interval) {
            self.last_sync = Some(Instant::now());
            self.begin_random_rounds().await?;
        }
        Ok(())
    }

    async fn on_command(&mut self, command: Command) -> Result<(), CliError> {
        let Command { verb, mut args, answer } = command;
        let result = match verb.as_str() {
            "stop" => {
                self.stopping = true;
                Ok(json!({ "stopping": true }))
            }
            "peers" => Ok(self.peers()),
            "federation.join" => return self.begin_join(args, answer).await,
            "status" => self.engine.status().map(|status| self.with_network(status)),
            other => {
                if other == "federation.invite"
                    && let Some(fields) = args.as_object_mut()
                {
                    let addresses = self.network.addresses();
                    let bare: Vec<String> =
                        addresses.iter().map(|address| address.address().to_string()).collect();
                    fields.insert("addresses".into(), json!(bare));
                }
                tokio::task::block_in_place(|| self.engine.verb(other, args))
            }
        };
        // Whoever asked may be gone; the work is done all the same.
        let _ = answer.send(result);
        Ok(())
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
