//! The tool that tells the user something elsewhere.

use std::time::Duration;

use reqwest::{ClientBuilder, Url, redirect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::excerpt::plain;
use super::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// Longest message, in characters.
const MAX_CHARS: usize = 2000;
/// Host of Slack's webhooks.
const SLACK: &str = "hooks.slack.com";
/// Longest time for one message.
const MAX_TIME: Duration = Duration::from_secs(15);

/// Posts messages to one webhook, which the user chose; a model cannot choose another.
#[derive(Clone)]
pub struct Notify {
    client: reqwest::Client,
    webhook: Url,
    style: WebhookStyle,
}

/// What a webhook understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookStyle {
    /// `{"text": ...}`, as most take it.
    Plain,
    /// The same for Slack, in whose texts `<...>` calls people and hides addresses: it is escaped.
    Slack,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Arguments {
    /// The message, at most 2000 characters.
    text: String,
}

impl Notify {
    /// Messages to `webhook`, in Slack's style when it is Slack's. Redirects are not followed.
    ///
    /// # Errors
    /// When the client cannot be made, as without any certificates.
    pub fn new(builder: ClientBuilder, webhook: Url) -> Result<Self, reqwest::Error> {
        let client = builder.redirect(redirect::Policy::none()).timeout(MAX_TIME).build()?;
        let slack = webhook.host_str() == Some(SLACK);
        let style = if slack { WebhookStyle::Slack } else { WebhookStyle::Plain };
        Ok(Self { client, webhook, style })
    }

    /// In another style, for servers that understand what Slack does.
    #[must_use]
    pub fn with_style(self, style: WebhookStyle) -> Self {
        Self { style, ..self }
    }

    /// Sends a message that is redacted first, since it leaves the machine.
    async fn send(&self, text: &str) -> ToolOutput {
        let text = plain(lore_session::redact::text(text).as_bytes());
        if text.trim().is_empty() || text.chars().count() > MAX_CHARS {
            return ToolOutput::error("a message has 1 to 2000 characters");
        }
        let text = match self.style {
            WebhookStyle::Plain => text,
            WebhookStyle::Slack => {
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
            }
        };
        let request = self
            .client
            .post(self.webhook.clone())
            .header("content-type", "application/json")
            .body(json!({ "text": text }).to_string());
        // The address is often a secret, so no error repeats it.
        match request.send().await {
            Ok(response) if response.status().is_success() => ToolOutput::ok("sent"),
            Ok(response) => ToolOutput::error(format!("the webhook says {}", response.status())),
            Err(error) => ToolOutput::error(format!("not sent: {}", error.without_url())),
        }
    }
}

impl std::fmt::Debug for Notify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notify").field("host", &self.webhook.host_str()).finish_non_exhaustive()
    }
}

impl Tool for Notify {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<Arguments>("notify", "Sends a short message to the user's webhook.")
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let arguments: Arguments = match arguments::parse(arguments) {
                Ok(arguments) => arguments,
                Err(output) => return output,
            };
            tokio::select! {
                output = self.send(&arguments.text) => output,
                () = context.cancel.cancelled() => ToolOutput::error("cancelled"),
            }
        })
    }
}
