//! `relay`: a public relay and bootstrap node.

use clap::Args;
use lore_control::{RelayLimits, RelayListening};

use super::Context;
use crate::error::CliError;
use crate::network::{
    Multiaddr, PeerAddress, Relay, RelayConfig, RelayCounters, relay_limits as limits,
};
use crate::stop::Stop;
use crate::{output, telemetry};

/// Configuration file of a relay's home, which holds its key and nothing else.
const CONFIG: &str =
    "# The home of a relay. `lore relay` takes its settings from the command line.\n";

#[derive(Debug, Args)]
pub(super) struct RelayArgs {
    /// Listen on this address; may be given more than once [default: port 4731 of all addresses, over QUIC and TCP].
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,
    /// Tell others this address of the relay, such as /ip4/203.0.113.7/tcp/4731; may be given more than once
    /// [default: the best of the addresses that it listens on].
    #[arg(long, value_name = "ADDRESS")]
    announce: Vec<String>,
    /// Let nodes find the records of this relay too, given as it printed itself; may be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    bootstrap: Vec<String>,
}

pub(super) fn relay(context: &Context, args: &RelayArgs) -> Result<(), CliError> {
    let home = &context.home;
    if home.store_path().exists() {
        let message = format!("{} is the home of a node", home.root().display());
        return Err(CliError::usage(message).help(
            "give the relay a home of its own with --home: it needs a key that is no member's",
        ));
    }
    let listen = if args.listen.is_empty() {
        addresses(&["/ip4/0.0.0.0/udp/4731/quic-v1".into(), "/ip4/0.0.0.0/tcp/4731".into()])?
    } else {
        addresses(&args.listen)?
    };
    let announce = addresses(&args.announce)?;
    let others = args.bootstrap.iter().map(|text| text.parse::<PeerAddress>());
    let others = others.collect::<Result<_, _>>().map_err(CliError::usage)?;
    let key = if home.is_initialised() { home.load_key()? } else { home.initialise(CONFIG)? };
    let lock = home.lock()?;
    telemetry::start("info", Some(&home.log_path()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    let json = context.json;
    let ended = runtime.block_on(async {
        let serve = async move {
            let mut stop = Stop::listen()?;
            let relay = Relay::start(RelayConfig { key: &key, listen, announce, others }).await?;
            say(&relay, json)?;
            relay.run(stop.asked(), told).await;
            Ok(())
        };
        tokio::spawn(serve).await.map_err(|error| crate::crash::ended(&error))?
    });
    drop(lock);
    ended
}

fn addresses(texts: &[String]) -> Result<Vec<Multiaddr>, CliError> {
    let one = |text: &String| {
        text.parse().map_err(|error| {
            CliError::usage(format!("`{text}` is not an address: {error}"))
                .help("write it like /ip4/0.0.0.0/tcp/4731")
        })
    };
    texts.iter().map(one).collect()
}

/// Logs what changed.
fn told(counters: RelayCounters) {
    tracing::info!(
        places = counters.places,
        circuits = counters.circuits,
        refused = counters.refused,
        records = counters.records,
        "serving"
    );
}

fn say(relay: &Relay, json: bool) -> Result<(), CliError> {
    let listening = RelayListening {
        addresses: relay.addresses().iter().map(ToString::to_string).collect(),
        limits: RelayLimits {
            places: limits::PLACES as u64,
            circuits: limits::CIRCUITS as u64,
            circuits_per_peer: limits::CIRCUITS_PER_PEER as u64,
            circuit_seconds: limits::CIRCUIT_SECONDS,
            circuit_bytes: limits::CIRCUIT_BYTES,
            records: limits::RECORDS as u64,
        },
    };
    output::result(&listening, json, |listening| {
        let limits = &listening.limits;
        let lines = listening.addresses.iter().map(|address| format!("  {address}\n"));
        format!(
            "this relay serves {} nodes and {} connections between them, each for at most {} minutes and {} MiB\n\
             its addresses, to give to others:\n{}they use one by `lore init --relay ADDRESS`, or under \
             `network.relays` in config.toml",
            limits.places,
            limits.circuits,
            limits.circuit_seconds / 60,
            limits.circuit_bytes / (1024 * 1024),
            lines.collect::<String>()
        )
    })
}
