//! The task that owns libp2p: commands in, events out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use libp2p::gossipsub::{MessageAcceptance, PublishError};
use libp2p::request_response::{self, OutboundFailure, OutboundRequestId};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub, identify, ping};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::behaviour::{Behaviour, BehaviourEvent};
use super::config::{Direction, FrameTap};
use super::event::{GossipId, NetworkEvent, ReplyToken, RequestFailure, RequestId, Verdict};
use super::handle::{Command, Published, Shared};
use super::peer::public_key_of;
use super::redial::Redial;
use super::{NetworkError, gossip, limits};

pub(super) struct Task {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<NetworkEvent>,
    /// Events the reader has not taken yet. Bounded by not polling libp2p while it is full.
    outbox: VecDeque<NetworkEvent>,
    shared: Arc<Shared>,
    redial: Redial,
    tap: Option<FrameTap>,
    requests: BTreeMap<OutboundRequestId, RequestId>,
    members: Vec<PeerId>,
}

/// Time that a stranger may stay: far longer than joining takes.
const STRANGERS_TIME: Duration = Duration::from_secs(60);
/// Interval at which strangers are looked at.
const SWEEP: Duration = Duration::from_secs(5);

impl Task {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<NetworkEvent>,
        shared: Arc<Shared>,
        redial: Redial,
        tap: Option<FrameTap>,
    ) -> Self {
        Self {
            swarm,
            commands,
            events,
            outbox: VecDeque::new(),
            shared,
            redial,
            tap,
            requests: BTreeMap::new(),
            members: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let events = self.events.clone();
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
        self.shared.view().addresses.push(address.clone());
        self.outbox.push_back(NetworkEvent::Listening { address });
    }

    fn tap(&self, direction: Direction, frame: &[u8]) {
        self.shared.meter.frame(direction, frame.len());
        if let Some(tap) = &self.tap {
            tap(direction, frame);
        }
    }

    fn dial_due(&mut self) {
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
        self.swarm.behaviour_mut().keep(kept);
    }

    /// Ends the connections of strangers that had their time, so that there is room for others.
    fn sweep(&mut self) {
        self.keep();
        let crowd = &self.swarm.behaviour().crowd;
        for connection in crowd.overdue(Instant::now(), STRANGERS_TIME) {
            self.swarm.close_connection(connection);
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Subscribe(federation) => {
                let topic = gossip::ident_topic(&federation);
                let gossip = &mut self.swarm.behaviour_mut().gossip;
                if let Err(error) = gossip.subscribe(&topic) {
                    tracing::warn!(%federation, %error, "cannot subscribe");
                }
                if let Err(error) = gossip.set_topic_params(topic, gossip::topic_score_params()) {
                    tracing::warn!(%federation, error, "cannot score the topic");
                }
            }
            Command::Unsubscribe(federation) => {
                let topic = gossip::ident_topic(&federation);
                self.swarm.behaviour_mut().gossip.unsubscribe(&topic);
            }
            Command::Publish(federation, frame, answer) => {
                self.tap(Direction::Out, &frame);
                self.shared.meter.gossip(Direction::Out);
                // The asker may have gone; the frame is published all the same.
                let _ = answer.send(self.publish(&gossip::ident_topic(&federation), frame));
            }
            Command::Validate(GossipId(id), from, verdict) => {
                let acceptance = match verdict {
                    Verdict::Accept => MessageAcceptance::Accept,
                    Verdict::Ignore => MessageAcceptance::Ignore,
                    Verdict::Reject => MessageAcceptance::Reject,
                };
                self.swarm
                    .behaviour_mut()
                    .gossip
                    .report_message_validation_result(&id, &from, acceptance);
            }
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
            Command::Request(id, peer, request) => self.request(id, peer, request),
            Command::Reply(ReplyToken(channel), reply) => {
                self.tap(Direction::Out, &reply);
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

    fn publish(
        &mut self,
        topic: &gossipsub::IdentTopic,
        frame: Vec<u8>,
    ) -> Result<Published, NetworkError> {
        let len = frame.len();
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        match gossip.publish(topic.clone(), frame) {
            Ok(_) => Ok(Published::Sent),
            Err(PublishError::NoPeersSubscribedToTopic) => Ok(Published::NoPeers),
            Err(PublishError::Duplicate) => Ok(Published::Duplicate),
            Err(PublishError::AllQueuesFull(peers)) => Err(NetworkError::Congested(peers)),
            Err(PublishError::MessageTooLarge) => Err(NetworkError::TooLarge {
                what: "gossip frame",
                len,
                limit: limits::GOSSIP_BYTES,
            }),
            Err(error) => Err(NetworkError::Setup(error.to_string())),
        }
    }

    fn request(&mut self, id: RequestId, peer: PeerId, request: Vec<u8>) {
        if !self.swarm.is_connected(&peer) {
            if let Some(peer) = public_key_of(&peer) {
                self.outbox.push_back(NetworkEvent::RequestFailed {
                    request: id,
                    peer,
                    why: RequestFailure::NotConnected,
                });
            }
            return;
        }
        self.tap(Direction::Out, &request);
        let requests = &mut self.swarm.behaviour_mut().requests;
        let outbound = requests.send_request(&peer, request);
        self.requests.insert(outbound, id);
    }

    /// A request is in flight until its outcome was handed over, so that a reader that asks
    /// without reading answers is stopped by the limit and not by memory.
    fn release(&self, event: &NetworkEvent) {
        if matches!(event, NetworkEvent::Response { .. } | NetworkEvent::RequestFailed { .. }) {
            self.shared.requests_in_flight.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => self.listening(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.shared.view().addresses.retain(|known| *known != address);
            }
            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } => {
                self.on_connected(peer_id, num_established.get())
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.redial.failed(Instant::now(), &peer_id, jitter());
                if let Some(peer) = public_key_of(&peer_id) {
                    self.shared.view().peers.remove(&peer);
                    self.outbox.push_back(NetworkEvent::Disconnected { peer });
                }
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

    fn on_connected(&mut self, peer_id: PeerId, connections: u32) {
        let Some(peer) = public_key_of(&peer_id) else {
            // Only ed25519 keys are members; nobody else has anything to say here.
            self.swarm.behaviour_mut().blocked.block_peer(peer_id);
            return;
        };
        self.redial.connected(&peer_id);
        if connections == 1 {
            self.shared.view().peers.insert(peer);
            self.outbox.push_back(NetworkEvent::Connected { peer });
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.on_gossip(propagation_source, message_id, message),
            BehaviourEvent::Requests(event) => self.on_requests(event),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if let Some(peer) = public_key_of(&peer_id) {
                    let mut addresses = info.listen_addrs;
                    addresses.truncate(limits::ADDRESSES_PER_PEER);
                    self.outbox.push_back(NetworkEvent::Identified { peer, addresses });
                }
            }
            BehaviourEvent::Ping(ping::Event { connection, result: Err(error), .. })
                if !matches!(error, ping::Failure::Unsupported) =>
            {
                // Ping only reports; a peer that does not answer is gone, and a redial finds out.
                tracing::debug!(%error, "a connection is dead");
                self.swarm.close_connection(connection);
            }
            _ => {}
        }
    }

    fn on_gossip(&mut self, source: PeerId, id: gossipsub::MessageId, message: gossipsub::Message) {
        self.tap(Direction::In, &message.data);
        self.shared.meter.gossip(Direction::In);
        let from = public_key_of(&source);
        let topic = gossip::federation_of(message.topic.as_str());
        if let (Some(from), Some(topic)) = (from, topic) {
            self.outbox.push_back(NetworkEvent::Gossip {
                from,
                topic,
                id: GossipId(id),
                bytes: message.data,
            });
        }
    }

    fn on_requests(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.tap(Direction::In, &request);
                if let Some(peer) = public_key_of(&peer) {
                    self.outbox.push_back(NetworkEvent::Request {
                        peer,
                        bytes: request,
                        reply: ReplyToken(channel),
                    });
                }
            }
            Event::Message {
                peer, message: Message::Response { request_id, response }, ..
            } => {
                self.tap(Direction::In, &response);
                let Some(request) = self.requests.remove(&request_id) else {
                    return;
                };
                if let Some(peer) = public_key_of(&peer) {
                    self.outbox.push_back(NetworkEvent::Response {
                        request,
                        peer,
                        bytes: response,
                    });
                }
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                let Some(request) = self.requests.remove(&request_id) else {
                    return;
                };
                if let Some(peer) = public_key_of(&peer) {
                    let why = failure_of(error);
                    self.outbox.push_back(NetworkEvent::RequestFailed { request, peer, why });
                }
            }
            Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a peer's request failed");
            }
            Event::ResponseSent { .. } => {}
        }
    }
}

fn failure_of(error: OutboundFailure) -> RequestFailure {
    match error {
        OutboundFailure::DialFailure => RequestFailure::NotConnected,
        OutboundFailure::Timeout => RequestFailure::Timeout,
        OutboundFailure::ConnectionClosed => RequestFailure::ConnectionClosed,
        OutboundFailure::UnsupportedProtocols => RequestFailure::UnsupportedProtocol,
        OutboundFailure::Io(error) => RequestFailure::Refused(error.to_string()),
    }
}

/// One random byte. Without randomness the back-off is still right, only not spread.
fn jitter() -> u8 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}
