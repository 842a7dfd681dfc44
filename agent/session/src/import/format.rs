//! The formats, by name, and how a file of each is recognised.

use std::fmt;

use serde_json::Value;

use super::cost::Cost;
use super::{
    Importer, atif, claude, codex, copilot, gemini, mini_swe_agent, ml_intern, openai, opencode,
    own, pi, qwen, skillclaw, spec_story, swe_agent,
};

/// Program that wrote a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Sessions of this program, one a line.
    Lore,
    /// A rollout of Codex, of any age (`~/.codex/sessions`).
    Codex,
    /// Events or history of the Copilot CLI (`~/.copilot/session-state`).
    CopilotCli,
    /// A session of Pi (`~/.pi/agent/sessions`).
    Pi,
    /// A chat of the Gemini CLI (`~/.gemini/tmp`).
    GeminiCli,
    /// A chat of Qwen Code (`~/.qwen/projects`).
    QwenCode,
    /// What `opencode export` writes.
    OpenCode,
    /// A trajectory that ml-intern saved.
    MlIntern,
    /// A trajectory of mini-swe-agent.
    MiniSweAgent,
    /// A trajectory of SWE-agent.
    SweAgent,
    /// A trajectory in the Agent Trajectory Interchange Format.
    Atif,
    /// A session or a record of SkillClaw.
    SkillClaw,
    /// A transcript that SpecStory wrote as Markdown.
    SpecStory,
    /// A session file of Claude Code (`~/.claude/projects`).
    ClaudeCode,
    /// Lists of OpenAI chat messages with tool calls, alone or in objects with a reward, as one JSON
    /// document or one a line.
    OpenAiChat,
}

impl Format {
    /// All formats, in the order in which they are tried: the plainest last.
    pub const ALL: [Self; 15] = [
        Self::Lore,
        Self::Codex,
        Self::CopilotCli,
        Self::Pi,
        Self::GeminiCli,
        Self::QwenCode,
        Self::OpenCode,
        Self::MlIntern,
        Self::MiniSweAgent,
        Self::SweAgent,
        Self::Atif,
        Self::SkillClaw,
        Self::SpecStory,
        Self::ClaudeCode,
        Self::OpenAiChat,
    ];

    /// The name for the command line, which is also the harness of its sessions where they have no other.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lore => "lore",
            Self::Codex => "codex",
            Self::CopilotCli => "copilot-cli",
            Self::Pi => "pi",
            Self::GeminiCli => "gemini-cli",
            Self::QwenCode => "qwen-code",
            Self::OpenCode => "opencode",
            Self::MlIntern => "ml-intern",
            Self::MiniSweAgent => "mini-swe-agent",
            Self::SweAgent => "swe-agent",
            Self::Atif => "atif",
            Self::SkillClaw => "skillclaw",
            Self::SpecStory => "specstory",
            Self::ClaudeCode => "claude-code",
            Self::OpenAiChat => "openai-chat",
        }
    }

    /// All names, for help and errors.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Returns true when a file of it always has one entry a line.
    pub(super) const fn has_lines(self) -> bool {
        matches!(self, Self::Lore | Self::Pi | Self::QwenCode | Self::ClaudeCode | Self::SpecStory)
    }

    /// The format of an entry or a document; none when it is none of ours.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.is(value))
    }

    fn is(self, value: &Value) -> bool {
        match self {
            Self::Lore => own::is_session(value),
            Self::Codex => codex::is_entry(value),
            Self::CopilotCli => copilot::is_entry(value),
            Self::Pi => pi::is_entry(value),
            Self::GeminiCli => gemini::is_chat(value),
            Self::QwenCode => qwen::is_entry(value),
            Self::OpenCode => opencode::is_export(value),
            Self::MlIntern => ml_intern::is_trajectory(value),
            Self::MiniSweAgent => mini_swe_agent::is_trajectory(value),
            Self::SweAgent => swe_agent::is_trajectory(value),
            Self::Atif => atif::is_trajectory(value),
            Self::SkillClaw => skillclaw::is_entry(value),
            // Told by its first line.
            Self::SpecStory => false,
            Self::ClaudeCode => claude::is_entry(value),
            Self::OpenAiChat => openai::is_document(value),
        }
    }

    pub(super) fn importer(self, cost: &Cost) -> Box<dyn Importer> {
        let cost = cost.clone();
        match self {
            Self::Lore => Box::new(own::Own),
            Self::Codex => Box::new(codex::Codex::new(cost)),
            Self::CopilotCli => Box::new(copilot::Copilot::new(cost)),
            Self::Pi => Box::new(pi::Pi::new(cost)),
            Self::GeminiCli => Box::new(gemini::Gemini::new(cost)),
            Self::QwenCode => Box::new(qwen::Qwen::new(cost)),
            Self::OpenCode => Box::new(opencode::OpenCode::new(cost)),
            Self::MlIntern => Box::new(ml_intern::MlIntern::new(cost)),
            Self::MiniSweAgent => Box::new(mini_swe_agent::MiniSweAgent::new(cost)),
            Self::SweAgent => Box::new(swe_agent::SweAgent::new(cost)),
            Self::Atif => Box::new(atif::Atif::new(cost)),
            Self::SkillClaw => Box::new(skillclaw::SkillClaw::new(cost)),
            Self::SpecStory => Box::new(spec_story::SpecStory::new(cost)),
            Self::ClaudeCode => Box::new(claude::ClaudeCode::new(cost)),
            Self::OpenAiChat => Box::new(openai::OpenAiChat::new(cost)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
