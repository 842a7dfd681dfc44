//! A model file that this program computes and serves itself, in a separate process.
//!
//! Only with the feature `local-llm`. It is a process like every other runtime's: it can be killed
//! without harm, and the library that computes takes its number of threads from its environment.

use std::path::PathBuf;

use clap::Args;

use crate::error::CliError;

/// Arguments of the process that `lore model serve --embedded` starts.
#[derive(Debug, Args)]
#[cfg_attr(
    not(feature = "local-llm"),
    allow(dead_code, reason = "without the feature nothing is served, whatever is asked")
)]
pub(crate) struct EmbeddedArgs {
    /// The model's name towards clients.
    #[arg(long)]
    name: String,
    /// The GGUF file.
    #[arg(long)]
    file: PathBuf,
    /// Port on 127.0.0.1; 0 lets the system choose.
    #[arg(long)]
    port: u16,
    /// Tokens of the context window.
    #[arg(long)]
    window: u32,
}

/// Checks that this program can compute a model.
///
/// # Errors
/// Fails when it was built without the feature, with how to build it.
pub(crate) fn is_built_in() -> Result<(), CliError> {
    if cfg!(feature = "local-llm") {
        return Ok(());
    }
    let message =
        "this lore was built without the feature `local-llm`, so it cannot compute a model";
    Err(CliError::usage(message).kind("no_embedded").help(
        "in the sources, run `cargo install --path node --features local-llm`; without it, \
         `lore model serve NAME` uses llama.cpp",
    ))
}

/// Loads a model, tells its address as the first line, and serves until standard input ends.
///
/// # Errors
/// Fails when the file cannot be used, the port is taken, or the computation breaks down.
#[cfg(not(feature = "local-llm"))]
pub(crate) fn serve_embedded(_: &EmbeddedArgs) -> Result<(), CliError> {
    is_built_in()
}

/// Loads a model, tells its address as the first line, and serves until standard input ends.
///
/// # Errors
/// Fails when the file cannot be used, the port is taken, or the computation breaks down.
#[cfg(feature = "local-llm")]
pub(crate) fn serve_embedded(args: &EmbeddedArgs) -> Result<(), CliError> {
    use std::io;
    use std::net::Ipv4Addr;

    use lore_local_model::{LocalError, LocalModel, serve};
    use serde_json::json;
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use crate::output;
    use crate::stop::Stop;

    let failed = |error: LocalError| CliError::failed("local_model", error);
    let model = LocalModel::load(&args.file, &args.name, args.window).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed("runtime", error))?;
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let no_port = |error: io::Error| CliError::failed("no_port", error);
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let address = json!({ "address": format!("http://{address}") });
        output::result(&address, true, |_| String::new())?;
        let (end, parent_ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            // However it ends, the holder of the other end is gone.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            drop(end);
        });
        let stopped = async {
            tokio::select! {
                () = stop.asked() => {}
                _ = parent_ended => {}
            }
        };
        serve(listener, Box::new(model), stopped).await.map_err(failed)
    })
}
