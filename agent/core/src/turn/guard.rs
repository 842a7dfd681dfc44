//! Notices that a model goes round in circles.
//!
//! A call's signature is over its tool, its canonical arguments *and its result*: the same call with
//! another result is polling, which is work. Three equal signatures at the tail, or a tail that is one
//! cycle of 2 to 5 calls twice, is a loop. It is said once; only when a call outside the loop was made
//! is the episode over, and what was before it is forgotten, so that recovery is not punished.

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use crate::model::{Call, ToolResult};

/// Longest cycle that is looked for.
const LONGEST_CYCLE: usize = 5;
/// Calls after the warning, all within the loop, after which the turn is given up.
const PATIENCE: u32 = 12;

type Signature = [u8; 16];

/// Verdict of the guard about the last call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// A loop began: say so, once.
    Loop {
        /// Calls in the cycle, 1 to 5.
        cycle: usize,
    },
    /// The loop went on all the same.
    Stuck,
}

/// The last calls.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    tail: VecDeque<Signature>,
    /// Signatures of the loop that was warned of, and how many calls were in it since.
    episode: Option<(BTreeSet<Signature>, u32)>,
    /// Number of equal calls that make a loop.
    repeats: usize,
}

impl Guard {
    /// A guard for which `repeats` equal calls are a loop: 3, and 2 for small models, which do not get
    /// out of one by themselves.
    pub(super) fn new(repeats: usize) -> Self {
        Self { tail: VecDeque::new(), episode: None, repeats: repeats.max(2) }
    }

    /// Takes the next call with its result.
    pub(super) fn push(&mut self, call: &Call, result: &ToolResult) -> Verdict {
        let signature = sign(call, result);
        if let Some((members, since)) = &mut self.episode {
            if members.contains(&signature) {
                *since += 1;
                return if *since >= PATIENCE { Verdict::Stuck } else { Verdict::Fine };
            }
            self.episode = None;
            self.tail.clear();
        }
        self.tail.push_back(signature);
        if self.tail.len() > 2 * LONGEST_CYCLE {
            self.tail.pop_front();
        }
        let Some(cycle) = self.cycle() else {
            return Verdict::Fine;
        };
        let members = self.tail.iter().rev().take(cycle).copied().collect();
        self.episode = Some((members, 0));
        Verdict::Loop { cycle }
    }

    fn cycle(&self) -> Option<usize> {
        let last: Vec<&Signature> = self.tail.iter().rev().take(self.repeats).collect();
        if last.len() == self.repeats && last.iter().all(|signature| *signature == last[0]) {
            return Some(1);
        }
        let tail: Vec<&Signature> = self.tail.iter().rev().collect();
        (2..=LONGEST_CYCLE).find(|&cycle| {
            let Some((last, before)) = tail.get(..2 * cycle).map(|both| both.split_at(cycle))
            else {
                return false;
            };
            // One call four times in a row is no cycle of two; it was three in a row before.
            last == before && last.iter().any(|signature| *signature != last[0])
        })
    }
}

fn sign(call: &Call, result: &ToolResult) -> Signature {
    let mut hasher = blake3::Hasher::new();
    for part in [call.tool.as_str(), &canonical(&call.arguments), &result.text] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut signature = [0; 16];
    signature.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    signature
}

/// JSON with sorted keys: a model that swaps two arguments has not done anything else.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            let fields = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::from(key.as_str()), canonical(&fields[key])));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Feeds calls given as `letter` or `letter=result`, and gives the verdicts.
    fn feed(guard: &mut Guard, calls: &str) -> Vec<Verdict> {
        let push = |word: &str| {
            let (name, text) = word.split_once('=').unwrap_or((word, "same"));
            let call = Call {
                id: "x".to_owned(),
                tool: "bash".to_owned(),
                arguments: json!({"command": name}),
                unreadable: None,
            };
            let result = ToolResult {
                call: "x".to_owned(),
                tool: "bash".to_owned(),
                text: text.to_owned(),
                is_error: false,
                exit_code: None,
                duration_ms: None,
                hint: None,
            };
            guard.push(&call, &result)
        };
        calls.split(' ').map(push).collect()
    }

    fn warnings(calls: &str) -> usize {
        let verdicts = feed(&mut Guard::new(3), calls);
        verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Loop { .. })).count()
    }

    #[test]
    fn three_identical_at_the_tail() {
        assert_eq!(feed(&mut Guard::new(3), "a b a a a").last(), Some(&Verdict::Loop { cycle: 1 }));
        assert_eq!(warnings("a a b a a"), 0);
    }

    #[test]
    fn a_cycle_of_two_to_five_twice() {
        for (calls, cycle) in [("a b a b", 2), ("x a b c a b c", 3), ("a b c d e a b c d e", 5)] {
            assert_eq!(feed(&mut Guard::new(3), calls).last(), Some(&Verdict::Loop { cycle }));
        }
        assert_eq!(warnings("a b c d e f a b c d e f"), 0);
    }

    #[test]
    fn polling_with_changed_results_is_no_loop() {
        assert_eq!(warnings("a=1 a=2 a=3 a=4 a=5 a=6"), 0);
        assert_eq!(warnings("a=1 b=1 a=2 b=2 a=3 b=3"), 0);
    }

    #[test]
    fn it_fires_once_per_episode_and_again_for_the_next() {
        assert_eq!(warnings("a a a a a a a"), 1);
        assert_eq!(warnings("a a a b a c"), 1);
        // What was before recovery does not count towards a new loop.
        assert_eq!(warnings("a a a b a a"), 1);
        assert_eq!(warnings("a a a b a a a"), 2);
    }

    #[test]
    fn a_loop_that_goes_on_is_given_up() {
        let verdicts = feed(&mut Guard::new(3), &["a"; 15].join(" "));
        assert_eq!(verdicts.last(), Some(&Verdict::Stuck));
    }

    #[test]
    fn the_order_of_arguments_does_not_matter() {
        assert_eq!(
            canonical(&json!({"b": [1, {"d": 1, "c": 2}], "a": 0})),
            "{\"a\":0,\"b\":[1,{\"c\":2,\"d\":1}]}"
        );
    }
}
