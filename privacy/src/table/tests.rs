#![allow(clippy::unwrap_used)]
use lore_protocol::payload::Noise;

use super::*;

/// The settings of one line of the documented table, over a parameter.
fn line(noise: Noise, l0: u16, of: impl Fn(&Supporters) -> bool) -> Vec<Supporters> {
    let rows = supporters().unwrap().into_iter();
    rows.filter(|row| row.mechanism == noise && row.l0 == l0 && of(row)).collect()
}

fn needed(rows: &[Supporters]) -> Vec<(u32, u32)> {
    rows.iter().map(|row| (row.needed_95, row.needed_95_exact)).collect()
}

#[test]
fn one_laplace_release_needs_what_the_reference_says() {
    let once = |l0| line(Noise::Laplace, l0, |row| row.releases == 1);
    // (charged, exact): the discrete Laplace tail is charged exactly, so both are the same.
    assert_eq!(needed(&once(1)), [(33, 33), (17, 17), (9, 9), (5, 5)]);
    assert_eq!(needed(&once(3)), [(101, 101), (52, 52), (26, 26), (15, 15)]);
}

#[test]
fn gaussian_releases_at_epsilon_4_need_what_the_reference_says() {
    let rows = line(Noise::Gaussian, 1, |row| row.epsilon == 4.0);
    // (charged, exact): the reference shows the exact ones; the guard against the upstream defect and
    // the continuous bound on the tail cost one.
    assert_eq!(needed(&rows), [(11, 10), (20, 19), (34, 33), (70, 70)]);
}

#[test]
fn a_charged_threshold_is_never_below_the_exact_one_and_at_most_one_above() {
    for row in supporters().unwrap() {
        let more = row.threshold - row.threshold_exact;
        assert!(more <= 1, "{row:?}");
        assert!(row.needed_95 - row.needed_95_exact == more, "{row:?}");
    }
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
        let named = ["epsilon", "delta", "l0", "mechanism", "releases", "threshold", "needed_95"];
        assert!(named.iter().all(|field| row.contains_key(*field)), "{row:?}");
        assert!(row["mechanism"] == "laplace" || row["mechanism"] == "gaussian", "{row:?}");
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
