//! Repositories of the Hugging Face Hub: their names, their files, one file.

use reqwest::Url;
use reqwest::header::LINK;
use schemars::JsonSchema;
use serde::Deserialize;

use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::{Answer, Service};
use lore_agent::service::{Found, lines_of, size};
use lore_agent::service::{Limit, MAX_ANSWER_BYTES, Request};
use lore_agent::service::{Profile, TokenHeader};

pub(super) const PROFILE: Profile = Profile {
    name: "Hugging Face",
    table: "agent.outside.huggingface",
    address: "base_url",
    token_header: TokenHeader::Bearer,
    token_page: Some("https://huggingface.co/settings/tokens"),
    headers: &[],
    forbidden: None,
};
pub(super) const BASE: &str = "https://huggingface.co";
pub(super) const VARIABLES: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];
/// Hosts of large files.
pub(super) const DOWNLOADS: &str = "*.hf.co";

/// The kind of a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A model.
    #[default]
    Model,
    /// A dataset.
    Dataset,
    /// A space.
    Space,
}

impl Kind {
    /// As a field of requests has it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
            Self::Space => "space",
        }
    }

    /// As addresses of the API have it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }
}

/// Checks a user's, an organisation's or a repository's name.
///
/// # Errors
/// Fails when it is none.
pub(super) fn check_name(name: &str) -> Result<&str, OutsideError> {
    let known = !name.is_empty()
        && name.len() <= 96
        && !name.starts_with('.')
        && !name.contains("..")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if known { Ok(name) } else { Err(OutsideError::argument(format!("{name:?} is not a name"))) }
}

/// The parts of `owner/name`, or of the `name` of an old one without an owner.
///
/// # Errors
/// Fails when it is none.
pub(super) fn parts_of(repo: &str) -> Result<Vec<&str>, OutsideError> {
    let parts: Vec<&str> = repo.trim().split('/').collect();
    if parts.len() > 2 || parts.iter().any(|part| check_name(part).is_err()) {
        let why = format!("{repo:?} is not a repository like owner/name");
        return Err(OutsideError::argument(why));
    }
    Ok(parts)
}

/// Path of the API about a repository: `api/models/owner/name`.
pub(super) fn api_path(kind: Kind, repo: &str) -> Result<Vec<&str>, OutsideError> {
    let mut path = vec!["api", kind.words()];
    path.extend(parts_of(repo)?);
    Ok(path)
}

/// The cursor of the next page, of the `Link` header.
pub(super) fn next_cursor(answer: &Answer) -> Option<String> {
    let links = answer.headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let url: Url = answer.url.join(address).ok()?;
    url.query_pairs().find(|(name, _)| name == "cursor").map(|(_, value)| value.into_owned())
}

/// `hf_repo_list`.
pub(super) struct List;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// `owner/name`.
    repo: String,
    /// The kind of the repository; a model when absent.
    #[serde(default)]
    kind: Kind,
    /// Branch, tag or commit; `main` when absent.
    revision: Option<String>,
    /// Directory within the repository; all when absent.
    below: Option<String>,
    /// Also what is in directories.
    #[serde(default)]
    recursive: bool,
    /// Of an earlier answer, for what comes after it.
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    size: Option<u64>,
    lfs: Option<serde::de::IgnoredAny>,
}

impl Operation for List {
    type Arguments = ListArguments;
    const NAME: &'static str = "hf_repo_list";
    const DESCRIPTION: &'static str = "Lists the files of a Hugging Face repository with sizes.";

    async fn run(&self, service: &Service, asked: ListArguments) -> Result<Found, OutsideError> {
        let revision = asked.revision.as_deref().unwrap_or("main");
        let mut path = api_path(asked.kind, &asked.repo)?;
        path.push("tree");
        let mut request = Request::get(&path)
            .segment(revision)?
            .below(asked.below.as_deref().unwrap_or_default())?
            .query_some("cursor", asked.cursor.as_ref());
        if asked.recursive {
            request = request.query("recursive", "true");
        }
        let answer = service.send(request).await?;
        let items: Vec<Item> = service.parse(&answer)?;
        let mut found = Found::new();
        found.line(format!("{} at {revision}: {} entries", asked.repo, items.len()));
        for item in &items {
            if item.kind == "directory" {
                found.line(format!("{}/", item.path));
            } else {
                let large = if item.lfs.is_some() { ", large file storage" } else { "" };
                found.line(format!("{} ({}{large})", item.path, size(item.size.unwrap_or(0))));
            }
        }
        if let Some(cursor) = next_cursor(&answer) {
            found.more(format!("more with cursor {cursor}"));
        }
        Ok(found)
    }
}

/// `hf_repo_read`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// `owner/name`.
    repo: String,
    /// The file within the repository, such as `README.md`.
    name: String,
    /// The kind of the repository; a model when absent.
    #[serde(default)]
    kind: Kind,
    /// Branch, tag or commit; `main` when absent.
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
    const NAME: &'static str = "hf_repo_read";
    const DESCRIPTION: &'static str =
        "Reads a text file of a Hugging Face repository, such as a README or a configuration.";

    async fn run(&self, service: &Service, asked: ReadArguments) -> Result<Found, OutsideError> {
        let mut path = match asked.kind {
            Kind::Model => Vec::new(),
            kind => vec![kind.words()],
        };
        path.extend(parts_of(&asked.repo)?);
        path.push("resolve");
        if asked.name.trim_matches('/').is_empty() {
            return Err(OutsideError::argument("the name of the file is missing"));
        }
        let request = Request::get(&path)
            .segment(asked.revision.as_deref().unwrap_or("main"))?
            .below(&asked.name)?
            .header("accept", "text/plain, */*")
            .limit(Limit::Cut(MAX_ANSWER_BYTES));
        let answer = service.send(request).await?;
        let first = asked.first_line.unwrap_or(1).max(1) as usize;
        let lines = asked.lines.unwrap_or(300).clamp(1, 2000) as usize;
        lines_of(&asked.name, &answer.body, answer.whole, first, lines)
            .map_err(OutsideError::argument)
    }
}
