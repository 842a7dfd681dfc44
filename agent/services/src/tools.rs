//! The tools that settings switch on.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::hf_jobs::Account;
use super::{
    arxiv, github, github_files, github_search, hf_commit, hf_docs, hf_hub, hf_job_logs, hf_jobs,
    hf_papers, hf_repo, hf_rows, scholar, web_search,
};
use lore_agent::service::OutsideTool;
use lore_agent::service::Service;
use lore_agent::service::{
    ArxivSettings, GithubSettings, HuggingFaceSettings, OutsideSettings, SemanticScholarSettings,
    SettingsError, WebSearchSettings,
};
use lore_agent::tool::Tool;

/// Longest call when the settings say nothing, and at most, in seconds.
const TIME_SECONDS: u16 = 60;
const MAX_TIME_SECONDS: u16 = 600;
/// Longest pause between two requests, in seconds.
const MAX_INTERVAL_SECONDS: u16 = 60;

/// Tools that only look, whose calls may run at the same time. The others create, commit, run or end
/// something.
pub const OUTSIDE_READERS: [&str; 28] = [
    "arxiv_read",
    "arxiv_search",
    "github_list",
    "github_read",
    "github_search_code",
    "github_search_repos",
    "hf_dataset_info",
    "hf_dataset_parts",
    "hf_dataset_rows",
    "hf_datasets_search",
    "hf_docs_read",
    "hf_docs_search",
    "hf_jobs_hardware",
    "hf_jobs_inspect",
    "hf_jobs_list",
    "hf_jobs_logs",
    "hf_model_info",
    "hf_models_search",
    "hf_paper",
    "hf_paper_read",
    "hf_papers_daily",
    "hf_papers_search",
    "hf_repo_list",
    "hf_repo_read",
    "scholar_citations",
    "scholar_paper",
    "scholar_search",
    "web_search",
];

/// The tools that `settings` switch on, with tokens of the settings or else of the environment.
///
/// # Errors
/// Fails when an address, a token or a number of the settings cannot be used.
pub fn outside_tools(settings: &OutsideSettings) -> Result<Vec<Arc<dyn Tool>>, SettingsError> {
    outside_tools_with(settings, &|name| std::env::var(name).ok())
}

/// As [`outside_tools`], with another environment.
///
/// # Errors
/// As there.
pub fn outside_tools_with(
    settings: &OutsideSettings,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Arc<dyn Tool>>, SettingsError> {
    let time = in_range(
        "agent.outside.timeout_seconds",
        settings.timeout_seconds.unwrap_or(TIME_SECONDS),
        1,
        MAX_TIME_SECONDS,
    )?;
    let made = Made { time: Duration::from_secs(time.into()), environment };
    let mut tools = made.arxiv(&settings.arxiv)?;
    tools.extend(made.scholar(&settings.semantic_scholar)?);
    tools.extend(made.huggingface(&settings.huggingface)?);
    tools.extend(made.github(&settings.github)?);
    tools.extend(made.web_search(&settings.web_search)?);
    Ok(tools)
}

type Tools = Result<Vec<Arc<dyn Tool>>, SettingsError>;

/// Settings with which tools are made.
struct Made<'a> {
    time: Duration,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

/// A token, and the names of the environment variables that may hold it.
struct Token {
    token: Option<SecretString>,
    variables: Vec<String>,
}

impl Made<'_> {
    /// The token of the settings, else of the variable that they name, else of the usual ones. An empty
    /// variable is none.
    fn token(&self, given: &Option<SecretString>, named: &Option<String>, usual: &[&str]) -> Token {
        let variables: Vec<String> = match named {
            Some(name) => vec![name.clone()],
            None => usual.iter().map(|name| (*name).to_owned()).collect(),
        };
        let in_environment = || {
            let values = variables.iter().filter_map(|name| (self.environment)(name));
            values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
        };
        let token = given.clone().or_else(|| in_environment().map(SecretString::from));
        Token { token, variables }
    }

    fn arxiv(&self, settings: &ArxivSettings) -> Tools {
        if !settings.enabled {
            return Ok(Vec::new());
        }
        let interval = in_range(
            "agent.outside.arxiv.interval_seconds",
            settings.interval_seconds.unwrap_or(arxiv::INTERVAL_SECONDS),
            0,
            MAX_INTERVAL_SECONDS,
        )?;
        let base = settings.base_url.as_deref().unwrap_or(arxiv::BASE);
        let service = Service::new(arxiv::PROFILE, base, None)?
            .with_interval(Duration::from_secs(interval.into()));
        let service = &Arc::new(service);
        Ok(vec![
            OutsideTool::shared(service, arxiv::Search, self.time),
            OutsideTool::shared(service, arxiv::Read, self.time),
        ])
    }

    fn scholar(&self, settings: &SemanticScholarSettings) -> Tools {
        if !settings.enabled {
            return Ok(Vec::new());
        }
        let found = self.token(&settings.token, &settings.token_env, &scholar::VARIABLES);
        let base = settings.base_url.as_deref().unwrap_or(scholar::BASE);
        let service = Service::new(scholar::PROFILE, base, found.token)?;
        let service = &Arc::new(service.with_variables(found.variables));
        Ok(vec![
            OutsideTool::shared(service, scholar::Search, self.time),
            OutsideTool::shared(service, scholar::Read, self.time),
            OutsideTool::shared(service, scholar::Citations, self.time),
        ])
    }

    fn huggingface(&self, settings: &HuggingFaceSettings) -> Tools {
        let needs = |setting: &str, needs: &str, why| {
            let of = |name| format!("agent.outside.huggingface.{name}");
            Err(SettingsError::Needs { setting: of(setting), needs: of(needs), why })
        };
        if !settings.enabled {
            let why = "it is off altogether otherwise";
            return match (settings.write, settings.jobs) {
                (true, _) => needs("write", "enabled", why),
                (_, true) => needs("jobs", "enabled", why),
                _ => Ok(Vec::new()),
            };
        }
        if settings.jobs_may_use_token && !settings.jobs {
            return needs("jobs_may_use_token", "jobs", "there are no jobs otherwise");
        }
        let found = self.token(&settings.token, &settings.token_env, &hf_repo::VARIABLES);
        let base = settings.base_url.as_deref().unwrap_or(hf_repo::BASE);
        let new = || -> Result<Service, SettingsError> {
            let service = Service::new(hf_repo::PROFILE, base, found.token.clone())?;
            Ok(service.with_variables(found.variables.clone()))
        };
        let hub = &Arc::new(new()?);
        // Only reading a file leads to where large files lie.
        let downloads = settings.download_hosts.clone();
        let downloads = downloads.unwrap_or_else(|| vec![hf_repo::DOWNLOADS.to_owned()]);
        let files = &Arc::new(new()?.with_redirects(&downloads));
        let base = settings.datasets_server_url.as_deref().unwrap_or(hf_rows::BASE);
        let rows = Service::new(hf_rows::PROFILE, base, found.token.clone())?;
        let rows = &Arc::new(rows.with_variables(found.variables.clone()));
        let time = self.time;
        let mut tools = vec![
            OutsideTool::shared(hub, hf_papers::Daily, time),
            OutsideTool::shared(hub, hf_papers::Search, time),
            OutsideTool::shared(hub, hf_papers::Read, time),
            OutsideTool::shared(hub, hf_papers::ReadText, time),
            OutsideTool::shared(hub, hf_docs::Search, time),
            OutsideTool::shared(hub, hf_docs::Read, time),
            OutsideTool::shared(hub, hf_hub::SearchModels, time),
            OutsideTool::shared(hub, hf_hub::ModelInfo, time),
            OutsideTool::shared(hub, hf_hub::SearchDatasets, time),
            OutsideTool::shared(hub, hf_hub::DatasetInfo, time),
            OutsideTool::shared(rows, hf_rows::Parts, time),
            OutsideTool::shared(rows, hf_rows::Rows, time),
            OutsideTool::shared(hub, hf_repo::List, time),
            OutsideTool::shared(files, hf_repo::Read, time),
        ];
        if settings.write {
            tools.push(OutsideTool::shared(hub, hf_commit::Create, time));
            tools.push(OutsideTool::shared(hub, hf_commit::Commit, time));
        }
        if settings.jobs {
            let account = Account::default();
            let of = || account.clone();
            let run = hf_jobs::Run { account: of(), may_use_token: settings.jobs_may_use_token };
            tools.push(OutsideTool::shared(hub, run, time));
            tools.push(OutsideTool::shared(hub, hf_jobs::List { account: of() }, time));
            tools.push(OutsideTool::shared(hub, hf_jobs::Inspect { account: of() }, time));
            tools.push(OutsideTool::shared(hub, hf_job_logs::Logs { account: of() }, time));
            tools.push(OutsideTool::shared(hub, hf_jobs::Cancel { account: of() }, time));
            tools.push(OutsideTool::shared(hub, hf_jobs::Hardware, time));
        }
        Ok(tools)
    }

    fn github(&self, settings: &GithubSettings) -> Tools {
        if !settings.enabled {
            return Ok(Vec::new());
        }
        let found = self.token(&settings.token, &settings.token_env, &github::VARIABLES);
        let base = settings.base_url.as_deref().unwrap_or(github::BASE);
        let service = Service::new(github::PROFILE, base, found.token)?;
        let service = &Arc::new(service.with_variables(found.variables));
        Ok(vec![
            OutsideTool::shared(service, github_search::Code, self.time),
            OutsideTool::shared(service, github_search::Repos, self.time),
            OutsideTool::shared(service, github_files::List, self.time),
            OutsideTool::shared(service, github_files::Read, self.time),
        ])
    }

    fn web_search(&self, settings: &WebSearchSettings) -> Tools {
        let Some(provider) = settings.provider else {
            return Ok(Vec::new());
        };
        let usual = web_search::variables(provider);
        let found = self.token(&settings.token, &settings.token_env, usual);
        let base = settings.base_url.as_deref().or_else(|| web_search::base(provider));
        let base = base.ok_or_else(|| SettingsError::Missing {
            setting: "agent.outside.web_search.base_url".to_owned(),
            why: "every SearXNG instance has its own address, like http://127.0.0.1:8888",
        })?;
        let service = Service::new(web_search::profile(provider), base, found.token)?;
        let service = &Arc::new(service.with_variables(found.variables));
        Ok(vec![OutsideTool::shared(service, web_search::Search { provider }, self.time)])
    }
}

fn in_range(setting: &str, value: u16, least: u16, most: u16) -> Result<u16, SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(SettingsError::Range {
        setting: setting.to_owned(),
        value: value.into(),
        least: least.into(),
        most: most.into(),
    })
}
