//! The daemon: one node, one network, one control socket, in one loop.
//!
//! It decides nothing: what happens goes to the engine as events, and what the engine wants is done.

mod devices;
mod drive;
mod listen;
mod reach;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lore_control::{
    DeviceInvite, Event as Progressed, Failure, FederationInvite, Handler, Peers, Progress, Reply,
    Request, SessionAdd, SessionImport, Status, Stop as StopVerb, Stopping,
};
use lore_engine::{EngineError, Event, Finished};
use lore_session::import::Found;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::config::Config;
use crate::control;
use crate::error::CliError;
use crate::home::Home;
use crate::host::{Machine, Node, Watched, now_seconds};
use crate::import::SessionFiles;
use crate::network::{
    FrameTap, Multiaddr, Network, NetworkConfig, NetworkError, NetworkHandle, ReplyToken, RequestId,
};
use crate::stop::Stop;

/// Most verbs that wait for the loop.
const COMMANDS: usize = 64;
/// Interval at which the engine looks at its clock.
const TICK: Duration = Duration::from_secs(1);
/// Time that a stop waits for the work of a release.
const WORK_AT_STOP: Duration = Duration::from_secs(20);

type Answer = oneshot::Sender<Result<Reply, Failure>>;

/// Work that the loop is asked to do.
enum Work {
    /// A verb.
    Verb(Request),
    /// Storing sessions of a user that an import read.
    Store { user: String, sessions: Vec<Found>, again: bool },
}

struct Command {
    work: Work,
    answer: Answer,
}

struct ToLoop(mpsc::Sender<Command>);

impl ToLoop {
    async fn ask(&self, work: Work) -> Result<Reply, Failure> {
        let gone = || Failure::failed("stopping", "the daemon is stopping");
        let (answer, answered) = oneshot::channel();
        self.0.send(Command { work, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Reads session files beside the loop, and stores a chunk at a time in it.
    async fn import(&self, wanted: &SessionImport, progress: &Progress) -> Result<Reply, Failure> {
        let mut files = SessionFiles::find(wanted, now_seconds())?;
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let chunk = files.next_chunk();
                (files, chunk)
            });
            let (back, chunk) = read.await.map_err(|error| Failure::failed("import", error))?;
            files = back;
            let Some(chunk) = chunk else { break };
            let (user, again) = (wanted.user.clone(), wanted.again);
            let work = Work::Store { user, sessions: chunk.sessions, again };
            let added = self.ask(work).await?.read::<SessionAdd>()?;
            progress.send(Progressed::Import(files.stored(added))).await;
        }
        Reply::to::<SessionImport>(&files.finish()?)
    }
}

impl Handler for ToLoop {
    async fn handle(&self, request: Request, progress: Progress) -> Result<Reply, Failure> {
        match request {
            Request::SessionImport(wanted) => self.import(&wanted, &progress).await,
            other => self.ask(Work::Verb(other)).await,
        }
    }
}

struct Daemon {
    node: Node,
    network: NetworkHandle,
    /// Requests of the engine that wait for an answer, by the network's name for them.
    requests: BTreeMap<RequestId, u64>,
    /// Requests of the devices of this node's users, likewise.
    device_requests: BTreeMap<RequestId, u64>,
    /// Requests of peers that the engine has yet to answer.
    replies: BTreeMap<u64, ReplyToken>,
    /// Verbs that wait for an attempt to join.
    joins: BTreeMap<u64, Answer>,
    /// Verbs that wait for an attempt to join other devices.
    device_joins: BTreeMap<u64, Answer>,
    /// Channel on which the work of releases comes back from the threads that do it.
    finished: mpsc::Sender<Finished>,
    /// Channel on which steps over the directories of agents come back.
    watched: mpsc::Sender<Option<Watched>>,
    numbers: u64,
    stopping: bool,
}

/// Options of `lore run` beside the configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Writes every plaintext frame that leaves to this file, for an audit.
    pub record_frames: Option<PathBuf>,
}

/// Runs the daemon of a home until it is told to stop.
///
/// # Errors
/// Fails when the home is in use, the store is damaged, or an address is taken.
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
    let start = |listen: Vec<Multiaddr>| NetworkConfig {
        mdns: config.network.looks_on_the_lan(&listen),
        listen,
        peers: config.peers.clone(),
        relays: config.network.relays.clone(),
        bootstrap: config.network.bootstrap_nodes(),
        dht: config.network.dht,
        gossip: config.network.gossip,
        frame_tap: record.clone(),
        ..NetworkConfig::new(node.engine().secret_key())
    };
    let before = listen::as_before(&**node.engine().store(), &config.listen)?;
    let started = match Network::start(start(before)).await {
        // Another program took a port that the configuration leaves open: any other will do.
        Err(NetworkError::PortInUse { .. }) => Network::start(start(config.listen.clone())).await,
        started => started,
    };
    let (network, mut events) = started?;
    let server = control::bind(home, &lock)?;
    let (sender, mut commands) = mpsc::channel(COMMANDS);
    let serving = tokio::spawn(server.serve(Arc::new(ToLoop(sender))));

    // One release is worked on at a time.
    let (finished, mut work_done) = mpsc::channel(1);
    let (watched, mut steps_done) = mpsc::channel(1);
    let mut daemon = Daemon {
        node,
        network,
        requests: BTreeMap::new(),
        device_requests: BTreeMap::new(),
        replies: BTreeMap::new(),
        joins: BTreeMap::new(),
        device_joins: BTreeMap::new(),
        finished,
        watched,
        numbers: 0,
        stopping: false,
    };
    daemon.tell(Event::Tick)?;
    daemon.keep_members().await;
    daemon.flush().await?;
    let mut tick = interval(TICK.min(config.sync_interval));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tracing::info!(key = %daemon.node.engine().public_key(), "running");
    while !daemon.stopping {
        let wake = daemon.node.engine().wake_in();
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => daemon.on_event(event)?,
                None => break,
            },
            Some(command) = commands.recv() => daemon.on_command(command),
            Some(work) = work_done.recv() => daemon.finish(work),
            Some(step) = steps_done.recv() => daemon.watched(step),
            _ = tick.tick() => {
                crate::crash::keep_hook();
                daemon.tell(Event::Tick)?;
                daemon.keep_members().await;
                daemon.watch();
            }
            () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => {
                daemon.tell(Event::Wake)?;
            }
            () = stop.asked() => break,
        }
        daemon.flush().await?;
    }
    tracing::info!("stopping");
    let until = Instant::now() + WORK_AT_STOP;
    while daemon.node.engine().is_working() {
        // Ended now, the release would be a void that was paid for.
        let Ok(Some(work)) = timeout_at(until, work_done.recv()).await else { break };
        daemon.finish(work);
        daemon.flush().await?;
    }
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
        let Command { work, answer } = command;
        let result = match work {
            Work::Verb(Request::FederationJoin(ask)) => {
                let begun = self.node.engine_mut().begin_join(&ask.invitation, false);
                return self.await_joining(begun, answer);
            }
            Work::Verb(Request::FederationPreview(ask)) => {
                let begun = self.node.engine_mut().begin_join(&ask.invitation, true);
                return self.await_joining(begun, answer);
            }
            Work::Verb(Request::FederationRecover(ask)) => {
                let begun = self.node.engine_mut().begin_takeover(&ask.invitation, &ask.secret);
                return self.await_joining(begun, answer);
            }
            Work::Verb(Request::DeviceJoin(ask)) => return self.join_devices(&ask, answer),
            Work::Verb(request) => self.answer(&request),
            Work::Store { user, sessions, again } => tokio::task::block_in_place(|| {
                let added = self.node.session_store(&user, sessions, again)?;
                Ok(Reply::to::<SessionAdd>(&added)?)
            }),
        };
        // The asking process may be gone; the work is done all the same.
        let _ = answer.send(result.map_err(Failure::from));
    }

    /// Does a verb, with what only a running node knows.
    fn answer(&mut self, request: &Request) -> Result<Reply, CliError> {
        Ok(match request {
            Request::Stop(_) => {
                self.stopping = true;
                Reply::to::<StopVerb>(&Stopping { stopping: true })?
            }
            Request::Peers(_) => Reply::to::<Peers>(&self.connections())?,
            Request::Status(_) => {
                let mut status = self.node.status()?;
                status.daemon = Some(std::process::id());
                status.network = Some(self.connections());
                Reply::to::<Status>(&status)?
            }
            Request::FederationInvite(ask) => {
                Reply::to::<FederationInvite>(&self.node.federation_invite(ask, self.told())?)?
            }
            Request::DeviceInvite(ask) => {
                Reply::to::<DeviceInvite>(&self.node.device_invite(ask, self.told())?)?
            }
            other => tokio::task::block_in_place(|| self.node.answer(other, |_| {}))?,
        })
    }

    /// Addresses under which others may reach this node, without its key.
    fn told(&self) -> Vec<String> {
        self.network.told().iter().map(|address| address.address().to_string()).collect()
    }

    fn await_joining(&mut self, begun: Result<u64, EngineError>, answer: Answer) {
        match begun {
            Ok(attempt) => {
                self.joins.insert(attempt, answer);
            }
            Err(error) => {
                let _ = answer.send(Err(CliError::from(error).into()));
            }
        }
    }
}
