//! Events that an engine is given, and effects that it wants.

use lore_protocol::charter::Charter;
use lore_protocol::ids::{FederationId, MemberId, PublicKey};

use crate::EngineError;

/// Event outside of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The first connection with a peer is up.
    Connected {
        /// Its key, proven by the transport.
        peer: PublicKey,
    },
    /// The last connection with a peer is gone.
    Disconnected {
        /// Its key.
        peer: PublicKey,
    },
    /// A peer said where it listens.
    Identified {
        /// Its key.
        peer: PublicKey,
        /// Its claim, as multiaddresses.
        addresses: Vec<String>,
    },
    /// Whether frames of the fast path can be sent to a connected peer; they cannot until this says so.
    Stream {
        /// Its key.
        peer: PublicKey,
        /// They can.
        open: bool,
    },
    /// A frame of the fast path.
    Heard {
        /// The peer that sent it.
        peer: PublicKey,
        /// The frame, as [`Effect::Send`] has it.
        bytes: Vec<u8>,
    },
    /// A peer asks; [`Effect::Reply`] with the same number follows.
    Request {
        /// Names the request in the reply.
        number: u64,
        /// The asking peer.
        peer: PublicKey,
        /// The encoded question.
        bytes: Vec<u8>,
    },
    /// A peer answered a request of [`Effect::Request`].
    Response {
        /// The number of the request.
        number: u64,
        /// The peer that answered.
        peer: PublicKey,
        /// The encoded answer.
        bytes: Vec<u8>,
    },
    /// A request will not be answered, or could not be sent.
    RequestFailed {
        /// The number of the request.
        number: u64,
        /// Why, for people.
        why: String,
    },
    /// Time has passed; comes at some interval.
    Tick,
    /// The time of [`crate::Engine::wake_in`] is over.
    Wake,
}

/// Effect that the engine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a frame of the fast path to a peer, of at most [`lore_protocol::spread::MAX_FRAME_BYTES`]. That it
    /// is lost is no error: sync carries what was in it.
    Send {
        /// The peer.
        peer: PublicKey,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Keep a connection with a peer from now on.
    Dial {
        /// The key expected there.
        peer: PublicKey,
        /// Multiaddresses; what is none is passed over.
        addresses: Vec<String>,
    },
    /// Ask a peer; [`Event::Response`] or [`Event::RequestFailed`] with the same number must follow.
    Request {
        /// Names the request.
        number: u64,
        /// The peer.
        peer: PublicKey,
        /// The encoded question.
        bytes: Vec<u8>,
    },
    /// Answer a request.
    Reply {
        /// The number of the request.
        number: u64,
        /// The encoded answer.
        bytes: Vec<u8>,
    },
    /// An attempt of [`crate::Engine::begin_join`] or [`crate::Engine::begin_takeover`] is over.
    Joined {
        /// The number of the attempt.
        attempt: u64,
        /// Its result.
        result: Result<Joining, EngineError>,
    },
}

/// End of an attempt to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joining {
    /// The charter was read, and nothing else done.
    Previewed {
        /// The federation.
        federation: FederationId,
        /// Its charter.
        charter: Box<Charter>,
    },
    /// The inviter vouched for this node.
    Admitted {
        /// The member that this node is, once a checkpoint admits it.
        member: MemberId,
        /// Voices that must vouch for it, the inviter's included, where the federation has that many and one more.
        vouches: u32,
        /// The federation.
        federation: FederationId,
        /// Secret of the recovery key, kept nowhere; none when the Join was signed before.
        recovery_secret: Option<String>,
    },
    /// This node has taken over a member's chain.
    TakenOver {
        /// The federation.
        federation: FederationId,
        /// The member.
        member: MemberId,
    },
}
