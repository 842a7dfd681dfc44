//! Repositories of the Hugging Face Hub: creating them, and committing small files.
//!
//! A commit is asked for twice: first the hub says for each file how it wants to have it, then the files go
//! within the commit itself. What it wants in its large file storage is refused here: that is a matter of
//! `git` or of the hub's own client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::hf_repo::{Kind, api_path, parts_of};
use lore_agent::service::Found;
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;

/// Most files of a commit, and most bytes of all together.
const MAX_FILES: usize = 100;
const MAX_BYTES: usize = 4 << 20;
/// So much of a file the hub wants to see before it decides.
const SAMPLE_BYTES: usize = 512;

/// `hf_repo_create`.
pub(super) struct Create;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateArguments {
    /// `owner/name`, or `name` for the token's own user.
    repo: String,
    /// The kind of the repository; a model when absent.
    #[serde(default)]
    kind: Kind,
    /// True when everybody may see it; private when absent.
    #[serde(default)]
    public: bool,
    /// For a space: what it runs on.
    sdk: Option<Sdk>,
}

/// The kit that a space runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sdk {
    Gradio,
    Docker,
    Static,
}

impl Sdk {
    const fn word(self) -> &'static str {
        match self {
            Self::Gradio => "gradio",
            Self::Docker => "docker",
            Self::Static => "static",
        }
    }
}

#[derive(Debug, Deserialize)]
struct Created {
    url: String,
}

impl Operation for Create {
    type Arguments = CreateArguments;
    const NAME: &'static str = "hf_repo_create";
    const DESCRIPTION: &'static str =
        "Creates a repository on the Hugging Face Hub, private unless it is said to be public.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: CreateArguments) -> Result<Found, OutsideError> {
        let parts = parts_of(&asked.repo)?;
        let mut body = json!({ "type": asked.kind.word(), "private": !asked.public });
        match parts.as_slice() {
            [owner, name] => {
                body["organization"] = (*owner).into();
                body["name"] = (*name).into();
            }
            _ => body["name"] = asked.repo.trim().into(),
        }
        match (asked.kind, asked.sdk) {
            (Kind::Space, Some(sdk)) => body["sdk"] = sdk.word().into(),
            (Kind::Space, None) => {
                return Err(OutsideError::argument("a space needs sdk: gradio, docker or static"));
            }
            (_, Some(_)) => return Err(OutsideError::argument("sdk is for spaces only")),
            (_, None) => {}
        }
        let request = Request::post(&["api", "repos", "create"], &body);
        let created: Created = service.json(request).await?;
        let seen = if asked.public { "public" } else { "private" };
        Ok(Found::text(format!("created, {seen}: {}", created.url)))
    }
}

/// `hf_repo_commit`.
pub(super) struct Commit;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommitArguments {
    /// `owner/name`.
    repo: String,
    /// The kind of the repository; a model when absent.
    #[serde(default)]
    kind: Kind,
    /// Branch; `main` when absent.
    revision: Option<String>,
    /// Summary of the change, in one line.
    summary: String,
    /// Files to add or replace, at most 100 and 4 MiB together.
    #[serde(default)]
    #[schemars(length(max = 100))]
    files: Vec<NewFile>,
    /// Files to delete.
    #[serde(default)]
    delete: Vec<String>,
    /// Opens a pull request instead of changing the branch.
    #[serde(default)]
    pull_request: bool,
}

/// A file to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFile {
    /// Its name within the repository.
    name: String,
    /// Its content as text.
    text: Option<String>,
    /// Its content in base64, in place of text.
    base64: Option<String>,
}

/// A file with its bytes.
struct Content {
    name: String,
    bytes: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mode {
    path: String,
    upload_mode: String,
    #[serde(default)]
    should_ignore: bool,
}

#[derive(Debug, Deserialize)]
struct Modes {
    files: Vec<Mode>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Committed {
    commit_oid: Option<String>,
    commit_url: Option<String>,
    pull_request_url: Option<String>,
}

impl Operation for Commit {
    type Arguments = CommitArguments;
    const NAME: &'static str = "hf_repo_commit";
    const DESCRIPTION: &'static str = "Commits small text files to a repository of the Hugging Face Hub, or opens a pull request.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: CommitArguments) -> Result<Found, OutsideError> {
        let revision = asked.revision.as_deref().unwrap_or("main");
        let path = api_path(asked.kind, &asked.repo)?;
        let files = contents(asked.files)?;
        for name in &asked.delete {
            check_file(name)?;
        }
        if files.is_empty() && asked.delete.is_empty() {
            return Err(OutsideError::argument("nothing to commit: give files or delete"));
        }
        if asked.summary.trim().is_empty() {
            return Err(OutsideError::argument("a commit needs a summary"));
        }
        let at = |verb| -> Vec<&str> { path.iter().copied().chain([verb]).collect() };
        let ignored = if files.is_empty() {
            Vec::new()
        } else {
            let body = json!({ "files": files.iter().map(sample).collect::<Vec<_>>() });
            let request = Request::post(&at("preupload"), &body).segment(revision)?;
            let modes: Modes = service.json(request).await?;
            let said = |file: &Content| modes.files.iter().any(|mode| mode.path == file.name);
            if !files.iter().all(said) {
                return Err(service.malformed("it does not say how it wants every file"));
            }
            wanted(modes, &files)?
        };
        let mut lines = vec![json!({
            "key": "header", "value": { "summary": asked.summary.trim(), "description": "" }
        })];
        let sent = files.iter().filter(|file| !ignored.contains(&file.name));
        lines.extend(sent.map(|file| {
            let content = STANDARD.encode(&file.bytes);
            json!({ "key": "file",
                    "value": { "content": content, "path": file.name, "encoding": "base64" } })
        }));
        lines.extend(
            asked
                .delete
                .iter()
                .map(|name| json!({ "key": "deletedFile", "value": {"path": name} })),
        );
        if lines.len() == 1 {
            let why = "the repository's own rules ignore all of these files; nothing was committed";
            return Err(OutsideError::argument(why));
        }
        let body = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut request =
            Request::post_text(&at("commit"), "application/x-ndjson", body).segment(revision)?;
        if asked.pull_request {
            request = request.query("create_pr", "1");
        }
        let done: Committed = service.json(request).await?;
        let Some(commit) = &done.commit_oid else {
            return Err(service.malformed("a commit without an id"));
        };
        let mut found = Found::text(format!("committed {commit} to {}\n", asked.repo));
        found.field("page", done.commit_url.as_ref());
        found.field("pull request", done.pull_request_url.as_ref());
        if !ignored.is_empty() {
            found.field("left out by the repository's own rules", Some(ignored.join(", ")));
        }
        Ok(found)
    }
}

/// Files with their bytes.
fn contents(files: Vec<NewFile>) -> Result<Vec<Content>, OutsideError> {
    if files.len() > MAX_FILES {
        return Err(OutsideError::argument(format!("at most {MAX_FILES} files in a commit")));
    }
    let mut all: Vec<Content> = Vec::new();
    for file in files {
        check_file(&file.name)?;
        let name = file.name;
        if all.iter().any(|other| other.name == name) {
            return Err(OutsideError::argument(format!("{name} is there twice")));
        }
        let bytes = match (file.text, file.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(coded)) => STANDARD
                .decode(coded.trim())
                .map_err(|error| OutsideError::argument(format!("{name}: not base64: {error}")))?,
            _ => return Err(OutsideError::argument(format!("{name}: give text or base64"))),
        };
        all.push(Content { name, bytes });
    }
    if all.iter().map(|file| file.bytes.len()).sum::<usize>() > MAX_BYTES {
        return Err(OutsideError::argument(format!("at most {MAX_BYTES} bytes in a commit")));
    }
    Ok(all)
}

fn check_file(name: &str) -> Result<(), OutsideError> {
    let bad =
        |part: &str| matches!(part, "" | "." | ".." | ".git") || part.chars().any(char::is_control);
    if name.len() > 500 || name.split('/').any(bad) {
        return Err(OutsideError::argument(format!("{name:?} is not a file of a repository")));
    }
    Ok(())
}

fn sample(file: &Content) -> Value {
    let first = &file.bytes[..file.bytes.len().min(SAMPLE_BYTES)];
    json!({ "path": file.name, "size": file.bytes.len(), "sample": STANDARD.encode(first) })
}

/// Names of the files that the repository ignores, when the others may go within the commit.
fn wanted(modes: Modes, files: &[Content]) -> Result<Vec<String>, OutsideError> {
    let mut ignored = Vec::new();
    for mode in modes.files {
        if !files.iter().any(|file| file.name == mode.path) {
            continue;
        }
        if mode.should_ignore {
            ignored.push(mode.path);
        } else if mode.upload_mode != "regular" {
            return Err(OutsideError::argument(format!(
                "the hub wants {} in its large file storage, which this tool does not do: use \
                 `hf upload` or git, or leave it out; nothing was committed",
                mode.path
            )));
        }
    }
    Ok(ignored)
}
