//! What the types of `[research]` cannot say.

use camino::Utf8Path;

use super::{ParserSpec, Problem, check_globs, command_line, report};
use crate::config::{Holdout, Research};
use crate::model::budget::Budget;

/// Reports what makes a `[research]` section useless.
pub(super) fn research(research: &Research, found: &mut Vec<Problem>) {
    if research.objective.trim().is_empty() {
        let message = "say in a sentence what is wanted; it is what a backend reads first";
        report(found, "research.objective", message);
    }
    if let Err(error) = research.metric.parse::<crate::model::id::MetricName>() {
        report(found, "research.metric", error.to_string());
    }
    if let Err(error) = research.parser.parse::<ParserSpec>() {
        report(found, "research.parser", error.to_string());
    }
    command_line(&research.run, "research.run", found);
    match research.budget.as_ref().map(|it| it.parse::<Budget>()) {
        Some(Err(error)) => report(found, "research.budget", error.to_string()),
        Some(Ok(budget)) if budget.is_zero() => {
            let message = "a budget of nothing lets nothing be tried; leave it out, or give more";
            report(found, "research.budget", message);
        }
        _ => {}
    }
    if research.instances.is_some() && !research.tail.is_empty() {
        let message = "instances are compared one by one, failures among them; leave out `tail`";
        report(found, "research.tail", message);
    }
    numbers(research, found);
    surfaces(research, found);
    if let Some(path) = &research.instances
        && !stays_below(path)
    {
        let message = format!("`{path}` is not below the root");
        report(found, "research.instances", message);
    }
    if let Some(it) = &research.holdout {
        holdout(it, research, found);
    }
}

fn numbers(research: &Research, found: &mut Vec<Problem>) {
    if research.target.is_some_and(|it| !it.is_finite()) {
        let message = "a target is a finite number; leave it out to go on until a plateau";
        report(found, "research.target", message);
    }
    if research.timeout == Some(0) {
        let message = "a time limit of 0 lets nothing run; use at least 1";
        report(found, "research.timeout", message);
    }
    if research.plateau == 0 {
        let message = "0 experiments without a keep are there before the first; use at least 1";
        report(found, "research.plateau", message);
    }
}

fn surfaces(research: &Research, found: &mut Vec<Problem>) {
    if research.mutable.is_empty() {
        let message = "nothing may be touched, so nothing can be tried; name the files to work on";
        report(found, "research.mutable", message);
    }
    for (key, patterns) in [
        ("mutable", &research.mutable),
        ("fixed", &research.fixed),
        ("inner", &research.inner),
        ("outer", &research.outer),
    ] {
        check_globs(patterns, &format!("research.{key}"), found);
    }
    if research.inner.is_empty() && !research.outer.is_empty() {
        let message = "there is no `inner` that it could be wider than; name what is tried first";
        report(found, "research.outer", message);
    }
}

fn holdout(holdout: &Holdout, research: &Research, found: &mut Vec<Problem>) {
    command_line(&holdout.run, "research.holdout.run", found);
    check_globs(&holdout.files, "research.holdout.files", found);
    if holdout.files.is_empty() {
        let message = "name the files that only `run` of the holdout may read";
        report(found, "research.holdout.files", message);
    }
    if research.instances.is_none() {
        let message = "a holdout is judged by its instances; name the file with `instances`";
        report(found, "research.holdout", message);
    }
}

fn stays_below(path: &Utf8Path) -> bool {
    use camino::Utf8Component::Normal;
    !path.as_str().is_empty() && path.components().all(|it| matches!(it, Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::super::problems;
    use crate::config::Profile;

    const HEAD: &str =
        "[research]\nobjective = 'less'\nmetric = 'm'\ndirection = 'minimize'\nrun = 'x'\n";

    fn first(text: &str) -> String {
        let profile: Profile = toml::from_str(text).unwrap();
        let problem = problems(&profile).into_iter().next().expect("a problem");
        format!("{}: {}", problem.key, problem.message)
    }

    fn said(keys: &str) -> String {
        first(&format!("{HEAD}mutable = ['a']\n{keys}\n"))
    }

    #[test]
    fn five_keys_are_enough() {
        let profile: Profile = toml::from_str(&format!("{HEAD}mutable = ['a']")).unwrap();
        assert_eq!(problems(&profile), []);
    }

    #[test]
    fn what_makes_a_section_useless_is_named_by_its_key() {
        assert!(
            first(&format!("{HEAD}mutable = []")).starts_with("research.mutable: nothing may be")
        );
        let wrong = [
            ("target = nan", "research.target"),
            ("timeout = 0", "research.timeout"),
            (
                "budget = 'a while'",
                "research.budget: `a while` is no amount",
            ),
            (
                "budget = '0 experiments'",
                "research.budget: a budget of nothing",
            ),
            ("budget = '2h,0usd'", "research.budget: a budget of nothing"),
            ("plateau = 0", "research.plateau"),
            ("parser = 'jsn:a'", "research.parser"),
            ("fixed = ['a[']", "research.fixed"),
            ("outer = ['b']", "research.outer: there is no `inner`"),
            ("instances = '../x'", "research.instances"),
            (
                "holdout = { run = 'x', files = ['h/**'] }",
                "research.holdout: a holdout is judged by its instances",
            ),
            (
                "instances = 'i'\nholdout = { run = 'x', files = [] }",
                "research.holdout.files",
            ),
        ];
        for (keys, begins) in wrong {
            assert!(said(keys).starts_with(begins), "{keys}: {}", said(keys));
        }
    }
}
