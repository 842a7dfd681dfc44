//! Events that the network gives to the node.

use libp2p::Multiaddr;
use libp2p::request_response::ResponseChannel;
use lore_protocol::ids::PublicKey;

/// A request of ours, named until it is answered or has failed. Unique within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

/// The right to answer one request, once. Dropped unanswered, the peer sees its request fail.
#[derive(Debug)]
pub struct ReplyToken(pub(super) ResponseChannel<Vec<u8>>);

/// Why a request of ours came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// There is no connection. Dial first, and ask when `Connected` comes.
    #[error("not connected to the peer")]
    NotConnected,
    /// No answer in time.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The connection closed first.
    #[error("the connection closed before the answer came")]
    ConnectionClosed,
    /// The peer speaks another protocol.
    #[error("the peer does not speak this protocol: it runs an older lore")]
    UnsupportedProtocol,
    /// The stream broke: refused by the peer (oversized, too many), or cut.
    #[error("the peer refused or dropped the request: {0}")]
    Refused(String),
}

/// Event on the network.
#[derive(Debug)]
pub enum NetworkEvent {
    /// The node can be reached here (without the `/p2p` part).
    Listening {
        /// The address, with the port the system chose.
        address: Multiaddr,
    },
    /// The first connection with a peer is up.
    Connected {
        /// The peer.
        peer: PublicKey,
    },
    /// The last connection with a peer is gone. A wanted peer is redialled.
    Disconnected {
        /// The peer.
        peer: PublicKey,
    },
    /// A peer said where it listens. A claim: dial it to find out.
    Identified {
        /// The peer.
        peer: PublicKey,
        /// At most [`super::limits::ADDRESSES_PER_PEER`] addresses.
        addresses: Vec<Multiaddr>,
    },
    /// Frames of the fast path can be sent to a connected peer, or cannot any more.
    Stream {
        /// The peer.
        peer: PublicKey,
        /// They can.
        open: bool,
    },
    /// A frame of the fast path.
    Heard {
        /// The peer that sent it.
        peer: PublicKey,
        /// The frame, of at most [`super::limits::SPREAD_BYTES`].
        bytes: Vec<u8>,
    },
    /// A peer asks; answer with [`super::NetworkHandle::reply`].
    Request {
        /// The peer.
        peer: PublicKey,
        /// The question.
        bytes: Vec<u8>,
        /// The right to answer.
        reply: ReplyToken,
    },
    /// A peer asks under [`super::DEVICES_PROTOCOL`]; answer with [`super::NetworkHandle::reply`].
    DeviceRequest {
        /// The peer.
        peer: PublicKey,
        /// The question.
        bytes: Vec<u8>,
        /// The right to answer.
        reply: ReplyToken,
    },
    /// A peer answered.
    Response {
        /// The request.
        request: RequestId,
        /// The peer.
        peer: PublicKey,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// A request will not be answered.
    RequestFailed {
        /// The request.
        request: RequestId,
        /// Peer that was asked.
        peer: PublicKey,
        /// Why.
        why: RequestFailure,
    },
}
