//! Jobs of Hugging Face: commands that run on its machines and are paid for by the minute.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::hf_repo::check_name;
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped};

/// Time of a job when none is asked for, in minutes.
const DEFAULT_MINUTES: u32 = 30;

/// A job, as far as it is shown. Its secrets are never among what is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    id: String,
    created_at: Option<String>,
    finished_at: Option<String>,
    docker_image: Option<String>,
    space_id: Option<String>,
    command: Option<Vec<String>>,
    environment: Option<BTreeMap<String, Value>>,
    flavor: Option<String>,
    status: Option<Status>,
    owner: Option<Owner>,
}

#[derive(Debug, Deserialize)]
struct Status {
    stage: String,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Owner {
    name: String,
}

impl Job {
    fn stage(&self) -> &str {
        self.status.as_ref().map_or("?", |status| &status.stage)
    }

    fn show(&self, found: &mut Found) {
        found.line(format!("- job {} [{}]", self.id, self.stage()));
        let said = self.status.as_ref().and_then(|status| status.message.as_ref());
        found.field("says", said);
        found.field("owner", self.owner.as_ref().map(|owner| &owner.name));
        found.field("image", self.docker_image.as_ref());
        found.field("space", self.space_id.as_ref());
        found.field("hardware", self.flavor.as_ref());
        found.field("created", self.created_at.as_ref());
        found.field("finished", self.finished_at.as_ref());
        let command = self.command.as_ref().map(|words| clipped(&words.join(" "), 400));
        found.field("command", command);
        // Values may be private to the job; names tell enough.
        let names: Vec<&str> = self.environment.iter().flatten().map(|(name, _)| &**name).collect();
        found.field("environment", (!names.is_empty()).then(|| names.join(", ")));
    }
}

/// Owner of the jobs: the token's own user is asked for once.
#[derive(Debug, Clone, Default)]
pub(super) struct Account(Arc<OnceCell<String>>);

#[derive(Debug, Deserialize)]
struct Whoami {
    name: String,
}

impl Account {
    pub(super) async fn of(
        &self,
        service: &Service,
        named: Option<&str>,
    ) -> Result<String, OutsideError> {
        if let Some(name) = named {
            return check_name(name.trim()).map(str::to_owned);
        }
        let ask = || async {
            let user: Whoami = service.json(Request::get(&["api", "whoami-v2"])).await?;
            check_name(&user.name).map(str::to_owned)
        };
        self.0.get_or_try_init(ask).await.cloned()
    }
}

/// The id of a job, checked.
pub(super) fn check_id(id: &str) -> Result<&str, OutsideError> {
    let id = id.trim();
    let known = (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric());
    if known { Ok(id) } else { Err(OutsideError::argument(format!("{id:?} is no id of a job"))) }
}

/// `hf_jobs_run`.
pub(super) struct Run {
    pub(super) account: Account,
    /// True when a job may have the token.
    pub(super) may_use_token: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunArguments {
    /// Docker image, such as `python:3.12`, or `hf.co/spaces/owner/name`.
    image: String,
    /// The program and its arguments, one each; `["bash", "-c", "..."]` for a shell.
    #[schemars(length(min = 1, max = 200))]
    command: Vec<String>,
    /// Hardware, such as `cpu-basic` (when absent) or `t4-small`; see `hf_jobs_hardware` for prices.
    hardware: Option<String>,
    /// The job is ended after so many minutes; 30 when absent.
    #[schemars(range(min = 1, max = 1440))]
    minutes: Option<u32>,
    /// Environment variables; no secrets here.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Gives the job the user's token as `HF_TOKEN`, when the settings allow it.
    #[serde(default)]
    with_token: bool,
    /// User or organisation that pays; the token's own user when absent.
    account: Option<String>,
}

impl Operation for Run {
    type Arguments = RunArguments;
    const NAME: &'static str = "hf_jobs_run";
    const DESCRIPTION: &'static str = "Runs a command in a container on Hugging Face's machines, which costs money by the minute. \
         Gives the job's id at once; nothing in the container stays when it ends.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: RunArguments) -> Result<Found, OutsideError> {
        if asked.command.is_empty() || asked.image.trim().is_empty() {
            return Err(OutsideError::argument("a job needs an image and a command"));
        }
        if asked.with_token && !self.may_use_token {
            return Err(OutsideError::argument(
                "the settings give jobs no token: without it, or the user sets \
                 `agent.outside.huggingface.jobs_may_use_token`",
            ));
        }
        let minutes = asked.minutes.unwrap_or(DEFAULT_MINUTES).clamp(1, 1440);
        let mut body = json!({
            "command": asked.command,
            "arguments": [],
            "environment": asked.environment,
            "flavor": asked.hardware.as_deref().unwrap_or("cpu-basic"),
            "timeoutSeconds": minutes * 60,
        });
        let image = asked.image.trim();
        let bare = image.trim_start_matches("https://");
        let space = ["hf.co/spaces/", "huggingface.co/spaces/"];
        match space.iter().find_map(|start| bare.strip_prefix(start)) {
            Some(space) => body["spaceId"] = space.into(),
            None => body["dockerImage"] = image.into(),
        }
        if asked.with_token {
            body["secrets"] = json!({ "HF_TOKEN": service.need_token()?.expose_secret() });
        }
        let account = self.account.of(service, asked.account.as_deref()).await?;
        let job: Job = service.json(Request::post(&["api", "jobs", &account], &body)).await?;
        let mut found = Found::new();
        job.show(&mut found);
        found.more(format!("started; it ends after {minutes} minutes at the latest"));
        Ok(found)
    }
}

/// `hf_jobs_list`.
pub(super) struct List {
    pub(super) account: Account,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// Only jobs at this stage, such as `RUNNING`, `COMPLETED`, `ERROR`, `CANCELED`.
    stage: Option<String>,
    /// User or organisation; the token's own user when absent.
    account: Option<String>,
    /// Number of results, 20 when absent.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

impl Operation for List {
    type Arguments = ListArguments;
    const NAME: &'static str = "hf_jobs_list";
    const DESCRIPTION: &'static str =
        "Lists jobs on Hugging Face, newest first as the hub has them.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: ListArguments) -> Result<Found, OutsideError> {
        let account = self.account.of(service, asked.account.as_deref()).await?;
        let jobs: Vec<Job> = service.json(Request::get(&["api", "jobs", &account])).await?;
        let limit = asked.limit.unwrap_or(20).clamp(1, 100) as usize;
        let stage = asked.stage.map(|stage| stage.to_uppercase());
        let fits = |job: &&Job| stage.as_ref().is_none_or(|stage| job.stage() == stage);
        let fitting: Vec<&Job> = jobs.iter().filter(fits).collect();
        let mut found = Found::new();
        found.line(format!("{} jobs of {account}", fitting.len()));
        fitting.iter().take(limit).for_each(|job| job.show(&mut found));
        if fitting.len() > limit {
            found.more(format!("{} more: ask with a larger limit", fitting.len() - limit));
        }
        Ok(found)
    }
}

/// The job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobArguments {
    /// Id of the job.
    job: String,
    /// User or organisation; the token's own user when absent.
    account: Option<String>,
}

/// `hf_jobs_inspect`.
pub(super) struct Inspect {
    pub(super) account: Account,
}

impl Operation for Inspect {
    type Arguments = JobArguments;
    const NAME: &'static str = "hf_jobs_inspect";
    const DESCRIPTION: &'static str = "One job on Hugging Face: its stage, command and hardware.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: JobArguments) -> Result<Found, OutsideError> {
        let id = check_id(&asked.job)?;
        let account = self.account.of(service, asked.account.as_deref()).await?;
        let job: Job = service.json(Request::get(&["api", "jobs", &account, id])).await?;
        let mut found = Found::new();
        job.show(&mut found);
        Ok(found)
    }
}

/// `hf_jobs_cancel`.
pub(super) struct Cancel {
    pub(super) account: Account,
}

impl Operation for Cancel {
    type Arguments = JobArguments;
    const NAME: &'static str = "hf_jobs_cancel";
    const DESCRIPTION: &'static str = "Ends a job on Hugging Face.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: JobArguments) -> Result<Found, OutsideError> {
        let id = check_id(&asked.job)?;
        let account = self.account.of(service, asked.account.as_deref()).await?;
        let request = Request::post(&["api", "jobs", &account, id, "cancel"], &json!({}));
        // What a success says is not documented; that it is one is enough.
        service.send(request).await?;
        Ok(Found::text(format!("job {id} is asked to end; `hf_jobs_inspect` tells when it has")))
    }
}

/// `hf_jobs_hardware`.
pub(super) struct Hardware;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HardwareArguments {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flavor {
    name: String,
    pretty_name: Option<String>,
    cpu: Option<String>,
    ram: Option<String>,
    accelerator: Option<Accelerator>,
    #[serde(rename = "unitCostMicroUSD")]
    unit_cost_micro_usd: Option<u64>,
    unit_label: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Accelerator {
    model: Option<String>,
    quantity: Option<String>,
    vram: Option<String>,
}

impl Operation for Hardware {
    type Arguments = HardwareArguments;
    const NAME: &'static str = "hf_jobs_hardware";
    const DESCRIPTION: &'static str = "Hardware that jobs on Hugging Face can run on, with prices.";

    async fn run(&self, service: &Service, _: HardwareArguments) -> Result<Found, OutsideError> {
        let flavors: Vec<Flavor> = service.json(Request::get(&["api", "jobs", "hardware"])).await?;
        let mut found = Found::new();
        for flavor in &flavors {
            let pretty = flavor.pretty_name.as_deref().unwrap_or_default();
            found.line(format!("- {} {pretty}", flavor.name));
            let parts = [flavor.cpu.as_deref(), flavor.ram.as_deref()];
            found
                .field("machine", Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", ")));
            let accelerator = flavor.accelerator.as_ref().map(|gpu| {
                let parts = [&gpu.quantity, &gpu.model, &gpu.vram];
                parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
            });
            found.field("accelerator", accelerator);
            let unit = flavor.unit_label.as_deref().unwrap_or("unit");
            let price = flavor.unit_cost_micro_usd.map(|micro| {
                format!("{}.{:06} USD a {unit}", micro / 1_000_000, micro % 1_000_000)
            });
            found.field("price", price);
        }
        Ok(found)
    }
}
