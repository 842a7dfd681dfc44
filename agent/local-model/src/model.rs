//! A model file in memory, and its answers.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use candle_core::quantized::gguf_file::Content;

use super::chat::render;
use super::qwen2::Qwen2;
use super::sample::Sampler;
use super::utf8::Utf8Pieces;
use super::vocabulary::Vocabulary;
use super::{Ask, Ended, Generated, Generator, LocalError, Step};

/// Tokens that are read at once; between two such pieces a generation can be cancelled.
const PIECE_TOKENS: usize = 64;

/// A Qwen2 model of a GGUF file, computed in this process.
///
/// Candle chooses the number of threads, once for a process: `RAYON_NUM_THREADS`, else one for
/// each physical core.
pub struct LocalModel {
    name: String,
    weights: Qwen2,
    vocabulary: Vocabulary,
    window_tokens: u32,
    /// The tokens whose keys and values the weights hold.
    known: Vec<u32>,
}

impl std::fmt::Debug for LocalModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LocalModel")
            .field("name", &self.name)
            .field("window_tokens", &self.window_tokens)
            .field("known_tokens", &self.known.len())
            .finish_non_exhaustive()
    }
}

impl LocalModel {
    /// Loads a file, to be called `name`, with a context window of `window_tokens`.
    ///
    /// # Errors
    /// When it cannot be read, is no GGUF file of a Qwen2 model with its chat template, or was not
    /// trained for so large a window.
    pub fn load(path: &Path, name: &str, window_tokens: u32) -> Result<Self, LocalError> {
        let cannot = |source| LocalError::Read { path: path.to_owned(), source };
        let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
        let bad = |message: String| LocalError::File { path: path.to_owned(), message };
        let broken = |error: candle_core::Error| {
            bad(error.to_string().lines().next().unwrap_or_default().to_owned())
        };
        let file = Content::read(&mut reader).map_err(broken)?;
        fits(&file, window_tokens).map_err(bad)?;
        let vocabulary = Vocabulary::of(&file).map_err(bad)?;
        let window = usize::try_from(window_tokens).map_err(LocalError::compute)?;
        let weights = Qwen2::load(&file, &mut reader, window).map_err(broken)?;
        Ok(Self { name: name.to_owned(), weights, vocabulary, window_tokens, known: Vec::new() })
    }

    /// The tokens of a text outside of any message; control tokens are read as their letters.
    ///
    /// # Errors
    /// When the vocabulary of the file cannot say it.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, LocalError> {
        let part = super::chat::Part::Text(text.to_owned());
        self.vocabulary.encode(&[part]).map_err(LocalError::Compute)
    }

    /// The text of tokens.
    #[must_use]
    pub fn text(&self, tokens: &[u32]) -> String {
        let mut pieces = Utf8Pieces::default();
        let mut text: String =
            tokens.iter().map(|&token| pieces.push(&self.vocabulary.bytes(token))).collect();
        text += &pieces.finish();
        text
    }

    /// Reads tokens after the known ones. When it fails, no more is known than before.
    fn read(&mut self, ids: &[u32]) -> Result<super::qwen2::Read, LocalError> {
        let read = self.weights.read(ids, self.known.len()).map_err(LocalError::compute)?;
        self.known.extend_from_slice(ids);
        Ok(read)
    }

    /// Cuts what is known back to what it has in common with `prompt`. The last token is always read
    /// again: what comes next is only known after reading it.
    fn share(&mut self, prompt: &[u32]) -> usize {
        let most = prompt.len().saturating_sub(1);
        let pairs = self.known.iter().zip(prompt).take(most);
        let shared = pairs.take_while(|(known, asked)| known == asked).count();
        self.known.truncate(shared);
        shared
    }
}

impl Generator for LocalModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn window_tokens(&self) -> u32 {
        self.window_tokens
    }

    fn generate(
        &mut self,
        ask: &Ask,
        sink: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
    ) -> Result<Generated, LocalError> {
        let prompt = self.vocabulary.encode(&render(&ask.messages)).map_err(LocalError::Compute)?;
        let of = u32::try_from(prompt.len()).unwrap_or(u32::MAX);
        if of >= self.window_tokens {
            return Err(LocalError::TooLong {
                prompt_tokens: of,
                window_tokens: self.window_tokens,
            });
        }
        let room = self.window_tokens - of;
        let most = ask.max_tokens.map_or(room, |most| most.min(room));
        let shared = self.share(&prompt);
        let mut read_tokens = u32::try_from(shared).unwrap_or(u32::MAX);
        let mut generated = Generated {
            ended: Ended::Length,
            prompt_tokens: of,
            cached_tokens: read_tokens,
            reply_tokens: 0,
            reading: std::time::Duration::ZERO,
            writing: std::time::Duration::ZERO,
        };
        let began = Instant::now();
        let mut read = None;
        for piece in prompt[shared..].chunks(PIECE_TOKENS) {
            read = Some(self.read(piece)?);
            read_tokens += u32::try_from(piece.len()).unwrap_or(u32::MAX);
            if sink(Step::Reading { read: read_tokens, of }).is_break() {
                generated.ended = Ended::Cancelled;
                break;
            }
        }
        generated.reading = began.elapsed();
        if generated.ended == Ended::Cancelled {
            return Ok(generated);
        }
        let began = Instant::now();
        let mut sampler = Sampler::new(ask.temperature_milli, ask.seed);
        let mut pieces = Utf8Pieces::default();
        while let Some(last) = read.take().filter(|_| generated.reply_tokens < most) {
            let logits = self.weights.next(&last).map_err(LocalError::compute)?;
            let Some(token) = sampler.choose(&logits) else {
                return Err(LocalError::compute("it gave no numbers"));
            };
            generated.reply_tokens += 1;
            if self.vocabulary.is_end(token) {
                generated.ended = Ended::Stop;
                break;
            }
            let text = pieces.push(&self.vocabulary.bytes(token));
            if sink(Step::Text(&text)).is_break() {
                generated.ended = Ended::Cancelled;
                break;
            }
            if generated.reply_tokens < most {
                read = Some(self.read(&[token])?);
            }
        }
        let rest = pieces.finish();
        // A reply that ends inside a character has told all its tokens; this is its mark.
        if !rest.is_empty()
            && generated.ended != Ended::Cancelled
            && sink(Step::Text(&rest)).is_break()
        {
            generated.ended = Ended::Cancelled;
        }
        generated.writing = began.elapsed();
        Ok(generated)
    }
}

/// Checks that the file holds a model that can be computed here.
fn fits(file: &Content, window_tokens: u32) -> Result<(), String> {
    let text = |key: &str| file.metadata.get(key).and_then(|value| value.to_string().ok());
    match text("general.architecture").map(String::as_str) {
        Some("qwen2") => {}
        other => {
            let found = other.unwrap_or("no named");
            return Err(format!("it holds a {found} model, and only qwen2 is computed here"));
        }
    }
    if !text("tokenizer.chat_template").is_some_and(|template| template.contains("<|im_start|>")) {
        return Err("it has no chat template of the form that is written here (ChatML)".to_owned());
    }
    let trained = file.metadata.get("qwen2.context_length").and_then(|value| value.to_u32().ok());
    match trained {
        Some(trained) if trained < window_tokens => Err(format!(
            "it was trained for {trained} tokens, fewer than the window of {window_tokens}"
        )),
        _ => Ok(()),
    }
}
