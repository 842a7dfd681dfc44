#![allow(clippy::unwrap_used)]
use std::path::Path;

use super::*;

const TASK: Task =
    Task { nodes: 50, rounds: 20, measured_every: 20, lambda: 0.01, degree: None, loss_ppm: 0 };

fn data(seed: u64) -> Data {
    Data::made_up(50, 20, 58, seed)
}

/// The shipped scenario, smaller and with other settings; tables lie below the directory.
fn with(changes: &[(&str, &str)], directory: &Path) -> Result<Learning, LearningError> {
    let mut text =
        SHIPPED.1.replace("nodes = 100", "nodes = 6").replace("rounds = 100", "rounds = 7");
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Learning::parse(&text, directory)
}

const MADE_UP: &str = "samples = 40\ndimensions = 58";

#[test]
fn models_that_walk_come_to_what_one_model_of_all_data_knows() {
    let learnt = run(TASK, &data(1), 1, || ());
    assert_eq!(learnt.updates, 50 * 20);
    assert_eq!(control(TASK, &data(1)), learnt.updates);
    let [(0, first), (20, last)] = learnt.accuracy[..] else { panic!("{learnt:?}") };
    // The best rule of all is right 0.92 of the time: the centres overlap, and labels are turned over.
    assert!(first < 0.78 && (0.85..0.93).contains(&last), "{learnt:?}");
    assert!(last > learnt.central && learnt.central > first, "{learnt:?}");
    assert_eq!(run(TASK, &data(1), 1, || ()), learnt);
    assert_ne!(run(TASK, &data(1), 2, || ()).trace, learnt.trace);
}

#[test]
fn lost_models_slow_it_down_and_break_nothing() {
    let learnt = run(Task { loss_ppm: 500_000, ..TASK }, &data(1), 1, || ());
    assert!((400..600).contains(&learnt.updates), "{}", learnt.updates);
    assert!(learnt.accuracy[1].1 > 0.84, "{learnt:?}");
}

#[test]
fn models_stay_within_the_graph() {
    let streams = Streams::new(1);
    let peers = Peers::new(Task { degree: Some(4), ..TASK }, streams);
    let overlay = Overlay::regular(50, 4, streams).unwrap();
    let mut stream = streams.stream(WHOLE, Purpose::Peers);
    for draw in 0..500 {
        let (from, to) = (draw % 50, peers.draw(draw % 50, &mut stream));
        assert!(overlay.neighbours(from).any(|neighbour| neighbour == to), "{from} to {to}");
    }
    assert!(run(Task { degree: Some(4), ..TASK }, &data(1), 1, || ()).last() > 0.84);
}

#[test]
fn the_shipped_scenario_has_one_outcome_for_a_seed() {
    let learning = Learning::parse(SHIPPED.1, Path::new(".")).unwrap();
    assert_eq!(learning.name, SHIPPED.0);
    let small = with(&[], Path::new(".")).unwrap();
    let learnt = small.run(1, || ()).unwrap();
    assert_eq!((learnt.updates, learnt.accuracy.len()), (42, 2));
    // A change of this hash is a change of the arithmetic or of the random numbers.
    assert_eq!(learnt.trace, "6e3f7069f561b0e6077990cff56c8a25f74c5876678a89cf77ddd2cfe7266532");
    assert_eq!(learnt, small.run(1, || ()).unwrap());
    assert_eq!(learnt.metrics().len(), 5);
}

#[test]
fn samples_that_were_written_and_read_give_the_same_run() {
    let directory = tempfile::tempdir().unwrap();
    let made_up = with(&[], directory.path()).unwrap();
    let csv = made_up.data(3).unwrap().to_csv();
    std::fs::write(directory.path().join("s.csv"), csv).unwrap();
    let read = with(&[(MADE_UP, "table = \"s.csv\"")], directory.path()).unwrap();
    assert_eq!(read.data(3).unwrap(), made_up.data(3).unwrap());
    assert_eq!(read.run(3, || ()).unwrap(), made_up.run(3, || ()).unwrap());
    assert!(made_up.inputs().is_empty() && read.inputs().len() == 64);
    let error =
        with(&[(MADE_UP, "table = \"s.csv\""), ("nodes = 6", "nodes = 5")], directory.path());
    assert!(error.unwrap_err().to_string().contains("`node` is `5`; it must be from 0 to 4"));
}

#[test]
fn without_a_column_of_nodes_a_fifth_is_held_out_and_the_rest_dealt() {
    let rows: String =
        (0..20).map(|row| format!("{row},{}\n", if row % 2 == 0 { 1 } else { -1 })).collect();
    let samples = Samples::from_csv(format!("x,label\n{rows}").as_bytes()).unwrap();
    let dealt = samples.deal(4, 1).unwrap();
    assert_eq!((dealt.sizes(), dealt.dimensions()), ((16, 4), 1));
    assert!(dealt.by_node.iter().all(|samples| samples.len() == 4));
    assert_eq!(dealt, samples.deal(4, 1).unwrap());
    assert_ne!(dealt, samples.deal(4, 2).unwrap());
    assert!(samples.deal(17, 1).unwrap_err().to_string().contains("node 16 has no samples"));
}

#[test]
fn wrong_tables_are_refused_with_their_row() {
    for (csv, message) in [
        ("x,y\n1,1\n", "no column `label`"),
        ("label,node\n1,0\n", "no column of numbers"),
        ("label,x\n1,2\n0,2\n", "row 2: `label` is 0; it must be 1 or -1"),
        ("label,x\n1,NaN\n", "`x` is `NaN`, not a number"),
        ("label,x\n1,2,3\n", "row 1"),
    ] {
        let error = Samples::from_csv(csv.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(Samples::from_csv(b"label,x\n").unwrap().deal(2, 1).is_err());
}

#[test]
fn values_without_sense_are_named_with_what_is_allowed() {
    for (from, to, key) in [
        ("nodes = 6", "nodes = 1", "`nodes` is 1, but must be from 2"),
        ("nodes = 6", "nodes = 7\ndegree = 3", "`degree` is 3, but must be even"),
        ("rounds = 7", "rounds = 0", "`rounds`"),
        ("lambda = 0.01", "lambda = nan", "`lambda`"),
        ("seed = 1", "loss = 0.95", "`loss`"),
        ("seed = 1", "table = \"s.csv\"", "`table`"),
        ("samples = 40\n", "", "`table` is missing"),
        ("\"learning\"", "\"lerning\"", "`world` is lerning"),
        ("rounds = 7", "runds = 7", "runds"),
        (MADE_UP, "table = \"none.csv\"", "cannot read the samples"),
    ] {
        let error = with(&[(from, to)], Path::new("/nonexistent")).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn the_template_is_a_scenario_with_every_key() {
    let template = include_str!("../../templates/learning.toml");
    Learning::parse(template, Path::new(".")).unwrap();
    for key in ["degree", "table"] {
        assert!(template.contains(&format!("# {key} = ")), "{key}");
    }
}
