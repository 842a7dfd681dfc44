//! The network: libp2p as one tokio task that moves bytes and knows nothing of deltas.
//!
//! [`Network::start`] gives a [`NetworkHandle`] to act through and a bounded channel of
//! [`NetworkEvent`]s. Frames of the fast path go to a peer on one long-lived stream; requests and replies
//! have a stream each. All are opaque here, with hard size limits.
//! Peers that were asked for are redialled with a jittered back-off. A node that cannot be reached takes a
//! place at a relay, and makes its own way through routers where they allow it ([`Reach`]). [`Relay`] is the
//! other side: a public relay, which serves no federation.
//!
//! Nothing here grows without bound: channels, connections, wanted peers, outstanding requests
//! and frames all have a limit ([`limits`]). When the reader of the events is slow, the task stops
//! polling libp2p (so that peers feel it) but keeps serving the handle, which is what makes it
//! safe to call the handle from the loop that reads the events.

mod address;
mod behaviour;
mod codec;
mod config;
mod crowd;
mod dialback;
mod directory;
mod error;
mod event;
mod frames;
mod handle;
mod links;
mod lookup;
mod meter;
mod observed;
mod peer;
mod punch;
mod reach;
mod redial;
mod relay;
mod relays;
mod spread;
mod spread_stream;
mod start;
mod task;

#[cfg(test)]
mod tests;

pub use codec::{DEVICES_PROTOCOL, PROTOCOL, limits};
pub use config::{Direction, FrameTap, NetworkConfig};
pub use error::NetworkError;
pub use event::{NetworkEvent, ReplyToken, RequestFailure, RequestId};
pub use handle::NetworkHandle;
pub use libp2p::Multiaddr;
pub use links::Way;
pub use meter::Counters;
pub use peer::{PeerAddress, peer_id_of, public_key_of};
pub use reach::{Lookup, PeerLink, Reach, RelayPlace};
pub use relay::{Relay, RelayConfig, RelayCounters, limits as relay_limits};
pub use relays::{MAX_RELAYS, RelayState};
pub use spread::SPREAD_PROTOCOL;
pub use start::Network;
