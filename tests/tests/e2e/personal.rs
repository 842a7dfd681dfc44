//! A node of one person: it only receives, until that person says otherwise; then everybody decodes its
//! answers from the same public records.

use lore_protocol::payload::{Noise, Payload, PayloadKind, Unit, WEIGHT};
use lore_tests::log::exported;
use lore_tests::node::converged;
use lore_tests::sessions::{learnt, write};
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};
use serde_json::Value;

fn releases(node: &Node) -> Vec<Value> {
    node.json(&["privacy", "explain"])["releases"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_persons_votes_and_outcomes_are_local_dp_charged_each_time_and_read_alike_by_every_node() {
    let cluster = Cluster::of(3);
    let mut ada = cluster.running("ada");
    let [ben, cleo] = ["ben", "cleo"].map(|name| cluster.running(name));
    ada.found(&["guild", "--lessons-at", "3", "--outcomes-at", "3", "--votes-at", "3,4"]);
    let file = cluster.path().join("one.jsonl");
    let right = "fetch http://127.0.0.1:8123/v2/41 -o a.txt";
    let task = "Fetch invoice 41 and save it as a.txt.";
    write(&file, &[learnt("one", task, "fetch http://127.0.0.1:8080/inv/41 -o a.txt", right)]);
    ben.json(&["session", "import", file.to_str().unwrap(), "--user", "ben"]);

    let refused = ben.error(&["privacy", "set", "--epsilon", "4", "--yes"]);
    assert_eq!((&refused["kind"], &refused["exit"]), (&"one_user".into(), &3.into()));
    assert!(refused["message"].as_str().unwrap().contains("only receives"), "{refused}");
    assert!(refused["help"].as_str().unwrap().contains("--unit personal"), "{refused}");
    for other in [&ben, &cleo] {
        ada.admit(other);
    }
    ada.checkpoint();
    ada.share_and_restart("fetch http://127.0.0.1:8123/v2/<arg> -o <out>", "invoice");
    converged(&[&ada, &ben, &cleo]);
    let status = ben.json(&["privacy", "set", "--epsilon", "4", "--unit", "personal", "--yes"]);
    assert_eq!(status["unit"], "personal");
    for wanted in [2, 3] {
        ada.checkpoint();
        wait_until("the person's answers are out", PATIENCE, || {
            let made = releases(&ben);
            let out = made.len() == wanted && made.iter().all(|r| r["state"] == "committed");
            out.then_some(())
        });
        converged(&[&ada, &ben, &cleo]);
    }

    // One vote moves two candidates when it is replaced, and its outcomes twice as many cells.
    let log = exported(&cleo, &cluster.path().join("log"), &[]);
    let payloads: Vec<Payload> =
        log.deltas.iter().map(|delta| delta.clone().sound().unwrap().payload).collect();
    let personal: Vec<_> = payloads
        .iter()
        .filter_map(|payload| Some((payload.kind(), *payload.mechanism()?)))
        .collect();
    let of = |kind| personal.iter().filter(move |(k, _)| *k == kind).map(|(_, m)| *m);
    assert!(personal.iter().all(|(_, mechanism)| mechanism.unit == Unit::Personal));
    assert_eq!(of(PayloadKind::Lessons).count(), 0, "persons vote, they do not discover");
    let outcomes: Vec<_> = of(PayloadKind::Outcomes).collect();
    let votes: Vec<_> = of(PayloadKind::Votes).collect();
    assert_eq!((outcomes.len(), votes.len()), (1, 2));
    assert_eq!((outcomes[0].l0, outcomes[0].linf), (6, 1));
    for vote in &votes {
        // Two votes a period are few: discrete Laplace noise with b = 2 / epsilon.
        assert_eq!((vote.noise, vote.l0, vote.linf), (Noise::Laplace, 2, WEIGHT));
        let epsilon = 2.0 * f64::from(WEIGHT) / (vote.scale_micros as f64 / 1e6);
        assert!(vote.rho_nano as f64 / 1e9 >= epsilon * epsilon / 2.0 - 1e-9, "{vote:?}");
    }
    for payload in &payloads {
        let Payload::Votes(votes) = payload else { continue };
        let candidates = 1 + lore_lessons::codebook().entries().len();
        assert_eq!(votes.votes.len(), candidates, "each has an answer, voted for or not");
    }

    // Both votes are on one candidate: each is charged, and the chain says so to everybody.
    let paid: u64 = outcomes.iter().chain(&votes).map(|mechanism| mechanism.rho_nano).sum();
    let signed = log.deltas.iter().map(|delta| delta.header.spend.rho_nano).max();
    assert_eq!(signed, Some(paid));
    assert_eq!(ben.json(&["privacy", "status"])["spent"]["rho_nano"].as_u64(), Some(paid));

    // What the votes come to is read off the records, by members and by who only has the files.
    let roots = [&ada, &ben, &cleo].map(Node::root);
    let directory = cluster.path().join("log");
    let refolded = ada.json(&["federation", "refold", directory.to_str().unwrap(), "--seed", "7"]);
    assert!(roots.iter().all(|root| refolded["root"] == root.as_str()), "{roots:?} {refolded}");
}
