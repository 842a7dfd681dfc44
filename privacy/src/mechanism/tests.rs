#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

#[test]
fn cells_cost_what_the_formula_says_rounded_up() {
    for (l0, linf, scale_micros) in [(3, 1, 14_234_000), (1, 1, 10_065_000), (7, 4, 123_456_789)] {
        let cost = cells_cost(Bounds::cells(l0, linf), scale_micros).unwrap();
        let square = u128::from(l0) * u128::from(linf) * u128::from(linf);
        let exact = (square * 10_u128.pow(21)).div_ceil(2 * u128::from(scale_micros).pow(2));
        let charged = u128::from(cost.rho_nano);
        assert!((exact..=exact + 1).contains(&charged), "{charged} for {exact}");
        assert_eq!(cost.delta_e18, 0);
    }
}

#[test]
fn a_threshold_is_charged_the_tail_it_really_has() {
    for (l0, scale_micros, threshold) in [(3, 3_182_867, 19), (1, 1_500_000, 6), (3, 6_365_733, 37)]
    {
        let cost = threshold_cost(Bounds::cells(l0, 1), scale_micros, threshold).unwrap();
        let single = crate::utility::upper_tail(scale_micros, i64::from(threshold) - 1);
        let exact = 1.0 - (1.0 - single).powi(i32::from(l0));
        let charged = cost.delta_e18 as f64 / 1e18;
        assert!(charged >= exact, "charged {charged}, true {exact}");
        assert!(charged <= 6.0 * exact, "charged {charged}, true {exact}");
    }
}

/// Whatever number of keys share a unit's weight, the charge covers the chance that any of them comes out.
#[test]
fn a_shared_weight_is_charged_the_worst_number_of_keys() {
    // Thresholds at which one key, many keys, and something between are the worst.
    for (scale_micros, threshold) in [(18_376_000_000, 104_000), (9_000_000_000, 20_000)] {
        for most in [1, 9, 32] {
            let bounds = Bounds::shared(most);
            let charged = threshold_cost(bounds, scale_micros, threshold).unwrap();
            let chance = |keys: u16| {
                let each = i64::try_from(bounds.each(keys)).unwrap();
                let single = crate::utility::upper_tail(scale_micros, i64::from(threshold) - each);
                -(f64::from(keys) * (-single).ln_1p()).exp_m1()
            };
            let worst = (1..=most).map(chance).fold(0.0, f64::max);
            let charged = charged.delta_e18 as f64 / 1e18;
            assert!(charged >= worst, "charged {charged}, true {worst}");
            assert!(charged <= 1.01 * worst, "charged {charged}, true {worst}");
        }
    }
    let rho = |most| cells_cost(Bounds::shared(most), 18_376_000_000).unwrap().rho_nano;
    assert_eq!(rho(1), rho(32), "more keys cost no rho");
}

#[test]
fn without_the_guard_the_library_would_charge_too_little() {
    let map = thresholded(2_000_000, 6).unwrap();
    let one = RBig::from(1);
    let (_, upstream) = map.map(&(1, one.clone(), one)).unwrap();
    let truth = crate::utility::upper_tail(2_000_000, 5);
    assert!(upstream < truth, "the defect is gone upstream: drop the guard");
    let guarded = threshold_cost(Bounds::cells(1, 1), 2_000_000, 6).unwrap();
    assert!(guarded.delta_e18 as f64 / 1e18 >= truth);
}

#[test]
fn a_mechanism_that_declares_less_than_its_charge_is_refused() {
    let honest = gaussian(Unit::User, Bounds::cells(3, 1), 3_182_867, 19).unwrap();
    assert!(verify(&honest).is_ok());
    let cheaper = [
        Mechanism { rho_nano: honest.rho_nano - 1, ..honest },
        Mechanism { delta_e18: honest.delta_e18 - 1, ..honest },
        Mechanism { scale_micros: honest.scale_micros / 4 * 3, ..honest },
        Mechanism { threshold: honest.threshold - 1, ..honest },
        Mechanism { l0: 4, l2_square: 4, ..honest },
    ];
    for mechanism in cheaper {
        assert!(matches!(verify(&mechanism), Err(PrivacyError::Undercharged { .. })));
    }
}

#[test]
fn impossible_parameters_are_errors() {
    assert!(cells_cost(Bounds::cells(0, 1), 1_000_000).is_err());
    assert!(cells_cost(Bounds::cells(1, 0), 1_000_000).is_err());
    assert!(cells_cost(Bounds::cells(1, 1), 0).is_err());
    assert!(threshold_cost(Bounds::cells(3, 1), 1_000_000, 1).is_err());
    let thresholded = Mechanism {
        noise: Noise::Laplace,
        ..gaussian(Unit::User, Bounds::cells(3, 1), 3_000_000, 19).unwrap()
    };
    assert!(cost_of(&thresholded).is_err());
    assert!(laplace(Unit::User, Bounds::cells(0, 1), 1_000_000).is_err());
    assert!(laplace(Unit::User, Bounds::cells(1, 1), 0).is_err());
}

#[test]
fn laplace_is_charged_half_the_square_of_its_epsilon() {
    for (l0, linf, scale_micros) in [(1, 1, 2_905_000), (2, 1, 4_000_000), (3, 5, 700_000)] {
        let cost = laplace_cost(Bounds::cells(l0, linf), scale_micros).unwrap();
        let l1 = u128::from(l0) * u128::from(linf);
        let exact = (l1 * l1 * 10_u128.pow(21)).div_ceil(2 * u128::from(scale_micros).pow(2));
        let charged = u128::from(cost.rho_nano);
        assert!((exact..=exact + 1).contains(&charged), "{charged} for {exact}");
        assert_eq!(cost.delta_e18, 0);
        let made = laplace(Unit::User, Bounds::cells(l0, linf), scale_micros).unwrap();
        assert_eq!(made.least_rho_nano(), exact, "what peers check is what the map charges");
        let cheaper = Mechanism { rho_nano: made.rho_nano - 2, ..made };
        assert!(verify(&cheaper).is_err());
    }
}

/// Both laws, by the library and by the seeded sampler, have the variance that the wire declares.
#[test]
fn noise_has_the_variance_that_is_declared() {
    use crate::{NoiseSource, SeededNoise, SystemNoise};
    let zeros = vec![0; 20_000];
    for mechanism in [
        laplace(Unit::User, Bounds::cells(1, 1), 3_000_000).unwrap(),
        gaussian(Unit::User, Bounds::cells(1, 1), 3_000_000, 0).unwrap(),
    ] {
        let declared = mechanism.variance_micros() as f64 / 1e6;
        let drawn = [
            SystemNoise.add_declared(&zeros, &mechanism).unwrap(),
            SeededNoise::new(b"law").add_declared(&zeros, &mechanism).unwrap(),
        ];
        for noisy in drawn {
            let n = noisy.len() as f64;
            let mean = noisy.iter().sum::<i64>() as f64 / n;
            let variance = noisy.iter().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / n;
            // Six standard errors; the fourth moment of a Laplace is 24 b^4. A discrete Laplace has a
            // sixth less than 2 b^2.
            let error = 6.0 * declared * (5.0 / n).sqrt() + 0.17;
            assert!((variance - declared).abs() < error, "{variance} of {declared}");
            assert!(mean.abs() < 6.0 * (declared / n).sqrt(), "{mean}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_mechanism_makes_the_maps_panic(
        l0: u16, linf: u16, scale_micros: u64, threshold: u32,
    ) {
        let _ = cells_cost(Bounds::cells(l0, linf), scale_micros);
        let _ = threshold_cost(Bounds::cells(l0, linf), scale_micros, threshold);
    }
}
