//! The weights, the tokenizer, and one token after the other.

use std::fs::File;
use std::path::Path;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::tokenizer::TokenizerFromGguf as _;
use candle_core::{Device, Tensor};
use candle_transformers::generation::{LogitsProcessor, Sampling};
use candle_transformers::models::quantized_qwen2::ModelWeights;
use tokenizers::Tokenizer;

use super::chatml::Piece;

/// A loaded model.
pub(super) struct Engine {
    weights: ModelWeights,
    tokenizer: Tokenizer,
    device: Device,
    start: u32,
    /// Ends a turn; the first also stands in prompts.
    ends: [u32; 2],
    /// Tokens that the model was trained for.
    pub(super) trained_tokens: usize,
}

type Result<T> = std::result::Result<T, candle_core::Error>;

impl Engine {
    /// Reads a GGUF file of the Qwen2 family.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let device = Device::Cpu;
        let mut file = File::open(path)?;
        let content = Content::read(&mut file).map_err(|error| error.with_path(path))?;
        let number = |key: &str| content.metadata.get(key).and_then(|value| value.to_u32().ok());
        let family = content.metadata.get("general.architecture").map(Value::to_string);
        if !matches!(family, Some(Ok(family)) if family == "qwen2") {
            candle_core::bail!("only models of the qwen2 family are computed here");
        }
        let trained_tokens = number("qwen2.context_length").unwrap_or(0) as usize;
        let mut tokenizer = Tokenizer::from_gguf(&content)?;
        // Marks are put in by number; words that spell them stay words.
        tokenizer.set_encode_special_tokens(true);
        let mark = |name: &str| {
            tokenizer
                .token_to_id(name)
                .ok_or_else(|| candle_core::Error::Msg(format!("the tokenizer has no {name}")))
        };
        let start = mark("<|im_start|>")?;
        let ends = [mark("<|im_end|>")?, mark("<|endoftext|>")?];
        let weights = ModelWeights::from_gguf(content, &mut file, &device)?;
        Ok(Self { weights, tokenizer, device, start, ends, trained_tokens })
    }

    /// A prompt as tokens.
    pub(super) fn encode(&self, pieces: &[Piece]) -> Result<Vec<u32>> {
        let mut tokens = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Start => tokens.push(self.start),
                Piece::End => tokens.push(self.ends[0]),
                Piece::Text(text) => {
                    let encoded = self.tokenizer.encode(text.as_str(), false);
                    let encoded = encoded.map_err(candle_core::Error::wrap)?;
                    tokens.extend(encoded.get_ids());
                }
            }
        }
        Ok(tokens)
    }

    /// Goes on after `prompt` until the model ends its turn (true), `most` tokens are written or `tell`
    /// says no (false). `tell` is given words as they come. Returns the tokens written, too.
    pub(super) fn write(
        &mut self,
        prompt: &[u32],
        most: usize,
        sampling: Sampling,
        seed: u64,
        mut tell: impl FnMut(&str) -> bool,
    ) -> Result<(usize, bool)> {
        let mut sampler = LogitsProcessor::from_sampling(seed, sampling);
        let mut words = self.tokenizer.decode_stream(true);
        let (mut next, mut at) = (prompt.to_vec(), 0);
        for written in 0..most {
            let input = Tensor::new(next.as_slice(), &self.device)?.unsqueeze(0)?;
            // The cache is begun anew at 0.
            let logits = self.weights.forward(&input, at)?.squeeze(0)?;
            at += next.len();
            let token = sampler.sample(&logits)?;
            if self.ends.contains(&token) {
                return Ok((written, true));
            }
            let piece = words.step(token).map_err(candle_core::Error::wrap)?;
            if piece.is_some_and(|piece| !tell(&piece)) {
                return Ok((written + 1, false));
            }
            next = vec![token];
        }
        Ok((most, false))
    }
}
