//! A server over a generator that does what a test says.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::mpsc;
use std::time::Duration;

use lore_agent::model::{Dialect, Endpoint, HttpModel};
use lore_local_model::{Ask, Ended, Generated, Generator, LocalError, Step, serve};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longest wait for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) type Sink<'a> = &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>;
type Script = dyn FnMut(&Ask, Sink<'_>) -> Result<Generated, LocalError> + Send;

/// A generator without a model.
pub(crate) struct Scripted {
    window_tokens: u32,
    script: Box<Script>,
}

impl Generator for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn window_tokens(&self) -> u32 {
        self.window_tokens
    }

    fn generate(&mut self, ask: &Ask, sink: Sink<'_>) -> Result<Generated, LocalError> {
        (self.script)(ask, sink)
    }
}

/// A finished generation that wrote so many tokens.
pub(crate) fn generated(ended: Ended, reply_tokens: u32) -> Generated {
    Generated {
        ended,
        prompt_tokens: 11,
        cached_tokens: 4,
        reply_tokens,
        reading: Duration::from_millis(20),
        writing: Duration::from_millis(10),
    }
}

/// Says pieces, each one token, until it is told to stop.
pub(crate) fn say(pieces: &[&str], sink: Sink<'_>) -> Generated {
    for (said, piece) in (1..).zip(pieces) {
        if sink(Step::Text(piece)).is_break() {
            return generated(Ended::Cancelled, said);
        }
    }
    generated(Ended::Stop, u32::try_from(pieces.len()).unwrap() + 1)
}

/// Writes for ever, until it is told to stop, and then says so.
pub(crate) fn endless(sink: Sink<'_>, stopped: &mpsc::Sender<()>) -> Generated {
    let mut written = 0;
    while sink(Step::Text("")).is_continue() {
        written += 1;
        std::thread::yield_now();
    }
    stopped.send(()).unwrap();
    generated(Ended::Cancelled, written)
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), LocalError>>,
}

impl Running {
    pub(crate) async fn start(
        script: impl FnMut(&Ask, Sink<'_>) -> Result<Generated, LocalError> + Send + 'static,
    ) -> Self {
        let generator = Scripted { window_tokens: 512, script: Box::new(script) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { _ = stopped.await };
        let served = tokio::spawn(serve(listener, Box::new(generator), stopped));
        Self { address, stop, served }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The project's own client of it.
    pub(crate) fn model(&self) -> HttpModel {
        let endpoint = Endpoint::new(&self.url("/v1"), Dialect::OpenAiChat, "scripted").unwrap();
        HttpModel::new(endpoint).unwrap()
    }

    /// Asks for a completion; status and body.
    pub(crate) async fn post(&self, body: &Value) -> (u16, String) {
        post(&self.url("/v1/chat/completions"), body).await
    }

    /// Stops it, and gives how it ended.
    pub(crate) async fn stop(self) -> Result<(), LocalError> {
        let _ = self.stop.send(());
        tokio::time::timeout(SOON, self.served).await.expect("the server ends").unwrap()
    }
}

pub(crate) fn client() -> reqwest::Client {
    lore_agent::model::http_client(|| reqwest::Client::builder().no_proxy()).unwrap()
}

pub(crate) async fn post(url: &str, body: &Value) -> (u16, String) {
    let request = client().post(url).header("content-type", "application/json");
    let answer = request.body(body.to_string()).timeout(SOON).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The events of a stream.
pub(crate) fn events(stream: &str) -> Vec<String> {
    let events = stream.split_terminator("\n\n");
    events.map(|event| event.strip_prefix("data: ").expect(event).to_owned()).collect()
}
