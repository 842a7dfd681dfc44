//! Where the charter wants two voices, one member alone lets nobody in, and nobody reads before two have vouched.

use lore_tests::Cluster;
use lore_tests::node::converged;
use lore_tests::wait::{PATIENCE, wait_until};

#[test]
fn a_newcomer_waits_for_a_second_voice_and_the_first_one_is_given_again() {
    let cluster = Cluster::of(4);
    let ada = cluster.running("ada");
    let (ben, cleo) = (cluster.running("ben"), cluster.running("cleo"));
    let late = cluster.running("late");
    let lone = ada.error(&["federation", "create", "guild", "--vouches", "1"]);
    assert_eq!(lone["exit"], 2, "{lone}");
    ada.json(&["federation", "create", "guild", "--vouches", "2"]);
    ada.admit(&ben);
    ada.admit(&cleo);
    ada.checkpoint();
    converged(&[&ada, &ben, &cleo]);

    let joined = late.json(&["federation", "join", &ben.invitation(&[]), "--yes"]);
    assert_eq!(joined["vouches"], 2, "{joined}");
    let newcomer = joined["member"].as_str().unwrap();
    let short = &newcomer[..8];
    let asking = || cleo.json(&["federation", "show"])["asking"][0].clone();
    let waits = |voices: u64, vouchers: usize| {
        let what = format!("{voices} voices of {vouchers} members vouch");
        wait_until(&what, PATIENCE, || {
            let one = asking();
            let said = one["vouchers"].as_array().map_or(0, Vec::len);
            (one["member"] == newcomer && one["voices"] == voices && said == vouchers)
                .then(|| assert_eq!(one["needed"], 2))
        });
    };
    waits(1, 1);
    let twice = ben.error(&["federation", "vouch", "guild", short, "--yes"]);
    assert_eq!((&twice["kind"], &twice["exit"]), (&"usage".into(), &2.into()), "{twice}");

    // An epoch ends without a second voice: nobody is admitted, and the inviter's node vouches again.
    let roster = || ada.json(&["federation", "show"])["members"].to_string();
    ada.checkpoint();
    assert!(!roster().contains(newcomer));
    converged(&[&ada, &ben, &cleo]);
    waits(1, 1);
    assert_eq!(late.federation()["deltas"], 0, "it is served nothing");

    let vouch = ["federation", "vouch", "guild", short];
    let error = cleo.error(&vouch);
    assert_eq!((&error["kind"], &error["exit"]), (&"not_agreed".into(), &3.into()));
    let done = cleo.json(&[&vouch[..], &["--yes"]].concat());
    assert_eq!((&done["asking"]["voices"], &done["asking"]["enough"]), (&2.into(), &true.into()));
    converged(&[&ada, &ben, &cleo]);
    ada.checkpoint();
    assert!(roster().contains(newcomer));
    converged(&[&ada, &ben, &cleo, &late]);
    assert_eq!(late.federation()["member"], newcomer);
    assert_eq!(ada.json(&["federation", "show"])["asking"].as_array().unwrap().len(), 0);
    let nobody = cleo.error(&[&vouch[..], &["--yes"]].concat());
    assert_eq!(nobody["exit"], 2, "{nobody}");
}
