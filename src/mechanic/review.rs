//! The Reviewer: objections to a diff that its hypothesis cannot explain.

use super::build::language_of;
use crate::model::experiment::Candidate;
use crate::model::hypothesis::{Change, Hypothesis, LintRule};
use crate::model::profile::LanguageName;
use crate::syntax::Grammar;

/// More changed lines than anybody will read in a commit of lint fixes.
const FIXER_LINES: u32 = 5_000;

/// More changed lines than one setting or one value can need.
const VALUE_LINES: u32 = 20;

/// More changed lines than a patch of small edits can need.
const EDITED_LINES: u32 = 200;
/// Files that say what a project depends on.
const MANIFESTS: [&str; 5] = [
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "package.json",
    "package-lock.json",
];

/// Returns what is wrong with a diff, most telling first; nothing lets it pass.
pub(crate) fn review(hypothesis: &Hypothesis, candidate: &Candidate, diff: &str) -> Vec<String> {
    let touched = touched(diff);
    if touched.is_empty() && candidate.size.files == 0 {
        return vec!["the diff is empty: nothing was changed".to_owned()];
    }
    let mut objections: Vec<String> = touched
        .iter()
        .filter(|it| !explains(&hypothesis.change, it))
        .map(|it| format!("`{it}` was changed, which the hypothesis does not explain"))
        .collect();
    objections.extend(too_large(&hypothesis.change, candidate));
    objections
}

/// Returns whether a change of that kind accounts for that file.
fn explains(change: &Change, path: &str) -> bool {
    match change {
        Change::Knob { file, .. } | Change::Constant { file, .. } => file.as_str() == path,
        Change::Settings { assignments } => assignments.iter().any(|it| it.place.file == path),
        Change::LintFixes { rules } => rules.iter().any(|it| is_source_for(it, path)),
        Change::Format { tool } => is_formatted_by(tool, path),
        Change::Edits { .. } => Grammar::of(path.into()).is_some(),
        Change::Words { .. } | Change::Idea { .. } => true,
    }
}

fn is_source_for(rule: &LintRule, path: &str) -> bool {
    // A dependency goes from its manifest, and the lock file follows.
    let of_manifest = [
        "unused-dependency",
        "redundant-feature",
        "unneeded-features",
    ];
    if of_manifest.contains(&rule.rule.as_str()) {
        return path
            .rsplit('/')
            .next()
            .is_some_and(|it| MANIFESTS.contains(&it));
    }
    match language_of(&rule.tool) {
        Some(language) => extensions(language).iter().any(|it| path.ends_with(it)),
        None => true,
    }
}

fn is_formatted_by(tool: &str, path: &str) -> bool {
    let language = match tool {
        "rustfmt" => LanguageName::Rust,
        "ruff" | "black" => LanguageName::Python,
        "prettier" | "biome" => LanguageName::JavaScript,
        "gofmt" => LanguageName::Go,
        _ => return true,
    };
    extensions(language).iter().any(|it| path.ends_with(it))
}

fn extensions(language: LanguageName) -> &'static [&'static str] {
    match language {
        LanguageName::Rust => &[".rs"],
        LanguageName::Python => &[".py", ".pyi", ".ipynb"],
        LanguageName::JavaScript => &[
            ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".json", ".vue",
            ".svelte",
        ],
        LanguageName::Go => &[".go"],
        // Its formatter is named by its command, which is none of those above.
        LanguageName::Declared(_) => &[""],
    }
}

fn too_large(change: &Change, candidate: &Candidate) -> Option<String> {
    let limit = match change {
        Change::LintFixes { .. } => FIXER_LINES,
        Change::Knob { .. } | Change::Constant { .. } | Change::Settings { .. } => VALUE_LINES,
        Change::Edits { .. } => EDITED_LINES,
        Change::Format { .. } | Change::Words { .. } | Change::Idea { .. } => return None,
    };
    let n_lines = candidate.size.added.saturating_add(candidate.size.removed);
    (n_lines > limit).then(|| {
        format!("{n_lines} lines were changed, and a change of this kind explains at most {limit}")
    })
}

/// Returns the paths that a unified diff touches, both of a rename's.
fn touched(diff: &str) -> Vec<String> {
    let mut paths: Vec<String> = diff.lines().flat_map(paths_of).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Returns the paths that one line names. In a hunk, lines begin with a mark or a space, so that no
/// content can pass for one of these.
fn paths_of(line: &str) -> Vec<String> {
    if let Some(both) = line.strip_prefix("diff --git ") {
        return same_path(both).into_iter().collect();
    }
    let renamed = ["rename from ", "rename to "]
        .iter()
        .find_map(|it| line.strip_prefix(it));
    renamed.map(unquoted).into_iter().collect()
}

/// Returns the path of `a/PATH b/PATH`; a rename's paths differ and stand on lines of their own.
fn same_path(both: &str) -> Option<String> {
    if let Some(rest) = both.strip_prefix("\"a/") {
        let path = rest.get(..rest.len().checked_sub(6)? / 2)?;
        let is_same = rest == format!("{path}\" \"b/{path}\"");
        return is_same.then(|| unquoted(&format!("\"{path}\"")));
    }
    let rest = both.strip_prefix("a/")?;
    let length = rest.len().checked_sub(3)? / 2;
    let path = rest.get(..length)?;
    (rest == format!("{path} b/{path}")).then(|| path.to_owned())
}

/// Undoes the quoting of unusual paths as far as quotes and backslashes go.
fn unquoted(path: &str) -> String {
    match path.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::draft;
    use crate::model::experiment::DiffSize;

    fn candidate(files: u32, lines: u32) -> Candidate {
        Candidate {
            commit: "1".repeat(40).parse().unwrap(),
            tree: "2".repeat(40).parse().unwrap(),
            subjects: vec!["Change".to_owned()],
            size: DiffSize {
                files,
                added: lines,
                removed: 0,
            },
            neutralised: Vec::new(),
        }
    }

    fn diff(paths: &[&str]) -> String {
        let one = |it: &&str| {
            format!("diff --git a/{it} b/{it}\n--- a/{it}\n+++ b/{it}\n@@ -1 +1 @@\n-a\n+b\n")
        };
        paths.iter().map(one).collect()
    }

    fn knob() -> Hypothesis {
        draft::knob(&draft::Knob {
            file: "Cargo.toml".into(),
            key: "profile.release.lto",
            value: "\"fat\"",
            current: None,
            title: None,
            default: None,
            why: "it may pay",
            metric: Some("parse_ns"),
            expected_gain: 0.04,
        })
        .unwrap()
    }

    fn fixes() -> Hypothesis {
        let rule = LintRule {
            tool: "ruff".to_owned(),
            rule: "F401".to_owned(),
        };
        draft::fixes(&[rule], &[])
    }

    #[test]
    fn an_empty_diff_is_objected_to() {
        assert_eq!(
            review(&knob(), &candidate(0, 0), ""),
            ["the diff is empty: nothing was changed"]
        );
    }

    #[test]
    fn a_knob_touches_its_file_and_nothing_else() {
        assert!(review(&knob(), &candidate(1, 2), &diff(&["Cargo.toml"])).is_empty());
        let objections = review(
            &knob(),
            &candidate(2, 4),
            &diff(&["Cargo.toml", "src/a b.rs"]),
        );
        assert_eq!(
            objections,
            ["`src/a b.rs` was changed, which the hypothesis does not explain"]
        );
    }

    #[test]
    fn a_knob_that_rewrites_its_file_is_objected_to() {
        assert_eq!(
            review(&knob(), &candidate(1, 40), &diff(&["Cargo.toml"])).len(),
            1
        );
    }

    #[test]
    fn fixes_stay_in_their_language() {
        assert!(review(&fixes(), &candidate(1, 2), &diff(&["a.py", "b/c.pyi"])).is_empty());
        assert_eq!(
            review(&fixes(), &candidate(1, 2), &diff(&["a.py", "a.toml"])).len(),
            1
        );
    }

    #[test]
    fn a_dependency_goes_from_manifests_and_nowhere_else() {
        let unused = |tool: &str| {
            let rule = LintRule {
                tool: tool.to_owned(),
                rule: "unused-dependency".to_owned(),
            };
            draft::fixes(&[rule], &[])
        };
        for (tool, paths) in [
            ("factory", ["a/Cargo.toml", "Cargo.lock"]),
            ("npm", ["package.json", "package-lock.json"]),
        ] {
            assert!(review(&unused(tool), &candidate(2, 4), &diff(&paths)).is_empty());
        }
        let touched = diff(&["pyproject.toml", "src/a.py"]);
        assert_eq!(
            review(&unused("python"), &candidate(2, 4), &touched).len(),
            1
        );
    }

    #[test]
    fn fixes_that_nobody_will_read_are_objected_to() {
        assert!(review(&fixes(), &candidate(1, 5_000), &diff(&["a.py"])).is_empty());
        assert_eq!(
            review(&fixes(), &candidate(1, 5_001), &diff(&["a.py"])).len(),
            1
        );
    }

    #[test]
    fn content_never_passes_for_a_path() {
        let sly = "diff --git a/a.py b/a.py\n@@ -1 +1,2 @@\n+diff --git a/x b/x\n-rename to y\n";
        assert_eq!(touched(sly), ["a.py"]);
    }

    #[test]
    fn renames_and_quoted_paths_are_seen() {
        let renamed = "diff --git a/a.py b/c.py\nrename from a.py\nrename to c.py\n";
        assert_eq!(touched(renamed), ["a.py", "c.py"]);
        assert_eq!(touched("diff --git \"a/a\\\"b\" \"b/a\\\"b\"\n"), ["a\"b"]);
    }
}
