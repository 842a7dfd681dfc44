//! A person at a terminal.

use std::future::Future;
use std::pin::Pin;

use lore_agent::turn::Person;

use super::gate::Answer;

/// An answer that is waited for.
pub type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A person who can be asked more than yes and no.
pub trait Somebody: Person {
    /// Once, always, or no.
    fn choose<'a>(&'a self, question: &'a str) -> AnswerFuture<'a>;
}
