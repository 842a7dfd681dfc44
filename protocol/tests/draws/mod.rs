//! Seeded noise for tests of evidence.
#![allow(dead_code, unreachable_pub, missing_docs)]

use lore_protocol::library::Counts;

/// Seeded draws for these tests: splitmix64 (Steele, Lea and Flood 2014). Its noise is continuous and
/// rounded, which is close enough to the discrete law at these scales.
pub struct Draws(pub u64);

impl Draws {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of twelve uniforms: variance 1.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    pub fn noisy(&mut self, sessions: u32, rate: f64, sigma: f64) -> Counts {
        let good = (0..sessions).filter(|_| self.unit() < rate).count() as f64;
        let bad = f64::from(sessions) - good;
        let mut noise = || (self.normal() * sigma).round();
        Counts {
            successes: (good + noise()) as i64,
            failures: (bad + noise()) as i64,
            variance_micros: (sigma * sigma * 1e6) as u64,
        }
    }
}
