//! What the tests of several gates share.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::{DiffPolicy, FileFacts};
use super::permission::Asked;
use crate::model::hypothesis::{Category, Change, Claim, Hypothesis};

pub(super) fn globs(patterns: &[&str]) -> globset::GlobSet {
    let mut builder = globset::GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(globset::Glob::new(pattern).unwrap());
    }
    builder.build().unwrap()
}

pub(super) fn policy() -> DiffPolicy {
    DiffPolicy {
        mutable: globs(&["src/**", "docs/**"]),
        fixed: globs(&["**/tests/**", "**/conftest.py"]),
        excluded: globs(&[]),
        manifests: Vec::new(),
        minimums: Vec::new(),
        minimums_after: Vec::new(),
        may_change: BTreeSet::new(),
        asked: Asked::default(),
        granted: None,
    }
}

pub(super) fn file(path: &str) -> FileFacts {
    FileFacts {
        path: path.into(),
        size: 100,
        ..FileFacts::default()
    }
}

pub(super) fn items(items: &[(&str, &str)]) -> BTreeMap<String, String> {
    items
        .iter()
        .map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()))
        .collect()
}

/// Returns a hypothesis of safe lint fixes.
pub(super) fn fixes() -> Hypothesis {
    Hypothesis {
        key: "fixes:a".parse().unwrap(),
        title: "Fix".to_owned(),
        why: String::new(),
        category: Category::Fix,
        claim: Claim::Keeps,
        success: Vec::new(),
        change: Change::LintFixes { rules: Vec::new() },
        files: BTreeMap::new(),
        expected_gain: 0.0,
    }
}
