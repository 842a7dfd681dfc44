//! The page of the study: what was done, tables, and what it does not show.

use super::answer::{answer, capital};
use super::charts::{bounds, courses};
use super::results::{BY_FAILURE, BY_WORDS, Results, arms, knowledge, unbounded};
use super::rule::{Rank, Rule};
use super::{Outcome, Parameters, Window};
use crate::study::arm::Arm;
use crate::study::bootstrap;
use crate::study::page::{Page, Sheet};
use crate::study::routing::Line;
use crate::study::spec::Context;

/// Name of a world.
fn world_name(rare: f64) -> String {
    if rare == 0.0 {
        "situations as counted".into()
    } else {
        format!("{:.0} % of situations rare", 100.0 * rare)
    }
}

pub(super) fn describe(
    parameters: &Parameters,
    context: &Context<'_>,
    line: Line,
    worlds: &[Vec<Outcome>],
) -> Page {
    let mut page = Page::new(
        "library-drift",
        "A library that only grows",
        "Does help decay as a library grows and a part of it stops working, and does a bound on the items that are given prevent it?",
    );
    page.facts = ["meets_per_epoch", "follows", "works", "fails"].map(String::from).to_vec();
    let names = context.facts.all().iter().map(|fact| &fact.name);
    page.facts.extend(names.filter(|name| name.starts_with("known_to_")).cloned());
    let windows = parameters.windows();
    for (run, (rare, outcomes)) in (0..).zip(parameters.rare_shares.iter().zip(worlds)) {
        let (results, world) = (Results(outcomes), world_name(*rare));
        if run == 0 {
            page.charts.extend(courses(parameters, &results, &world));
        }
        page.charts.extend(bounds(parameters, &results, &world, &windows[1]));
        page.sheets.push(sheet(parameters, &results, &world, &windows));
        note(&mut page, parameters, context, run, &results, &world, &windows);
        page.ok &= oracle_is_best(parameters, &results, &windows[1]);
        page.answer.extend(answer(parameters, &results, &world, &windows));
    }
    method(&mut page, parameters, line, worlds);
    page
}

/// True when nothing helps more than the oracle where the right situation is always found.
fn oracle_is_best(parameters: &Parameters, results: &Results<'_>, last: &Window) -> bool {
    let of = |arm, rule| results.helped(arm, rule, last, BY_FAILURE);
    let most = of(Arm::Oracle, unbounded(Arm::Oracle));
    arms().all(|arm| {
        parameters
            .rules(arm)
            .into_iter()
            .all(|rule| of(arm, rule).iter().zip(&most).all(|(one, most)| *one <= most + 1e-9))
    })
}

/// All values by seed, in the last window unless the name says otherwise.
fn note(
    page: &mut Page,
    parameters: &Parameters,
    context: &Context<'_>,
    run: u64,
    results: &Results<'_>,
    world: &str,
    [early, last]: &[Window; 2],
) {
    for arm in arms() {
        for rule in parameters.rules(arm) {
            let name = format!("{}, {}, {world}", arm.name(), rule.label());
            let mut values = vec![
                (
                    "items_given".to_owned(),
                    results.of(arm, rule, |one| one.each(last, |s| s.active)),
                ),
                (
                    "useless_share".into(),
                    results.of(arm, rule, |one| one.each(last, |s| s.useless)),
                ),
            ];
            let selectors = ["by_failure".to_owned()].into_iter().chain(
                parameters.steepness.iter().map(|steepness| format!("by_words_slope_{steepness}")),
            );
            for (at, selector) in selectors.enumerate() {
                let each = |window: &Window, of: fn(&super::Seen) -> &Vec<f64>| {
                    results.of(arm, rule, |one| one.each(window, |seen| of(seen)[at]))
                };
                values.extend([
                    (format!("right_per_meeting_{selector}"), each(last, |seen| &seen.right)),
                    (format!("helped_per_meeting_{selector}"), each(last, |seen| &seen.helped)),
                    (format!("misled_per_meeting_{selector}"), each(last, |seen| &seen.misled)),
                    (format!("helped_early_{selector}"), each(early, |seen| &seen.helped)),
                ]);
            }
            for (metric, values) in values {
                page.note(run, &context.seeds, &name, &metric, &values);
            }
        }
    }
}

fn sheet(
    parameters: &Parameters,
    results: &Results<'_>,
    world: &str,
    [early, last]: &[Window; 2],
) -> Sheet {
    let mut rows = Vec::new();
    for arm in arms() {
        for rule in parameters.rules(arm) {
            // The other orders are in the table of results.
            if matches!(rule, Rule::Bounded { by: Rank::Rate | Rank::Newest, .. }) {
                continue;
            }
            let each = |of: &dyn Fn(&super::Seen) -> f64| {
                bootstrap::mean(&results.of(arm, rule, |one| one.each(last, of))).mean
            };
            let percent = |value: f64| format!("{:.0} %", 100.0 * value);
            let helped = |window: &Window, selector: usize| {
                bootstrap::mean(&results.helped(arm, rule, window, selector)).mean
            };
            let gain = match rule == unbounded(arm) {
                true => "-".into(),
                false => results.gain(arm, rule, last, BY_WORDS).text(3),
            };
            rows.push(vec![
                if rule == Rule::All { "any".into() } else { knowledge(arm).into() },
                rule.label(),
                format!("{:.0}", each(&|seen| seen.active)),
                percent(each(&|seen| seen.useless)),
                percent(each(&|seen| seen.right[BY_FAILURE])),
                percent(each(&|seen| seen.right[BY_WORDS])),
                format!("{:.3}", helped(early, BY_WORDS)),
                format!("{:.3}", helped(last, BY_WORDS)),
                gain,
                format!("{:.3}", each(&|seen| seen.misled[BY_WORDS])),
                format!("{:.3}", helped(last, BY_FAILURE)),
            ]);
        }
    }
    let columns = [
        "knowledge",
        "given",
        "items",
        "of no use",
        "right one among them",
        "and found by words",
        "helped, earlier",
        "helped",
        "more than without a bound (95 %)",
        "misled",
        "helped, found by what failed",
    ];
    let caption = format!(
        "{}. Epochs {} to {}; earlier: {} to {}. Shares and sums are of meetings. Helped and misled: found by words unless the column says otherwise. The rule \
         `everything` is compared with the oracle, a bound with the same arm without one.",
        capital(world),
        last.start(),
        last.end(),
        early.start(),
        early.end()
    );
    Sheet { caption, columns: columns.map(String::from).to_vec(), rows }
}

fn method(page: &mut Page, parameters: &Parameters, line: Line, worlds: &[Vec<Outcome>]) {
    let Parameters { epsilon, nodes, users, epochs, growth, minimum_trials, .. } = parameters;
    let last = |outcomes: &Vec<Outcome>| {
        let sizes: Vec<f64> =
            outcomes.iter().filter_map(|one| one.library.last().copied()).collect();
        bootstrap::mean(&sizes).mean
    };
    let [_, late] = parameters.windows();
    let meetings = |trace: &super::Trace| {
        let part = &trace.seen[(*late.start() - 1) as usize..];
        part.iter().map(|seen| seen.meetings).sum::<f64>() / part.len() as f64
    };
    let met = worlds.iter().map(|all| {
        let of_seeds = Results(all).of(Arm::Oracle, Rule::All, meetings);
        format!("{:.1}", bootstrap::mean(&of_seeds).mean / f64::from(nodes * users))
    });
    let met: Vec<String> = met.collect();
    page.method = vec![
        format!(
            "{nodes} nodes of {users} people, {epochs} epochs of a week. There are {} situations at first, and {} more come in each epoch. In an epoch the \
             tool of one changes with a chance of {}: its remedy stops working for everybody, and a new one works, or in {:.0} % of the changes after \
             the first the one before. A tool goes out of use with a chance of {}. A new remedy is in the library after {} epochs. Nothing is ever taken \
             out: in the end the library holds {:.0} remedies.",
            growth.start,
            growth.arrive,
            growth.changes,
            100.0 * growth.back,
            growth.leaves,
            growth.delay,
            last(&worlds[0]),
        ),
        format!(
            "People release their trials once an epoch, at epsilon {epsilon} for a period of twelve releases (delta 1e-6, a fifth of rho). Three of \
             a person's count in each. A person meets {} situations in one of the last epochs, by world. Pooling without privacy counts all of them, without noise. Bounding, noise, fold, watches for drift and dormancy, pooling and the look-up of hints are the nodes' own code. \
             The nodes of an arm go by the shipped rule: what drifts, is dormant, or fails more often than it works is silent, and of rivals the one with the best lower \
             bound is given. Each node alone goes by its own trials without noise.",
            met.join(" and ")
        ),
        format!(
            "The other rules read the same evidence and are looked at beside it, for one more member who would go by them. Everything: all that was ever released, \
             and of rivals any. A bound keeps so many of what the shipped rule would give, ranked by successes an epoch, by the lower bound of the \
             rate, or by age; an item leaves for a better one only when it has {minimum_trials} pooled trials, and at once when the shipped rule is silent about it. The oracle gives each \
             remedy that works for a situation that is met, with a bound those of the most used tools."
        ),
        format!(
            "Found by words: with N items given the right one is found in {:.2} - {:.3} ln(N / 10) of the queries, as the study `routing` measured it up to {:.0} \
             skills; beyond that the line is extrapolated. What is given when it is not found is left out: such a meeting is neither helped nor misled. Found by \
             what failed: always, as hints are.",
            line.top, line.slope, line.measured_to
        ),
    ];
    page.limits = "The evidence is that of members who go by the shipped rule. If all went by a bound, what they are not given would be tried less often, and they \
        would learn less of it; that is not shown. A bound is on what is given, not on what is counted: to count fewer items would leave each of them more of a person's \
        three trials. Rivals count as items of their own when they are found by words, and their texts are taken to be as easy to tell apart as those of unrelated skills. \
        What a larger federation would know is not looked at. The measured line ends far below the sizes here, and is of skills, not of remedies. What a wrong or superfluous item costs a model is not looked at: if it costs \
        much, giving fewer is worth more. The best of several bounds is chosen on the seeds that its interval is of, so that bounds look better than they are. All changes are abrupt and for all people; the study `change` has others. Nobody lies."
        .into();
    page.assumed = vec![
        format!("{users} people on a node, and how the world grows and changes: the whole table `growth`"),
        format!("rare situations: shares {:?}, each with a tool that {} of people use", parameters.rare_shares, growth.rare_prevalence),
        format!("the line of selection beyond {:.0} items, and slopes but the measured one", line.measured_to),
        "a person who meets a failure without help tries what works or what worked before, evenly, and then the other".into(),
    ];
}
