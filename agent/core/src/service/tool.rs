//! A tool made of one operation of one service.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::OutsideError;
use super::client::Service;
use super::found::Found;
use crate::tool::{Tool, ToolContext, ToolFuture, ToolOutput, ToolSpec, arguments};

/// An operation of a tool on a service.
pub trait Operation: Send + Sync + 'static {
    /// The arguments that a model gives.
    type Arguments: DeserializeOwned + JsonSchema + Send;
    /// The tool's name.
    const NAME: &'static str;
    /// Description for a model: the effect, and when to use it.
    const DESCRIPTION: &'static str;
    /// True when nothing is asked without a token.
    const NEEDS_TOKEN: bool = false;

    /// Does it.
    fn run(
        &self,
        service: &Service,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Found, OutsideError>> + Send;
}

/// An operation as a tool.
pub struct OutsideTool<O> {
    service: Arc<Service>,
    operation: O,
    /// Longest call.
    time: Duration,
}

impl<O: Operation> OutsideTool<O> {
    /// `operation` of `service`, for at most `time`.
    pub fn shared(service: &Arc<Service>, operation: O, time: Duration) -> Arc<dyn Tool> {
        Arc::new(Self { service: Arc::clone(service), operation, time })
    }

    async fn run(&self, arguments: O::Arguments) -> Result<ToolOutput, OutsideError> {
        if O::NEEDS_TOKEN {
            self.service.need_token()?;
        }
        let found = self.operation.run(&self.service, arguments).await?;
        Ok(found.output(&self.service))
    }
}

impl<O: Operation> Tool for OutsideTool<O> {
    fn spec(&self) -> ToolSpec {
        arguments::spec::<O::Arguments>(O::NAME, O::DESCRIPTION)
    }

    fn hosts(&self) -> Vec<String> {
        self.service.hosts()
    }

    fn call<'a>(&'a self, arguments: Value, context: &'a ToolContext) -> ToolFuture<'a> {
        Box::pin(async move {
            let arguments: O::Arguments = match arguments::parse(arguments) {
                Ok(arguments) => arguments,
                Err(output) => return output,
            };
            let time = context.timeout.min(self.time);
            let ended = tokio::select! {
                ended = self.run(arguments) => ended,
                () = tokio::time::sleep(time) => {
                    Err(OutsideError::Hung { service: self.service.name(), waited: time })
                }
                () = context.cancel.cancelled() => return ToolOutput::error("cancelled"),
            };
            ended.unwrap_or_else(|error| ToolOutput::error(format!("[{}] {error}", error.class())))
        })
    }
}
