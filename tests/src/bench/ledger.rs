//! Time to read and verify a long ledger.

use lore_privacy::release::{LessonsSpec, release_lessons};
use lore_privacy::{
    Bounds, Budget, Caps, Chain, Ledger, LocalSecret, MemoryStore, Outgoing, Private, Reservation,
    SystemNoise, mechanism,
};
use lore_protocol::codec;
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::payload::{PayloadKind, Unit, Window};
use serde_json::{Value, json};

use super::bar;
use super::clock::{Samples, time};

/// Most seconds that a verification may take.
const BAR_S: f64 = 2.0;
const DAY: u64 = 86_400;

/// Measures the verification of a ledger of `entries` entries, which is of four for each release.
///
/// # Panics
/// Panics when the ledger does not verify.
#[must_use]
pub fn run(entries: u64, runs: usize) -> Value {
    let ledger = written(entries);
    let verify = Samples::repeat(runs, || {
        let (took, verified) = time(|| ledger.verify().expect("it verifies"));
        assert_eq!(verified.entries, entries);
        took
    });
    let open = Samples::repeat(runs, || {
        let store = ledger.store().clone();
        let (took, opened) = time(|| Ledger::open(store).expect("it opens"));
        assert!(opened.pending().is_empty());
        took
    });
    json!({
        "entries": entries,
        "releases": releases_of(entries),
        "verify_s": verify.wall(),
        "open_s": open.wall(),
        "bar_s": bar(verify.wall(), BAR_S),
        "samples": { "verify": verify.json(), "open": open.json() },
    })
}

/// Releases of four entries each, with room for a budget before them.
const fn releases_of(entries: u64) -> u64 {
    entries.saturating_sub(1) / 4
}

/// One release after the other, each reserved, sampled, committed and published.
fn written(entries: u64) -> Ledger<MemoryStore> {
    let chain = Chain { federation: FederationId([1; 32]), member: MemberId([2; 32]) };
    let mut ledger = Ledger::open(MemoryStore::default()).expect("an empty ledger");
    let budget = Budget::new(Unit::User, 4_000_000, 1_000_000_000_000, 90).expect("a budget");
    // The owner's budget comes first, and again as often as makes up what is not of a release.
    let releases = releases_of(entries);
    for _ in 0..entries - 4 * releases {
        ledger.set_budget(budget, 0).expect("a budget");
    }
    let secret = LocalSecret::from_bytes([3; 32]);
    let none = Private::new(Vec::new());
    // So much noise that thousands of releases fit one budget.
    let mechanism =
        mechanism::gaussian(Unit::User, Bounds::shared(32), 20_000_000_000_000, 200_000_000)
            .expect("noise");
    for n in 0..releases {
        let mut release = Hash::ZERO;
        release.0[..8].copy_from_slice(&n.to_le_bytes());
        let window = Window { start_seconds: 1, end_seconds: DAY };
        let spec = LessonsSpec::new(release, mechanism, window, 200);
        let reservation = Reservation {
            release,
            spec: spec.hash(),
            chain,
            period: 0,
            at_seconds: DAY,
            kind: PayloadKind::Lessons,
            mechanism,
            window,
        };
        let caps = Caps { rho_nano: u64::MAX, delta_e18: u64::MAX };
        let ticket = ledger.reserve(reservation, caps).expect("it fits the budget");
        let sampled = ledger
            .sample(ticket, || release_lessons(&spec, &none, &secret, &mut SystemNoise))
            .expect("a result");
        ledger
            .commit(chain, n + 1, 0, &Outgoing::from(sampled), |payload, _| codec::encode(payload))
            .expect("a height");
        ledger.published(chain, n + 1).expect("it was committed");
    }
    ledger
}
