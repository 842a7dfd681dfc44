//! How each agent is set up and run against the scripted model.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lore_test_endpoint::Endpoint;
use lore_tests::wait::wait_until;

use crate::person::Person;

pub struct Lane {
    pub agent: &'static str,
    /// Package and version of npm.
    pub package: &'static str,
    program: &'static str,
    /// Settings that connecting changes.
    pub settings: &'static [&'static str],
    /// True when advice before a call reaches the model.
    pub says_before: bool,
}

pub const LANES: [Lane; 7] = [
    Lane {
        agent: "claude-code",
        package: "@anthropic-ai/claude-code@2.1.332",
        program: "claude",
        settings: &[".claude/settings.json"],
        says_before: true,
    },
    Lane {
        agent: "codex",
        package: "@openai/codex@0.171.0",
        program: "codex",
        settings: &[".codex/hooks.json", ".codex/config.toml"],
        says_before: true,
    },
    Lane {
        agent: "copilot-cli",
        package: "@github/copilot@1.0.102",
        program: "copilot",
        settings: &[".copilot/hooks/commonlore.json", ".copilot/mcp-config.json"],
        says_before: true,
    },
    Lane {
        agent: "gemini-cli",
        package: "@google/gemini-cli@0.61.0",
        program: "gemini",
        settings: &[".gemini/settings.json"],
        says_before: false,
    },
    Lane {
        agent: "opencode",
        package: "opencode-ai@1.18.33",
        program: "opencode",
        settings: &[".config/opencode/opencode.json", ".config/opencode/plugins/commonlore.js"],
        says_before: false,
    },
    Lane {
        agent: "pi",
        package: "@mariozechner/pi-coding-agent@0.73.1",
        program: "pi",
        settings: &[".pi/agent/extensions/commonlore.ts"],
        says_before: false,
    },
    Lane {
        agent: "qwen-code",
        package: "@qwen-code/qwen-code@0.24.4",
        program: "qwen",
        settings: &[".qwen/settings.json"],
        says_before: false,
    },
];

/// Longest time that one run of an agent may take.
const RUN: Duration = Duration::from_secs(120);

impl Lane {
    /// The program, in the directory of `./x agents`; none when it is not there.
    pub fn program(&self) -> Option<PathBuf> {
        let directory = PathBuf::from(std::env::var_os("LORE_AGENTS")?);
        let path = directory.join(self.agent).join("node_modules/.bin").join(self.program);
        path.exists().then_some(path)
    }

    /// Writes the settings that lead to the scripted model.
    pub fn settle(&self, person: &Person, endpoint: &Endpoint) {
        let (url, root) = (&endpoint.url, endpoint.root());
        let write = |path: &str, text: String| {
            let path = person.home.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        match self.agent {
            "claude-code" => write(".claude/settings.json", "{\n    \"env\":  {}\n}".into()),
            "codex" => write(
                ".codex/config.toml",
                format!(
                    "# mine\nmodel = \"gpt-5-codex\"\nmodel_provider = \"scripted\"\n\n[model_providers.scripted]\n\
                     name = \"scripted\"\nbase_url = \"{url}\"\nwire_api = \"responses\"\nenv_key = \"SCRIPTED_KEY\"\n\n\
                     [projects.\"{}\"]\ntrust_level = \"trusted\"\n",
                    person.project.display()
                ),
            ),
            "copilot-cli" => std::fs::create_dir(person.home.join(".copilot")).unwrap(),
            "gemini-cli" => write(
                ".gemini/settings.json",
                "{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}".into(),
            ),
            "opencode" => {
                write(
                    ".config/opencode/opencode.json",
                    format!(
                        "{{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"provider\": {{\"scripted\": {{\"npm\": \"@ai-sdk/openai-compatible\", \
                         \"options\": {{\"baseURL\": \"{url}\", \"apiKey\": \"x\"}}, \
                         \"models\": {{\"scripted-1\": {{}}}}}}}},\n  \
                         \"model\": \"scripted/scripted-1\",\n  \"permission\": {{\"bash\": \"allow\"}}\n}}\n"
                    ),
                );
                // What OpenCode fetches for its plugins at the first start.
                let kit =
                    PathBuf::from(std::env::var_os("LORE_AGENTS").unwrap()).join("opencode-plugin");
                let copied = person
                    .command(Path::new("cp"))
                    .args(["-a", "--"])
                    .args(
                        ["node_modules", "package.json", "package-lock.json"]
                            .map(|name| kit.join(name)),
                    )
                    .arg(person.home.join(".config/opencode"))
                    .status();
                assert!(copied.unwrap().success());
            }
            "pi" => write(
                ".pi/agent/models.json",
                format!(
                    "{{\"providers\": {{\"scripted\": {{\"baseUrl\": \"{url}\", \"api\": \"openai-completions\", \
                     \"apiKey\": \"x\", \"models\": [{{\"id\": \"scripted-1\"}}]}}}}}}"
                ),
            ),
            "qwen-code" => write(
                ".qwen/settings.json",
                "{\n  \"security\": {\"auth\": {\"selectedType\": \"openai\"}},\n  \"$version\": 4\n}".into(),
            ),
            other => panic!("no lane for {other} at {root}"),
        }
    }

    /// One task from its beginning to its end.
    pub fn run(&self, person: &Person, program: &Path, endpoint: &Endpoint) {
        let (url, root) = (endpoint.url.as_str(), endpoint.root());
        let task = "push the branch and run the unit tests";
        let mut command = person.command(program);
        match self.agent {
            "claude-code" => command
                .env("ANTHROPIC_BASE_URL", root)
                .env("ANTHROPIC_API_KEY", "x")
                .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
                .args(["-p", task, "--allowedTools", "Bash"]),
            "codex" => command.env("SCRIPTED_KEY", "x").args([
                "exec",
                "--json",
                // What the person says once with `/hooks`.
                "--dangerously-bypass-hook-trust",
                "--dangerously-bypass-approvals-and-sandbox",
                "--skip-git-repo-check",
                task,
            ]),
            "copilot-cli" => command
                .env("COPILOT_OFFLINE", "true")
                .env("COPILOT_PROVIDER_BASE_URL", url)
                .env("COPILOT_PROVIDER_TYPE", "openai")
                .env("COPILOT_PROVIDER_API_KEY", "x")
                .env("COPILOT_MODEL", "scripted-1")
                .args(["--allow-all-tools", "--allow-all-paths", "-p", task]),
            "gemini-cli" => command
                .env("GEMINI_API_KEY", "x")
                .env("GOOGLE_GEMINI_BASE_URL", root)
                .env("GEMINI_CLI_TRUST_WORKSPACE", "true")
                .args(["--yolo", "-p", task]),
            "opencode" => command.args(["run", task]),
            "pi" => command.env("PI_OFFLINE", "1").args([
                "-p",
                "--provider",
                "scripted",
                "--model",
                "scripted-1",
                task,
            ]),
            _ => command
                .env("OPENAI_API_KEY", "x")
                .env("OPENAI_BASE_URL", url)
                .env("OPENAI_MODEL", "scripted-1")
                .args(["--yolo", "-p", task]),
        };
        let log = person.home.join("agent.log");
        let file = std::fs::File::create(&log).unwrap();
        command.stdout(Stdio::from(file.try_clone().unwrap())).stderr(Stdio::from(file));
        let mut child = command.spawn().unwrap();
        let ended = wait_until("the agent has ended", RUN, || child.try_wait().unwrap());
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::remove_file(&log).unwrap();
        assert!(ended.success(), "{}: {ended}: {said}", self.agent);
    }
}
