//! The order in which hypotheses are tried: pure, total, and the same on every machine.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use crate::model::hypothesis::{Claim, Hypothesis};
use crate::model::id::StructuralKey;

/// The ranked hypotheses of one cycle, and those that are not tried, each with its reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ceo) struct Ranking {
    /// Best bet first.
    pub ranked: Vec<Hypothesis>,
    /// What was set aside, and why.
    pub set_aside: Vec<(Hypothesis, String)>,
}

/// What a cycle knows of former ones.
#[derive(Clone, Copy, Debug)]
pub(in crate::ceo) struct Past<'a> {
    /// Every experiment ever closed, oldest first; what people rejected does not count as kept.
    pub history: &'a History,
    /// What this run has tried or was told to leave out.
    pub tried: &'a BTreeSet<StructuralKey>,
    /// What people rejected, with the experiment and their words.
    pub rejected: &'a BTreeMap<StructuralKey, String>,
    /// What a person asks for now; it may have been rejected before.
    pub asked: &'a BTreeSet<StructuralKey>,
    /// Metrics without a number on the unchanged code, and why.
    pub broken: &'a BTreeMap<String, String>,
}

/// Why a hypothesis of this very run is set aside.
pub(in crate::ceo) const TRIED_NOW: &str = "tried in this run";

/// Ranks by FEEC first, then by expected gain times the category's record of keeps.
///
/// A hypothesis that was tried before on the same files, or in this run, is set aside.
pub(in crate::ceo) fn rank(hypotheses: Vec<Hypothesis>, past: Past<'_>) -> Ranking {
    let mut ranking = Ranking::default();
    for hypothesis in hypotheses {
        match reason_to_set_aside(&hypothesis, past, &ranking.ranked) {
            Some(reason) => ranking.set_aside.push((hypothesis, reason)),
            None => ranking.ranked.push(hypothesis),
        }
    }
    ranking
        .ranked
        .sort_by(|left, right| compare(left, right, past.history));
    ranking
}

fn reason_to_set_aside(
    hypothesis: &Hypothesis,
    past: Past<'_>,
    before_it: &[Hypothesis],
) -> Option<String> {
    if past.tried.contains(&hypothesis.key) {
        return Some(TRIED_NOW.to_owned());
    }
    if let Some(words) = past.rejected.get(&hypothesis.key)
        && !past.asked.contains(&hypothesis.key)
    {
        return Some(words.clone());
    }
    if let Claim::Moves { metric, .. } = &hypothesis.claim
        && let Some(reason) = past.broken.get(metric.as_str())
    {
        return Some(format!(
            "`{metric}` gives no number on the unchanged code: {reason}"
        ));
    }
    if before_it.iter().any(|other| other.key == hypothesis.key) {
        return Some("the same as another of this cycle".to_owned());
    }
    past.history.duplicate_of(hypothesis).map(|earlier| {
        format!(
            "tried before as experiment {} ({}), and its files have not changed",
            earlier.id, earlier.verdict
        )
    })
}

fn compare(left: &Hypothesis, right: &Hypothesis, history: &History) -> Ordering {
    left.category
        .cmp(&right.category)
        .then_with(|| worth(right, history).total_cmp(&worth(left, history)))
        .then_with(|| left.key.cmp(&right.key))
}

/// Returns the expected gain, discounted by how often this category was kept here.
fn worth(hypothesis: &Hypothesis, history: &History) -> f64 {
    hypothesis.expected_gain * history.keep_rate(hypothesis.category)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::Summary;
    use crate::model::fixtures;
    use crate::model::hypothesis::{Category, Change};
    use crate::model::verdict::Verdict;

    fn hypothesis(key: &str, category: Category, expected_gain: f64) -> Hypothesis {
        Hypothesis {
            key: key.parse().unwrap(),
            title: key.to_owned(),
            why: String::new(),
            category,
            claim: Claim::Keeps,
            success: Vec::new(),
            change: Change::Words {
                text: key.to_owned(),
            },
            files: BTreeMap::new(),
            expected_gain,
        }
    }

    fn summary(category: Category, verdict: Verdict) -> Summary {
        Summary {
            key: "knob:elsewhere".parse().unwrap(),
            title: "Something else entirely".to_owned(),
            category,
            claim: "keeps".to_owned(),
            files_hash: "other".to_owned(),
            ..fixtures::summary(1, verdict)
        }
    }

    fn rank_after(hypotheses: Vec<Hypothesis>, tried: &BTreeSet<StructuralKey>) -> Ranking {
        let nothing = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let past = Past {
            history: &History::default(),
            tried,
            rejected: &nothing.0,
            asked: &nothing.1,
            broken: &nothing.2,
        };
        rank(hypotheses, past)
    }

    fn keys(ranking: &Ranking) -> Vec<&str> {
        ranking.ranked.iter().map(|it| it.key.as_str()).collect()
    }

    #[test]
    fn fixes_come_before_bets_however_large_the_bet() {
        let ranking = rank_after(
            vec![
                hypothesis("knob:a", Category::Exploit, 0.9),
                hypothesis("fixes:b", Category::Fix, 0.1),
            ],
            &BTreeSet::new(),
        );
        assert_eq!(keys(&ranking), ["fixes:b", "knob:a"]);
    }

    #[test]
    fn within_a_category_the_larger_expected_gain_goes_first() {
        let ranking = rank_after(
            vec![
                hypothesis("knob:a", Category::Exploit, 0.02),
                hypothesis("knob:b", Category::Exploit, 0.05),
            ],
            &BTreeSet::new(),
        );
        assert_eq!(keys(&ranking), ["knob:b", "knob:a"]);
    }

    #[test]
    fn a_category_that_was_never_kept_is_worth_less() {
        let losses = History::of(vec![summary(Category::Explore, Verdict::Revert); 8]);
        let wins = History::of(vec![summary(Category::Explore, Verdict::Keep)]);
        let bet = hypothesis("knob:a", Category::Explore, 0.1);
        assert!(worth(&bet, &losses) < worth(&bet, &History::default()));
        assert!(worth(&bet, &wins) > worth(&bet, &History::default()));
    }

    #[test]
    fn infrastructure_failures_say_nothing_about_a_category() {
        let spurious = History::of(vec![summary(Category::Fix, Verdict::Spurious); 5]);
        assert!((spurious.keep_rate(Category::Fix) - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn what_was_tried_in_this_run_is_set_aside_with_the_reason() {
        let tried = BTreeSet::from(["knob:a".parse().unwrap()]);
        let ranking = rank_after(vec![hypothesis("knob:a", Category::Exploit, 0.1)], &tried);
        assert!(ranking.ranked.is_empty());
        assert_eq!(ranking.set_aside[0].1, "tried in this run");
    }

    #[test]
    fn what_people_rejected_is_left_alone_until_they_ask_for_it() {
        let key: StructuralKey = "knob:a".parse().unwrap();
        let rejected = BTreeMap::from([(key.clone(), "rejected as experiment 4".to_owned())]);
        let ranked = |asked: &BTreeSet<StructuralKey>| {
            let past = Past {
                history: &History::default(),
                tried: &BTreeSet::new(),
                rejected: &rejected,
                asked,
                broken: &BTreeMap::new(),
            };
            rank(vec![hypothesis("knob:a", Category::Exploit, 0.1)], past)
        };
        assert_eq!(
            ranked(&BTreeSet::new()).set_aside[0].1,
            "rejected as experiment 4"
        );
        assert_eq!(ranked(&BTreeSet::from([key])).ranked.len(), 1);
    }

    #[test]
    fn a_claim_on_a_metric_without_a_number_is_set_aside() {
        let mut bet = hypothesis("knob:a", Category::Exploit, 0.1);
        bet.claim = Claim::Moves {
            metric: "parse_ns".parse().unwrap(),
            delta: None,
        };
        let past = Past {
            history: &History::default(),
            tried: &BTreeSet::new(),
            rejected: &BTreeMap::new(),
            asked: &BTreeSet::new(),
            broken: &BTreeMap::from([("parse_ns".to_owned(), "exit status 1".to_owned())]),
        };
        let ranking = rank(vec![bet], past);
        assert!(ranking.set_aside[0].1.ends_with("exit status 1"));
    }
}
