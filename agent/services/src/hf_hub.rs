//! Models and datasets of the Hugging Face Hub: search, and what is known of one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::hf_repo::{Kind, api_path};
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, some_of};

/// A model or a dataset, as far as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repo {
    id: String,
    sha: Option<String>,
    downloads: Option<u64>,
    likes: Option<u64>,
    gated: Option<Value>,
    private: Option<bool>,
    disabled: Option<bool>,
    last_modified: Option<String>,
    created_at: Option<String>,
    tags: Option<Vec<String>>,
    description: Option<String>,
    #[serde(rename = "pipeline_tag")]
    pipeline_tag: Option<String>,
    #[serde(rename = "library_name")]
    library_name: Option<String>,
    card_data: Option<BTreeMap<String, Value>>,
    siblings: Option<Vec<Sibling>>,
    safetensors: Option<Safetensors>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
}

#[derive(Debug, Deserialize)]
struct Safetensors {
    total: Option<u64>,
}

impl Repo {
    fn show(&self, found: &mut Found, whole: bool) {
        found.line(format!("- {}", self.id));
        found.field("task", self.pipeline_tag.as_ref());
        found.field("library", self.library_name.as_ref());
        found.field("downloads", self.downloads);
        found.field("likes", self.likes);
        found.field("changed", self.last_modified.as_ref());
        let gated = self.gated.as_ref().filter(|gated| **gated != Value::Bool(false));
        found.field("gated", gated.map(|_| "yes: its terms are to be accepted on its page"));
        found.field("private", self.private.filter(|yes| *yes));
        found.field("disabled", self.disabled.filter(|yes| *yes));
        let tags = self.tags.as_deref().unwrap_or_default();
        found.field("tags", some_of(tags, if whole { 60 } else { 12 }));
        if !whole {
            return;
        }
        found.field("created", self.created_at.as_ref());
        found.field("commit", self.sha.as_ref());
        let parameters = self.safetensors.as_ref().and_then(|weights| weights.total);
        found.field("parameters", parameters);
        for key in ["license", "base_model", "datasets", "language", "size_categories", "metrics"] {
            let value = self.card_data.as_ref().and_then(|card| card.get(key));
            found.field(key, value.filter(|value| !value.is_null()).map(plain_value));
        }
        let about = self.description.as_ref().map(|text| clipped(text, 2000));
        found.field("about", about);
        let files: Vec<String> =
            self.siblings.iter().flatten().map(|file| file.rfilename.clone()).collect();
        found.field("files", some_of(&files, 60));
    }
}

/// A value of a card: a text, or a list of some.
fn plain_value(value: &Value) -> String {
    match value {
        Value::String(text) => clipped(text, 300),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain_value).collect();
            some_of(&items, 20).unwrap_or_default()
        }
        other => clipped(&other.to_string(), 300),
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Trending,
    Downloads,
    Likes,
    Changed,
    Created,
}

impl Order {
    const fn word(self) -> &'static str {
        match self {
            Self::Trending => "trendingScore",
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::Changed => "lastModified",
            Self::Created => "createdAt",
        }
    }
}

/// `hf_models_search` and `hf_datasets_search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Words of the name; all when absent.
    query: Option<String>,
    /// One user or organisation only.
    author: Option<String>,
    /// Tags that all must be there, such as `text-generation`, `gguf`, `license:mit`, `language:en`.
    tags: Option<Vec<String>>,
    /// Order, most first; by trend when absent.
    order: Option<Order>,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

async fn search(
    service: &Service,
    kind: Kind,
    asked: SearchArguments,
) -> Result<Found, OutsideError> {
    let limit = asked.limit.unwrap_or(10).clamp(1, 50);
    let mut request = Request::get(&["api", kind.words()])
        .query_some("search", asked.query)
        .query_some("author", asked.author)
        .query("sort", asked.order.unwrap_or(Order::Trending).word())
        .query("direction", -1)
        .query("limit", limit);
    for tag in asked.tags.unwrap_or_default() {
        request = request.query("filter", tag);
    }
    let repos: Vec<Repo> = service.json(request).await?;
    let mut found = Found::new();
    found.line(format!("{} {}", repos.len().min(limit as usize), kind.words()));
    repos.iter().take(limit as usize).for_each(|repo| repo.show(&mut found, false));
    Ok(found)
}

async fn info(service: &Service, kind: Kind, asked: InfoArguments) -> Result<Found, OutsideError> {
    let mut path = api_path(kind, &asked.id)?;
    let revision = asked.revision;
    let request = match &revision {
        None => Request::get(&path),
        Some(revision) => {
            path.push("revision");
            Request::get(&path).segment(revision)?
        }
    };
    let repo: Repo = service.json(request).await?;
    let mut found = Found::new();
    repo.show(&mut found, true);
    Ok(found)
}

/// `hf_model_info` and `hf_dataset_info`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InfoArguments {
    /// `owner/name`.
    id: String,
    /// Branch, tag or commit; the main branch when absent.
    revision: Option<String>,
}

/// `hf_models_search`.
pub(super) struct SearchModels;

impl Operation for SearchModels {
    type Arguments = SearchArguments;
    const NAME: &'static str = "hf_models_search";
    const DESCRIPTION: &'static str = "Searches models on the Hugging Face Hub.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        search(service, Kind::Model, asked).await
    }
}

/// `hf_model_info`.
pub(super) struct ModelInfo;

impl Operation for ModelInfo {
    type Arguments = InfoArguments;
    const NAME: &'static str = "hf_model_info";
    const DESCRIPTION: &'static str =
        "What the Hugging Face Hub knows of one model: task, size, license, files, base model.";

    async fn run(&self, service: &Service, asked: InfoArguments) -> Result<Found, OutsideError> {
        info(service, Kind::Model, asked).await
    }
}

/// `hf_datasets_search`.
pub(super) struct SearchDatasets;

impl Operation for SearchDatasets {
    type Arguments = SearchArguments;
    const NAME: &'static str = "hf_datasets_search";
    const DESCRIPTION: &'static str = "Searches datasets on the Hugging Face Hub.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        search(service, Kind::Dataset, asked).await
    }
}

/// `hf_dataset_info`.
pub(super) struct DatasetInfo;

impl Operation for DatasetInfo {
    type Arguments = InfoArguments;
    const NAME: &'static str = "hf_dataset_info";
    const DESCRIPTION: &'static str =
        "What the Hugging Face Hub knows of one dataset: license, languages, size, files.";

    async fn run(&self, service: &Service, asked: InfoArguments) -> Result<Found, OutsideError> {
        info(service, Kind::Dataset, asked).await
    }
}
