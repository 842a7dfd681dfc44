//! One service behind HTTP: where it is, with which token it is asked, and how it is read.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::OutsideError;
use super::classify::{Failure, shortened};
use super::profile::{Profile, TokenHeader};
use super::request::{Limit, Request};
use super::settings::SettingsError;
use crate::http;

/// Most of an error answer that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// Longest time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A service. Its `Debug` and all errors are free of its token.
#[derive(Debug)]
pub struct Service {
    profile: Profile,
    base: Url,
    token: Option<SecretString>,
    /// Environment variables in which a token would be looked for, for messages.
    variables: Vec<String>,
    /// Hosts to which a redirect is followed besides its own.
    redirects: Vec<String>,
    /// Least time between two requests.
    interval: Duration,
    /// When the last request was sent.
    last: Mutex<Option<Instant>>,
    /// Made when it is first needed: reading certificates takes time that a start does not have.
    client: OnceLock<Result<Client, String>>,
}

/// An answer that was a success.
#[derive(Debug)]
pub struct Answer {
    /// Its address, after redirects.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, or the beginning of it.
    pub body: Vec<u8>,
    /// True when the body is whole.
    pub whole: bool,
}

impl Answer {
    /// The type of its content, without parameters, in lower case.
    pub fn kind(&self) -> String {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }
}

impl Service {
    /// A service at `base`.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub fn new(
        profile: Profile,
        base: &str,
        token: Option<SecretString>,
    ) -> Result<Self, SettingsError> {
        let setting = || format!("{}.{}", profile.table, profile.address);
        let base: Url = base
            .trim_end_matches('/')
            .parse()
            .map_err(|_| SettingsError::Address { setting: setting() })?;
        let host = base.host_str().unwrap_or_default().to_owned();
        let extra = !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some();
        if !matches!(base.scheme(), "http" | "https") || host.is_empty() || extra {
            return Err(SettingsError::Address { setting: setting() });
        }
        if let Some(token) = &token {
            let setting = format!("{}.token", profile.table);
            if base.scheme() == "http" && !http::is_loopback(&host) {
                return Err(SettingsError::TokenOverPlainHttp { setting, host });
            }
            let token = token.expose_secret();
            if token.is_empty() || token.bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
                return Err(SettingsError::Token { setting });
            }
        }
        Ok(Self {
            profile,
            base,
            token,
            variables: Vec::new(),
            redirects: Vec::new(),
            interval: Duration::ZERO,
            last: Mutex::new(None),
            client: OnceLock::new(),
        })
    }

    /// With the names of the environment variables that may hold a token.
    pub fn with_variables(mut self, variables: Vec<String>) -> Self {
        self.variables = variables;
        self
    }

    /// With hosts that its redirects may lead to; `*.example.org` stands for all below.
    pub fn with_redirects(mut self, hosts: &[String]) -> Self {
        self.redirects = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        self
    }

    /// With a least time between two requests.
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Its name for people.
    pub const fn name(&self) -> &'static str {
        self.profile.name
    }

    /// Returns true when it has a token.
    pub const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Advice for a 403 that is not about the token.
    pub const fn forbidden_help(&self) -> Option<&'static str> {
        self.profile.forbidden
    }

    /// Hosts that it reaches.
    pub fn hosts(&self) -> Vec<String> {
        let own = self.base.host_str().unwrap_or_default().to_ascii_lowercase();
        std::iter::once(own).chain(self.redirects.iter().cloned()).collect()
    }

    /// Advice on where to get a token and where to put it.
    pub fn token_help(&self) -> String {
        let Some(page) = self.profile.token_page else {
            return "it takes no token, and the address is the setting to look at".to_owned();
        };
        let variables = self.variables.join(" or ");
        let set =
            if variables.is_empty() { String::new() } else { format!("set {variables}, or ") };
        format!("{set}pass one as `{}.token` (made at {page})", self.profile.table)
    }

    /// # Errors
    /// When there is no token.
    pub fn need_token(&self) -> Result<&SecretString, OutsideError> {
        self.token
            .as_ref()
            .ok_or_else(|| OutsideError::NoToken { service: self.name(), help: self.token_help() })
    }

    /// `text` without the token.
    pub fn without_token(&self, text: &str) -> String {
        match &self.token {
            Some(token) => text.replace(token.expose_secret(), "[token]"),
            None => text.to_owned(),
        }
    }

    /// `text` without the token, should it have been echoed, and without other secrets, shortened.
    pub fn clean(&self, text: &str) -> String {
        // Before shortening, so that half a token is not left at the end.
        let text: String = text.chars().take(4_000).collect();
        let text = self.without_token(&text);
        shortened(&crate::tool::plain(lore_session::redact::text(&text).as_bytes()))
    }

    /// The error for an answer that is not what the service documents.
    pub fn malformed(&self, message: impl Into<String>) -> OutsideError {
        OutsideError::Malformed {
            service: self.name(),
            message: self.clean(&message.into()),
            setting: self.address_setting(),
        }
    }

    fn address_setting(&self) -> String {
        format!("{}.{}", self.profile.table, self.profile.address)
    }

    /// Asks, and reads the answer as JSON.
    pub async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, OutsideError> {
        let answer = self.send(request).await?;
        self.parse(&answer)
    }

    /// Reads an answer as JSON.
    pub fn parse<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, OutsideError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.malformed(error.to_string()))
    }

    /// Asks, and reads the answer within its limit. What only looks is asked once more when the service asks
    /// for a short wait or is briefly broken.
    pub async fn send(&self, request: Request) -> Result<Answer, OutsideError> {
        let response = match self.open(&request).await {
            Err(error) if request.method == Method::GET => match error.retry_wait() {
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    self.open(&request).await?
                }
                None => return Err(error),
            },
            opened => opened?,
        };
        let (url, headers) = (response.url().clone(), response.headers().clone());
        let (body, whole) = self.read(response, request.limit).await?;
        Ok(Answer { url, headers, body, whole })
    }

    /// Asks, and follows redirects; the answer is a success whose body is not read yet.
    pub async fn open(&self, request: &Request) -> Result<Response, OutsideError> {
        self.pace().await;
        let mut url = self.url(request);
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(request, url.clone()).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            if !status.is_redirection() {
                return Err(self.failure(response).await);
            }
            url = self.redirected(request, &url, &response)?;
        }
        Err(self.not_followed(&url, "it was redirected too often"))
    }

    async fn ask(&self, request: &Request, url: Url) -> Result<Response, OutsideError> {
        let with_token = url.origin() == self.base.origin();
        let mut asked = self.client()?.request(request.method.clone(), url.clone());
        asked = asked.headers(self.headers(request, with_token));
        if let Some(body) = &request.body {
            asked = asked.body(body.clone());
        }
        asked.send().await.map_err(|error| self.unreachable(&url, error))
    }

    fn headers(&self, request: &Request, with_token: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let own = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in self.profile.headers.iter().copied().chain(own) {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        if let (true, Some(token)) = (with_token, &self.token) {
            let (name, value) = match self.profile.token_header {
                TokenHeader::Bearer => (AUTHORIZATION, format!("Bearer {}", token.expose_secret())),
                TokenHeader::Named(name) => {
                    (HeaderName::from_static(name), token.expose_secret().to_owned())
                }
            };
            if let Ok(mut value) = HeaderValue::from_str(&value) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        headers
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&request.segments);
        }
        if !request.query.is_empty() {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(request.query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        url
    }

    /// The target of a redirect, when it may be followed. The token goes to the service's own origin only.
    fn redirected(
        &self,
        request: &Request,
        from: &Url,
        response: &Response,
    ) -> Result<Url, OutsideError> {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| from.join(to).ok());
        let Some(to) = to else {
            return Err(self.malformed("it redirects to no address"));
        };
        if request.method != Method::GET {
            return Err(self.not_followed(&to, "what was sent would be sent there"));
        }
        let safe = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
        if !safe || !to.username().is_empty() || to.password().is_some() {
            return Err(self.not_followed(&to, "only https without credentials is"));
        }
        let host = to.host_str().unwrap_or_default().to_ascii_lowercase();
        let known = self.hosts().iter().any(|name| match name.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => *name == host,
        });
        if !known {
            return Err(self.not_followed(&to, "the host is not among those of this tool"));
        }
        Ok(to)
    }

    fn not_followed(&self, to: &Url, why: &'static str) -> OutsideError {
        let to = to.host_str().unwrap_or("nowhere").to_owned();
        OutsideError::Redirected { service: self.name(), to, why }
    }

    /// Waits until the next request may be sent.
    async fn pace(&self) {
        if self.interval.is_zero() {
            return;
        }
        // Held while waiting, so that calls at the same time queue up.
        let mut last = self.last.lock().await;
        if let Some(last) = *last {
            sleep_until(last + self.interval).await;
        }
        *last = Some(Instant::now());
    }

    fn client(&self) -> Result<&Client, OutsideError> {
        let made = self.client.get_or_init(|| {
            let loopback = http::is_loopback(self.base.host_str().unwrap_or_default());
            let client = http::client(|| {
                let builder = Client::builder()
                    .redirect(Policy::none())
                    .connect_timeout(CONNECT_TIME)
                    .user_agent(concat!("lore/", env!("CARGO_PKG_VERSION")));
                if loopback { builder.no_proxy() } else { builder }
            });
            client.map_err(http::describe)
        });
        made.as_ref().map_err(|why| OutsideError::Client(why.clone()))
    }

    /// A connection that broke while an answer was read.
    pub fn broken(&self, error: reqwest::Error) -> OutsideError {
        self.unreachable(&self.base, error)
    }

    fn unreachable(&self, url: &Url, error: reqwest::Error) -> OutsideError {
        OutsideError::Unreachable {
            service: self.name(),
            host: url.host_str().unwrap_or_default().to_owned(),
            message: self.clean(&http::describe(error)),
            setting: self.address_setting(),
        }
    }

    async fn failure(&self, response: Response) -> OutsideError {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // The status is known already, and matters more than the rest of the body.
        let body = self.read(response, Limit::Cut(MAX_ERROR_BYTES)).await;
        let body = body.map(|(body, _)| body).unwrap_or_default();
        let failure = Failure {
            status,
            headers: &headers,
            body: &String::from_utf8_lossy(&body),
            now: jiff::Timestamp::now().as_second(),
        };
        failure.classify(self)
    }

    async fn read(
        &self,
        mut response: Response,
        limit: Limit,
    ) -> Result<(Vec<u8>, bool), OutsideError> {
        let (Limit::Refuse(most) | Limit::Cut(most)) = limit;
        let url = response.url().clone();
        let mut body: Vec<u8> = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.unreachable(&url, error))?
        {
            let room = most - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                if limit == Limit::Refuse(most) {
                    return Err(OutsideError::TooLarge { service: self.name(), limit_bytes: most });
                }
                return Ok((body, false));
            }
        }
        Ok((body, true))
    }
}
