//! `privacy table`: what budgets buy, computed from the mechanisms. Needs no node.

use lore_privacy::table::{self, Table};

use super::Context;
use crate::error::CliError;
use crate::output;

pub(super) fn table(context: &Context) -> Result<(), CliError> {
    let table = table::table().map_err(|error| CliError::failed("privacy_table", error))?;
    output::result(&table, context.json, text)
}

fn text(table: &Table) -> String {
    let mut text =
        "People that a lesson needs for a chance of 95 %, delta 1e-6, by how many lessons each of \
        them has:\n\
        epsilon  releases  lessons  sigma  threshold  people\n"
            .to_owned();
    for row in &table.supporters {
        text.push_str(&format!(
            "{:7} {:9} {:8} {:6.2} {:10.2} {:7}\n",
            row.epsilon, row.releases, row.keys, row.sigma, row.threshold, row.needed_95
        ));
    }
    text.push_str(
        "\nPeople with four lessons each who must know one: of one node that finds it alone, and of all \
         nodes that vote on it:\n\
         epsilon  nodes  people of a node  found by  voted by\n",
    );
    let people = |count: Option<u32>| count.map_or("-".to_owned(), |count| count.to_string());
    for row in &table.reach {
        text.push_str(&format!(
            "{:7} {:6} {:17} {:>9} {:>9}\n",
            row.epsilon,
            row.nodes,
            row.users,
            people(row.found_by),
            people(row.voted_by)
        ));
    }
    text.push_str(
        "\nStandard error of a success rate of 0.6, 20 nodes with 30 sessions each:\n\
         epsilon  delta_conv   sigma  isolated  pooled  private  nodes to break even\n",
    );
    for row in &table.rates {
        text.push_str(&format!(
            "{:7} {:11.0e} {:7.2} {:9.3} {:7.3} {:8.3} {:20}\n",
            row.epsilon,
            row.delta_conv,
            row.sigma,
            row.isolated,
            row.pooled,
            row.private,
            row.break_even_nodes
        ));
    }
    text.push_str(
        "\nVoters on each node that make a candidate visible (95 %, false alarm 5e-4):\n\
         epsilon  nodes  voters  by normal approximation\n",
    );
    for row in &table.votes {
        text.push_str(&format!(
            "{:7} {:6} {:7} {:24}\n",
            row.epsilon, row.nodes, row.supporters_per_node, row.supporters_per_node_normal
        ));
    }
    text.push_str("\nPersonal nodes to find what 5 % of them know, by local DP alone:\n");
    for row in &table.personal {
        text.push_str(&format!("epsilon {}: {}\n", row.epsilon, row.nodes));
    }
    text
}
