//! Transport: standard input and output, patient with what comes before the first request.

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{Stdin, Stdout};

/// Longest message of a client, in bytes: the output of a call, with room.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

type Stdio = AsyncRwTransport<RoleServer, Stdin, Stdout>;

/// Passes over notifications and answers that come before the first request: the protocol allows none there, and
/// they would end the server.
pub(super) struct Patient {
    inner: Stdio,
    begun: bool,
}

impl Patient {
    /// Standard input and output of this process.
    pub(super) fn stdio() -> Self {
        let (input, output) = rmcp::transport::stdio();
        let inner = Stdio::new(input, output).with_max_line_length(MAX_MESSAGE_BYTES);
        Self { inner, begun: false }
    }
}

impl Transport<RoleServer> for Patient {
    type Error = <Stdio as Transport<RoleServer>>::Error;

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let message = self.inner.receive().await?;
            let is_request = matches!(message, ClientJsonRpcMessage::Request(_));
            if self.begun || is_request {
                self.begun = true;
                return Some(message);
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}
