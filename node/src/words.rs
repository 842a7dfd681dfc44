//! The charter in plain words.

use lore_protocol::charter::{Charter, CostTerms, EpochRule, Measure, PrivacyTerms, Vouchers};
use lore_protocol::payload::Unit;

/// One sentence per rule.
#[must_use]
pub fn charter(charter: &Charter) -> Vec<String> {
    let privacy = &charter.privacy;
    let limits = &charter.limits;
    let epoch = match charter.epoch {
        EpochRule::Rounds => {
            "An epoch ends when the signers say so; at first the founder signs alone.".to_owned()
        }
        EpochRule::Hours(hours) => format!("An epoch ends every {hours} hours."),
    };
    let vouchers = match (charter.vouchers, limits.vouches) {
        (Vouchers::Founders, _) => "Founders admit members.".to_owned(),
        (Vouchers::Members, None) => "Every member may admit others by invitation.".to_owned(),
        (Vouchers::Members, Some(voices)) => format!(
            "Every member may invite others. {voices} voices must vouch for a newcomer in one epoch, or all but one while \
             there are fewer; until then it reads nothing."
        ),
    };
    vec![
        format!("This is the federation \"{}\".", charter.name),
        epoch,
        vouchers,
        format!(
            "It has at most {} members; an invitee of a founder and those below it are at most {}, and count as \
             one voice.",
            limits.members, limits.members_per_voice
        ),
        format!(
            "A member spends at most epsilon {} (zCDP rho {}e-9, threshold delta {}e-18) on each \
             unit of privacy in {} epochs.",
            lore_engine::ceiling_epsilon(privacy),
            privacy.rho_nano,
            privacy.delta_e18,
            privacy.epochs_per_period
        ),
        format!(
            "Lessons are released {} times, outcomes {} times and votes {} times in a period, whether \
             or not there is anything to say.",
            privacy.lessons_at.len(),
            privacy.outcomes_at.len(),
            privacy.votes_at.len()
        ),
        if charter.codebook.is_some() {
            "Votes begin with a codebook: public lessons about tools, which nobody's sessions taught.".to_owned()
        } else {
            "Votes begin without a codebook.".to_owned()
        },
        windows(privacy),
        costs(privacy.costs.as_ref()),
        units(&privacy.units),
        if charter.scripts {
            "Skills with scripts may spread.".to_owned()
        } else {
            "Skills with scripts do not spread.".to_owned()
        },
        format!("{} member(s) together can revoke a skill or a member.", limits.revokers),
        "Every member sees your node's name (`name` in config.toml), for ever, and where it listens."
            .to_owned(),
        "What you publish is signed with your node's key and stays for ever.".to_owned(),
    ]
}

fn windows(privacy: &PrivacyTerms) -> String {
    let terms = &privacy.windows;
    let costs = privacy.costs.as_ref().map_or(0, |costs| costs.at.len());
    let kinds =
        [privacy.lessons_at.len(), privacy.outcomes_at.len(), privacy.votes_at.len(), costs];
    let most = u32::try_from(kinds.into_iter().max().unwrap_or(0)).unwrap_or(u32::MAX);
    let sent = match terms.send_after_seconds {
        0 => "at once".to_owned(),
        seconds => format!("{} later", duration(seconds)),
    };
    format!(
        "A release draws on sessions of at least {}, whose end is public, and is sent {sent}. Two of a kind \
         are at least as far apart: what a period allows cannot be spent sooner than {} after joining.",
        duration(terms.least_seconds),
        duration(terms.least_seconds.saturating_mul(most))
    )
}

/// Seconds for people, in the largest unit that divides them.
fn duration(seconds: u32) -> String {
    let (count, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn costs(terms: Option<&CostTerms>) -> String {
    let Some(terms) = terms else {
        return "What sessions cost is not released.".to_owned();
    };
    let kinds: Vec<String> = terms
        .kinds
        .iter()
        .map(|kind| {
            let name = match kind.measure {
                Measure::Tokens => "tokens",
                Measure::Seconds => "seconds of tool calls",
                Measure::Calls => "tool calls",
            };
            if kind.per == 1 { name.to_owned() } else { format!("{} {name}", kind.per) }
        })
        .collect();
    format!(
        "Noisy sums of what sessions cost are released {} times in a period, in units of: {}. One session \
         adds at most {} to a sum.",
        terms.at.len(),
        kinds.join("; "),
        terms.bound
    )
}

fn units(units: &[Unit]) -> String {
    let units: Vec<&str> = units
        .iter()
        .map(|unit| match unit {
            Unit::User => "a user with all sessions of a period",
            Unit::Session => "one conversation with its side chains (weaker than a user)",
            Unit::Personal => "on a node of one person, all that the person did",
        })
        .collect();
    format!("What a member's releases may protect: {}.", units.join("; "))
}
