//! The attack on outcome releases.

use std::collections::BTreeSet;

use lore_protocol::ids::{Hash, LessonId};
use lore_protocol::payload::{ItemId, Payload, PayloadKind, Unit};

use super::attack::Claim;
use super::rig::{NOW, Rig, WINDOW, secret};
use crate::mechanism::Bounds;
use crate::release::{OutcomesSpec, release_outcomes};
use crate::{
    LocalSecret, OutcomeContribution, PrivacyError, Private, Released, SystemNoise, mechanism,
};

/// Sigma at which three cells cost rho 1/2.
pub(crate) const SCALE_MICROS: u64 = 1_732_051;
/// Items of the ballot; the victim used them all, one more than the bound.
const ITEMS: u8 = 4;

/// Function that makes an outcome release; the shipped one is [`release_outcomes`].
pub(crate) type Release = fn(
    &OutcomesSpec,
    &Private<Vec<OutcomeContribution>>,
    &LocalSecret,
) -> Result<Released<Payload>, PrivacyError>;

pub(crate) fn shipped(
    spec: &OutcomesSpec,
    contributions: &Private<Vec<OutcomeContribution>>,
    secret: &LocalSecret,
) -> Result<Released<Payload>, PrivacyError> {
    release_outcomes(spec, contributions, secret, &mut SystemNoise)
}

/// Two databases that differ by one user, and the way from them to the network.
pub(crate) struct Outcomes {
    pub(crate) spec: OutcomesSpec,
    pub(crate) rig: Rig,
    with: Private<Vec<OutcomeContribution>>,
    without: Private<Vec<OutcomeContribution>>,
}

fn item(number: u8) -> ItemId {
    ItemId::Lesson(LessonId([number; 32]))
}

fn used(user: &str, number: u8, success: bool, start_seconds: u64) -> OutcomeContribution {
    let unit = secret().user(user);
    OutcomeContribution { unit, item: item(number), context: 0, success, start_seconds }
}

/// Users other than the victim: each used one item.
pub(crate) fn others(success: bool) -> Vec<OutcomeContribution> {
    ["bob", "eve"].into_iter().map(|user| used(user, 0, success, NOW - 9)).collect()
}

/// The victim used every item, twice, with success.
pub(crate) fn victim() -> Vec<OutcomeContribution> {
    (0..ITEMS)
        .flat_map(|n| [used("ada", n, true, NOW - 8), used("ada", n, true, NOW - 7)])
        .collect()
}

impl Outcomes {
    pub(crate) fn new() -> Result<Self, PrivacyError> {
        Self::over([victim(), others(false)].concat(), others(false))
    }

    /// With databases of the caller's.
    pub(crate) fn over(
        with: Vec<OutcomeContribution>,
        without: Vec<OutcomeContribution>,
    ) -> Result<Self, PrivacyError> {
        let mechanism = mechanism::gaussian(Unit::User, Bounds::cells(3, 1), SCALE_MICROS, 0)?;
        let spec = OutcomesSpec {
            release: Hash::ZERO,
            mechanism,
            window: WINDOW,
            items_root: Hash::ZERO,
            cells: (0..ITEMS).map(|n| (item(n), 0)).collect::<BTreeSet<_>>(),
        };
        let rig = Rig::new(PayloadKind::Outcomes, mechanism)?;
        Ok(Self { spec, rig, with: Private::new(with), without: Private::new(without) })
    }

    /// Claim of the release: what its mechanism was charged.
    pub(crate) fn claim(&self) -> Claim {
        Claim { rho: self.spec.mechanism.rho_nano as f64 / 1e9, delta: 0.0 }
    }

    pub(crate) const fn database(&self, victim: bool) -> &Private<Vec<OutcomeContribution>> {
        if victim { &self.with } else { &self.without }
    }

    /// One release with a crash after its noise was drawn; all cells that were sent.
    pub(crate) fn see(&self, victim: bool, release: Release) -> Result<Vec<f64>, PrivacyError> {
        let made = || release(&self.spec, self.database(victim), &secret());
        Ok(cells(&Rig::recover(self.rig.sample_and_die(made)?)?))
    }
}

/// All noisy counts of all outcome payloads, in order.
pub(crate) fn cells(sent: &[Payload]) -> Vec<f64> {
    let counts = sent.iter().flat_map(|payload| match payload {
        Payload::Outcomes(outcomes) => outcomes.cells.as_slice(),
        _ => &[],
    });
    counts.flat_map(|cell| [cell.successes as f64, cell.failures as f64]).collect()
}
