//! `init`.

use std::time::Duration;

use serde_json::json;

use super::Context;
use super::args::InitArgs;
use crate::config::Config;
use crate::error::CliError;
use crate::network::{MAX_RELAYS, PeerAddress};
use crate::output;
use crate::store::Store;
use lore_protocol::identity::Signer as _;

pub(super) fn init(context: &Context, args: &InitArgs) -> Result<(), CliError> {
    let mut config = Config::default();
    if let Some(name) = &args.name {
        config.name.clone_from(name);
    }
    let loopback = ["/ip4/127.0.0.1/tcp/0".to_owned(), "/ip4/127.0.0.1/udp/0/quic-v1".to_owned()];
    let listen: &[String] = if args.loopback { &loopback } else { &args.listen };
    if !listen.is_empty() {
        config.listen = listen
            .iter()
            .map(|text| {
                text.parse().map_err(|error| {
                    CliError::usage(format!("`{text}` is not an address to listen on: {error}"))
                        .help("write it like /ip4/0.0.0.0/tcp/4001")
                })
            })
            .collect::<Result<_, _>>()?;
    }
    if let Some(seconds) = args.sync_seconds {
        config.sync_interval = Duration::from_secs(seconds.max(1));
    }
    let relays = args.relay.iter().map(|text| text.parse::<PeerAddress>());
    config.network.relays = relays.collect::<Result<_, _>>().map_err(|error| {
        CliError::usage(error)
            .help("give a relay as `lore relay` printed it, with /p2p/ at its end")
    })?;
    if config.network.relays.len() > MAX_RELAYS {
        return Err(CliError::usage(format!("--relay is given more than {MAX_RELAYS} times")));
    }
    let key = context.home.initialise(&config.to_toml())?;
    Store::open_or_create(&context.home.store_path())?;
    let value = json!({ "home": context.home.root(), "key": key.public_key() });
    output::result(&value, context.json, |_| {
        format!(
            "made a node in {}\nits key is {}\nnext: lore run --detach",
            context.home.root().display(),
            key.public_key()
        )
    })
}
