//! Files of repositories on GitHub: a directory or the whole tree, and one file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::github::{JSON, parts_of};
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Service;
use lore_agent::service::{Found, lines_of, size};
use lore_agent::service::{Limit, MAX_ANSWER_BYTES, Request};

/// Most entries of a tree that are shown.
const MAX_ENTRIES: usize = 1000;

/// `github_list`.
pub(super) struct List;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// `owner/name`.
    repo: String,
    /// Directory within the repository; its top when absent.
    below: Option<String>,
    /// Branch, tag or commit; the default branch when absent.
    revision: Option<String>,
    /// Also what is in directories.
    #[serde(default)]
    recursive: bool,
}

#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
    size: Option<u64>,
}

/// A directory is a list; asked of a file, the answer is that file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Contents {
    Directory(Vec<Entry>),
    File(Entry),
}

#[derive(Debug, Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

impl Operation for List {
    type Arguments = ListArguments;
    const NAME: &'static str = "github_list";
    const DESCRIPTION: &'static str = "Lists files of a repository on GitHub.";

    async fn run(&self, service: &Service, asked: ListArguments) -> Result<Found, OutsideError> {
        let (owner, name) = parts_of(&asked.repo)?;
        let below = asked.below.as_deref().unwrap_or_default().trim_matches('/');
        let (entries, truncated) = if asked.recursive {
            let revision = asked.revision.as_deref().unwrap_or("HEAD");
            let request = Request::get(&["repos", owner, name, "git", "trees"])
                .segment(revision)?
                .header("accept", JSON)
                .query("recursive", 1);
            let tree: Tree = service.json(request).await?;
            let inside = |entry: &Entry| {
                below.is_empty()
                    || entry.path.strip_prefix(below).is_some_and(|rest| rest.starts_with('/'))
            };
            (tree.tree.into_iter().filter(inside).collect(), tree.truncated)
        } else {
            let request = Request::get(&["repos", owner, name, "contents"])
                .below(below)?
                .header("accept", JSON)
                .query_some("ref", asked.revision.as_ref());
            match service.json(request).await? {
                Contents::Directory(entries) => (entries, false),
                Contents::File(entry) => (vec![entry], false),
            }
        };
        let entries: Vec<Entry> = entries;
        let mut found = Found::new();
        found.line(format!("{}/{below}: {} entries", asked.repo, entries.len()));
        for entry in entries.iter().take(MAX_ENTRIES) {
            match entry.kind.as_str() {
                "dir" | "tree" => found.line(format!("{}/", entry.path)),
                "file" | "blob" => {
                    found.line(format!("{} ({})", entry.path, size(entry.size.unwrap_or(0))));
                }
                other => found.line(format!("{} ({other})", entry.path)),
            }
        }
        if truncated || entries.len() > MAX_ENTRIES {
            found.more("there are more: list one directory");
        }
        Ok(found)
    }
}

/// `github_read`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// `owner/name`.
    repo: String,
    /// The file within the repository, such as `src/main.rs`.
    name: String,
    /// Branch, tag or commit; the default branch when absent.
    revision: Option<String>,
    /// First line, from 1.
    #[schemars(range(min = 1))]
    first_line: Option<u32>,
    /// Number of lines, 300 when absent.
    #[schemars(range(min = 1, max = 2000))]
    lines: Option<u32>,
}

impl Operation for Read {
    type Arguments = ReadArguments;
    const NAME: &'static str = "github_read";
    const DESCRIPTION: &'static str = "Reads a text file of a repository on GitHub.";

    async fn run(&self, service: &Service, asked: ReadArguments) -> Result<Found, OutsideError> {
        let (owner, repo) = parts_of(&asked.repo)?;
        if asked.name.trim_matches('/').is_empty() {
            return Err(OutsideError::argument("the name of the file is missing"));
        }
        let request = Request::get(&["repos", owner, repo, "contents"])
            .below(&asked.name)?
            .header("accept", "application/vnd.github.raw+json")
            .query_some("ref", asked.revision.as_ref())
            .limit(Limit::Cut(MAX_ANSWER_BYTES));
        let answer = service.send(request).await?;
        // Of a directory there is no raw form, and the answer is a list.
        if answer.kind() == "application/json" {
            let why = format!("{} is a directory: list it with github_list", asked.name);
            return Err(OutsideError::argument(why));
        }
        let first = asked.first_line.unwrap_or(1).max(1) as usize;
        let lines = asked.lines.unwrap_or(300).clamp(1, 2000) as usize;
        lines_of(&asked.name, &answer.body, answer.whole, first, lines)
            .map_err(OutsideError::argument)
    }
}
