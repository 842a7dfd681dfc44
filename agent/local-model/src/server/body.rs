//! Bodies of answers: whole ones, and events that come while the model writes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Frame};
use serde_json::Value;
use tokio::sync::mpsc;

use super::answer::Completion;
use super::queue::Told;
use super::refusal::Refusal;

/// Any body that is sent.
pub(super) type Answer = Either<Full<Bytes>, Events>;

/// Server-sent events of one generation. Dropping it ends the generation.
#[derive(Debug)]
pub(super) struct Events {
    completion: Completion,
    usage: bool,
    told: mpsc::Receiver<Told>,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl Events {
    /// Of a generation whose `first` word is known.
    pub(super) fn new(
        completion: Completion,
        usage: bool,
        first: Told,
        told: mpsc::Receiver<Told>,
    ) -> Self {
        let ready = VecDeque::from([event(&completion.begins())]);
        let mut events = Self { completion, usage, told, ready, ended: false };
        events.take(Some(first));
        events
    }

    /// Makes events of what was told.
    fn take(&mut self, told: Option<Told>) {
        match told {
            Some(Told::Text(text)) => self.ready.push_back(event(&self.completion.piece(&text))),
            Some(Told::Done(generated)) => {
                self.ready.push_back(event(&self.completion.ends(&generated)));
                if self.usage {
                    self.ready.push_back(event(&self.completion.used(&generated)));
                }
                self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
                self.ended = true;
            }
            Some(Told::Failed(error)) => self.fail(&Refusal::from(&error)),
            None => self.fail(&Refusal::from(&super::super::LocalError::Broken)),
        }
    }

    fn fail(&mut self, refusal: &Refusal) {
        self.ready.push_back(event(&refusal.body()));
        self.ended = true;
    }
}

fn event(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            let told = ready!(this.told.poll_recv(context));
            this.take(told);
        }
    }
}
