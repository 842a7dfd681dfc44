//! Output of a job on Hugging Face: an event stream that goes on while the job runs.

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::hf_jobs::{Account, check_id};
use lore_agent::model::Sse;
use lore_agent::service::Operation;
use lore_agent::service::OutsideError;
use lore_agent::service::Request;
use lore_agent::service::Service;
use lore_agent::service::{Found, clipped};

/// Most of a stream that is read, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// Longest line that is shown, in characters.
const LINE_CHARS: usize = 2000;
/// With this the hub says that a job has ended.
const ENDED: &str = "===== Job finished";

/// `hf_jobs_logs`.
pub(super) struct Logs {
    pub(super) account: Account,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogsArguments {
    /// Id of the job.
    job: String,
    /// User or organisation; the token's own user when absent.
    account: Option<String>,
    /// Number of last lines, 100 when absent.
    #[schemars(range(min = 1, max = 2000))]
    lines: Option<u32>,
    /// Seconds to listen to a job that still runs, 5 when absent.
    #[schemars(range(min = 1, max = 45))]
    seconds: Option<u32>,
}

/// One line of a log.
#[derive(Debug, Deserialize)]
struct Line {
    data: String,
}

/// End of listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Job,
    Stream,
    Time,
    Size,
}

impl Operation for Logs {
    type Arguments = LogsArguments;
    const NAME: &'static str = "hf_jobs_logs";
    const DESCRIPTION: &'static str = "The last lines that a job on Hugging Face has printed.";
    const NEEDS_TOKEN: bool = true;

    async fn run(&self, service: &Service, asked: LogsArguments) -> Result<Found, OutsideError> {
        let id = check_id(&asked.job)?;
        let account = self.account.of(service, asked.account.as_deref()).await?;
        let request = Request::get(&["api", "jobs", &account, id, "logs"])
            .header("accept", "text/event-stream");
        let mut response = service.open(&request).await?;
        let most = asked.lines.unwrap_or(100).clamp(1, 2000) as usize;
        let listen = Duration::from_secs(asked.seconds.unwrap_or(5).clamp(1, 45).into());
        let until = Instant::now() + listen;
        let (mut sse, mut last) = (Sse::default(), VecDeque::new());
        let (mut read, mut seen, mut ended) = (0, 0_u64, false);
        let ending = loop {
            let Ok(chunk) = timeout_at(until, response.chunk()).await else {
                break Ending::Time;
            };
            let Some(chunk) = chunk.map_err(|error| service.broken(error))? else {
                break Ending::Stream;
            };
            let taken = sse.push(&chunk, |data| {
                // Keep-alives and what is not a line of the log are passed over.
                if let Ok(line) = serde_json::from_str::<Line>(data) {
                    ended |= line.data.starts_with(ENDED);
                    last.push_back(clipped(&line.data, LINE_CHARS));
                    seen += 1;
                    if last.len() > most {
                        last.pop_front();
                    }
                }
                Ok(())
            });
            taken.map_err(|error| service.malformed(error.to_string()))?;
            read += chunk.len();
            if ended {
                break Ending::Job;
            }
            if read > MAX_BYTES {
                break Ending::Size;
            }
        };
        let mut found = Found::new();
        found.line(format!("log of job {id}: the last {} of {seen} lines", last.len()));
        last.iter().for_each(|line| found.line(line));
        found.more(match ending {
            Ending::Job => "the job has ended".to_owned(),
            Ending::Stream => {
                "the log ends here; `hf_jobs_inspect` tells the job's stage".to_owned()
            }
            Ending::Time => {
                format!("listened for {} s; the job may still run", listen.as_secs())
            }
            Ending::Size => format!("more than {MAX_BYTES} bytes, of which no more is read"),
        });
        Ok(found)
    }
}
