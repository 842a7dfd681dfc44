//! Errors between the node and its peers.

/// Why the network refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The address is already taken on this machine.
    #[error(
        "cannot listen on {address}: another program is using it. Stop that program, or set \
         another address under `listen` in config.toml (port 0 lets the system choose)"
    )]
    PortInUse {
        /// The address as configured.
        address: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {why}. Check `listen` in config.toml")]
    Listen {
        /// The address as configured.
        address: String,
        /// Error of the system or libp2p.
        why: String,
    },
    /// The text is no multiaddress.
    #[error("`{address}` is not an address like /ip4/192.0.2.7/tcp/4001: {why}")]
    BadAddress {
        /// The text.
        address: String,
        /// Error of the parser.
        why: String,
    },
    /// The address does not say whom to expect.
    #[error("`{0}` does not end in /p2p/<peer id>, so nobody could tell who answers there")]
    AddressWithoutPeer(String),
    /// The key or peer id is not an ed25519 key.
    #[error("`{0}` does not name an ed25519 key")]
    NotAPeer(String),
    /// A frame is over its limit; nothing was sent.
    #[error("a {what} of {len} bytes is over the limit of {limit} bytes; it was not sent")]
    TooLarge {
        /// `pushed frame`, `request` or `reply`.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Too many requests wait for an answer.
    #[error("{0} requests are waiting for an answer; wait for one of them")]
    TooManyRequests(usize),
    /// Too many peers are kept dialled.
    #[error("{0} peers are already wanted; forget one of them")]
    TooManyPeers(usize),
    /// The task has ended.
    #[error("the network has been stopped")]
    Stopped,
    /// libp2p could not be set up.
    #[error("cannot set up the network: {0}")]
    Setup(String),
}
