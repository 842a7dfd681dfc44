//! Rosters: statements of honest and of hostile devices, heard in any order.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use lore_protocol::codec;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::Hash;
use proptest::prelude::*;
use proptest::sample::Index;

use super::statement::{Admission, Card, Removal, Statements};
use super::wire::Ask;
use super::{DeviceId, Group, GroupId, Roster, limits, seal};

/// A device of a test, with the admission that it came in by.
#[derive(Clone)]
struct Member {
    key: SecretKey,
    admission: Admission,
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {:?}", self.admission.card.name, self.admission.card.by)
    }
}

impl Member {
    fn id(&self) -> DeviceId {
        self.admission.card.id()
    }
}

fn key_of(seed: u16) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&seed.to_le_bytes());
    SecretKey::from_seed(&bytes)
}

fn card(by: Option<&Member>, key: &SecretKey, seed: u16, since_seconds: u64) -> Card {
    let mut card = Card {
        group: GroupId(Hash::ZERO),
        by: by.map(Member::id),
        key: key.public_key(),
        nonce: [1; 32],
        box_key: [5; 32],
        name: format!("device-{seed}"),
        since_seconds,
    };
    card.group = by.map_or_else(|| card.founds(), |by| by.admission.card.group);
    card
}

fn founder() -> Member {
    let key = key_of(0);
    let card = card(None, &key, 0, 1_000);
    let signature = card.sign(&key);
    Member { admission: Admission::new(card, signature, &key), key }
}

fn admitted(by: &Member, seed: u16, since_seconds: u64) -> Member {
    let key = key_of(seed);
    let card = card(Some(by), &key, seed, since_seconds);
    let signature = card.sign(&key);
    Member { admission: Admission::new(card, signature, &by.key), key }
}

fn removal(of: &Member, by: &Member, kept: &[&Member]) -> Removal {
    Removal::new(of.id(), by.id(), kept.iter().map(|one| one.id()).collect(), &by.key)
}

fn told(members: &[&Member], removals: &[Removal]) -> Statements {
    let admissions = members.iter().map(|one| one.admission.clone()).collect();
    Statements { admissions, removals: removals.to_vec() }
}

fn roster(members: &[&Member], removals: &[Removal]) -> Roster {
    let mut roster = Roster::new(members[0].admission.card.group);
    roster.merge(told(members, removals));
    roster
}

fn is_in(roster: &Roster, member: &Member) -> bool {
    roster.active().contains_key(&member.id())
}

#[test]
fn the_key_of_the_first_device_makes_no_second_first_one() {
    let first = founder();
    let other = admitted(&first, 1, 1_001);
    let mut roster = roster(&[&first, &other], &[removal(&first, &other, &[&other])]);
    assert!(!is_in(&roster, &first) && is_in(&roster, &other));
    let changes: [fn(&mut Card); 4] = [
        |card| card.name = "again".into(),
        |card| card.box_key = [6; 32],
        |card| card.since_seconds = 9,
        |card| card.by = Some(card.id()),
    ];
    for change in changes {
        let mut card = first.admission.card.clone();
        change(&mut card);
        let signature = card.sign(&first.key);
        let again = Admission::new(card, signature, &first.key);
        let again = Statements { admissions: vec![again], removals: Vec::new() };
        roster.merge(again);
        assert_eq!(roster.active().len(), 1, "the removed first device is in again");
    }
}

#[test]
fn a_device_is_admitted_by_the_one_that_its_card_names() {
    let first = founder();
    let (thief, honest) = (admitted(&first, 1, 1_001), admitted(&first, 2, 1_002));
    // Else it went with the thief at those that hear of this first.
    let Admission { card, signature, .. } = honest.admission.clone();
    let stolen = Admission::new(card, signature, &thief.key);
    let mut roster = roster(&[&first, &thief], &[]);
    assert!(!roster.merge(Statements { admissions: vec![stolen], removals: Vec::new() }));
    roster.merge(told(&[&honest], &[removal(&thief, &first, &[])]));
    assert!(is_in(&roster, &honest));
}

#[test]
fn cards_that_say_that_they_are_old_push_out_nobody_who_was_there_before() {
    let first = founder();
    let honest: Vec<Member> = (1..=10).map(|n| admitted(&first, n, 1_000 + u64::from(n))).collect();
    let thief = admitted(&first, 11, 2_000);
    let sybils: Vec<Member> = (20..40).map(|n| admitted(&thief, n, 0)).collect();
    let all: Vec<&Member> = [&first, &thief].into_iter().chain(&honest).chain(&sybils).collect();
    let roster = roster(&all, &[]);
    assert_eq!(roster.active().len(), limits::DEVICES);
    for one in [&first, &thief].into_iter().chain(&honest) {
        assert!(is_in(&roster, one));
    }
}

#[test]
fn no_number_of_statements_keeps_a_thief_in() {
    let first = founder();
    let thief = admitted(&first, 1, 1_001);
    let honest = admitted(&first, 2, 1_002);
    let sybils: Vec<Member> = (20..50).map(|n| admitted(&thief, n, 0)).collect();
    let all: Vec<&Member> = [&first, &thief, &honest].into_iter().chain(&sybils).collect();
    let mut roster = roster(&all, &[]);
    for one in &sybils {
        for by in sybils.iter().chain([&thief]) {
            roster.merge(told(&[], &[removal(one, by, &[])]));
        }
    }
    // Those that remove it before, and would keep what it admitted.
    let kept: Vec<&Member> = sybils.iter().take(limits::DEVICES).collect();
    let last = admitted(&thief, 60, 0);
    roster.merge(told(&[&last], &[]));
    for by in &sybils {
        roster.merge(told(&[], &[removal(&thief, by, &kept)]));
    }
    roster.merge(told(&[], &[removal(&thief, &first, &[]), removal(&honest, &honest, &[])]));
    assert!(roster.is_removed(&thief.id()) && roster.is_removed(&honest.id()));
    assert_eq!(roster.active().len(), 1, "only the first device is left");
    assert!(is_in(&roster, &first));
}

#[test]
fn a_removal_stands_whatever_is_said_of_the_device_that_made_it() {
    // The phone was paired on the laptop and removes the stolen tablet. The tablet says that the laptop is out and that
    // nothing of it is kept, the phone neither.
    let first = founder();
    let laptop = admitted(&first, 1, 1_001);
    let phone = admitted(&laptop, 2, 1_002);
    let tablet = admitted(&first, 3, 1_003);
    let others = [removal(&laptop, &tablet, &[]), removal(&phone, &tablet, &[])];
    let mut roster = roster(&[&first, &laptop, &phone, &tablet], &others);
    roster.merge(told(&[], &[removal(&tablet, &phone, &[])]));
    assert!(!is_in(&roster, &tablet), "a thief took its removal back");
    assert!(is_in(&roster, &first));
}

#[test]
fn two_devices_that_remove_each_other_are_both_out() {
    let first = founder();
    let (one, other) = (admitted(&first, 1, 1_001), admitted(&first, 2, 1_002));
    let both = [removal(&one, &other, &[]), removal(&other, &one, &[])];
    let roster = roster(&[&first, &one, &other], &both);
    assert_eq!(roster.active().len(), 1);
    assert!(is_in(&roster, &first));
}

#[test]
fn what_a_removed_device_admitted_stays_when_all_who_removed_it_keep_the_same() {
    let first = founder();
    let (sold, other) = (admitted(&first, 1, 1_001), admitted(&first, 2, 1_002));
    let (kept, late) = (admitted(&sold, 3, 1_003), admitted(&sold, 4, 1_004));
    let all = [&first, &sold, &other, &kept, &late];
    let mut roster = roster(&all, &[removal(&sold, &first, &[&kept])]);
    assert!(is_in(&roster, &kept) && !is_in(&roster, &late));
    roster.merge(told(&[], &[removal(&sold, &sold, &[&kept])]));
    assert!(is_in(&roster, &kept) && !is_in(&roster, &late));
    roster.merge(told(&[], &[removal(&sold, &other, &[&kept, &late])]));
    assert!(!is_in(&roster, &kept) && !is_in(&roster, &late), "nobody knows whom to believe");
    for by in all {
        roster.merge(told(&[], &[removal(&sold, by, &[&late]), removal(&sold, by, &[&kept])]));
    }
    assert_eq!(roster.statements().removals.len(), 2);
    assert!(!is_in(&roster, &kept) && !is_in(&roster, &late));
}

#[test]
fn no_device_changes_what_is_known_of_another_one_again_and_again() {
    let first = founder();
    let other = admitted(&first, 1, 1_001);
    let its: Vec<Member> = (2..12).map(|n| admitted(&other, n, 1_002)).collect();
    let all: Vec<&Member> = [&first, &other].into_iter().chain(&its).collect();
    let mut roster = roster(&all, &[]);
    let mut said: Vec<Removal> = Vec::new();
    for at in 0..its.len() {
        said.push(removal(&other, &other, &[&its[at]]));
        said.push(removal(&other, &its[at], &all[2..at + 2]));
    }
    // In the order that would do it if the greatest or the smallest one counted.
    said.sort_by_key(codec::encode);
    for _ in 0..2 {
        said.reverse();
        let changes = said.iter().filter(|one| roster.merge(told(&[], &[(*one).clone()]))).count();
        assert!(changes <= 2, "{changes}");
    }
    assert!(!its.iter().any(|one| is_in(&roster, one)));
}

#[test]
fn a_group_with_more_admissions_than_it_can_know_of_is_over() {
    let first = founder();
    let most = u16::try_from(limits::KNOWN).unwrap();
    let many: Vec<Member> = (1..=most).map(|n| admitted(&first, n, 2_000)).collect();
    let mut all: Vec<&Member> = [&first].into_iter().chain(&many).collect();
    let last = all.pop().unwrap();
    let mut roster = roster(&all, &[removal(&many[0], &first, &[])]);
    assert!(!roster.is_over() && roster.is_full());
    assert_eq!(roster.active().len(), limits::DEVICES);
    assert!(roster.merge(told(&[last], &[])));
    assert!(roster.is_over() && roster.active().is_empty());
    // And it stays so, here and after a restart.
    assert!(!roster.merge(told(&all, &[removal(&many[1], &first, &[])])));
    let mut again = Roster::new(roster.group());
    assert!(again.merge(roster.statements()));
    assert_eq!(again, roster);
}

#[test]
fn the_longest_roster_fits_a_question() {
    let name = |mut one: Member, by: &Member| {
        let card = &mut one.admission.card;
        card.name = format!("{:0>64}", card.name);
        let (card, signature) = (card.clone(), card.sign(&one.key));
        one.admission = Admission::new(card, signature, &by.key);
        one
    };
    let first = founder();
    let most = u16::try_from(limits::KNOWN).unwrap();
    let many = (1..most).map(|n| name(admitted(&first, n, u64::MAX), &first));
    let many: Vec<Member> = many.collect();
    let all: Vec<&Member> = [&first].into_iter().chain(&many).collect();
    let mut roster = roster(&all, &[]);
    let kept: Vec<&Member> = many.iter().take(limits::DEVICES + 1).collect();
    for of in &all {
        let two = [removal(of, &first, &kept[1..]), removal(of, of, &kept[..limits::DEVICES])];
        roster.merge(told(&[], &two));
    }
    let statements = roster.statements();
    assert_eq!((statements.admissions.len(), statements.removals.len()), (72, 144));
    let mut group = Group::new("ada".into(), roster.group(), first.id(), [1; 32]);
    group.roster = roster;
    let mut wants = group.wants(true);
    wants.have = (0..limits::DEVICES).map(|_| (first.id(), (u64::MAX, Hash::ZERO))).collect();
    let sealed =
        seal::seal(&[1; 32], &seal::box_key(&[2; 32]), [3; 32], b"", &codec::encode(&wants));
    let ask = Ask::Exchange { group: group.roster.group(), sealed: sealed.unwrap() };
    assert!(codec::encode(&ask).len() <= limits::ASK_BYTES);
}

/// Devices, each admitted by an earlier one, and removals of any by any that keep any.
fn world() -> impl Strategy<Value = (Vec<Member>, Vec<Removal>)> {
    let size = prop_oneof![4 => 2..20_usize, 1 => limits::KNOWN - 2..limits::KNOWN + 6];
    let members =
        size.prop_flat_map(|size| proptest::collection::vec((any::<Index>(), 0..3_000_u64), size));
    let kept = proptest::collection::vec(any::<Index>(), 0..4);
    let removals = proptest::collection::vec((any::<Index>(), any::<Index>(), kept), 0..40);
    (members, removals).prop_map(|(members, removals)| {
        let mut all = vec![founder()];
        for (seed, (by, since)) in (1_u16..).zip(members) {
            // Mostly of a few: else hardly any device is left.
            let by = by.index(all.len().min(6));
            all.push(admitted(&all[by], seed, since));
        }
        let few = all.len().min(8);
        let removals = removals.iter().map(|(of, by, kept)| {
            let (of, by) = (&all[of.index(few)], &all[by.index(all.len())]);
            let its = all.iter().filter(|one| one.admission.card.by == Some(of.id()));
            let its: Vec<&Member> = its.collect();
            let kept = kept.iter().filter(|_| !its.is_empty());
            let kept: BTreeSet<DeviceId> = kept.map(|at| its[at.index(its.len())].id()).collect();
            Removal::new(of.id(), by.id(), kept.into_iter().collect(), &by.key)
        });
        let removals = removals.collect();
        (all, removals)
    })
}

/// Statements as one device could know them: with all devices that came before.
fn piece(all: &[Member], one: &Member, removal: Option<&Removal>) -> Statements {
    let mut wanted = vec![one.id()];
    wanted.extend(removal.into_iter().flat_map(|one| [one.device(), one.by()]));
    let said: Vec<Removal> = removal.into_iter().cloned().collect();
    let mut members = Vec::new();
    for one in all.iter().rev() {
        if wanted.contains(&one.id()) {
            wanted.extend(one.admission.card.by);
            members.push(one);
        }
    }
    told(&members, &said)
}

/// Returns true when a device is out because of one removal, whatever else was said.
fn is_out_by(removal: &Removal, device: DeviceId, roster: &Roster) -> bool {
    let mut at = device;
    if at == removal.device() {
        return true;
    }
    while let Some((by, _)) = roster.admitter(&at) {
        if by == removal.device() {
            return !removal.kept().contains(&at);
        }
        at = by;
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Statements in any order, alone or passed on by others, at the bounds too, make one roster. And whatever else is
    /// said, every removal stands from then on.
    #[test]
    fn a_roster_is_a_function_of_the_set_of_statements(
        (all, removals) in world(),
        order in proptest::collection::vec((any::<Index>(), any::<Index>(), 0..3_usize), 0..80),
        shuffled in any::<u64>(),
    ) {
        let group = all[0].admission.card.group;
        let mut pieces: Vec<(Statements, usize)> = order
            .iter()
            .map(|(at, removal, to)| {
                let removal = (!removals.is_empty()).then(|| &removals[removal.index(removals.len())]);
                (piece(&all, &all[at.index(all.len())], removal), *to)
            })
            .collect();
        if all.len() > 20 {
            // Near the bound: every device is heard of.
            let rest = all.iter().zip([0, 1, 2].into_iter().cycle());
            pieces.extend(rest.map(|(one, to)| (piece(&all, one, None), to)));
        }
        // In turn, and each removal stands at once.
        let mut in_turn = Roster::new(group);
        let mut said: Vec<Removal> = Vec::new();
        for (piece, _) in &pieces {
            in_turn.merge(piece.clone());
            said.extend(piece.removals.clone());
            for removal in &said {
                for device in in_turn.active().keys() {
                    prop_assert!(!is_out_by(removal, *device, &in_turn));
                }
            }
        }
        // In another order.
        let mut mixed: Vec<&Statements> = pieces.iter().map(|(piece, _)| piece).collect();
        mixed.sort_by_key(|piece| Hash::derive("order", &[&shuffled.to_le_bytes(), &codec::encode(*piece)]));
        let mut other = Roster::new(group);
        for piece in mixed {
            other.merge(piece.clone());
        }
        // By three devices that then tell each other.
        let mut devices = [Roster::new(group), Roster::new(group), Roster::new(group)];
        for (piece, to) in &pieces {
            devices[*to].merge(piece.clone());
        }
        let mut last = Roster::new(group);
        for device in &devices {
            last.merge(device.statements());
        }
        for roster in [&other, &last] {
            prop_assert_eq!(roster.digest(), in_turn.digest());
            prop_assert_eq!(roster.active(), in_turn.active());
            prop_assert_eq!(roster.is_over(), in_turn.is_over());
            if !roster.is_over() {
                let removed = |of: &Roster| all.iter().map(|one| of.is_removed(&one.id())).collect::<Vec<_>>();
                prop_assert_eq!(removed(roster), removed(&in_turn));
                prop_assert_eq!(&roster.statements().admissions, &in_turn.statements().admissions);
            }
        }
        // Told again, nothing is new.
        prop_assert!(!last.merge(other.statements()));
    }
}
