//! Does what the machine says.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::act::Batch;
use super::hint::{Hinter, task_of};
use super::policy::{Approval, Person};
use super::thought::{Piece, Splitter};
use super::{
    Effect, End, Event, Machine, Record, Research, Spend, Step, Tools, Transcript, TranscriptError,
};
use crate::model::{Delta, Message, Model, ModelError, Reply, Request};
use crate::tool::ToolContext;
use std::sync::Arc;

/// Receiver of events.
pub type EventSink<'a> = &'a mut (dyn FnMut(Event) + Send);

/// Everything that a turn is run with. `context.cancel` ends it at any point.
pub struct Agent<'a> {
    /// Model that is asked.
    pub model: &'a dyn Model,
    /// Tools that can be called.
    pub tools: &'a Tools,
    /// Approval of calls.
    pub approval: &'a dyn Approval,
    /// Person who can be asked; nobody when headless.
    pub person: Option<&'a dyn Person>,
    /// Context in which tools run: place, time limit, and what ends the turn.
    pub context: ToolContext,
    /// Time between heartbeats that are told and saved while something runs.
    pub heartbeat: Duration,
    /// The sub-agent among the tools, if there is one: what it uses is the turn's.
    pub research: Option<&'a Research>,
    /// What gives hints about calls that did not do their job.
    pub hints: Option<&'a Hinter>,
}

impl std::fmt::Debug for Agent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("model", &self.model.name()).finish_non_exhaustive()
    }
}

/// Receivers of events and lines while something runs.
struct Outside<'a, 'b> {
    events: Mutex<EventSink<'a>>,
    transcript: Mutex<&'b mut Option<Transcript>>,
    /// Error of a write that failed meanwhile; the turn then ends, since a session that is not saved is lost.
    broken: Mutex<Option<TranscriptError>>,
}

impl Outside<'_, '_> {
    fn tell(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        (*events)(event);
    }

    fn save(&self, write: impl FnOnce(&mut Transcript) -> Result<(), TranscriptError>) {
        let mut transcript = self.transcript.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transcript) = transcript.as_mut()
            && let Err(error) = write(transcript)
        {
            *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    fn effects(&self, effects: Vec<Effect>, all: &mut Vec<Arc<Message>>, saved: &mut usize) {
        for effect in effects {
            match effect {
                // What a resumed session starts with is in the file already.
                Effect::Append(_) if *saved > 0 => *saved -= 1,
                Effect::Append(message) => {
                    self.save(|transcript| transcript.append(&message));
                    all.push(message);
                }
                Effect::Replace(messages) => self.save(|transcript| transcript.replace(&messages)),
                Effect::Event(event) => self.tell(event),
            }
        }
    }

    fn check(&self) -> Result<(), TranscriptError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl Agent<'_> {
    /// Runs a turn to its end and gives it with all new messages, those that compaction took out of the
    /// conversation included. The first `saved` messages of the machine are in the transcript already.
    ///
    /// # Errors
    /// Fails when the transcript cannot be written. Everything else is an [`End`].
    pub async fn run(
        &self,
        machine: &mut Machine,
        transcript: &mut Option<Transcript>,
        mut saved: usize,
        events: EventSink<'_>,
    ) -> Result<(End, Vec<Arc<Message>>), TranscriptError> {
        let outside = Outside {
            events: Mutex::new(events),
            transcript: Mutex::new(transcript),
            broken: Mutex::new(None),
        };
        let mut all = Vec::new();
        loop {
            outside.effects(machine.effects(), &mut all, &mut saved);
            outside.check()?;
            if self.context.cancel.is_cancelled() {
                machine.cancel();
            }
            let step = machine.step();
            outside.effects(machine.effects(), &mut all, &mut saved);
            let spend = machine.spend();
            match step {
                Step::End(end) => {
                    let record = Record::End { end: end.clone(), spend };
                    outside.save(|transcript| {
                        transcript.write(&record)?;
                        transcript.sync()
                    });
                    outside.check()?;
                    outside.tell(Event::Ended { end: end.clone(), spend });
                    return Ok((end, all));
                }
                Step::Consent => machine.consented(self.consent(&outside).await),
                Step::Wait(wait) => {
                    let wait = tokio::time::sleep(wait);
                    self.unless_cancelled(&outside, spend, wait).await;
                }
                Step::Ask { request, .. } => {
                    let asked = self.ask(&outside, &request);
                    if let Some(result) = self.unless_cancelled(&outside, spend, asked).await {
                        machine.replied(result, crate::model::random());
                    }
                }
                Step::Call(calls) => {
                    let tell = |event| outside.tell(event);
                    let task = task_of(machine.messages()).to_owned();
                    let batch = Batch {
                        tools: self.tools,
                        approval: self.approval,
                        person: self.person,
                        context: &self.context,
                        spent_micro_usd: spend.cost_micro_usd,
                        tell: &tell,
                        hints: self.hints,
                        task: &task,
                    };
                    // Tools see the cancellation themselves and give what they have.
                    if let Some(research) = self.research {
                        research.grant(machine.left());
                    }
                    let results = self.beating(&outside, spend, batch.run(&calls)).await;
                    if let Some(research) = self.research {
                        machine.charge(research.settle());
                    }
                    machine.results(results);
                }
            }
        }
    }

    async fn ask(&self, outside: &Outside<'_, '_>, request: &Request) -> Result<Reply, ModelError> {
        let mut tell = |piece: Piece<'_>| match piece {
            Piece::Spoken(text) => outside.tell(Event::Text { text: text.to_owned() }),
            Piece::Thought(text) => outside.tell(Event::Reasoning { text: text.to_owned() }),
        };
        let mut splitter = Splitter::default();
        let mut sink = |delta: Delta<'_>| match delta {
            Delta::Text(text) => splitter.push(text, &mut tell),
            Delta::Reasoning(text) => tell(Piece::Thought(text)),
            Delta::CallStarted(_) => {}
        };
        let reply = self.model.complete(request, &mut sink).await;
        splitter.finish(&mut tell);
        reply
    }

    async fn consent(&self, outside: &Outside<'_, '_>) -> bool {
        let Some(person) = self.person else {
            return false;
        };
        let question =
            "the model's price is unknown, so that the limit on money cannot be kept; go on?";
        let event = Event::Permission { call: String::new(), question: question.to_owned() };
        outside.tell(event);
        tokio::select! {
            yes = person.ask(question) => yes,
            () = self.context.cancel.cancelled() => false,
        }
    }

    async fn unless_cancelled<T>(
        &self,
        outside: &Outside<'_, '_>,
        spend: Spend,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            done = self.beating(outside, spend, work) => Some(done),
            () = self.context.cancel.cancelled() => None,
        }
    }

    /// Waits for `work` and says every now and then that it does.
    async fn beating<T>(
        &self,
        outside: &Outside<'_, '_>,
        spend: Spend,
        work: impl Future<Output = T>,
    ) -> T {
        let begun = Instant::now();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(self.heartbeat) => {
                    outside.save(|transcript| transcript.write(&Record::Beat { spend }));
                    outside.tell(Event::Heartbeat { seconds: begun.elapsed().as_secs(), spend });
                }
            }
        }
    }
}
