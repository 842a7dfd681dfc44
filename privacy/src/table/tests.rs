#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn lessons_need_what_the_reference_says() {
    let rows = supporters().unwrap();
    let needed = |epsilon: f64, releases: u32| -> Vec<u32> {
        let rows = rows.iter().filter(|row| row.epsilon == epsilon && row.releases == releases);
        rows.map(|row| row.needed_95).collect()
    };
    assert_eq!(needed(4.0, 1), [14, 19, 27, 41, 54]);
    assert_eq!(needed(1.0, 1), [48, 68, 96, 143, 191]);
    assert_eq!(needed(8.0, 1), [8, 11, 16, 23, 31]);
    assert_eq!(needed(4.0, 4), [28, 39, 55, 83, 110]);
}

#[test]
fn small_nodes_find_nothing_alone_and_their_votes_add_up() {
    let rows = reach().unwrap();
    let row = |epsilon: f64, users: u32, nodes: u32| {
        let is = |row: &&Reach| (row.epsilon, row.users, row.nodes) == (epsilon, users, nodes);
        rows.iter().find(is).cloned().unwrap()
    };
    assert_eq!((row(4.0, 25, 20).found_by, row(4.0, 100, 1).found_by), (None, Some(27)));
    let small = row(4.0, 8, 1);
    assert_eq!((small.found_by, small.voted_by), (None, None));
    assert_eq!((row(4.0, 25, 100).voted_by, row(8.0, 8, 100).voted_by), (Some(235), Some(127)));
    // A hundred nodes need ten times the voters of one, and have a hundred times the people.
    let (one, all) = (row(4.0, 500, 1).voted_by.unwrap(), row(4.0, 500, 100).voted_by.unwrap());
    assert!(all.abs_diff(10 * one) <= 10, "{one} and {all}");
}

#[test]
fn standard_errors_are_those_of_the_reference() {
    let rates = rates().unwrap();
    let thousandths = |x: f64| (x * 1_000.0).round() as u32;
    assert!(rates.iter().all(|r| (thousandths(r.isolated), thousandths(r.pooled)) == (89, 20)));
    let private = |delta: f64| -> Vec<u32> {
        let rows = rates.iter().filter(|r| r.delta_conv == delta);
        rows.map(|r| thousandths(r.private)).collect()
    };
    assert_eq!(private(1e-6), [83, 47, 30, 23]);
    assert_eq!(private(5e-7), [86, 48, 30, 23]);
}

#[test]
fn pooling_pays_from_the_break_even_number_of_nodes_on_and_not_before() {
    for rate in rates().unwrap() {
        let with = |nodes| crate::utility::rate_standard_error(rate.sigma, nodes, 30, 0.6);
        assert!(with(rate.break_even_nodes) < rate.isolated, "{rate:?}");
        assert!(with(rate.break_even_nodes - 1) >= rate.isolated, "{rate:?}");
    }
}

#[test]
fn votes_are_detected_as_the_reference_says_by_the_normal_approximation_and_one_later_exactly() {
    let votes = votes();
    let needed = |nodes| {
        let row = votes.iter().find(|row| row.epsilon == 1.0 && row.nodes == nodes).unwrap();
        (row.supporters_per_node, row.supporters_per_node_normal)
    };
    assert_eq!((needed(2), needed(12)), ((6, 5), (3, 2)));
}

#[test]
fn personal_nodes_do_not_discover() {
    let at_1 = personal().into_iter().find(|row| row.epsilon == 1.0).unwrap();
    assert_eq!((at_1.nodes + 50) / 100, 359);
}

#[test]
fn the_printed_table_has_the_fields_that_others_read() {
    let value = serde_json::to_value(table().unwrap()).unwrap();
    for row in value["supporters"].as_array().unwrap() {
        let row = row.as_object().unwrap();
        let named = ["epsilon", "delta", "releases", "keys", "sigma", "threshold", "needed_95"];
        assert!(named.iter().all(|field| row.contains_key(*field)), "{row:?}");
    }
    let fields = |list: &str| value[list][0].as_object().unwrap().clone();
    let rates = fields("rates");
    assert!(
        ["isolated", "pooled", "private", "break_even_nodes"]
            .iter()
            .all(|f| rates.contains_key(*f))
    );
    assert!(fields("votes").contains_key("supporters_per_node"));
    assert!(fields("personal").contains_key("nodes"));
}
