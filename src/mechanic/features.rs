//! Features of dependencies that may not be needed: what a manifest asks for, to be tried without.

use camino::Utf8Path;

use super::surface::Surface;
use crate::agent::ResearchInput;
use crate::model::finding::TestOutcome;
use crate::model::hypothesis::{Category, Claim, Hypothesis, LintRule};
use crate::model::observation::Observation;
use crate::model::profile::LanguageName;
use crate::toolchain::rust::n_asked;

/// The rule under which they are tried, one by one, in one experiment.
fn rule() -> LintRule {
    LintRule {
        tool: "factory".to_owned(),
        rule: "unneeded-features".to_owned(),
    }
}

/// Returns whether a rule asks for a trial, and is no finding.
pub(super) fn is_trial(of: &LintRule) -> bool {
    *of == rule()
}

/// Returns how many features the manifests ask for, where a suite would notice what goes missing.
pub(super) fn asked(
    input: &ResearchInput<'_>,
    surface: &Surface,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<Observation> {
    if input.evaluation.tests.count(TestOutcome::Passed) == 0 {
        return None;
    }
    let projects = input.lab.detection.languages.iter();
    let manifests = projects
        .filter(|it| it.language == LanguageName::Rust)
        .flat_map(|it| &it.manifests)
        .filter(|it| it.file_name() == Some("Cargo.toml") && surface.may_touch(it));
    let asked = manifests.filter_map(|it| Some((it, n_asked(&read(it)?))));
    let asked: Vec<_> = asked.filter(|(_, count)| *count > 0).collect();
    let count = asked.iter().map(|it| it.1).sum();
    (count > 0).then(|| Observation::LintFindings {
        rule: rule(),
        count,
        fixable: count,
        places: asked.iter().map(|it| it.0.to_string()).collect(),
    })
}

/// Turns the drafted fix into what it is: fewer features, and nothing worse.
pub(super) fn fewer(fix: Hypothesis, count: usize) -> Hypothesis {
    let features = if count == 1 { "feature" } else { "features" };
    Hypothesis {
        why: format!(
            "The manifests ask {count} {features} of dependencies. Each is taken away in turn, and stays \
             away where every target compiles without it."
        ),
        category: Category::Explore,
        claim: Claim::Keeps,
        success: vec![
            "the manifests ask for fewer features, and every target compiles".to_owned(),
            "every test that passes now still passes".to_owned(),
            "no deterministic dimension gets worse".to_owned(),
        ],
        expected_gain: 0.0005,
        ..fix
    }
}
