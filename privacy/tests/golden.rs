//! The conversion from rho to epsilon against another implementation (`scripts/golden_epsilon.py`).
#![allow(clippy::unwrap_used)]

use lore_privacy::preset::epsilon_micros;

/// Their orders lie on a grid, and both round: a part in a million, and the last digit of ours.
const RELATIVE: f64 = 1e-6;
const ROUNDING: f64 = 1.1e-6;

#[test]
fn epsilon_agrees_with_dp_accounting_and_is_not_below_the_exact_gaussian() {
    let golden: serde_json::Value =
        serde_json::from_str(include_str!("../golden/epsilon.json")).unwrap();
    let rows = golden["rows"].as_array().unwrap();
    assert!(rows.len() >= 50);
    for row in rows {
        let of = |key: &str| row[key].as_u64().unwrap();
        let number = |key: &str| row[key].as_f64().unwrap();
        let ours = epsilon_micros(of("rho_nano"), of("delta_e18")).unwrap() as f64 / 1e6;
        let (zcdp, gaussian) = (number("zcdp"), number("gaussian"));
        assert!(ours >= gaussian, "{ours} is below the exact epsilon: {row}");
        assert!((ours - zcdp).abs() <= zcdp.mul_add(RELATIVE, ROUNDING), "{ours} of {row}");
    }
}
