//! The Strategist: observations to hypotheses, each with its claim and what will show it.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{build, catalogue, draft, features, observe, tune};
use crate::config::Profile;
use crate::model::dimension::Evaluation;
use crate::model::experiment::Summary;
use crate::model::hypothesis::{Change, Hypothesis, LintRule};
use crate::model::id::StructuralKey;
use crate::model::observation::{Observation, Setting};
use crate::model::verdict::Verdict;
use crate::score::Weights;

/// What hypotheses are drawn from.
pub(crate) struct Ground<'a> {
    /// What the Researcher saw.
    pub(crate) observations: &'a [Observation],
    /// The incumbent's evaluation.
    pub(crate) evaluation: &'a Evaluation,
    /// The profile.
    pub(crate) profile: &'a Profile,
    /// Everything that was tried before.
    pub(crate) history: &'a [Summary],
    /// What this run began, whether it is in the history by now or not.
    pub(crate) tried: &'a BTreeSet<StructuralKey>,
    /// Whether an experiment may touch a path.
    pub(crate) may_touch: &'a dyn Fn(&Utf8Path) -> bool,
    /// Hashes of the contents of files.
    pub(crate) hashes: &'a dyn Fn(&BTreeSet<&Utf8Path>) -> BTreeMap<Utf8PathBuf, String>,
}

/// Returns the bets, none twice; a person's focus is the only one where there is one.
pub(crate) fn hypotheses(ground: &Ground<'_>) -> Vec<Hypothesis> {
    let focus = ground.wishes("focus");
    let drafts: Vec<Hypothesis> = if focus.is_empty() {
        let backlog = ground.wishes("backlog");
        backlog
            .into_iter()
            .map(|it| ground.asked(it))
            .chain(ground.found())
            .collect()
    } else {
        focus.into_iter().map(|it| ground.asked(it)).collect()
    };
    let mut keys = BTreeSet::new();
    drafts
        .into_iter()
        .filter(|it| keys.insert(it.key.clone()))
        .collect()
}

impl Ground<'_> {
    fn wishes(&self, of: &str) -> Vec<&str> {
        let texts = self.observations.iter().filter_map(|it| match it {
            Observation::Wish { text, source } if source == of => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Returns what follows from the observations alone.
    fn found(&self) -> Vec<Hypothesis> {
        let rules = self.fixable().map(|(rule, ..)| rule.clone());
        let (faster, rules): (Vec<LintRule>, Vec<LintRule>) =
            rules.partition(|it| self.faster(it).is_some());
        let faster: Vec<Hypothesis> = faster.iter().filter_map(|it| self.faster(it)).collect();
        let (by_trial, rules): (Vec<LintRule>, Vec<LintRule>) =
            rules.into_iter().partition(features::is_trial);
        // What the compiler says by itself counts in another dimension: a claim for each.
        let (types, lint): (Vec<LintRule>, Vec<LintRule>) = rules
            .into_iter()
            .partition(|it| draft::dimension_of(std::slice::from_ref(it)) == "types");
        let bundles = [lint, types].into_iter().filter(|it| !it.is_empty());
        let fixes = bundles.map(|it| self.fix(it));
        let fewer = by_trial.iter().filter_map(|rule| {
            let count = self.fixable().find(|it| it.0 == rule)?.1;
            Some(features::fewer(self.fix(vec![rule.clone()]), count))
        });
        let others = self.observations.iter().flat_map(|it| match it {
            Observation::Unformatted { tool, .. } => vec![self.format(tool)],
            Observation::UnformattedTests { tool, files } => {
                vec![draft::format_tests(tool, *files)]
            }
            Observation::KnobAvailable { .. } => self.knob(it).into_iter().collect(),
            Observation::ParameterAvailable { .. } => self.parameter(it).into_iter().collect(),
            Observation::ParameterRange { .. } => self.searched(it),
            Observation::Editable { .. } if self.profile.research.is_some() => {
                self.edits(it).into_iter().collect()
            }
            Observation::Searchable { settings, .. } => self.turned(settings),
            Observation::LintFindings { .. }
            | Observation::InstancesFallShort { .. }
            | Observation::Editable { .. }
            | Observation::Wish { .. }
            | Observation::FailingTest { .. }
            | Observation::Reported { .. } => Vec::new(),
        });
        fixes.chain(others).chain(faster).chain(fewer).collect()
    }

    /// Returns the hypothesis that the fixes of a rule about speed move a benchmark; none where there
    /// is no benchmark, or where that was tried, so that it is a fix like any other.
    fn faster(&self, rule: &LintRule) -> Option<Hypothesis> {
        if !catalogue::is_about_speed(rule) {
            return None;
        }
        let language = build::language_of(&rule.tool)?;
        let metric = self.profile.metrics.iter().find(|it| {
            catalogue::kind_of(it) == Some(catalogue::Kind::Time)
                && catalogue::runs(it) == Some(language)
        })?;
        let seen = self.fixable().find(|it| it.0 == rule)?;
        let mut hypothesis = draft::faster(
            &draft::Seen {
                rule,
                count: seen.1,
                fixable: seen.2,
                places: seen.3,
            },
            &metric.name,
        );
        hypothesis.files = (self.hashes)(&self.files_of(std::slice::from_ref(rule)));
        let was_tried = self.history.iter().any(|it| it.key == hypothesis.key);
        (!was_tried).then_some(hypothesis)
    }

    /// Returns each rule with safe fixes: rule, count, fixable, places.
    fn fixable(&self) -> impl Iterator<Item = (&LintRule, usize, usize, &[String])> {
        self.observations.iter().filter_map(|it| match it {
            Observation::LintFindings {
                rule,
                count,
                fixable,
                places,
            } if *fixable > 0 => Some((rule, *count, *fixable, places.as_slice())),
            _ => None,
        })
    }

    pub(super) fn fix(&self, mut rules: Vec<LintRule>) -> Hypothesis {
        rules.sort();
        let seen: Vec<draft::Seen<'_>> = self
            .fixable()
            .filter(|(rule, ..)| rules.contains(rule))
            .map(|(rule, count, fixable, places)| draft::Seen {
                rule,
                count,
                fixable,
                places,
            })
            .collect();
        let n_fixable = seen.iter().map(|it| it.fixable).sum();
        let mut hypothesis = draft::fixes(&rules, &seen);
        hypothesis.expected_gain = self.lint_gain(&rules, n_fixable);
        hypothesis.files = (self.hashes)(&self.files_of(&rules));
        hypothesis
    }

    /// Returns the files with a fixable finding of those rules.
    fn files_of(&self, rules: &[LintRule]) -> BTreeSet<&Utf8Path> {
        let is_one =
            |tool: &str, rule: &str| rules.iter().any(|it| it.tool == tool && it.rule == rule);
        let findings = self.evaluation.findings.iter();
        findings
            .filter(|it| it.fixable && is_one(&it.tool, &it.rule) && (self.may_touch)(&it.path))
            .map(|it| it.path.as_path())
            .collect()
    }

    /// Estimates what `n_fixable` findings fewer are worth, in composite points.
    fn lint_gain(&self, rules: &[LintRule], n_fixable: usize) -> f64 {
        let lint = self.evaluation.dimension(draft::dimension_of(rules));
        let Some((lint, score)) = lint.and_then(|it| Some((it, it.score?))) else {
            return 0.0;
        };
        let n_findings = match &lint.native {
            Some(native) if native.value >= 1.0 => native.value,
            _ => return 0.0,
        };
        let in_tier = self.evaluation.dimensions.iter();
        let weights: f64 = in_tier
            .filter(|it| it.tier == lint.tier && it.score.is_some())
            .map(|it| it.weight)
            .sum();
        if weights <= 0.0 {
            return 0.0;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of findings are far below 2^52"
        )]
        let share = (n_fixable as f64 / n_findings).min(1.0);
        hygiene_share(self) * lint.weight / weights * (1.0 - score) * share
    }

    pub(super) fn format(&self, tool: &str) -> Hypothesis {
        let n_files = self.observations.iter().find_map(|it| match it {
            Observation::Unformatted { tool: of, files } if of == tool => Some(*files),
            _ => None,
        });
        draft::format(tool, n_files.unwrap_or(0))
    }

    pub(super) fn knob(&self, observation: &Observation) -> Option<Hypothesis> {
        let Observation::KnobAvailable {
            file,
            key,
            current,
            proposed,
            why,
            metric,
        } = observation
        else {
            return None;
        };
        let of_metric = self.profile.metrics.iter().find(|it| it.name == *metric);
        let kind = of_metric.and_then(catalogue::kind_of);
        let shipped = catalogue::find(key, proposed, kind);
        let mut hypothesis = draft::knob(&draft::Knob {
            file,
            key,
            value: proposed,
            current: current.as_deref(),
            title: shipped.map(|it| it.title.as_str()),
            default: shipped.map(|it| it.default.as_str()),
            why,
            metric: Some(metric),
            expected_gain: shipped.map_or(0.0, |it| it.expected_gain),
        })?;
        hypothesis.files = (self.hashes)(&BTreeSet::from([file.as_path()]));
        Some(hypothesis)
    }

    pub(super) fn parameter(&self, observation: &Observation) -> Option<Hypothesis> {
        let Observation::ParameterAvailable {
            file,
            name,
            current,
            proposed,
            why,
            metric,
        } = observation
        else {
            return None;
        };
        let parameter = draft::Constant {
            file,
            name,
            value: proposed,
            current: Some(current),
            why,
            metric,
        };
        if self.was_left_behind(&parameter) {
            return None;
        }
        Some(self.constant(&parameter))
    }

    /// Returns the hypotheses that the next values of a range move its metric, most promising first.
    pub(super) fn searched(&self, observation: &Observation) -> Vec<Hypothesis> {
        let Observation::ParameterRange {
            file,
            name,
            current,
            metric,
        } = observation
        else {
            return Vec::new();
        };
        let mut declared = self.profile.parameters.iter();
        let declared =
            declared.find(|it| it.file == *file && it.name == *name && it.metric == *metric);
        let Some((declared, range)) = declared.and_then(|it| Some((it, it.range()?))) else {
            return Vec::new();
        };
        let tried = &mut self.tried.iter();
        let values = tune::parameter::next_values(declared, range, current, self.history, tried);
        let why = observe::reason(declared);
        values
            .iter()
            .map(|value| {
                self.constant(&draft::Constant {
                    file,
                    name,
                    value,
                    current: Some(current),
                    why: &why,
                    metric,
                })
            })
            .collect()
    }

    /// Returns the hypotheses that the next points of the research's values move its metric, most
    /// promising first.
    fn turned(&self, settings: &[Setting]) -> Vec<Hypothesis> {
        let Some(research) = &self.profile.research else {
            return Vec::new();
        };
        let tried = &mut self.tried.iter();
        let points = tune::settings::next(research, settings, self.history, tried);
        let hypothesis = |(idx, next): (usize, &tune::settings::Next)| {
            let files = next.changes.iter().map(|(it, _)| it.place.file.as_path());
            Hypothesis {
                files: (self.hashes)(&files.collect()),
                ..draft::settings(next, &research.metric, idx)
            }
        };
        points.iter().enumerate().map(hypothesis).collect()
    }

    /// Returns whether a kept experiment already moved the parameter away from that value.
    fn was_left_behind(&self, parameter: &draft::Constant<'_>) -> bool {
        let kept = self.history.iter().filter(|it| it.verdict == Verdict::Keep);
        let from = draft::key_of_departure(parameter);
        let to = format!("@{}", parameter.metric);
        kept.map(|it| it.key.as_str())
            .any(|it| it.starts_with(&from) && it.ends_with(&to))
    }

    pub(super) fn constant(&self, parameter: &draft::Constant<'_>) -> Hypothesis {
        let mut hypothesis = draft::constant(parameter);
        hypothesis.files = (self.hashes)(&BTreeSet::from([parameter.file]));
        hypothesis
    }
}

/// Returns the hygiene tier's share of the composite.
fn hygiene_share(ground: &Ground<'_>) -> f64 {
    match ground.profile.eval.weights {
        Some(weights) => weights.hygiene,
        None => Weights::default_for(&ground.evaluation.dimensions).hygiene,
    }
}

/// Returns a vetoed hypothesis of several lint rules as two of half the rules each; `None` where
/// there is nothing to halve.
pub fn bisect(hypothesis: &Hypothesis) -> Option<(Hypothesis, Hypothesis)> {
    let Change::LintFixes { rules } = &hypothesis.change else {
        return None;
    };
    if rules.len() < 2 {
        return None;
    }
    let (left, right) = rules.split_at(rules.len() / 2);
    let half = |rules: &[LintRule]| Hypothesis {
        expected_gain: hypothesis.expected_gain / 2.0,
        files: hypothesis.files.clone(),
        why: format!(
            "Together, the safe fixes of {} lint rules were vetoed; some of them may be innocent.",
            hypothesis_rules(hypothesis)
        ),
        ..draft::fixes(rules, &[])
    };
    Some((half(left), half(right)))
}

fn hypothesis_rules(hypothesis: &Hypothesis) -> usize {
    match &hypothesis.change {
        Change::LintFixes { rules } => rules.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
