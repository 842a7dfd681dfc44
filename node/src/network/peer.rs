//! One key, two names: a member's ed25519 key is its libp2p peer id.

use std::fmt;
use std::str::FromStr;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, identity};
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::PublicKey;

use super::NetworkError;

/// The libp2p keypair of a node's secret key.
pub(super) fn keypair_of(key: &SecretKey) -> Result<identity::Keypair, NetworkError> {
    let mut bytes = key.to_keypair_bytes();
    identity::ed25519::Keypair::try_from_bytes(&mut bytes)
        .map(identity::Keypair::from)
        .map_err(|error| NetworkError::Setup(format!("the node's key: {error}")))
}

/// The peer id of a public key.
///
/// # Errors
/// [`NetworkError::NotAPeer`] when the bytes are no point of the curve.
pub fn peer_id_of(key: &PublicKey) -> Result<PeerId, NetworkError> {
    identity::ed25519::PublicKey::try_from_bytes(key.as_bytes())
        .map(|key| identity::PublicKey::from(key).to_peer_id())
        .map_err(|_| NetworkError::NotAPeer(key.to_string()))
}

/// The public key inside a peer id; `None` when the id is the hash of some other kind of key.
#[must_use]
pub fn public_key_of(peer: &PeerId) -> Option<PublicKey> {
    let multihash = peer.as_ref();
    // 0x00 is the identity hash: the digest is the encoded key itself.
    if multihash.code() != 0 {
        return None;
    }
    identity::PublicKey::try_decode_protobuf(multihash.digest())
        .ok()?
        .try_into_ed25519()
        .ok()
        .map(|key| PublicKey(key.to_bytes()))
}

/// An address that says whom one expects there: a multiaddress that ends in `/p2p/<peer id>`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    pub(super) peer: PeerId,
    /// Without the `/p2p` part.
    pub(super) address: Multiaddr,
    key: PublicKey,
}

impl PeerAddress {
    /// Joins an address and the key expected there.
    ///
    /// # Errors
    /// [`NetworkError::NotAPeer`] when the key is no point of the curve.
    pub fn new(address: Multiaddr, key: PublicKey) -> Result<Self, NetworkError> {
        let peer = peer_id_of(&key)?;
        let address = match address.iter().last() {
            Some(Protocol::P2p(_)) => {
                let mut bare = address;
                bare.pop();
                bare
            }
            _ => address,
        };
        Ok(Self { peer, address, key })
    }

    /// The address, without the `/p2p` part.
    #[must_use]
    pub const fn address(&self) -> &Multiaddr {
        &self.address
    }

    /// The key expected at the address.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }
}

impl TryFrom<Multiaddr> for PeerAddress {
    type Error = NetworkError;

    fn try_from(mut address: Multiaddr) -> Result<Self, Self::Error> {
        let text = address.to_string();
        let Some(Protocol::P2p(peer)) = address.pop() else {
            return Err(NetworkError::AddressWithoutPeer(text));
        };
        let key = public_key_of(&peer).ok_or(NetworkError::NotAPeer(text))?;
        Ok(Self { peer, address, key })
    }
}

impl FromStr for PeerAddress {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Multiaddr>()
            .map_err(|error| NetworkError::BadAddress {
                address: text.into(),
                why: error.to_string(),
            })?
            .try_into()
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/p2p/{}", self.address, self.peer)
    }
}

impl fmt::Debug for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
