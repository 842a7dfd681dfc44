//! One model behind HTTP.

use std::future::Future;
use std::pin::Pin;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout};

use super::anthropic_stream::AnthropicStream;
use super::body::{Body, describe, hung};
use super::chat_stream::ChatStream;
use super::classify::{Failure, retry_after};
use super::sse::Sse;
use super::{Delta, Dialect, Endpoint, EndpointError, ModelError, Reply, Request, anthropic, chat};

/// A model call under way; dropping it ends the call.
pub type ModelFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, ModelError>> + Send + 'a>>;

/// Something that answers requests.
pub trait Model: Send + Sync {
    /// Its name.
    fn name(&self) -> &str;

    /// Asks once; `sink` is given the pieces as they come. What a failed call gave must be forgotten.
    fn complete<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a>;
}

/// A model behind an [`Endpoint`].
#[derive(Debug)]
pub struct HttpModel {
    endpoint: Endpoint,
    http: reqwest::Client,
}

impl HttpModel {
    /// A client of `endpoint`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(endpoint: Endpoint) -> Result<Self, EndpointError> {
        let http = client(&endpoint)?;
        Ok(Self { endpoint, http })
    }

    /// The endpoint.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn ask(
        &self,
        request: &Request,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        let (path, body) = match self.endpoint.dialect {
            Dialect::OpenAiChat => ("/chat/completions", chat::body(&self.endpoint, request)),
            Dialect::Anthropic => ("/messages", anthropic::body(&self.endpoint, request)),
        };
        let body = body.map_err(|error| ModelError::malformed(error.to_string()))?;
        let http = self.http.post(self.endpoint.url(path)).body(body);
        let (head, body) = self.send(http).await?;
        let mut reply = match self.endpoint.dialect {
            Dialect::OpenAiChat => self.read(head, body, ChatStream::default(), sink).await,
            Dialect::Anthropic => self.read(head, body, AnthropicStream::default(), sink).await,
        }?;
        let written = reply.usage.map_or(0, |usage| usage.output);
        let cut = request.max_output_tokens.is_some_and(|most| written >= u64::from(most));
        // Ollama says "stop" whatever happened.
        if cut && reply.finish == super::Finish::Stop {
            reply.finish = super::Finish::Length;
        }
        if !reply.calls.is_empty() && reply.finish != super::Finish::Length {
            reply.finish = super::Finish::Calls;
        }
        Ok(reply)
    }

    /// Sends a request; its answer's status is a success.
    pub(super) async fn send(
        &self,
        http: reqwest::RequestBuilder,
    ) -> Result<(HeaderMap, Body), ModelError> {
        let patience = self.endpoint.patience;
        let sent = Instant::now();
        let answer = timeout(patience.first_byte, http.send())
            .await
            .map_err(|_| hung(patience.first_byte, "waiting for an answer"))?;
        let response = answer.map_err(|error| {
            let connecting = error.is_connect();
            if connecting && self.endpoint.is_loopback() && is_refused(&error) {
                return ModelError::NothingListens { url: self.endpoint.base().to_owned() };
            }
            let message = self.endpoint.clean(&describe(error));
            if connecting { ModelError::Unreachable { message } } else { ModelError::cut(message) }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Body::new(response, patience, sent);
        if status.is_success() {
            return Ok((headers, body));
        }
        if status.is_redirection() {
            let message = "it redirects, which is not followed: the key would go along".to_owned();
            return Err(ModelError::Refused { status: status.as_u16(), message });
        }
        let failure = Failure {
            status: status.as_u16(),
            retry_after: retry_after(&headers, jiff::Timestamp::now().as_second()),
            body: &body.error_text().await,
        };
        Err(failure.classify(&self.endpoint))
    }

    pub(super) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    async fn read<D: Decoder>(
        &self,
        head: HeaderMap,
        mut body: Body,
        mut decoder: D,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        let kind = head.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        // A server that does not stream, or an error with status 200.
        if kind.starts_with("application/json") {
            let text = body.text().await?;
            self.check(&text)?;
            return decoder.whole(&text, sink);
        }
        let web_page = || ModelError::WebPage { url: self.endpoint.base().to_owned() };
        if kind.starts_with("text/html") {
            return Err(web_page());
        }
        let (mut sse, mut is_first) = (Sse::default(), true);
        while let Some(chunk) = body.chunk().await? {
            if std::mem::take(&mut is_first) && is_markup(&chunk) {
                return Err(web_page());
            }
            sse.push(&chunk, |data| {
                self.check(data)?;
                decoder.event(data, sink)
            })?;
            // Some servers keep the connection open after the last event.
            if decoder.is_done() {
                return decoder.finish();
            }
        }
        if sse.is_cut() {
            return Err(ModelError::cut("it ended within an event"));
        }
        decoder.finish()
    }

    /// An error in the guise of a success.
    fn check(&self, data: &str) -> Result<(), ModelError> {
        #[derive(serde::Deserialize)]
        struct MayFail {
            #[serde(default)]
            error: Option<IgnoredAny>,
        }
        // Only looks; what is not JSON is the decoder's business.
        match serde_json::from_str::<MayFail>(data) {
            Ok(MayFail { error: Some(_) }) => {
                let failure = Failure { status: 200, retry_after: None, body: data };
                Err(failure.classify(&self.endpoint))
            }
            _ => Ok(()),
        }
    }
}

/// Returns true when the other side refused the connection.
fn is_refused(error: &reqwest::Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |cause| cause.source());
    causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

/// Returns true when a body begins as HTML does; no event of a stream begins with `<`.
fn is_markup(chunk: &[u8]) -> bool {
    chunk.trim_ascii_start().starts_with(b"<")
}

impl Model for HttpModel {
    fn name(&self) -> &str {
        self.endpoint.model()
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        Box::pin(self.ask(request, sink))
    }
}

/// Puts a reply together from the pieces of one protocol.
pub(super) trait Decoder {
    /// Takes the data of one event.
    fn event(
        &mut self,
        data: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<(), ModelError>;

    /// Returns true when nothing more is to come.
    fn is_done(&self) -> bool;

    /// The reply, when the stream was whole.
    fn finish(self) -> Result<Reply, ModelError>;

    /// Reads an answer that was not streamed.
    fn whole(
        self,
        body: &str,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError>;
}

/// The HTTP client: no redirects (`x-api-key` would go along), and no proxy towards loopback.
fn client(endpoint: &Endpoint) -> Result<reqwest::Client, EndpointError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if endpoint.dialect == Dialect::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = &endpoint.key {
        let (name, value) = match endpoint.dialect {
            Dialect::OpenAiChat => ("authorization", format!("Bearer {}", key.expose_secret())),
            Dialect::Anthropic => ("x-api-key", key.expose_secret().to_owned()),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| EndpointError::Key)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let builder = || {
        let builder = reqwest::Client::builder()
            .connect_timeout(endpoint.patience.connect)
            .redirect(Policy::none())
            .default_headers(headers.clone());
        if endpoint.is_loopback() { builder.no_proxy() } else { builder }
    };
    http_client(builder)
}

/// An HTTP client; with Mozilla's roots where the system has no certificates, as in small containers.
///
/// # Errors
/// When it cannot be made with them either.
pub fn http_client(
    builder: impl Fn() -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, EndpointError> {
    crate::http::client(builder).map_err(|error| EndpointError::Client(describe(error)))
}
