//! What one session teaches: its failing calls, what then worked, and the commands that did the work.
//!
//! Everything here is a pure function of one session's calls and of public data files, so that no session
//! moves what another one gives. The way of a session: [`Call`]s with their [`Status`], a [`Situation`] for
//! each call that failed, the [`Remedy`] that a later success shows, and [`Practice`] for what simply worked.
//! [`Findings`] holds all of it; [`keys`] turns it into lessons of the public grammar, and a [`Digest`] is what a
//! node keeps of it. [`GivenLessons`] are tried: each ends as a [`TrialEnd`]. A [`Book`] holds known lessons and answers a failing call with one [`Hint`]; an [`Index`] is a book as bytes.
//!
//! Programs, recognisers of failures and purposes of commands are data files under `data/`.

mod answer;
mod book;
mod call;
mod circumstance;
mod codebook;
mod cut;
mod demands;
mod difference;
mod digest;
mod findings;
mod hint;
mod index;
mod keys;
mod known;
mod line;
mod mask;
mod practice;
mod program;
mod recognise;
mod released;
mod remedy;
mod shape;
mod situation;
mod status;
mod tools;
mod trial;

#[cfg(test)]
mod tests;

pub use book::{Book, Circle, Entry, Tally};
pub use call::{Call, Options, Refusal, Status};
pub use codebook::{Codebook, CodebookEntry, codebook};
pub use cut::{beginning, end};
pub use demands::{Demands, demands_of, is_public_program};
pub use digest::{DIGEST_VERSION, Digest, Seen};
pub use findings::{Findings, Pitfall, findings, findings_within};
pub use hint::{Hint, MAX_HINT_BYTES};
pub use index::{Index, IndexError, index_of, programs_of};
pub use keys::{forms_of, key_of, keys};
pub use known::{is_known, is_known_package};
pub use practice::Practice;
pub use released::released;
pub use remedy::Remedy;
pub use shape::is_shaped;
pub use situation::{Situation, situation_of};
pub use status::{fails_by_its_words, status_of};
pub use tools::is_shell;
pub use trial::{GivenLessons, TrialEnd};
