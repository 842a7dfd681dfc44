//! Frames in and out: of the fast path, requests and replies.

use std::sync::atomic::Ordering;

use libp2p::PeerId;
use libp2p::request_response::{self, OutboundFailure};

use super::config::Direction;
use super::event::{NetworkEvent, ReplyToken, RequestFailure, RequestId};
use super::handle::Channel;
use super::peer::public_key_of;
use super::spread;
use super::task::Task;

impl Task {
    /// Sends a frame of the fast path. Without a stream to the peer it is lost.
    pub(super) fn send_frame(&mut self, peer: &PeerId, frame: Vec<u8>) {
        if let Some(streams) = self.swarm.behaviour().spread.as_ref() {
            self.tap(Direction::Out, &frame);
            self.shared.meter.gossip(Direction::Out);
            streams.send(peer, frame);
        }
    }

    pub(super) fn on_spread(&mut self, event: spread::Event) {
        match event {
            spread::Event::Stream { peer, open } => {
                if let Some(peer) = public_key_of(&peer) {
                    self.outbox.push_back(NetworkEvent::Stream { peer, open });
                }
            }
            spread::Event::Heard { peer, bytes } => {
                self.tap(Direction::In, &bytes);
                self.shared.meter.gossip(Direction::In);
                if let Some(peer) = public_key_of(&peer) {
                    self.outbox.push_back(NetworkEvent::Heard { peer, bytes });
                }
            }
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
