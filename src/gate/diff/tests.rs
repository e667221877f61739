//! What a diff may not do, rule by rule.

use super::*;
use crate::gate::testing::{file, items as tests, policy};

fn counts(kind: &str, count: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([(kind.to_owned(), count)])
}

fn rules(files: &[FileFacts]) -> Vec<Rule> {
    judge_diff(&policy(), files)
        .iter()
        .map(|it| it.rule)
        .collect()
}

fn messages(files: &[FileFacts]) -> Vec<String> {
    judge_diff(&policy(), files)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_plain_change_of_code_passes() {
    let mut change = file("src/parse.rs");
    change.added_lines = vec![(3, "let token = tokens.next();".to_owned())];
    assert_eq!(rules(&[change, file("docs/guide.md")]), []);
    assert_eq!(rules(&[]), []);
}

#[test]
fn protected_and_foreign_paths_are_out_of_scope() {
    assert_eq!(rules(&[file("src/tests/a.py")]), [Rule::Scope]);
    assert_eq!(rules(&[file("build.rs")]), [Rule::Scope]);
    let mut moved = file("src/new.py");
    moved.renamed_from = Some("src/conftest.py".into());
    assert_eq!(
        messages(&[moved]),
        ["scope src/conftest.py: is protected from experiments"]
    );
}

#[test]
fn what_nobody_writes_by_hand_is_out_of_scope_but_a_lock_goes_with_its_manifest() {
    let manifests = crate::gate::ManifestRules {
        files: crate::gate::testing::globs(&["src/Cargo.toml"]),
        judging: &[],
        minimum: &[],
        dependencies: &[],
    };
    let policy = DiffPolicy {
        excluded: crate::gate::testing::globs(&["**/vendor/**", "**/*.lock"]),
        manifests: vec![manifests],
        ..policy()
    };
    let n_found = |files: &[FileFacts]| judge_diff(&policy, files).len();
    assert_eq!(n_found(&[file("src/vendor/a.rs")]), 1);
    assert_eq!(n_found(&[file("src/Cargo.lock")]), 1);
    assert_eq!(
        n_found(&[file("src/Cargo.lock"), file("src/Cargo.toml")]),
        0
    );
    assert_eq!(
        n_found(&[file("src/vendor/a.rs"), file("src/Cargo.toml")]),
        1
    );
}

#[test]
fn what_judges_cannot_be_changed() {
    assert_eq!(rules(&[file("factory.toml")]), [Rule::EvalsChanged]);
    assert_eq!(
        rules(&[file(".factory/factory.toml")]),
        [Rule::EvalsChanged]
    );
    assert_eq!(rules(&[file("src/factory.toml")]), []);
    assert_eq!(rules(&[file("src/.factory_boy.py")]), []);
}

#[test]
fn a_suppression_is_found_with_its_line() {
    let mut change = file("src/a.py");
    change.suppressions_after = counts("noqa", 1);
    change.added_lines = vec![(7, "import os  # NOQA: F401".to_owned())];
    assert_eq!(
        messages(&[change]),
        ["suppression src/a.py:7: `noqa` suppressions rise by 1 over the whole change"]
    );
}

#[test]
fn whoever_turns_the_clock_is_named_with_the_line() {
    let mut change = file("src/a.py");
    change.added_lines = vec![
        (6, "start = time.perf_counter()".to_owned()),
        (7, "time.perf_counter = lambda: 0".to_owned()),
    ];
    assert_eq!(
        messages(&[change]),
        [
            "tampered src/a.py:7: replaces the clock `time.perf_counter`, by which programs are timed"
        ]
    );
}

#[test]
fn a_suppression_that_moves_between_files_is_no_new_one() {
    let mut from = file("src/a.py");
    from.suppressions_before = counts("noqa", 2);
    from.suppressions_after = counts("noqa", 1);
    let mut to = file("src/b.py");
    to.suppressions_after = counts("noqa", 1);
    assert_eq!(rules(&[from.clone(), to.clone()]), []);
    to.suppressions_after = counts("noqa", 2);
    assert_eq!(rules(&[from, to]), [Rule::Suppression]);
}

#[test]
fn another_kind_of_suppression_does_not_pay_for_one() {
    let mut change = file("src/a.py");
    change.suppressions_before = counts("noqa", 3);
    change.suppressions_after = counts("type: ignore", 1);
    assert_eq!(rules(&[change]), [Rule::Suppression]);
}

#[test]
fn removed_and_changed_inline_tests_are_told_apart() {
    let mut change = file("src/a.rs");
    change.tests_before = tests(&[("kept", "1"), ("gone", "2"), ("softer", "3")]);
    change.tests_after = tests(&[("kept", "1"), ("softer", "4")]);
    assert_eq!(
        messages(&[change]),
        [
            "tests_weakened src/a.rs: test `gone` was removed",
            "tests_weakened src/a.rs: test `softer` was changed",
        ]
    );
}

#[test]
fn a_test_that_moves_within_the_diff_is_fine_once() {
    let mut from = file("src/a.rs");
    from.tests_before = tests(&[("checks", "1")]);
    let mut to = file("src/b.rs");
    to.tests_after = tests(&[("checks", "1"), ("more", "9")]);
    assert_eq!(rules(&[from.clone(), to.clone()]), []);
    let mut second = file("src/c.rs");
    second.tests_before = tests(&[("checks", "1")]);
    assert_eq!(rules(&[from, to, second]), [Rule::TestsWeakened]);
}

#[test]
fn a_test_that_was_elsewhere_all_along_replaces_nothing() {
    let mut from = file("src/a.rs");
    from.tests_before = tests(&[("checks", "1")]);
    let mut twin = file("src/b.rs");
    twin.tests_before = tests(&[("checks", "1")]);
    twin.tests_after = tests(&[("checks", "1")]);
    assert_eq!(rules(&[from, twin]), [Rule::TestsWeakened]);
}

#[test]
fn new_tests_are_welcome() {
    let mut change = file("src/a.rs");
    change.tests_after = tests(&[("new", "1")]);
    assert_eq!(rules(&[change]), []);
}

#[test]
fn tests_of_protected_files_are_a_matter_of_scope_alone() {
    let mut change = file("src/tests/a.py");
    change.tests_before = tests(&[("checks", "1")]);
    assert_eq!(rules(&[change]), [Rule::Scope]);
}

#[test]
fn a_secret_in_an_added_line_is_found_with_its_line() {
    let mut change = file("src/a.py");
    let line = format!("password = \"{}\"", "k9Xv2Lq8Zr4Tn6Wp1Ys3");
    change.added_lines = vec![(1, "import os".to_owned()), (2, line)];
    assert_eq!(
        messages(&[change]),
        ["secret src/a.py:2: looks like a random value assigned to `password`"]
    );
}

#[test]
fn links_may_not_leave_the_tree() {
    let link = |target: &str| {
        let mut link = file("src/deep/link");
        link.link = Some(target.to_owned());
        rules(&[link])
    };
    for inside in ["other", "../a", "../../docs/b", "./../x/../../c"] {
        assert_eq!(link(inside), [], "{inside}");
    }
    for outside in [
        "/etc/passwd",
        "../../../x",
        "a/../../../../y",
        "../../.git/hooks",
    ] {
        assert_eq!(link(outside), [Rule::File], "{outside}");
    }
}

#[test]
fn new_binaries_and_huge_files_do_not_belong() {
    let mut binary = file("src/logo.png");
    binary.binary = true;
    assert_eq!(rules(&[binary.clone()]), []);
    binary.added = true;
    assert_eq!(rules(&[binary.clone()]), [Rule::File]);
    binary.deleted = true;
    assert_eq!(rules(&[binary]), []);
    let mut huge = file("src/data.json");
    huge.size = LARGEST_FILE + 1;
    assert_eq!(rules(&[huge.clone()]), []);
    huge.added = true;
    assert_eq!(rules(&[huge.clone()]), [Rule::File]);
    huge.size = LARGEST_FILE;
    assert_eq!(rules(&[huge]), []);
}

#[test]
fn a_file_that_swells_is_as_bad_as_a_new_one() {
    let mut change = file("src/data.json");
    let length = usize::try_from(LARGEST_FILE).unwrap();
    change.added_lines = vec![(1, "x".repeat(length))];
    assert_eq!(rules(&[change]), [Rule::File]);
}
