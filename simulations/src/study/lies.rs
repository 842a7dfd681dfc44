//! Poisoning: members that claim the opposite of what works, from none to two in five, loud or in stealth.

use serde::Deserialize;

use super::StudyError;
use super::arm::Arm;
use super::bootstrap;
use super::history::{self, Trail};
use super::hostile::{Hostile, Lie};
use super::learn::Setting;
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::people::{FACTS, Spending, UNMET, check_epsilons, check_within, people};
use super::spec::Context;

/// Arms of the study: a centre that everybody trusts has no members that lie to it.
const ARMS: [Arm; 5] = [Arm::Oracle, Arm::Isolated, Arm::Gossip, Arm::Private, Arm::Robust];

/// Share of meetings with a wrong hint above which people count as misled.
const MISLED: f64 = 0.05;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Epsilon of a period of twelve releases, 0.1 to 20.
    pub epsilon: f64,
    /// Nodes, hostile ones among them.
    pub nodes: u32,
    /// People of each.
    pub users: u32,
    /// Situations, each of a tool of its own.
    pub situations: u32,
    /// Epochs; the second half counts.
    pub epochs: u32,
    /// Numbers of hostile nodes, ascending.
    pub hostile: Vec<u32>,
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    check_epsilons(&[parameters.epsilon])?;
    check_within("nodes", parameters.nodes, 2, 200)?;
    check_within("epochs", parameters.epochs, 2, 500)?;
    for hostile in &parameters.hostile {
        check_within("hostile", *hostile, 0, parameters.nodes - 1)?;
    }
    if parameters.hostile.is_empty() {
        return Err(StudyError::value("hostile", "empty", "at least one number"));
    }
    let people = people(parameters.users, parameters.situations, context.facts)?;
    let mechanism = Spending::Plan.mechanism(parameters.epsilon)?;
    let setting = Setting::new(parameters.nodes, people, mechanism);
    let lies = [Lie::Loud, Lie::Stealth];
    let parts: Vec<Hostile> = lies
        .iter()
        .flat_map(|lie| parameters.hostile.iter().map(|count| Hostile { count: *count, lie: *lie }))
        .collect();
    let results = context.sweep(&parts, |hostile, seed| {
        history::run(Setting { hostile: *hostile, ..setting }, parameters.epochs, &ARMS, seed)
    })?;
    let cells: Vec<(Hostile, Vec<Vec<Trail>>)> = parts.into_iter().zip(results).collect();
    Ok(describe(parameters, context, &cells))
}

fn name(lie: Lie) -> &'static str {
    match lie {
        Lie::Loud => "loud",
        Lie::Stealth => "stealth",
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "none that was tried".into(), |x| format!("{x:.0} %"))
}

/// The difference that bounded voices make to the first share of liars that misleads people.
fn comparison(lie: &str, summed: Option<f64>, robust: Option<f64>) -> String {
    let [summed_at, robust_at] = [summed, robust].map(|one| one.unwrap_or(f64::INFINITY));
    let (summed, robust) = (percent(summed), percent(robust));
    if robust_at > summed_at {
        format!("Bounded voices help against {lie} lies: {robust} instead of {summed}.")
    } else if robust_at < summed_at {
        format!("Bounded voices make {lie} lies worse: {robust} instead of {summed}.")
    } else {
        format!("Bounded voices make no difference to {lie} lies at the shares that were tried.")
    }
}

fn describe(
    parameters: &Parameters,
    context: &Context<'_>,
    cells: &[(Hostile, Vec<Vec<Trail>>)],
) -> Page {
    let mut page = Page::new(
        "poisoning",
        "Members that lie about what works",
        "What share of members can claim the opposite of what works before people are misled, with and without bounded voices?",
    );
    page.facts = FACTS.map(String::from).to_vec();
    let half = parameters.epochs / 2 + 1..=parameters.epochs;
    let share = |count: u32| 100.0 * f64::from(count) / f64::from(parameters.nodes);
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    // By kind of lie: the first share of liars at which each private arm breaks.
    let mut limits: Vec<Vec<Option<f64>>> = Vec::new();
    for lie in [Lie::Loud, Lie::Stealth] {
        let of_lie: Vec<_> = cells.iter().filter(|(hostile, _)| hostile.lie == lie).collect();
        let (mut curves, mut broken_at) = (Vec::new(), Vec::new());
        for (place, arm) in ARMS.into_iter().enumerate() {
            let mut points = Vec::new();
            for (hostile, trails) in &of_lie {
                let values = |of: &dyn Fn(&Trail) -> f64| -> Vec<f64> {
                    trails.iter().map(|all| of(&all[place])).collect()
                };
                let misled = values(&|one| one.misled(half.clone()));
                let wasted = values(&|one| one.wasted(half.clone()));
                let arm_name = format!("{}, {}", arm.name(), name(lie));
                let run = hostile.count.into();
                page.note(run, &context.seeds, &arm_name, "misled_share", &misled);
                page.note(run, &context.seeds, &arm_name, "wasted_calls_per_meeting", &wasted);
                let y = bootstrap::mean(&misled);
                points.push(Point { x: share(hostile.count), y });
                if arm != Arm::Oracle {
                    rows.push(vec![
                        name(lie).into(),
                        format!("{:.0} %", share(hostile.count)),
                        arm.label().into(),
                        y.text(3),
                        bootstrap::mean(&wasted).text(2),
                    ]);
                }
            }
            let broken = points.iter().find(|point| point.y.mean > MISLED).map(|point| point.x);
            if arm.is_private() {
                answers.push(format!("{} lies, {}: {}", name(lie), arm.label(), percent(broken)));
                broken_at.push(broken);
            }
            curves.push(Curve { label: arm.label().into(), points });
        }
        limits.push(broken_at);
        page.charts.push(Chart {
            title: format!("Meetings with a wrong hint, {} lies", name(lie)),
            caption: format!(
                "Share of honest people's meetings in which the hint names what does not work, in the second half of {} epochs, by \
                 the share of members that lie; epsilon {} a period. Bands are 95 % bootstrap intervals over {} seeds.",
                parameters.epochs,
                parameters.epsilon,
                context.seeds.len()
            ),
            x: Scale::even("members that lie", "%"),
            y: Scale::even("meetings with a wrong hint", "share").from_to(0.0, 1.0),
            curves,
            marks: Vec::new(),
        });
    }
    let columns = [
        "lies",
        "members that lie",
        "knowledge",
        "wrong hints (95 %)",
        "wasted calls a meeting (95 %)",
    ];
    page.sheets.push(Sheet {
        caption: "All shares and arms.".into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    let Parameters { nodes, users, situations, epochs, .. } = parameters;
    page.method = vec![
        format!(
            "{nodes} nodes of {users} people, {situations} situations, {epochs} epochs without any change of tools. Hostile members know which remedy \
             works. Loud ones claim a million successes of what fails and a million failures of what works, each epoch. Those in stealth claim the \
             same reversal with counts as large as an honest node's, under the declared noise."
        ),
        "Each hostile member is a voice of its own. Members that one invitee brought count as one voice together, so that this is about \
         as many invitees of founders, not as many keys."
            .into(),
        UNMET.into(),
    ];
    page.answer = vec![format!(
        "First share of lying members with which a wrong hint comes in more than {:.0} % of meetings, of {} %. {}.",
        100.0 * MISLED,
        parameters
            .hostile
            .iter()
            .map(|count| format!("{:.0}", share(*count)))
            .collect::<Vec<_>>()
            .join(", "),
        answers.join("; ")
    )];
    page.answer.extend(["loud", "stealth"].iter().zip(&limits).filter_map(|(lie, broken)| {
        let [summed, robust] = broken[..] else { return None };
        Some(comparison(lie, summed, robust))
    }));
    page.limits = "Liars here lie in every release and all in the same direction; some that lie about a single lesson, or only now and then, are \
        not looked at. Revocation, quarantine and a person's choice of whom to trust would follow a detected lie; none of them is simulated. The centre \
        of the centralised arm is left out: it trusts everyone who writes to it."
        .into();
    page.assumed = vec![
        format!("{users} people on a node, {situations} situations"),
        "what liars know and how they lie".into(),
    ];
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_follows_the_results() {
        let of = |summed, robust| comparison("loud", summed, robust);
        assert!(of(Some(5.0), Some(20.0)).contains("help against loud lies: 20 % instead of 5 %"));
        assert!(of(Some(5.0), None).contains("none that was tried instead of 5 %"));
        assert!(of(Some(20.0), Some(5.0)).contains("worse"));
        assert!(
            of(None, None).contains("no difference") && of(Some(5.0), Some(5.0)).contains("no")
        );
    }
}
