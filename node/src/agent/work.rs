//! One session at work: turns over a conversation that is saved as it goes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lore_agent::model::{ControlKind, Message, Model};
use lore_agent::select::SkillText;
use lore_agent::tool::{ToolContext, ToolSpec};
use lore_agent::turn::{
    Action, Agent, Allowance, Approval, Decision, End, Event, Hinter, Hints, Limits, Machine,
    Person, Record, Spend, Transcript, Which, to_session,
};
use lore_control::{SessionAdd, SessionLine};
use lore_session::{SkillUse, conversation};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::capability::Agreed;
use super::day::{Counter, Days, Used, left};
use super::gate::{self, Gate};
use super::kit::{Ground, Kit, TOOL_TIME};
use super::model::{Bounds, Chosen, ModelOptions};
use super::place::{Place, failed, now_seconds};
use super::skills::Shelf;
use super::somebody::Somebody;
use super::{Ask, SkillSource, ground, prompt};
use crate::config::AgentSettings as Settings;
use crate::error::CliError;
use crate::home::Home;

/// Interval at which a heartbeat is shown and saved.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A session larger than this is stored with shortened results, in bytes of JSON.
const MAX_STORED_BYTES: usize = 8 << 20;
/// Bytes that are kept of a result then.
const SHORT_RESULT_BYTES: usize = 4 << 10;

/// Options with which a session begins.
#[derive(Debug, Clone)]
pub struct Options {
    /// The model.
    pub model: ModelOptions,
    /// The bounds.
    pub bounds: Bounds,
    /// `read-only`, `workspace`, `all` or a file; none is asking at a terminal, refused without one.
    pub policy: Option<String>,
    /// Workspace of the session.
    pub workspace: PathBuf,
    /// Source of skills.
    pub skills: SkillSource,
    /// True when pages of the internet may be read.
    pub web: bool,
    /// The session to resume.
    pub resume: Option<String>,
    /// The session to begin from.
    pub fork: Option<String>,
    /// User of the session.
    pub user: String,
    /// Source of hints about failed calls; none when they are switched off.
    pub hints: Option<Arc<dyn Hints>>,
}

/// A session at work.
#[derive(Debug)]
pub struct Work {
    home: Home,
    place: Place,
    settings: Settings,
    options: Options,
    chosen: Chosen,
    kit: Kit,
    gate: Arc<Gate>,
    days: Days,
    shelf: Shelf,
    hinter: Option<Hinter>,
    id: String,
    /// The sessions that it was forked from.
    ancestors: Vec<String>,
    transcript: Option<Transcript>,
    /// The conversation as the model is shown it; all of it is in the transcript.
    messages: Vec<Arc<Message>>,
    /// Everything that was ever said.
    all: Vec<Arc<Message>>,
    skills: Vec<SkillUse>,
    stored: usize,
    pieces: usize,
    /// Beginning of what is not stored yet.
    piece_started: u64,
    told: bool,
}

/// Result of a turn.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its end.
    pub end: End,
    /// True when it was the day's bound that ended it.
    pub day_is_over: bool,
    /// Its spend.
    pub spend: Spend,
    /// Skills that were offered in this session so far.
    pub skills: Vec<String>,
}

impl Work {
    /// Begins, resumes or forks a session; `skills` are what it may be offered.
    ///
    /// # Errors
    /// Fails when there is no policy and nobody to ask, when commands are allowed but cannot be confined, and
    /// when the model, a server or the session cannot be had.
    pub async fn begin(
        home: &Home,
        options: Options,
        settings: Settings,
        skills: Vec<SkillText>,
        someone: bool,
    ) -> Result<Self, CliError> {
        let place = Place::open(home, &options.user)?;
        ground::check_workspace(home.root(), &options.workspace)?;
        let rules = match options.policy.as_ref().or(settings.policy.as_ref()) {
            Some(text) => gate::policy(text, &options.workspace)?,
            None if someone => gate::asking(&options.workspace)?,
            None => return Err(no_policy()),
        };
        let gate = Arc::new(Gate::new(rules, someone));
        let mut read = settings.read.clone();
        if let SkillSource::Directory(path) = &options.skills {
            // Skills come with scripts and references.
            read.push(path.clone());
        }
        let arguments = json!({"command": "true"});
        let command = Action::new("bash", &arguments, &options.workspace, 0);
        let ground = Ground {
            workspace: &options.workspace,
            read,
            home: home.root(),
            commands: !matches!(gate.would(&command), Decision::Deny { .. }),
        };
        let (chosen, kit) = tokio::join!(
            Chosen::resolve(home, &options.model, &options.bounds, &settings),
            Kit::build(ground, &settings, options.web || settings.web),
        );
        let (chosen, kit) = (chosen?, kit?);
        let begun = match (&options.resume, &options.fork) {
            (Some(id), _) => Some(place.resume(id)?),
            (None, Some(id)) => Some(place.fork(id)?),
            (None, None) => None,
        };
        let (head, transcript, saved) = match begun {
            Some((transcript, saved)) => (saved.head.clone(), transcript, Some(saved)),
            None => {
                let (head, transcript) = place.create(chosen.model.name())?;
                (head, transcript, None)
            }
        };
        let skills_before = saved.as_ref().map(|saved| saved.skills.clone()).unwrap_or_default();
        let fresh = saved.as_ref().is_none_or(|saved| saved.pieces == 0 && saved.stored == 0);
        let ancestors = place.ancestors(&head);
        let said = saved.as_ref().map_or(&[][..], |saved| &saved.all);
        let hints = options.hints.as_ref().filter(|_| settings.hints.unwrap_or(true));
        let hinter = hints.map(|source| Hinter::new(Arc::clone(source), said));
        let mut work = Self {
            home: home.clone(),
            hinter,
            days: Days::at(place.days()),
            shelf: Shelf::new(skills, Agreed::load(place.agreed()), &skills_before),
            place,
            settings,
            chosen,
            kit,
            gate,
            id: head.id,
            ancestors,
            transcript: Some(transcript),
            messages: Vec::new(),
            all: Vec::new(),
            skills: skills_before,
            stored: 0,
            pieces: 0,
            piece_started: if fresh { head.started_unix_seconds } else { now_seconds() },
            told: false,
            options,
        };
        match saved {
            Some(saved) => {
                work.messages = saved.messages;
                work.all = saved.all;
                (work.stored, work.pieces) = (saved.stored, saved.pieces);
            }
            None => {
                let mode = work.chosen.limits.mode;
                let system = prompt::system(mode, &work.options.workspace);
                work.append(Message::system(system))?;
            }
        }
        Ok(work)
    }

    /// Its id, for `--resume` and `--fork`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The tools, for what the user asks about them.
    #[must_use]
    pub const fn kit(&self) -> &Kit {
        &self.kit
    }

    /// The policy with its memory.
    #[must_use]
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Label of the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.chosen.label
    }

    /// Names of skills at hand, and of those that were offered.
    #[must_use]
    pub fn skills(&self) -> (Vec<String>, Vec<String>) {
        (self.shelf.names(), self.skills.iter().map(|used| used.name.clone()).collect())
    }

    /// The bounds of a task and of the day, and what the day used.
    ///
    /// # Errors
    /// Fails when the day's sum cannot be read.
    pub fn bounds(&self) -> Result<(Allowance, Allowance, Used), CliError> {
        Ok((self.chosen.limits.task, self.chosen.day, self.days.used(now_seconds())?))
    }

    /// Changes the bounds of the tasks that follow.
    pub fn bound(&mut self, change: impl FnOnce(&mut Allowance)) {
        change(&mut self.chosen.limits.task);
    }

    /// Returns true when there is something that no turn has answered.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        match self.messages.last().map(|message| &**message) {
            None | Some(Message::System { .. }) => false,
            Some(Message::Assistant { calls, .. }) => !calls.is_empty(),
            Some(_) => true,
        }
    }

    /// Another saved session in its place, with the same settings and nothing agreed to yet.
    ///
    /// # Errors
    /// Those of [`Self::begin`].
    pub async fn other(&self, id: &str) -> Result<Self, CliError> {
        let options = Options { resume: Some(id.to_owned()), fork: None, ..self.options.clone() };
        Self::begin(&self.home, options, self.settings.clone(), self.shelf.all(), true).await
    }

    /// Asks another model from now on.
    ///
    /// # Errors
    /// Those of choosing a model; the present one stays.
    pub async fn use_model(&mut self, spec: &str) -> Result<(), CliError> {
        let options = ModelOptions { spec: Some(spec.to_owned()), ..self.options.model.clone() };
        let task = self.chosen.limits.task;
        let chosen =
            Chosen::resolve(&self.home, &options, &self.options.bounds, &self.settings).await?;
        self.chosen = chosen;
        self.chosen.limits.task = task;
        self.options.model = options;
        Ok(())
    }

    /// Runs a task to its end. Without words the conversation is gone on with as it is.
    ///
    /// # Errors
    /// Fails when the transcript or the day's sum cannot be written. Everything else is an [`End`].
    pub async fn turn(
        &mut self,
        words: Option<&str>,
        somebody: Option<&dyn Somebody>,
        cancel: &CancellationToken,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Turn, CliError> {
        events(Event::Started {
            session: self.id.clone(),
            model: self.chosen.label.clone(),
            window_tokens: self.chosen.limits.window_tokens,
        });
        if let (Some(level), false) = (&self.kit.level, self.told) {
            events(Event::Sandbox { level: level.to_string() });
        }
        self.told = true;
        if self.stored == self.all.len() {
            self.piece_started = now_seconds();
        }
        if let Some(words) = words {
            self.offer(words, somebody, events).await?;
            self.append(Message::user(words))?;
        }
        let limits = self.limits_now()?;
        self.run(Machine::new, &limits, somebody, cancel, events).await
    }

    /// Makes the conversation smaller now.
    ///
    /// # Errors
    /// Those of [`Self::turn`].
    pub async fn compact(
        &mut self,
        cancel: &CancellationToken,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Turn, CliError> {
        let limits = self.limits_now()?;
        let compacting = |limits, _, messages: &[_]| Machine::compacting(limits, messages);
        self.run(compacting, &limits, None, cancel, events).await
    }

    /// Takes the last words of the user, and all that followed, out of the conversation and gives them.
    /// Files stay as they are.
    ///
    /// # Errors
    /// Fails when the transcript cannot be written.
    pub fn undo(&mut self) -> Result<Option<String>, CliError> {
        let last = self.messages.iter().rposition(|m| matches!(&**m, Message::User { .. }));
        let Some(at) = last else {
            return Ok(None);
        };
        let words = self.messages[at].text().to_owned();
        self.messages.truncate(at);
        if let Some(transcript) = &mut self.transcript {
            transcript.replace(&self.messages).map_err(failed)?;
        }
        Ok(Some(words))
    }

    /// Stores what was not stored yet as a private session of this node; gives its name, or none when
    /// nothing was done. Not within an async runtime.
    ///
    /// # Errors
    /// Fails when the node does not take it. The transcript stays, and the next time stores it too.
    pub fn store(&mut self, ask: &Ask<'_>, end: Option<&End>) -> Result<Option<String>, CliError> {
        let piece = &self.all[self.stored.min(self.all.len())..];
        if !piece.iter().any(|message| matches!(&**message, Message::Assistant { .. })) {
            return Ok(None);
        }
        let name = match self.pieces {
            0 => format!("agent-{}", self.id),
            before => format!("agent-{}-{}", self.id, before + 1),
        };
        let model = self.chosen.model.name();
        let mut session = to_session(&name, model, self.piece_started, piece, end);
        session.skills_injected.clone_from(&self.skills);
        // Its pieces and forks are one conversation.
        let pieces = std::iter::once(&self.id).chain(&self.ancestors);
        session.links = pieces.map(|id| conversation::mark("agent", id)).collect();
        if serde_json::to_vec(&session).map_or(0, |bytes| bytes.len()) > MAX_STORED_BYTES {
            for call in session.turns.iter_mut().flat_map(|turn| &mut turn.calls) {
                call.result = call.result.as_deref().map(shortened);
            }
        }
        let sessions = vec![SessionLine::new(session.to_line())];
        super::patiently(ask, &SessionAdd { user: self.options.user.clone(), sessions })?;
        let record = Record::Stored { session: name.clone(), messages: self.all.len() };
        if let Some(transcript) = &mut self.transcript {
            transcript.write(&record).map_err(failed)?;
        }
        self.stored = self.all.len();
        self.pieces += 1;
        Ok(Some(name))
    }

    async fn offer(
        &mut self,
        words: &str,
        somebody: Option<&dyn Somebody>,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<(), CliError> {
        let offered = self.shelf.offer(words, somebody).await?;
        if !offered.names.is_empty() || !offered.left_out.is_empty() {
            events(Event::Skills { names: offered.names, left_out: offered.left_out });
        }
        if let Some(text) = offered.note {
            let record = Record::Skills { skills: offered.uses.clone() };
            if let Some(transcript) = &mut self.transcript {
                transcript.write(&record).map_err(failed)?;
            }
            self.skills.extend(offered.uses);
            self.append(Message::Control { kind: ControlKind::Skills, text })?;
        }
        Ok(())
    }

    fn limits_now(&self) -> Result<Limits, CliError> {
        let mut limits = self.chosen.limits.clone();
        limits.today = left(self.chosen.day, self.days.used(now_seconds())?);
        Ok(limits)
    }

    fn append(&mut self, message: Message) -> Result<(), CliError> {
        let message = Arc::new(message);
        if let Some(transcript) = &mut self.transcript {
            transcript.append(&message).map_err(failed)?;
        }
        self.messages.push(Arc::clone(&message));
        self.all.push(message);
        Ok(())
    }

    async fn run(
        &mut self,
        machine: impl FnOnce(Limits, Vec<ToolSpec>, &[Arc<Message>]) -> Machine,
        limits: &Limits,
        somebody: Option<&dyn Somebody>,
        cancel: &CancellationToken,
        events: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Turn, CliError> {
        let counter =
            Arc::new(Counter::new(self.days.clone(), self.chosen.limits.price, cancel.clone()));
        let watcher = Arc::clone(&counter);
        let (tools, research) = self.kit.tools(
            Arc::clone(&self.chosen.model) as Arc<dyn Model>,
            limits,
            self.gate.rules(),
            Arc::new(move |event| watcher.event(event)),
        );
        let mut machine = machine(limits.clone(), tools.specs(), &self.messages);
        let agent = Agent {
            model: &*self.chosen.model,
            tools: &tools,
            approval: &*self.gate as &dyn Approval,
            person: somebody.map(|somebody| somebody as &dyn Person),
            context: ToolContext {
                workspace: self.options.workspace.clone(),
                cancel: cancel.clone(),
                timeout: TOOL_TIME,
            },
            heartbeat: HEARTBEAT,
            research: research.as_ref(),
            hints: self.hinter.as_ref(),
        };
        let mut sink = |event: Event| {
            counter.event(&event);
            events(event);
        };
        let saved = self.messages.len();
        let ran = agent.run(&mut machine, &mut self.transcript, saved, &mut sink).await;
        let (end, new) = ran.map_err(failed)?;
        self.messages = machine.messages().to_vec();
        self.all.extend(new);
        counter.check()?;
        let skills = self.skills.iter().map(|used| used.name.clone()).collect();
        let day_is_over = match end {
            End::Budget { which, limit } => {
                bound(limits.today, which) == Some(limit)
                    && bound(limits.task, which) != Some(limit)
            }
            _ => false,
        };
        Ok(Turn { end, day_is_over, spend: machine.spend(), skills })
    }

    /// The place of this session.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }
}

/// The bound of one kind.
const fn bound(allowance: Allowance, which: Which) -> Option<u64> {
    match which {
        Which::Calls => allowance.calls,
        Which::Tokens => allowance.tokens,
        Which::Money => allowance.cost_micro_usd,
    }
}

fn shortened(text: &str) -> String {
    let mut end = SHORT_RESULT_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    match text.len() - end {
        0 => text.to_owned(),
        more => format!("{}\n[{more} more bytes left out]", &text[..end]),
    }
}

fn no_policy() -> CliError {
    CliError::refused("no_policy", "nobody is there to ask, and no policy says what is allowed").help(
        "give --policy read-only, workspace, all or a file of rules, or set `policy` in [agent] of \
         config.toml",
    )
}

/// A turn that was not done, as an error with its exit code: 3 where a bound or the policy ended it,
/// else 1. None when it was done.
#[must_use]
pub fn refusal(turn: &Turn, gate: &Gate, session: &str) -> Option<CliError> {
    let end = &turn.end;
    let error = match end {
        End::Done { .. } if !gate.refused_last() => return None,
        End::Done { text } => {
            let first: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            CliError::refused(
                "refused_by_policy",
                format!("the policy refused the last call of the task; the model says: {first}"),
            )
            .help(format!(
                "allow it with another --policy and resume with `lore agent --resume {session}`"
            ))
        }
        End::Budget { .. } if turn.day_is_over => CliError::refused(
            "budget",
            "what was left of the day's budget is used up",
        )
        .help(format!(
            "a day is one of UTC; raise the bound of the day, or go on tomorrow with `lore agent \
                 --resume {session}`"
        )),
        End::Budget { .. } => CliError::refused("budget", end),
        End::UnknownPrice => CliError::refused("unknown_price", end)
            .help("give --price IN/OUT in dollars for a million tokens, or no limit on money"),
        End::Overflow { .. } => CliError::failed("overflow", end),
        End::Stuck => CliError::failed("stuck", end),
        End::Refused { .. } => CliError::failed("model_refused", end),
        End::NoAnswer => CliError::failed("no_answer", end),
        End::Failed { class, .. } => CliError::failed(class, end),
        End::Cancelled => CliError::failed("cancelled", end),
    };
    let resume = format!("the session is saved: `lore agent --resume {session}` continues it");
    Some(if error.help.is_empty() { error.help(resume) } else { error })
}
