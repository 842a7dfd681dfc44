use super::*;
use crate::scenario::Burst;

fn network(plan: NetworkPlan) -> Network {
    Network::new(plan, 4, Streams::new(1))
}

fn constant(loss_ppm: u32, duplicate_ppm: u32, jitter_micros: u64) -> NetworkPlan {
    NetworkPlan { jitter_micros, loss_ppm, duplicate_ppm, ..NetworkPlan::constant(100) }
}

#[test]
fn a_clean_link_delivers_once_after_its_latency() {
    let mut network = network(constant(0, 0, 0));
    assert_eq!(network.send(7, 0, 1, 10).into_iter().collect::<Vec<_>>(), [107]);
    assert_eq!(network.traffic().bytes, 10);
}

#[test]
fn loss_and_duplication_happen_as_often_as_they_should() {
    let mut network = network(constant(200_000, 100_000, 50));
    let arrived: usize =
        (0..10_000).map(|now| network.send(now, 0, 1, 1).into_iter().count()).sum();
    let traffic = network.traffic();
    // Standard deviations: 40 losses, 27 duplicates.
    assert!((1_800..2_200).contains(&traffic.lost), "{traffic:?}");
    assert!((665..935).contains(&traffic.doubled), "{traffic:?}");
    assert_eq!(arrived as u64, traffic.sent - traffic.lost + traffic.doubled);
}

#[test]
fn jitter_reorders() {
    let mut network = network(constant(0, 0, 1_000));
    let times: Vec<Micros> = (0..100).flat_map(|now| network.send(now, 0, 1, 1)).collect();
    assert!(times.windows(2).any(|pair| pair[0] > pair[1]));
    assert!(times.iter().zip(0..).all(|(at, sent)| (sent + 100..=sent + 1_100).contains(at)));
}

#[test]
fn a_partition_cuts_across_and_not_within_and_ends() {
    let mut network = network(constant(0, 0, 0));
    network.add_partition(Partition {
        from: 1_000,
        until: 2_000,
        side: vec![false, false, true, true],
        one_way: false,
    });
    let arrives = |network: &mut Network, now, to| network.send(now, 0, to, 1).into_iter().count();
    assert_eq!(arrives(&mut network, 1_500, 1), 1);
    assert_eq!(arrives(&mut network, 1_500, 2), 0);
    assert_eq!(arrives(&mut network, 950, 2), 0, "in flight when the cut comes");
    assert_eq!(arrives(&mut network, 1_950, 2), 0, "sent before the heal");
    assert_eq!(arrives(&mut network, 2_000, 2), 1);
    assert_eq!(network.traffic().cut, 3);
}

#[test]
fn latency_on_the_plane_is_symmetric_and_within_its_span() {
    let network = network(NetworkPlan {
        latency: Latency::Plane { min_micros: 5_000, span_micros: 100_000 },
        ..constant(0, 0, 0)
    });
    for (a, b) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
        assert_eq!(network.latency(a, b), network.latency(b, a));
        assert!((5_000..=105_000).contains(&network.latency(a, b)));
    }
    assert_eq!(network.latency(1, 1), 5_000);
}

fn count(network: &mut Network, now: Micros, from: usize, to: usize) -> usize {
    network.send(now, from, to, 1).into_iter().count()
}

#[test]
fn a_one_way_partition_takes_one_direction() {
    let mut network = network(constant(0, 0, 0));
    let side = vec![false, false, true, true];
    network.add_partition(Partition { from: 1_000, until: 2_000, side, one_way: true });
    assert_eq!(count(&mut network, 1_500, 0, 2), 1, "it still hears");
    assert_eq!(count(&mut network, 1_500, 2, 0), 0, "and is not heard");
    assert_eq!(count(&mut network, 1_500, 2, 3), 1);
}

#[test]
fn bursts_lose_as_much_as_their_chain_says_and_in_runs() {
    let burst = Burst { enter_ppm: 20_000, leave_ppm: 180_000, loss_ppm: 1_000_000 };
    let mut network = network(NetworkPlan { burst: Some(burst), ..constant(0, 0, 0) });
    let arrived: Vec<usize> = (0..50_000).map(|now| count(&mut network, now, 0, 1)).collect();
    let lost = arrived.iter().filter(|count| **count == 0).count();
    // A tenth of the time is bad. A run of losses is 5.6 messages long: 900 runs, each within a factor.
    assert!((4_200..5_800).contains(&lost), "{lost}");
    let runs = arrived.windows(2).filter(|pair| pair[0] == 1 && pair[1] == 0).count();
    assert!((700..1_100).contains(&runs), "independent losses would come in 4,500 runs: {runs}");
    assert_eq!(
        count(&mut network, 0, 1, 0) + count(&mut network, 0, 1, 0),
        2,
        "the way back is good"
    );
    network.heal();
    assert!((0..1_000).all(|now| count(&mut network, now, 0, 1) == 1));
}

#[test]
fn a_link_carries_one_message_after_the_other() {
    let plan = NetworkPlan { bytes_per_second: Some(1_000_000), ..constant(0, 0, 0) };
    let mut network = network(plan);
    let mut arrives = |now, to| network.send(now, 0, to, 500).into_iter().next();
    // Half a millisecond each; another link is free.
    assert_eq!(arrives(0, 1), Some(600));
    assert_eq!(arrives(0, 1), Some(1_100));
    assert_eq!(arrives(0, 2), Some(600));
    assert_eq!(arrives(5_000, 1), Some(5_600));
    assert_eq!(network.traffic().queued, 1);
}

#[test]
fn what_is_held_back_is_overtaken() {
    let plan = NetworkPlan { reorder_ppm: 100_000, reorder_micros: 5_000, ..constant(0, 0, 0) };
    let mut network = network(plan);
    let times: Vec<Micros> = (0..1_000).flat_map(|now| network.send(now, 0, 1, 1)).collect();
    let held = times.iter().zip(0..).filter(|(at, sent)| **at == sent + 5_100).count();
    assert_eq!(held as u64, network.traffic().held_back);
    assert!((50..150).contains(&held), "{held}");
}

#[test]
fn two_nodes_behind_translators_cannot_connect_and_the_founder_always_can() {
    let plan = NetworkPlan { nat_ppm: 1_000_000, ..constant(0, 0, 0) };
    let network = network(plan);
    assert!(network.can_connect(0, 1) && network.can_connect(2, 0));
    assert!(!network.can_connect(1, 2));
}

#[test]
fn latencies_of_pairs_are_uniform_and_the_same_in_both_directions() {
    let latency = Latency::Uniform { min_micros: 10_000, span_micros: 40_000 };
    let plan = NetworkPlan { latency, ..NetworkPlan::constant(0) };
    let network = Network::new(plan, 100, Streams::new(1));
    let (mut sum, mut count, mut short) = (0, 0, 0);
    for from in 0..100 {
        for to in 0..from {
            let one = network.latency(from, to);
            assert_eq!(one, network.latency(to, from));
            assert!((10_000..=50_000).contains(&one), "{one}");
            sum += one;
            count += 1;
            short += u64::from(one < 20_000);
        }
    }
    assert!((29_500..30_500).contains(&(sum / count)), "{}", sum / count);
    // A quarter of 4,950 pairs, with a standard deviation of 30.
    assert!((1_100..1_375).contains(&short), "{short}");
    let other = Network::new(plan, 100, Streams::new(2));
    assert_ne!(network.latency(1, 2), other.latency(1, 2));
}
