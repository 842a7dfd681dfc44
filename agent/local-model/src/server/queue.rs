//! Questions that wait, and the thread that answers them.

use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::super::{Ask, Generated, Generator, LocalError, Step};

/// Questions that wait beside the one that is answered.
const WAITING: usize = 8;

/// A report of the thread about a question.
#[derive(Debug)]
pub(super) enum Told {
    /// A piece of the reply, never empty.
    Text(String),
    /// The end.
    Done(Generated),
    /// The end, with nothing said before it or inside the reply.
    Failed(LocalError),
}

/// A question and who waits for its answer. Dropping the receiver takes the question back.
struct Job {
    ask: Ask,
    told: mpsc::Sender<Told>,
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: mpsc::Sender<Job>,
    /// Tokens of a reply at most.
    window_tokens: u32,
}

impl Queue {
    /// Starts the thread; it ends when the queue is dropped.
    pub(super) fn start(mut generator: Box<dyn Generator>) -> io::Result<(Self, JoinHandle<()>)> {
        let window_tokens = generator.window_tokens();
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let thread = std::thread::Builder::new().name("lore-model".to_owned());
        let worker = thread.spawn(move || {
            while let Some(job) = waiting.blocking_recv() {
                if !answer(generator.as_mut(), &job) {
                    break;
                }
            }
        })?;
        Ok((Self { jobs, window_tokens }, worker))
    }

    /// Puts a question at the end; None when too many wait.
    pub(super) fn ask(&self, ask: Ask) -> Option<mpsc::Receiver<Told>> {
        // Room for every token, so that a slow reader never holds the thread up.
        let most = ask.max_tokens.unwrap_or(u32::MAX).min(self.window_tokens);
        let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(2);
        let (told, receiver) = mpsc::channel(room.min(tokio::sync::Semaphore::MAX_PERMITS));
        match self.jobs.try_send(Job { ask, told }) {
            Ok(()) => Some(receiver),
            // A thread that ended is told by the receiver.
            Err(mpsc::error::TrySendError::Closed(_)) => Some(receiver),
            Err(mpsc::error::TrySendError::Full(_)) => None,
        }
    }

    /// Waits until the thread has ended, which it only does by itself when the generator panicked.
    pub(super) async fn broken(&self) {
        self.jobs.closed().await;
    }
}

/// Answers one question; false when the generator can no longer be used.
fn answer(generator: &mut dyn Generator, job: &Job) -> bool {
    // Who waited may have gone.
    if job.told.is_closed() {
        return true;
    }
    let mut sink = |step: Step<'_>| {
        let text = match step {
            Step::Text(text) if !text.is_empty() => text,
            _ if job.told.is_closed() => return ControlFlow::Break(()),
            _ => return ControlFlow::Continue(()),
        };
        match job.told.try_send(Told::Text(text.to_owned())) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    };
    let result = catch_unwind(AssertUnwindSafe(|| generator.generate(&job.ask, &mut sink)));
    let (told, usable) = match result {
        Ok(Ok(generated)) => (Told::Done(generated), true),
        Ok(Err(error)) => (Told::Failed(error), true),
        Err(_) => (Told::Failed(LocalError::Broken), false),
    };
    // Nobody may be there any more.
    let _ = job.told.try_send(told);
    usable
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc as blocking;
    use std::time::Duration;

    use super::super::super::{ChatMessage, Ended, Role};
    use super::*;

    /// Says what it was asked, and answers when it is let.
    struct Gated {
        asked: blocking::Sender<String>,
        gate: blocking::Receiver<()>,
    }

    impl Generator for Gated {
        fn name(&self) -> &str {
            "gated"
        }

        fn window_tokens(&self) -> u32 {
            8
        }

        fn generate(
            &mut self,
            ask: &Ask,
            _: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
        ) -> Result<Generated, LocalError> {
            self.asked.send(ask.messages[0].text.clone()).unwrap();
            self.gate.recv().unwrap();
            Ok(Generated {
                ended: Ended::Stop,
                prompt_tokens: 1,
                cached_tokens: 0,
                reply_tokens: 1,
                reading: Duration::ZERO,
                writing: Duration::ZERO,
            })
        }
    }

    fn ask(text: &str) -> Ask {
        let messages = vec![ChatMessage::new(Role::User, text)];
        Ask { messages, max_tokens: None, temperature_milli: 0, seed: 0 }
    }

    #[test]
    fn who_went_while_waiting_is_not_answered() {
        let (asked, seen) = blocking::channel();
        let (open, gate) = blocking::channel();
        let (queue, worker) = Queue::start(Box::new(Gated { asked, gate })).unwrap();
        let mut first = queue.ask(ask("first")).unwrap();
        assert_eq!(seen.recv().unwrap(), "first");
        drop(queue.ask(ask("gone")).unwrap());
        let mut last = queue.ask(ask("last")).unwrap();
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert!(matches!(first.blocking_recv(), Some(Told::Done(_))));
        assert!(matches!(last.blocking_recv(), Some(Told::Done(_))));
        drop(queue);
        worker.join().unwrap();
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["last"]);
    }
}
