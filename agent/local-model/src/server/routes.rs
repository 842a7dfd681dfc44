//! Routes: the answer to each request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::LocalError;
use super::answer::{Completion, models};
use super::ask::{self, Asked};
use super::body::{Answer, Events};
use super::queue::{Queue, Told};
use super::refusal::Refusal;

/// Largest request, in bytes: far more than any window holds.
const MAX_BODY_BYTES: usize = 8 << 20;
/// For a request's body.
const BODY_PATIENCE: Duration = Duration::from_secs(60);

/// The model that is served.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) name: String,
    pub(super) window_tokens: u32,
    pub(super) queue: Queue,
}

/// Answers a request.
pub(super) async fn answer(served: &Served, request: Request<Incoming>) -> Response<Answer> {
    match route(served, request).await {
        Ok(response) => response,
        Err(refusal) => {
            let mut response = json(refusal.status, &refusal.body());
            if refusal.status == 503 {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            response
        }
    }
}

async fn route(served: &Served, request: Request<Incoming>) -> Result<Response<Answer>, Refusal> {
    if !is_ours(request.headers()) {
        return Err(Refusal::new(403, "permission_error", "this server is for 127.0.0.1 only"));
    }
    let path = request.uri().path().trim_end_matches('/').to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/health" | "/v1/health") => Ok(json(200, &json!({ "status": "ok" }))),
        (&Method::GET, "/models" | "/v1/models") => {
            Ok(json(200, &models(&served.name, served.window_tokens)))
        }
        (&Method::POST, "/chat/completions" | "/v1/chat/completions") => {
            complete(served, ask::read(&body(request).await?)?).await
        }
        (method, "/chat/completions" | "/v1/chat/completions") => {
            let message = format!("{method} is not served here; POST a request");
            Err(Refusal::new(405, "invalid_request_error", message))
        }
        (_, path) => {
            let message = format!(
                "there is no {path}; served are /v1/chat/completions, /v1/models and /health"
            );
            Err(Refusal::new(404, "not_found_error", message))
        }
    }
}

/// Returns true when the client knows this server under a name of this machine. Browsers always send one.
fn is_ours(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let host = host.to_str().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
    });
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let message = "send JSON, with `content-type: application/json`";
        return Err(Refusal::new(415, "invalid_request_error", message));
    }
    let limited = Limited::new(request.into_body(), MAX_BODY_BYTES).collect();
    match timeout(BODY_PATIENCE, limited).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the request has more than {MAX_BODY_BYTES} bytes");
            Err(Refusal::new(413, "request_too_large", message))
        }
        Ok(Err(error)) => Err(Refusal::bad(format!("the request broke off: {error}"))),
        Err(_) => Err(Refusal::new(408, "timeout_error", "the request did not come to its end")),
    }
}

async fn complete(served: &Served, asked: Asked) -> Result<Response<Answer>, Refusal> {
    let Some(mut told) = served.queue.ask(asked.ask) else {
        let message = "too many requests wait already; try again later";
        return Err(Refusal::new(503, "unavailable_error", message));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let completion = Completion {
        id: format!("chatcmpl-{:x}", now.as_nanos()),
        created: now.as_secs(),
        model: served.name.clone(),
    };
    // The status is known when the first word is.
    let mut word = told.recv().await;
    if asked.stream {
        let first = word.ok_or_else(broken)?;
        if let Told::Failed(error) = &first {
            return Err(Refusal::from(error));
        }
        let events = Events::new(completion, asked.usage, first, told);
        return Ok(response(200, "text/event-stream", Either::Right(events)));
    }
    let mut text = String::new();
    loop {
        match word.ok_or_else(broken)? {
            Told::Text(piece) => text.push_str(&piece),
            Told::Done(generated) => return Ok(json(200, &completion.whole(&text, &generated))),
            Told::Failed(error) => return Err(Refusal::from(&error)),
        }
        word = told.recv().await;
    }
}

fn broken() -> Refusal {
    Refusal::from(&LocalError::Broken)
}

fn json(status: u16, body: &Value) -> Response<Answer> {
    let body = Full::new(Bytes::from(body.to_string()));
    response(status, "application/json", Either::Left(body))
}

fn response(status: u16, kind: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
