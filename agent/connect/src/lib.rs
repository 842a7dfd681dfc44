//! Agents that people already use: their hooks, their settings, and what they are told.
//!
//! [`agents`] is the table of agents. [`plan`] says what connecting one of them changes, and [`undo`] takes it
//! back byte for byte. [`hook`] answers an agent beside a call, from files that a node wrote: it opens no store and
//! no socket, and whatever goes wrong, the agent is told nothing.
//!
//! This crate knows no node, no federation and no network.

mod agent;
pub mod hook;
pub mod settings;


pub use agent::{
    Agent, AnswerForm, FileForm, HookForm, HookRow, McpEntry, McpRow, Script, agent, agents,
};
