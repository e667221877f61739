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
mod tests {
    use super::*;
    use crate::agent::contract;
    use crate::mechanic::fixtures::{evaluation, finding, metric, profile, rule};
    use crate::model::experiment::Cost;
    use crate::model::hypothesis::{Category, Claim};
    use proptest::prelude::*;

    fn lint(tool: &str, name: &str, count: usize, fixable: usize) -> Observation {
        Observation::LintFindings {
            rule: rule(tool, name),
            count,
            fixable,
            places: vec![
                "a.py:7".to_owned(),
                "b.py:9".to_owned(),
                "c.py:1".to_owned(),
            ],
        }
    }

    fn knob(key: &str, proposed: &str) -> Observation {
        Observation::KnobAvailable {
            file: "Cargo.toml".into(),
            key: key.to_owned(),
            current: None,
            proposed: proposed.to_owned(),
            why: "it inlines across crates".to_owned(),
            metric: "parse_ns".to_owned(),
        }
    }

    fn parameter(current: &str, proposed: &str) -> Observation {
        Observation::ParameterAvailable {
            file: "src/lib.rs".into(),
            name: "CHUNK".to_owned(),
            current: current.to_owned(),
            proposed: proposed.to_owned(),
            why: "larger chunks are fewer.".to_owned(),
            metric: "parse_ns".to_owned(),
        }
    }

    fn wish(source: &str, text: &str) -> Observation {
        Observation::Wish {
            text: text.to_owned(),
            source: source.to_owned(),
        }
    }

    fn seen() -> Vec<Observation> {
        vec![
            lint("ruff", "F541", 1, 1),
            lint("ruff", "F401", 3, 2),
            lint("ruff", "E501", 9, 0),
            Observation::Unformatted {
                tool: "black".to_owned(),
                files: 2,
            },
            knob("profile.release.lto", "\"fat\""),
            parameter("16", "64"),
            parameter("16", "256"),
            Observation::FailingTest { id: "a".to_owned() },
        ]
    }

    fn strategise(observations: &[Observation], history: &[Summary]) -> Vec<Hypothesis> {
        strategise_in(&profile(), observations, history)
    }

    fn strategise_in(
        profile: &Profile,
        observations: &[Observation],
        history: &[Summary],
    ) -> Vec<Hypothesis> {
        let findings = vec![
            finding(("a.py", 7), "ruff", "F401", true),
            finding(("b.py", 9), "ruff", "F401", false),
            finding(("tests/c.py", 1), "ruff", "F401", true),
            finding(("d.py", 1), "ruff", "F541", true),
        ];
        hypotheses(&Ground {
            observations,
            evaluation: &evaluation(findings),
            profile,
            history,
            tried: &BTreeSet::new(),
            may_touch: &|it| !it.starts_with("tests"),
            hashes: &|it| {
                it.iter()
                    .map(|it| (it.to_path_buf(), "hash".to_owned()))
                    .collect()
            },
        })
    }

    fn keys(hypotheses: &[Hypothesis]) -> Vec<&str> {
        hypotheses.iter().map(|it| it.key.as_str()).collect()
    }

    #[test]
    fn all_safe_fixes_are_one_hypothesis_and_every_value_its_own() {
        let hypotheses = strategise(&seen(), &[]);
        assert_eq!(
            keys(&hypotheses),
            [
                "fixes:ruff:F401,ruff:F541",
                "format:black",
                "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
                "constant:src/lib.rs:CHUNK=16->64@parse_ns",
                "constant:src/lib.rs:CHUNK=16->256@parse_ns",
            ]
        );
        let categories: Vec<Category> = hypotheses.iter().map(|it| it.category).collect();
        assert_eq!(
            categories,
            [
                Category::Fix,
                Category::Fix,
                Category::Exploit,
                Category::Explore,
                Category::Explore
            ]
        );
        let claims: Vec<&str> = hypotheses.iter().map(|it| it.claim.kind()).collect();
        assert_eq!(claims, ["moves", "keeps", "moves", "moves", "moves"]);
    }

    #[test]
    fn fixes_cite_what_was_seen_and_name_the_files() {
        let fixes = &strategise(&seen(), &[])[0];
        assert_eq!(fixes.title, "Fix 2 ruff lints: F401, F541");
        assert_eq!(
            fixes.why,
            "Found: ruff F541 (1 finding, 1 with a safe fix, at a.py:7 and b.py:9); \
             ruff F401 (3 findings, 2 with a safe fix, at a.py:7 and b.py:9)."
        );
        let named: Vec<&str> = fixes.files.keys().map(|it| it.as_str()).collect();
        assert_eq!(named, ["a.py", "d.py"]);
        // Half of the composite, half of the tier, four tenths to gain, three of four findings.
        assert!((fixes.expected_gain - 0.5 * 0.5 * 0.4 * 0.75).abs() < 1e-12);
    }

    #[test]
    fn a_knob_has_the_catalogues_title_and_guess() {
        let knob = &strategise(&seen(), &[])[2];
        assert_eq!(knob.title, "Build release with fat LTO");
        assert!((knob.expected_gain - 0.04).abs() < 1e-12);
        assert_eq!(
            knob.why,
            "`profile.release.lto` in Cargo.toml is left at its default, false; it inlines across \
             crates; `parse_ns` is measured on a build with this profile."
        );
        let Claim::Moves { metric, delta } = &knob.claim else {
            panic!("{:?}", knob.claim);
        };
        assert_eq!((metric.as_str(), delta), ("parse_ns", &None));
        assert!(knob.files.contains_key(Utf8Path::new("Cargo.toml")));
    }

    #[test]
    fn focus_is_exactly_one_hypothesis() {
        for (words, key) in [
            ("ruff F401", "fixes:ruff:F401"),
            ("clippy::needless_clone", "fixes:clippy::needless_clone"),
            ("format", "format:black"),
            (
                "profile.release.lto=fat",
                "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
            ),
            (
                "profile.release.lto",
                "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
            ),
            (
                "profile.release.panic=abort",
                "knob:Cargo.toml:profile.release.panic=abort@parse_ns",
            ),
            ("CHUNK", "constant:src/lib.rs:CHUNK=16->64@parse_ns"),
            ("CHUNK=256", "constant:src/lib.rs:CHUNK=16->256@parse_ns"),
            ("CHUNK=512", "constant:src/lib.rs:CHUNK=->512@parse_ns"),
            ("Add a flag", "words:add a flag"),
        ] {
            let mut observations = seen();
            observations.push(wish("focus", words));
            observations.push(wish("backlog", "something else"));
            assert_eq!(keys(&strategise(&observations, &[])), [key], "{words}");
        }
    }

    #[test]
    fn a_backlog_item_comes_beside_the_rest() {
        let mut observations = seen();
        observations.push(wish("backlog", "add a flag"));
        let hypotheses = strategise(&observations, &[]);
        assert_eq!(hypotheses.len(), 6);
        assert_eq!(hypotheses[0].title, "Add a flag");
        assert!(matches!(&hypotheses[0].change, Change::Words { text } if text == "add a flag"));
    }

    fn kept(key: &str) -> Summary {
        Summary {
            id: crate::model::id::ExperimentId(1),
            finished: jiff::Timestamp::UNIX_EPOCH,
            key: key.parse().unwrap(),
            title: String::new(),
            category: Category::Explore,
            claim: "moves".to_owned(),
            verdict: Verdict::Keep,
            reason: String::new(),
            effect: None,
            cost: Cost::default(),
            files_hash: String::new(),
            landed: None,
            spent: None,
            resumes: None,
            turn: None,
        }
    }

    #[test]
    fn a_value_that_was_left_behind_is_not_tried_again() {
        let observations = [parameter("64", "16"), parameter("64", "256")];
        let history = [kept("constant:src/lib.rs:CHUNK=16->64@parse_ns")];
        assert_eq!(
            keys(&strategise(&observations, &history)),
            ["constant:src/lib.rs:CHUNK=64->256@parse_ns"]
        );
        let other_metric = [kept("constant:src/lib.rs:CHUNK=16->64@memory")];
        assert_eq!(strategise(&observations, &other_metric).len(), 2);
    }

    #[test]
    fn halves_of_a_vetoed_bundle_hold_every_rule_once() {
        let rules: Vec<LintRule> = ["F401", "F541", "UP009"].map(|it| rule("ruff", it)).into();
        let (left, right) = bisect(&draft::fixes(&rules, &[])).unwrap();
        assert_eq!(
            keys(&[left.clone(), right]),
            ["fixes:ruff:F401", "fixes:ruff:F541,ruff:UP009"]
        );
        assert!(bisect(&left).is_none());
        assert!(bisect(&draft::format("black", 1)).is_none());
    }

    #[test]
    fn fixes_about_speed_claim_the_benchmark_first_and_are_fixes_once_that_was_tried() {
        let observations = [
            lint("clippy", "clippy::useless_vec", 2, 1),
            lint("clippy", "clippy::len_zero", 1, 1),
        ];
        let found = strategise(&observations, &[]);
        let keys: Vec<&str> = found.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "fixes:clippy::len_zero",
                "faster:clippy::useless_vec@parse_ns"
            ]
        );
        assert_eq!(
            found[1].claim,
            Claim::Moves {
                metric: "parse_ns".parse().unwrap(),
                delta: None
            }
        );
        let tried = Summary {
            verdict: Verdict::Revert,
            ..kept(found[1].key.as_str())
        };
        let found = strategise(&observations, &[tried]);
        let keys: Vec<&str> = found.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["fixes:clippy::len_zero,clippy::useless_vec"]);
    }

    #[test]
    fn fixes_about_speed_claim_a_benchmark_of_their_own_language() {
        for (tool, rule, run) in [
            ("eslint", "unicorn/prefer-set-has", "node bench/sum.js"),
            (
                "eslint",
                "no-extra-bind",
                "npx --no-install vitest bench --run",
            ),
            ("biome", "complexity/useFlatMap", "npm run bench"),
            ("staticcheck", "S1011", "go test -run '^$' -bench . ."),
        ] {
            let profile = Profile {
                metrics: vec![
                    metric("other_ns", "ns", "cargo bench"),
                    crate::config::Metric::suite_seconds(),
                    metric("own_ns", "ns", run),
                ],
                ..Profile::default()
            };
            let found = strategise_in(&profile, &[lint(tool, rule, 2, 1)], &[]);
            let Claim::Moves { metric, .. } = &found[0].claim else {
                panic!("{tool} {rule}: {:?}", found[0].claim);
            };
            assert_eq!(metric.as_str(), "own_ns", "{tool} {rule}");
        }
    }

    proptest! {
        #[test]
        fn every_hypothesis_keeps_the_contract(
            names in proptest::collection::vec("[A-Z]{1,4}[0-9]{3}|[a-z_]{1,50}", 0..30),
            words in "(?s).{0,300}",
            value in "\\PC{1,80}",
        ) {
            let mut observations: Vec<Observation> =
                names.iter().map(|it| lint("ruff", it, 2, 1)).collect();
            observations.push(wish("backlog", &words));
            observations.push(parameter("16", &value));
            for hypothesis in strategise(&observations, &[]) {
                prop_assert_eq!(contract::faults(&hypothesis), Vec::<String>::new());
            }
        }
    }
}
