//! Extract and Evolve with a scripted model, and the replay gate in a real lab.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

#[path = "../room/mod.rs"]
mod room;

mod evolve;
mod extract;
mod replay;

use lore_agent::model::{Dialect, Endpoint as Place, HttpModel};

/// A client of a scripted endpoint.
fn model(endpoint: &lore_test_endpoint::Endpoint) -> HttpModel {
    HttpModel::new(Place::new(&endpoint.url, Dialect::OpenAiChat, "m").unwrap()).unwrap()
}
