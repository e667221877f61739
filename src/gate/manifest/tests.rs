//! What manifests may not say by the way.

use super::*;
use crate::gate::testing::{file, policy};

fn rust() -> ManifestRules {
    let files = globset::Glob::new("**/Cargo.toml").unwrap();
    ManifestRules {
        files: globset::GlobSet::builder().add(files).build().unwrap(),
        judging: &["lints", "profile.test", "test", "bin.*.test"],
        minimum: &["package.rust-version", "package.edition"],
        dependencies: &["dependencies", "target.*.dependencies"],
    }
}

fn other(pattern: &str) -> ManifestRules {
    let files = globset::Glob::new(pattern).unwrap();
    ManifestRules {
        files: globset::GlobSet::builder().add(files).build().unwrap(),
        judging: &["tool.pytest", "scripts.test"],
        minimum: &["project.requires-python", "engines.node", "go"],
        dependencies: &[
            "project.dependencies",
            "devDependencies",
            "require",
            "requirements",
        ],
    }
}

fn judged(rules: ManifestRules, path: &str, before: &str, after: &str) -> Vec<String> {
    let mut change = file(path);
    change.manifest_before = before.to_owned();
    change.manifest_after = after.to_owned();
    change.added = before.is_empty();
    let policy = DiffPolicy {
        manifests: vec![rules],
        ..policy()
    };
    let violations = judge_manifests(&policy, &[change]);
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn runner_configuration_inside_a_manifest_judges_the_code() {
    let lints = "[lints.rust]\nunused = \"deny\"\n";
    assert_eq!(
        judged(rust(), "a/Cargo.toml", lints, ""),
        [
            "evals_changed a/Cargo.toml: `lints.rust.unused` configures what judges the code, and was changed"
        ]
    );
    let before = "[[bin]]\nname = \"a\"\n";
    let after = "[[bin]]\nname = \"b\"\n[[bin]]\nname = \"a\"\ntest = false\n";
    assert_eq!(
        judged(rust(), "Cargo.toml", before, after),
        ["evals_changed Cargo.toml: `bin.a.test` configures what judges the code, and was changed"]
    );
    let pytest = "[tool.pytest.ini_options]\naddopts = \"-k fast\"\n";
    assert_eq!(
        judged(other("*.toml"), "pyproject.toml", "", pytest).len(),
        1
    );
    let [before, after] =
        ["jest", "true"].map(|it| format!("{{\"scripts\": {{\"test\": \"{it}\"}}}}"));
    assert_eq!(
        judged(other("*.json"), "package.json", &before, &after).len(),
        1
    );
}

#[test]
fn what_judges_nothing_may_change() {
    let before = "[package]\nname = \"a\"\n[profile.release]\nlto = false\n";
    let after = "# a comment\n[profile.release]\nlto = \"fat\"\n[package]\nname = 'a'\n";
    assert!(judged(rust(), "Cargo.toml", before, after).is_empty());
    assert!(judged(rust(), "b.toml", "", "[lints.rust]\na = \"allow\"\n").is_empty());
    let member = "[package]\nname = \"new\"\n[lints]\nworkspace = true\n";
    assert!(judged(rust(), "new/Cargo.toml", "", member).is_empty());
}

#[test]
fn a_manifest_that_no_longer_parses_has_lost_what_it_said() {
    let lints = "[lints.rust]\nunused = \"deny\"\n";
    assert_eq!(judged(rust(), "Cargo.toml", lints, "[lints").len(), 1);
}

#[test]
fn a_declared_minimum_version_is_a_promise() {
    let manifest = |it: &str| format!("[package]\nname = \"a\"\nrust-version = \"{it}\"\n");
    assert_eq!(
        judged(rust(), "Cargo.toml", &manifest("1.70"), &manifest("1.88")),
        [
            "minimum_version Cargo.toml: `package.rust-version` goes from 1.70 to 1.88, and the claim does not say so"
        ]
    );
    assert!(judged(rust(), "Cargo.toml", "", &manifest("1.88")).is_empty());
    let module = |it: &str| format!("module a\n\ngo {it}\n");
    assert_eq!(
        judged(other("go.mod"), "go.mod", &module("1.21"), &module("1.24")).len(),
        1
    );
    assert_eq!(
        declared_minimums(&[rust()], "Cargo.toml".into(), &manifest("1.70")),
        [("package.rust-version".to_owned(), "1.70".to_owned())]
    );
}

#[test]
fn a_new_dependency_has_to_be_allowed_and_a_removed_one_does_not() {
    let none = "[package]\nname = \"a\"\n";
    let one = "[package]\nname = \"a\"\n[dependencies]\nserde = \"1\"\n";
    assert_eq!(
        judged(rust(), "Cargo.toml", none, one),
        [
            "dependency Cargo.toml: `serde` is a new dependency (hint: `may_change = [\"deps\"]` in [scope] allows it)"
        ]
    );
    assert!(judged(rust(), "Cargo.toml", one, none).is_empty());
    let moved = "[package]\nname = \"a\"\n[target.'cfg(unix)'.dependencies]\nserde = \"1\"\n";
    assert!(judged(rust(), "Cargo.toml", one, moved).is_empty());
    let go = |it: &str| format!("module a\nrequire (\n\ta.org/b v1.0.0\n{it})\n");
    let more = go("\tc.org/d v0.1.0 // indirect\n");
    assert_eq!(judged(other("go.mod"), "go.mod", &go(""), &more).len(), 1);
    assert!(judged(other("go.mod"), "go.mod", &more, &go("")).is_empty());
}

#[test]
fn a_dependency_may_be_asked_for_less_and_not_for_something_else() {
    let with = |it: &str| format!("[dependencies]\nserde = {it}\n");
    let plain = with("{ version = \"1\", features = [\"derive\", \"rc\"] }");
    let less = with("{ version = \"1\", default-features = false, features = [\"rc\"] }");
    assert!(judged(rust(), "Cargo.toml", &plain, &less).is_empty());
    assert!(
        judged(
            rust(),
            "Cargo.toml",
            &with("{ version = \"1\" }"),
            &with("\"1\"")
        )
        .is_empty()
    );
    for changed in [
        "{ version = \"1\", features = [\"derive\", \"unstable\"] }",
        "{ version = \"2\" }",
        "{ path = \"../serde\" }",
    ] {
        assert_eq!(
            judged(rust(), "Cargo.toml", &plain, &with(changed)).len(),
            1,
            "{changed}"
        );
    }
}

#[test]
fn requirements_are_told_apart_by_name() {
    let list = |it: &str| format!("[project]\ndependencies = [{it}]\n");
    let rules = || other("pyproject.toml");
    let (one, two) = (
        list("'Zope.Interface >= 5'"),
        list("'zope-interface>=5', 'attrs'"),
    );
    let violations = judged(rules(), "pyproject.toml", &one, &two);
    assert_eq!(violations.len(), 1);
    assert!(violations[0].contains("`attrs` is a new dependency"));
    let lines = "# tools\nattrs==23\n-r more.txt\n";
    assert!(judged(other("*.txt"), "requirements.txt", lines, "attrs==23\n").is_empty());
    assert_eq!(
        judged(other("*.txt"), "requirements.txt", lines, "attrs==24\n").len(),
        1
    );
}

#[test]
fn what_the_profile_or_the_claim_allows_is_no_violation() {
    let mut change = file("Cargo.toml");
    change.manifest_before = "[package]\nname = \"a\"\nedition = \"2021\"\n".to_owned();
    change.manifest_after =
        "[package]\nname = \"a\"\nedition = \"2024\"\n[dependencies]\nserde = \"1\"\n".to_owned();
    let mut policy = DiffPolicy {
        manifests: vec![rust()],
        ..policy()
    };
    let judge = |policy: &DiffPolicy| judge_manifests(policy, std::slice::from_ref(&change)).len();
    assert_eq!(judge(&policy), 2);
    policy.may_change.insert(Permission::Deps);
    assert_eq!(judge(&policy), 1);
    policy.may_change.insert(Permission::MinimumVersion);
    assert_eq!(judge(&policy), 0);
}
