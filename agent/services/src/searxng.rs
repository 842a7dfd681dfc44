//! SearXNG, by the JSON format of its search API.

use serde::Deserialize;
use serde_json::Value;

use super::web_search::{Hit, Hits, SearchArguments};
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Page>,
    /// Pairs of an engine and why it did not answer.
    #[serde(default)]
    unresponsive_engines: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Page {
    title: Option<String>,
    url: String,
    content: Option<String>,
    #[serde(rename = "publishedDate")]
    published: Option<String>,
}

pub(super) async fn search(
    service: &Service,
    asked: &SearchArguments,
) -> Result<Hits, OutsideError> {
    let request = Request::get(&["search"])
        .query("q", asked.query.trim())
        .query("format", "json")
        .query("pageno", asked.page())
        .query_some("time_range", asked.within.map(super::web_search::Within::word))
        .query_some("language", asked.language.as_ref());
    let answer: Answer = service.json(request).await?;
    let shown = asked.count() as usize;
    // An instance gives as many as its engines do; a page with nothing is the last.
    let more = !answer.results.is_empty() && asked.page() < 10;
    let hits: Vec<Hit> = answer
        .results
        .into_iter()
        .take(shown)
        .map(|page| Hit {
            title: page.title.unwrap_or_else(|| page.url.clone()),
            url: page.url,
            says: page.content,
            age: page.published,
        })
        .collect();
    let silent: Vec<&str> = answer
        .unresponsive_engines
        .iter()
        .filter_map(|engine| engine.get(0).unwrap_or(engine).as_str())
        .collect();
    let remark =
        (!silent.is_empty()).then(|| format!("engines that did not answer: {}", silent.join(", ")));
    Ok(Hits { hits, more, remark })
}
