//! A growing world: situations come into being, their tools change, and go out of use. The same in every arm.

use serde::Deserialize;

use crate::rng::{Purpose, Stream, Streams, WHOLE};
use crate::study::StudyError;
use crate::study::crowd::{People, uniform};
use crate::study::people::check_within;

/// How the world grows and changes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Situations of the first epoch, whose remedies are in the library already.
    pub start: u32,
    /// Situations that come into being in each later epoch.
    pub arrive: u32,
    /// Chance that a situation's tool changes in an epoch, so that its remedy stops working for everybody, 0 to 1.
    pub changes: f64,
    /// Share of these changes, but a situation's first, that bring back what worked before, 0 to 1.
    pub back: f64,
    /// Chance that a tool goes out of use in an epoch, 0 to 1.
    pub leaves: f64,
    /// Epochs until a remedy that is new is in the library.
    pub delay: u32,
    /// Share of people who use the tool of a rare situation, 0 to 1.
    pub rare_prevalence: f64,
}

impl Growth {
    /// Checks every value.
    ///
    /// # Errors
    /// Names the first key that is out of its range.
    pub(super) fn check(&self) -> Result<(), StudyError> {
        check_within("growth.start", self.start, 1, 500)?;
        check_within("growth.arrive", self.arrive, 0, 100)?;
        check_within("growth.delay", self.delay, 0, 100)?;
        let shares = [
            ("growth.changes", self.changes),
            ("growth.back", self.back),
            ("growth.leaves", self.leaves),
            ("growth.rare_prevalence", self.rare_prevalence),
        ];
        for (key, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(StudyError::value(key, share, "between 0 and 1"));
            }
        }
        Ok(())
    }
}

/// A situation, from its first epoch to its last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Situation {
    /// First epoch in which it is met.
    born: u32,
    /// First epoch in which it is not met any more.
    ended: u32,
    /// Share of people who use its tool.
    prevalence: f64,
    /// First epoch and remedy of each phase.
    phases: Vec<(u32, usize)>,
    /// Epoch from which on each remedy is in the library. A later remedy never comes first.
    known: Vec<u32>,
}

impl Situation {
    fn draw(
        growth: Growth,
        born: u32,
        (prevalences, rare): (&[f64], f64),
        epochs: u32,
        draws: &mut Stream,
    ) -> Self {
        // Both are drawn, so that worlds with more rare situations are otherwise the same.
        let is_rare = uniform(draws) < rare;
        let common = prevalences.get(draws.index(prevalences.len())).copied().unwrap_or(0.0);
        let prevalence = if is_rare { growth.rare_prevalence } else { common };
        let delay = if born == 1 { 0 } else { growth.delay };
        let mut one = Self {
            born,
            ended: u32::MAX,
            prevalence,
            phases: vec![(born, 0)],
            known: vec![born + delay],
        };
        for epoch in born + 1..=epochs {
            let [leaves, changes, back] = [(); 3].map(|()| uniform(draws));
            if leaves < growth.leaves {
                one.ended = epoch;
                break;
            }
            if changes >= growth.changes {
                continue;
            }
            let before = one.phases.iter().rev().nth(1).map(|(_, remedy)| *remedy);
            let remedy = before.filter(|_| back < growth.back).unwrap_or_else(|| {
                one.known.push(epoch + growth.delay);
                one.known.len() - 1
            });
            one.phases.push((epoch, remedy));
        }
        // What nobody meets any more is not written down.
        one.known.retain(|epoch| *epoch < one.ended);
        one
    }

    /// True while people meet it.
    #[must_use]
    pub(super) fn is_met(&self, epoch: u32) -> bool {
        (self.born..self.ended).contains(&epoch)
    }

    /// The remedy that works in an epoch.
    #[must_use]
    pub(super) fn works(&self, epoch: u32) -> usize {
        self.phases.iter().take_while(|(from, _)| *from <= epoch).last().map_or(0, |one| one.1)
    }

    /// The remedy that worked before the phase of an epoch; none in the first phase.
    #[must_use]
    pub(super) fn former(&self, epoch: u32) -> Option<usize> {
        let until = self.phases.iter().take_while(|(from, _)| *from <= epoch).count();
        until.checked_sub(2).map(|at| self.phases[at].1)
    }

    /// Number of its remedies that are in the library in an epoch: the first ones.
    #[must_use]
    pub(super) fn released(&self, epoch: u32) -> usize {
        self.known.iter().take_while(|known| **known <= epoch).count()
    }

    /// Epoch from which on a remedy is in the library.
    pub(super) fn released_at(&self, remedy: usize) -> u32 {
        self.known.get(remedy).copied().unwrap_or(u32::MAX)
    }

    /// Number of its remedies that ever are.
    #[must_use]
    pub(super) fn remedies(&self) -> usize {
        self.known.len()
    }

    /// Share of people who use its tool.
    #[must_use]
    pub(super) const fn prevalence(&self) -> f64 {
        self.prevalence
    }
}

/// One person meets one situation. What happens is drawn already, whatever an arm makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Meeting {
    /// The node.
    pub node: u32,
    /// The person, within the node.
    pub user: u32,
    /// The situation.
    pub situation: usize,
    /// The person follows what is given, when something is.
    pub follows: bool,
    /// Without help the person tries the remedy that works before the former one.
    pub guesses: bool,
    /// Decides between remedies that nothing tells apart, 0 to 1.
    pub tie: f64,
    /// The remedy that works does so this time.
    pub right_works: bool,
    /// Another one works this time.
    pub wrong_works: bool,
}

impl Meeting {
    /// True when a remedy works for this person.
    #[must_use]
    pub(super) const fn success(&self, remedy: usize, works: usize) -> bool {
        if remedy == works { self.right_works } else { self.wrong_works }
    }

    /// Remedies that are tried, and whether each worked: first what was given or a guess, and when that fails the one that
    /// works, or the former one.
    #[must_use]
    pub(super) fn tries(
        &self,
        situation: &Situation,
        epoch: u32,
        given: Option<usize>,
    ) -> [Option<(usize, bool)>; 2] {
        let works = situation.works(epoch);
        let former = situation.former(epoch);
        let guess = if self.guesses { Some(works) } else { former };
        let first = given.filter(|_| self.follows).or(guess);
        let tried = |remedy: usize| (remedy, self.success(remedy, works));
        let first_try = first.map(tried);
        if first_try.is_some_and(|(_, success)| success) {
            return [first_try, None];
        }
        let second = if first == Some(works) { former } else { Some(works) };
        [first_try, second.map(tried)]
    }
}

/// A world from one seed.
pub(super) struct World {
    /// Its situations, by birth.
    pub situations: Vec<Situation>,
    /// Meetings by epoch.
    pub meetings: Vec<Vec<Meeting>>,
}

impl World {
    /// Draws it. A share `rare` of its situations has the prevalence of rare ones, the others are drawn from `prevalences`;
    /// `people.situations` and `people.prevalence` are not read.
    #[must_use]
    pub(super) fn new(
        growth: Growth,
        people: People,
        prevalences: (&[f64], f64),
        (nodes, epochs): (u32, u32),
        seed: u64,
    ) -> Self {
        let all = Streams::new(seed);
        let mut draws = all.stream(WHOLE, Purpose::Work);
        let born = (0..growth.start).map(|_| 1);
        let born = born.chain((2..=epochs).flat_map(|at| (0..growth.arrive).map(move |_| at)));
        let situations: Vec<Situation> = born
            .map(|born| Situation::draw(growth, born, prevalences, epochs, &mut draws))
            .collect();
        let mut meetings = vec![Vec::new(); epochs as usize];
        for node in 0..nodes {
            let mut draws = all.stream(node, Purpose::Work);
            for user in 0..people.users {
                let uses: Vec<usize> = (0..situations.len())
                    .filter(|at| uniform(&mut draws) < situations[*at].prevalence)
                    .collect();
                for (epoch, met) in (1..).zip(&mut meetings) {
                    let here = uses.iter().filter(|at| situations[**at].is_met(epoch));
                    for situation in here.copied() {
                        if uniform(&mut draws) < people.meets {
                            met.push(meeting(people, (node, user, situation), &mut draws));
                        }
                    }
                }
            }
        }
        Self { situations, meetings }
    }
}

fn meeting(people: People, who: (u32, u32, usize), draws: &mut Stream) -> Meeting {
    let (node, user, situation) = who;
    Meeting {
        node,
        user,
        situation,
        follows: uniform(draws) < people.follows,
        guesses: uniform(draws) < 0.5,
        tie: uniform(draws),
        right_works: uniform(draws) < people.works,
        wrong_works: uniform(draws) < people.fails,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWTH: Growth = Growth {
        start: 10,
        arrive: 3,
        changes: 0.1,
        back: 0.3,
        leaves: 0.02,
        delay: 2,
        rare_prevalence: 0.01,
    };
    const PEOPLE: People = People {
        users: 20,
        situations: 0,
        prevalence: 0.0,
        meets: 0.5,
        follows: 0.9,
        works: 0.9,
        fails: 0.05,
    };

    fn changing() -> Situation {
        Situation {
            born: 1,
            ended: 30,
            prevalence: 0.1,
            phases: vec![(1, 0), (5, 1), (9, 0)],
            known: vec![1, 7],
        }
    }

    #[test]
    fn a_changed_tool_has_another_remedy_and_the_library_learns_of_it_later() {
        let one = changing();
        assert_eq!([1, 4, 5, 8, 9].map(|epoch| one.works(epoch)), [0, 0, 1, 1, 0]);
        assert_eq!([4, 5, 9].map(|epoch| one.former(epoch)), [None, Some(0), Some(1)]);
        assert_eq!([6, 7].map(|epoch| one.released(epoch)), [1, 2]);
        assert_eq!([29, 30].map(|epoch| one.is_met(epoch)), [true, false]);
    }

    #[test]
    fn what_is_given_is_tried_first_and_what_works_comes_next() {
        let meeting = Meeting {
            node: 0,
            user: 0,
            situation: 0,
            follows: true,
            guesses: false,
            tie: 0.0,
            right_works: true,
            wrong_works: false,
        };
        let one = changing();
        assert_eq!(meeting.tries(&one, 6, Some(1)), [Some((1, true)), None]);
        assert_eq!(meeting.tries(&one, 6, None), [Some((0, false)), Some((1, true))]);
        let deaf = Meeting { follows: false, guesses: true, right_works: false, ..meeting };
        assert_eq!(deaf.tries(&one, 6, Some(0)), [Some((1, false)), Some((0, false))]);
    }

    #[test]
    fn a_world_repeats_and_grows_as_its_file_says() {
        let of = |nodes| World::new(GROWTH, PEOPLE, (&[0.1, 0.2], 0.0), (nodes, 30), 7);
        let (one, more) = (of(2), of(3));
        assert_eq!(one.situations, more.situations);
        assert_eq!(one.situations.len(), 10 + 3 * 29);
        for (few, many) in one.meetings.iter().zip(&more.meetings) {
            assert!(many.iter().filter(|met| met.node < 2).eq(few), "more nodes move nobody");
        }
        let ended = one.situations.iter().filter(|one| !one.is_met(30)).count();
        assert!((5..40).contains(&ended), "{ended}");
        let changes: usize = one.situations.iter().map(|one| one.phases.len() - 1).sum();
        let remedies: usize = one.situations.iter().map(Situation::remedies).sum();
        assert!(changes > 60 && remedies < one.situations.len() + changes, "{changes} {remedies}");
    }
}
