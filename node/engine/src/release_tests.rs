//! Times at which releases are made and sent: public, whatever is worked on and however long.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lore_privacy::{Budget, Cost, SystemNoise};
use lore_protocol::charter::WindowTerms;
use lore_protocol::identity::SecretKey;
use lore_protocol::ids::{FederationId, RevisionId};
use lore_protocol::payload::{Payload, PayloadKind, Unit, Window};

use crate::{
    Clock, Engine, EngineError, Entropy, Event, Finished, MemoryStorage, NoSessions, Parts,
    Settings, Terms,
};

const DAY: u64 = 86_400;
/// The first second of a period of 90 days.
const BEGIN: u64 = 220 * 90 * DAY;

struct Time(AtomicU64);

impl Clock for Time {
    fn unix_seconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.unix_seconds())
    }
}

struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        Ok(*blake3::hash(&self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes()).as_bytes())
    }
}

struct Founder {
    engine: Engine,
    time: Arc<Time>,
    /// Seconds that the work of every release takes.
    work_seconds: u64,
    /// Work that is being done, with the second at which it ends.
    doing: Option<(u64, Finished)>,
    seen: BTreeSet<lore_protocol::ids::DeltaId>,
}

/// A release, or its void, as others see it: when it came, where, and what it says of its time.
type Seen = (u64, FederationId, PayloadKind, Option<Window>);

impl Founder {
    fn new(work_seconds: u64) -> Self {
        let time = Arc::new(Time(AtomicU64::new(BEGIN + 10)));
        let parts = Parts {
            key: SecretKey::from_seed(&[1; 32]),
            store: Arc::new(MemoryStorage::new()),
            clock: Arc::clone(&time) as _,
            entropy: Arc::new(Counter(AtomicU64::new(0))),
            sessions: Arc::new(NoSessions),
            noise: SystemNoise,
            watch: None,
        };
        let engine = Engine::open(parts, Settings::default()).unwrap();
        Self { engine, time, work_seconds, doing: None, seen: BTreeSet::new() }
    }

    fn found(&mut self, name: &str, epoch_hours: Option<u32>) -> FederationId {
        let terms = Terms {
            name: name.into(),
            epsilon_micros: 4_000_000,
            epoch_hours,
            epochs_per_period: 90,
            topic_words: 0,
            // Two a period, so that one budget has room for both federations of a test.
            lessons_at: epoch_hours.is_none().then(|| vec![1, 2]),
            outcomes_at: None,
            votes_at: epoch_hours.is_none().then(|| vec![1, 2]),
            windows: WindowTerms::default(),
            units: None,
            costs: None,
            members: None,
            scripts: false,
            vouches: None,
            codebook: None,
        };
        self.engine.federation_create(&terms).unwrap().federation
    }

    /// A budget whose first windows take in what was imported from `since_seconds` on.
    fn budget_since(&mut self, since_seconds: u64) -> Result<(), EngineError> {
        let budget = Budget::new(Unit::User, 2_000_000, 500_000_000_000, 90).unwrap();
        self.engine.set_budget_since(budget, Some(since_seconds))
    }

    fn budget(&mut self) {
        let budget = Budget::new(Unit::User, 2_000_000, 500_000_000_000, 90).unwrap();
        self.engine.set_budget(budget).unwrap();
    }

    /// Lets so many seconds pass, in steps, and gives what others saw of releases.
    fn pass(&mut self, seconds: u64, step: u64) -> Vec<Seen> {
        let mut seen = Vec::new();
        for _ in 0..seconds / step {
            let now = self.time.0.fetch_add(step, Ordering::SeqCst) + step;
            if let Some((_, done)) = self.doing.take_if(|(end, _)| now >= *end) {
                self.engine.finish_job(done).unwrap();
            }
            self.engine.handle(Event::Tick).unwrap();
            if let Some(job) = self.engine.take_job() {
                self.doing = Some((now + self.work_seconds, job.run()));
            }
            seen.extend(self.look(now));
        }
        seen
    }

    /// Releases and voids that are new in the logs.
    fn look(&mut self, now: u64) -> Vec<Seen> {
        let mut new = Vec::new();
        for (federation, found) in self.engine.federations() {
            for (id, entry) in found.log().entries() {
                let payload = entry.payload();
                let window = match payload.as_ref() {
                    Payload::Lessons(lessons) => lessons.window,
                    Payload::Outcomes(outcomes) => Some(outcomes.window),
                    Payload::Votes(votes) => Some(votes.window),
                    Payload::Void(_) => None,
                    _ => continue,
                };
                if self.seen.insert(*id) {
                    new.push((now, *federation, payload.kind(), window));
                }
            }
        }
        new.sort_unstable_by_key(|(at, federation, kind, _)| (*at, *federation, *kind));
        new
    }
}

#[test]
fn how_long_the_work_takes_shows_in_no_window_and_in_no_time_of_sending() {
    let watch = |work_seconds| {
        let mut node = Founder::new(work_seconds);
        let federations = ["a", "b"].map(|name| node.found(name, None));
        node.budget();
        node.pass(2 * DAY, 3600);
        for federation in federations {
            node.engine.federation_checkpoint(federation).unwrap();
        }
        let releases = node.pass(4_300, 1);
        (federations, releases)
    };
    let quick = watch(0);
    // Three kinds in each of two federations, all at one public time.
    assert_eq!(quick.1.len(), 6, "{:?}", quick.1);
    let hour = BEGIN + 2 * DAY + 3600;
    for (at, _, _, window) in &quick.1 {
        assert_eq!(*window, Some(Window { start_seconds: BEGIN, end_seconds: hour }));
        assert_eq!(*at, hour + 600);
    }
    assert_eq!(watch(1), quick);
    assert_eq!(watch(90), quick, "six pieces of work of a minute and a half end in time");
}

/// Work that is still being done when the next epoch opens does not push the releases behind it into a later
/// window.
#[test]
fn an_epoch_that_opens_during_the_work_moves_no_window() {
    let watch = |work_seconds: u64| {
        let mut node = Founder::new(work_seconds);
        let federation = node.found("a", None);
        node.budget();
        node.pass(2 * DAY, 3600);
        node.engine.federation_checkpoint(federation).unwrap();
        // Thirty seconds after the window closed, which is one into the slow work.
        let mut seen = node.pass(3_630 - 10, 1);
        node.engine.federation_checkpoint(federation).unwrap();
        seen.extend(node.pass(4_300, 1));
        seen
    };
    let quick = watch(0);
    assert_eq!(quick.len(), 3, "{quick:?}");
    assert_eq!(watch(90), quick);
}

#[test]
fn work_that_ends_without_a_result_is_a_void_at_the_same_time() {
    let mut node = Founder::new(0);
    let federation = node.found("a", None);
    node.budget();
    node.pass(2 * DAY, 3600);
    node.engine.federation_checkpoint(federation).unwrap();
    let mut seen = Vec::new();
    let mut lost = 0;
    for _ in 0..4_300 {
        let now = node.time.0.fetch_add(1, Ordering::SeqCst) + 1;
        node.engine.handle(Event::Tick).unwrap();
        if let Some(job) = node.engine.take_job() {
            lost += 1;
            node.engine.finish_job(job.lost()).unwrap();
        }
        seen.extend(node.look(now));
    }
    let at = BEGIN + 2 * DAY + 3600 + 600;
    assert_eq!(lost, 3);
    assert_eq!(seen, vec![(at, federation, PayloadKind::Void, None); 3]);
    assert!(node.engine.ledger().lifetime().rho_nano > 0, "what was lost stays paid for");
}

#[test]
fn no_founder_makes_a_budget_run_out_by_ending_epochs() {
    let mut node = Founder::new(0);
    let federation = node.found("a", None);
    node.budget();
    for _ in 0..85 {
        node.engine.federation_checkpoint(federation).unwrap();
        assert!(node.pass(1, 1).is_empty());
    }
    assert_eq!(node.engine.ledger().lifetime().rho_nano, 0);
    // A day later there is one of each kind, although epochs of many have passed.
    node.pass(DAY, 3600);
    node.engine.federation_checkpoint(federation).unwrap();
    let kinds: Vec<PayloadKind> =
        node.pass(2 * 3600, 60).into_iter().map(|(_, _, kind, _)| kind).collect();
    assert_eq!(kinds, [PayloadKind::Outcomes, PayloadKind::Votes, PayloadKind::Lessons]);
    node.engine.federation_checkpoint(federation).unwrap();
    assert!(node.pass(2 * 3600, 60).is_empty(), "the next windows had no time to fill");
}

/// The founder sees that a release was paid for, and ends the epoch before it is sent: counts and votes of the epoch
/// that is over are void.
#[test]
fn a_founder_that_ends_epochs_before_releases_are_sent_costs_one_of_a_kind_in_a_window_and_never_more_than_the_budget()
 {
    let mut node = Founder::new(0);
    let federation = node.found("a", None);
    node.budget();
    let mut voids = 0;
    // Longer than two periods of the wall clock, and through many periods of the charter.
    for day in 0..200 {
        // Epochs by the dozen bring no release nearer.
        for _ in 0..5 {
            node.engine.federation_checkpoint(federation).unwrap();
        }
        for step in 0..144 {
            let seen = node.pass(600, 600);
            voids += seen.iter().filter(|(_, _, kind, _)| *kind == PayloadKind::Void).count();
            let is_unsent = |state| matches!(state, "reserved" | "sampled");
            if node.engine.ledger().releases().any(|(_, state)| is_unsent(state)) {
                // Another library, so that counts of the one before are of an epoch that is over.
                let revision = RevisionId([day, step].repeat(16).try_into().unwrap());
                node.engine.withdraw_revision(federation, revision).unwrap();
                node.engine.federation_checkpoint(federation).unwrap();
            }
        }
        assert!(day < 5 || voids > 0, "the attack works");
    }
    let ledger = node.engine.ledger();
    let budget = ledger.budget().unwrap();
    let least = u64::from(WindowTerms::default().least_seconds);
    let mut last = BTreeMap::new();
    let mut spent: BTreeMap<u64, Cost> = BTreeMap::new();
    let mut paid = 0;
    for (reservation, _) in ledger.releases() {
        let end = reservation.window.end_seconds;
        let before = last.insert(reservation.kind, end).unwrap_or(BEGIN);
        assert!(end >= before + least, "{:?}: {end} after {before}", reservation.kind);
        let period = reservation.wall_period(budget.period_seconds()).unwrap();
        let sum = spent.entry(period).or_default();
        sum.rho_nano += reservation.cost().rho_nano;
        sum.delta_e18 += reservation.cost().delta_e18;
        paid += 1;
    }
    assert!(voids > 0 && voids <= paid, "{voids} voids of {paid} releases");
    assert!(spent.len() > 1, "more than one period of the wall clock: {spent:?}");
    for sum in spent.values() {
        assert!(sum.rho_nano <= budget.rho_nano, "{sum:?}");
        assert!(sum.delta_e18 <= budget.delta_thr_e18, "{sum:?}");
    }
}

#[test]
fn by_default_lessons_are_released_for_early_and_late_members_and_never_with_the_budget() {
    for days_before_the_budget in [0, 3, 40, 80] {
        let mut node = Founder::new(0);
        node.found("a", Some(24));
        let before = node.pass(days_before_the_budget * DAY, 1_800);
        assert!(before.is_empty(), "no budget, no release");
        node.budget();
        assert!(node.engine.take_job().is_none(), "an empty node pays for nothing at once");
        let planned = node.engine.planned();
        let lessons = planned.iter().find(|one| one.kind == PayloadKind::Lessons).unwrap();
        let about = lessons.about_seconds.unwrap();
        let seen = node.pass(10 * DAY, 1_800);
        let lessons: Vec<&Seen> =
            seen.iter().filter(|(_, _, kind, _)| *kind == PayloadKind::Lessons).collect();
        let [(at, _, _, Some(window))] = lessons[..] else {
            panic!("after {days_before_the_budget} days: {seen:?}")
        };
        assert!(about.abs_diff(*at) <= 2 * 3600, "it was announced for {about} and came at {at}");
        // What was imported of this period before the budget was set is in its window.
        assert!(window.start_seconds <= BEGIN + days_before_the_budget * DAY + 10);
        assert!(window.end_seconds - window.start_seconds >= DAY);
    }
}

/// Sessions from before the budget count when the owner says so, by whole periods and once.
#[test]
fn a_first_window_begins_at_the_date_that_the_owner_names() {
    let first = |since: u64| {
        let mut founder = Founder::new(0);
        founder.found("guild", Some(24));
        founder.budget_since(since).unwrap();
        let seen = founder.pass(3 * DAY, 600);
        let outcomes = seen.iter().filter(|(_, _, kind, _)| *kind == PayloadKind::Outcomes);
        outcomes.map(|(_, _, _, window)| window.unwrap()).next().unwrap()
    };
    // Within the open period, which began ten seconds before the node did.
    assert_eq!(first(BEGIN + 5).start_seconds, BEGIN + 5);
    // Before it: the rest of that period, charged to it.
    let old = first(BEGIN - 40 * DAY);
    assert_eq!((old.start_seconds, old.end_seconds), (BEGIN - 40 * DAY, BEGIN));
    // Longer ago than one period: one period.
    assert_eq!(first(BEGIN - 200 * DAY).start_seconds, BEGIN - 90 * DAY);

    let mut founder = Founder::new(0);
    let error = founder.budget_since(BEGIN + DAY).unwrap_err();
    assert!(error.to_string().contains("a date that has passed"), "{error}");
}
