//! Papers as Hugging Face knows them: those of the day, search, one with what belongs to it, its text.

use schemars::JsonSchema;
use serde::Deserialize;

use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, lines_of, some_of};
use lore_agent::service::{Limit, MAX_ANSWER_BYTES, Request};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paper {
    id: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    authors: Option<Vec<Author>>,
    published_at: Option<String>,
    upvotes: Option<u64>,
    github_repo: Option<String>,
    project_page: Option<String>,
    #[serde(rename = "ai_summary")]
    ai_summary: Option<String>,
    #[serde(rename = "ai_keywords")]
    ai_keywords: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Author {
    name: Option<String>,
}

/// One of a list: the paper, and how it is talked of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    paper: Paper,
    num_comments: Option<u64>,
}

impl Paper {
    fn show(&self, found: &mut Found, whole: bool) {
        let title = self.title.as_deref().unwrap_or("(without a title)");
        let id = self.id.as_deref().unwrap_or("(without an id)");
        found.line(format!("- {} [{id}]", clipped(title, 300)));
        let authors: Vec<String> =
            self.authors.iter().flatten().filter_map(|author| author.name.clone()).collect();
        found.field("authors", some_of(&authors, if whole { 40 } else { 6 }));
        found.field("published", self.published_at.as_ref());
        found.field("upvotes", self.upvotes);
        found.field("code", self.github_repo.as_ref());
        found.field("project", self.project_page.as_ref());
        found.field("keywords", some_of(self.ai_keywords.as_deref().unwrap_or_default(), 12));
        let most = if whole { 10_000 } else { 500 };
        if whole {
            found.field("in short", self.ai_summary.as_ref());
        }
        found.field("abstract", self.summary.as_ref().map(|summary| clipped(summary, most)));
    }
}

fn list(entries: &[Entry], limit: usize, what: &str) -> Found {
    let mut found = Found::new();
    found.line(format!("{what}: {} of {} shown", entries.len().min(limit), entries.len()));
    for entry in entries.iter().take(limit) {
        entry.paper.show(&mut found, false);
        found.field("comments", entry.num_comments.filter(|count| *count > 0));
    }
    found
}

/// `hf_papers_daily`.
pub(super) struct Daily;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DailyArguments {
    /// The day, `YYYY-MM-DD`; the latest when absent.
    date: Option<String>,
    /// Number of results, 20 when absent.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// Page, from 0.
    #[schemars(range(max = 100))]
    page: Option<u32>,
}

impl Operation for Daily {
    type Arguments = DailyArguments;
    const NAME: &'static str = "hf_papers_daily";
    const DESCRIPTION: &'static str =
        "Papers on machine learning that the Hugging Face community picked on a day.";

    async fn run(&self, service: &Service, asked: DailyArguments) -> Result<Found, OutsideError> {
        if let Some(date) = &asked.date
            && date.parse::<jiff::civil::Date>().is_err()
        {
            return Err(OutsideError::argument(format!("{date:?} is not a day like 2025-11-26")));
        }
        let limit = asked.limit.unwrap_or(20).clamp(1, 100);
        let request = Request::get(&["api", "daily_papers"])
            .query("limit", limit)
            .query_some("p", asked.page)
            .query_some("date", asked.date.as_ref());
        let entries: Vec<Entry> = service.json(request).await?;
        let day = asked.date.as_deref().unwrap_or("the latest day");
        Ok(list(&entries, limit as usize, &format!("papers of {day}")))
    }
}

/// `hf_papers_search`.
pub(super) struct Search;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Text to search for, 2 to 250 characters.
    query: String,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

impl Operation for Search {
    type Arguments = SearchArguments;
    const NAME: &'static str = "hf_papers_search";
    const DESCRIPTION: &'static str =
        "Searches papers on machine learning on Hugging Face by meaning and words.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        let limit = asked.limit.unwrap_or(10).clamp(1, 50);
        let request = Request::get(&["api", "papers", "search"])
            .query("q", &asked.query)
            .query("limit", limit);
        let entries: Vec<Entry> = service.json(request).await?;
        Ok(list(&entries, limit as usize, &format!("papers for {:?}", asked.query)))
    }
}

/// An arXiv id as the hub has it: without its version.
fn paper_id(id: &str) -> Result<&str, OutsideError> {
    let id = id.trim().trim_start_matches("arXiv:").trim_start_matches("arxiv:");
    let known = id.len() <= 32
        && id.starts_with(|c: char| c.is_ascii_digit())
        && id.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'v'));
    if known {
        Ok(id.split('v').next().unwrap_or(id))
    } else {
        Err(OutsideError::argument(format!("{id:?} is not an arXiv id like 1706.03762")))
    }
}

/// `hf_paper`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperArguments {
    /// arXiv id, such as `1706.03762`.
    id: String,
}

impl Operation for Read {
    type Arguments = PaperArguments;
    const NAME: &'static str = "hf_paper";
    const DESCRIPTION: &'static str =
        "One paper on Hugging Face: abstract, authors, code, keywords, upvotes.";

    async fn run(&self, service: &Service, asked: PaperArguments) -> Result<Found, OutsideError> {
        let id = paper_id(&asked.id)?;
        let paper: Paper = service.json(Request::get(&["api", "papers", id])).await?;
        if paper.id.is_none() && paper.title.is_none() {
            return Err(service.malformed("a paper with neither id nor title"));
        }
        let mut found = Found::new();
        paper.show(&mut found, true);
        Ok(found)
    }
}

/// `hf_paper_read`.
pub(super) struct ReadText;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextArguments {
    /// arXiv id, such as `1706.03762`.
    id: String,
    /// First line, from 1.
    #[schemars(range(min = 1))]
    first_line: Option<u32>,
    /// Number of lines, 300 when absent.
    #[schemars(range(min = 1, max = 2000))]
    lines: Option<u32>,
}

impl Operation for ReadText {
    type Arguments = TextArguments;
    const NAME: &'static str = "hf_paper_read";
    const DESCRIPTION: &'static str =
        "The text of a paper as Markdown, where arXiv has it as a web page.";

    async fn run(&self, service: &Service, asked: TextArguments) -> Result<Found, OutsideError> {
        let id = paper_id(&asked.id)?;
        let request = Request::get(&["papers", &format!("{id}.md")])
            .header("accept", "text/markdown, text/plain")
            .limit(Limit::Cut(MAX_ANSWER_BYTES));
        let answer = service.send(request).await?;
        if answer.kind() == "text/html" {
            let message = format!("there is no text of {id}, only the page of it");
            return Err(OutsideError::NotFound { service: service.name(), message });
        }
        let first = asked.first_line.unwrap_or(1).max(1) as usize;
        let lines = asked.lines.unwrap_or(300).clamp(1, 2000) as usize;
        lines_of(id, &answer.body, answer.whole, first, lines).map_err(OutsideError::argument)
    }
}
