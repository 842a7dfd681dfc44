//! A public relay: lets nodes that cannot be reached be reached, says to nodes whether they can, and keeps
//! records of where nodes are. It takes part in no federation and reads nothing that it passes on.

mod behaviour;
mod records;
mod task;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, noise, tcp, yamux};
use lore_protocol::identity::{SecretKey, Signer as _};

use super::address::{self, Place};
use super::peer::{PeerAddress, keypair_of};
use super::start::{listen_error, listening, probe_tcp};
use super::{MAX_RELAYS, NetworkError};
use behaviour::Behaviour;
use task::Task;

/// Bounds of a relay, in counts, bytes and seconds.
pub mod limits {
    /// Connections at once.
    pub const CONNECTIONS: u32 = 2_048;
    /// Connections of one address at once.
    pub const CONNECTIONS_PER_ADDRESS: usize = 128;
    /// Nodes that hold a place at once.
    pub const PLACES: usize = 1_024;
    /// Seconds that a place stands before it is asked for again.
    pub const PLACE_SECONDS: u64 = 3_600;
    /// Connections through the relay at once.
    pub const CIRCUITS: usize = 512;
    /// Connections through the relay of one node at once.
    pub const CIRCUITS_PER_PEER: usize = 32;
    /// Seconds that a connection through the relay may last.
    pub const CIRCUIT_SECONDS: u64 = 3_600;
    /// Bytes that a connection through the relay may carry, each way.
    pub const CIRCUIT_BYTES: u64 = 256 * 1024 * 1024;
    /// Records of where nodes are.
    pub const RECORDS: usize = 8_192;
    /// Records from one address.
    pub const RECORDS_PER_ADDRESS: usize = 128;
    /// Seconds that a connection without a place may stay.
    pub const VISIT_SECONDS: u64 = 600;
}

/// Time in which the system names its addresses.
const GATHER: Duration = Duration::from_millis(500);
/// Time after which a node that does not answer cannot be reached. Who asks whether it can waits 10 seconds.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Configuration of a relay.
pub struct RelayConfig<'a> {
    /// The relay's key.
    pub key: &'a SecretKey,
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Addresses that others are told; when empty, the best of those that it listens on.
    pub announce: Vec<Multiaddr>,
    /// Other relays, whose records are found through this one too. At most [`MAX_RELAYS`].
    pub others: Vec<PeerAddress>,
}

/// What a relay did since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayCounters {
    /// Nodes that hold a place now.
    pub places: usize,
    /// Connections that were made through it.
    pub circuits: u64,
    /// Connections through it that were refused.
    pub refused: u64,
    /// Records that it took.
    pub records: u64,
}

/// A relay that listens.
pub struct Relay {
    task: Task,
    addresses: Vec<PeerAddress>,
}

impl Relay {
    /// Starts to listen, on the current tokio runtime. [`Relay::run`] serves.
    ///
    /// # Errors
    /// [`NetworkError::PortInUse`], [`NetworkError::Listen`], [`NetworkError::TooManyPeers`],
    /// [`NetworkError::Setup`].
    pub async fn start(config: RelayConfig<'_>) -> Result<Self, NetworkError> {
        if config.others.len() > MAX_RELAYS {
            return Err(NetworkError::TooManyPeers(MAX_RELAYS));
        }
        let mut swarm = swarm_of(&config)?;
        let mut listeners = HashMap::new();
        for address in &config.listen {
            probe_tcp(address)?;
            let listener =
                swarm.listen_on(address.clone()).map_err(|error| listen_error(address, error))?;
            listeners.insert(listener, address.clone());
        }
        let mut bound = listening(&mut swarm, listeners).await?;
        gather(&mut swarm, &mut bound).await;
        let announced = if config.announce.is_empty() { best(bound) } else { config.announce };
        let mut addresses = Vec::new();
        for address in announced {
            swarm.add_external_address(address.clone());
            addresses.push(PeerAddress::new(address, config.key.public_key())?);
        }
        Ok(Self { task: Task::new(swarm), addresses })
    }

    /// Addresses to give to others, each with the relay's key.
    #[must_use]
    pub fn addresses(&self) -> &[PeerAddress] {
        &self.addresses
    }

    /// Serves until `stop` ends; `tell` is given the counters now and then, when they changed.
    pub async fn run(self, stop: impl Future<Output = ()>, tell: impl FnMut(RelayCounters)) {
        self.task.run(stop, tell).await;
    }
}

/// Takes in further addresses: a listener on all of them tells them one by one.
async fn gather(swarm: &mut Swarm<Behaviour>, bound: &mut Vec<Multiaddr>) {
    let take = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => bound.push(address),
                // Its event is missed: it may come again.
                SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                    swarm.close_connection(connection_id);
                }
                _ => {}
            }
        }
    };
    let _: Result<(), _> = tokio::time::timeout(GATHER, take).await;
}

/// Public addresses where there are any, else those of the LAN, else loopback.
fn best(bound: Vec<Multiaddr>) -> Vec<Multiaddr> {
    let told = address::told(bound);
    let first = told.first().and_then(Place::of);
    told.into_iter().filter(|one| Place::of(one) == first).collect()
}

fn swarm_of(config: &RelayConfig<'_>) -> Result<Swarm<Behaviour>, NetworkError> {
    let setup = |error: &dyn std::fmt::Display| NetworkError::Setup(error.to_string());
    Ok(SwarmBuilder::with_existing_identity(keypair_of(config.key)?)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| setup(&error))?
        .with_quic()
        .with_dns()
        .map_err(|error| setup(&error))?
        .with_behaviour(|key| Behaviour::new(key, &config.others))
        .map_err(|error| setup(&error))?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(task::VISIT))
        .with_connection_timeout(DIAL_TIMEOUT)
        .build())
}

#[cfg(test)]
mod tests;
