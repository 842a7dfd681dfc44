//! Papers of Semantic Scholar, by its Academic Graph API.

use schemars::JsonSchema;
use serde::Deserialize;

use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped, some_of};
use lore_agent::service::{Profile, TokenHeader};

pub(super) const PROFILE: Profile = Profile {
    name: "Semantic Scholar",
    table: "agent.outside.semantic_scholar",
    address: "base_url",
    token_header: TokenHeader::Named("x-api-key"),
    token_page: Some("https://www.semanticscholar.org/product/api"),
    headers: &[],
    forbidden: None,
};
pub(super) const BASE: &str = "https://api.semanticscholar.org/graph/v1";
pub(super) const VARIABLES: [&str; 2] = ["S2_API_KEY", "SEMANTIC_SCHOLAR_API_KEY"];

/// Fields asked of a paper in a list, and of one alone.
const LIST_FIELDS: &str =
    "title,year,authors,venue,citationCount,externalIds,openAccessPdf,tldr,publicationDate";
const FIELDS: &str = "title,year,authors,venue,citationCount,referenceCount,influentialCitationCount,\
externalIds,openAccessPdf,tldr,publicationDate,abstract,fieldsOfStudy,publicationTypes,url";
/// Papers that cite have no summary by a model.
const CITING_FIELDS: &str =
    "title,year,authors,venue,citationCount,externalIds,contexts,intents,isInfluential";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paper {
    paper_id: Option<String>,
    title: Option<String>,
    year: Option<i32>,
    authors: Option<Vec<Author>>,
    venue: Option<String>,
    citation_count: Option<u64>,
    reference_count: Option<u64>,
    influential_citation_count: Option<u64>,
    external_ids: Option<std::collections::BTreeMap<String, serde_json::Value>>,
    open_access_pdf: Option<Pdf>,
    tldr: Option<Tldr>,
    publication_date: Option<String>,
    #[serde(rename = "abstract")]
    summary: Option<String>,
    fields_of_study: Option<Vec<String>>,
    publication_types: Option<Vec<String>>,
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Author {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pdf {
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Tldr {
    text: Option<String>,
}

/// A page of a list. When nothing is found there may be no data at all, but always where it begins.
#[derive(Debug, Deserialize)]
struct Page<T> {
    #[serde(rename = "offset")]
    _offset: u64,
    total: Option<u64>,
    next: Option<u64>,
    data: Option<Vec<T>>,
}

/// One that cites, or is cited.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    #[serde(alias = "citedPaper")]
    citing_paper: Paper,
    contexts: Option<Vec<String>>,
    intents: Option<Vec<String>>,
    is_influential: Option<bool>,
}

impl Paper {
    fn show(&self, found: &mut Found) {
        let title = self.title.as_deref().unwrap_or("(without a title)");
        let id = self.paper_id.as_deref().unwrap_or("(without an id)");
        found.line(format!("- {} [{id}]", clipped(title, 300)));
        let authors: Vec<String> =
            self.authors.iter().flatten().filter_map(|author| author.name.clone()).collect();
        found.field("authors", some_of(&authors, 8));
        let when = self.publication_date.clone().or(self.year.map(|year| year.to_string()));
        found.field("published", when);
        found.field("venue", self.venue.as_ref());
        found.field("cited by", self.citation_count);
        found.field("cited by, influential", self.influential_citation_count);
        found.field("references", self.reference_count);
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let ids: Vec<String> = self
            .external_ids
            .iter()
            .flatten()
            .map(|(kind, id)| format!("{kind}:{}", text(id)))
            .collect();
        found.field("ids", some_of(&ids, 8));
        found.field("pdf", self.open_access_pdf.as_ref().and_then(|pdf| pdf.url.as_ref()));
        found.field("fields", some_of(self.fields_of_study.as_deref().unwrap_or_default(), 8));
        found.field("types", some_of(self.publication_types.as_deref().unwrap_or_default(), 8));
        found.field("page", self.url.as_ref());
        found.field("in short", self.tldr.as_ref().and_then(|tldr| tldr.text.as_ref()));
        found.field("abstract", self.summary.as_ref());
    }
}

/// `scholar_search`.
pub(super) struct Search;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Words of the title or abstract.
    query: String,
    /// Years, such as `2024`, `2020-2024` or `2023-`.
    year: Option<String>,
    /// Fewest citations.
    min_citations: Option<u32>,
    /// Fields of study, such as `Computer Science`, separated by commas.
    fields_of_study: Option<String>,
    /// Only papers with a free PDF.
    #[serde(default)]
    open_access: bool,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
    /// Number of results to skip, up to 900.
    #[schemars(range(max = 900))]
    offset: Option<u32>,
}

impl Operation for Search {
    type Arguments = SearchArguments;
    const NAME: &'static str = "scholar_search";
    const DESCRIPTION: &'static str =
        "Searches scientific papers of all fields in Semantic Scholar, with citation counts.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        let mut request = Request::get(&["paper", "search"])
            .query("query", &asked.query)
            .query("fields", LIST_FIELDS)
            .query("limit", asked.limit.unwrap_or(10).clamp(1, 50))
            .query("offset", asked.offset.unwrap_or(0).min(900))
            .query_some("year", asked.year)
            .query_some("minCitationCount", asked.min_citations)
            .query_some("fieldsOfStudy", asked.fields_of_study);
        if asked.open_access {
            request = request.query("openAccessPdf", "");
        }
        let page: Page<Paper> = service.json(request).await?;
        let papers = page.data.unwrap_or_default();
        let mut found = Found::new();
        found.line(format!("{} papers fit; shown: {}", page.total.unwrap_or(0), papers.len()));
        papers.iter().for_each(|paper| paper.show(&mut found));
        if let Some(next) = page.next {
            found.more(format!("more with offset {next}"));
        }
        Ok(found)
    }
}

const PAPER_HINT: &str = "{id} is no paper id: give a Semantic Scholar id, or DOI:..., ARXIV:..., \
CorpusId:..., PMID:..., ACL:..., URL:...";

/// The segment of a paper. Ids may hold slashes (DOIs do) and are one segment.
fn paper_segment(id: &str) -> Result<&str, OutsideError> {
    let id = id.trim();
    let plain = !id.is_empty()
        && id.len() <= 300
        && !matches!(id, "." | ".." | "search" | "batch" | "autocomplete")
        && !id.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain { Ok(id) } else { Err(OutsideError::argument(PAPER_HINT.replace("{id}", id))) }
}

/// `scholar_paper`.
pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperArguments {
    /// Semantic Scholar id, or `DOI:...`, `ARXIV:...`, `CorpusId:...`, `PMID:...`, `ACL:...`, `URL:...`.
    id: String,
}

impl Operation for Read {
    type Arguments = PaperArguments;
    const NAME: &'static str = "scholar_paper";
    const DESCRIPTION: &'static str = "One scientific paper of Semantic Scholar: abstract, summary, authors, citations, free PDF.";

    async fn run(&self, service: &Service, asked: PaperArguments) -> Result<Found, OutsideError> {
        let request = Request::get(&["paper", paper_segment(&asked.id)?]).query("fields", FIELDS);
        let paper: Paper = service.json(request).await?;
        if paper.paper_id.is_none() && paper.title.is_none() {
            return Err(service.malformed("a paper with neither id nor title"));
        }
        let mut found = Found::new();
        paper.show(&mut found);
        Ok(found)
    }
}

/// `scholar_citations`.
pub(super) struct Citations;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CitationsArguments {
    /// The paper: Semantic Scholar id, or `DOI:...`, `ARXIV:...`, `CorpusId:...`, `URL:...`.
    id: String,
    /// `citing`: papers that cite it (when absent); `cited`: its references.
    direction: Option<Direction>,
    /// Number of results, 20 when absent.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// Number of results to skip.
    #[schemars(range(max = 9000))]
    offset: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Citing,
    Cited,
}

impl Operation for Citations {
    type Arguments = CitationsArguments;
    const NAME: &'static str = "scholar_citations";
    const DESCRIPTION: &'static str =
        "Papers that cite a paper, or those that it cites, with the sentences that cite.";

    async fn run(
        &self,
        service: &Service,
        asked: CitationsArguments,
    ) -> Result<Found, OutsideError> {
        let direction = asked.direction.unwrap_or(Direction::Citing);
        let list = if direction == Direction::Citing { "citations" } else { "references" };
        let request = Request::get(&["paper", paper_segment(&asked.id)?, list])
            .query("fields", CITING_FIELDS)
            .query("limit", asked.limit.unwrap_or(20).clamp(1, 100))
            .query("offset", asked.offset.unwrap_or(0).min(9000));
        let page: Page<Link> = service.json(request).await?;
        let links = page.data.unwrap_or_default();
        let mut found = Found::new();
        found.line(format!("{list} of {}: {} shown", asked.id, links.len()));
        for link in &links {
            link.citing_paper.show(&mut found);
            found.field("influential", link.is_influential.filter(|yes| *yes).map(|_| "yes"));
            found.field("intent", some_of(link.intents.as_deref().unwrap_or_default(), 4));
            let said = link.contexts.iter().flatten().next();
            found.field("says", said.map(|said| clipped(said, 400)));
        }
        if let Some(next) = page.next {
            found.more(format!("more with offset {next}"));
        }
        Ok(found)
    }
}
