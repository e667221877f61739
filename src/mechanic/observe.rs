//! The Researcher: what the incumbent's evaluation, its manifests and its profile offer to improve.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::setting::{self, At};
use super::surface::Surface;
use super::tune::settings;
use super::{features, genetic, job, offer, tree};
use crate::agent::{Error, ResearchInput};
use crate::config::{Parameter, Profile, ResearchParameter};
use crate::model::finding::{Finding, TestOutcome};
use crate::model::hypothesis::LintRule;
use crate::model::observation::{Observation, Setting};
use crate::model::profile::Purpose;
use crate::syntax::{self, Grammar};
use crate::toolchain::Outcome;

/// Places that an observation names.
const PLACES: usize = 5;

/// Returns everything that something could be done about.
pub(crate) async fn research(
    input: &ResearchInput<'_>,
    surface: &Surface,
) -> Result<Vec<Observation>, Error> {
    let read = |path: &Utf8Path| tree::read(input.tree, path).ok();
    let profile = &input.lab.profile;
    let mut observations = lint(&input.evaluation.findings, surface);
    observations.extend(features::asked(input, surface, &read));
    observations.extend(unformatted(input, surface).await?);
    observations.extend(offer::knobs(profile, &input.lab.detection, surface, &read));
    observations.extend(parameters(profile, surface, &read));
    observations.extend(searchable(profile, surface, &read));
    observations.extend(genetic::editable(input)?);
    let failed = input.evaluation.tests.ids(TestOutcome::Failed);
    let reported = input.report.iter().flat_map(|it| &it.failing);
    observations.extend(failing(
        failed.into_iter().chain(reported.map(String::as_str)),
    ));
    observations.extend(input.wishes.iter().map(|(source, text)| Observation::Wish {
        text: text.clone(),
        source: source.clone(),
    }));
    Ok(observations)
}

/// Groups findings by rule, on the paths that may be touched; most findings first.
pub(crate) fn lint(findings: &[Finding], surface: &Surface) -> Vec<Observation> {
    let mut by_rule: BTreeMap<LintRule, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|it| surface.may_touch(&it.path)) {
        let rule = LintRule {
            tool: finding.tool.clone(),
            rule: finding.rule.clone(),
        };
        by_rule.entry(rule).or_default().push(finding);
    }
    let mut groups: Vec<_> = by_rule.into_iter().collect();
    groups.sort_by_key(|(_, findings)| std::cmp::Reverse(findings.len()));
    groups
        .into_iter()
        .map(|(rule, findings)| Observation::LintFindings {
            rule,
            count: findings.len(),
            fixable: findings.iter().filter(|it| it.fixable).count(),
            places: places(&findings),
        })
        .collect()
}

/// Names the first places, those with a fix before the others.
fn places(findings: &[&Finding]) -> Vec<String> {
    let mut sorted = findings.to_vec();
    sorted.sort_by_key(|it| (!it.fixable, &it.path, it.line));
    sorted
        .iter()
        .take(PLACES)
        .map(|it| format!("{}:{}", it.path, it.line))
        .collect()
}

async fn unformatted(
    input: &ResearchInput<'_>,
    surface: &Surface,
) -> Result<Vec<Observation>, Error> {
    let mut by_tool: BTreeMap<String, BTreeSet<Utf8PathBuf>> = BTreeMap::new();
    let mut tests_by_tool: BTreeMap<String, BTreeSet<Utf8PathBuf>> = BTreeMap::new();
    let tests = Surface::of_tests(input.lab);
    for project in &input.lab.detection.languages {
        let Some(tool) = project.uses.get(&Purpose::Format) else {
            continue;
        };
        let Some(adapter) = input
            .lab
            .adapters
            .iter()
            .find(|it| it.name() == project.language)
        else {
            continue;
        };
        let place = job::Place::new(input.lab, input.tree, &input.lab.cancel)?;
        if let Outcome::Measured(paths) = adapter.unformatted(&place.job(project)).await? {
            let tidied = paths.iter().filter(|it| tests.may_touch(it)).cloned();
            tests_by_tool
                .entry(tool.clone())
                .or_default()
                .extend(tidied);
            let touchable = paths.into_iter().filter(|it| surface.may_touch(it));
            by_tool.entry(tool.clone()).or_default().extend(touchable);
        }
    }
    let some = |it: BTreeMap<String, BTreeSet<Utf8PathBuf>>| {
        let counts = it.into_iter().map(|(tool, paths)| (tool, paths.len()));
        counts.filter(|(_, files)| *files > 0)
    };
    let code = some(by_tool).map(|(tool, files)| Observation::Unformatted { tool, files });
    let tests =
        some(tests_by_tool).map(|(tool, files)| Observation::UnformattedTests { tool, files });
    Ok(code.chain(tests).collect())
}

/// Returns a declared parameter's choices that are not its value now.
pub(crate) fn parameters(
    profile: &Profile,
    surface: &Surface,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Vec<Observation> {
    let touchable = profile
        .parameters
        .iter()
        .filter(|it| surface.may_touch(&it.file));
    touchable
        .filter_map(|it| Some((it, current_value(it, read)?)))
        .flat_map(|(parameter, current)| match parameter.range() {
            Some(_) => vec![Observation::ParameterRange {
                file: parameter.file.clone(),
                name: parameter.name.clone(),
                current,
                metric: parameter.metric.clone(),
            }],
            None => choices(parameter, &current),
        })
        .collect()
}

/// Returns what `[[research.parameter]]` declares, with what is written there now; nothing where none
/// is declared.
pub(crate) fn searchable(
    profile: &Profile,
    surface: &Surface,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<Observation> {
    let research = profile.research.as_ref()?;
    let settings: Vec<Setting> = research
        .parameters
        .iter()
        .map(|parameter| {
            let (current, reason) = match value_now(parameter, surface, read) {
                Ok(current) => (Some(current), None),
                Err(reason) => (None, Some(reason)),
            };
            Setting {
                place: settings::place_of(parameter),
                current,
                reason,
            }
        })
        .collect();
    (!settings.is_empty()).then(|| Observation::Searchable {
        settings,
        metric: research.metric.clone(),
    })
}

/// Returns what is written where a parameter is, or why it cannot be searched.
fn value_now(
    parameter: &ResearchParameter,
    surface: &Surface,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Result<String, String> {
    let file = &parameter.file;
    if !surface.may_touch(file) {
        return Err("its file is protected, or not to be touched now".to_owned());
    }
    let place = settings::place_of(parameter);
    let text = read(file).ok_or("there is no such file, or it is no text")?;
    let current = setting::get(file, &text, At::of(&place)).map_err(|it| it.to_string())?;
    let current = current.ok_or("nothing is there")?;
    // What can be read can be written: the same value in its place changes nothing.
    setting::set(file, &text, At::of(&place), &current).map_err(|it| it.to_string())?;
    match settings::reason_against(parameter, &current) {
        Some(reason) => Err(reason),
        None => Ok(current),
    }
}

fn current_value(
    parameter: &Parameter,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<String> {
    let grammar = Grammar::of(&parameter.file)?;
    let source = read(&parameter.file)?;
    let span = syntax::constant(grammar, &source, &parameter.name)?;
    Some(source[span].to_owned())
}

/// Returns an observation for each choice that differs from the present value.
fn choices(parameter: &Parameter, current: &str) -> Vec<Observation> {
    let why = reason(parameter);
    let others = parameter
        .choices
        .iter()
        .filter(|it| !same_literal(it, current));
    others
        .map(|choice| Observation::ParameterAvailable {
            file: parameter.file.clone(),
            name: parameter.name.clone(),
            current: current.to_owned(),
            proposed: choice.clone(),
            why: why.clone(),
            metric: parameter.metric.clone(),
        })
        .collect()
}

/// Returns why a parameter may pay: the project's words, or that it declares so.
pub(crate) fn reason(parameter: &Parameter) -> String {
    if parameter.why.is_empty() {
        format!(
            "the project declares that `{}` may depend on it",
            parameter.metric
        )
    } else {
        parameter.why.clone()
    }
}

/// Returns whether two literals are the same but for spaces and digit separators.
pub(crate) fn same_literal(left: &str, right: &str) -> bool {
    let is_number = |it: &str| {
        it.trim()
            .starts_with(|it: char| it.is_ascii_digit() || it == '-')
    };
    if is_number(left) && is_number(right) {
        left.trim().replace('_', "") == right.trim().replace('_', "")
    } else {
        left.trim() == right.trim()
    }
}

/// Returns the tests that fail, each once.
fn failing<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Observation> {
    let ids: BTreeSet<&str> = ids.collect();
    ids.into_iter()
        .map(|id| Observation::FailingTest { id: id.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::fixtures::{finding, profile, reader};

    fn everything() -> Surface {
        Surface::new(["tests/**"], [], ["**"])
    }

    #[test]
    fn findings_are_grouped_by_rule_without_protected_paths() {
        let findings = [
            finding(("b.py", 9), "ruff", "F401", false),
            finding(("a.py", 3), "ruff", "E501", false),
            finding(("a.py", 7), "ruff", "F401", true),
            finding(("tests/t.py", 1), "ruff", "F401", true),
        ];
        let rule = |it: &str| LintRule {
            tool: "ruff".to_owned(),
            rule: it.to_owned(),
        };
        assert_eq!(
            lint(&findings, &everything()),
            [
                Observation::LintFindings {
                    rule: rule("F401"),
                    count: 2,
                    fixable: 1,
                    places: vec!["a.py:7".to_owned(), "b.py:9".to_owned()],
                },
                Observation::LintFindings {
                    rule: rule("E501"),
                    count: 1,
                    fixable: 0,
                    places: vec!["a.py:3".to_owned()],
                },
            ]
        );
    }

    #[test]
    fn a_parameter_offers_the_choices_that_are_not_its_value() {
        let source = "/// Bytes.\npub const CHUNK: usize = 1_6;\n";
        let observations = parameters(
            &profile(),
            &everything(),
            &reader(&[("src/lib.rs", source)]),
        );
        let values: Vec<(&str, &str)> = observations
            .iter()
            .map(|it| match it {
                Observation::ParameterAvailable {
                    current, proposed, ..
                } => (current.as_str(), proposed.as_str()),
                other => panic!("not a parameter: {other:?}"),
            })
            .collect();
        assert_eq!(values, [("1_6", "64"), ("1_6", "256")]);
        assert!(parameters(&profile(), &everything(), &reader(&[])).is_empty());
        let fixed = Surface::new(["src/lib.rs"], [], ["**"]);
        assert!(parameters(&profile(), &fixed, &reader(&[("src/lib.rs", source)])).is_empty());
    }

    #[test]
    fn what_cannot_be_searched_is_seen_with_its_reason() {
        let table = |file: &str, key: &str, kind: &str| {
            format!(
                "[[research.parameter]]\nfile='{file}'\nkey='{key}'\ntype='{kind}'\nlow=1\nhigh=9\n"
            )
        };
        let tables = [
            table("a.yml", "n", "int"),
            table("a.yml", "s", "int"),
            table("a.yml", "m", "int"),
            table("b.yml", "n", "int"),
            table("tests/c.yml", "n", "int"),
            table("d.yml", "n", "int"),
        ];
        let section = "[research]\nobjective='o'\nmetric='t'\ndirection='minimize'\nrun='x'\nmutable=['**']\n";
        let profile: Profile = toml::from_str(&format!("{section}{}", tables.concat())).unwrap();
        let files = [
            ("a.yml", "n: 4 # four\ns: fast\n"),
            ("d.yml", "n: &x 4\nm: *x\n"),
        ];
        let seen = searchable(&profile, &everything(), &reader(&files));
        let Some(Observation::Searchable { settings, .. }) = seen else {
            panic!("{seen:?}");
        };
        assert_eq!(settings[0].current.as_deref(), Some("4"));
        let reasons: Vec<&str> = settings[1..]
            .iter()
            .map(|it| it.reason.as_deref().unwrap())
            .collect();
        for (reason, said) in reasons.iter().zip([
            "its value is fast, which is no number",
            "nothing is there",
            "there is no such file",
            "protected",
            "anchors",
        ]) {
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[test]
    fn a_test_that_fails_twice_is_one_observation() {
        assert_eq!(failing(["b", "a", "b"].into_iter()).len(), 2);
    }
}
