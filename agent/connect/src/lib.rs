//! Agents that people already use: their hooks, their settings, and what they are told.
//!
//! [`agents`] is the table of agents. [`plan`] says what connecting one of them changes, [`apply`] does it, and
//! [`undo`] takes it back byte for byte. [`hook`] answers an agent beside a call, from files that a node wrote: it
//! opens no store and no socket, and whatever goes wrong, the agent is told nothing.
//!
//! This crate knows no node, no federation and no network.

mod agent;
mod apply;
pub mod hook;
mod manifest;
mod plan;
pub mod settings;
mod write;

pub use agent::{
    Agent, AnswerForm, FileForm, HookForm, HookRow, McpEntry, McpRow, Script, agent, agents,
};
pub use apply::{ApplyError, Undone, apply, undo};
pub use manifest::{Manifest, Owned, Records};
pub use plan::{Change, Ownership, PlanError, Program, Scope, plan};
