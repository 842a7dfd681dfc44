//! Brave Search, by its web search API.

use serde::Deserialize;

use super::web_search::{Hit, Hits, SearchArguments, Within};
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;

#[derive(Debug, Deserialize)]
struct Answer {
    query: Option<Query>,
    /// Absent when nothing was found.
    web: Option<Web>,
}

#[derive(Debug, Deserialize)]
struct Query {
    #[serde(default)]
    more_results_available: bool,
}

#[derive(Debug, Deserialize)]
struct Web {
    #[serde(default)]
    results: Vec<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    title: String,
    url: String,
    description: Option<String>,
    age: Option<String>,
}

pub(super) async fn search(
    service: &Service,
    asked: &SearchArguments,
) -> Result<Hits, OutsideError> {
    service.need_token()?;
    let freshness = asked.within.map(|within| match within {
        Within::Day => "pd",
        Within::Week => "pw",
        Within::Month => "pm",
        Within::Year => "py",
    });
    let request = Request::get(&["web", "search"])
        .query("q", asked.query.trim())
        .query("count", asked.count())
        // Counted in pages.
        .query("offset", asked.page() - 1)
        .query("text_decorations", false)
        .query("result_filter", "web")
        .query_some("freshness", freshness)
        .query_some("search_lang", asked.language.as_ref());
    let answer: Answer = service.json(request).await?;
    let pages = answer.web.map(|web| web.results).unwrap_or_default();
    let hits = pages.into_iter().map(|page| Hit {
        title: page.title,
        url: page.url,
        says: page.description,
        age: page.age,
    });
    // The last page that the API has is the tenth.
    let more = answer.query.is_some_and(|query| query.more_results_available) && asked.page() < 10;
    Ok(Hits { hits: hits.collect(), more, remark: None })
}
