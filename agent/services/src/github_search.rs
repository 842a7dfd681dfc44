//! Search on GitHub: code and repositories.

use schemars::JsonSchema;
use serde::Deserialize;

use super::github::JSON;
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, some_of};

/// Media type of code search with the places that fit.
const WITH_MATCHES: &str = "application/vnd.github.text-match+json";
/// Most places of a file that are shown.
const MAX_MATCHES: usize = 3;

/// A page of results. `incomplete_results` says that the search ran out of time.
#[derive(Debug, Deserialize)]
struct Page<T> {
    total_count: u64,
    #[serde(default)]
    incomplete_results: bool,
    items: Vec<T>,
}

impl<T> Page<T> {
    fn begin(&self, what: &str) -> Found {
        let mut found = Found::new();
        let about = if self.incomplete_results { "at least " } else { "" };
        found.line(format!("{about}{} {what}, {} shown", self.total_count, self.items.len()));
        found
    }

    /// Says which page is next. GitHub gives 1,000 results at most.
    fn end(&self, found: &mut Found, page: u32, limit: u32) {
        let before = u64::from(page) * u64::from(limit);
        if before < self.total_count.min(1000) {
            found.more(format!("more with page {}", page + 1));
        }
    }
}

/// `github_search_code`.
pub(super) struct Code;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeArguments {
    /// Words, with `repo:owner/name`, `org:`, `language:`, `path:`, `extension:`, `filename:` if wanted.
    query: String,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
    /// Page, from 1.
    #[schemars(range(min = 1, max = 100))]
    page: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct CodeHit {
    path: String,
    repository: RepoName,
    html_url: Option<String>,
    #[serde(default)]
    text_matches: Vec<TextMatch>,
}

#[derive(Debug, Deserialize)]
struct RepoName {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct TextMatch {
    fragment: Option<String>,
}

impl Operation for Code {
    type Arguments = CodeArguments;
    const NAME: &'static str = "github_search_code";
    const DESCRIPTION: &'static str =
        "Searches code in default branches on GitHub and shows the places that fit.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: CodeArguments) -> Result<Found, OutsideError> {
        let limit = asked.limit.unwrap_or(10).clamp(1, 50);
        let page = asked.page.unwrap_or(1).clamp(1, 100);
        let request = Request::get(&["search", "code"])
            .header("accept", WITH_MATCHES)
            .query("q", &asked.query)
            .query("per_page", limit)
            .query("page", page);
        let hits: Page<CodeHit> = service.json(request).await?;
        let mut found = hits.begin("files");
        for hit in &hits.items {
            found.line(format!("- {} {}", hit.repository.full_name, hit.path));
            found.field("page", hit.html_url.as_ref());
            for place in hit.text_matches.iter().take(MAX_MATCHES) {
                // Lines of code stay lines.
                for line in place.fragment.iter().flat_map(|text| text.lines()).take(12) {
                    let end = line.char_indices().nth(300).map_or(line.len(), |(at, _)| at);
                    found.line(format!("    | {}", &line[..end]));
                }
                found.line("    |");
            }
        }
        hits.end(&mut found, page, limit);
        Ok(found)
    }
}

/// `github_search_repos`.
pub(super) struct Repos;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReposArguments {
    /// Words, with `language:`, `topic:`, `stars:>100`, `org:`, `license:` if wanted.
    query: String,
    /// Order; best fit when absent.
    order: Option<Order>,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
    /// Page, from 1.
    #[schemars(range(min = 1, max = 100))]
    page: Option<u32>,
}

/// An order, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Stars,
    Forks,
    Updated,
}

#[derive(Debug, Deserialize)]
struct RepoHit {
    full_name: String,
    description: Option<String>,
    stargazers_count: Option<u64>,
    forks_count: Option<u64>,
    language: Option<String>,
    topics: Option<Vec<String>>,
    license: Option<License>,
    pushed_at: Option<String>,
    #[serde(default)]
    archived: bool,
    default_branch: Option<String>,
}

#[derive(Debug, Deserialize)]
struct License {
    spdx_id: Option<String>,
}

impl Operation for Repos {
    type Arguments = ReposArguments;
    const NAME: &'static str = "github_search_repos";
    const DESCRIPTION: &'static str = "Searches repositories on GitHub.";

    async fn run(&self, service: &Service, asked: ReposArguments) -> Result<Found, OutsideError> {
        let limit = asked.limit.unwrap_or(10).clamp(1, 50);
        let page = asked.page.unwrap_or(1).clamp(1, 100);
        let order = asked.order.map(|order| match order {
            Order::Stars => "stars",
            Order::Forks => "forks",
            Order::Updated => "updated",
        });
        let request = Request::get(&["search", "repositories"])
            .header("accept", JSON)
            .query("q", &asked.query)
            .query_some("sort", order)
            .query("per_page", limit)
            .query("page", page);
        let hits: Page<RepoHit> = service.json(request).await?;
        let mut found = hits.begin("repositories");
        for hit in &hits.items {
            let archived = if hit.archived { " (archived)" } else { "" };
            found.line(format!("- {}{archived}", hit.full_name));
            found.field("about", hit.description.as_ref().map(|text| clipped(text, 300)));
            found.field("stars", hit.stargazers_count);
            found.field("forks", hit.forks_count);
            found.field("language", hit.language.as_ref());
            found.field("topics", some_of(hit.topics.as_deref().unwrap_or_default(), 10));
            let license = hit.license.as_ref().and_then(|license| license.spdx_id.as_ref());
            found.field("license", license);
            found.field("pushed", hit.pushed_at.as_ref());
            found.field("branch", hit.default_branch.as_ref());
        }
        hits.end(&mut found, page, limit);
        Ok(found)
    }
}
