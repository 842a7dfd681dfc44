//! Knowledge of an explorer: digests that systems have, and units.

/// Digest programs that any system with the coreutils has.
pub(super) const DIGESTS: [&str; 5] = ["md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum"];

/// Units of length in tenths of a millimetre, exact by definition (international foot, 1959).
const LENGTHS: [(&str, u64); 9] = [
    ("millimetres", 10),
    ("centimetres", 100),
    ("metres", 10_000),
    ("kilometres", 10_000_000),
    ("inches", 254),
    ("feet", 3_048),
    ("yards", 9_144),
    ("fathoms", 18_288),
    ("miles", 16_093_440),
];

/// Units of mass in micrograms, exact by definition (international pound, 1959).
const MASSES: [(&str, u64); 4] = [
    ("grams", 1_000_000),
    ("kilograms", 1_000_000_000),
    ("ounces", 28_349_523),
    ("pounds", 453_592_370),
];

/// The number of `to` in one `from`, as a fraction in lowest terms; None when they do not measure the same.
pub(super) fn ratio(from: &str, to: &str) -> Option<(u64, u64)> {
    [LENGTHS.as_slice(), MASSES.as_slice()].iter().find_map(|table| {
        let size = |unit: &str| table.iter().find(|(name, _)| *name == unit).map(|(_, s)| *s);
        Some(lowest(size(from)?, size(to)?))
    })
}

/// A fraction in lowest terms.
pub(super) fn lowest(numerator: u64, denominator: u64) -> (u64, u64) {
    let (mut a, mut b) = (numerator, denominator);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let over = |n: u64| n.checked_div(a).unwrap_or(n);
    (over(numerator), over(denominator))
}
