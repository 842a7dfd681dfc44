//! Gain of pooling over nodes for the estimate of a success rate.

use lore_protocol::payload::Noise;
use serde::Serialize;

use super::{DELTA_E18, EPSILONS_MICROS};
use crate::{Bounds, PrivacyError, preset, utility};

/// Nodes that pool.
const NODES: u32 = 20;
/// Sessions of each in a period.
const SESSIONS: u32 = 30;
/// The true rate.
const RATE: f64 = 0.6;

/// Standard errors of a success rate at one epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Epsilon of the period.
    pub epsilon: f64,
    /// Delta at which rho is converted: all of 1e-6 where nothing is thresholded, or half of it.
    pub delta_conv: f64,
    /// Sigma of one outcome release with three items a user that takes the whole budget.
    pub sigma: f64,
    /// Standard error of one node alone.
    pub isolated: f64,
    /// Standard error of all nodes without noise.
    pub pooled: f64,
    /// Standard error of all nodes with noise.
    pub private: f64,
    /// Least number of nodes whose private pool beats a node alone.
    pub break_even_nodes: u32,
}

/// Each epsilon, converted at the whole delta and at half.
///
/// # Errors
/// Fails when opendp refuses a parameter.
pub fn rates() -> Result<Vec<Rate>, PrivacyError> {
    let mut rows = Vec::new();
    for delta_e18 in [DELTA_E18, DELTA_E18 / 2] {
        for epsilon_micros in EPSILONS_MICROS {
            let rho_nano = preset::rho_nano(epsilon_micros, delta_e18)?;
            let sigma =
                preset::least_scale(Noise::Gaussian, Bounds::OUTCOMES, rho_nano)? as f64 / 1e6;
            let error = |sigma, nodes| utility::rate_standard_error(sigma, nodes, SESSIONS, RATE);
            rows.push(Rate {
                epsilon: epsilon_micros as f64 / 1e6,
                delta_conv: delta_e18 as f64 / 1e18,
                sigma,
                isolated: error(0.0, 1),
                pooled: error(0.0, NODES),
                private: error(sigma, NODES),
                break_even_nodes: utility::break_even_nodes(sigma, SESSIONS, RATE),
            });
        }
    }
    Ok(rows)
}
