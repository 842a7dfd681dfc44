//! A federation outlives its founder: several signers, and a new home in the place of a lost one.

use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

fn member(node: &Node) -> String {
    node.federation()["member"].as_str().unwrap().to_owned()
}

fn epoch(node: &Node) -> u64 {
    node.federation()["epoch"].as_u64().unwrap()
}

fn reaches(node: &Node, least: u64) {
    wait_until("the epoch ends everywhere", PATIENCE, || (epoch(node) >= least).then_some(()));
}

#[test]
fn three_of_four_signers_go_on_without_the_founder_and_replace_it() {
    let cluster = Cluster::of(5);
    let mut ada = cluster.running("ada");
    let others = ["ben", "cleo", "dan", "eve"].map(|name| cluster.running(name));
    ada.json(&["federation", "create", "guild"]);
    for node in &others {
        ada.admit(node);
    }
    ada.checkpoint();
    let all: Vec<&Node> = others.iter().chain([&ada]).collect();
    converged(&all);

    let [ben, cleo, dan, eve] = &others;
    let founder = member(&ada);
    let mut add = vec!["federation", "signers"];
    let ids = [ben, cleo, dan].map(member);
    for id in &ids {
        add.extend(["--add", id]);
    }
    assert_eq!(ada.json(&add)["needed"], 1, "the founder alone decides until then");
    ada.checkpoint();
    converged(&all);
    let signing = ben.json(&["federation", "signers"]);
    assert_eq!(signing["signers"].as_array().unwrap().len(), 4);
    assert_eq!((&signing["needed"], &signing["may_be_lost"]), (&3.into(), &1.into()));
    let refused = eve.run(&["federation", "checkpoint"]);
    assert!(refused.stderr.contains("lore federation signers"), "{refused:?}");

    // One asks; the nodes of the others agree by themselves.
    for node in &others {
        wait_until("the members found each other", PATIENCE, || {
            let peers = node.json(&["peers"]);
            (peers["connected"].as_array().unwrap().len() == 4).then_some(())
        });
    }
    ada.stop();
    let before = epoch(eve);
    let ended = cleo.json(&["federation", "checkpoint"]);
    assert_eq!((&ended["sealed"], &ended["needed"]), (&false.into(), &3.into()), "{ended}");
    others.iter().for_each(|node| reaches(node, before + 1));

    for node in [ben, cleo, dan] {
        node.json(&["federation", "signers", "--remove", &founder]);
    }
    converged(&[ben, cleo, dan, eve]);
    dan.json(&["federation", "checkpoint"]);
    others.iter().for_each(|node| reaches(node, before + 2));
    let signing = eve.json(&["federation", "signers"]);
    assert!(!signing["signers"].as_array().unwrap().contains(&founder.clone().into()), "{signing}");
    assert_eq!(signing["signers"].as_array().unwrap().len(), 3);
}

#[test]
fn a_new_home_with_the_recovery_secret_takes_the_place_of_a_lost_founder() {
    let cluster = Cluster::of(3);
    let mut ada = cluster.running("ada");
    let ben = cluster.running("ben");
    let created = ada.json(&["federation", "create", "guild"]);
    let secret = cluster.path().join("recovery.txt");
    std::fs::write(&secret, created["recovery_secret"].as_str().unwrap()).unwrap();
    ada.admit(&ben);
    ada.checkpoint();
    converged(&[&ada, &ben]);
    let founder = member(&ada);
    ada.stop();

    let new = cluster.running("ada-again");
    let line = ben.invitation(&[]);
    let wrong = cluster.path().join("wrong.txt");
    std::fs::write(&wrong, "7".repeat(64)).unwrap();
    let recover = |file: &str| {
        let args = ["federation", "recover", &line, "--secret-file", file, "--yes", "--json"];
        new.run(&args)
    };
    let refused = recover(&wrong.display().to_string());
    assert!(refused.stderr.contains("no member of a federation"), "{refused:?}");
    let done = recover(&secret.display().to_string());
    assert_eq!(done.value()["member"], founder, "{done:?}");

    converged(&[&ben, &new]);
    assert_eq!(member(&new), founder);
    let before = epoch(&ben);
    wait_until("the new home may sign", PATIENCE, || {
        let ended = new.run(&["federation", "checkpoint", "--json"]);
        ended.stdout.contains("\"sealed\":true").then_some(())
    });
    reaches(&ben, before + 1);
    converged(&[&ben, &new]);

    // The old home comes back, is told, and changes nothing.
    ada.start();
    wait_until("the old home is told", PATIENCE, || {
        ada.federation()["problems"].to_string().contains("removed").then_some(())
    });
    let (epoch_now, root) = (epoch(&ben), ben.federation()["root"].clone());
    assert_eq!(ada.json(&["federation", "checkpoint"])["sealed"], true, "in its own log alone");
    new.checkpoint();
    converged(&[&ben, &new]);
    assert_eq!(epoch(&ben), epoch_now + 1);
    assert_eq!(ben.federation()["split"], false);
    assert_eq!(ben.federation()["root"], root);
}
