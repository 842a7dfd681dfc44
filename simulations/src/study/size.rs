//! What size a node or a federation must have before it releases, and before it helps.
//!
//! Three questions, each through the privacy crate's bounding, noise and thresholds and the protocol's fold: how many
//! people a node needs until a lesson passes its threshold; how many a federation's nodes need until votes elect a
//! lesson of the codebook; and what share of failing calls either answers, beside what a person's own sessions do.

mod help;
mod need;

use serde::Deserialize;

use super::StudyError;
use super::page::{Chart, Page, Scale};
use super::spec::Context;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Epsilons of a period, each 0.1 to 20.
    pub epsilons: Vec<f64>,
    /// Shares of people who know a lesson, each above 0 and at most 1.
    pub prevalences: Vec<f64>,
    /// Epsilons of the charts of votes and of help.
    pub vote_epsilons: Vec<f64>,
    /// Shares of people who know a lesson in the chart of votes.
    pub vote_prevalences: Vec<f64>,
    /// Numbers of nodes in the charts of votes and of help, ascending.
    pub nodes: Vec<u32>,
    /// People of each node in the chart of help.
    pub users: u32,
    /// Situations in the chart of help: of the community, and as many of strangers.
    pub situations: u32,
}

impl Parameters {
    fn check(&self) -> Result<(), StudyError> {
        let epsilons = self.epsilons.iter().chain(&self.vote_epsilons);
        for (key, values, low, high, must) in [
            ("epsilons", epsilons.copied().collect::<Vec<_>>(), 0.1, 20.0, "0.1 to 20 each"),
            ("prevalences", self.prevalences.clone(), 0.005, 1.0, "0.005 to 1 each"),
            ("vote_prevalences", self.vote_prevalences.clone(), 0.005, 1.0, "0.005 to 1 each"),
        ] {
            let fits = |value: &f64| (low..=high).contains(value);
            if values.is_empty() || !values.iter().all(fits) {
                return Err(StudyError::value(key, format!("{values:?}"), must));
            }
        }
        let ascending = self.nodes.is_sorted_by(|a, b| a < b) && !self.nodes.is_empty();
        if !ascending || self.nodes[0] == 0 || self.nodes.last() > Some(&400) {
            return Err(StudyError::value(
                "nodes",
                format!("{:?}", self.nodes),
                "ascending, 1 to 400",
            ));
        }
        if !(1..=1_000).contains(&self.users) {
            return Err(StudyError::value("users", self.users, "between 1 and 1,000"));
        }
        if !(1..=120).contains(&self.situations) {
            return Err(StudyError::value("situations", self.situations, "between 1 and 120"));
        }
        Ok(())
    }
}

/// Runs the study.
///
/// # Errors
/// Fails when a parameter is out of range or a release is refused.
pub fn run(parameters: &Parameters, context: &Context<'_>) -> Result<Page, StudyError> {
    parameters.check()?;
    let mut page = Page::new(
        "size",
        "What size a node or a federation must have",
        "How many people must share a node before it releases a lesson, how many nodes before votes elect one, and from when on does that help anybody?",
    );
    page.facts = [
        "lessons_per_person",
        "community_prevalence",
        "stranger_prevalence",
        "own_repeats",
        "shared_failures",
        "works",
    ]
    .map(String::from)
    .to_vec();
    let (low, high) = context.facts.range("community_prevalence");
    let (least, most) = context.facts.range("stranger_prevalence");
    let thresholds = need::thresholds(&mut page, parameters, context)?;
    page.charts.push(Chart {
        title: "People on a node until it releases a lesson".into(),
        caption: format!(
            "People of one node for a chance of 95 % that a lesson passes the threshold in the one lesson release of a \
             period, by the share of people who know it. Bands are 95 % bootstrap intervals over {} seeds. Lessons are \
             known to {:.0} to {:.0} % of strangers and to {:.0} to {:.0} % of a community.",
            context.seeds.len(),
            100.0 * least,
            100.0 * most,
            100.0 * low,
            100.0 * high,
        ),
        x: Scale::log("people who know the lesson", "%"),
        y: Scale::log("people on the node", ""),
        curves: thresholds,
        marks: vec![(100.0 * low, "community".into())],
    });
    let votes = need::votes(&mut page, parameters, context)?;
    page.charts.push(Chart {
        title: "People on each node until votes elect a lesson of the codebook".into(),
        caption: format!(
            "People of each node for a chance of 95 % that the pooled votes of all nodes elect a candidate, in their one \
             vote release of a period, by the number of nodes. Bands are 95 % bootstrap intervals over {} seeds.",
            context.seeds.len()
        ),
        x: Scale::log("nodes", ""),
        y: Scale::log("people on each node", ""),
        curves: votes,
        marks: Vec::new(),
    });
    help::add(&mut page, parameters, context)?;
    page.method.insert(
        0,
        "Each person knows as many lessons as the facts say, and all of them share the person's weight. Whether a person knows the lesson \
         in question is drawn by its prevalence; the others are that person's own. Budgets are those of a default plan: delta 1e-6, \
         half of rho for one lesson release of a period, three tenths for one vote release."
            .into(),
    );
    page.limits = "People are drawn independently: on a real node they copy each other, and a few people hold most sessions. One period \
        is looked at; votes add up over periods. The codebook is taken to hold every situation of the chart of help, and hints are taken to be \
        followed. A lesson that is released is taken to be right. The shares of failures that repeat or are shared are those of people who \
        publish transcripts."
        .into();
    page.assumed = vec![
        "people know lessons independently of each other".into(),
        "failures that are no repetition are shared as often as all failures".into(),
        "the shape of the distribution of prevalences inside a community".into(),
        format!(
            "{} people on a node and {} situations in the charts of help",
            parameters.users, parameters.situations
        ),
    ];
    Ok(page)
}
