//! Setting the network up: transports, behaviours, listeners.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, Swarm, SwarmBuilder, TransportError, noise, tcp, yamux};
use lore_protocol::identity::Signer as _;
use tokio::sync::mpsc;

use super::behaviour::Behaviour;
use super::config::NetworkConfig;
use super::event::NetworkEvent;
use super::handle::{NetworkHandle, Shared, View};
use super::meter::Meter;
use super::peer::keypair_of;
use super::redial::Redial;
use super::task::Task;
use super::{NetworkError, limits};

/// Commands that wait for the task.
const COMMANDS_WAITING: usize = 64;
/// Longest time that the system may take to open a listener.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections are kept while both sides live: probes find the dead ones, limits bound the rest.
const IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The way into the network.
pub struct Network;

impl Network {
    /// Starts the network on the current tokio runtime and returns when every address is
    /// listened on. It ends when the last handle is dropped.
    ///
    /// # Errors
    /// [`NetworkError::PortInUse`], [`NetworkError::Listen`], [`NetworkError::TooManyPeers`],
    /// [`NetworkError::Setup`].
    pub async fn start(
        config: NetworkConfig<'_>,
    ) -> Result<(NetworkHandle, mpsc::Receiver<NetworkEvent>), NetworkError> {
        let (mut swarm, meter) = swarm_of(&config)?;
        let mut listeners = HashMap::new();
        for address in &config.listen {
            probe_tcp(address)?;
            let listener =
                swarm.listen_on(address.clone()).map_err(|error| listen_error(address, error))?;
            listeners.insert(listener, address.clone());
        }
        let addresses = listening(&mut swarm, listeners).await?;

        let mut redial = Redial::default();
        let infrastructure = config.relays.iter().chain(&config.bootstrap);
        for peer in config.peers.iter().chain(infrastructure) {
            if !redial.want(Instant::now(), peer.peer, peer.address.clone()) {
                return Err(NetworkError::TooManyPeers(limits::WANTED_PEERS));
            }
        }
        let shared = Arc::new(Shared {
            view: Mutex::new(View::default()),
            meter,
            requests_in_flight: AtomicU64::new(0),
            next_request: AtomicU64::new(1),
            local: config.key.public_key(),
        });
        let (commands, inbox) = mpsc::channel(COMMANDS_WAITING);
        let (events, reader) = mpsc::channel(limits::EVENTS_WAITING);
        let mut task = Task::new(swarm, inbox, events, Arc::clone(&shared), redial, config)?;
        for address in addresses {
            task.listening(address);
        }
        tokio::spawn(task.run());
        Ok((NetworkHandle { commands, shared }, reader))
    }
}

fn swarm_of(config: &NetworkConfig<'_>) -> Result<(Swarm<Behaviour>, Meter), NetworkError> {
    let setup = |error: &dyn std::fmt::Display| NetworkError::Setup(error.to_string());
    let mut registry = libp2p::metrics::Registry::default();
    let swarm = SwarmBuilder::with_existing_identity(keypair_of(config.key)?)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| setup(&error))?
        .with_quic()
        .with_dns()
        .map_err(|error| setup(&error))?
        .with_relay_client(noise::Config::new, yamux::Config::default)
        .map_err(|error| setup(&error))?
        .with_bandwidth_metrics(&mut registry)
        .with_behaviour(|key, relays| Behaviour::new(key, relays, config).map_err(Box::from))
        .map_err(|error| setup(&error))?
        .with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE_TIMEOUT))
        .build();
    Ok((swarm, Meter::new(registry)))
}

/// libp2p opens TCP listeners with `SO_REUSEPORT`, so that two nodes of one user would share a
/// port in silence and each get half of the connections. A plain listener is refused then.
pub(super) fn probe_tcp(address: &Multiaddr) -> Result<(), NetworkError> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => ip.into(),
        Some(Protocol::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    let port = match parts.next() {
        Some(Protocol::Tcp(port)) if port != 0 => port,
        _ => return Ok(()),
    };
    match TcpListener::bind(SocketAddr::new(ip, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(io_listen_error(address, &error)),
    }
}

fn io_listen_error(address: &Multiaddr, error: &io::Error) -> NetworkError {
    if error.kind() == io::ErrorKind::AddrInUse {
        return NetworkError::PortInUse { address: address.to_string() };
    }
    NetworkError::Listen { address: address.to_string(), why: error.to_string() }
}

pub(super) fn listen_error(address: &Multiaddr, error: TransportError<io::Error>) -> NetworkError {
    match error {
        TransportError::MultiaddrNotSupported(_) => NetworkError::Listen {
            address: address.to_string(),
            why: "only /ip4|ip6/../tcp/.. and /ip4|ip6/../udp/../quic-v1 can be listened on".into(),
        },
        TransportError::Other(error) => {
            // QUIC wraps the socket's error in its own errors.
            let in_use = error.kind() == io::ErrorKind::AddrInUse
                || error.to_string().to_lowercase().contains("in use");
            if in_use {
                return NetworkError::PortInUse { address: address.to_string() };
            }
            io_listen_error(address, &error)
        }
    }
}

/// Waits until every listener has said where it listens.
pub(super) async fn listening<B: NetworkBehaviour>(
    swarm: &mut Swarm<B>,
    mut waiting: HashMap<ListenerId, Multiaddr>,
) -> Result<Vec<Multiaddr>, NetworkError> {
    let deadline = tokio::time::Instant::now() + LISTEN_TIMEOUT;
    let mut addresses = Vec::new();
    while let Some(slow) = waiting.values().next() {
        let event =
            tokio::time::timeout_at(deadline, swarm.select_next_some()).await.map_err(|_| {
                NetworkError::Listen {
                    address: slow.to_string(),
                    why: format!("the system did not open it in {LISTEN_TIMEOUT:?}"),
                }
            })?;
        match event {
            SwarmEvent::NewListenAddr { listener_id, address } => {
                waiting.remove(&listener_id);
                addresses.push(address);
            }
            SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. }
            | SwarmEvent::ListenerError { listener_id, error } => {
                if let Some(address) = waiting.get(&listener_id) {
                    return Err(io_listen_error(address, &error));
                }
            }
            // A peer that connects within these milliseconds is refused nothing: the connection
            // is up, and only its event is missed, so close it and let it come again.
            SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                swarm.close_connection(connection_id);
            }
            _ => {}
        }
    }
    Ok(addresses)
}
