//! Fixes that ruff calls safe, and that are not for reasons it does not look at.

use camino::{Utf8Path, Utf8PathBuf};

use super::declared;
use crate::model::finding::Finding;
use crate::toolchain::{Job, minimums};

/// What a project's files tell against fixes.
pub(super) struct Doubts {
    tree: Utf8PathBuf,
    oldest: Option<(u32, u32)>,
    has_flake8: bool,
    has_taste: bool,
}

/// Rules that only put things into another order: ruff has them on unless a project says otherwise, and
/// one that says nothing has not asked for it.
const ORDERS: &[&str] = &["I001", "RUF022", "RUF023"];

impl Doubts {
    /// Reads what the project declares.
    pub(super) fn of(job: &Job<'_>) -> Self {
        let dir = job.dir();
        Self {
            tree: job.tree.to_owned(),
            oldest: declared::oldest(&dir)
                .or_else(|| minimums::of_checks_alone(job.tree, job.project)),
            has_flake8: declared::suppresses_for_others(&dir, job.tree),
            has_taste: declared::has_taste(&dir, job.tree),
        }
    }

    /// Returns whether the fix of a finding may break what the project promises or does.
    pub(super) fn about(&self, finding: &Finding) -> bool {
        let is_too_new = |oldest| !declared::runs_on(&finding.rule, oldest);
        match finding.rule.as_str() {
            // A `noqa` that another linter needs looks unused to ruff.
            "RUF100" if self.has_flake8 => true,
            rule if ORDERS.contains(&rule) && !self.has_taste => true,
            // An import that is tried is a question, whatever the name is used for.
            "F401" => is_tried(&self.tree.join(&finding.path), finding.line),
            _ => self.oldest.is_some_and(is_too_new),
        }
    }
}

/// Returns whether a line of a file lies in the body of a `try`; one that cannot be read might.
fn is_tried(path: &Utf8Path, line: u32) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else {
        return true;
    };
    let above: Vec<&str> = text.lines().take(line as usize).collect();
    let indent = |it: &str| it.len() - it.trim_start().len();
    let mut depth = usize::MAX;
    for line in above.into_iter().rev().filter(|it| !it.trim().is_empty()) {
        if indent(line) < depth {
            depth = indent(line);
            if line.trim_start().starts_with("try:") {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn an_import_that_is_tried_is_told_from_others() {
        let text = "import os\n\ntry:\n    import a\n\n    from b import (\n        c,\n    )\n\
                    except Exception:\n    import d\n\nimport e\n\n\ndef f():\n    try:\n        if x:\n            \
                    import g\n    finally:\n        pass\n";
        let tree = Tree::new(&[("m.py", text)]);
        let path = tree.root().join("m.py");
        let tried: Vec<u32> = (1..=18).filter(|it| is_tried(&path, *it)).collect();
        let imports = [
            (1, false),
            (4, true),
            (6, true),
            (7, true),
            (10, false),
            (12, false),
            (18, true),
        ];
        for (line, expected) in imports {
            assert_eq!(tried.contains(&line), expected, "line {line}");
        }
    }
}
