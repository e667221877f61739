//! Which patch of small edits to try next, from what became of those tried so far.
//!
//! A patch is an ordered set of edits by their keys. Like every search here, this one remembers
//! nothing: the next patch is a function of the edits there are, the trials and a seed, so a search
//! that was killed goes on where it stopped.

mod minimise;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::stats::numeric::count;

pub use minimise::{Step, minimise};

/// A set of edits, by key.
pub type Patch = BTreeSet<String>;

/// Draws before a proposal is given up.
const DRAWS: usize = 64;
/// So many trials for each member of the population without a better one are enough.
const PATIENCE: usize = 16;
/// What an operator's record begins with, in trials.
const PRIOR: f64 = 4.0;

/// One edit, as far as the search knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gene {
    /// Which operator made it: an index into [`Pool::operators`].
    pub operator: usize,
    /// How much of the time is spent where it is.
    pub weight: f64,
    /// What it changes: a file's number, and byte ranges in it.
    pub places: Vec<(usize, Range<usize>)>,
}

/// Everything that may be tried.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// The edits by key.
    pub genes: BTreeMap<String, Gene>,
    /// How often an edit of each operator may be expected to pay, before any was tried.
    pub operators: Vec<f64>,
}

/// What became of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fate")]
pub enum Fate {
    /// It did not parse or did not build.
    Broken,
    /// A test noticed it, or it gave no number.
    Noticed,
    /// The tests pass, and a quick look saw this relative gain.
    Passed {
        /// More than 0 is better.
        gain: f64,
    },
}

/// One patch that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The patch.
    pub patch: Patch,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// How a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many of the best patches are built upon.
    pub population: usize,
    /// A gain must be larger to look like one.
    pub margin: f64,
    /// Draws differ with it.
    pub seed: u64,
}

/// Returns the next patch to try, none twice; `None` when nothing new comes up.
pub fn propose(pool: &Pool, trials: &[Trial], settings: Settings) -> Option<Patch> {
    let n_trials = trials.len() as u64;
    let seed = settings.seed ^ n_trials.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let known: BTreeSet<&Patch> = trials.iter().map(|it| &it.patch).collect();
    let alone = trials.iter().filter(|it| it.patch.len() == 1);
    let alone: BTreeMap<&String, Fate> = alone
        .flat_map(|it| it.patch.iter().map(|key| (key, it.fate)))
        .collect();
    let genes = |is_wanted: &dyn Fn(Option<&Fate>) -> bool| {
        let wanted = pool.genes.iter().filter(|it| is_wanted(alone.get(it.0)));
        wanted.collect::<Vec<_>>()
    };
    let passes = |it: Option<&Fate>| matches!(it, Some(Fate::Passed { .. }));
    let search = Search {
        pool,
        elite: best(pool, trials, settings),
        chances: chances(pool, trials, settings.margin),
        untried: genes(&|it| it.is_none()),
        passing: genes(&passes),
        known,
    };
    let draws = (0..DRAWS).filter_map(|_| search.draw(&mut rng));
    let mut new = draws.filter(|it| search.is_new(it));
    new.next().or_else(|| search.left_over())
}

/// Returns the best patches that pass and look better than the margin, best first; of two with the
/// same gain the smaller.
pub fn best<'t>(pool: &Pool, trials: &'t [Trial], settings: Settings) -> Vec<&'t Trial> {
    let looks_better = |it: &&Trial| {
        let is_here = it.patch.iter().all(|key| pool.genes.contains_key(key));
        is_here && gain(it).is_some_and(|it| it > settings.margin)
    };
    // A patch that was looked at again is worth what was seen last.
    let latest: BTreeMap<&Patch, &Trial> = trials.iter().map(|it| (&it.patch, it)).collect();
    let mut found: Vec<&Trial> = latest.into_values().filter(looks_better).collect();
    found.sort_by(|a, b| {
        let (left, right) = (gain(a).unwrap_or(0.0), gain(b).unwrap_or(0.0));
        right
            .total_cmp(&left)
            .then_with(|| a.patch.len().cmp(&b.patch.len()))
            .then_with(|| a.patch.cmp(&b.patch))
    });
    found.truncate(settings.population.max(1));
    found
}

/// Returns whether the best patch has been the best for so long that more trials hardly pay; never where
/// there is none yet.
pub fn is_settled(trials: &[Trial], settings: Settings) -> bool {
    let patience = PATIENCE * settings.population.max(1);
    let mut so_far = settings.margin;
    let mut last = 0;
    for (idx, trial) in trials.iter().enumerate() {
        if let Some(gain) = gain(trial).filter(|it| *it > so_far + settings.margin) {
            so_far = gain;
            last = idx + 1;
        }
    }
    last > 0 && trials.len() - last >= patience
}

/// Returns the largest gain that a trial seemed to have, if one had more than the margin.
pub fn best_gain(trials: &[Trial], margin: f64) -> Option<f64> {
    let gains = trials.iter().filter_map(gain).filter(|it| *it > margin);
    gains.max_by(f64::total_cmp)
}

fn gain(trial: &Trial) -> Option<f64> {
    match trial.fate {
        Fate::Passed { gain } if gain.is_finite() => Some(gain),
        _ => None,
    }
}

/// Returns how probable each operator is: its record of trials, where passing is half a success and
/// looking better a whole one, drawn towards what was expected of it.
fn chances(pool: &Pool, trials: &[Trial], margin: f64) -> Vec<f64> {
    let prior = |expected: &f64| (PRIOR * expected, PRIOR);
    let mut records: Vec<(f64, f64)> = pool.operators.iter().map(prior).collect();
    for trial in trials {
        let reward = match trial.fate {
            Fate::Broken => 0.0,
            Fate::Noticed => 0.1,
            Fate::Passed { gain } if gain > margin => 1.0,
            Fate::Passed { .. } => 0.5,
        };
        let share = 1.0 / count(trial.patch.len().max(1));
        for gene in trial.patch.iter().filter_map(|it| pool.genes.get(it)) {
            if let Some(record) = records.get_mut(gene.operator) {
                record.0 += share * reward;
                record.1 += share;
            }
        }
    }
    records.iter().map(|(won, n)| won / n).collect()
}

/// One proposal in the making.
struct Search<'a> {
    pool: &'a Pool,
    elite: Vec<&'a Trial>,
    chances: Vec<f64>,
    /// Edits that were never tried by themselves.
    untried: Vec<(&'a String, &'a Gene)>,
    /// Edits that pass by themselves.
    passing: Vec<(&'a String, &'a Gene)>,
    known: BTreeSet<&'a Patch>,
}

impl Search<'_> {
    fn draw(&self, rng: &mut impl Rng) -> Option<Patch> {
        let way: f64 = rng.random();
        let single = || Patch::new();
        let start = match self.elite.as_slice() {
            [] if way < 0.9 => return self.with_fresh(&single(), true, rng),
            [] => return self.two_neutral(rng),
            _ if way < 0.5 => return self.with_fresh(&single(), true, rng),
            elite => chosen(elite, rng)?,
        };
        match way {
            _ if way < 0.7 => self.with_fresh(start, false, rng),
            _ if way < 0.95 => Some(self.crossed(start, chosen(&self.elite, rng)?, rng)),
            _ => without_one(start, rng),
        }
    }

    /// Adds one edit to a patch: one that was never tried, or, to a patch, one that passed by itself.
    fn with_fresh(&self, start: &Patch, is_new: bool, rng: &mut impl Rng) -> Option<Patch> {
        let passing = self.passing.iter().filter(|_| !is_new);
        let genes: Vec<&(&String, &Gene)> = self.untried.iter().chain(passing).collect();
        let operators: BTreeSet<usize> = genes.iter().map(|it| it.1.operator).collect();
        let operators: Vec<usize> = operators.into_iter().collect();
        let chance = |it: &usize| self.chances.get(*it).copied().unwrap_or(0.0).max(0.01);
        let operator = operators[weighted(&operators, chance, rng)?];
        let own: Vec<&(&String, &Gene)> = genes
            .into_iter()
            .filter(|it| it.1.operator == operator)
            .collect();
        let key = own[weighted(&own, |it| it.1.weight, rng)?].0;
        let mut patch = start.clone();
        patch.insert(key.clone());
        Some(patch)
    }

    /// Two edits that each pass without a gain may have one together.
    fn two_neutral(&self, rng: &mut impl Rng) -> Option<Patch> {
        let n_passing = self.passing.len();
        if n_passing < 2 {
            return None;
        }
        let mut pick = || self.passing[rng.random_range(0..n_passing)].0.clone();
        Some(Patch::from([pick(), pick()]))
    }

    /// Puts the edits of two patches together; where two meet, one of them stays.
    fn crossed(&self, one: &Patch, other: &Patch, rng: &mut impl Rng) -> Patch {
        let (first, second) = if rng.random() {
            (one, other)
        } else {
            (other, one)
        };
        let mut patch = first.clone();
        for key in second {
            let fits = self.pool.genes.get(key).is_some_and(|gene| {
                let mut others = patch.iter().filter_map(|it| self.pool.genes.get(it));
                !others.any(|it| meet(gene, it))
            });
            if fits {
                patch.insert(key.clone());
            }
        }
        patch
    }

    /// Returns whether a patch was not tried, and its edits leave each other alone.
    fn is_new(&self, patch: &Patch) -> bool {
        let genes: Vec<&Gene> = patch
            .iter()
            .filter_map(|it| self.pool.genes.get(it))
            .collect();
        let apart = genes
            .iter()
            .enumerate()
            .all(|(idx, gene)| !genes[..idx].iter().any(|it| meet(gene, it)));
        !patch.is_empty() && genes.len() == patch.len() && apart && !self.known.contains(patch)
    }

    /// Returns the first edit that was never tried by itself.
    fn left_over(&self) -> Option<Patch> {
        let (key, _) = self.untried.first()?;
        Some(Patch::from([(*key).clone()]))
    }
}

fn meet(one: &Gene, other: &Gene) -> bool {
    one.places.iter().any(|(file, range)| {
        other.places.iter().any(|(of, it)| {
            file == of
                && range.start < it.end.max(it.start + 1)
                && it.start < range.end.max(range.start + 1)
        })
    })
}

/// Returns one of the best, the first three times as often as the last.
fn chosen<'t>(elite: &[&'t Trial], rng: &mut impl Rng) -> Option<&'t Patch> {
    let n_elite = count(elite.len());
    let ranked: Vec<(usize, &&Trial)> = elite.iter().enumerate().collect();
    let idx = weighted(&ranked, |(rank, _)| 3.0 - 2.0 * count(*rank) / n_elite, rng)?;
    Some(&elite[idx].patch)
}

fn without_one(patch: &Patch, rng: &mut impl Rng) -> Option<Patch> {
    if patch.len() < 2 {
        return None;
    }
    let gone = rng.random_range(0..patch.len());
    let left = patch.iter().enumerate().filter(|(idx, _)| *idx != gone);
    Some(left.map(|(_, it)| it.clone()).collect())
}

/// Returns the index of one of them, each as probable as its weight.
fn weighted<T>(all: &[T], weight: impl Fn(&T) -> f64, rng: &mut impl Rng) -> Option<usize> {
    let sum: f64 = all.iter().map(|it| weight(it).max(0.0)).sum();
    let mut left = rng.random::<f64>() * sum;
    let last = all.len().checked_sub(1)?;
    for (idx, it) in all.iter().enumerate() {
        left -= weight(it).max(0.0);
        if left < 0.0 {
            return Some(idx);
        }
    }
    Some(last)
}

#[cfg(test)]
mod tests;
