//! Frames in and out: gossip, requests and replies.

use std::sync::atomic::Ordering;

use libp2p::gossipsub::PublishError;
use libp2p::request_response::{self, OutboundFailure};
use libp2p::{PeerId, gossipsub};

use super::config::Direction;
use super::event::{GossipId, NetworkEvent, ReplyToken, RequestFailure, RequestId};
use super::handle::{Channel, Published};
use super::peer::public_key_of;
use super::task::Task;
use super::{NetworkError, gossip, limits};

impl Task {
    pub(super) fn publish(
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

    pub(super) fn request(
        &mut self,
        channel: Channel,
        id: RequestId,
        peer: PeerId,
        request: Vec<u8>,
    ) {
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
        let behaviour = self.swarm.behaviour_mut();
        let outbound = match channel {
            Channel::Federations => behaviour.requests.send_request(&peer, request),
            Channel::Devices => behaviour.devices.send_request(&peer, request),
        };
        self.requests.insert((channel, outbound), id);
    }

    /// A request is in flight until its outcome was handed over, so that a reader that asks
    /// without reading answers is stopped by the limit and not by memory.
    pub(super) fn release(&self, event: &NetworkEvent) {
        if matches!(event, NetworkEvent::Response { .. } | NetworkEvent::RequestFailed { .. }) {
            self.shared.requests_in_flight.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(super) fn on_gossip(
        &mut self,
        source: PeerId,
        id: gossipsub::MessageId,
        message: gossipsub::Message,
    ) {
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

    pub(super) fn on_requests(
        &mut self,
        channel: Channel,
        event: request_response::Event<Vec<u8>, Vec<u8>>,
    ) {
        use request_response::{Event, Message};
        match event {
            Event::Message {
                peer,
                message: Message::Request { request, channel: answer, .. },
                ..
            } => {
                self.tap(Direction::In, &request);
                if let Some(peer) = public_key_of(&peer) {
                    let (bytes, reply) = (request, ReplyToken(answer));
                    self.outbox.push_back(match channel {
                        Channel::Federations => NetworkEvent::Request { peer, bytes, reply },
                        Channel::Devices => NetworkEvent::DeviceRequest { peer, bytes, reply },
                    });
                }
            }
            Event::Message {
                peer, message: Message::Response { request_id, response }, ..
            } => {
                self.tap(Direction::In, &response);
                let Some(request) = self.requests.remove(&(channel, request_id)) else {
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
                let Some(request) = self.requests.remove(&(channel, request_id)) else {
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
