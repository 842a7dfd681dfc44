//! The engine's values as the types of the control API, and the other way round.

use lore_control as control;
use lore_engine::shelf::{Capabilities, Finding, Policy, Standing, escaped};
use lore_engine::{Costs, Terms};
use lore_lessons::codebook;
use lore_privacy::ledger::Verified;
use lore_privacy::{Budget, Caps, Cost, explain};
use lore_protocol::charter::{CostKind, Measure, WindowTerms};
use lore_protocol::lesson::{
    Action, ErrorClass, Lesson, LessonKey, Op, Proposal, ProposedKind, Token,
};
use lore_protocol::library::{Estimate, LessonState};
use lore_protocol::payload::{Codebook, FileEntry, Mechanism, Noise, PayloadKind, Unit, WEIGHT};
use lore_protocol::trace::Outcome;

use super::skills::micros;
use crate::error::CliError;

/// A count as the wire has it.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

pub(super) const fn lesson_state(state: LessonState) -> control::LessonState {
    match state {
        LessonState::Steady => control::LessonState::Steady,
        LessonState::Dormant { since } => control::LessonState::Dormant { since_epoch: since },
        LessonState::Drifting { since } => control::LessonState::Drifting { since_epoch: since },
    }
}

/// A rate with its 95 % interval.
pub(super) fn interval(estimate: &Estimate) -> control::Interval {
    let (low, high) = estimate.interval_micros();
    control::Interval { rate: micros(estimate.rate_micros), low: micros(low), high: micros(high) }
}

/// A pooled estimate with its 95 % interval, and what stands behind it.
pub(super) fn evidence(estimate: &Estimate) -> control::Evidence {
    let control::Interval { rate, low, high } = interval(estimate);
    control::Evidence {
        rate,
        low,
        high,
        sessions: estimate.sessions,
        members: u64::from(estimate.voices),
    }
}

pub(super) const fn policy(policy: Policy) -> control::ShelfPolicy {
    match policy {
        Policy::Manual => control::ShelfPolicy::Manual,
        Policy::Validated => control::ShelfPolicy::Validated,
        Policy::Auto => control::ShelfPolicy::Auto,
    }
}

pub(super) const fn standing(standing: &Standing) -> control::Standing {
    match standing {
        Standing::OnShelf(_) => control::Standing::OnShelf,
        Standing::Waiting(_) => control::Standing::Waiting,
        Standing::Rejected => control::Standing::Rejected,
        Standing::Blocked(_) => control::Standing::Blocked,
        Standing::Revoked => control::Standing::Revoked,
        Standing::Fetching(_) => control::Standing::Fetching,
        Standing::Broken => control::Standing::Broken,
    }
}

/// A file of a manifest.
pub(super) fn skill_file(file: &FileEntry) -> control::SkillFile {
    let (bytes, executable) = (file.len, file.executable);
    control::SkillFile { path: escaped(&file.path), bytes, executable }
}

pub(super) fn capabilities(found: &Capabilities) -> Vec<control::Capability> {
    let words = found.words().into_iter();
    words
        .map(|(what, of)| control::Capability { what: what.to_owned(), of: escaped(&of) })
        .collect()
}

pub(super) fn findings(found: &[Finding]) -> Vec<control::ScanFinding> {
    let one = |finding: &Finding| control::ScanFinding {
        kind: finding.kind.name().to_owned(),
        owasp: finding.kind.owasp().to_owned(),
        excerpt: finding.excerpt.clone(),
        why: finding.kind.why().to_owned(),
    };
    found.iter().map(one).collect()
}

/// Support in whole units: what one weighs that supports nothing else.
pub(super) fn whole(weight: i64) -> f64 {
    weight as f64 / f64::from(WEIGHT)
}

pub(super) fn terms(wanted: &control::FederationCreate) -> Terms {
    Terms {
        name: wanted.name.clone(),
        epsilon_micros: wanted.epsilon_micros,
        epoch_hours: wanted.epoch_hours,
        epochs_per_period: wanted.epochs_per_period,
        lessons_at: wanted.lessons_at.clone(),
        outcomes_at: wanted.outcomes_at.clone(),
        votes_at: wanted.votes_at.clone(),
        topic_words: wanted.topic_words,
        windows: windows(wanted.windows),
        units: wanted.units.as_ref().map(|all| all.iter().copied().map(protected).collect()),
        costs: wanted.costs.as_ref().map(|costs| Costs {
            at: costs.at.clone(),
            bound: costs.bound,
            kinds: costs.kinds.iter().copied().map(cost_kind).collect(),
        }),
        members: wanted.members,
        vouches: wanted.vouches,
        scripts: wanted.scripts,
        codebook: (!wanted.without_codebook)
            .then(|| Codebook::of(codebook().entries().iter().map(|entry| entry.lesson.clone()))),
    }
}

const fn windows(wanted: control::Windows) -> WindowTerms {
    let control::Windows { grid_seconds, least_seconds, send_after_seconds } = wanted;
    WindowTerms { grid_seconds, least_seconds, send_after_seconds }
}

const fn cost_kind(kind: control::CostKind) -> CostKind {
    let measure = match kind.measure {
        control::Measure::Tokens => Measure::Tokens,
        control::Measure::Seconds => Measure::Seconds,
        control::Measure::Calls => Measure::Calls,
    };
    CostKind { measure, per: kind.per }
}

pub(super) const fn measure(measure: Measure) -> control::Measure {
    match measure {
        Measure::Tokens => control::Measure::Tokens,
        Measure::Seconds => control::Measure::Seconds,
        Measure::Calls => control::Measure::Calls,
    }
}

pub(super) const fn protected(unit: control::Unit) -> Unit {
    match unit {
        control::Unit::User => Unit::User,
        control::Unit::Session => Unit::Session,
        control::Unit::Personal => Unit::Personal,
    }
}

pub(super) const fn unit(unit: Unit) -> control::Unit {
    match unit {
        Unit::User => control::Unit::User,
        Unit::Session => control::Unit::Session,
        Unit::Personal => control::Unit::Personal,
    }
}

pub(super) const fn kind(kind: PayloadKind) -> control::PayloadKind {
    use control::PayloadKind as K;
    match kind {
        PayloadKind::Join => K::Join,
        PayloadKind::Vouch => K::Vouch,
        PayloadKind::Leave => K::Leave,
        PayloadKind::Revoke => K::Revoke,
        PayloadKind::RotateKey => K::RotateKey,
        PayloadKind::Signers => K::Signers,
        PayloadKind::Checkpoint => K::Checkpoint,
        PayloadKind::Void => K::Void,
        PayloadKind::Outcomes => K::Outcomes,
        PayloadKind::Votes => K::Votes,
        PayloadKind::Lessons => K::Lessons,
        PayloadKind::Revision => K::Revision,
        PayloadKind::Costs => K::Costs,
        PayloadKind::Codebook => K::Codebook,
    }
}

pub(super) const fn outcome(outcome: Outcome) -> control::Outcome {
    match outcome {
        Outcome::Success => control::Outcome::Success,
        Outcome::Failure => control::Outcome::Failure,
        Outcome::Unknown => control::Outcome::Unknown,
    }
}

pub(super) const fn budget(budget: &Budget) -> control::Budget {
    control::Budget {
        unit: unit(budget.unit),
        epsilon_micros: budget.epsilon_micros,
        delta_conv_e18: budget.delta_conv_e18,
        delta_thr_e18: budget.delta_thr_e18,
        rho_nano: budget.rho_nano,
        period_days: budget.period_days,
    }
}

/// A verification of the ledger.
pub(crate) const fn verified(found: &Verified) -> control::LedgerVerified {
    control::LedgerVerified {
        entries: found.entries,
        releases: found.releases,
        sampled: found.sampled,
        voided: found.voided,
        committed: found.committed,
        lifetime: cost(found.lifetime),
    }
}

const fn cost(cost: Cost) -> control::Cost {
    control::Cost { rho_nano: cost.rho_nano, delta_e18: cost.delta_e18 }
}

const fn caps(caps: Caps) -> control::Cost {
    control::Cost { rho_nano: caps.rho_nano, delta_e18: caps.delta_e18 }
}

pub(super) const fn cost_of(mechanism: &Mechanism) -> control::Cost {
    control::Cost { rho_nano: mechanism.rho_nano, delta_e18: mechanism.delta_e18 }
}

const fn mechanism(made: &Mechanism) -> control::Mechanism {
    control::Mechanism {
        unit: unit(made.unit),
        noise: match made.noise {
            Noise::Gaussian => control::Noise::Gaussian,
            Noise::Laplace => control::Noise::Laplace,
        },
        scale_micros: made.scale_micros,
        l0: made.l0,
        linf: made.linf,
        l2_square: made.l2_square,
        threshold: made.threshold,
        rho_nano: made.rho_nano,
        delta_e18: made.delta_e18,
    }
}

const fn quote(quote: &explain::Quote) -> control::Quote {
    control::Quote {
        rho_nano: quote.rho_nano,
        delta_thr_e18: quote.delta_thr_e18,
        epsilon: quote.epsilon,
        delta: quote.delta,
    }
}

pub(super) fn spending(status: &explain::Status) -> control::Spending {
    control::Spending {
        budget: status.budget.as_ref().map(budget),
        period_start_seconds: status.period_start_seconds,
        period_end_seconds: status.period_end_seconds,
        spent: status.spent.as_ref().map(quote),
        left: status.left.map(caps),
        lifetime: status.lifetime.as_ref().map(quote),
        pending: count(status.pending),
    }
}

pub(super) fn purchase(bought: &explain::Purchase) -> control::Purchase {
    control::Purchase {
        kind: kind(bought.kind),
        releases: bought.releases,
        mechanism: mechanism(&bought.mechanism),
        sigma: bought.sigma,
        formula: bought.formula.clone(),
        supporters_needed: bought.supporters_needed,
        rate_standard_error: bought.rate_standard_error,
    }
}

pub(super) const fn period_spend(spend: &explain::PeriodSpend) -> control::PeriodSpend {
    control::PeriodSpend {
        start_seconds: spend.start_seconds,
        end_seconds: spend.end_seconds,
        spent: quote(&spend.spent),
    }
}

pub(super) fn past_release(line: &explain::Line) -> Result<control::PastRelease, CliError> {
    use control::ReleaseState as S;
    let states = [S::Reserved, S::Sampled, S::AtTheGate, S::Voided, S::Committed];
    let state = states.into_iter().find(|state| state.name() == line.state).ok_or_else(|| {
        CliError::failed("ledger", format!("`{}` is not a state of a release", line.state))
    })?;
    Ok(control::PastRelease {
        release: control::Hash::of(line.release),
        kind: kind(line.kind),
        period: line.period,
        state,
        at_seconds: line.at_seconds,
        cost: cost(line.cost),
        formula: line.formula.clone(),
    })
}

pub(super) fn next_release(next: &explain::Next) -> control::NextRelease {
    control::NextRelease {
        kind: kind(next.kind),
        cost: cost(next.cost),
        supporters_needed: next.supporters_needed,
        fits: next.fits,
        spent_after: next.spent_after.as_ref().map(quote),
    }
}

pub(super) fn lesson(lesson: &Lesson) -> control::Lesson {
    let trigger = lesson.trigger();
    control::Lesson {
        skill: lesson.skill().map(control::SkillId::of),
        op: match lesson.op() {
            Op::Fix => control::Op::Fix,
            Op::Prefer => control::Op::Prefer,
            Op::Avoid => control::Op::Avoid,
            Op::Precondition => control::Op::Precondition,
            Op::Verify => control::Op::Verify,
        },
        trigger: control::Trigger {
            tool: text(&trigger.tool),
            error: class(trigger.error),
            subject: trigger.subject.as_ref().map(text),
        },
        action: action(lesson.action()),
    }
}

fn class(error: ErrorClass) -> String {
    // A unit variant is its name.
    let name = serde_json::to_value(error).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn action(action: &Action) -> control::Action {
    use control::Action as A;
    match action {
        Action::Example(one) => A::Example(text(one)),
        Action::UseArgument { old, new } => A::UseArgument { old: text(old), new: text(new) },
        Action::AddFlag(one) => A::AddFlag(text(one)),
        Action::DropFlag(one) => A::DropFlag(text(one)),
        Action::RunFirst(one) => A::RunFirst(text(one)),
        Action::UseTool(one) => A::UseTool(text(one)),
        Action::SetEnv(one) => A::SetEnv(text(one)),
        Action::Install(one) => A::Install(text(one)),
        Action::UseEndpoint(one) => A::UseEndpoint(text(one)),
        Action::CheckThat(one) => A::CheckThat(text(one)),
        Action::Order { first, then } => A::Order { first: text(first), then: text(then) },
        Action::InDirectory(one) => A::InDirectory(text(one)),
        Action::WithOption(one) => A::WithOption(text(one)),
        Action::Retry(one) => A::Retry(text(one)),
    }
}

fn text(token: &Token) -> String {
    token.as_str().to_owned()
}

pub(super) fn lesson_key(key: &LessonKey) -> control::LessonKey {
    match key {
        LessonKey::Primary(one) => control::LessonKey::Primary(lesson(one)),
        LessonKey::Topic { lesson, word } => control::LessonKey::Topic {
            lesson: control::LessonId::of(lesson),
            word: word.as_str().to_owned(),
        },
    }
}

pub(super) fn proposal(proposed: control::ProposedLesson) -> Proposal {
    use control::ProposedKind as K;
    let kind = match proposed.kind {
        K::Example => ProposedKind::Example,
        K::Avoid => ProposedKind::Avoid,
        K::UseArgument => ProposedKind::UseArgument,
        K::AddFlag => ProposedKind::AddFlag,
        K::DropFlag => ProposedKind::DropFlag,
        K::RunFirst => ProposedKind::RunFirst,
        K::UseTool => ProposedKind::UseTool,
        K::SetEnv => ProposedKind::SetEnv,
        K::Install => ProposedKind::Install,
        K::UseEndpoint => ProposedKind::UseEndpoint,
        K::CheckThat => ProposedKind::CheckThat,
        K::Order => ProposedKind::Order,
    };
    Proposal { kind, text: proposed.text, then: proposed.then }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use lore_protocol::lesson::Trigger;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_windows_that_a_founder_does_not_choose_are_those_of_the_protocol() {
        assert_eq!(windows(control::Windows::default()), WindowTerms::default());
    }

    #[test]
    fn a_lesson_is_printed_as_the_protocol_prints_it() {
        let token = |text: &str| Token::new(text).unwrap();
        let actions = [
            Action::Example(token("fetch <arg>")),
            Action::UseArgument { old: token("a"), new: token("b") },
            Action::AddFlag(token("-x")),
            Action::Order { first: token("a"), then: token("b") },
            Action::InDirectory(token("a")),
            Action::WithOption(token("a")),
            Action::Retry(token("a")),
        ];
        for (action, subject) in
            actions.into_iter().zip([None, Some(token("8123"))].into_iter().cycle())
        {
            let trigger =
                Trigger { tool: token("fetch"), error: ErrorClass::MissingHeader, subject };
            let made = Lesson::new(None, Op::Fix, trigger, action).unwrap();
            assert_eq!(json!(lesson(&made)), json!(made));
            let key = LessonKey::Primary(made);
            assert_eq!(json!(lesson_key(&key)), json!(key));
        }
    }
}
