//! The budget of a turn, and its use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Which;
use crate::model::{Effort, Retries, Usage};

/// Bounds of a turn. There is no default for the window: it is asked of the endpoint or configured.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Tokens of the model's context window.
    pub window_tokens: u64,
    /// Share of the window at which the conversation is compacted, in thousandths.
    pub compact_at_milli: u64,
    /// Most tokens of one reply.
    pub max_output_tokens: Option<u32>,
    /// The allowance of this task.
    pub task: Allowance,
    /// The rest of the day's allowance for all tasks.
    pub today: Allowance,
    /// The price of tokens; None when unknown.
    pub price: Option<Price>,
    /// When failed calls are tried again; each try counts as a call.
    pub retries: Retries,
    /// The way in which the model asks for tools.
    pub mode: Mode,
    /// Sampling temperature in thousandths.
    pub temperature_milli: Option<u16>,
    /// The model's reasoning effort.
    pub effort: Option<Effort>,
}

impl Limits {
    /// The usual bounds for a window of `window_tokens`: 300 calls a turn, compaction at 0.9.
    #[must_use]
    pub fn for_window(window_tokens: u64) -> Self {
        Self {
            window_tokens,
            compact_at_milli: 900,
            max_output_tokens: None,
            task: Allowance { calls: Some(300), tokens: None, cost_micro_usd: None },
            today: Allowance::default(),
            price: None,
            retries: Retries::default(),
            mode: Mode::Native,
            temperature_milli: None,
            effort: None,
        }
    }

    /// The bounds for small models: text mode, 6 calls, no randomness.
    #[must_use]
    pub fn small(window_tokens: u64) -> Self {
        let mut limits = Self::for_window(window_tokens);
        limits.mode = Mode::Text;
        limits.task.calls = Some(6);
        limits.temperature_milli = Some(0);
        limits
    }

    /// Returns true when money is bounded.
    #[must_use]
    pub const fn bounds_cost(&self) -> bool {
        self.task.cost_micro_usd.is_some() || self.today.cost_micro_usd.is_some()
    }

    /// The bound that forbids one more call that reads `tokens`.
    pub(super) fn forbids(&self, spend: &Spend, tokens: u64) -> Option<(Which, u64)> {
        [self.task, self.today].into_iter().find_map(|allowance| {
            let cost =
                self.price.map_or(0, |price| price.of(Usage { input: tokens, ..Usage::default() }));
            let over = |limit: Option<u64>, after: u64, which: Which| {
                limit.filter(|&limit| after > limit).map(|limit| (which, limit))
            };
            over(allowance.calls, spend.calls + 1, Which::Calls)
                .or_else(|| over(allowance.tokens, spend.tokens() + tokens, Which::Tokens))
                .or_else(|| {
                    over(allowance.cost_micro_usd, spend.cost_micro_usd + cost, Which::Money)
                })
        })
    }

    /// Model calls that are left.
    pub(super) fn calls_left(&self, spend: &Spend) -> Option<u64> {
        let least = [self.task.calls, self.today.calls].into_iter().flatten().min()?;
        Some(least.saturating_sub(spend.calls))
    }
}

/// A bound on what is used; None is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// Model calls, with those that failed, were retried or made a summary.
    pub calls: Option<u64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// Money, in millionths of a US dollar.
    pub cost_micro_usd: Option<u64>,
}

impl Allowance {
    /// The rest of the allowance after `spent`.
    #[must_use]
    pub fn without(self, spent: &Spend) -> Self {
        let left = |most: Option<u64>, used: u64| most.map(|most| most.saturating_sub(used));
        Self {
            calls: left(self.calls, spent.calls),
            tokens: left(self.tokens, spent.tokens()),
            cost_micro_usd: left(self.cost_micro_usd, spent.cost_micro_usd),
        }
    }

    /// The smaller of both in everything.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least = |one: Option<u64>, two: Option<u64>| one.into_iter().chain(two).min();
        Self {
            calls: least(self.calls, other.calls),
            tokens: least(self.tokens, other.tokens),
            cost_micro_usd: least(self.cost_micro_usd, other.cost_micro_usd),
        }
    }
}

/// Prices in millionths of a US dollar for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Tokens read.
    pub input: u64,
    /// Tokens read from a cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
}

impl Price {
    /// The cost of a call in millionths of a US dollar, rounded up.
    #[must_use]
    pub fn of(self, usage: Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let fresh = usage.input.saturating_sub(usage.cached);
        let sum = part(fresh, self.input)
            + part(usage.cached.min(usage.input), self.cached)
            + part(usage.output, self.output);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// The way in which the model asks for tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By the protocol's own tool calls.
    Native,
    /// One fenced bash block a reply: what small models do best.
    Text,
}

/// The amounts used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Spend {
    /// Model calls, all of them.
    pub calls: u64,
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Of those, from a cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
    /// Money, in millionths of a US dollar; 0 when the price is unknown.
    pub cost_micro_usd: u64,
    /// True when some of it is estimated, since an endpoint did not say or was not believed.
    pub estimated: bool,
}

impl Spend {
    /// Tokens read and written.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input = self.input.saturating_add(other.input);
        self.cached = self.cached.saturating_add(other.cached);
        self.output = self.output.saturating_add(other.output);
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(other.cost_micro_usd);
        self.estimated |= other.estimated;
    }

    pub(super) fn charge(&mut self, usage: Usage, estimated: bool, price: Option<Price>) {
        self.input = self.input.saturating_add(usage.input);
        self.cached = self.cached.saturating_add(usage.cached);
        self.output = self.output.saturating_add(usage.output);
        let cost = price.map_or(0, |price| price.of(usage));
        self.cost_micro_usd = self.cost_micro_usd.saturating_add(cost);
        self.estimated |= estimated;
    }
}
