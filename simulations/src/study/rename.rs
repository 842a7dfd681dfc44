//! A tool's flag is renamed, and later renamed back: who stops hinting the old remedy, and when, pooled or alone.

use serde::Deserialize;

use super::StudyError;
use super::arm::Arm;
use super::bootstrap;
use super::change::Change;
use super::history::{self, Delays, Trail};
use super::learn::Setting;
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::people::{FACTS, Spending, UNMET, check_epsilons, check_within, people};
use super::spec::Context;

/// Numbers of nodes whose rows a report shows.
const SHOWN_NODES: [u32; 4] = [1, 5, 8, 20];

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Epsilons, each 0.1 to 20.
    pub epsilons: Vec<f64>,
    /// Numbers of nodes, ascending.
    pub nodes: Vec<u32>,
    /// People of each node.
    pub users: u32,
    /// Epochs before the first change, between the two, and after the second.
    pub phase: u32,
}

/// Results of one number of nodes and one way of spending: by seed.
struct Cell {
    nodes: u32,
    /// The epsilon and how it is spent; none for the arms without privacy.
    budget: Option<(f64, Spending)>,
    trails: Vec<Vec<Trail>>,
}

impl Cell {
    fn of(&self, arm: Arm, value: impl Fn(&Trail) -> f64) -> Vec<f64> {
        let trails = self.trails.iter();
        trails.filter_map(|all| all.iter().find(|one| one.arm == arm).map(&value)).collect()
    }

    fn has(&self, arm: Arm) -> bool {
        self.trails.iter().all(|all| all.iter().any(|one| one.arm == arm))
    }
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    check_epsilons(&parameters.epsilons)?;
    check_within("phase", parameters.phase, 2, 200)?;
    check_within("nodes", parameters.nodes.first().copied().unwrap_or(0), 1, 200)?;
    check_within("nodes", parameters.nodes.last().copied().unwrap_or(0), 1, 200)?;
    let people = people(parameters.users, 1, context.facts)?;
    let mut parts = Vec::new();
    for nodes in &parameters.nodes {
        parts.push((*nodes, None));
        for epsilon in &parameters.epsilons {
            parts.push((*nodes, Some((*epsilon, Spending::Each))));
            parts.push((*nodes, Some((*epsilon, Spending::Plan))));
        }
    }
    let epochs = 3 * parameters.phase;
    let results = context.sweep(&parts, |(nodes, budget), seed| {
        let (epsilon, spending) = budget.unwrap_or((1.0, Spending::Each));
        let change = Change::Recurring { every: parameters.phase };
        let setting =
            Setting { change, ..Setting::new(*nodes, people, spending.mechanism(epsilon)?) };
        let arms: &[Arm] = match budget {
            None => &[Arm::Oracle, Arm::Isolated, Arm::Centralised, Arm::Gossip],
            Some(_) => &[Arm::Private, Arm::Robust],
        };
        history::run(setting, epochs, arms, seed)
    })?;
    let cells: Vec<Cell> = parts
        .into_iter()
        .zip(results)
        .map(|((nodes, budget), trails)| Cell { nodes, budget, trails })
        .collect();
    Ok(describe(parameters, context, &cells, people.users))
}

/// Failing calls that each meeting costs more than the oracle's, from the first change on.
fn regrets(cells: &[Cell], cell: &Cell, arm: Arm, phase: u32) -> Vec<f64> {
    let open = cells.iter().find(|one| one.nodes == cell.nodes && one.budget.is_none());
    let after = phase + 1..=3 * phase;
    let oracle = open.map(|open| open.of(Arm::Oracle, |one| one.wasted(after.clone())));
    let wasted = cell.of(arm, |one| one.wasted(after.clone()));
    wasted.iter().zip(oracle.unwrap_or_default()).map(|(one, least)| one - least).collect()
}

/// The curve of a value by the number of nodes.
fn curve(
    label: String,
    cells: &[Cell],
    budget: Option<(f64, Spending)>,
    value: impl Fn(&Cell) -> Vec<f64>,
) -> Curve {
    let cells = cells.iter().filter(|cell| cell.budget == budget);
    let points = cells
        .map(|cell| Point { x: cell.nodes.into(), y: bootstrap::mean(&value(cell)) })
        .collect();
    Curve { label, points }
}

/// The least number of nodes from which on the pool wastes less than nodes alone, beyond doubt and for all larger
/// numbers that were tried.
fn wins_from(cells: &[Cell], budget: (f64, Spending), phase: u32) -> Option<u32> {
    let mut from = None;
    for cell in cells.iter().filter(|cell| cell.budget == Some(budget)) {
        let open = cells.iter().find(|one| one.nodes == cell.nodes && one.budget.is_none());
        let Some(open) = open else { continue };
        let pooled = regrets(cells, cell, Arm::Robust, phase);
        let alone = regrets(cells, open, Arm::Isolated, phase);
        if bootstrap::difference(&pooled, &alone).is_negative() {
            from = from.or(Some(cell.nodes));
        } else {
            from = None;
        }
    }
    from
}

fn describe(parameters: &Parameters, context: &Context<'_>, cells: &[Cell], users: u32) -> Page {
    let phase = parameters.phase;
    let mut page = Page::new(
        "rename",
        "A flag is renamed, and renamed back",
        "How soon is a remedy that stopped working not hinted any more, how soon is the newer one, and from how many nodes on does pooling win?",
    );
    page.facts = FACTS.map(String::from).to_vec();
    let seeds = context.seeds.len();
    for spending in [Spending::Each, Spending::Plan] {
        let of = |arm: Arm| move |cell: &Cell| regrets(cells, cell, arm, phase);
        let mut curves = vec![
            curve(Arm::Isolated.label().into(), cells, None, of(Arm::Isolated)),
            curve(Arm::Centralised.label().into(), cells, None, of(Arm::Centralised)),
            curve(Arm::Gossip.label().into(), cells, None, of(Arm::Gossip)),
        ];
        for epsilon in &parameters.epsilons {
            let label = format!("robust, epsilon {epsilon}");
            curves.push(curve(label, cells, Some((*epsilon, spending)), of(Arm::Robust)));
        }
        page.charts.push(Chart {
            title: format!("Wasted calls by the number of nodes, {}", spending.label()),
            caption: format!(
                "Failing calls of a meeting beyond the oracle's, from the first change on. Bands are 95 % bootstrap intervals over {seeds} seeds."
            ),
            x: Scale::log("nodes", ""),
            y: Scale::even("wasted calls", "per meeting"),
            curves,
            marks: Vec::new(),
        });
    }
    let recovered = |arm: Arm| move |cell: &Cell| cell.of(arm, |one| one.delay(|d| d.recovered));
    let mut curves = vec![
        curve(Arm::Isolated.label().into(), cells, None, recovered(Arm::Isolated)),
        curve(Arm::Centralised.label().into(), cells, None, recovered(Arm::Centralised)),
        curve(Arm::Gossip.label().into(), cells, None, recovered(Arm::Gossip)),
    ];
    for epsilon in &parameters.epsilons {
        let budget = Some((*epsilon, Spending::Each));
        curves.push(curve(
            format!("robust, epsilon {epsilon}"),
            cells,
            budget,
            recovered(Arm::Robust),
        ));
    }
    page.charts.push(Chart {
        title: format!("Time to recover, {}", Spending::Each.label()),
        caption: format!(
            "Epochs (weeks) from a change until the newer remedy is hinted, mean of both changes; one that takes longer than \
             the {phase} epochs of a phase counts as {phase}. Those that did not hint the working remedy when the change came are left out."
        ),
        x: Scale::log("nodes", ""),
        y: Scale::even("time to recover", "epochs"),
        curves,
        marks: Vec::new(),
    });
    tables(&mut page, parameters, context, cells);
    let met = f64::from(users)
        * context.facts.value("community_prevalence")
        * context.facts.value("meets_per_epoch");
    page.method = vec![
        format!(
            "Nodes of {users} people, of whom {met:.0} meet the failure in an epoch (a week). For {phase} epochs one remedy works, for \
         {phase} the other, then the first again, for all people at once. People follow the hint or guess, and try the other remedy when the \
         first does not work. Every node releases its people's trials once an epoch; bounding, noise, fold, watches, pooling and \
         hints are the nodes' own code. A node alone goes by its own trials without noise, which on a node of several people needs their \
         consent: a lone node that protects them from each other has noise as well, as in the rows of one private node."
        ),
        UNMET.into(),
    ];
    let wins = parameters.epsilons.iter().flat_map(|epsilon| {
        [Spending::Each, Spending::Plan].map(|spending| {
            let from = wins_from(cells, (*epsilon, spending), phase);
            let most = parameters.nodes.last().copied().unwrap_or(0);
            let from = from.map_or_else(|| format!("none of up to {most}"), |n| format!("{n}"));
            format!("epsilon {epsilon}, {}: {from}", spending.label())
        })
    });
    page.answer = vec![format!(
        "Nodes from which on the pool wastes fewer calls than nodes alone, beyond doubt (95 %). {}.",
        wins.collect::<Vec<_>>().join("; ")
    )];
    page.limits = "One flag, and all people change at once; the study `change` has slower changes. A remedy is right or wrong for \
        everybody. Numbers of nodes between those that were tried are not looked at. A value of one voice counts for at most three deviations in \
        the test for drift, so that a node alone needs two or three epochs however many trials it has."
        .into();
    page.assumed = vec![
        format!("{users} people on a node"),
        format!("{phase} epochs of a week between changes"),
        "everybody changes at once, and releases reach everybody at the end of their epoch".into(),
    ];
    page
}

fn tables(page: &mut Page, parameters: &Parameters, context: &Context<'_>, cells: &[Cell]) {
    let phase = parameters.phase;
    let mut rows = Vec::new();
    for cell in cells {
        for arm in Arm::ALL.into_iter().filter(|arm| cell.has(*arm)) {
            let (spent, name) = match cell.budget {
                Some((epsilon, Spending::Each)) => {
                    (format!("{epsilon} each"), format!("{}, epsilon {epsilon} each", arm.name()))
                }
                Some((epsilon, Spending::Plan)) => (
                    format!("{epsilon} a period"),
                    format!("{}, epsilon {epsilon} a period", arm.name()),
                ),
                None => ("-".into(), arm.name().to_owned()),
            };
            let regret = regrets(cells, cell, arm, phase);
            let of = |value: fn(&Delays) -> f64| cell.of(arm, |one| one.delay(value));
            let ready = cell.of(arm, Trail::ready);
            let alarms = cell.of(arm, |one| one.false_alarms as f64);
            let values = [
                ("regret_calls_per_meeting", &regret),
                ("detection_delay_epochs", &of(|d| d.alarm)),
                ("silence_delay_epochs", &of(|d| d.silent)),
                ("recovery_epochs", &of(|d| d.recovered)),
                ("ready_share", &ready),
                ("false_alarms", &alarms),
                ("received_bytes", &cell.of(arm, |one| one.bytes as f64)),
            ];
            if arm == Arm::Oracle {
                continue;
            }
            for (metric, values) in values {
                page.note(cell.nodes.into(), &context.seeds, &name, metric, values);
            }
            // The others are in the charts and in the table of results.
            if arm == Arm::Private || !SHOWN_NODES.contains(&cell.nodes) {
                continue;
            }
            let shown = |values: &[f64]| {
                let found = bootstrap::mean(values);
                if found.mean.is_nan() { "-".into() } else { format!("{:.1}", found.mean) }
            };
            rows.push(vec![
                cell.nodes.to_string(),
                arm.label().into(),
                spent,
                bootstrap::mean(&regret).text(2),
                format!("{:.0} %", 100.0 * bootstrap::mean(&ready).mean),
                shown(&of(|d| d.alarm)),
                shown(&of(|d| d.silent)),
                shown(&of(|d| d.recovered)),
                shown(&alarms),
            ]);
        }
    }
    let columns = [
        "nodes",
        "knowledge",
        "epsilon",
        "wasted calls a meeting (95 %)",
        "ready",
        "alarm",
        "old one silent",
        "newer one hinted",
        "false alarms",
    ];
    page.sheets.push(Sheet {
        caption: "Some numbers of nodes; all of them, and the arm that does not bound voices, are in the table of results. Ready: hinted the working remedy when a change came. Then epochs from the change on, 1 being its own, \
                  means over both changes; and remedies that drifted before any change."
            .into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
}
