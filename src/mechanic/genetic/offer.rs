//! When a search for patches is offered: in research, or when a person asks for it.

use std::collections::BTreeSet;

use camino::Utf8Path;

use crate::agent::{Error, ResearchInput};
use crate::gate::files_hash;
use crate::mechanic::strategy::Ground;
use crate::mechanic::{draft, wish};
use crate::model::hypothesis::Hypothesis;
use crate::model::observation::Observation;
use crate::model::verdict::Verdict;
use crate::syntax;

/// So many searches on the same contents are enough.
const SEARCHES: usize = 2;

/// Returns the functions that may be edited for the metric of `[research]`; for any metric where a
/// person asks for it.
pub(crate) fn editable(input: &ResearchInput<'_>) -> Result<Vec<Observation>, Error> {
    let profile = &input.lab.profile;
    let is_asked = input.wishes.iter().any(|it| wish::asks_for_edits(&it.1));
    let research = profile.research.as_ref();
    let research = research.filter(|it| it.genetic.seconds > 0);
    if !is_asked && research.is_none() {
        return Ok(Vec::new());
    }
    let mut files = BTreeSet::new();
    let mut functions = 0;
    for source in input.lab.editable(input.tree)? {
        let mutants = syntax::mutants(source.grammar, &source.text);
        let items: BTreeSet<&str> = mutants.iter().map(|it| it.item.as_str()).collect();
        if !items.is_empty() {
            functions += items.len();
            files.insert(source.path);
        }
    }
    let is_meant = |name: &str| is_asked || research.is_some_and(|it| it.metric == name);
    let metrics = profile.metrics.iter().filter(|it| is_meant(&it.name));
    let offered = metrics.filter(|_| functions > 0);
    Ok(offered
        .map(|it| Observation::Editable {
            metric: it.name.clone(),
            files: files.iter().cloned().collect(),
            functions,
        })
        .collect())
}

impl Ground<'_> {
    /// Returns the next search for a patch, unless the last ones on the same contents gave nothing.
    pub(in crate::mechanic) fn edits(&self, observation: &Observation) -> Option<Hypothesis> {
        let hypothesis = self.search(observation)?;
        let files = files_hash(&hypothesis);
        let Observation::Editable { metric, .. } = observation else {
            return None;
        };
        let all = draft::key_of_edits(metric);
        let earlier = self.history.iter().rev();
        let earlier = earlier.filter(|it| it.key.as_str().starts_with(&all));
        let same = earlier
            .filter(|it| it.files_hash == files && it.verdict != Verdict::Spurious)
            .count();
        (same < SEARCHES).then_some(hypothesis)
    }

    /// Returns the search that a person asks for, for the metric that they name or the first one.
    pub(in crate::mechanic) fn asked_edits(&self, name: Option<&str>) -> Option<Hypothesis> {
        let mut observed = self.observations.iter();
        let wanted = observed.find(|it| match it {
            Observation::Editable { metric, .. } => name.is_none_or(|name| name == metric),
            _ => false,
        })?;
        self.search(wanted)
    }

    /// Every search of a metric has a number of its own, which is its seed.
    fn search(&self, observation: &Observation) -> Option<Hypothesis> {
        let Observation::Editable {
            metric,
            files,
            functions,
        } = observation
        else {
            return None;
        };
        let all = draft::key_of_edits(metric);
        let n_before = self
            .history
            .iter()
            .filter(|it| it.key.as_str().starts_with(&all));
        let seed = n_before.count() as u64 + 1;
        let mut hypothesis = draft::edits(metric, seed, *functions, files.len());
        let paths: BTreeSet<&Utf8Path> = files.iter().map(|it| it.as_path()).collect();
        hypothesis.files = (self.hashes)(&paths);
        Some(hypothesis)
    }
}
