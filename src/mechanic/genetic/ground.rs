//! Which functions are edited: those where the time goes, if some test notices when they change.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::record::Record;
use super::trial::Trials;
use crate::agent::Error;
use crate::eval::{Source, Texts};
use crate::search::genetic::{Fate, Gene, Patch, Pool, Trial};
use crate::syntax::{self, Edit, EditKind, Item, Mutant};
use crate::toolchain::hotspots::Hotspot;

/// A function that takes less than this share of the time is left alone.
const COLD: f64 = 0.005;
/// What a function called by a hot one gets of its share, where a compiler may have merged the two.
const CALLED: f64 = 0.3;
/// What a function gets of the share of one that it calls, which it may call too often.
const CALLER: f64 = 0.5;
/// How many callers up that goes.
const LEVELS: usize = 3;
/// No more functions than this are edited, the hottest ones.
const FUNCTIONS: usize = 16;
/// Mutants of a function that are tried, to see whether a test notices one. In code that is careful about
/// its limits many change nothing that a test could see.
const MUTANTS: usize = 8;

/// The functions and edits of one search.
pub(super) struct Ground {
    sources: Vec<Source>,
    functions: Vec<Function>,
    /// Edits by key, with the number of their file.
    edits: BTreeMap<String, (usize, Edit)>,
    /// What told where the time goes.
    pub(super) told_by: Vec<&'static str>,
    /// Functions that no test watches.
    pub(super) unwatched: Vec<String>,
}

/// A function that may be edited.
pub(super) struct Function {
    /// The number of its file.
    file: usize,
    item: Item,
    /// Its share of the time.
    weight: f64,
}

impl Ground {
    /// Looks where the metric's command spends its time.
    pub(super) async fn survey(
        trials: &mut Trials<'_, '_>,
        sources: Vec<Source>,
    ) -> Result<Self, Error> {
        let seen = trials.hotspots(&sources).await?;
        let mut functions = all_functions(&sources);
        let mut told_by = Vec::new();
        for (tool, spots) in &seen {
            if share(&mut functions, &sources, spots) {
                told_by.push(*tool);
            }
        }
        if told_by.is_empty() {
            for function in &mut functions {
                function.weight = 1.0;
            }
        }
        share_with_callers(&mut functions, &sources);
        functions.retain(|it| it.weight >= COLD);
        functions.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        functions.truncate(FUNCTIONS);
        Ok(Self {
            sources,
            functions,
            edits: BTreeMap::new(),
            told_by,
            unwatched: Vec::new(),
        })
    }

    /// Leaves the functions alone of which no test notices even a mutant: there, an edit could take a
    /// feature away and nobody would know.
    pub(super) async fn leave_unwatched(
        &mut self,
        trials: &mut Trials<'_, '_>,
        record: &mut Record,
        budget: Duration,
    ) -> Result<(), Error> {
        let started = Instant::now();
        let mut watched = Vec::new();
        for function in std::mem::take(&mut self.functions) {
            let source = &self.sources[function.file];
            let name = format!("{}:{}", source.path, function.item.name);
            let known = record.watched(&name);
            let is_watched = match known {
                Some(it) => it,
                None if started.elapsed() > budget && !watched.is_empty() => break,
                None => {
                    let is_watched = is_watched(source, &function.item, trials).await?;
                    record.add_watched(&name, is_watched);
                    is_watched
                }
            };
            if is_watched {
                watched.push(function);
            } else {
                self.unwatched.push(name);
            }
        }
        self.functions = watched;
        Ok(())
    }

    /// Returns everything that may be tried.
    pub(super) fn pool(&mut self) -> Pool {
        let mut pool = Pool {
            genes: BTreeMap::new(),
            operators: EditKind::ALL.iter().map(|it| expected(*it)).collect(),
        };
        for (file, source) in self.sources.iter().enumerate() {
            let of = |item: &Item| {
                let mut own = self.functions.iter().filter(|it| it.file == file);
                own.find(|it| it.item == *item)
            };
            for edit in syntax::edits(source.grammar, &source.text, &|it| of(it).is_some()) {
                let at = edit.changes.first().map_or(0, |it| it.0.start);
                let within = |it: &&Function| {
                    it.file == file && it.item.name == edit.item && it.item.span.contains(&at)
                };
                let weight = self
                    .functions
                    .iter()
                    .find(within)
                    .map_or(COLD, |it| it.weight);
                let places = edit.changes.iter().map(|it| (file, it.0.clone()));
                let operator = EditKind::ALL.iter().position(|it| *it == edit.kind);
                let gene = Gene {
                    operator: operator.unwrap_or_default(),
                    weight,
                    places: places.collect(),
                };
                let key = format!("{} {}", source.path, edit.key());
                pool.genes.insert(key.clone(), gene);
                self.edits.insert(key, (file, edit));
            }
        }
        pool
    }

    /// Returns the files that a patch makes; `None` where its edits do not go together.
    pub(super) fn texts(&self, patch: &Patch) -> Option<Texts> {
        let mut by_file: BTreeMap<usize, Vec<&Edit>> = BTreeMap::new();
        for key in patch {
            let (file, edit) = self.edits.get(key)?;
            by_file.entry(*file).or_default().push(edit);
        }
        let text = |(file, edits): (usize, Vec<&Edit>)| {
            let source = &self.sources[file];
            let text = syntax::edited(source.grammar, &source.text, &edits)?;
            Some((source.path.clone(), text))
        };
        by_file.into_iter().map(text).collect()
    }

    /// Returns the patch that makes the least code, of those that are as good as the best.
    pub(super) fn simplest(&self, best: &[&Trial], margin: f64) -> Option<Patch> {
        let gain = |it: &Trial| match it.fate {
            Fate::Passed { gain } => gain,
            Fate::Broken | Fate::Noticed => f64::NEG_INFINITY,
        };
        let least = gain(best.first()?) - margin;
        let length = |it: &Trial| -> usize {
            let texts = self.texts(&it.patch).unwrap_or_default();
            texts.values().map(String::len).sum()
        };
        let good = best.iter().filter(|it| gain(it) >= least);
        let simplest = good.min_by_key(|it| (it.patch.len(), length(it)))?;
        Some(simplest.patch.clone())
    }

    /// Returns the edits of a patch with the paths of their files, in order.
    pub(super) fn edits(&self, patch: &Patch) -> Vec<(&camino::Utf8Path, &Edit)> {
        let known = patch.iter().filter_map(|it| self.edits.get(it));
        let mut edits: Vec<_> = known
            .map(|(file, edit)| (self.sources[*file].path.as_path(), edit))
            .collect();
        edits.sort_by_key(|(path, edit)| (*path, edit.line));
        edits
    }

    /// Returns how many functions are edited.
    pub(super) fn n_functions(&self) -> usize {
        self.functions.len()
    }

    /// Returns why there is nothing to edit.
    pub(super) fn why_empty(&self, metric: &str) -> String {
        if self.unwatched.is_empty() {
            return format!("no function that `{metric}` runs may be edited");
        }
        format!(
            "no test noticed any of up to {MUTANTS} small changes that were tried in the functions that \
             `{metric}` runs, so that an edit could take a feature away unseen: {} (hint: tests that compare \
             more of what they return let them be edited)",
            self.unwatched.join(", ")
        )
    }
}

/// Guesses how often an edit of that kind pays, from what searches for faster code found elsewhere: most
/// of it is taken away.
fn expected(kind: EditKind) -> f64 {
    match kind {
        EditKind::Delete => 0.6,
        EditKind::Move | EditKind::Unwrap => 0.5,
        EditKind::Replace | EditKind::Insert | EditKind::Constant => 0.25,
        EditKind::Swap | EditKind::Operator => 0.15,
    }
}

fn all_functions(sources: &[Source]) -> Vec<Function> {
    let in_file = |(file, source): (usize, &Source)| {
        let items = syntax::items(source.grammar, &source.text).into_iter();
        let own = items.filter(|it| !it.test);
        let function = move |item| Function {
            file,
            item,
            weight: 0.0,
        };
        own.map(function).collect::<Vec<_>>()
    };
    sources.iter().enumerate().flat_map(in_file).collect()
}

/// Gives functions their shares of what a profiler saw; returns whether any of it was theirs.
fn share(functions: &mut [Function], sources: &[Source], spots: &[Hotspot]) -> bool {
    let all: f64 = spots.iter().map(|it| it.own).sum();
    let mut found = false;
    for spot in spots.iter().filter(|it| it.own > 0.0) {
        let own: Vec<usize> = match &spot.path {
            Some(path) => innermost(functions, sources, path, spot.line)
                .into_iter()
                .collect(),
            None => named(functions, &spot.name),
        };
        for idx in &own {
            #[expect(clippy::cast_precision_loss, reason = "a few functions of one name")]
            let share = spot.own / all / own.len() as f64;
            functions[*idx].weight += share;
            found = true;
            if spot.path.is_none() {
                share_with_called(functions, sources, *idx, share);
            }
        }
    }
    found
}

/// A compiler merges small functions into their callers, which then have all of the time.
fn share_with_called(functions: &mut [Function], sources: &[Source], caller: usize, share: f64) {
    let body = functions[caller].body(sources).to_owned();
    for (idx, function) in functions.iter_mut().enumerate() {
        if idx != caller && function.is_called_in(&body) {
            function.weight += CALLED * share;
        }
    }
}

/// The time of a function is often spent because another calls it needlessly.
fn share_with_callers(functions: &mut [Function], sources: &[Source]) {
    for _ in 0..LEVELS {
        let weights: Vec<f64> = (0..functions.len())
            .map(|caller| {
                let body = functions[caller].body(sources);
                let called = functions.iter().enumerate().filter(|(callee, it)| {
                    *callee != caller && it.weight > 0.0 && it.is_called_in(body)
                });
                let most = called.map(|(_, it)| CALLER * it.weight);
                most.fold(functions[caller].weight, f64::max)
            })
            .collect();
        for (function, weight) in functions.iter_mut().zip(weights) {
            function.weight = weight;
        }
    }
}

impl Function {
    fn body<'s>(&self, sources: &'s [Source]) -> &'s str {
        &sources[self.file].text[self.item.body.clone()]
    }

    /// Returns whether some code seems to call this function: by name alone.
    fn is_called_in(&self, body: &str) -> bool {
        body.contains(&format!("{}(", last(&self.item.name)))
    }
}

fn innermost(
    functions: &[Function],
    sources: &[Source],
    path: &camino::Utf8Path,
    line: u32,
) -> Option<usize> {
    let holds = |it: &Function| {
        let source = &sources[it.file];
        let n_lines = source.text[it.item.span.clone()].matches('\n').count();
        let n_lines = u32::try_from(n_lines).unwrap_or(u32::MAX);
        source.path == path && (it.item.line..=it.item.line.saturating_add(n_lines)).contains(&line)
    };
    let holding = functions.iter().enumerate().filter(|(_, it)| holds(it));
    holding
        .min_by_key(|(_, it)| it.item.span.len())
        .map(|(idx, _)| idx)
}

fn named(functions: &[Function], name: &str) -> Vec<usize> {
    let all = functions.iter().enumerate();
    all.filter(|(_, it)| last(&it.item.name) == name)
        .map(|(idx, _)| idx)
        .collect()
}

fn last(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

/// Tries mutants of a function, spread over it, until a test notices one.
async fn is_watched(
    source: &Source,
    item: &Item,
    trials: &mut Trials<'_, '_>,
) -> Result<bool, Error> {
    let mutants = syntax::mutants(source.grammar, &source.text);
    let own = |it: &&Mutant| {
        it.item == item.name && item.span.start <= it.span.start && it.span.end <= item.span.end
    };
    let own: Vec<&Mutant> = mutants.iter().filter(own).collect();
    let step = own.len().div_ceil(MUTANTS).max(1);
    for mutant in own.iter().step_by(step) {
        let text = mutant.apply(&source.text);
        if !syntax::parses_as_before(source.grammar, &source.text, &text) {
            continue;
        }
        let texts = Texts::from([(source.path.clone(), text)]);
        if trials.is_noticed(&texts).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
