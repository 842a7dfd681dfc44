//! Devices in one process: an invented network carries their effects.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lore_lessons::{Circle, Entry, Tally};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op, Token, Trigger};
use lore_protocol::library::LessonState;
use proptest::prelude::*;

use super::*;
use crate::MemoryStorage;

/// The user's pseudonym on every device of the tests.
pub(super) const UNIT: &str = "unit";
/// The answer to a stranger, encoded.
pub(super) const STRANGER: &[u8] = &[0];

#[derive(Default)]
pub(super) struct Time(AtomicU64);

impl Time {
    pub(super) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Time {
    fn unix_seconds(&self) -> u64 {
        1_000_000 + self.0.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Different bytes at every call, and at every device.
struct Counting(u8, AtomicU64);

impl Entropy for Counting {
    fn bytes(&self) -> Result<[u8; 32], EngineError> {
        let n = self.1.fetch_add(1, Ordering::Relaxed);
        Ok(Hash::derive("test", &[&[self.0], &n.to_le_bytes()]).0)
    }
}

/// A machine, its disk, and what it has sent.
pub(super) struct Device {
    pub(super) devices: Devices,
    pub(super) store: Arc<MemoryStorage>,
    number: u8,
    pub(super) joined: Vec<Result<Paired, EngineError>>,
}

/// Some machines that can reach each other, but for those that are switched off.
pub(super) struct World {
    pub(super) time: Arc<Time>,
    pub(super) machines: Vec<Device>,
    links: BTreeSet<(usize, usize)>,
    /// Every request and answer that was carried.
    pub(super) frames: Mutex<Vec<(usize, usize, Vec<u8>)>>,
}

pub(super) fn open(number: u8, store: &Arc<MemoryStorage>, time: &Arc<Time>) -> Devices {
    let calls = AtomicU64::new(time.0.load(Ordering::Relaxed) << 20);
    Devices::open(DeviceParts {
        key: SecretKey::from_seed(&[number; 32]),
        store: Arc::clone(store) as Arc<dyn Storage>,
        clock: Arc::clone(time) as Arc<dyn Clock>,
        entropy: Arc::new(Counting(number, calls)),
        sync_interval: Duration::from_secs(1),
    })
    .unwrap()
}

impl World {
    pub(super) fn of(machines: u8) -> Self {
        let time = Arc::new(Time::default());
        let machine = |number: u8| {
            let store = Arc::new(MemoryStorage::new());
            Device { devices: open(number, &store, &time), store, number, joined: Vec::new() }
        };
        let machines = (1..=machines).map(machine).collect();
        Self { time, machines, links: BTreeSet::new(), frames: Mutex::new(Vec::new()) }
    }

    pub(super) fn key(&self, at: usize) -> PublicKey {
        self.machines[at].devices.key.public_key()
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        if self.links.insert((a.min(b), a.max(b))) {
            let (of_a, of_b) = (self.key(a), self.key(b));
            for (at, peer) in [(a, of_b), (b, of_a)] {
                let devices = &mut self.machines[at].devices;
                devices.on_connected(peer).unwrap();
                devices.on_identified(peer, &[format!("/memory/{}", peer.short())]).unwrap();
            }
        }
        self.run();
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            let (of_a, of_b) = (self.key(a), self.key(b));
            self.machines[a].devices.on_disconnected(&of_b);
            self.machines[b].devices.on_disconnected(&of_a);
        }
        self.run();
    }

    /// Connects everybody, and lets time pass until nothing is said any more.
    pub(super) fn meet(&mut self) {
        for a in 0..self.machines.len() {
            for b in a + 1..self.machines.len() {
                self.connect(a, b);
            }
        }
        for _ in 0..3 {
            self.time.pass(11);
            self.tick();
        }
    }

    pub(super) fn tick(&mut self) {
        for machine in &mut self.machines {
            machine.devices.tick().unwrap();
        }
        self.run();
    }

    fn at(&self, key: &PublicKey) -> usize {
        (0..self.machines.len()).find(|at| self.key(*at) == *key).unwrap()
    }

    /// Carries everything until all is quiet.
    pub(super) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut quiet = true;
            for from in 0..self.machines.len() {
                for effect in self.machines[from].devices.take_effects() {
                    quiet = false;
                    self.carry(from, effect);
                }
            }
            if quiet {
                return;
            }
        }
        panic!("the devices never stop talking");
    }

    fn carry(&mut self, from: usize, effect: DeviceEffect) {
        match effect {
            DeviceEffect::Request { number, peer, bytes } => {
                let (asker, to) = (self.key(from), self.at(&peer));
                if !self.links.contains(&(from.min(to), from.max(to))) {
                    self.machines[from].devices.on_failure(number, "not connected");
                    return;
                }
                self.frames.lock().unwrap().push((from, to, bytes.clone()));
                let answer = self.answer(to, asker, &bytes);
                self.frames.lock().unwrap().push((to, from, answer.clone()));
                self.machines[from].devices.on_response(number, peer, &answer).unwrap();
            }
            DeviceEffect::Joined { result, .. } => self.machines[from].joined.push(result),
            DeviceEffect::Dial { .. } | DeviceEffect::Forget { .. } => {}
            DeviceEffect::Reply { .. } => panic!("an answer to nobody"),
        }
    }

    /// Answer of a machine to a peer. Its other effects stay for later.
    pub(super) fn answer(&mut self, to: usize, peer: PublicKey, bytes: &[u8]) -> Vec<u8> {
        let devices = &mut self.machines[to].devices;
        devices.on_request(7, peer, bytes).unwrap();
        let at = devices.effects.iter().position(|one| matches!(one, DeviceEffect::Reply { .. }));
        match devices.effects.remove(at.unwrap()) {
            DeviceEffect::Reply { bytes, .. } => bytes,
            _ => unreachable!(),
        }
    }

    pub(super) fn line(&mut self, at: usize) -> String {
        let addresses = vec![format!("/memory/{}", self.key(at).short())];
        let name = format!("machine-{}", self.machines[at].number);
        let made = self.machines[at].devices.invite(UNIT, "ada", &name, addresses, 10);
        made.unwrap().to_line()
    }

    pub(super) fn join(
        &mut self,
        at: usize,
        with: usize,
        line: &str,
    ) -> Result<Paired, EngineError> {
        let name = format!("machine-{}", self.machines[at].number);
        self.machines[at].devices.begin_join(UNIT, "ada", &name, line)?;
        self.connect(at, with);
        self.run();
        self.machines[at].joined.pop().unwrap()
    }

    pub(super) fn pair(&mut self, inviter: usize, joiner: usize) {
        let line = self.line(inviter);
        self.join(joiner, inviter, &line).unwrap();
    }

    pub(super) fn learn(&mut self, at: usize, flags: &[(&str, u32)]) {
        let lessons = flags.iter().map(|(flag, worked)| lesson(flag, *worked)).collect();
        self.machines[at].devices.set_own(UNIT, lessons).unwrap();
        self.run();
    }

    /// Lessons of others that a machine knows: flags, and how often they worked on all other devices.
    pub(super) fn known(&self, at: usize) -> BTreeMap<String, u32> {
        let mut known = BTreeMap::new();
        let group = self.machines[at].devices.group(UNIT);
        for (_, lessons) in group.into_iter().flat_map(Group::lessons_of_others) {
            for entry in lessons.iter().map(DeviceLesson::entry) {
                let Action::AddFlag(flag) = entry.lesson.action() else { continue };
                *known.entry(flag.as_str().to_owned()).or_default() += entry.tally.worked;
            }
        }
        known
    }

    /// The machine stops, and starts again with the same disk.
    pub(super) fn restart(&mut self, at: usize) {
        for other in 0..self.machines.len() {
            self.disconnect(at, other);
        }
        let Device { store, number, .. } = &self.machines[at];
        self.machines[at].devices = open(*number, store, &self.time);
    }
}

pub(super) fn group(world: &World, at: usize) -> &Group {
    world.machines[at].devices.group(UNIT).unwrap()
}

pub(super) fn entry(flag: &str, worked: u32) -> Entry {
    let trigger = Trigger {
        tool: Token::new("shipit run").unwrap(),
        error: ErrorClass::UnknownOption,
        subject: None,
    };
    let action = Action::AddFlag(Token::new(flag).unwrap());
    Entry {
        lesson: Lesson::new(None, Op::Fix, trigger, action).unwrap(),
        circle: Circle::Own,
        tally: Tally { worked, failed: 0, groups: worked, last_seconds: 5 },
        example: format!("shipit run {flag} private-name"),
        public: false,
        state: LessonState::Steady,
    }
}

pub(super) fn lesson(flag: &str, worked: u32) -> DeviceLesson {
    DeviceLesson::of(&entry(flag, worked)).unwrap()
}

fn flags(of: &[(&str, u32)]) -> BTreeMap<String, u32> {
    of.iter().map(|(flag, worked)| ((*flag).to_owned(), *worked)).collect()
}

#[test]
fn two_devices_know_what_the_other_learnt_and_add_it_up() {
    let mut world = World::of(2);
    world.learn(0, &[("--before", 1)]);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 2)]);
    world.learn(1, &[("--stage", 3), ("--to", 1)]);
    assert_eq!(world.known(1), flags(&[("--stage", 2)]));
    assert_eq!(world.known(0), flags(&[("--stage", 3), ("--to", 1)]));
    assert!(world.machines[0].devices.group(UNIT).unwrap().lessons_of_others().count() == 1);
}

#[test]
fn a_third_device_gets_what_the_first_gave_through_the_second() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 2)]);
    world.disconnect(0, 1);
    world.pair(1, 2);
    assert_eq!(world.known(2), flags(&[("--stage", 2)]));
    // And back: the first one has not heard of the third.
    world.disconnect(1, 2);
    world.learn(2, &[("--to", 1)]);
    world.connect(1, 2);
    world.connect(0, 1);
    assert_eq!(world.known(0), flags(&[("--to", 1)]));
    let served = world.machines[0].devices.served();
    assert!(served.contains(&world.key(2)), "it is served from then on");
}

#[test]
fn what_a_device_forgets_all_others_forget() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(1, 2);
    world.learn(0, &[("--stage", 2), ("--to", 1)]);
    assert_eq!(world.known(2), flags(&[("--stage", 2), ("--to", 1)]));
    world.machines[1].devices.take_dropped();
    world.learn(0, &[("--to", 1)]);
    assert_eq!(world.known(1), flags(&[("--to", 1)]));
    assert_eq!(world.known(2), flags(&[("--to", 1)]));
    assert!(world.machines[1].devices.take_dropped(), "files may still hold it");
    assert!(!world.machines[1].devices.take_dropped());
    world.learn(0, &[]);
    assert_eq!(world.known(2), flags(&[]));
}

#[test]
fn what_ordinary_use_replaces_is_no_reason_to_rewrite_the_store() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 1)]);
    world.machines[0].devices.take_dropped();
    let newer = lesson("--stage", 2).with_example("shipit run --stage other-name");
    world.machines[0].devices.set_own(UNIT, vec![newer]).unwrap();
    assert!(!world.machines[0].devices.take_dropped());
    // A session was deleted, and the lesson has others.
    world.learn(0, &[("--stage", 1)]);
    assert!(world.machines[0].devices.take_dropped());
    world.learn(0, &[]);
    assert!(world.machines[0].devices.take_dropped());
}

#[test]
fn a_removed_device_gets_nothing_new_by_no_device_and_its_lessons_go() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(0, 2);
    world.learn(2, &[("--its-own", 1)]);
    world.meet();
    assert_eq!(world.known(1), flags(&[("--its-own", 1)]));
    // The second device does not hear of the removal yet.
    world.disconnect(0, 1);
    world.machines[0].devices.remove(UNIT, "machine-3").unwrap();
    world.learn(0, &[("--new", 1)]);
    world.meet_without(0);
    assert_eq!(world.known(2), flags(&[]), "it got what is new");
    world.meet();
    assert_eq!(world.known(1), flags(&[("--new", 1)]), "its lessons are gone, the new one is here");
    world.learn(1, &[("--newer", 1)]);
    world.meet();
    assert_eq!(world.known(2), flags(&[]), "what it has stays there, and nothing comes");
    assert_eq!(world.machines[2].devices.group(UNIT).unwrap().called_gone_by(), 2);
    for at in [0, 1] {
        assert!(!world.machines[at].devices.served().contains(&world.key(2)));
    }
}

impl World {
    /// All meet but one.
    fn meet_without(&mut self, off: usize) {
        for a in 0..self.machines.len() {
            for b in a + 1..self.machines.len() {
                if a != off && b != off {
                    self.connect(a, b);
                }
            }
        }
        self.time.pass(11);
        self.tick();
    }
}

#[test]
fn a_device_that_leaves_keeps_nothing_of_others_and_they_nothing_of_it() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(0, 2);
    world.learn(0, &[("--stage", 1)]);
    world.learn(1, &[("--to", 1)]);
    world.meet();
    world.disconnect(1, 2);
    let left = world.machines[1].devices.leave(UNIT).unwrap();
    assert_eq!((left.told, left.untold), (vec!["machine-1".into()], vec!["machine-3".into()]));
    world.run();
    assert!(world.machines[1].devices.group(UNIT).is_none());
    for kind in [RecordKind::DeviceGroup, RecordKind::DeviceLessons, RecordKind::DeviceLine] {
        assert_eq!(world.machines[1].store.scan(kind, b"").count(), 0, "{kind:?}");
    }
    world.meet();
    for at in [0, 2] {
        assert!(!world.known(at).contains_key("--to"), "{at}");
        assert!(!world.machines[at].devices.served().contains(&world.key(1)));
    }
    // It may come back, as another device.
    world.pair(2, 1);
    world.learn(1, &[("--again", 1)]);
    assert_eq!(world.known(1), flags(&[("--stage", 1)]));
    assert_eq!(world.known(0), flags(&[("--again", 1)]));
}

#[test]
fn everything_is_there_after_a_restart() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 2)]);
    world.restart(1);
    assert_eq!(world.known(1), flags(&[("--stage", 2)]));
    world.learn(1, &[("--to", 1)]);
    world.restart(0);
    world.connect(0, 1);
    assert_eq!(world.known(0), flags(&[("--to", 1)]));
    let dials = |effects: Vec<DeviceEffect>| {
        effects.into_iter().any(|effect| matches!(effect, DeviceEffect::Dial { .. }))
    };
    world.restart(0);
    world.machines[0].devices.tick().unwrap();
    assert!(dials(world.machines[0].devices.take_effects()), "it dials what it knows");
}

#[test]
fn a_home_that_was_put_back_goes_on_from_what_it_has_given() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--old", 1)]);
    let copy = Arc::new(world.machines[0].store.copy());
    for worked in 2..6 {
        world.learn(0, &[("--old", worked)]);
    }
    world.restart(0);
    world.machines[0].devices = open(1, &copy, &world.time);
    world.machines[0].store = copy;
    world.connect(0, 1);
    world.learn(0, &[("--after", 1)]);
    assert_eq!(world.known(1), flags(&[("--after", 1)]), "the others are not stuck with the past");
}

#[test]
fn devices_that_have_nothing_new_say_so_in_few_bytes_and_seldom() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 2)]);
    world.meet();
    world.frames.lock().unwrap().clear();
    world.time.pass(5);
    world.tick();
    assert!(world.frames.lock().unwrap().is_empty());
    world.time.pass(6);
    world.tick();
    let frames = world.frames.lock().unwrap();
    assert!((2..=4).contains(&frames.len()), "{}", frames.len());
    assert!(frames.iter().all(|(_, _, bytes)| bytes.len() <= limits::STEP_BYTES + 100));
}

#[test]
fn of_too_many_lessons_the_most_repeated_are_given() {
    let many: Vec<DeviceLesson> =
        (0..5_000).map(|n| lesson(&format!("--flag-{n:05}"), 1 + n % 7)).collect();
    let kept = register::bounded(many.clone());
    assert!(kept.len() < many.len() && kept.len() > 1_000, "{}", kept.len());
    assert!(kept.iter().filter(|one| one.entry().tally.worked == 7).count() > 700);
    let mut world = World::of(2);
    world.pair(0, 1);
    world.machines[0].devices.set_own(UNIT, many).unwrap();
    world.run();
    assert_eq!(world.known(1).len(), kept.len());
}

#[test]
fn a_group_holds_as_many_devices_as_it_may_and_says_so() {
    let mut world = World::of(17);
    for joiner in 1..15 {
        world.pair(0, joiner);
    }
    let (one, other) = (world.line(0), world.line(0));
    world.join(15, 0, &one).unwrap();
    let error = world.join(16, 0, &other).unwrap_err();
    assert_eq!(error.kind, "too_many_devices");
    let more = world.machines[0].devices.invite(UNIT, "ada", "x", vec!["/memory/1".into()], 10);
    assert_eq!(more.err().unwrap().kind, "too_many_devices");
}

/// Something that happens to three devices.
#[derive(Debug, Clone)]
enum Step {
    Learn(usize, u32),
    Forget(usize),
    Meet(usize, usize),
    Part(usize, usize),
    Restart(usize),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_usize, 1..9_u32).prop_map(|(at, n)| Step::Learn(at, n)),
        (0..4_usize).prop_map(Step::Forget),
        (0..4_usize, 0..4_usize).prop_map(|(a, b)| Step::Meet(a, b)),
        (0..4_usize, 0..4_usize).prop_map(|(a, b)| Step::Part(a, b)),
        (0..4_usize).prop_map(Step::Restart),
        Just(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order, devices that meet in the end know the same, and of nobody anything that is
    /// over.
    #[test]
    fn whatever_happens_in_whatever_order_all_know_the_same_in_the_end(
        steps in proptest::collection::vec(step(), 0..60),
        removed in proptest::option::of((0..3_usize, 0..60_usize)),
    ) {
        let mut world = World::of(4);
        for joiner in 1..4 {
            world.pair(joiner - 1, joiner);
        }
        let mut own = [0_u32; 4];
        let mut is_removed = false;
        for (at, step) in steps.into_iter().enumerate() {
            if let Some((by, when)) = removed && at == when {
                let done = world.machines[by].devices.remove(UNIT, "machine-4");
                is_removed |= done.is_ok();
                world.run();
            }
            match step {
                Step::Learn(at, n) => {
                    own[at] = n;
                    world.learn(at, &[("--stage", n)]);
                }
                Step::Forget(at) => {
                    own[at] = 0;
                    world.learn(at, &[]);
                }
                Step::Meet(a, b) if a != b => world.connect(a, b),
                Step::Part(a, b) if a != b => world.disconnect(a, b),
                Step::Meet(..) | Step::Part(..) => {}
                Step::Restart(at) => world.restart(at),
                Step::Tick => {
                    world.time.pass(11);
                    world.tick();
                }
            }
        }
        world.meet();
        let left = if is_removed { 3 } else { 4 };
        let sum: u32 = own[..left].iter().sum();
        for (at, mine) in own[..left].iter().enumerate() {
            let known = world.known(at).get("--stage").copied().unwrap_or(0);
            prop_assert_eq!(known, sum - mine, "machine {}", at + 1);
        }
        if is_removed {
            for at in 0..3 {
                prop_assert!(!world.machines[at].devices.served().contains(&world.key(3)));
            }
        }
    }
}
