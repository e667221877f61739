//! What people rejected: it counts more than any measurement that kept it.

use std::collections::{BTreeMap, BTreeSet};

use crate::ceo::Error;
use crate::model::experiment::Summary;
use crate::model::hypothesis::{Change, LintRule};
use crate::model::id::{ExperimentId, StructuralKey};
use crate::model::observation::Observation;
use crate::model::verdict::Verdict;
use crate::store::Writer;

/// The rejections of a target's whole record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ceo) struct Rejections {
    /// The experiments, and what was said last of each.
    because: BTreeMap<ExperimentId, String>,
    /// The hypotheses, with the reason why they are set aside.
    keys: BTreeMap<StructuralKey, String>,
    /// Every lint rule that a rejected experiment fixed.
    rules: BTreeSet<LintRule>,
}

impl Rejections {
    pub(in crate::ceo) fn read(writer: &Writer) -> Result<Self, Error> {
        let mut found = Self::default();
        for rejection in writer.reader().rejections()? {
            let Some(experiment) = writer.reader().experiment(rejection.experiment)? else {
                continue;
            };
            let words = format!(
                "rejected by a person as experiment {}: {}",
                experiment.id, rejection.because
            );
            found.keys.insert(experiment.hypothesis.key, words);
            found.because.insert(experiment.id, rejection.because);
            if let Change::LintFixes { rules } = experiment.hypothesis.change {
                found.rules.extend(rules);
            }
        }
        Ok(found)
    }

    /// Returns the rejected hypotheses, each with why it is set aside.
    pub(in crate::ceo) fn keys(&self) -> &BTreeMap<StructuralKey, String> {
        &self.keys
    }

    /// Makes a keep that was rejected count as one that was not worth having.
    pub(in crate::ceo) fn overrule(&self, history: &mut [Summary]) {
        for summary in history {
            if let Some(because) = self.because.get(&summary.id)
                && summary.verdict == Verdict::Keep
            {
                summary.verdict = Verdict::Revert;
                summary.reason = format!("rejected: {because}");
            }
        }
    }

    /// Drops what would only lead to the rejected changes again, in another company.
    pub(in crate::ceo) fn forget(&self, observations: &mut Vec<Observation>) {
        observations.retain(|it| match it {
            Observation::LintFindings { rule, .. } => !self.rules.contains(rule),
            _ => true,
        });
    }

    /// Returns what a person should be reminded of, if anything.
    pub(in crate::ceo) fn notice(&self) -> Option<String> {
        let rules: Vec<&str> = self.rules.iter().map(|it| it.rule.as_str()).collect();
        (!rules.is_empty()).then(|| {
            format!(
                "lint rules of rejected experiments are left alone: {} (`--focus RULE` tries one again)",
                rules.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;
    use crate::model::hypothesis::Category;

    fn rule(name: &str) -> LintRule {
        LintRule {
            tool: "ruff".to_owned(),
            rule: name.to_owned(),
        }
    }

    fn rejections() -> Rejections {
        Rejections {
            because: BTreeMap::from([(ExperimentId(1), "we need it".to_owned())]),
            rules: BTreeSet::from([rule("F401")]),
            ..Rejections::default()
        }
    }

    #[test]
    fn a_rejected_keep_counts_as_not_kept() {
        let kept = |id| Summary {
            key: "fixes:ruff:F401".parse().unwrap(),
            category: Category::Fix,
            ..fixtures::summary(id, Verdict::Keep)
        };
        let mut history = vec![kept(1), kept(2)];
        rejections().overrule(&mut history);
        assert_eq!(history[0].verdict, Verdict::Revert);
        assert_eq!(history[0].reason, "rejected: we need it");
        assert_eq!(history[1].verdict, Verdict::Keep);
    }

    #[test]
    fn findings_of_a_rejected_rule_lead_to_nothing() {
        let seen = |name: &str| Observation::LintFindings {
            rule: rule(name),
            count: 1,
            fixable: 1,
            places: Vec::new(),
        };
        let mut observations = vec![seen("F401"), seen("F541")];
        rejections().forget(&mut observations);
        assert_eq!(observations, [seen("F541")]);
        assert!(rejections().notice().unwrap().contains("F401"));
        assert_eq!(Rejections::default().notice(), None);
    }
}
