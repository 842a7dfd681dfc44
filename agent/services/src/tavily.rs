//! Tavily, by its search API.

use serde::Deserialize;
use serde_json::json;

use super::web_search::{Hit, Hits, SearchArguments};
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Page>,
}

#[derive(Debug, Deserialize)]
struct Page {
    title: Option<String>,
    url: String,
    content: Option<String>,
    published_date: Option<String>,
}

pub(super) async fn search(
    service: &Service,
    asked: &SearchArguments,
) -> Result<Hits, OutsideError> {
    service.need_token()?;
    if asked.page() > 1 {
        return Err(OutsideError::argument("this provider has one page: ask for a larger limit"));
    }
    let mut body = json!({
        "query": asked.query.trim(),
        "max_results": asked.count(),
        "search_depth": "basic",
        "include_answer": false,
    });
    if let Some(within) = asked.within {
        body["time_range"] = within.word().into();
    }
    let answer: Answer = service.json(Request::post(&["search"], &body)).await?;
    let hits = answer.results.into_iter().map(|page| Hit {
        title: page.title.unwrap_or_else(|| page.url.clone()),
        url: page.url,
        says: page.content,
        age: page.published_date,
    });
    Ok(Hits { hits: hits.collect(), more: false, remark: None })
}
