//! The prompt.

use std::io::{Stdout, Write as _};
use std::sync::{Mutex, PoisonError};

use lore_agent::turn::{Allowance, End, PersonFuture};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};
use tokio::runtime::Runtime;
use tokio::signal::unix::SignalKind;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::command::{HELP, Line, set_bound};
use super::gate::Answer;
use super::show::{Show, plain};
use super::somebody::{AnswerFuture, Somebody};
use super::{Ask, Turn, Work};
use crate::error::CliError;
use crate::stop::Stop;

/// Lines that are remembered.
const HISTORY_LINES: usize = 1000;
const PROMPT: &str = "lore> ";

/// A question to the person at the terminal.
struct Question {
    text: String,
    /// Meaning of "always" here.
    always: &'static str,
    reply: oneshot::Sender<Answer>,
}

/// The person at the terminal, as the loop sees them.
struct Person {
    questions: mpsc::Sender<Question>,
}

impl Person {
    async fn put(&self, text: &str, always: &'static str) -> Answer {
        let (reply, answer) = oneshot::channel();
        let question = Question { text: text.to_owned(), always, reply };
        if self.questions.send(question).await.is_err() {
            return Answer::No;
        }
        answer.await.unwrap_or(Answer::No)
    }
}

impl lore_agent::turn::Person for Person {
    fn ask<'a>(&'a self, question: &'a str) -> PersonFuture<'a> {
        Box::pin(async move { self.put(question, "always in this session").await != Answer::No })
    }
}

impl Somebody for Person {
    fn choose<'a>(&'a self, question: &'a str) -> AnswerFuture<'a> {
        Box::pin(self.put(question, "always until it changes"))
    }
}

/// The prompt over one session, until it is left.
struct Chat<'a> {
    runtime: &'a Runtime,
    ask: &'a Ask<'a>,
    editor: DefaultEditor,
    show: Show<Stdout>,
    last: Option<End>,
}

/// Reads lines and does what they ask for, until the user leaves; then the session is stored.
///
/// # Errors
/// Fails when the terminal or the transcript fails.
pub fn chat(runtime: &Runtime, work: &mut Work, ask: &Ask<'_>) -> Result<(), CliError> {
    let config = Config::builder().max_history_size(HISTORY_LINES).map_err(terminal)?.build();
    let editor = DefaultEditor::with_config(config).map_err(terminal)?;
    let mut chat = Chat { runtime, ask, editor, show: Show::new(std::io::stdout()), last: None };
    // The first time there is none.
    let _ = chat.editor.load_history(&work.place().history());
    chat.hello(work);
    let left = chat.lines(work);
    let history = work.place().history();
    if let Err(error) = chat.editor.save_history(&history) {
        chat.show.line(&format!("the history is not saved: {error}"));
    }
    chat.store(work);
    left
}

impl Chat<'_> {
    fn hello(&mut self, work: &Work) {
        self.show.line(&format!(
            "session {}, model {}; /help lists commands",
            work.id(),
            work.model()
        ));
        for note in &work.kit().notes {
            self.show.line(&format!("note: {note}"));
        }
    }

    fn lines(&mut self, work: &mut Work) -> Result<(), CliError> {
        let mut warned = false;
        loop {
            match self.editor.readline(PROMPT) {
                Ok(line) => {
                    warned = false;
                    if !line.trim().is_empty() {
                        // A line that cannot be remembered is only not offered again.
                        let _ = self.editor.add_history_entry(line.as_str());
                    }
                    let line = Line::parse(&line);
                    if line == Line::Quit {
                        return Ok(());
                    }
                    if let Err(error) = self.line(work, line) {
                        match error.kind.as_str() {
                            // Nothing that is said would be kept any more.
                            "transcript" | "terminal" => return Err(error),
                            _ => self.show.line(&format!("error: {error}")),
                        }
                    }
                }
                Err(ReadlineError::Interrupted) if !warned => {
                    warned = true;
                    self.show.line("Ctrl-C again, or /quit, leaves");
                }
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(terminal(error)),
            }
        }
    }

    fn line(&mut self, work: &mut Work, line: Line) -> Result<(), CliError> {
        match line {
            Line::Empty | Line::Quit => {}
            Line::Words(words) => {
                let turn = self.turn(work, Some(&words))?;
                self.ended(&turn);
            }
            Line::Model(None) => self.show.line(work.model()),
            Line::Model(Some(spec)) => {
                self.runtime.block_on(work.use_model(&spec))?;
                self.show.line(&format!("model {}", work.model()));
            }
            Line::Budget(None) => self.budget(work)?,
            Line::Budget(Some((which, value))) => {
                let mut changed = Ok(());
                work.bound(|task| changed = set_bound(task, &which, &value));
                changed?;
                self.budget(work)?;
            }
            Line::Compact => {
                let turn = self.turn(work, None)?;
                if !matches!(turn.end, End::Done { .. }) {
                    self.ended(&turn);
                }
            }
            Line::Undo => match work.undo()? {
                Some(words) => {
                    let first = words.lines().next().unwrap_or_default();
                    self.show.line(&format!("taken back: {first} (files stay as they are)"));
                }
                None => self.show.line("there is nothing to take back"),
            },
            Line::Skills => {
                let (all, offered) = work.skills();
                self.show.line(&format!("at hand ({}): {}", all.len(), all.join(", ")));
                self.show.line(&format!("offered: {}", listed(&offered)));
            }
            Line::Approve(None) => {
                self.show
                    .line(&format!("agreed for this session: {}", listed(&work.gate().agreed())));
            }
            Line::Approve(Some(tool)) => {
                work.gate().agree(&tool);
                self.show.line(&format!("`{tool}` is not asked about any more in this session"));
            }
            Line::Resume(None) => {
                self.show
                    .line(&format!("sessions, newest first: {}", listed(&work.place().list(20))));
            }
            Line::Resume(Some(id)) => {
                let next = self.runtime.block_on(work.other(&id))?;
                self.store(work);
                *work = next;
                self.last = None;
                self.hello(work);
            }
            Line::Help => self.show.line(HELP),
            Line::Unknown(text) => {
                self.show.line(&format!("`{text}` is not a command; /help lists them"));
            }
        }
        Ok(())
    }

    /// A turn, or without words a compaction, during which questions are asked here.
    fn turn(&mut self, work: &mut Work, words: Option<&str>) -> Result<Turn, CliError> {
        let (questions, mut asked) = mpsc::channel(1);
        let person = Person { questions };
        let cancel = CancellationToken::new();
        let gate = work.gate();
        let (editor, show) = (&mut self.editor, Mutex::new(&mut self.show));
        let shown = || show.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.runtime.block_on(async {
            // SIGTERM keeps ending the program, at the prompt as well as here.
            let stop = Stop::of(&[SignalKind::interrupt()])?;
            let watching = tokio::spawn(interrupts(stop, cancel.clone()));
            let mut sink = |event| shown().event(&event);
            let work = async {
                match words {
                    Some(_) => work.turn(words, Some(&person), &cancel, &mut sink).await,
                    None => work.compact(&cancel, &mut sink).await,
                }
            };
            let mut work = std::pin::pin!(work);
            let turn = loop {
                tokio::select! {
                    Some(question) = asked.recv() => {
                        // The turn waits for the answer anyway.
                        let answer = put(editor, &question, &cancel);
                        gate.answered(&question.text, answer);
                        // Nobody waits any more when the turn was cancelled.
                        let _ = question.reply.send(answer);
                    }
                    turn = &mut work => break turn,
                }
            };
            watching.abort();
            turn
        })?;
        self.last = Some(turn.end.clone());
        Ok(turn)
    }

    fn ended(&mut self, turn: &Turn) {
        match &turn.end {
            End::Done { .. } => {}
            other => self.show.line(&format!("({other})")),
        }
    }

    fn budget(&mut self, work: &Work) -> Result<(), CliError> {
        let (task, day, used) = work.bounds()?;
        self.show.line(&format!("a task: {}", bounds(task)));
        self.show.line(&format!("a day: {}", bounds(day)));
        self.show.line(&format!(
            "used today: {} calls, {} tokens, {} USD",
            used.calls,
            used.tokens,
            crate::decimal::micros(used.cost_micro_usd)
        ));
        Ok(())
    }

    fn store(&mut self, work: &mut Work) {
        let id = work.id().to_owned();
        match work.store(self.ask, self.last.as_ref()) {
            Ok(Some(name)) => {
                self.show.line(&format!(
                    "saved; `lore agent --resume {id}` continues it; stored as {name}"
                ));
            }
            Ok(None) => {}
            Err(error) => {
                self.show.line(&format!("saved, but not stored as a session yet: {error}"))
            }
        }
    }
}

/// Asks at the terminal. Ctrl-C is no, and ends the turn.
fn put(editor: &mut DefaultEditor, question: &Question, cancel: &CancellationToken) -> Answer {
    let prompt = format!("[y]es, [a] {}, [n]o: ", question.always);
    loop {
        let mut out = std::io::stdout();
        // A terminal that is gone fails right below.
        let _ = writeln!(out, "\n{}", plain(&question.text));
        match editor.readline(prompt.as_str()) {
            Ok(line) => match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return Answer::Once,
                "a" | "always" => return Answer::Always,
                "n" | "no" => return Answer::No,
                _ => {}
            },
            Err(_) => {
                cancel.cancel();
                return Answer::No;
            }
        }
    }
}

/// Ctrl-C while something runs: once ends it, twice leaves. Every message is saved as it is said.
async fn interrupts(mut stop: Stop, cancel: CancellationToken) {
    loop {
        stop.asked().await;
        // A question that was answered with Ctrl-C has ended it already.
        if cancel.is_cancelled() {
            std::process::exit(1);
        }
        cancel.cancel();
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn bounds(allowance: Allowance) -> String {
    let number = |bound: Option<u64>, unit: &str| {
        bound.map_or_else(|| format!("any number of {unit}"), |most| format!("{most} {unit}"))
    };
    let money = allowance.cost_micro_usd.map_or_else(
        || "any amount of money".to_owned(),
        |most| format!("{} USD", crate::decimal::micros(most)),
    );
    format!("{}, {}, {money}", number(allowance.calls, "calls"), number(allowance.tokens, "tokens"))
}

fn terminal(error: ReadlineError) -> CliError {
    CliError::failed("terminal", format!("the terminal fails: {error}"))
}
