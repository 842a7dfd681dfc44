//! A small model computed in this process, and a loopback server for it.
//!
//! Behind the feature `local-llm`, for machines without any other program that could serve a model file.
//! `LocalModel` loads a Qwen2 model of a GGUF file (pure Rust, over candle) and answers one question
//! after another; `serve` puts any `Generator` behind the part of OpenAI's chat completions that
//! `lore_agent::model` speaks. The model is served as text: no tools, no forced JSON; who asks for them is
//! told so, never answered as if they had been heard.

#![cfg(feature = "local-llm")]

mod chat;
mod error;
mod generate;
mod model;
mod qwen2;
mod sample;
mod server;
mod utf8;
mod vocabulary;

pub use chat::{ChatMessage, Role};
pub use error::LocalError;
pub use generate::{Ask, Ended, Generated, Generator, Step};
pub use model::LocalModel;
pub use server::serve;
