//! Does more help: how often the right item is found as a library grows, and with one to four items given.
//!
//! Select is the agent's, which this room must not know: its counts come as a table that a test of the agent writes and
//! checks (`simulations/data/routing.csv`). Hints are looked up here, by the lessons crate's own book.

use lore_lessons::{Book, Circle, Entry, Situation, Tally};
use lore_protocol::lesson::ErrorClass;
use lore_protocol::library::LessonState;
use serde::Deserialize;

use super::StudyError;
use super::bootstrap::{self, Interval};
use super::page::{Chart, Curve, Page, Point, Scale, Sheet};

const TABLE: &str = include_str!("../../data/routing.csv");
/// Most items that are given.
const MOST: usize = 4;
/// Fewest skills of the fitted line. Below ten most queries have no right answer in the library, and what is left depends
/// on the threshold.
const FITTED_FROM: f64 = 10.0;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Losses that each further item brings, as shares of the tasks that would be solved, 0 to 0.5: assumed.
    pub losses: Vec<f64>,
    /// Numbers of lessons in a book of hints, ascending.
    pub lessons: Vec<u32>,
}

/// Counts of one library of skills.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Library {
    skills: f64,
    queries: f64,
    hits: [f64; MOST],
    tokens: [f64; MOST],
}

fn libraries() -> Result<Vec<Library>, StudyError> {
    type Cells = (f64, u32, f64, [f64; MOST], [f64; MOST]);
    let of_line = |cells: Cells| {
        let (skills, _, queries, hits, tokens) = cells;
        Library { skills, queries, hits, tokens }
    };
    let lines = csv::Reader::from_reader(TABLE.as_bytes()).into_deserialize();
    lines
        .map(|line| line.map(of_line))
        .collect::<Result<_, _>>()
        .map_err(|error| StudyError::Parse(format!("simulations/data/routing.csv: {error}")))
}

/// The libraries of each size, by size. The table has them in this order.
fn by_size(all: &[Library]) -> Vec<(f64, Vec<Library>)> {
    let same = all.chunk_by(|one, next| one.skills == next.skills);
    same.map(|of_size| (of_size[0].skills, of_size.to_vec())).collect()
}

/// The share of queries whose right skill is among the first `count`, with its interval: over libraries where there are
/// several, and over the queries of a single one.
fn share(of_size: &[Library], count: usize) -> Interval {
    if let [one] = of_size {
        return Interval::wilson(one.hits[count - 1], one.queries);
    }
    bootstrap::of(of_size.len(), |places| {
        let hits: f64 = places.iter().map(|at| of_size[*at].hits[count - 1]).sum();
        hits / places.iter().map(|at| of_size[*at].queries).sum::<f64>()
    })
}

/// `a` and `b` of `a - b ln n`, by least squares.
fn logarithmic(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|point| point.0.ln()), mean(&|point| point.1));
    let above: f64 = points.iter().map(|point| (point.0.ln() - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0.ln() - x).powi(2)).sum();
    let slope = above / below;
    (y - slope * x, -slope)
}

/// The share of queries whose right skill is offered first, as a line in the logarithm of the number of skills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The share among 10 skills.
    pub top: f64,
    /// What it falls by when the number of skills grows e-fold.
    pub slope: f64,
    /// Largest number of skills that was measured.
    pub measured_to: f64,
}

impl Line {
    /// The line through what was measured.
    ///
    /// # Errors
    /// Fails when the committed table cannot be read.
    pub fn measured() -> Result<Self, StudyError> {
        Ok(Self::through(&by_size(&libraries()?)))
    }

    fn through(sizes: &[(f64, Vec<Library>)]) -> Self {
        let fitted = sizes.iter().filter(|(size, _)| *size >= FITTED_FROM);
        let points: Vec<(f64, f64)> =
            fitted.map(|(size, all)| (*size, share(all, 1).mean)).collect();
        let (a, slope) = logarithmic(&points);
        let measured_to = sizes.last().map_or(FITTED_FROM, |(size, _)| *size);
        Self { top: a - slope * FITTED_FROM.ln(), slope, measured_to }
    }

    /// The share that the line would have with one skill.
    #[must_use]
    pub fn intercept(&self) -> f64 {
        self.top + self.slope * FITTED_FROM.ln()
    }

    /// The share among so many skills, 0 to 1, if it fell `steepness` times as fast. Fewer than were fitted count as the
    /// least that were.
    #[must_use]
    pub fn at(&self, skills: f64, steepness: f64) -> f64 {
        let more = (skills / FITTED_FROM).max(1.0).ln();
        (self.top - steepness * self.slope * more).clamp(0.0, 1.0)
    }
}

/// Right hints among calls about known words, and hints among calls about words that no lesson has, with a book of
/// so many lessons of one program and one kind of failure: the hardest case, in which only the word tells them apart.
fn hints(lessons: u32) -> Result<(f64, f64), StudyError> {
    let situation = |number: u32| Situation {
        program: "tool".into(),
        public: true,
        class: ErrorClass::UnknownOption,
        word: Some(format!("--option-{number}")),
        message: String::new(),
    };
    let mut book = Book::new();
    for number in 0..lessons {
        let remedy = lore_lessons::Remedy::Replace {
            old: format!("--option-{number}"),
            new: format!("--name-{number}"),
        };
        let lesson =
            lore_lessons::key_of(&situation(number), &remedy, true).ok_or(StudyError::Lesson)?;
        book.add(Entry {
            lesson,
            circle: Circle::Federation,
            tally: Tally { worked: 9, failed: 1, groups: 5, last_seconds: 0 },
            example: String::new(),
            public: true,
            state: LessonState::Steady,
        });
    }
    let (mut right, mut misled) = (0_u32, 0_u32);
    for number in 0..lessons {
        let named = format!("--name-{number}");
        let found = book.hint_for(&situation(number), None);
        right +=
            u32::from(found.is_some_and(|hint| hint.to_string().contains(&format!("`{named}`"))));
        misled += u32::from(book.hint_for(&situation(lessons + number), None).is_some());
    }
    let all = f64::from(lessons.max(1));
    Ok((f64::from(right) / all, f64::from(misled) / all))
}

/// Runs the study. Nothing in it is random but the resampling.
///
/// # Errors
/// Fails when a parameter is out of range.
pub fn run(parameters: &Parameters) -> Result<Page, StudyError> {
    if parameters.losses.iter().any(|loss| !(0.0..=0.5).contains(loss)) {
        let got = format!("{:?}", parameters.losses);
        return Err(StudyError::value("losses", got, "0 to 0.5 each"));
    }
    if parameters.lessons.iter().any(|count| !(1..=20_000).contains(count)) {
        let got = format!("{:?}", parameters.lessons);
        return Err(StudyError::value("lessons", got, "1 to 20,000 each"));
    }
    let all = libraries()?;
    let sizes = by_size(&all);
    let curve = |count: usize| Curve {
        label: if count == 1 {
            "1 skill offered".into()
        } else {
            format!("{count} skills offered")
        },
        points: sizes
            .iter()
            .map(|(size, of_size)| Point { x: *size, y: share(of_size, count) })
            .collect(),
    };
    let mut curves: Vec<Curve> = (1..=MOST).map(curve).collect();
    let mut hinted = Vec::new();
    let mut misled = 0.0_f64;
    for count in &parameters.lessons {
        let (right, wrong) = hints(*count)?;
        misled = misled.max(wrong);
        hinted.push(Point { x: (*count).into(), y: Interval::exact(right) });
    }
    let worst_hint = hinted.iter().map(|point| point.y.mean).fold(1.0, f64::min);
    curves.push(Curve { label: "hint by situation".into(), points: hinted });
    let line = Line::through(&sizes);
    let (a, b) = (line.intercept(), line.slope);
    let mut page = Page::new(
        "routing",
        "Does more help",
        "How often is the right item found as a library grows, and how many items should be given?",
    );
    for (run, one) in (0..).zip(&all) {
        for count in 0..MOST {
            let metric = format!("hit_share_of_{}", count + 1);
            let arm = format!("select, {} skills", one.skills);
            page.note(run, &[run], &arm, &metric, &[one.hits[count] / one.queries]);
        }
    }
    let largest = sizes.last().map_or(&[][..], |(_, all)| all.as_slice());
    let draws = sizes.iter().map(|(_, all)| all.len()).max().unwrap_or(0);
    page.charts.push(Chart {
        title: "Right items found, by the size of the library".into(),
        caption: format!(
            "Share of queries whose right skill is offered, of queries that a library can answer and on which no weight was chosen; \
             bands are 95 % bootstrap intervals over {draws} libraries of each size. Of all skills there is one library: its band is Wilson's \
             interval over {:.0} queries. And the share of failing calls whose hint is right, in a \
             book of so many lessons of one program and one kind of failure.",
            largest.iter().map(|one| one.queries).sum::<f64>()
        ),
        x: Scale::log("skills or lessons in the library", ""),
        y: Scale::even("right item found", "share").from_to(0.5, 1.02),
        curves,
        marks: Vec::new(),
    });
    page.charts.push(net(parameters, largest));
    let rows = sizes.iter().map(|(size, libraries)| {
        let tokens = |count: usize| {
            libraries.iter().map(|one| one.tokens[count - 1]).sum::<f64>() / libraries.len() as f64
        };
        let mut row = vec![format!("{size:.0}")];
        row.extend((1..=MOST).map(|count| share(libraries, count).text(2)));
        row.extend([1, 3].map(|count| format!("{:.0}", tokens(count))));
        row
    });
    let columns = ["skills", "of 1", "of 2", "of 3", "of 4", "tokens of 1", "tokens of 3"];
    page.sheets.push(Sheet {
        caption:
            "Queries whose right skill is among the first offered (95 %), and estimated tokens. Intervals of the last row are over queries."
                .into(),
        columns: columns.map(String::from).to_vec(),
        rows: rows.collect(),
    });
    let even = |count: usize| {
        let (one, more) = (share(largest, 1).mean, share(largest, count).mean);
        1.0 - (one / more).powf(1.0 / (count as f64 - 1.0))
    };
    page.answer = vec![
        format!(
            "Select finds the right skill first in {a:.2} - {b:.3} ln N of the queries, N skills being there (fitted from {FITTED_FROM} to {:.0}). A hint is looked up by what failed, not \
             by words: it is right in {:.0} % of calls however many lessons there are, and a word that no lesson has gets a hint in {:.0} %.",
            line.measured_to,
            100.0 * worst_hint,
            100.0 * misled,
        ),
        format!(
            "With all skills, three offered find {} of the queries and one finds {} (95 % over queries). By these estimates three beat one \
             only if each further item costs less than {:.0} % of the tasks that would be solved (two: {:.0} %, four: {:.0} %).",
            share(largest, 3).text(2),
            share(largest, 1).text(2),
            100.0 * even(3),
            100.0 * even(2),
            100.0 * even(4),
        ),
    ];
    page.ok = worst_hint == 1.0 && misled == 0.0;
    if page.ok {
        page.answer.push("A skill is offered by words, so three is the default; a hint is right already, so one is.".into());
    }
    page.method = vec![
        "78 skills of our own writing and the queries of `agent/core/tests/select` that were set aside; smaller libraries are drawn from them by a \
         hash, and only queries that a library can answer are asked. A test of the agent writes the counts and fails when Select routes otherwise."
            .into(),
        "The book of hints is the hardest case: all lessons are of one program and one kind of failure, and only the word tells them apart.".into(),
    ];
    page.limits = "Skills and queries have one author. Smaller libraries are drawn from the same skills and overlap, so that their intervals are too \
        narrow for libraries of other people; all skills together are one library, whose intervals say nothing about others. The curve ends at \
        78 skills: what lies beyond is the fitted line, if that. What a further item costs a model is assumed, not measured; a published curve \
        peaks at one item given, and whether a model of ours does is not known. Arms of pooling do not apply: all of them rest on the same \
        look-up. Remedies that are rivals for one and the same situation are not told apart by the look-up but by evidence: see `change`."
        .into();
    page.assumed = vec![format!("losses by each further item: {:?}", parameters.losses)];
    Ok(page)
}

/// Tasks that are solved by the number of items given, relative to a right item alone, for several assumed losses.
fn net(parameters: &Parameters, libraries: &[Library]) -> Chart {
    let curves = parameters.losses.iter().map(|loss| Curve {
        label: format!("{:.0} % lost by each further item", 100.0 * loss),
        points: (1..=MOST)
            .map(|count| {
                let kept = (1.0 - loss).powi(count as i32 - 1);
                let Interval { mean, low, high } = share(libraries, count);
                Point {
                    x: count as f64,
                    y: Interval { mean: mean * kept, low: low * kept, high: high * kept },
                }
            })
            .collect(),
    });
    Chart {
        title: "One to four items given".into(),
        caption: "Tasks that are solved, relative to a right item given alone, with all skills in the library: the share of queries whose right \
                  skill is among those given, less what each further item is assumed to cost. Bands are Wilson's 95 % intervals over queries."
            .into(),
        x: Scale::even("items given", "").from_to(0.8, 4.2),
        y: Scale::even("solved", "share").from_to(0.3, 0.9),
        curves: curves.collect(),
        marks: Vec::new(),
    }
}
