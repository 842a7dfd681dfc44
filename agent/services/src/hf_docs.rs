//! The documentation of Hugging Face's libraries and services.

use schemars::JsonSchema;
use serde::Deserialize;

use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, lines_of};
use lore_agent::service::{Limit, MAX_ANSWER_BYTES, Request};

/// Columns of text made from HTML.
const COLUMNS: usize = 100;
/// Longest excerpt of a page, in characters.
const EXCERPT_CHARS: usize = 1200;

#[derive(Debug, Deserialize)]
struct Hit {
    text: String,
    product: Option<String>,
    heading1: Option<String>,
    heading2: Option<String>,
    source_page_url: Option<String>,
    source_page_title: Option<String>,
}

/// `hf_docs_search`.
pub(super) struct Search;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Text to search for.
    query: String,
    /// One product only, such as `transformers`, `trl`, `hub`, `datasets`.
    product: Option<String>,
    /// Number of excerpts, 8 when absent.
    #[schemars(range(min = 1, max = 30))]
    limit: Option<u32>,
}

impl Operation for Search {
    type Arguments = SearchArguments;
    const NAME: &'static str = "hf_docs_search";
    const DESCRIPTION: &'static str =
        "Searches the documentation of Hugging Face libraries; gives excerpts and pages to read.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        let request = Request::get(&["api", "docs", "search"])
            .query("q", &asked.query)
            .query_some("product", asked.product.as_ref());
        let hits: Vec<Hit> = service.json(request).await?;
        let limit = asked.limit.unwrap_or(8).clamp(1, 30) as usize;
        let mut found = Found::new();
        found.line(format!("{} excerpts, {} shown", hits.len(), hits.len().min(limit)));
        for hit in hits.iter().take(limit) {
            let title = hit.heading1.as_ref().or(hit.source_page_title.as_ref());
            let title = title.map_or("(without a title)", String::as_str);
            let product = hit.product.as_deref().unwrap_or("?");
            found.line(format!("- {} [{product}]", clipped(title, 200)));
            found.field("section", hit.heading2.as_ref());
            found.field("page", hit.source_page_url.as_ref());
            found.field("says", Some(clipped(&hit.text, EXCERPT_CHARS)));
        }
        Ok(found)
    }
}

/// `hf_docs_read`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadArguments {
    /// The page below `docs/`, such as `trl/sft_trainer`, or its whole address.
    page: String,
    /// First line, from 1.
    #[schemars(range(min = 1))]
    first_line: Option<u32>,
    /// Number of lines, 300 when absent.
    #[schemars(range(min = 1, max = 2000))]
    lines: Option<u32>,
}

impl Operation for Read {
    type Arguments = ReadArguments;
    const NAME: &'static str = "hf_docs_read";
    const DESCRIPTION: &'static str = "Reads a page of the Hugging Face documentation as Markdown.";

    async fn run(&self, service: &Service, asked: ReadArguments) -> Result<Found, OutsideError> {
        let page = page_of(&asked.page, &service.hosts())?;
        let first = asked.first_line.unwrap_or(1).max(1) as usize;
        let lines = asked.lines.unwrap_or(300).clamp(1, 2000) as usize;
        let request = |name: &str| {
            Ok::<_, OutsideError>(
                Request::get(&["docs"])
                    .below(name)?
                    .header("accept", "text/markdown, text/html;q=0.5")
                    .limit(Limit::Cut(MAX_ANSWER_BYTES)),
            )
        };
        // Pages have a Markdown twin; an older version or a front page may not.
        let answer = match service.send(request(&format!("{page}.md"))?).await {
            Err(OutsideError::NotFound { .. }) => service.send(request(&page)?).await?,
            answer => answer?,
        };
        let html = matches!(answer.kind().as_str(), "text/html" | "application/xhtml+xml");
        let body = if html { to_text(service, answer.body).await? } else { answer.body };
        lines_of(&page, &body, answer.whole, first, lines).map_err(OutsideError::argument)
    }
}

/// Text of an HTML page. Deeply nested pages take long, so it runs beside.
async fn to_text(service: &Service, body: Vec<u8>) -> Result<Vec<u8>, OutsideError> {
    let text = tokio::task::spawn_blocking(move || {
        html2text::config::plain().string_from_read(body.as_slice(), COLUMNS)
    });
    match text.await {
        Ok(Ok(text)) => Ok(text.into_bytes()),
        Ok(Err(error)) => Err(service.malformed(error.to_string())),
        Err(_) => Err(service.malformed("a page that cannot be turned into text")),
    }
}

/// The path below `docs/` of a page that was named by path or address.
fn page_of(page: &str, hosts: &[String]) -> Result<String, OutsideError> {
    let refused = || {
        let why = format!("{page:?} is not a page below docs/, such as trl/sft_trainer");
        OutsideError::argument(why)
    };
    let bare = page.trim().split(['#', '?']).next().unwrap_or_default();
    let path = match bare.split_once("://") {
        None => bare.trim_start_matches('/').trim_start_matches("docs/"),
        Some((_, rest)) => {
            let (host, path) = rest.split_once('/').ok_or_else(refused)?;
            let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
            // `hf.co` is its short name.
            if !hosts.contains(&host) && host != "hf.co" {
                return Err(refused());
            }
            path.strip_prefix("docs/").ok_or_else(refused)?
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".md").unwrap_or(path);
    if path.is_empty() { Err(refused()) } else { Ok(path.to_owned()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_page_is_named_by_path_or_address_of_the_documentation_only() {
        let hosts = ["huggingface.co".to_owned()];
        for page in [
            "trl/sft_trainer",
            "/docs/trl/sft_trainer",
            "https://huggingface.co/docs/trl/sft_trainer#install",
            "https://hf.co/docs/trl/sft_trainer.md",
        ] {
            assert_eq!(page_of(page, &hosts).unwrap(), "trl/sft_trainer", "{page}");
        }
        for page in
            ["", "docs/", "https://huggingface.co/api/whoami", "https://evil.example/docs/a"]
        {
            assert!(page_of(page, &hosts).is_err(), "{page}");
        }
    }
}
