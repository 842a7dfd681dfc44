//! A file as a model that the loop can ask.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_transformers::generation::Sampling;
use tokio::sync::mpsc;

use super::chatml;
use super::engine::Engine;
use super::split::Split;
use crate::model::{Delta, Finish, Model, ModelError, ModelFuture, Reply, Request, Usage, random};

/// Pieces that wait for the reader.
const PIECES: usize = 64;

/// The temperature when a request names none, in thousandths: the model's own default.
const TEMPERATURE_MILLI: u16 = 700;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read, or is not a model of this family.
    #[error("{path} cannot be loaded: {why}; it must be a GGUF file of the qwen2 family")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The threads cannot be made.
    #[error("the computing threads cannot be made: {0}")]
    Threads(String),
}

/// A model in this process. It answers one request at a time; others wait.
pub struct LocalModel {
    name: String,
    window_tokens: usize,
    engine: Arc<Mutex<Engine>>,
    threads: Arc<rayon::ThreadPool>,
}

impl LocalModel {
    /// Loads a GGUF file. `window_tokens` bounds prompt and reply together: memory for attention grows
    /// with its square.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        path: &Path,
        name: &str,
        window_tokens: u32,
        threads: u16,
    ) -> Result<Self, LoadError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads.max(1)))
            .build()
            .map_err(|error| LoadError::Threads(error.to_string()))?;
        let engine = threads.install(|| Engine::load(path)).map_err(|error| LoadError::File {
            path: path.display().to_string(),
            why: error.to_string(),
        })?;
        let window_tokens = (window_tokens as usize).min(engine.trained_tokens);
        Ok(Self {
            name: name.to_owned(),
            window_tokens,
            engine: Arc::new(Mutex::new(engine)),
            threads: Arc::new(threads),
        })
    }

    /// Most tokens of a prompt and its reply together.
    #[must_use]
    pub const fn window_tokens(&self) -> usize {
        self.window_tokens
    }

    async fn answer(
        &self,
        request: &Request,
        sink: &mut (dyn FnMut(Delta<'_>) + Send),
    ) -> Result<Reply, ModelError> {
        let pieces = chatml::prompt(request);
        let most = request.max_output_tokens.map(|most| most as usize);
        let temperature = request.temperature_milli.unwrap_or(TEMPERATURE_MILLI);
        let sampling = match temperature {
            0 => Sampling::ArgMax,
            milli => Sampling::All { temperature: f64::from(milli) / 1000.0 },
        };
        let (sender, mut receiver) = mpsc::channel::<String>(PIECES);
        let (engine, threads) = (Arc::clone(&self.engine), Arc::clone(&self.threads));
        let window = self.window_tokens;
        let work = tokio::task::spawn_blocking(move || {
            threads.install(|| {
                // A panic amid a reply leaves only a cache that the next prompt begins anew.
                let mut engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
                let prompt = engine.encode(&pieces).map_err(broken)?;
                let room = window.saturating_sub(prompt.len());
                if room == 0 {
                    return Err(ModelError::Overflow {
                        used: Some(prompt.len() as u64),
                        window: Some(window as u64),
                        message: format!("{} tokens", prompt.len()),
                    });
                }
                let most = most.unwrap_or(room).min(room);
                // Nobody listens any more when the caller gave up.
                let tell = |piece: &str| sender.blocking_send(piece.to_owned()).is_ok();
                let (written, ended) =
                    engine.write(&prompt, most, sampling, random(), tell).map_err(broken)?;
                Ok((prompt.len() as u64, written as u64, ended))
            })
        });
        let mut split = Split::default();
        while let Some(piece) = receiver.recv().await {
            let words = split.push(&piece);
            if !words.is_empty() {
                sink(Delta::Text(words));
            }
        }
        let done = work.await.map_err(|error| ModelError::cut(error.to_string()))?;
        let (input, output, ended) = done?;
        let (held, text, calls) = split.finish();
        if !held.is_empty() {
            sink(Delta::Text(&held));
        }
        for call in &calls {
            sink(Delta::CallStarted(&call.name));
        }
        let finish = match (ended, calls.is_empty()) {
            (false, _) => Finish::Length,
            (true, true) => Finish::Stop,
            (true, false) => Finish::Calls,
        };
        let usage = Some(Usage { input, cached: 0, output });
        Ok(Reply { text, calls, finish, usage, model: Some(self.name.clone()), opaque: Vec::new() })
    }
}

/// The same request would fail the same way.
fn broken(error: candle_core::Error) -> ModelError {
    ModelError::Refused { status: 500, message: error.to_string() }
}

impl Model for LocalModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        sink: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        Box::pin(self.answer(request, sink))
    }
}
