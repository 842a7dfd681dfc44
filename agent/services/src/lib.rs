//! Tools that need the outside world: papers, the Hugging Face Hub, GitHub and search of the web.
//!
//! Every tool is one operation of one service behind a documented API. All are off unless
//! [`OutsideSettings`] switch their service on, and each says which hosts it reaches ([`Tool::hosts`]), so
//! that a policy of approval can judge a call before it is made. What a service says is a stranger's text:
//! it is bounded, made harmless for a terminal, and marked as data.
//!
//! A token goes to the origin of its service only. Redirects are followed for what only looks, to hosts that
//! the tool declares, without the token when the origin is another. No address comes from a model: it names
//! repositories, papers and pages, whose parts are checked.

mod arxiv;
mod atom;
mod brave;
mod github;
mod github_files;
mod github_search;
mod hf_commit;
mod hf_docs;
mod hf_hub;
mod hf_job_logs;
mod hf_jobs;
mod hf_papers;
mod hf_repo;
mod hf_rows;
mod scholar;
mod searxng;
mod tavily;
mod tools;
mod web_search;

pub use lore_agent::service::{
    ArxivSettings, GithubSettings, HuggingFaceSettings, OutsideError, OutsideSettings,
    SemanticScholarSettings, SettingsError, WebSearchProvider, WebSearchSettings,
};
pub use tools::{OUTSIDE_READERS, outside_tools, outside_tools_with};

#[cfg(doc)]
use lore_agent::tool::Tool;
