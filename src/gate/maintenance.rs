//! Judges a change of tests that says of itself that they judge as before.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::diff::{DiffPolicy, FileFacts, judge_contents};
use crate::model::verdict::{Decision, Verdict};
use crate::model::violation::{Rule, Violation};

/// What sampled mutants of the same code showed of one arm's tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// Mutants that were tried and could be built.
    pub viable: usize,
    /// Those that no test noticed, in words with their place.
    pub survivors: BTreeSet<String>,
}

/// Judges the diff: nothing but tests changes, and none of them goes.
pub fn judge_maintenance(
    policy: &DiffPolicy,
    files: &[FileFacts],
    is_test: &dyn Fn(&Utf8Path) -> bool,
) -> Vec<Violation> {
    let mut violations = judge_contents(files);
    for file in files {
        if !file.paths().all(is_test) || policy.excluded.is_match(&file.path) {
            let detail = "is no test, and the claim is to maintain tests alone";
            violations.push(Violation::at(Rule::Scope, &file.path, detail));
        }
        let gone = file
            .tests_before
            .keys()
            .filter(|it| !file.tests_after.contains_key(*it));
        violations.extend(gone.map(|name| {
            let detail = format!("test `{name}` was removed");
            Violation::at(Rule::TestsWeakened, &file.path, detail)
        }));
    }
    violations.sort();
    violations.dedup();
    violations
}

/// Decides by the same sampled mutants under the old tests and under the new ones. That both pass was
/// shown before: the old ones on the incumbent, whose code the candidate has, the new ones on itself.
pub fn decide_maintenance(old: &Noticed, new: &Noticed) -> Decision {
    let missed: Vec<Violation> = new
        .survivors
        .difference(&old.survivors)
        .map(|mutant| {
            let detail = format!("the old tests notice a change that the new ones miss: {mutant}");
            Violation::of(Rule::TestsWeakened, detail)
        })
        .collect();
    if !missed.is_empty() {
        return Decision::vetoed(missed);
    }
    if old.viable == 0 {
        return Decision::plain(
            Verdict::Revert,
            "no mutant could be tried, so nothing shows that the tests judge as before",
        );
    }
    if new.viable < old.viable {
        return Decision::plain(
            Verdict::Inconclusive,
            format!(
                "the new tests were tried on {} mutants and the old ones on {}",
                new.viable, old.viable
            ),
        );
    }
    Decision::plain(
        Verdict::Keep,
        format!(
            "old and new tests pass, and of {} sampled mutants the old tests miss {} and the new ones {}",
            new.viable,
            old.survivors.len(),
            new.survivors.len()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::testing::{file, items, policy};

    fn noticed(viable: usize, survivors: &[&str]) -> Noticed {
        Noticed {
            viable,
            survivors: survivors.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    fn rules(files: &[FileFacts]) -> Vec<Rule> {
        let is_test = |it: &Utf8Path| it.starts_with("tests");
        let violations = judge_maintenance(&policy(), files, &is_test);
        violations.into_iter().map(|it| it.rule).collect()
    }

    #[test]
    fn maintenance_touches_tests_alone_and_loses_none() {
        let mut change = file("tests/a.py");
        change.tests_before = items(&[("one", "1"), ("two", "2")]);
        change.tests_after = items(&[("one", "9"), ("two", "2"), ("three", "3")]);
        assert_eq!(rules(&[change.clone()]), []);
        assert_eq!(rules(&[change.clone(), file("src/a.py")]), [Rule::Scope]);
        change.tests_after.remove("two");
        assert_eq!(rules(&[change]), [Rule::TestsWeakened]);
    }

    #[test]
    fn new_suppressions_are_forbidden_in_tests_too() {
        let mut change = file("tests/a.py");
        change.suppressions_after.insert("noqa".to_owned(), 1);
        assert_eq!(rules(&[change]), [Rule::Suppression]);
    }

    #[test]
    fn new_tests_may_miss_nothing_that_the_old_ones_notice() {
        let old = noticed(5, &["a.py:3 replace + with -"]);
        let verdict = |new| decide_maintenance(&old, &new).verdict;
        assert_eq!(
            verdict(noticed(5, &["a.py:3 replace + with -"])),
            Verdict::Keep
        );
        assert_eq!(verdict(noticed(5, &[])), Verdict::Keep);
        assert_eq!(
            verdict(noticed(5, &["a.py:9 replace < with <="])),
            Verdict::Vetoed
        );
        assert_eq!(verdict(noticed(4, &[])), Verdict::Inconclusive);
    }

    #[test]
    fn without_mutants_nothing_is_shown() {
        let decision = decide_maintenance(&noticed(0, &[]), &noticed(0, &[]));
        assert_eq!(decision.verdict, Verdict::Revert);
    }
}
