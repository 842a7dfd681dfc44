//! People in nodes who use tools, and when they meet a tool's failure: the same in every arm.

use serde::{Deserialize, Serialize};

use super::StudyError;
use super::change::Change;
use crate::rng::{Purpose, Stream, Streams};

/// Seconds of an epoch: a week.
pub const EPOCH_SECONDS: u32 = 604_800;

/// People, tools and habits of a community.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// People of each node.
    pub users: u32,
    /// Situations of the community, each of a tool of its own.
    pub situations: u32,
    /// Share of a node's people who use each tool, 0 to 1.
    pub prevalence: f64,
    /// Chance that a person who uses a tool meets its situation in an epoch, 0 to 1.
    pub meets: f64,
    /// Chance that a hint is followed, 0 to 1.
    pub follows: f64,
    /// Chance that the remedy of the person's version works, 0 to 1.
    pub works: f64,
    /// Chance that another version's remedy works, 0 to 1.
    pub fails: f64,
}

impl People {
    /// Checks every value.
    ///
    /// # Errors
    /// Names the first key that is out of its range.
    pub fn check(&self) -> Result<(), StudyError> {
        let shares = [
            ("people.prevalence", self.prevalence),
            ("people.meets", self.meets),
            ("people.follows", self.follows),
            ("people.works", self.works),
            ("people.fails", self.fails),
        ];
        for (key, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(StudyError::value(key, value, "between 0 and 1"));
            }
        }
        if !(1..=10_000).contains(&self.users) {
            return Err(StudyError::value("people.users", self.users, "between 1 and 10,000"));
        }
        if !(1..=200).contains(&self.situations) {
            return Err(StudyError::value(
                "people.situations",
                self.situations,
                "between 1 and 200",
            ));
        }
        Ok(())
    }
}

/// One person meets one situation. What happens is drawn already, whatever an arm makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meeting {
    /// The node.
    pub node: u32,
    /// The person, within the node.
    pub user: u32,
    /// The situation.
    pub situation: usize,
    /// Second of the epoch.
    pub second: u32,
    /// The person's place in the queue for newer versions, 0 to 1.
    pub place: f64,
    /// The person follows a hint, when there is one.
    pub follows: bool,
    /// The remedy that is tried first without a hint.
    pub guess: usize,
    /// The remedy of the person's version would work this time.
    pub right_works: bool,
    /// Another version's remedy would work this time.
    pub wrong_works: bool,
}

/// All people of a federation, from one seed.
pub struct Crowd {
    people: People,
    streams: Vec<Stream>,
    /// Place of each person in the queue for newer versions, by node.
    places: Vec<Vec<f64>>,
    /// True where a person uses the tool of a situation, by node, person and situation.
    uses: Vec<Vec<bool>>,
}

/// A uniform number from 0 to below 1.
pub fn uniform(draws: &mut Stream) -> f64 {
    // 53 bits are what a float holds.
    (draws.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

impl Crowd {
    /// The people of `nodes` nodes. Those of the first nodes are the same, however many follow.
    #[must_use]
    pub fn new(people: People, nodes: u32, seed: u64) -> Self {
        let all = Streams::new(seed);
        let mut streams: Vec<Stream> =
            (0..nodes).map(|node| all.stream(node, Purpose::Work)).collect();
        let places = streams
            .iter_mut()
            .map(|draws| (0..people.users).map(|_| uniform(draws)).collect())
            .collect();
        let pairs = people.users * people.situations;
        let uses = streams
            .iter_mut()
            .map(|draws| (0..pairs).map(|_| uniform(draws) < people.prevalence).collect())
            .collect();
        Self { people, streams, places, uses }
    }

    /// All meetings of the next epoch, in the order of their times.
    pub fn epoch(&mut self) -> Vec<Meeting> {
        let People { users, situations, meets, follows, works, fails, .. } = self.people;
        let mut meetings = Vec::new();
        for (node, draws) in (0..).zip(&mut self.streams) {
            for user in 0..users {
                for situation in 0..situations {
                    // Drawn for everybody, so that nobody's choices move another one's.
                    let met = uniform(draws) < meets;
                    let uses = &self.uses[node as usize];
                    if !met || !uses[(user * situations + situation) as usize] {
                        continue;
                    }
                    meetings.push(Meeting {
                        node,
                        user,
                        situation: situation as usize,
                        second: draws.below(EPOCH_SECONDS.into()) as u32,
                        place: self.places[node as usize][user as usize],
                        follows: uniform(draws) < follows,
                        guess: draws.index(2),
                        right_works: uniform(draws) < works,
                        wrong_works: uniform(draws) < fails,
                    });
                }
            }
        }
        meetings.sort_by_key(|one| (one.second, one.node, one.user, one.situation));
        meetings
    }
}

/// What one meeting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Remedies that were tried, and whether each worked.
    pub tries: [Option<(usize, bool)>; 2],
    /// Failing calls after the first one.
    pub wasted: u32,
    /// The hint named the remedy of the person's version; none without a hint.
    pub right: Option<bool>,
}

impl Meeting {
    /// The course of a meeting in an epoch, given a hint: the person tries the hinted remedy or a guess, and then
    /// the other one.
    #[must_use]
    pub fn course(&self, change: Change, epoch: u32, hint: Option<usize>) -> Course {
        let works = change.works(epoch, self.place);
        let first = hint.filter(|_| self.follows).unwrap_or(self.guess);
        let success = |remedy| if remedy == works { self.right_works } else { self.wrong_works };
        let mut course =
            Course { tries: [None; 2], wasted: 0, right: hint.map(|one| one == works) };
        for (at, remedy) in [first, 1 - first].into_iter().enumerate() {
            course.tries[at] = Some((remedy, success(remedy)));
            if success(remedy) {
                break;
            }
            course.wasted += 1;
        }
        course
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: People = People {
        users: 50,
        situations: 4,
        prevalence: 0.4,
        meets: 0.5,
        follows: 0.9,
        works: 0.9,
        fails: 0.05,
    };

    #[test]
    fn meetings_repeat_and_more_nodes_leave_the_first_ones_as_they_were() {
        let of = |nodes| {
            let mut crowd = Crowd::new(PEOPLE, nodes, 7);
            let _ = crowd.epoch();
            let mut second = crowd.epoch();
            second.retain(|one| one.node < 2);
            second
        };
        assert_eq!(of(2), of(9));
        assert!(of(2).is_sorted_by_key(|one| one.second));
    }

    #[test]
    fn as_many_meet_a_situation_as_the_prevalence_says() {
        let met = Crowd::new(PEOPLE, 20, 7).epoch().len() as f64;
        // 20 nodes of 50 people, 4 situations, 0.2 each: 800 with a standard deviation of 25.
        assert!((680.0..920.0).contains(&met), "{met}");
    }

    #[test]
    fn a_right_hint_saves_the_try_that_a_wrong_one_costs() {
        let meeting = Meeting {
            node: 0,
            user: 0,
            situation: 0,
            second: 0,
            place: 0.5,
            follows: true,
            guess: 0,
            right_works: true,
            wrong_works: false,
        };
        let course = |hint| meeting.course(Change::Abrupt { at: 2 }, 2, hint);
        assert_eq!((course(Some(1)).wasted, course(Some(1)).right), (0, Some(true)));
        assert_eq!((course(Some(0)).wasted, course(Some(0)).right), (1, Some(false)));
        assert_eq!((course(None).wasted, course(None).tries[1]), (1, Some((1, true))));
        assert_eq!(meeting.course(Change::Never, 2, None).wasted, 0);
    }
}
