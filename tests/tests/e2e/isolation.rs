//! Two federations on one network, with a node that is in both: nothing of one is seen in the other.

use lore_protocol::sync::Ask;
use lore_protocol::wire::{Reply, Request};
use lore_tests::files::bytes_below;
use lore_tests::log::exported;
use lore_tests::member::{Identity, Member};
use lore_tests::needles::Needles;
use lore_tests::wait::{PATIENCE, wait_until};
use lore_tests::{Cluster, Node};

/// One of the two, as its founder and the node in both see it.
struct Side {
    name: &'static str,
    founder: Node,
    /// A member of this federation alone that notes every frame it is sent.
    listener: Member,
    /// Texts that were shared in it.
    lessons: [String; 2],
}

fn lessons(name: &str) -> [String; 2] {
    ["first", "second"].map(|which| format!("http://127.0.0.1:8123/canary-{name}-{which}/"))
}

fn share(node: &Node, name: &str, lesson: &str) {
    node.share(&format!("fetch {lesson}<arg> -o <out>"), "invoice", &["--federation", name]);
}

impl Side {
    /// Founds a federation, lets the shared node in, and a listener.
    fn found(cluster: &Cluster, name: &'static str, both: &Node, seed: u8) -> Self {
        let mut founder = cluster.node(&format!("founder-of-{name}"));
        founder.start_with(&["--record-frames", frames(cluster, name).to_str().unwrap()]);
        founder.json(&["federation", "create", name]);
        founder.admit(both);
        let identity = Identity::join(&founder, &founder.invitation(&[]), seed);
        founder.checkpoint();
        wait_until("the node in both is on the roster", PATIENCE, || {
            (both.federation_named(name)["members"] == 3).then_some(())
        });
        // It listens to the node in both, which is where a leak would be.
        let listener = identity.connect(both);
        listener.peer.enter(identity.federation());
        Self { name, founder, listener, lessons: lessons(name) }
    }

    /// Everything that names this federation's content or members, from its log.
    fn needles(&self, cluster: &Cluster) -> Needles {
        let directory = cluster.path().join(format!("log-of-{}", self.name));
        let log = exported(&self.founder, &directory, &[]).log;
        let mut needles = Needles::default();
        needles.bytes("the federation's id", log.federation().as_bytes());
        for (id, entry) in log.entries() {
            needles.id("delta", &id.0);
            needles.id("member", &entry.chain.0);
        }
        self.lessons.iter().for_each(|lesson| needles.text(lesson));
        assert!(needles.len() >= 1 + 4 * 9 + 2, "joins, vouches, lessons, checkpoints");
        needles
    }

    /// All that this side, and nobody else, was told or holds.
    fn seen(&self, cluster: &Cluster, both: &Node) -> Vec<(&'static str, Vec<u8>)> {
        let path = |what: &str| cluster.path().join(format!("{what}-of-{}", self.name));
        let skills = path("skills");
        self.founder.approve_waiting();
        self.founder.json(&["skill", "export", "--dir", skills.to_str().unwrap()]);
        let theirs = path("log-by-both");
        let _ = exported(both, &theirs, &["--federation", self.name]);
        vec![
            ("the founder's log", bytes_below(&path("log"))),
            ("the log exported by the node in both", bytes_below(&theirs)),
            ("frames that the founder sent", bytes_below(&frames(cluster, self.name))),
            ("frames that a member got", self.listener.received().concat()),
            ("the founder's home", bytes_below(self.founder.home())),
            ("exported skills", bytes_below(&skills)),
        ]
    }

    fn is_refused_elsewhere(&mut self, other: &Self) {
        let federation = other.listener.log.federation();
        let ask = Ask::Missing { frontiers: Vec::new(), wants: Vec::new() };
        for request in [Request::Sync { federation, ask }, Request::Peers { federation }] {
            let reply = self.listener.peer.ask(&request);
            assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
        }
    }
}

fn frames(cluster: &Cluster, name: &str) -> std::path::PathBuf {
    cluster.path().join(format!("frames-of-{name}"))
}

#[test]
fn nothing_of_one_federation_is_seen_in_another_that_shares_a_member() {
    let cluster = Cluster::of(3);
    let mut both = cluster.running("both");
    let mut sides =
        [("guild", 30), ("union", 31)].map(|(name, seed)| Side::found(&cluster, name, &both, seed));
    for side in &mut sides {
        side.founder.stop();
        share(&side.founder, side.name, &side.lessons[0]);
        let frames = frames(&cluster, side.name);
        side.founder.start_with(&["--record-frames", frames.to_str().unwrap()]);
    }
    both.stop();
    for side in &sides {
        share(&both, side.name, &side.lessons[1]);
    }
    both.start();
    for side in &mut sides {
        wait_until("both lessons are on both nodes", PATIENCE, || {
            let there = |node: &Node| node.federation_named(side.name)["lessons"] == 2;
            (there(&both) && there(&side.founder)).then_some(())
        });
        side.founder.checkpoint();
        wait_until("the node in both has the checkpoint", PATIENCE, || {
            let digest = |node: &Node| node.federation_named(side.name)["digest"].clone();
            (digest(&both) == digest(&side.founder)).then_some(())
        });
        side.listener.sync();
        assert_eq!(side.listener.log.len() as u64, both.federation_named(side.name)["deltas"]);
    }
    let [guild, union] = &mut sides;
    guild.is_refused_elsewhere(union);
    union.is_refused_elsewhere(guild);

    for (here, there) in [(&*guild, &*union), (&*union, &*guild)] {
        let (own, foreign) = (here.needles(&cluster), there.needles(&cluster));
        let seen = here.seen(&cluster, &both);
        for (what, bytes) in &seen {
            assert!(bytes.len() > 500, "{what} is there: {} bytes", bytes.len());
            assert_eq!(foreign.found_in(bytes), Vec::<&str>::new(), "{what} of {}", here.name);
        }
        // The same search finds all of its own: every id is somewhere in what this side has seen.
        let all: Vec<u8> = seen.into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(own.found_in(&all).len(), own.len(), "the search is blind");
    }
}
