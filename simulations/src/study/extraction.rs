//! The extraction attack of [`super::attack`] at several budgets, and without any noise.

use serde::Deserialize;

use super::StudyError;
use super::attack::{self, Arm, CRAFTED};
use super::bootstrap::{self, Interval};
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};
use super::people::check_within;
use super::spec::Context;

/// Place of the attack without noise on an axis of epsilons.
const NO_NOISE_AT: f64 = 100.0;

/// Share of attacks with a released word below which an arm says nothing about the noise.
const SILENT: f64 = 0.05;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Attacks of one seed, in each arm.
    pub attacks: u32,
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a budget buys no release.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    check_within("attacks", parameters.attacks, 20, 1_000_000)?;
    let seeds = context.each(|seed| Ok(attack::run(parameters.attacks.into(), seed)?))?;
    let mut page = Page::new(
        "extraction",
        "What an attacker learns from a release",
        "An attacker with fifty accounts on the victim's node wants to know which of two words stands in the victim's one session. How often is it right?",
    );
    let (mut success, mut allowed, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let (mut within, mut caught, mut silent) = (true, true, Vec::new());
    let total = u64::from(parameters.attacks) * seeds.len() as u64;
    for (at, first) in seeds[0].iter().enumerate() {
        let values: Vec<f64> = seeds.iter().map(|arms| arms[at].success).collect();
        let released: u64 = seeds.iter().map(|arms| arms[at].released).sum();
        let y = bootstrap::mean(&values);
        let certified = Arm::certified(y.mean, total);
        // The attack without noise has no bound of its own; it must break that of epsilon 4.
        let holds = certified <= first.bound;
        if first.epsilon.is_some() {
            within &= holds
        } else {
            caught &= !holds
        }
        let x = first.epsilon.unwrap_or(NO_NOISE_AT);
        success.push(Point { x, y });
        if first.epsilon.is_some() {
            allowed.push(Point { x, y: Interval::exact(first.bound) });
        }
        let name = first.epsilon.map_or_else(|| "none".to_owned(), |epsilon| epsilon.to_string());
        page.note(at as u64, &context.seeds, &format!("epsilon {name}"), "attack_success", &values);
        let spoken = released as f64 / total as f64;
        let is_silent = spoken < SILENT;
        if is_silent {
            silent.push(format!("{name} ({:.1} % of attacks)", 100.0 * spoken));
        }
        rows.push(vec![
            first.epsilon.map_or_else(|| "no noise".to_owned(), |epsilon| epsilon.to_string()),
            if is_silent { format!("{}, hardly anything released", y.text(3)) } else { y.text(3) },
            format!("{:.1} %", 100.0 * spoken),
            format!("{certified:.3}"),
            first.epsilon.map_or_else(|| "-".to_owned(), |_| format!("{:.3}", first.bound)),
        ]);
    }
    let ends = [success.first(), success.last()].into_iter().flatten();
    let guess = ends.map(|point| Point { x: point.x, y: Interval::exact(0.5) }).collect();
    page.ok = within && caught;
    let list = rows.iter().map(|row| format!("{}: {}", row[0], row[1])).collect::<Vec<_>>();
    page.answer = vec![format!(
        "Right guesses at epsilon {}: of two words one half is a coin's.",
        list.join("; ")
    )];
    page.answer.push(
        match (within, caught) {
            (true, true) => {
                "With noise the attack stays within what the release's rho and delta allow. Without noise it breaks the bound of epsilon 4, \
                 so that the attack is one."
            }
            (false, _) => "WITH NOISE THE ATTACK BREAKS WHAT THE RELEASE'S RHO AND DELTA ALLOW.",
            (true, false) => {
                "THE ATTACK WITHOUT NOISE STAYS WITHIN THE BOUND OF EPSILON 4: such an attack shows nothing about noise."
            }
        }
        .into(),
    );
    if !silent.is_empty() {
        page.answer.push(format!(
            "A word is hardly ever released at epsilon {}: fifty accounts do not lift it over the threshold, and what is left is a coin that is \
             right in one half by design. Such an arm says nothing about the noise.",
            silent.join(" and ")
        ));
    }
    page.charts.push(Chart {
        title: "Right guesses by epsilon".into(),
        caption: format!(
            "Share of attacks that name the right one of two words, the most that the release's rho and delta allow, and a coin. \
             The point at {NO_NOISE_AT} is without noise. Bands are 95 % bootstrap intervals over {} seeds of {} attacks.",
            seeds.len(),
            parameters.attacks
        ),
        x: Scale::log("epsilon of a period (100: no noise)", ""),
        y: Scale::even("right guesses", "share").from_to(0.4, 1.0),
        curves: vec![
            Curve { label: "attack".into(), points: success },
            Curve { label: "allowed at most".into(), points: allowed },
            Curve { label: "coin".into(), points: guess },
        ],
        marks: Vec::new(),
    });
    let columns = ["epsilon", "right (95 %)", "released", "certainly right", "allowed at most"];
    page.sheets.push(Sheet {
        caption:
            "Released: attacks in which either word was released at all. Certainly right: lower confidence limit over all attacks, \
             wrong with chance 1e-5."
                .into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    page.method = vec![format!(
        "The attacker gives each of {CRAFTED} accounts one crafted session. Half of them teach what the victim's session teaches with the one \
         word, half with the other. Where both pass the threshold only the noisy supports differ, by the victim. Sessions go through the \
         protocol's miner, the release through the privacy crate's bounding and threshold under a default plan (delta 1e-6)."
    )];
    page.limits = "One attack of one shape on one release. Where the threshold is above what fifty accounts lift, both words stay out and \
        the attacker learns nothing from this release; more accounts would lift them. That it stays within the bound refutes nothing and proves nothing: the proof is the \
        mechanism's. Arms of pooling do not apply, since the attacker reads the node's own release; gossip without privacy is the arm without \
        noise."
        .into();
    page.assumed = vec![
        format!("{CRAFTED} accounts of the attacker, and a victim with one session"),
        "the attacker knows everything but the word".into(),
    ];
    Ok(page)
}
