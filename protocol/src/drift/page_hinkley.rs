//! Page-Hinkley test for a change of mean (E. S. Page, "Continuous Inspection Schemes", Biometrika 41,
//! 1954), with the forgetting factor of the usual streaming form.

/// Which change raises the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The mean rises.
    Up,
    /// The mean falls.
    Down,
    /// Either.
    Both,
}

/// Settings of a [`PageHinkley`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageHinkleyConfig {
    /// The alarm level, lambda, in units of the observations.
    pub lambda: f64,
    /// The change that is tolerated, in units of the observations.
    pub delta: f64,
    /// Observations before the first alarm.
    pub min_observations: u64,
    /// Factor on the sums before each observation; 1 never forgets.
    pub forgetting: f64,
    /// Which change raises the alarm.
    pub direction: Direction,
}

impl Default for PageHinkleyConfig {
    /// For outcomes of one skill, 1 a success and 0 a failure: a fall from 0.9 to 0.2 is seen after
    /// about ten sessions.
    fn default() -> Self {
        Self {
            lambda: 5.0,
            delta: 0.1,
            min_observations: 10,
            forgetting: 0.9999,
            direction: Direction::Down,
        }
    }
}

/// The running test. Starts over at the observation after an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageHinkley {
    config: PageHinkleyConfig,
    sums: Sums,
    alarmed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Sums {
    observations: u64,
    mean: f64,
    rising: f64,
    lowest: f64,
    falling: f64,
    highest: f64,
}

const FRESH: Sums = Sums {
    observations: 0,
    mean: 0.0,
    rising: 0.0,
    lowest: f64::INFINITY,
    falling: 0.0,
    highest: f64::NEG_INFINITY,
};

impl PageHinkley {
    /// A test that has seen nothing.
    #[must_use]
    pub const fn new(config: PageHinkleyConfig) -> Self {
        Self { config, sums: FRESH, alarmed: false }
    }

    /// Takes one observation; whether it raises the alarm. An observation that is no finite number is
    /// ignored.
    pub fn observe(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        if std::mem::take(&mut self.alarmed) {
            self.sums = FRESH;
        }
        let PageHinkleyConfig { lambda, delta, min_observations, forgetting, direction } =
            self.config;
        let sums = &mut self.sums;
        sums.observations += 1;
        // Sessions of one node: far below 2^53.
        sums.mean += (value - sums.mean) / sums.observations as f64;
        let deviation = value - sums.mean;
        sums.rising = forgetting * sums.rising + deviation - delta;
        sums.falling = forgetting * sums.falling + deviation + delta;
        sums.lowest = sums.lowest.min(sums.rising);
        sums.highest = sums.highest.max(sums.falling);
        if sums.observations >= min_observations {
            let up = sums.rising - sums.lowest > lambda;
            let down = sums.highest - sums.falling > lambda;
            self.alarmed = match direction {
                Direction::Up => up,
                Direction::Down => down,
                Direction::Both => up || down,
            };
        }
        self.alarmed
    }
}
