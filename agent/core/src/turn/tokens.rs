//! Counts the tokens of a conversation, without the model's tokenizer.
//!
//! The estimate: one token for every 3.5 bytes of ASCII and one for every other character, and 8 for
//! what frames a message. Vocabularies of 100,000 entries and more need fewer for English prose (about 4
//! bytes) and about as many for code, so that it errs upwards. Every reply that comes with a plausible
//! usage replaces the estimate for all that was sent, and corrects the rate for what follows. A usage
//! that differs from the estimate by more than a factor of four is not believed.

use crate::model::{Message, Usage};
use crate::tool::ToolSpec;

/// Tokens that frame a message.
const FRAME: u64 = 8;
/// The most that the estimate and a usage may differ by.
const PLAUSIBLE: u64 = 4;

/// Counts a conversation as it grows.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    /// Estimate of what every request carries beside the messages.
    fixed: u64,
    /// Estimate of all messages.
    estimate: u64,
    /// Tokens of the first messages as the endpoint counted, and their estimate.
    counted: Option<(u64, u64)>,
    /// True tokens for 1000 estimated ones.
    rate_milli: u64,
}

impl Meter {
    pub(super) fn new(tools: &[ToolSpec]) -> Self {
        let tool = |spec: &ToolSpec| {
            let parameters = spec.parameters.to_string();
            FRAME + estimate(&spec.name) + estimate(&spec.description) + estimate(&parameters)
        };
        let fixed = tools.iter().map(tool).sum();
        Self { fixed, estimate: 0, counted: None, rate_milli: 1000 }
    }

    /// A message more.
    pub(super) fn add(&mut self, message: &Message) {
        self.estimate += estimate_message(message);
    }

    /// Other messages than before.
    pub(super) fn replace<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) {
        self.estimate = messages.map(estimate_message).sum();
        self.counted = None;
    }

    /// Tokens of the next request.
    pub(super) fn tokens(&self) -> u64 {
        match self.counted {
            Some((tokens, estimate)) => tokens + self.rated(self.estimate.saturating_sub(estimate)),
            None => self.rated(self.estimate + self.fixed),
        }
    }

    /// Tokens of a message as things stand.
    pub(super) fn of(&self, message: &Message) -> u64 {
        self.rated(estimate_message(message))
    }

    /// The endpoint counted what was sent. Gives the usage to charge, and whether it is an estimate: of
    /// an absent or implausible usage nothing is believed.
    pub(super) fn counted(&mut self, usage: Option<Usage>, reply: &Message) -> (Usage, bool) {
        let sent = self.tokens().max(1);
        let written = self.of(reply);
        let plausible = usage.filter(|usage| {
            usage.input >= sent / PLAUSIBLE && usage.input <= sent.saturating_mul(PLAUSIBLE)
        });
        let Some(usage) = plausible else {
            return (Usage { input: sent, cached: 0, output: written }, true);
        };
        let guessed = (self.estimate + self.fixed).max(1);
        self.rate_milli = (usage.input.saturating_mul(1000) / guessed).clamp(250, 4000);
        self.counted = Some((usage.input, self.estimate));
        let output = usage.output.max(written / PLAUSIBLE);
        (Usage { output, ..usage }, false)
    }

    /// The endpoint refused the request and said how large it was.
    pub(super) fn refused(&mut self, tokens: u64) {
        let guessed = (self.estimate + self.fixed).max(1);
        self.rate_milli = (tokens.saturating_mul(1000) / guessed).clamp(250, 8000);
        self.counted = None;
    }

    const fn rated(&self, estimate: u64) -> u64 {
        estimate.saturating_mul(self.rate_milli) / 1000
    }
}

/// Estimate of a text.
pub(crate) fn estimate(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let continued = text.bytes().filter(|byte| byte & 0xc0 == 0x80).count() as u64;
    let others = text.len() as u64 - ascii - continued;
    (ascii * 2).div_ceil(7) + others
}

fn estimate_message(message: &Message) -> u64 {
    let calls = message
        .calls()
        .iter()
        .map(|call| FRAME + estimate(&call.tool) + estimate(&call.arguments.to_string()));
    let opaque = match message {
        Message::Assistant { opaque, .. } => {
            opaque.iter().map(|value| estimate(&value.to_string())).sum()
        }
        _ => 0,
    };
    let hint = match message {
        Message::Result(result) => {
            result.hint.as_ref().map_or(0, |hint| FRAME + estimate(&hint.text))
        }
        _ => 0,
    };
    FRAME + estimate(message.text()) + calls.sum::<u64>() + opaque + hint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_code_and_other_scripts() {
        let prose = "The quick brown fox jumps over the lazy dog. ".repeat(10);
        // Ten tokens a sentence in the vocabularies of the time.
        assert!((100..200).contains(&estimate(&prose)), "{}", estimate(&prose));
        assert_eq!(estimate("汉字"), 2);
        assert_eq!(estimate(""), 0);
    }

    #[test]
    fn a_usage_replaces_the_estimate_and_what_follows_is_added() {
        let mut meter = Meter::new(&[]);
        meter.add(&Message::user("x".repeat(3_500)));
        let reply = Message::user("y");
        let usage = Usage { input: 1_500, cached: 0, output: 3 };
        assert_eq!(meter.counted(Some(usage), &reply), (usage, false));
        assert_eq!(meter.tokens(), 1_500);
        meter.add(&Message::user("x".repeat(3_500)));
        assert!((2_900..3_100).contains(&meter.tokens()), "{}", meter.tokens());
    }

    #[test]
    fn a_lie_about_usage_is_not_believed() {
        let mut meter = Meter::new(&[]);
        meter.add(&Message::user("x".repeat(35_000)));
        let before = meter.tokens();
        for input in [0, 1, 100_000_000] {
            let lie = Usage { input, cached: 0, output: 0 };
            let (charged, estimated) = meter.counted(Some(lie), &Message::user("y"));
            assert!(estimated && charged.input == before);
        }
    }
}
