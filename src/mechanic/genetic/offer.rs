//! When a search for patches is offered: in research, or when a person asks for it.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::{Error, ResearchInput};
use crate::gate::files_hash;
use crate::mechanic::strategy::Ground;
use crate::mechanic::{draft, wish};
use crate::model::finding::TestOutcome;
use crate::model::hypothesis::Hypothesis;
use crate::model::id::StructuralKey;
use crate::model::observation::Observation;
use crate::model::verdict::Verdict;
use crate::syntax;

/// So many searches on the same contents are enough.
const SEARCHES: usize = 2;

/// What a search is expected to gain where values gave nothing for long: more than the next of them.
const BEFORE_PLATEAU: f64 = 0.03;

/// Returns the functions that may be edited for the metric of `[research]`; for any metric where a
/// person asks for it.
pub(crate) fn editable(input: &ResearchInput<'_>) -> Result<Vec<Observation>, Error> {
    let profile = &input.lab.profile;
    let is_asked = input.wishes.iter().any(|it| wish::asks_for_edits(&it.1));
    let research = profile.research.as_ref();
    let research = research.filter(|it| it.genetic.seconds > 0);
    let is_judged = !input.evaluation.tests.ids(TestOutcome::Passed).is_empty();
    if !is_asked && (research.is_none() || !is_judged) {
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
        let Observation::Editable { metric, .. } = observation else {
            return None;
        };
        let all = draft::key_of_edits(metric);
        let earlier = || {
            let history = self.history.iter();
            history.filter(|it| it.key.as_str().starts_with(&all))
        };
        let begun = self.tried.iter().filter(|it| it.as_str().starts_with(&all));
        let numbers: BTreeSet<&StructuralKey> = earlier().map(|it| &it.key).chain(begun).collect();
        let mut hypothesis = self.search(observation, numbers.len() as u64 + 1)?;
        let files = files_hash(&hypothesis);
        let same = earlier()
            .filter(|it| it.files_hash == files && it.verdict != Verdict::Spurious)
            .count();
        if same == 0 && self.is_halfway_to_plateau() {
            hypothesis.expected_gain = BEFORE_PLATEAU;
        }
        (same < SEARCHES).then_some(hypothesis)
    }

    /// Returns whether half a plateau of experiments in a row was not kept: a search of values alone would
    /// end the run on it before any function was edited.
    fn is_halfway_to_plateau(&self) -> bool {
        let Some(research) = &self.profile.research else {
            return false;
        };
        let counted = self.history.iter().rev();
        let without_keep = counted
            .filter(|it| it.verdict != Verdict::Spurious)
            .take_while(|it| it.verdict != Verdict::Keep)
            .count();
        2 * without_keep >= research.plateau as usize
    }

    /// Returns the search that a person asks for, for the metric that they name or the first one. It has
    /// one number, so that it is one search in a run and none on contents that were searched.
    pub(in crate::mechanic) fn asked_edits(&self, name: Option<&str>) -> Option<Hypothesis> {
        let mut observed = self.observations.iter();
        let wanted = observed.find(|it| match it {
            Observation::Editable { metric, .. } => name.is_none_or(|name| name == metric),
            _ => false,
        })?;
        self.search(wanted, 0)
    }

    fn search(&self, observation: &Observation, seed: u64) -> Option<Hypothesis> {
        let Observation::Editable {
            metric,
            files,
            functions,
        } = observation
        else {
            return None;
        };
        let mut hypothesis = draft::edits(metric, seed, *functions, files.len());
        let paths: BTreeSet<&Utf8Path> = files.iter().map(Utf8PathBuf::as_path).collect();
        hypothesis.files = (self.hashes)(&paths);
        Some(hypothesis)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Profile;
    use crate::mechanic::fixtures::evaluation;
    use crate::mechanic::strategy::hypotheses;
    use crate::model::experiment::Summary;
    use crate::model::fixtures;

    const RESEARCH: &str = "\
[research]
objective = 'sooner'
metric = 'parse_ns'
direction = 'minimize'
run = 'bench'
mutable = ['**']
";

    fn searched(number: u64, files_hash: &str) -> Summary {
        Summary {
            key: format!("edits:parse_ns#{number}").parse().unwrap(),
            files_hash: files_hash.to_owned(),
            ..fixtures::summary(1, Verdict::Vetoed)
        }
    }

    /// Returns what is offered, where two functions of one file may be edited.
    fn offered(profile: &str, history: &[Summary], focus: Option<&str>) -> Vec<Hypothesis> {
        let profile: Profile = toml::from_str(profile).unwrap();
        let wish = focus.map(|it| Observation::Wish {
            text: it.to_owned(),
            source: "focus".to_owned(),
        });
        let editable = Observation::Editable {
            metric: "parse_ns".to_owned(),
            files: vec!["src/lib.rs".into()],
            functions: 2,
        };
        let observations: Vec<Observation> = wish.into_iter().chain([editable]).collect();
        hypotheses(&Ground {
            observations: &observations,
            evaluation: &evaluation(Vec::new()),
            profile: &profile,
            history,
            tried: &BTreeSet::new(),
            may_touch: &|_| true,
            hashes: &|it| {
                let hashes = it.iter().map(|it| (it.to_path_buf(), "hash".to_owned()));
                hashes.collect::<BTreeMap<_, _>>()
            },
        })
    }

    fn keys(found: &[Hypothesis]) -> Vec<&str> {
        found.iter().map(|it| it.key.as_str()).collect()
    }

    #[test]
    fn functions_are_edited_in_research_or_on_request_and_never_elsewhere() {
        assert_eq!(keys(&offered(RESEARCH, &[], None)), ["edits:parse_ns#1"]);
        assert!(offered("", &[], None).is_empty());
        for words in ["genetic", "genetic improvement of `parse_ns`"] {
            let asked = offered("", &[], Some(words));
            assert_eq!(keys(&asked), ["edits:parse_ns#0"], "{words}");
        }
        let other = offered("", &[], Some("genetic other"));
        assert!(keys(&other)[0].starts_with("words:"));
    }

    #[test]
    fn a_search_has_its_turn_before_values_without_gain_end_the_run() {
        let lost = |n: u32| {
            let lost = |it| Summary {
                key: format!("settings:{it}@parse_ns").parse().unwrap(),
                ..fixtures::summary(it, Verdict::Revert)
            };
            (1..=n).map(lost).collect::<Vec<_>>()
        };
        let gain = |history: &[Summary]| offered(RESEARCH, history, None)[0].expected_gain;
        assert!(gain(&lost(4)) < 0.02, "below the next value");
        assert!(gain(&lost(5)) > 0.02, "half of a plateau of ten");
        let mut kept = lost(6);
        kept[3].verdict = Verdict::Keep;
        assert!(gain(&kept) < 0.02, "a keep counts anew");
        let hash = files_hash(&offered(RESEARCH, &[], None)[0]);
        let mut searched_once = lost(6);
        searched_once.push(searched(1, &hash));
        assert!(gain(&searched_once) < 0.02, "once is enough");
    }

    #[test]
    fn two_searches_on_the_same_contents_are_enough() {
        let hash = files_hash(&offered(RESEARCH, &[], None)[0]);
        let once = [searched(1, &hash)];
        assert_eq!(keys(&offered(RESEARCH, &once, None)), ["edits:parse_ns#2"]);
        let twice = [searched(1, &hash), searched(2, &hash)];
        assert!(offered(RESEARCH, &twice, None).is_empty());
        let before = [searched(1, "other"), searched(2, "other")];
        assert_eq!(
            keys(&offered(RESEARCH, &before, None)),
            ["edits:parse_ns#3"]
        );
    }
}
