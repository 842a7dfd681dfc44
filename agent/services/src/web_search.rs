//! The tool that searches the web, for every provider.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{brave, searxng, tavily};
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Service;
use lore_agent::service::WebSearchProvider;
use lore_agent::service::{Found, clipped};
use lore_agent::service::{Profile, TokenHeader};

const TABLE: &str = "agent.outside.web_search";

/// Facts known of a provider.
pub(super) const fn profile(provider: WebSearchProvider) -> Profile {
    match provider {
        WebSearchProvider::Brave => Profile {
            name: "Brave Search",
            table: TABLE,
            address: "base_url",
            token_header: TokenHeader::Named("x-subscription-token"),
            token_page: Some("https://api-dashboard.search.brave.com"),
            headers: &[],
            forbidden: None,
        },
        WebSearchProvider::Searxng => Profile {
            name: "SearXNG",
            table: TABLE,
            address: "base_url",
            token_header: TokenHeader::Bearer,
            token_page: None,
            headers: &[],
            forbidden: Some(
                "the instance does not give JSON, or shuts programs out; its owner adds `json` to \
                 `search.formats` of its settings.yml; another instance is set as \
                 `agent.outside.web_search.base_url`",
            ),
        },
        WebSearchProvider::Tavily => Profile {
            name: "Tavily",
            table: TABLE,
            address: "base_url",
            token_header: TokenHeader::Bearer,
            token_page: Some("https://app.tavily.com"),
            headers: &[],
            forbidden: None,
        },
    }
}

/// The address of a provider; None where everybody has another.
pub(super) const fn base(provider: WebSearchProvider) -> Option<&'static str> {
    match provider {
        WebSearchProvider::Brave => Some("https://api.search.brave.com/res/v1"),
        WebSearchProvider::Searxng => None,
        WebSearchProvider::Tavily => Some("https://api.tavily.com"),
    }
}

/// Environment variables of a provider's token.
pub(super) const fn variables(provider: WebSearchProvider) -> &'static [&'static str] {
    match provider {
        WebSearchProvider::Brave => &["BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"],
        WebSearchProvider::Searxng => &[],
        WebSearchProvider::Tavily => &["TAVILY_API_KEY"],
    }
}

/// `web_search`.
pub(super) struct Search {
    pub(super) provider: WebSearchProvider,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// Text to search for, at most 400 characters.
    #[schemars(length(min = 1, max = 400))]
    pub(super) query: String,
    /// Number of results, 10 when absent.
    #[schemars(range(min = 1, max = 20))]
    pub(super) limit: Option<u32>,
    /// Page, from 1; not every provider has more than one.
    #[schemars(range(min = 1, max = 10))]
    pub(super) page: Option<u32>,
    /// Only pages of the last day, week, month or year.
    pub(super) within: Option<Within>,
    /// Language of the pages, such as `en` or `de`; not every provider heeds it.
    pub(super) language: Option<String>,
}

/// A time that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Within {
    Day,
    Week,
    Month,
    Year,
}

impl Within {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl SearchArguments {
    pub(super) fn count(&self) -> u32 {
        self.limit.unwrap_or(10).clamp(1, 20)
    }

    pub(super) fn page(&self) -> u32 {
        self.page.unwrap_or(1).clamp(1, 10)
    }
}

/// A page that fits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) says: Option<String>,
    pub(super) age: Option<String>,
}

/// Results of a provider.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) hits: Vec<Hit>,
    /// True when there are more on the next page.
    pub(super) more: bool,
    /// Remark of the provider besides.
    pub(super) remark: Option<String>,
}

impl Operation for Search {
    type Arguments = SearchArguments;
    const NAME: &'static str = "web_search";
    const DESCRIPTION: &'static str = "Searches the web; gives titles, addresses and excerpts.";

    async fn run(&self, service: &Service, asked: SearchArguments) -> Result<Found, OutsideError> {
        let query = asked.query.trim();
        if query.is_empty() || query.chars().count() > 400 {
            return Err(OutsideError::argument("a query has 1 to 400 characters"));
        }
        let found = match self.provider {
            WebSearchProvider::Brave => brave::search(service, &asked).await,
            WebSearchProvider::Searxng => searxng::search(service, &asked).await,
            WebSearchProvider::Tavily => tavily::search(service, &asked).await,
        }?;
        let mut shown = Found::new();
        let count = found.hits.len().min(asked.count() as usize);
        shown.line(format!("{count} pages for {query:?}"));
        for hit in found.hits.iter().take(count) {
            shown.line(format!("- {}", clipped(&hit.title, 200)));
            shown.field("page", Some(clipped(&hit.url, 1000)));
            shown.field("age", hit.age.as_ref());
            shown.field("says", hit.says.as_ref().map(|says| clipped(says, 600)));
        }
        if let Some(remark) = &found.remark {
            shown.line(clipped(remark, 400));
        }
        if found.more {
            shown.more(format!("more with page {}", asked.page() + 1));
        }
        Ok(shown)
    }
}
