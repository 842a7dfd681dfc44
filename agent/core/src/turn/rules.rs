//! A policy made of rules.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::{Action, Approval, Decision, normal};

/// Rules in order, of which the first that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulePolicy {
    /// The rules.
    pub rules: Vec<Rule>,
    /// The verdict when no rule fits.
    pub otherwise: Verdict,
}

/// One rule. It fits when everything that it names fits; what it does not name is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The verdict.
    pub verdict: Verdict,
    /// Tools, by name; a `*` at the end stands for any rest.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Directories or files. An `allow` fits when the call names paths and all are in one of them; any
    /// other rule when one path is. A command names no paths, so that no path can allow it.
    #[serde(default)]
    pub paths: Vec<PathBuf>,
    /// Hosts; `*.example.org` stands for all below. As with paths, and no command is allowed by its
    /// hosts: it can reach more than it names.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Fits when more than this was used in the turn, in millionths of a US dollar.
    #[serde(default)]
    pub spent_above_micro_usd: Option<u64>,
}

/// The verdict of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Do it.
    Allow,
    /// Do not.
    #[default]
    Deny,
    /// Ask.
    Ask,
}

/// Why a policy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Neither a known name nor rules.
    #[error("the policy is neither `read-only`, `workspace` or `all` nor JSON rules: {0}")]
    Rules(#[from] serde_json::Error),
}

/// `research` is a sub-agent that can only look, under the same policy.
const READERS: [&str; 5] = ["read", "glob", "grep", "plan", "research"];
const WRITERS: [&str; 2] = ["write", "edit"];

impl RulePolicy {
    /// `read-only`: looking at files of the workspace; `workspace`: also changing them, and commands,
    /// which the sandbox keeps there; `all`: everything. Anything else is read as JSON rules.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str, workspace: &Path) -> Result<Self, PolicyError> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let within = |tools: Vec<String>| Rule {
            verdict: Verdict::Allow,
            tools,
            paths: vec![normal(workspace)],
            ..Rule::default()
        };
        let allow = |tools: Vec<String>| Rule { verdict: Verdict::Allow, tools, ..Rule::default() };
        // Without a path, glob and grep look at the workspace.
        let outside = Rule { verdict: Verdict::Deny, ..Rule::default() };
        let reads = |mut rules: Vec<Rule>| {
            rules.push(within(names(&READERS)));
            rules.push(Rule { tools: names(&READERS), paths: vec!["/".into()], ..outside.clone() });
            rules.push(allow(names(&READERS)));
            rules
        };
        let otherwise = Verdict::Deny;
        match text.trim() {
            "read-only" => Ok(Self { rules: reads(Vec::new()), otherwise }),
            "workspace" => {
                let rules = vec![within(names(&WRITERS)), allow(names(&["bash"]))];
                Ok(Self { rules: reads(rules), otherwise })
            }
            "all" => Ok(Self { rules: Vec::new(), otherwise: Verdict::Allow }),
            other => Ok(serde_json::from_str(other)?),
        }
    }
}

impl Rule {
    fn fits(&self, action: &Action<'_>) -> bool {
        let allows = self.verdict == Verdict::Allow;
        let tool = self.tools.is_empty()
            || self.tools.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => action.tool.starts_with(start),
                None => action.tool == name,
            });
        let within =
            |path: &PathBuf| self.paths.iter().any(|place| path.starts_with(normal(place)));
        let paths = self.paths.is_empty()
            || if allows {
                !action.paths.is_empty()
                    && action.command.is_none()
                    && action.paths.iter().all(within)
            } else {
                action.paths.iter().any(within)
            };
        let known = |host: &String| {
            self.hosts.iter().any(|name| match name.strip_prefix("*.") {
                Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
                None => name.eq_ignore_ascii_case(host),
            })
        };
        let hosts = self.hosts.is_empty()
            || if allows {
                !action.hosts.is_empty()
                    && action.command.is_none()
                    && action.hosts.iter().all(known)
            } else {
                action.hosts.iter().any(known)
            };
        let spent = self.spent_above_micro_usd.is_none_or(|above| action.spent_micro_usd > above);
        tool && paths && hosts && spent
    }
}

impl Approval for RulePolicy {
    fn decide(&self, action: &Action<'_>) -> Decision {
        let rule = self.rules.iter().position(|rule| rule.fits(action));
        let verdict = rule.map_or(self.otherwise, |at| self.rules[at].verdict);
        let which = rule.map_or("no rule allows it".to_owned(), |at| format!("rule {}", at + 1));
        match verdict {
            Verdict::Allow => Decision::Allow,
            Verdict::Deny => Decision::Deny {
                reason: format!(
                    "the policy does not allow this call of `{}` ({which})",
                    action.tool
                ),
            },
            Verdict::Ask => {
                let what =
                    action.command.map_or_else(|| action.arguments.to_string(), str::to_owned);
                Decision::Ask { question: format!("allow `{}`: {what}?", action.tool) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::{Value, json};

    fn decide(policy: &str, tool: &str, arguments: Value) -> Verdict {
        let workspace = Path::new("/w");
        let policy = RulePolicy::parse(policy, workspace).unwrap();
        match policy.decide(&Action::new(tool, &arguments, workspace, 500)) {
            Decision::Allow => Verdict::Allow,
            Decision::Deny { .. } => Verdict::Deny,
            Decision::Ask { .. } => Verdict::Ask,
        }
    }

    #[test]
    fn read_only_reads_the_workspace_and_nothing_else() {
        let decide = |tool, arguments| decide("read-only", tool, arguments);
        assert_eq!(decide("read", json!({"path": "a/b"})), Verdict::Allow);
        assert_eq!(decide("grep", json!({"pattern": "x"})), Verdict::Allow);
        assert_eq!(decide("read", json!({"path": "a/../../etc/passwd"})), Verdict::Deny);
        assert_eq!(decide("read", json!({"path": "/wx/a"})), Verdict::Deny);
        assert_eq!(decide("write", json!({"path": "a"})), Verdict::Deny);
        assert_eq!(decide("bash", json!({"command": "ls"})), Verdict::Deny);
    }

    #[test]
    fn workspace_writes_there_and_runs_commands() {
        let decide = |tool, arguments| decide("workspace", tool, arguments);
        assert_eq!(decide("write", json!({"path": "/w/a"})), Verdict::Allow);
        assert_eq!(decide("edit", json!({"path": "/etc/hosts"})), Verdict::Deny);
        assert_eq!(decide("bash", json!({"command": "make"})), Verdict::Allow);
        assert_eq!(decide("web_fetch", json!({"url": "https://example.org"})), Verdict::Deny);
    }

    #[test]
    fn rules_by_host_path_and_cost_in_order() {
        let policy = r#"{"rules": [
            {"verdict": "deny", "hosts": ["*.evil.example", "evil.example"]},
            {"verdict": "ask", "tools": ["hf_jobs*"], "spent_above_micro_usd": 400},
            {"verdict": "allow", "tools": ["web_fetch"], "hosts": ["docs.rs"]},
            {"verdict": "allow", "tools": ["bash"], "hosts": ["docs.rs"]}
        ], "otherwise": "deny"}"#;
        let decide = |tool, arguments| decide(policy, tool, arguments);
        assert_eq!(decide("web_fetch", json!({"url": "https://docs.rs/a"})), Verdict::Allow);
        assert_eq!(
            decide("web_fetch", json!({"url": "https://docs.rs.evil.example/"})),
            Verdict::Deny
        );
        assert_eq!(
            decide("web_fetch", json!({"url": "https://docs.rs@evil.example/"})),
            Verdict::Deny
        );
        assert_eq!(decide("hf_jobs_run", json!({})), Verdict::Ask);
        // A command can reach more hosts than it names.
        assert_eq!(decide("bash", json!({"command": "curl https://docs.rs"})), Verdict::Deny);
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_an_error_and_not_a_default() {
        for text in ["", "everything", r#"{"rules": [], "otherwise": "maybe"}"#, r#"{"rules": []}"#]
        {
            assert!(RulePolicy::parse(text, Path::new("/w")).is_err(), "{text}");
        }
    }
}
