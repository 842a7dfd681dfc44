//! One turn of the intern agent: a task, model calls and tool calls, until it is done or ends otherwise.
//!
//! [`Machine`] decides and does no I/O: it takes replies and results and says what is next. [`Agent`]
//! does what it says, with a model, tools and a policy. Every way a turn ends is an [`End`]; there is no
//! silent one.

mod act;
mod budget;
mod compact;
mod drive;
mod end;
mod event;
mod guard;
mod hint;
mod line;
mod machine;
mod policy;
mod recover;
mod research;
mod rules;
mod schema;
mod session;
mod text;
mod thought;
mod tokens;
mod transcript;
mod written;

pub use act::Tools;
pub use budget::{Allowance, Limits, Mode, Price, Spend};
pub use drive::{Agent, EventSink};
pub use end::{End, Which};
pub use event::{Event, Purpose};
pub use hint::{HintFuture, Hinter, Hints};
pub use line::{Failed, Failure, Finished, Line, line_schema_json};
pub use machine::{Effect, Machine, Step};
pub use policy::{Action, Approval, Decision, Person, PersonFuture};
pub use recover::repair;
pub use research::{Research, Watcher};
pub use rules::{PolicyError, Rule, RulePolicy, Verdict};
pub use session::to_session;
pub use text::TEXT_MODE_PROMPT;
pub(crate) use tokens::estimate;
pub use transcript::{Head, Record, Saved, Transcript, TranscriptError};
