//! What a stage's output must satisfy beyond its shape.
//!
//! A backend that is not ours sends JSON; `serde` checks its shape, this checks its sense. Neither
//! knows which backend it was.

use camino::{Utf8Component, Utf8Path};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::model::hypothesis::{Change, Claim, Hypothesis};

/// The longest title that every git tool shows whole.
const TITLE: usize = 72;

/// Reads a stage's output, or explains what is wrong with it in words that a backend can act on.
pub fn read<T: DeserializeOwned + JsonSchema>(text: &str) -> Result<T, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("line {}, column {}: {error}", error.line(), error.column()))
}

/// Returns what is wrong with a hypothesis of the right shape; nothing when it can be tried.
pub fn faults(hypothesis: &Hypothesis) -> Vec<String> {
    let gain = hypothesis.expected_gain;
    let checks = [
        (hypothesis.title.trim().is_empty(), "the title is empty"),
        (
            hypothesis.title.chars().any(char::is_control),
            "the title is not one line of text",
        ),
        (
            hypothesis.title.chars().count() > TITLE,
            "the title is longer than 72 characters",
        ),
        (hypothesis.why.trim().is_empty(), "`why` cites nothing"),
        (
            hypothesis.success.is_empty(),
            "no success criterion is named",
        ),
        (
            !gain.is_finite() || gain < 0.0,
            "`expected_gain` is not a number of at least 0",
        ),
        (
            has_bad_delta(&hypothesis.claim),
            "`delta` is not a positive number",
        ),
        (
            matches!(&hypothesis.change, Change::LintFixes { rules } if rules.is_empty()),
            "no lint rule is named",
        ),
        (
            matches!(&hypothesis.change, Change::Settings { assignments } if assignments.is_empty()),
            "no setting is changed",
        ),
    ];
    let wrong = checks.into_iter().filter(|(is_wrong, _)| *is_wrong);
    let leaving = paths(hypothesis)
        .filter(|it| !stays_inside(it))
        .map(|it| format!("`{it}` does not lie in the tree"));
    wrong
        .map(|(_, fault)| fault.to_owned())
        .chain(leaving)
        .collect()
}

fn has_bad_delta(claim: &Claim) -> bool {
    matches!(claim, Claim::Moves { delta: Some(delta), .. } if !delta.is_finite() || *delta <= 0.0)
}

fn paths(hypothesis: &Hypothesis) -> impl Iterator<Item = &Utf8Path> {
    let changed = match &hypothesis.change {
        Change::Knob { file, .. } | Change::Constant { file, .. } => vec![file.as_path()],
        Change::Settings { assignments } => assignments
            .iter()
            .map(|it| it.place.file.as_path())
            .collect(),
        Change::LintFixes { .. }
        | Change::Format { .. }
        | Change::Edits { .. }
        | Change::Words { .. }
        | Change::Idea { .. } => Vec::new(),
    };
    let named = hypothesis.files.keys().map(camino::Utf8PathBuf::as_path);
    changed.into_iter().chain(named)
}

fn stays_inside(path: &Utf8Path) -> bool {
    !path.as_str().is_empty()
        && path
            .components()
            .all(|it| matches!(it, Utf8Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hypothesis::Category;
    use std::collections::BTreeMap;

    fn hypothesis() -> Hypothesis {
        Hypothesis {
            key: "knob:a".parse().unwrap(),
            title: "Build release with fat LTO".to_owned(),
            why: "it is left at its default".to_owned(),
            category: Category::Exploit,
            claim: Claim::Keeps,
            success: vec!["nothing gets worse".to_owned()],
            change: Change::Knob {
                file: "Cargo.toml".into(),
                key: "profile.release.lto".to_owned(),
                value: "true".to_owned(),
            },
            files: BTreeMap::new(),
            expected_gain: 0.0,
        }
    }

    #[test]
    fn a_sound_hypothesis_has_no_faults() {
        assert!(faults(&hypothesis()).is_empty());
    }

    #[test]
    fn every_fault_is_named() {
        let mut broken = hypothesis();
        broken.title = "x\n".repeat(80);
        broken.why.clear();
        broken.success.clear();
        broken.expected_gain = f64::NAN;
        broken.claim = Claim::Moves {
            metric: "lint".parse().unwrap(),
            delta: Some(-1.0),
        };
        broken.files.insert("../a".into(), String::new());
        assert_eq!(
            faults(&broken),
            [
                "the title is not one line of text",
                "the title is longer than 72 characters",
                "`why` cites nothing",
                "no success criterion is named",
                "`expected_gain` is not a number of at least 0",
                "`delta` is not a positive number",
                "`../a` does not lie in the tree",
            ]
        );
    }

    #[test]
    fn a_change_outside_the_tree_is_a_fault() {
        for path in ["/etc/passwd", "a/../../b", ""] {
            let mut broken = hypothesis();
            broken.change = Change::Constant {
                file: path.into(),
                name: "A".to_owned(),
                value: "1".to_owned(),
            };
            assert_eq!(
                faults(&broken),
                [format!("`{path}` does not lie in the tree")]
            );
        }
    }

    #[test]
    fn what_was_written_is_read_and_what_is_wrong_is_placed() {
        let text = serde_json::to_string(&vec![hypothesis()]).unwrap();
        assert_eq!(read::<Vec<Hypothesis>>(&text).unwrap(), [hypothesis()]);
        let error = read::<Vec<Hypothesis>>("[{\n}]").unwrap_err();
        assert!(
            error.starts_with("line 2, column 1: missing field"),
            "{error}"
        );
    }
}
