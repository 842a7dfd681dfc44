//! Nodes that share a growing library: they go by the shipped rule, release what came of it, and fold what is released.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lore_lessons::Book;
use lore_privacy::release::{OutcomesSpec, release_outcomes};
use lore_privacy::{LocalSecret, OutcomeContribution, Private, SeededNoise, UnitId};
use lore_protocol::ids::{Hash, LessonId};
use lore_protocol::payload::{ItemId, MAX_CELLS, Mechanism, Payload};

use super::rule::{Item, Standing};
use super::world::{Meeting, World};
use crate::budget::WEEK;
use crate::study::StudyError;
use crate::study::arm::Arm;
use crate::study::fold::{Group, member};
use crate::study::pitfall::Pitfall;

/// What one library says in an epoch.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// Items that the nodes' code would give, with their evidence.
    pub usable: BTreeMap<Item, Standing>,
    /// The remedy that it gives in a situation, by situation.
    pub hints: Vec<Option<usize>>,
}

/// The nodes of one arm.
pub(super) struct Federation<'a> {
    arm: Arm,
    seed: u64,
    world: &'a World,
    mechanism: Mechanism,
    pitfalls: Vec<Pitfall>,
    items: HashMap<LessonId, Item>,
    secrets: Vec<LocalSecret>,
    units: Vec<Vec<UnitId>>,
    cells: BTreeSet<(ItemId, u16)>,
    /// The libraries: one for all, or one for each node.
    groups: Vec<Group>,
    views: Vec<View>,
}

impl<'a> Federation<'a> {
    /// An arm before its first epoch.
    ///
    /// # Errors
    /// Fails when the world has more remedies than a release can count, or the grammar refuses one.
    pub(super) fn new(
        arm: Arm,
        seed: u64,
        world: &'a World,
        (nodes, users): (u32, u32),
        mechanism: Mechanism,
    ) -> Result<Self, StudyError> {
        let remedies: usize = world.situations.iter().map(super::world::Situation::remedies).sum();
        if remedies > MAX_CELLS {
            let must = format!("so small that at most {MAX_CELLS} remedies come");
            return Err(StudyError::value("growth", format!("{remedies} remedies"), &must));
        }
        let pitfalls = (0..).zip(&world.situations);
        let pitfalls = pitfalls
            .map(|(number, one)| Pitfall::new(number, u32::try_from(one.remedies()).unwrap_or(0)))
            .collect::<Result<Vec<_>, _>>()?;
        let numbered = pitfalls.iter().enumerate().flat_map(|(situation, one)| {
            let remedies = one.remedies.iter().enumerate();
            remedies.map(move |(remedy, lesson)| (lesson.id(), (situation, remedy)))
        });
        let items = numbered.collect();
        let secrets: Vec<LocalSecret> =
            (0..nodes).map(|node| LocalSecret::from_bytes(*member(node).as_bytes())).collect();
        let unit = |secret: &LocalSecret| -> Vec<UnitId> {
            (0..users).map(|user| secret.user(&user.to_string())).collect()
        };
        let units = secrets.iter().map(unit).collect();
        let count = if arm == Arm::Isolated { nodes as usize } else { 1 };
        let view = View { hints: vec![None; pitfalls.len()], ..View::default() };
        Ok(Self {
            arm,
            seed,
            world,
            mechanism,
            pitfalls,
            items,
            secrets,
            units,
            cells: BTreeSet::new(),
            groups: vec![Group::new(true); count],
            views: vec![view; count],
        })
    }

    /// The library that a node goes by.
    #[must_use]
    pub(super) fn group_of(&self, node: u32) -> usize {
        if self.arm == Arm::Isolated { node as usize } else { 0 }
    }

    /// What each library says.
    #[must_use]
    pub(super) fn views(&self) -> &[View] {
        &self.views
    }

    /// Writes the remedies that come into the library in an epoch, and looks at what the libraries say then.
    ///
    /// # Errors
    /// Fails when one is not a lesson that a delta can have.
    pub(super) fn begin(&mut self, epoch: u32) -> Result<(), StudyError> {
        let mut new = Vec::new();
        for (pitfall, situation) in self.pitfalls.iter().zip(&self.world.situations) {
            let before = situation.released(epoch.saturating_sub(1));
            new.extend_from_slice(&pitfall.remedies[before..situation.released(epoch)]);
        }
        self.cells.extend(new.iter().map(|lesson| (ItemId::Lesson(lesson.id()), 0)));
        for group in &mut self.groups {
            group.learn(epoch, new.iter().cloned())?;
        }
        self.look();
        Ok(())
    }

    /// Lets everybody work for one epoch and release what came of it.
    ///
    /// # Errors
    /// Fails when a release is refused.
    pub(super) fn end(&mut self, epoch: u32, meetings: &[Meeting]) -> Result<(), StudyError> {
        let mut trials: Vec<Vec<OutcomeContribution>> = vec![Vec::new(); self.secrets.len()];
        for met in meetings {
            let given = self.views[self.group_of(met.node)].hints[met.situation];
            let tries = met.tries(&self.world.situations[met.situation], epoch, given);
            for (remedy, success) in tries.into_iter().flatten() {
                // A remedy of a tool that goes out of use may never be written down.
                let Some(lesson) = self.pitfalls[met.situation].remedies.get(remedy) else {
                    continue;
                };
                trials[met.node as usize].push(OutcomeContribution {
                    unit: self.units[met.node as usize][met.user as usize],
                    item: ItemId::Lesson(lesson.id()),
                    context: 0,
                    success,
                    start_seconds: 0,
                });
            }
        }
        let mut said: Vec<Vec<_>> = vec![Vec::new(); self.groups.len()];
        for (node, trials) in (0..).zip(trials) {
            said[self.group_of(node)].push((member(node), self.release(epoch, node, trials)?));
        }
        for (group, said) in self.groups.iter_mut().zip(said) {
            group.take(epoch, said)?;
        }
        Ok(())
    }

    fn release(
        &self,
        epoch: u32,
        node: u32,
        trials: Vec<OutcomeContribution>,
    ) -> Result<Payload, StudyError> {
        let parts = [self.seed, node.into(), epoch.into()].map(u64::to_le_bytes).concat();
        let spec = OutcomesSpec {
            release: Hash::derive("lore-sim/study", &[&parts]),
            mechanism: self.mechanism,
            window: WEEK,
            items_root: Hash::ZERO,
            cells: self.cells.clone(),
        };
        let mut noise = SeededNoise::new(&parts);
        let secret = &self.secrets[node as usize];
        let made = release_outcomes(&spec, &Private::new(trials), secret, &mut noise)?;
        Ok(made.into_inner())
    }

    fn look(&mut self) {
        for (group, view) in self.groups.iter().zip(&mut self.views) {
            let book = group.whole_book();
            for (pitfall, hint) in self.pitfalls.iter().zip(&mut view.hints) {
                let found = book.hint_for(&pitfall.situation, None);
                *hint = found.and_then(|found| {
                    pitfall.remedies.iter().position(|one| *one == found.entry.lesson)
                });
            }
            view.usable = usable(group, &book, &self.items, self.world);
        }
    }
}

/// Items that the nodes' code would give, with their evidence.
fn usable(
    group: &Group,
    book: &Book,
    items: &HashMap<LessonId, Item>,
    world: &World,
) -> BTreeMap<Item, Standing> {
    let given = book.entries().iter().filter(|entry| entry.stands() && entry.helps());
    let standing = given.filter_map(|entry| {
        let id = entry.lesson.id();
        let tally = entry.tally;
        let trials = u64::from(tally.worked) + u64::from(tally.failed);
        let watch = group.library().watches.get(&id).and_then(|watch| watch.get(&0));
        // Without a watch nothing was counted yet: its one success is its author's word.
        let heard = watch.map_or(0.0, |watch| {
            watch.heard.count.max(0) as f64 / f64::from(watch.heard.epochs.max(1))
        });
        let share = f64::from(tally.worked) / trials.max(1) as f64;
        let item = *items.get(&id)?;
        let standing = Standing {
            uses: heard * share,
            rate: tally.lower_bound(),
            trials,
            released: world.situations[item.0].released_at(item.1),
        };
        Some((item, standing))
    });
    standing.collect()
}
