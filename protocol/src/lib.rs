//! Everything two nodes must agree on: bytes, signatures, the lesson grammar, the log and the fold.
//!
//! Sans-IO. This room knows no socket, no file, no clock, no operating-system randomness and no
//! floating-point function whose result depends on the platform; what it needs comes in through a
//! parameter or a trait.

pub mod charter;
pub mod codec;
pub mod delta;
pub mod identity;
pub mod ids;
pub mod invitation;
pub mod lesson;
pub mod library;
pub mod log;
pub mod payload;
pub mod proofs;
pub mod skill;
pub mod spread;
pub mod steps;
pub mod sync;
pub mod trace;
pub mod voice;
pub mod wire;
