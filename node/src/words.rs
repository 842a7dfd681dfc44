//! The charter in plain words.

use lore_protocol::charter::{Charter, EpochRule, Vouchers};

/// One sentence per rule.
#[must_use]
pub fn charter(charter: &Charter) -> Vec<String> {
    let privacy = &charter.privacy;
    let limits = &charter.limits;
    let epoch = match charter.epoch {
        EpochRule::Rounds => "An epoch ends when the founder says so.".to_owned(),
        EpochRule::Hours(hours) => format!("An epoch ends every {hours} hours."),
    };
    let vouchers = match charter.vouchers {
        Vouchers::Founders => "Founders admit members.",
        Vouchers::Members => "Every member may admit others by invitation.",
    };
    vec![
        format!("This is the federation \"{}\".", charter.name),
        epoch,
        vouchers.to_owned(),
        format!("It has at most {} members.", limits.members),
        format!(
            "A member spends at most epsilon {} (zCDP rho {}e-9, threshold delta {}e-18) on each of \
             its users in {} epochs.",
            privacy.epsilon_display, privacy.rho_nano, privacy.delta_e18, privacy.epochs_per_period
        ),
        format!(
            "Lessons are released {} times, outcomes {} times and votes {} times in a period, whether \
             or not there is anything to say.",
            privacy.lessons_at.len(),
            privacy.outcomes_at.len(),
            privacy.votes_at.len()
        ),
        if charter.scripts {
            "Skills with scripts may spread.".to_owned()
        } else {
            "Skills with scripts do not spread.".to_owned()
        },
        format!("{} member(s) together can revoke a skill or a member.", limits.revokers),
        "What you publish is signed with your node's key and stays for ever.".to_owned(),
    ]
}
