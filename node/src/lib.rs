//! Program that a person runs: storage, network and control around the rooms that decide.
//!
//! Everything that touches the outside for a user lives here: RocksDB, libp2p, files, sockets, the
//! terminal. This room decides nothing that `protocol` or `privacy` decides: the network moves
//! bytes without knowing what a delta is, the store keeps bytes without knowing what a chain is.

pub mod agent;
pub mod at_rest;
mod bundle;
pub mod cli;
pub mod config;
pub mod control;
pub mod crash;
pub mod daemon;
mod decimal;
pub mod demo;
mod diff;
pub mod error;
pub mod export;
pub mod home;
pub mod host;
pub mod import;
pub mod lab;
mod lock;
pub mod models;
mod modes;
pub mod network;
pub mod output;
mod random;
mod regular;
mod reports;
pub mod scan;
pub mod sources;
mod stop;
pub mod store;
pub mod telemetry;
mod watch;
pub mod words;
