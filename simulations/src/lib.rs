//! Nodes in virtual time: many engines in one process, on one seed.
//!
//! This room knows `engine`, `protocol` and `privacy` and runs them unchanged; bytes, not structs, cross its
//! wire. It must not know the agent, the daemon, a socket or a real clock, and nothing that it decides
//! may feed back into what they decide. The same seed gives the same trace hash, on any number of
//! threads.

mod budget;
pub mod dissemination;
pub mod faults;
pub mod files;
pub mod learning;
pub mod manifest;
pub mod memory;
pub mod mesh;
pub mod metrics;
pub mod network;
pub mod outcomes;
pub mod overlay;
pub mod plot;
pub mod queue;
pub mod report;
pub mod rng;
pub mod runner;
pub mod scenario;
pub mod stats;
pub mod study;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod utility;
pub mod validate;
pub mod world;
