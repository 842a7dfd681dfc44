//! Outcome tables from files that a user has: trajectories of tau-bench.

use serde::Deserialize;

use super::{Outcomes, OutcomesError, Trial};

/// Why trajectories cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Not a list of trajectories.
    #[error("no trajectories of tau-bench: {0}; give a file of its `historical_trajectories`")]
    Parse(#[from] serde_json::Error),
    /// What came out is no outcome table.
    #[error(transparent)]
    Outcomes(#[from] OutcomesError),
}

#[derive(Deserialize)]
struct Trajectory {
    task_id: u64,
    trial: u32,
    reward: f64,
    info: Info,
    traj: Vec<Message>,
}

#[derive(Deserialize)]
struct Info {
    task: Task,
}

#[derive(Deserialize)]
struct Task {
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Action {
    name: String,
}

#[derive(Deserialize)]
struct Message {
    role: String,
}

/// Beginnings of the names of actions that change nothing.
const READING: [&str; 6] = ["get_", "search_", "list_", "find_", "think", "calculate"];

/// Reads trajectories as tau-bench writes them: a JSON list with `task_id`, `trial`, `reward`, `info.task.actions`
/// and `traj`. The family of a task is the first of its expected actions that changes something, or
/// `changes nothing`. A reward of 1 is a success; the cost is the number of the agent's messages.
///
/// # Errors
/// Fails when the text has another shape, or a trial is there twice.
pub fn from_tau_bench(text: &str, arm: &str) -> Result<Outcomes, ConvertError> {
    let trajectories: Vec<Trajectory> = serde_json::from_str(text)?;
    let trials = trajectories.into_iter().map(|one| {
        let changes = |action: &&Action| !READING.iter().any(|name| action.name.starts_with(name));
        let first = one.info.task.actions.iter().find(changes);
        let agent = one.traj.iter().filter(|message| message.role == "assistant");
        Trial {
            group: first.map_or_else(|| "changes nothing".to_owned(), |action| action.name.clone()),
            task: one.task_id.to_string(),
            trial: one.trial,
            arm: arm.to_owned(),
            success: u8::from(one.reward >= 1.0),
            cost: agent.count() as f64,
        }
    });
    Ok(Outcomes::new(trials.collect())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn trajectories_become_one_row_each() {
        let text = include_str!("../../tests/data/tau-bench-shape.json");
        let outcomes = from_tau_bench(text, "made up").unwrap();
        assert_eq!(outcomes.trials.len(), 6);
        let cancel = &outcomes.groups()["cancel_order"];
        assert_eq!((cancel.0, cancel.1), (2, 0.5));
        assert_eq!(outcomes.groups()["changes nothing"].0, 2);
        assert_eq!(outcomes.groups()["return_item"], (2, 1.0, 2.0));
        let csv = outcomes.to_csv().unwrap();
        assert!(
            csv.starts_with("group,task,trial,arm,success,cost\ncancel_order,0,0,made up,1,"),
            "{csv}"
        );
    }

    #[test]
    fn another_shape_is_refused() {
        for text in ["", "{}", "[{\"task_id\": 1}]", "[]"] {
            assert!(from_tau_bench(text, "none").is_err(), "{text}");
        }
        let text = include_str!("../../tests/data/tau-bench-shape.json");
        let twice = text.replace("\"trial\": 1", "\"trial\": 0");
        assert!(from_tau_bench(&twice, "none").unwrap_err().to_string().contains("twice"));
    }
}
