//! A model as an OpenAI-compatible server on loopback.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::unfold;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::wire::{self, Asked};
use crate::model::{Delta, Model, ModelError, Request};

/// Largest request, in bytes.
const BODY_BYTES: usize = 16 << 20;

/// Events that wait for a slow client.
const EVENTS: usize = 64;

struct Served {
    model: Arc<dyn Model>,
    window_tokens: usize,
}

/// Serves `model` at `listener` until `stop` is done. Who binds the listener decides who can reach it:
/// there is no key.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    model: Arc<dyn Model>,
    window_tokens: usize,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(Arc::new(Served { model, window_tokens }));
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn models(State(served): State<Arc<Served>>) -> Json<Value> {
    let entry = json!({
        "id": served.model.name(),
        "object": "model",
        "owned_by": "local",
        "max_model_len": served.window_tokens,
    });
    Json(json!({"object": "list", "data": [entry]}))
}

async fn complete(State(served): State<Arc<Served>>, body: Bytes) -> Response {
    let asked = serde_json::from_slice::<Asked>(&body).map_err(|error| error.to_string());
    let (streamed, request) = match asked.and_then(|asked| Ok((asked.stream, asked.request()?))) {
        Ok(asked) => asked,
        Err(why) => return (StatusCode::BAD_REQUEST, Json(wire::bad(&why))).into_response(),
    };
    if streamed {
        return stream(served, request).await;
    }
    match served.model.complete(&request, &mut |_| {}).await {
        Ok(reply) => Json(wire::whole(served.model.name(), &reply)).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &ModelError) -> Response {
    let (status, body) = wire::failure(error);
    with_status(status, body)
}

fn with_status(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

/// What is to be sent.
enum Part {
    Event(Value),
    Failed(u16, Value),
}

/// Events as they come. A failure before the first has its status, a later one is an event.
async fn stream(served: Arc<Served>, request: Request) -> Response {
    let (sender, mut receiver) = mpsc::channel::<Part>(EVENTS);
    tokio::spawn(async move {
        let name = served.model.name();
        let mut pending = String::new();
        let mut sink = |delta: Delta<'_>| {
            if let Delta::Text(text) = delta {
                pending.push_str(text);
                // A slow client gets larger pieces, and nothing is lost.
                if let Ok(permit) = sender.try_reserve() {
                    permit.send(Part::Event(wire::piece(name, &std::mem::take(&mut pending))));
                }
            }
        };
        let reply = tokio::select! {
            reply = served.model.complete(&request, &mut sink) => reply,
            // The client is gone: what is dropped here ends the computing.
            () = sender.closed() => return,
        };
        let parts = match &reply {
            Ok(reply) => {
                let held = (!pending.is_empty()).then(|| wire::piece(name, &pending));
                held.into_iter().chain(wire::last(name, reply)).map(Part::Event).collect()
            }
            Err(error) => {
                let (status, body) = wire::failure(error);
                vec![Part::Failed(status, body)]
            }
        };
        for part in parts {
            let _ = sender.send(part).await;
        }
    });
    let first = match receiver.recv().await {
        Some(Part::Event(first)) => first,
        Some(Part::Failed(status, body)) => return with_status(status, body),
        None => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let events = unfold(Some((Some(first), receiver)), |state| async {
        let (first, mut receiver) = state?;
        let event = |text: &str| Ok::<_, Infallible>(Event::default().data(text));
        let next = match first {
            Some(first) => Some(Part::Event(first)),
            None => receiver.recv().await,
        };
        Some(match next {
            Some(Part::Event(value) | Part::Failed(_, value)) => {
                (event(&value.to_string()), Some((None, receiver)))
            }
            None => (event("[DONE]"), None),
        })
    });
    Sse::new(events).into_response()
}
