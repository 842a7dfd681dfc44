//! The attack on cost releases.

use std::collections::BTreeSet;

use lore_protocol::ids::{Hash, LessonId};
use lore_protocol::payload::{ItemId, Payload, PayloadKind, Unit};

use super::attack::Claim;
use super::rig::{NOW, Rig, WINDOW, secret};
use crate::mechanism::Bounds;
use crate::release::{CostsSpec, release_costs};
use crate::{
    CostContribution, LocalSecret, PrivacyError, Private, Released, SystemNoise, mechanism,
};

/// Sigma at which three items of two kinds, by five at most, cost rho 1/2: 5 sqrt(6).
pub(crate) const SCALE_MICROS: u64 = 12_247_449;
/// Kinds of cost.
const KINDS: u16 = 2;
/// Most that a session adds to a sum.
pub(crate) const BOUND: u16 = 5;
/// Cost of a session of the victim, of each kind: above the bound.
const AMOUNT: u64 = 9;
/// Items of the list; the victim used them all, one more than the bound.
const ITEMS: u8 = 4;

/// Function that makes a cost release; the shipped one is [`release_costs`].
pub(crate) type Release = fn(
    &CostsSpec,
    &Private<Vec<CostContribution>>,
    &LocalSecret,
) -> Result<Released<Payload>, PrivacyError>;

pub(crate) fn shipped(
    spec: &CostsSpec,
    contributions: &Private<Vec<CostContribution>>,
    secret: &LocalSecret,
) -> Result<Released<Payload>, PrivacyError> {
    release_costs(spec, contributions, secret, &mut SystemNoise)
}

/// Two databases that differ by one user, and the way from them to the network.
pub(crate) struct Costs {
    spec: CostsSpec,
    rig: Rig,
    with: Private<Vec<CostContribution>>,
    without: Private<Vec<CostContribution>>,
}

fn used(user: &str, number: u8, amount: u64, start_seconds: u64) -> CostContribution {
    CostContribution {
        unit: secret().user(user),
        item: ItemId::Lesson(LessonId([number; 32])),
        context: 0,
        amounts: vec![amount; usize::from(KINDS)],
        start_seconds,
    }
}

impl Costs {
    pub(crate) fn new() -> Result<Self, PrivacyError> {
        let mechanism =
            mechanism::gaussian(Unit::User, Bounds::cells(3 * KINDS, BOUND), SCALE_MICROS, 0)?;
        let spec = CostsSpec {
            release: Hash::ZERO,
            mechanism,
            window: WINDOW,
            items_root: Hash::ZERO,
            cells: (0..ITEMS)
                .map(|n| (ItemId::Lesson(LessonId([n; 32])), 0))
                .collect::<BTreeSet<_>>(),
            kinds: KINDS,
        };
        let without: Vec<_> = ["bob", "eve"].map(|user| used(user, 0, 2, NOW - 9)).into();
        // Twice each item, so that one session too many shows as well.
        let victim = (0..ITEMS)
            .flat_map(|n| [used("ada", n, AMOUNT, NOW - 8), used("ada", n, AMOUNT, NOW - 7)]);
        let with = without.iter().cloned().chain(victim).collect();
        Ok(Self {
            spec,
            rig: Rig::new(PayloadKind::Costs, mechanism)?,
            with: Private::new(with),
            without: Private::new(without),
        })
    }

    /// Claim of the release: what its mechanism was charged.
    pub(crate) fn claim(&self) -> Claim {
        Claim { rho: self.spec.mechanism.rho_nano as f64 / 1e9, delta: 0.0 }
    }

    /// One release with a crash after its noise was drawn; all sums that were sent.
    pub(crate) fn see(&self, victim: bool, release: Release) -> Result<Vec<f64>, PrivacyError> {
        let database = if victim { &self.with } else { &self.without };
        let made = || release(&self.spec, database, &secret());
        let sent = Rig::recover(self.rig.sample_and_die(made)?)?;
        let cells = sent.iter().flat_map(|payload| match payload {
            Payload::Costs(costs) => costs.cells.as_slice(),
            _ => &[],
        });
        Ok(cells.flat_map(|cell| cell.sums.iter().map(|sum| *sum as f64)).collect())
    }
}
