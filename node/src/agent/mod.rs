//! The intern agent as a user meets it: a task and its events, or a prompt.
//!
//! The loop, the tools and the sandbox are `lore-agent`'s. Here is what needs a node: which model and
//! policy, where transcripts are, what a day has used, which skills are offered, and how a session
//! becomes a private session of this node. Nothing here publishes anything.

mod capability;
mod chat;
mod command;
mod day;
mod gate;
mod ground;
mod hints;
mod kit;
mod model;
mod outside;
mod place;
mod prompt;
mod show;
mod skills;
mod somebody;
mod work;

use std::time::{Duration, Instant};

use lore_control::{Reply, Request};

use crate::error::CliError;

pub use capability::{Agreed, Capabilities};
pub use chat::chat;
pub use day::{Days, Used};
pub use gate::{Answer, Gate};
pub use hints::NodeHints;
pub use kit::Kit;
pub use model::{Bounds, ModelOptions};
pub use place::Place;
pub use show::{Show, plain};
pub use skills::SkillSource;
pub use somebody::{AnswerFuture, Somebody};
pub use work::{Options, Turn, Work, refusal};

/// Does a verb of this node, by its daemon or without.
pub type Ask<'a> = dyn Fn(Request) -> Result<Reply, CliError> + 'a;

/// Longest time that another program may hold the home.
const HELD: Duration = Duration::from_secs(20);
/// Interval between looks at whether it is free.
const LOOK: Duration = Duration::from_millis(100);

/// Does a verb, waiting while another program holds the home for a moment, such as an agent that stores
/// its session.
fn patiently<R: lore_control::Ask>(ask: &Ask<'_>, wanted: &R) -> Result<R::Answer, CliError> {
    let begun = Instant::now();
    loop {
        match ask(wanted.clone().into()) {
            Err(error) if error.kind == "home_held" && begun.elapsed() < HELD => {
                std::thread::sleep(LOOK);
            }
            other => return Ok(other?.read::<R>()?),
        }
    }
}
