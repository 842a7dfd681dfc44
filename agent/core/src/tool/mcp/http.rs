//! A server over streamable HTTP.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Url, redirect};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::{ExposeSecret, SecretString};

use super::McpError;

/// Longest wait for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Largest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Address of a server, and what it is told about the client. `Debug` shows no credentials.
#[derive(Debug, Clone)]
pub struct McpHttpSettings {
    /// Prefix of its tools' names: at most 32 letters, digits, `-` and `_`, a letter first.
    pub name: String,
    /// Its endpoint, https, or http on this machine.
    pub url: Url,
    /// Token of `Authorization: Bearer`.
    pub bearer: Option<SecretString>,
    /// Further header lines, such as a key under a name of the server's own.
    pub headers: BTreeMap<String, SecretString>,
}

impl McpHttpSettings {
    /// The transport, whose client follows no redirect: header lines would go along to another server.
    pub(super) fn transport(
        &self,
        builder: ClientBuilder,
    ) -> Result<StreamableHttpClientTransport<Client>, McpError> {
        let wrong = |why: &str| McpError::Address { name: self.name.clone(), why: why.to_owned() };
        let secure = match self.url.scheme() {
            "https" => true,
            "http" => is_loopback(&self.url),
            _ => return Err(wrong("its address is neither http nor https")),
        };
        if !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(wrong(
                "its address holds credentials; give them apart, as a token or header",
            ));
        }
        if !secure && (self.bearer.is_some() || !self.headers.is_empty()) {
            return Err(wrong(
                "credentials are not sent over plain http to another machine; use https",
            ));
        }
        let mut headers = HashMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| wrong("a header's name is not one"))?;
            let mut value = HeaderValue::try_from(value.expose_secret())
                .map_err(|_| wrong("a header's value holds bytes that no header can"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let mut config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str())
            .custom_headers(headers)
            .max_sse_event_size(MAX_MESSAGE_BYTES)
            .max_json_response_size(MAX_MESSAGE_BYTES)
            .max_error_response_size(4096);
        if let Some(bearer) = &self.bearer {
            config = config.auth_header(bearer.expose_secret());
        }
        let mut builder = builder.redirect(redirect::Policy::none()).connect_timeout(CONNECT_TIME);
        if is_loopback(&self.url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| wrong(&error.without_url().to_string()))?;
        Ok(StreamableHttpClientTransport::with_client(client, config))
    }

    /// `text` without the credentials and the query, should an error repeat them.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let secrets = self.headers.values().chain(&self.bearer).map(ExposeSecret::expose_secret);
        for secret in secrets.chain(self.url.query()).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "[secret]");
        }
        lore_session::redact::text(&text).into_owned()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
