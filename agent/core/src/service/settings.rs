//! Settings of the services that may be asked, with addresses and tokens: `[agent.outside]` of `config.toml`.

use secrecy::SecretString;
use serde::Deserialize;

/// Settings of the tools that need the outside world. All are off unless they are enabled one by one.
///
/// ```toml
/// [agent.outside.arxiv]
/// enabled = true
///
/// [agent.outside.huggingface]
/// enabled = true
/// write = true            # also creating repositories and committing to them
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutsideSettings {
    /// Longest call, in seconds, 1 to 600; 60 when absent.
    pub timeout_seconds: Option<u16>,
    /// arXiv.
    pub arxiv: ArxivSettings,
    /// Semantic Scholar.
    pub semantic_scholar: SemanticScholarSettings,
    /// Hugging Face.
    pub huggingface: HuggingFaceSettings,
    /// GitHub.
    pub github: GithubSettings,
    /// Search of the web.
    pub web_search: WebSearchSettings,
}

impl OutsideSettings {
    /// The tables that switch a service on, `agent.outside.arxiv` for instance, in their order.
    #[must_use]
    pub fn enabled(&self) -> Vec<&'static str> {
        [
            ("agent.outside.arxiv", self.arxiv.enabled),
            ("agent.outside.semantic_scholar", self.semantic_scholar.enabled),
            ("agent.outside.huggingface", self.huggingface.enabled),
            ("agent.outside.github", self.github.enabled),
            ("agent.outside.web_search", self.web_search.provider.is_some()),
        ]
        .into_iter()
        .filter_map(|(table, is_on)| is_on.then_some(table))
        .collect()
    }
}

/// arXiv: takes no token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArxivSettings {
    /// True when its tools are offered.
    pub enabled: bool,
    /// Address instead of `https://export.arxiv.org`.
    pub base_url: Option<String>,
    /// Least seconds between two requests; 3 when absent, as its terms of use ask for.
    pub interval_seconds: Option<u16>,
}

/// Semantic Scholar: works without a token, at a rate shared with everybody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemanticScholarSettings {
    /// True when its tools are offered.
    pub enabled: bool,
    /// Address instead of `https://api.semanticscholar.org/graph/v1`.
    pub base_url: Option<String>,
    /// The token itself; from the environment when absent.
    pub token: Option<SecretString>,
    /// Environment variable of the token instead of `S2_API_KEY` and `SEMANTIC_SCHOLAR_API_KEY`.
    pub token_env: Option<String>,
}

/// Hugging Face: public things need no token.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HuggingFaceSettings {
    /// True when the tools that only look are offered.
    pub enabled: bool,
    /// True when the tools that create repositories and commit to them are offered.
    pub write: bool,
    /// True when the tools of jobs are offered; jobs cost money.
    pub jobs: bool,
    /// True when a job may be given the token as its secret `HF_TOKEN`: its code can then do all that the
    /// token may.
    pub jobs_may_use_token: bool,
    /// Address instead of `https://huggingface.co`.
    pub base_url: Option<String>,
    /// Address instead of `https://datasets-server.huggingface.co`.
    pub datasets_server_url: Option<String>,
    /// Hosts to which downloads may be redirected instead of `*.hf.co`; they never get the token.
    pub download_hosts: Option<Vec<String>>,
    /// The token itself; from the environment when absent.
    pub token: Option<SecretString>,
    /// Environment variable of the token instead of `HF_TOKEN` and `HUGGING_FACE_HUB_TOKEN`.
    pub token_env: Option<String>,
}

/// GitHub: searching code needs a token, the rest works without at 60 requests an hour.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GithubSettings {
    /// True when its tools are offered.
    pub enabled: bool,
    /// Address instead of `https://api.github.com`; of an own server `https://HOST/api/v3`.
    pub base_url: Option<String>,
    /// The token itself; from the environment when absent.
    pub token: Option<SecretString>,
    /// Environment variable of the token instead of `GITHUB_TOKEN` and `GH_TOKEN`.
    pub token_env: Option<String>,
}

/// Search of the web, by one provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebSearchSettings {
    /// The provider that is asked; without one there is no such tool.
    pub provider: Option<WebSearchProvider>,
    /// Address of the provider: needed for `searxng`, instead of `https://api.search.brave.com/res/v1` for
    /// `brave` and of `https://api.tavily.com` for `tavily`.
    pub base_url: Option<String>,
    /// The token itself; from the environment when absent. `searxng` needs none.
    pub token: Option<SecretString>,
    /// Environment variable of the token instead of `BRAVE_API_KEY` and `BRAVE_SEARCH_API_KEY`, or of
    /// `TAVILY_API_KEY`.
    pub token_env: Option<String>,
}

/// A provider of web search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebSearchProvider {
    /// Brave Search API, which needs a token.
    Brave,
    /// A SearXNG instance, such as one's own, whose JSON format is switched on.
    Searxng,
    /// Tavily, which needs a token.
    Tavily,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an address.
    #[error(
        "`{setting}` is not an http or https address without user, query and fragment, like \
         https://example.org/api"
    )]
    Address {
        /// The setting.
        setting: String,
    },
    /// An address that has no default.
    #[error("`{setting}` is missing: {why}")]
    Missing {
        /// The setting.
        setting: String,
        /// Why it is needed.
        why: &'static str,
    },
    /// The token would be readable on the way.
    #[error(
        "`{setting}` is not sent over plain http to {host}; use https, or http on loopback only"
    )]
    TokenOverPlainHttp {
        /// The setting.
        setting: String,
        /// The host.
        host: String,
    },
    /// The token cannot be a header.
    #[error(
        "`{setting}`, or the environment variable in its place, is empty or holds blanks or other \
         bytes that no token has; it was probably copied with something around it"
    )]
    Token {
        /// The setting.
        setting: String,
    },
    /// A number out of range.
    #[error("`{setting}` is {value}, and goes from {least} to {most}")]
    Range {
        /// The setting.
        setting: String,
        /// Its value.
        value: u64,
        /// Least value.
        least: u64,
        /// Largest value.
        most: u64,
    },
    /// Settings that contradict each other.
    #[error("`{setting}` needs `{needs}`: {why}")]
    Needs {
        /// The setting.
        setting: String,
        /// The other setting that it needs.
        needs: String,
        /// Why.
        why: &'static str,
    },
}
