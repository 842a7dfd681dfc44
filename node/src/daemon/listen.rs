//! Listening addresses: the ports of last time, where the configuration leaves them open.
//!
//! Others remember a node by its address. A node whose ports changed at every start could be found
//! again only by those that it finds itself.

use libp2p::multiaddr::Protocol;
use lore_engine::{Durability, RecordKind, Storage};
use lore_protocol::codec;

use crate::error::CliError;
use crate::network::Multiaddr;
/// Most addresses that are kept.
const MAX_KEPT: usize = 16;

/// The configured addresses with the ports of last time in place of 0.
pub(super) fn as_before(
    store: &dyn Storage,
    configured: &[Multiaddr],
) -> Result<Vec<Multiaddr>, CliError> {
    let stored = store.get(RecordKind::Listening, b"")?;
    let texts: Vec<String> = stored.and_then(|b| codec::decode(&b).ok()).unwrap_or_default();
    let before: Vec<Multiaddr> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let choose = |wanted: &Multiaddr| {
        let same = before.iter().find(|b| is_open(wanted) && opened(b) == *wanted);
        same.unwrap_or(wanted).clone()
    };
    Ok(configured.iter().map(choose).collect())
}

/// Keeps where this node listens now.
pub(super) fn keep(store: &dyn Storage, now: &[Multiaddr]) -> Result<(), CliError> {
    let texts: Vec<String> = now.iter().take(MAX_KEPT).map(ToString::to_string).collect();
    store.put(RecordKind::Listening, b"", &codec::encode(&texts), Durability::Buffered)?;
    Ok(())
}

fn is_open(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(0) | Protocol::Udp(0)))
}

/// The address with port 0.
fn opened(address: &Multiaddr) -> Multiaddr {
    let open = |part| match part {
        Protocol::Tcp(_) => Protocol::Tcp(0),
        Protocol::Udp(_) => Protocol::Udp(0),
        other => other,
    };
    address.iter().map(open).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_port_that_was_left_open_stays_and_a_fixed_one_is_obeyed() {
        let store = lore_engine::MemoryStorage::new();
        let list = |texts: &[&str]| -> Vec<Multiaddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let open = list(&["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"]);
        assert_eq!(as_before(&store, &open).unwrap(), open, "nothing is known at first");
        let bound = list(&["/ip4/127.0.0.1/udp/5001/quic-v1", "/ip4/127.0.0.1/tcp/5002"]);
        keep(&store, &bound).unwrap();
        let again = list(&["/ip4/127.0.0.1/tcp/5002", "/ip4/127.0.0.1/udp/5001/quic-v1"]);
        assert_eq!(as_before(&store, &open).unwrap(), again);
        let fixed = list(&["/ip4/127.0.0.1/tcp/4730", "/ip4/0.0.0.0/tcp/0"]);
        assert_eq!(as_before(&store, &fixed).unwrap(), fixed);
    }
}
