//! Kill at every step: the process may die at any write, before or after it reached the disk.

#![allow(clippy::unwrap_used)]
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lore_protocol::ids::Hash;
use lore_protocol::payload::{Leave, Payload, Void};
use proptest::prelude::*;

use super::tests::{CHARTER, NOW, budget, chain, reservation, result, sign};
use super::*;
use crate::{Cost, Outgoing, PrivacyError, Released};

/// A disk that outlives the process, and a fuse for the next crash.
#[derive(Clone, Default)]
pub(super) struct Disk {
    kept: Rc<RefCell<MemoryStore>>,
    /// Writes until the crash, and whether that write still lands.
    fuse: Rc<Cell<Option<(u32, bool)>>>,
}

impl LedgerStore for Disk {
    fn head(&self) -> Result<Option<Head>, StoreError> {
        self.kept.borrow().head()
    }

    fn read(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.kept.borrow().read(index)
    }

    fn append(&mut self, record: &[u8], head: Head) -> Result<(), StoreError> {
        match self.fuse.get() {
            Some((0, lands)) => {
                if lands {
                    self.kept.borrow_mut().append(record, head)?;
                }
                Err(StoreError("the process was killed".into()))
            }
            Some((left, lands)) => {
                self.fuse.set(Some((left - 1, lands)));
                self.kept.borrow_mut().append(record, head)
            }
            None => self.kept.borrow_mut().append(record, head),
        }
    }
}

/// Knowledge of the outside world, whatever the process forgets.
#[derive(Default)]
struct World {
    /// Bytes that were seen on the network, by height.
    seen: BTreeMap<(Chain, u64), BTreeSet<Vec<u8>>>,
    /// Draws of noise, by release: each may have been looked at.
    draws: BTreeMap<Hash, u64>,
}

/// One life of the process: recover, then make every release of the schedule that is not there yet.
fn live(disk: &Disk, world: &mut World) -> Result<(), PrivacyError> {
    let mut ledger = Ledger::open(disk.clone())?;
    if ledger.budget().is_none() {
        ledger.set_budget(budget(), NOW)?;
    }
    settle(&mut ledger, world)?;
    if ledger.next_seq(chain(1)).is_none() {
        let leave = Leave { reason: "a control delta".into() };
        ledger.commit(chain(1), 0, 3, &leave.into(), sign)?;
        settle(&mut ledger, world)?;
    }
    for number in 1..=3 {
        let ticket = match ledger.reserve(reservation(number), CHARTER) {
            Ok(ticket) => ticket,
            Err(PrivacyError::AlreadyReserved(_)) => continue,
            Err(error) => return Err(error),
        };
        ledger.sample(ticket, || {
            let draws = world.draws.entry(Hash([number; 32])).or_default();
            *draws += 1;
            Ok(Released::by_mechanism(result(1_000 * u64::from(number) + *draws)))
        })?;
        settle(&mut ledger, world)?;
    }
    Ok(())
}

/// Does everything that is pending, as a node does at start and after every step.
fn settle(ledger: &mut Ledger<Disk>, world: &mut World) -> Result<(), PrivacyError> {
    while let Some(pending) = ledger.pending().first().copied() {
        match pending {
            Pending::Void { release, chain } => {
                let seq = ledger.next_seq(chain).unwrap_or(0);
                ledger.commit(chain, seq, 3, &Void { release }.into(), sign)?;
            }
            Pending::Commit { release, chain } => {
                let released: Outgoing = ledger.resume(release)?.into();
                let seq = ledger.next_seq(chain).unwrap_or(0);
                ledger.commit(chain, seq, 3, &released, sign)?;
            }
            Pending::Gate { .. } => unreachable!("no gate was set"),
            Pending::Publish { chain, seq } => {
                let bytes = ledger.committed(chain, seq)?.bytes().to_vec();
                world.seen.entry((chain, seq)).or_default().insert(bytes);
                ledger.published(chain, seq)?;
            }
        }
    }
    Ok(())
}

/// Lives through the crashes, then one life without any; returns how many crashes really struck.
fn survive(crashes: &[(u32, bool)]) -> usize {
    let (disk, mut world, mut struck) = (Disk::default(), World::default(), 0);
    for fuse in crashes {
        disk.fuse.set(Some(*fuse));
        struck += usize::from(live(&disk, &mut world).is_err());
        check(&disk, &world);
    }
    disk.fuse.set(None);
    live(&disk, &mut world).unwrap();
    check(&disk, &world);
    let ledger = Ledger::open(disk).unwrap();
    assert_eq!(ledger.pending(), []);
    assert_eq!(ledger.releases().count(), 3, "every release is made or voided");
    assert!(ledger.releases().all(|(_, state)| state == "committed"));
    ledger.verify().unwrap();
    struck
}

fn check(disk: &Disk, world: &World) {
    assert!(world.seen.values().all(|bytes| bytes.len() == 1), "two byte strings for one height");
    assert!(world.draws.values().all(|draws| *draws <= 1), "noise was drawn twice");
    let disk = Disk { fuse: Rc::default(), ..disk.clone() };
    let Ok(ledger) =
        Ledger::open(Disk { kept: Rc::new(RefCell::new(disk.kept.borrow().clone())), ..disk })
    else {
        panic!("the ledger does not open after a crash");
    };
    let truth = world.draws.iter().fold(Cost::default(), |sum, (release, draws)| {
        let cost = reservation(release.0[0]).cost();
        (0..*draws).fold(sum, |sum, _| sum.plus(cost))
    });
    let recorded = ledger.lifetime();
    assert!(recorded.rho_nano >= truth.rho_nano && recorded.delta_e18 >= truth.delta_e18);
    let results: BTreeSet<&Vec<u8>> = world.seen.values().flatten().collect();
    assert_eq!(results.len(), world.seen.len());
}

#[test]
fn a_kill_at_every_write_loses_nothing_and_says_nothing_twice() {
    let writes = (0..).take_while(|at| survive(&[(*at, false)]) == 1).count();
    // One budget; a control delta in two writes; three releases in four writes each.
    assert_eq!(writes, 1 + 2 + 3 * 4);
    for at in 0..writes {
        assert_eq!(survive(&[(u32::try_from(at).unwrap(), true)]), 1);
    }
}

#[test]
fn a_kill_between_drawing_and_recording_burns_the_release() {
    // Writes: budget, control x2, reserve, then the write of the result that never lands.
    let (disk, mut world) = (Disk::default(), World::default());
    disk.fuse.set(Some((4, false)));
    live(&disk, &mut world).unwrap_err();
    assert_eq!(world.draws.len(), 1);
    disk.fuse.set(None);
    let ledger = Ledger::open(disk.clone()).unwrap();
    let release = Hash([1; 32]);
    assert_eq!(ledger.pending(), [Pending::Void { release, chain: chain(1) }]);
    assert_eq!(ledger.lifetime(), reservation(1).cost());
    live(&disk, &mut world).unwrap();
    assert_eq!(world.draws[&release], 1);
    let void = lore_protocol::codec::encode(&Payload::Void(Void { release }));
    assert!(world.seen.values().flatten().any(|bytes| bytes.ends_with(&void)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_sequence_of_kills_breaks_the_ledger(
        crashes in proptest::collection::vec((0_u32..16, any::<bool>()), 0..6),
    ) {
        survive(&crashes);
    }
}
