//! The task that owns libp2p: commands in, events out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, ping};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::behaviour::{Behaviour, BehaviourEvent};
use super::config::{Direction, FrameTap, NetworkConfig};
use super::directory::Directory;
use super::event::{NetworkEvent, ReplyToken, RequestId};
use super::handle::{Channel, Command, Shared};
use super::peer::{keypair_of, public_key_of};
use super::reach::Standing;
use super::redial::Redial;
use super::{NetworkError, address, limits};

pub(super) struct Task {
    pub(super) swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetworkEvent>,
    /// Events the reader has not taken yet. Bounded by not polling libp2p while it is full.
    pub(super) outbox: VecDeque<NetworkEvent>,
    pub(super) shared: Arc<Shared>,
    pub(super) redial: Redial,
    tap: Option<FrameTap>,
    pub(super) requests: BTreeMap<(Channel, OutboundRequestId), RequestId>,
    pub(super) members: Vec<PeerId>,
    /// Relays and bootstrap nodes of the configuration.
    infrastructure: BTreeSet<PeerId>,
    /// Connected peers of which the node is told nothing: relays and bootstrap nodes.
    pub(super) hidden: BTreeSet<PeerId>,
    /// How often connected peers said without being asked where they are, and since when that is counted.
    pushed: BTreeMap<PeerId, (Instant, u32)>,
    pub(super) standing: Standing,
    pub(super) directory: Option<Directory>,
}

/// Time that a stranger may stay: far longer than joining takes.
const STRANGERS_TIME: Duration = Duration::from_secs(60);
/// Time that a connection which nothing needs may stay.
const NEEDLESS_TIME: Duration = Duration::from_secs(60);
/// Time after which a direct connection takes the place of a relayed one.
const SETTLED: Duration = Duration::from_secs(2);
/// Interval at which strangers are looked at.
const SWEEP: Duration = Duration::from_secs(5);
/// Most reports of one peer about where it is, within [`PUSHES_TIME`].
const PUSHES: u32 = 8;
/// See [`PUSHES`].
const PUSHES_TIME: Duration = Duration::from_secs(60);

impl Task {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetworkEvent>,
        shared: Arc<Shared>,
        redial: Redial,
        config: NetworkConfig<'_>,
    ) -> Result<Self, NetworkError> {
        let key = keypair_of(config.key)?;
        let infrastructure = config.relays.iter().chain(&config.bootstrap).map(|one| one.peer);
        Ok(Self {
            infrastructure: infrastructure.collect(),
            standing: Standing::new(&config),
            directory: config.asks_directory().then(|| Directory::new(key)),
            swarm,
            commands,
            events,
            outbox: VecDeque::new(),
            shared,
            redial,
            tap: config.frame_tap,
            requests: BTreeMap::new(),
            members: Vec::new(),
            hidden: BTreeSet::new(),
            pushed: BTreeMap::new(),
        })
    }

    pub(super) async fn run(mut self) {
        let events = self.events.clone();
        self.refresh();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.redial.next_due();
            let wake = due.unwrap_or_else(Instant::now);
            tokio::select! {
                permit = events.reserve(), if !self.outbox.is_empty() => {
                    let Ok(permit) = permit else { return };
                    if let Some(event) = self.outbox.pop_front() {
                        self.release(&event);
                        permit.send(event);
                    }
                }
                command = self.commands.recv() => {
                    let Some(command) = command else { return };
                    self.on_command(command);
                }
                _ = sweep.tick() => self.sweep(),
                () = tokio::time::sleep_until(wake.into()), if due.is_some() => self.dial_due(),
                event = self.swarm.select_next_some(),
                    if self.outbox.len() < limits::EVENTS_WAITING => self.on_swarm(event),
            }
        }
    }

    pub(super) fn listening(&mut self, address: Multiaddr) {
        if address::is_circuit(&address) {
            // The relay's own view of its addresses; `Standing` knows those of the configuration.
            return;
        }
        self.shared.view().addresses.push(address.clone());
        self.outbox.push_back(NetworkEvent::Listening { address });
    }

    pub(super) fn tap(&self, direction: Direction, frame: &[u8]) {
        self.shared.meter.frame(direction, frame.len());
        if let Some(tap) = &self.tap {
            tap(direction, frame);
        }
    }

    fn dial_due(&mut self) {
        self.keep();
        for (peer, addresses) in self.redial.take_due(Instant::now()) {
            let dial = DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(addresses)
                .build();
            // "Already connected or dialling" needs no second attempt; the events of that
            // connection drive the rest. Everything else is a failed attempt.
            if let Err(error) = self.swarm.dial(dial)
                && !matches!(error, libp2p::swarm::DialError::DialPeerConditionFalse(_))
            {
                tracing::debug!(%peer, %error, "cannot dial");
                self.redial.failed(Instant::now(), &peer, jitter());
            }
        }
    }

    /// Peers that are kept: members, and those that this node dials.
    fn keep(&mut self) {
        let kept = self.members.iter().copied().chain(self.redial.wanted()).collect();
        self.swarm.behaviour_mut().keep(kept, self.redial.relays());
    }

    pub(super) fn is_kept(&self, peer: &PeerId) -> bool {
        self.swarm.behaviour().crowd.is_kept(peer)
    }

    /// Ends connections that strangers had their time of, and that nothing needs any more.
    fn sweep(&mut self) {
        self.keep();
        let now = Instant::now();
        let mut ended = self.swarm.behaviour().crowd.overdue(now, STRANGERS_TIME, |_| false);
        {
            let view = self.shared.view();
            ended.extend(view.links.superseded(now, SETTLED));
            ended.extend(view.links.needless(now, NEEDLESS_TIME, |peer| self.is_kept(peer)));
        }
        for connection in ended {
            self.swarm.close_connection(connection);
        }
        self.seek(now);
        self.refresh();
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Send(peer, frame) => self.send_frame(&peer, frame),
            Command::Want(address, answer) => {
                let wanted = self.redial.want(Instant::now(), address.peer, address.address);
                let _ = answer.send(if wanted {
                    Ok(())
                } else {
                    Err(NetworkError::TooManyPeers(limits::WANTED_PEERS))
                });
            }
            Command::Keep(members) => {
                if members != self.members {
                    self.members = members;
                    self.keep();
                }
            }
            Command::Forget(peer) => self.redial.forget(&peer),
            Command::Request(channel, id, peer, request) => {
                self.request(channel, id, peer, request)
            }
            Command::Reply(ReplyToken(channel), reply) => {
                self.tap(Direction::Out, &reply);
                // An answer has a way of its own, whatever it was asked under.
                let requests = &mut self.swarm.behaviour_mut().requests;
                if requests.send_response(channel, reply).is_err() {
                    tracing::debug!("a peer left before its answer");
                }
            }
            Command::Block(peer) => {
                self.redial.forget(&peer);
                self.swarm.behaviour_mut().blocked.block_peer(peer);
            }
            Command::Unblock(peer) => {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                self.listening(address);
                self.refresh();
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => self.not_listening(&address),
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                let why = reason.err().map_or_else(|| "it ended".to_owned(), |e| e.to_string());
                if self.standing.relays.closed(listener_id, &why, Instant::now()) {
                    self.refresh();
                }
            }
            SwarmEvent::ExternalAddrConfirmed { address } => self.confirmed(address),
            SwarmEvent::ExternalAddrExpired { address } => self.not_confirmed(&address),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                num_established,
                ..
            } => {
                let now = Instant::now();
                self.shared.view().links.opened(connection_id, peer_id, &endpoint, now);
                self.on_connected(peer_id, endpoint.is_dialer(), num_established.get());
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_closed(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                tracing::debug!(%peer, %error, "dial failed");
                if !self.swarm.is_connected(&peer) {
                    self.redial.failed(Instant::now(), &peer, jitter());
                }
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "listener");
            }
            _ => {}
        }
    }

    fn on_connected(&mut self, peer_id: PeerId, dialled: bool, connections: u32) {
        let Some(peer) = public_key_of(&peer_id) else {
            // Only ed25519 keys are members; nobody else has anything to say here.
            self.swarm.behaviour_mut().blocked.block_peer(peer_id);
            return;
        };
        self.redial.connected(&peer_id);
        if connections > 1 {
            return;
        }
        let is_others_relay =
            dialled && !self.is_kept(&peer_id) && self.redial.leads_through(&peer_id);
        if self.infrastructure.contains(&peer_id) || is_others_relay {
            self.hidden.insert(peer_id);
            self.standing.relays.connected(&peer_id, Instant::now());
            self.take_places();
            self.refresh();
            return;
        }
        self.shared.view().peers.insert(peer);
        self.outbox.push_back(NetworkEvent::Connected { peer });
    }

    fn on_closed(&mut self, peer_id: PeerId, connection: ConnectionId, left: u32) {
        self.shared.view().links.closed(connection);
        if left > 0 {
            return;
        }
        self.redial.failed(Instant::now(), &peer_id, jitter());
        self.pushed.remove(&peer_id);
        if self.hidden.remove(&peer_id) {
            self.standing.relays.disconnected(&peer_id);
            self.refresh();
        } else if let Some(peer) = public_key_of(&peer_id) {
            self.shared.view().peers.remove(&peer);
            self.outbox.push_back(NetworkEvent::Disconnected { peer });
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Spread(event) => self.on_spread(event),
            BehaviourEvent::Requests(event) => self.on_requests(Channel::Federations, event),
            BehaviourEvent::Devices(event) => self.on_requests(Channel::Devices, event),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, info.listen_addrs);
            }
            BehaviourEvent::Identify(identify::Event::Pushed { peer_id, info, .. })
                if self.may_push(peer_id, Instant::now()) =>
            {
                self.on_identified(peer_id, info.listen_addrs);
            }
            BehaviourEvent::Ping(ping::Event { connection, result: Err(error), .. })
                if !matches!(error, ping::Failure::Unsupported) =>
            {
                // Ping only reports; a peer that does not answer is gone, and a redial finds out.
                tracing::debug!(%error, "a connection is dead");
                self.swarm.close_connection(connection);
            }
            BehaviourEvent::Relays(event) => self.on_relay(&event),
            BehaviourEvent::Punch(event) => self.on_punch(event),
            BehaviourEvent::Dialback(event) => self.on_dialback(event),
            BehaviourEvent::Kad(event) => self.on_kad(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event),
            _ => {}
        }
    }

    /// Whether what a peer says without being asked is read: each report is written to the store.
    fn may_push(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.swarm.is_connected(&peer) {
            return false;
        }
        let (since, count) = self.pushed.entry(peer).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= PUSHES_TIME {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= PUSHES
    }

    fn on_identified(&mut self, peer_id: PeerId, claimed: Vec<Multiaddr>) {
        if self.hidden.contains(&peer_id) {
            return;
        }
        if let Some(peer) = public_key_of(&peer_id) {
            let bare = claimed.into_iter().map(|one| address::without(one, &peer_id));
            let mut addresses = address::told(bare);
            addresses.truncate(limits::ADDRESSES_PER_PEER);
            self.outbox.push_back(NetworkEvent::Identified { peer, addresses });
        }
    }
}

/// One random byte. Without randomness the back-off is still right, only not spread.
pub(super) fn jitter() -> u8 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}
