//! The charter's canonical text: a subset of TOML, written here byte by byte, so that no library decides
//! what a federation is called. docs/protocol.md has the form.

use std::fmt::Write as _;

use super::{
    Charter, CostKind, CostTerms, EpochRule, Founder, Limits, Measure, PrivacyTerms, Vouchers,
    WindowTerms,
};
use crate::payload::Unit;

/// Lines `key = value`, in the order of the calls.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, key: &str, value: impl std::fmt::Display) {
        // SAFETY: writing to a string does not fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    /// A table's heading, after an empty line.
    fn table(&mut self, heading: &str) {
        let _ = writeln!(self.0, "\n{heading}");
    }
}

/// A basic string: `"` and `\` get a backslash, control characters are `\u` and four hexadecimal digits,
/// everything else stands for itself.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn list<T>(items: &[T], item: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
}

fn numbers(items: &[u32]) -> String {
    list(items, u32::to_string)
}

pub(super) fn write(charter: &Charter) -> String {
    let Charter {
        version,
        name,
        nonce,
        epoch,
        vouchers,
        scripts,
        contexts,
        codebook,
        privacy,
        limits,
        founders,
    } = charter;
    let mut text = Text::default();
    text.line("version", version);
    text.line("name", quoted(name));
    text.line("nonce", quoted(&nonce.to_string()));
    match epoch {
        EpochRule::Rounds => text.line("epoch", quoted("rounds")),
        EpochRule::Hours(hours) => text.line("epoch", format!("{{ hours = {hours} }}")),
    }
    text.line(
        "vouchers",
        quoted(match vouchers {
            Vouchers::Founders => "founders",
            Vouchers::Members => "members",
        }),
    );
    text.line("scripts", scripts);
    text.line("contexts", list(contexts, |context| quoted(context)));
    if let Some(codebook) = codebook {
        text.line("codebook", quoted(&codebook.to_string()));
    }
    write_privacy(&mut text, privacy);
    let Limits {
        members,
        members_per_voice,
        deltas_per_epoch,
        lessons_per_epoch,
        evidence_cap,
        revokers,
        vouches,
        promotion_margin_micros,
    } = limits;
    text.table("[limits]");
    text.line("members", members);
    text.line("members_per_voice", members_per_voice);
    text.line("deltas_per_epoch", deltas_per_epoch);
    text.line("lessons_per_epoch", lessons_per_epoch);
    text.line("evidence_cap", evidence_cap);
    text.line("revokers", revokers);
    if let Some(vouches) = vouches {
        text.line("vouches", vouches);
    }
    text.line("promotion_margin_micros", promotion_margin_micros);
    for Founder { key, recovery } in founders {
        text.table("[[founders]]");
        text.line("key", quoted(&key.to_string()));
        text.line("recovery", quoted(&recovery.to_string()));
    }
    text.0
}

fn write_privacy(text: &mut Text, privacy: &PrivacyTerms) {
    let PrivacyTerms {
        rho_nano,
        delta_e18,
        units,
        epochs_per_period,
        lessons_at,
        outcomes_at,
        l0,
        sessions_per_item,
        keys_per_unit,
        topic_words,
        lessons_min_sigma_micros,
        lessons_min_threshold,
        outcomes_min_sigma_micros,
        lessons_payload_bytes,
        votes_at,
        votes_min_deviation_micros,
        releases_per_unit,
        windows,
        costs,
    } = privacy;
    let unit = |unit: &Unit| {
        quoted(match unit {
            Unit::User => "user",
            Unit::Session => "session",
            Unit::Personal => "personal",
        })
    };
    text.table("[privacy]");
    text.line("rho_nano", rho_nano);
    text.line("delta_e18", delta_e18);
    text.line("units", list(units, unit));
    text.line("epochs_per_period", epochs_per_period);
    text.line("lessons_at", numbers(lessons_at));
    text.line("outcomes_at", numbers(outcomes_at));
    text.line("l0", l0);
    text.line("sessions_per_item", sessions_per_item);
    text.line("keys_per_unit", keys_per_unit);
    text.line("topic_words", topic_words);
    text.line("lessons_min_sigma_micros", lessons_min_sigma_micros);
    text.line("lessons_min_threshold", lessons_min_threshold);
    text.line("outcomes_min_sigma_micros", outcomes_min_sigma_micros);
    text.line("lessons_payload_bytes", lessons_payload_bytes);
    text.line("votes_at", numbers(votes_at));
    text.line("votes_min_deviation_micros", votes_min_deviation_micros);
    if let Some(releases) = releases_per_unit {
        text.line("releases_per_unit", releases);
    }
    let WindowTerms { grid_seconds, least_seconds, send_after_seconds } = windows;
    text.table("[privacy.windows]");
    text.line("grid_seconds", grid_seconds);
    text.line("least_seconds", least_seconds);
    text.line("send_after_seconds", send_after_seconds);
    if let Some(CostTerms { at, bound, min_sigma_micros, kinds }) = costs {
        text.table("[privacy.costs]");
        text.line("at", numbers(at));
        text.line("bound", bound);
        text.line("min_sigma_micros", min_sigma_micros);
        for CostKind { measure, per } in kinds {
            text.table("[[privacy.costs.kinds]]");
            text.line(
                "measure",
                quoted(match measure {
                    Measure::Tokens => "tokens",
                    Measure::Seconds => "seconds",
                    Measure::Calls => "calls",
                }),
            );
            text.line("per", per);
        }
    }
}
