//! OpenAI-compatible chat completions on loopback, for one model, one question at a time.
//!
//! The others wait in a bounded queue; past it, 503. Nobody is trusted more than a local port deserves:
//! requests are bounded in size and time, another host's name is refused (a web page that got its name
//! resolved to loopback), and so is a body that is not declared as JSON (what a web page may send without
//! being asked). A client that goes away ends its generation.

mod answer;
mod ask;
mod body;
mod queue;
mod refusal;
mod routes;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::queue::Queue;
use self::routes::{Served, answer};
use super::{Generator, LocalError};

/// Connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// For the head of a request, also while a connection waits for its next one.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// For telling the clients that the model broke down.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Before accepting again when the system has no more descriptors.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Serves `generator` at `listener`, which must be bound to loopback, until `stop` is ready. Then the
/// generation under way is ended, not waited for.
///
/// # Errors
/// [`LocalError::Listen`] without a thread to compute on, [`LocalError::Broken`] when the generator
/// panicked.
pub async fn serve(
    listener: TcpListener,
    generator: Box<dyn Generator>,
    stop: impl Future<Output = ()>,
) -> Result<(), LocalError> {
    let (name, window_tokens) = (generator.name().to_owned(), generator.window_tokens());
    let (queue, worker) = Queue::start(generator).map_err(LocalError::Listen)?;
    let served = Arc::new(Served { name, window_tokens, queue });
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let broken = loop {
        tokio::select! {
            () = &mut stop => break false,
            () = served.queue.broken() => break true,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                    let served = Arc::clone(&served);
                    let service = service_fn(move |request| {
                        let served = Arc::clone(&served);
                        async move { Ok::<_, Infallible>(answer(&served, request).await) }
                    });
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
                    connections.spawn(http.serve_connection(TokioIo::new(stream), service));
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(NO_DESCRIPTORS).await,
            },
        }
    };
    if broken {
        let all = async { while connections.join_next().await.is_some() {} };
        // Who keeps the connection open has had the answer by then.
        let _ = timeout(LAST_WORDS, all).await;
    }
    // With the connections go the receivers of what is generated, and so the generation.
    connections.shutdown().await;
    drop(served);
    match tokio::task::spawn_blocking(|| worker.join()).await {
        Ok(Ok(())) if !broken => Ok(()),
        _ => Err(LocalError::Broken),
    }
}
