//! A small model inside this process: a GGUF file of the Qwen2 family, computed in pure Rust (candle).
//!
//! Slower than llama.cpp, and there is nothing to install. [`LocalModel`] is a [`crate::model::Model`]
//! like those behind HTTP; [`serve()`] offers any model on loopback as OpenAI's chat completions.
//! Only built with the feature `local-llm`.

mod chatml;
mod engine;
mod local_model;
mod server;
mod split;
#[cfg(test)]
mod tests;
mod wire;

pub use local_model::{LoadError, LocalModel};
pub use server::serve;
