//! Judges the public surface: what others call stays, with the signature that they call it by.

use std::collections::BTreeMap;

use super::diff::{DiffPolicy, FileFacts};
use super::permission::Permission;
use crate::model::violation::{Rule, Violation};

/// Items that are named in one violation each; further ones are counted.
const N_NAMED: usize = 20;

/// Judges the public items of the changed source files. What is new is free, and what moves from one
/// file to another unchanged is still there.
pub(super) fn judge_surface(policy: &DiffPolicy, files: &[FileFacts]) -> Vec<Violation> {
    if policy.may_change.contains(&Permission::Api) {
        return Vec::new();
    }
    let judged: Vec<&FileFacts> = files
        .iter()
        .filter(|it| !it.paths().any(|it| policy.fixed.is_match(it)))
        .filter(|it| !it.paths().any(|it| policy.excluded.is_match(it)))
        .collect();
    let mut appeared = appeared(&judged);
    let mut violations = Vec::new();
    for file in judged {
        for (name, signature) in gone(file) {
            let is_asked = policy.asked.names(Permission::Api, last_part(name));
            let is_reworded = policy.asked.may_reword() && file.surface_after.contains_key(name);
            if is_asked || is_reworded || take(&mut appeared, name, signature) {
                continue;
            }
            violations.push(Violation::at(Rule::Api, &file.path, complaint(file, name)));
        }
    }
    shortened(violations)
}

fn complaint(file: &FileFacts, name: &str) -> String {
    let how = if file.surface_after.contains_key(name) {
        "has another signature"
    } else {
        "is gone"
    };
    format!(
        "public `{name}` {how}, and the claim does not say so (hint: `may_change = [\"api\"]` in [scope] allows it)"
    )
}

/// Returns the items of a file that are no longer there as they were.
fn gone(file: &FileFacts) -> impl Iterator<Item = (&str, &str)> {
    file.surface_before
        .iter()
        .filter(|(name, signature)| file.surface_after.get(*name) != Some(*signature))
        .map(|(name, signature)| (name.as_str(), signature.as_str()))
}

/// Counts the items that are new where they are, by the last part of their name and their signature.
fn appeared<'a>(files: &[&'a FileFacts]) -> BTreeMap<(&'a str, &'a str), usize> {
    let mut counts = BTreeMap::new();
    for file in files {
        for (name, signature) in &file.surface_after {
            if file.surface_before.get(name) != Some(signature) {
                *counts
                    .entry((last_part(name), signature.as_str()))
                    .or_default() += 1;
            }
        }
    }
    counts
}

fn take<'a>(
    counts: &mut BTreeMap<(&'a str, &'a str), usize>,
    name: &'a str,
    signature: &'a str,
) -> bool {
    match counts.get_mut(&(last_part(name), signature)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

fn shortened(mut violations: Vec<Violation>) -> Vec<Violation> {
    let n_more = violations.len().saturating_sub(N_NAMED);
    violations.truncate(N_NAMED);
    if n_more > 0 {
        let detail = format!("and {n_more} more public items");
        violations.push(Violation::of(Rule::Api, detail));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Asked;
    use crate::gate::testing::{file, items, policy};

    fn change(path: &str, before: &[(&str, &str)], after: &[(&str, &str)]) -> FileFacts {
        FileFacts {
            surface_before: items(before),
            surface_after: items(after),
            ..file(path)
        }
    }

    fn messages(files: &[FileFacts]) -> Vec<String> {
        let violations = judge_surface(&policy(), files);
        violations
            .iter()
            .map(|it| it.to_string().split(", and").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn public_items_stay_as_they_are_called() {
        let before = [("parse", "fn(&str)"), ("Parser::new", "fn()")];
        let after = [("parse", "fn(&[u8])"), ("more", "fn()")];
        assert_eq!(
            messages(&[change("src/a.rs", &before, &after)]),
            [
                "api src/a.rs: public `Parser::new` is gone",
                "api src/a.rs: public `parse` has another signature",
            ]
        );
        assert!(messages(&[change("src/a.rs", &[], &after)]).is_empty());
    }

    #[test]
    fn an_item_that_moves_is_still_there_once() {
        let from = change("src/a.rs", &[("parse", "fn()")], &[]);
        let to = change("src/b.rs", &[], &[("inner::parse", "fn()")]);
        assert!(messages(&[from.clone(), to.clone()]).is_empty());
        let second = change("src/c.rs", &[("parse", "fn()")], &[]);
        assert_eq!(messages(&[from, to, second]).len(), 1);
    }

    #[test]
    fn tests_and_generated_code_promise_nothing() {
        let mut policy = policy();
        policy.excluded = policy.fixed.clone();
        let gone = change("src/tests/a.py", &[("helper", "def()")], &[]);
        assert!(judge_surface(&policy, std::slice::from_ref(&gone)).is_empty());
    }

    #[test]
    fn a_safe_fix_may_reword_a_signature_and_remove_nothing() {
        let mut policy = policy();
        policy.asked = Asked::of(&crate::gate::testing::fixes());
        let before = [("parse", "fn<'a>(&'a str)"), ("more", "fn()")];
        let change = change("src/a.rs", &before, &[("parse", "fn(&str)")]);
        let violations = judge_surface(&policy, &[change]);
        assert_eq!(violations.len(), 1);
        assert!(violations[0].detail.contains("`more` is gone"));
    }

    #[test]
    fn what_the_profile_allows_may_go() {
        let mut policy = policy();
        policy.may_change.insert(Permission::Api);
        let gone = change("src/a.rs", &[("parse", "fn()")], &[]);
        assert!(judge_surface(&policy, &[gone]).is_empty());
    }
}
