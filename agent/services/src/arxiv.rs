//! Papers of arXiv, by its Atom API.
//!
//! The API answers what it does not understand with a feed of one entry that is titled "Error", and asks
//! for at most one request in three seconds; the service's settings see to the latter.

use schemars::JsonSchema;
use serde::Deserialize;

use super::atom::{Entry, Feed};
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, some_of};
use lore_agent::service::{Profile, TokenHeader};

pub(super) const PROFILE: Profile = Profile {
    name: "arXiv",
    table: "agent.outside.arxiv",
    address: "base_url",
    token_header: TokenHeader::Bearer,
    token_page: None,
    headers: &[],
    forbidden: Some("arXiv shuts out addresses that ask too often; wait, and ask less"),
};
pub(super) const BASE: &str = "https://export.arxiv.org";
/// Least seconds between two requests, of the terms of use of the API.
pub(super) const INTERVAL_SECONDS: u16 = 3;

/// Most papers that are read at once.
const MAX_IDS: usize = 10;
/// Longest abstract in a list, in characters.
const LIST_CHARS: usize = 500;

async fn feed(service: &Service, request: Request) -> Result<Feed, OutsideError> {
    let request = request.header("accept", "application/atom+xml");
    let answer = service.send(request).await?;
    let feed = Feed::parse(&answer.body).map_err(|why| service.malformed(why))?;
    match feed.entries.first() {
        Some(only) if only.id.contains("/api/errors") => Err(OutsideError::Refused {
            service: service.name(),
            status: 200,
            message: service.clean(&only.summary),
        }),
        _ => Ok(feed),
    }
}

fn show(entry: &Entry, found: &mut Found, whole: bool) {
    let id = entry.id.rsplit_once("/abs/").map_or(entry.id.as_str(), |(_, id)| id);
    found.line(format!("- {} [{}]", clipped(&entry.title, 300), clipped(id, 60)));
    found.field("authors", some_of(&entry.authors, if whole { 60 } else { 8 }));
    let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
    found.field("published", Some(day(&entry.published)));
    if day(&entry.updated) != day(&entry.published) {
        found.field("updated", Some(day(&entry.updated)));
    }
    found.field("categories", some_of(&entry.categories, 8));
    found.field("doi", entry.doi.as_ref());
    found.field("journal", entry.journal.as_ref());
    if whole {
        found.field("comment", entry.comment.as_ref());
        found.field("pdf", entry.pdf.as_ref());
    }
    let most = if whole { 20_000 } else { LIST_CHARS };
    found.field("abstract", Some(clipped(&entry.summary, most)));
}

/// `arxiv_search`.
pub(super) struct Search;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Words, or fields such as `ti:"attention is all"`, `au:vaswani`, `abs:`, `cat:cs.LG`, joined by
    /// `AND`, `OR`, `ANDNOT`.
    query: String,
    /// Order, best fit when absent.
    order: Option<Order>,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
    /// Number of results to skip.
    #[schemars(range(max = 10000))]
    offset: Option<u32>,
}

/// An order, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    Relevance,
    Submitted,
    Updated,
}

impl Operation for Search {
    type Arguments = SearchArguments;
    const NAME: &'static str = "arxiv_search";
    const DESCRIPTION: &'static str =
        "Searches preprints on arXiv (physics, mathematics, computer science and more).";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        let query = asked.query.trim();
        if query.is_empty() {
            return Err(OutsideError::argument("the query is empty"));
        }
        // Bare words would be taken as one of them.
        let fields = ["ti:", "au:", "abs:", "co:", "jr:", "cat:", "rn:", "all:", "submittedDate:"];
        let query = if fields.iter().any(|field| query.contains(field)) {
            query.to_owned()
        } else {
            let words = query.split_whitespace().map(|word| format!("all:{word}"));
            words.collect::<Vec<_>>().join(" AND ")
        };
        let order = match asked.order.unwrap_or(Order::Relevance) {
            Order::Relevance => "relevance",
            Order::Submitted => "submittedDate",
            Order::Updated => "lastUpdatedDate",
        };
        let offset = asked.offset.unwrap_or(0).min(10_000);
        let limit = asked.limit.unwrap_or(10).clamp(1, 50);
        let request = Request::get(&["api", "query"])
            .query("search_query", query)
            .query("start", offset)
            .query("max_results", limit)
            .query("sortBy", order)
            .query("sortOrder", "descending");
        let feed = feed(service, request).await?;
        let mut found = Found::new();
        let (total, shown) = (feed.total.unwrap_or(0), feed.entries.len());
        found.line(format!("{total} papers fit; shown: {shown}"));
        feed.entries.iter().for_each(|entry| show(entry, &mut found, false));
        let next = u64::from(offset) + shown as u64;
        if shown > 0 && next < total {
            found.more(format!("more with offset {next}"));
        }
        Ok(found)
    }
}

/// `arxiv_read`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// Ids, such as `1706.03762`, `1706.03762v7` or `hep-th/9901001`.
    #[schemars(length(min = 1, max = 10))]
    ids: Vec<String>,
}

/// An id as the API takes it.
fn checked(id: &str) -> Result<&str, OutsideError> {
    let id = id.trim();
    let id = id.strip_prefix("arXiv:").or(id.strip_prefix("arxiv:")).unwrap_or(id);
    let known = (5..=40).contains(&id.len())
        && id.contains(|c: char| c.is_ascii_digit())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-'));
    if known {
        Ok(id)
    } else {
        Err(OutsideError::argument(format!("{id:?} is not an arXiv id like 1706.03762")))
    }
}

impl Operation for Read {
    type Arguments = ReadArguments;
    const NAME: &'static str = "arxiv_read";
    const DESCRIPTION: &'static str =
        "Abstract, authors, versions and PDF address of papers on arXiv, by their ids.";

    async fn run(&self, service: &Service, asked: ReadArguments) -> Result<Found, OutsideError> {
        if asked.ids.is_empty() || asked.ids.len() > MAX_IDS {
            return Err(OutsideError::argument(format!("give 1 to {MAX_IDS} ids")));
        }
        let ids: Vec<&str> = asked.ids.iter().map(|id| checked(id)).collect::<Result<_, _>>()?;
        let request = Request::get(&["api", "query"])
            .query("id_list", ids.join(","))
            .query("max_results", ids.len());
        let feed = feed(service, request).await?;
        let mut found = Found::new();
        // For an id that it does not know, the API gives an entry without a title, or none.
        for entry in feed.entries.iter().filter(|entry| !entry.title.is_empty()) {
            show(entry, &mut found, true);
        }
        if found.is_empty() {
            let message = format!("no paper {}", ids.join(", "));
            return Err(OutsideError::NotFound { service: service.name(), message });
        }
        Ok(found)
    }
}
