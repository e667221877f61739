//! What was tried before, indexed so that a cycle costs the same after ten thousand experiments.
//!
//! Read from the ledger once a run; afterwards the run adds what it closes itself. Knows nothing of
//! how the record is stored.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::ceo::session::count;
use crate::eval::LedgerFacts;
use crate::gate;
use crate::model::experiment::{Seen, Summary};
use crate::model::hypothesis::{Category, Hypothesis};
use crate::model::id::{MetricName, StructuralKey};
use crate::model::verdict::Verdict;

/// Returns how many experiments were decided by what is taken for deterministic.
pub(in crate::ceo) fn d_decisions(history: &[Summary]) -> u32 {
    let decided = |it: &&Summary| {
        it.spent.is_none()
            && it.claim == "moves"
            && matches!(it.verdict, Verdict::Keep | Verdict::Revert)
    };
    count(history.iter().filter(decided).count())
}

/// Returns how often a gain of a metric that is taken for deterministic was confirmed by running both arms
/// once more. What was reverted ran once, and compared nothing.
pub(in crate::ceo) fn n_confirmed(history: &[Summary], metric: &str) -> u32 {
    let is_confirmed = |it: &&Summary| {
        it.spent.is_none()
            && it.claim == "moves"
            && it.verdict == Verdict::Keep
            && it.effect.as_ref().is_some_and(|it| it.metric == metric)
    };
    count(history.iter().filter(is_confirmed).count())
}

/// Tests of a metric that are looked back on.
const N_SEEN: usize = 200;

/// Every experiment ever closed on a target, oldest first.
#[derive(Debug, Default)]
pub struct History {
    summaries: Vec<Summary>,
    by_files: HashMap<String, SameFiles>,
    by_category: BTreeMap<Category, Record>,
    cited: u32,
    /// The turn that is played, where two sides improve in turns.
    turn: Option<u32>,
}

/// Where the experiments on the same contents of the same files are.
#[derive(Debug, Default)]
struct SameFiles {
    /// The latest of each key.
    by_key: HashMap<StructuralKey, usize>,
    /// Those whose key is free text, oldest first.
    words: Vec<usize>,
}

/// How a category fared.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    tried: u32,
    kept: u32,
    decided: u32,
}

impl History {
    /// Indexes summaries, oldest first.
    pub fn of(summaries: Vec<Summary>) -> Self {
        let mut history = Self::default();
        history.extend(summaries);
        history
    }

    /// Changes what is known of former experiments, and indexes it anew.
    pub(in crate::ceo) fn revise(&mut self, change: impl FnOnce(&mut [Summary])) {
        let Self {
            mut summaries,
            turn,
            ..
        } = std::mem::take(self);
        change(&mut summaries);
        self.turn = turn;
        self.extend(summaries);
    }

    /// Says which turn is played: what was measured in others was measured against another opponent.
    pub(in crate::ceo) fn begin_turn(&mut self, number: u32) {
        self.turn = Some(number);
    }

    /// Returns whether an experiment tells something about the opponent as it is now.
    pub(in crate::ceo) fn is_of_now(&self, summary: &Summary) -> bool {
        let of = summary.turn.as_ref().map(|it| it.number);
        self.turn.is_none() || of.is_none() || of == self.turn
    }

    /// Returns what the next hypotheses learn from, oldest first: all of it, or this turn.
    pub(in crate::ceo) fn to_learn_from(&self) -> Cow<'_, [Summary]> {
        if self.turn.is_none() {
            return Cow::Borrowed(&self.summaries);
        }
        let of_now = self.summaries.iter().filter(|it| self.is_of_now(it));
        Cow::Owned(of_now.cloned().collect())
    }

    /// Adds the experiment that was closed last.
    fn push(&mut self, summary: Summary) {
        self.by_category
            .entry(summary.category)
            .or_default()
            .add(summary.verdict);
        // Every hypothesis of the mechanic cites what was observed; people's words cite nothing.
        self.cited += u32::from(!gate::is_words(&summary.key));
        let idx = self.summaries.len();
        // What ended as spurious, or was kept and never landed, says nothing about its hypothesis.
        if summary.verdict != Verdict::Spurious && !gate::was_lost(&summary) {
            let same = self.by_files.entry(summary.files_hash.clone()).or_default();
            same.by_key.insert(summary.key.clone(), idx);
            if gate::is_words(&summary.key) {
                same.words.push(idx);
            }
        }
        self.summaries.push(summary);
    }

    /// Returns all of it, oldest first.
    pub(in crate::ceo) fn all(&self) -> &[Summary] {
        &self.summaries
    }

    /// Returns what the last tests of a metric saw, oldest first; of one that went on, what it saw at last.
    pub(in crate::ceo) fn seen(&self, metric: &MetricName) -> Vec<Seen> {
        let mut went_on = BTreeSet::new();
        let mut seen: Vec<Seen> = self
            .summaries
            .iter()
            .rev()
            .filter(|it| {
                went_on.extend(it.resumes.filter(|_| it.spent.is_some()));
                !went_on.contains(&it.id)
            })
            .filter_map(|it| it.spent.as_ref().filter(|it| it.metric == *metric)?.seen)
            .take(N_SEEN)
            .collect();
        seen.reverse();
        seen
    }

    /// Returns the latest earlier experiment that makes this hypothesis a duplicate.
    pub(super) fn duplicate_of(&self, hypothesis: &Hypothesis) -> Option<&Summary> {
        let same = self.by_files.get(&gate::files_hash(hypothesis))?;
        if gate::is_words(&hypothesis.key) {
            let words = same.words.iter().map(|idx| &self.summaries[*idx]);
            return gate::duplicate_of(hypothesis, words.filter(|it| self.is_of_now(it)));
        }
        let earlier = same.by_key.get(&hypothesis.key);
        let earlier = earlier.map(|idx| &self.summaries[*idx]);
        earlier.filter(|it| self.is_of_now(it))
    }

    /// Returns the posterior mean of a category's keep rate under a uniform prior.
    pub(super) fn keep_rate(&self, category: Category) -> f64 {
        let record = self.by_category.get(&category).copied().unwrap_or_default();
        f64::from(record.kept + 1) / f64::from(record.decided + 2)
    }

    /// Returns what the ledger knows, for the dimensions that inform.
    pub fn facts(&self) -> LedgerFacts {
        let records = || self.by_category.values();
        LedgerFacts {
            categories: self.by_category.len(),
            experiments: records().map(|it| it.tried).sum(),
            kept: records().map(|it| it.kept).sum(),
            cited: self.cited,
        }
    }
}

impl Extend<Summary> for History {
    fn extend<T: IntoIterator<Item = Summary>>(&mut self, summaries: T) {
        for summary in summaries {
            self.push(summary);
        }
    }
}

impl Record {
    fn add(&mut self, verdict: Verdict) {
        self.tried += 1;
        match verdict {
            Verdict::Keep => {
                self.kept += 1;
                self.decided += 1;
            }
            Verdict::Revert | Verdict::Vetoed => self.decided += 1,
            Verdict::Inconclusive | Verdict::Spurious => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::Spent;
    use crate::model::fixtures;
    use crate::model::hypothesis::{Change, Claim};
    use crate::model::id::ExperimentId;
    use crate::model::measurement::Scale;

    fn hypothesis(key: &str, contents: &str) -> Hypothesis {
        Hypothesis {
            key: key.parse().unwrap(),
            title: key.to_owned(),
            why: String::new(),
            category: Category::Fix,
            claim: Claim::Keeps,
            success: Vec::new(),
            change: Change::Words {
                text: key.to_owned(),
            },
            files: [("a.py".into(), contents.to_owned())].into(),
            expected_gain: 0.0,
        }
    }

    fn summary(id: u32, hypothesis: &Hypothesis, verdict: Verdict) -> Summary {
        Summary {
            key: hypothesis.key.clone(),
            title: hypothesis.title.clone(),
            category: hypothesis.category,
            claim: "keeps".to_owned(),
            files_hash: gate::files_hash(hypothesis),
            ..fixtures::summary(id, verdict)
        }
    }

    #[test]
    fn the_index_finds_what_a_search_of_everything_finds() {
        let keys = [
            "ruff:F401",
            "ruff:F841",
            "words:add retries",
            "words:add a retry",
        ];
        let all: Vec<_> = keys
            .iter()
            .flat_map(|key| ["1", "2"].map(|contents| hypothesis(key, contents)))
            .collect();
        let verdicts = [Verdict::Revert, Verdict::Spurious, Verdict::Keep];
        let summaries: Vec<_> = (1..)
            .zip(all.iter().step_by(3).cycle().take(7))
            .zip(verdicts.into_iter().cycle())
            .map(|((id, it), verdict)| summary(id, it, verdict))
            .collect();
        let history = History::of(summaries.clone());
        let found: Vec<_> = all.iter().map(|it| history.duplicate_of(it)).collect();
        let expected: Vec<_> = all
            .iter()
            .map(|it| gate::duplicate_of(it, &summaries))
            .collect();
        assert_eq!(found, expected);
        assert!(expected.iter().any(Option::is_some) && expected.iter().any(Option::is_none));
    }

    #[test]
    fn of_a_test_that_went_on_the_last_look_counts_unless_it_was_spoiled() {
        let tried = |id: u32, mean: f64, resumes: Option<u32>, verdict| {
            let mut summary = summary(id, &hypothesis("knob:a", "1"), verdict);
            summary.resumes = resumes.map(ExperimentId);
            summary.spent = (verdict != Verdict::Spurious).then(|| Spent {
                metric: "parse".parse().unwrap(),
                level: 0.001,
                seen: Some(Seen {
                    ln_e: 1.0,
                    mean,
                    variance: 1.0,
                    delta: 1.0,
                    scale: Scale::LogRatio,
                    shrunken: None,
                }),
            });
            summary
        };
        let seen = |all: Vec<Summary>| {
            let seen = History::of(all).seen(&"parse".parse().unwrap());
            seen.iter().map(|it| it.mean).collect::<Vec<_>>()
        };
        let first = tried(1, 1.0, None, Verdict::Inconclusive);
        let second = tried(2, 2.0, None, Verdict::Revert);
        let spoiled = tried(3, 0.0, Some(1), Verdict::Spurious);
        let went_on = tried(4, 4.0, Some(1), Verdict::Keep);
        assert_eq!(
            seen(vec![first.clone(), second.clone(), spoiled.clone()]),
            [1.0, 2.0]
        );
        assert_eq!(seen(vec![first, second, spoiled, went_on]), [2.0, 4.0]);
    }

    #[test]
    fn only_confirmed_gains_of_that_metric_were_run_twice() {
        let tried = |id, verdict, metric: &str| {
            let mut summary = summary(id, &hypothesis("ruff:F401", "1"), verdict);
            "moves".clone_into(&mut summary.claim);
            let effect = serde_json::json!({
                "metric": metric, "unit": "", "before": 2.0, "after": 1.0, "relative": 0.5, "interval": null
            });
            summary.effect = Some(serde_json::from_value(effect).unwrap());
            summary
        };
        let history = [
            tried(1, Verdict::Keep, "lint"),
            tried(2, Verdict::Revert, "lint"),
            tried(3, Verdict::Keep, "types"),
            tried(4, Verdict::Keep, "lint"),
        ];
        assert_eq!(n_confirmed(&history, "lint"), 2);
        assert_eq!(n_confirmed(&history, "coverage"), 0);
        assert_eq!(d_decisions(&history), 4);
    }

    #[test]
    fn what_was_tried_against_another_opponent_may_be_tried_again() {
        let fix = hypothesis("ruff:F401", "1");
        let words = hypothesis("words:add retries", "1");
        let in_turn = |id, it: &Hypothesis, number: Option<u32>| {
            let mut summary = summary(id, it, Verdict::Revert);
            summary.turn = number.map(|number| crate::model::turn::Turn {
                number,
                side: crate::model::turn::Side::First,
                began: 1.0,
                against: String::new(),
                after: None,
                wide: false,
            });
            summary
        };
        let mut history = History::of(vec![
            in_turn(1, &fix, Some(1)),
            in_turn(2, &words, Some(1)),
            in_turn(3, &hypothesis("ruff:F841", "1"), None),
        ]);
        assert!(history.duplicate_of(&fix).is_some());
        history.begin_turn(1);
        assert_eq!(history.to_learn_from().len(), 3);
        assert!(history.duplicate_of(&fix).is_some());
        history.begin_turn(2);
        assert!(history.duplicate_of(&fix).is_none() && history.duplicate_of(&words).is_none());
        let learnt: Vec<u32> = history.to_learn_from().iter().map(|it| it.id.0).collect();
        assert_eq!(learnt, [3]);
        history.revise(|_| {});
        assert!(history.duplicate_of(&fix).is_none(), "it is the same turn");
    }

    #[test]
    fn facts_count_every_experiment_and_its_end() {
        let fix = hypothesis("ruff:F401", "1");
        let wish = hypothesis("words:add retries", "1");
        let history = History::of(vec![
            summary(1, &fix, Verdict::Keep),
            summary(2, &fix, Verdict::Spurious),
            summary(3, &wish, Verdict::Revert),
        ]);
        let facts = history.facts();
        let counts = (facts.experiments, facts.kept, facts.cited);
        assert_eq!((facts.categories, counts), (1, (3, 1, 2)));
    }
}
