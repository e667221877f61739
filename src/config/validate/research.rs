//! What the types of `[research]` cannot say.

use camino::Utf8Path;

use super::{ParserSpec, Problem, check_globs, command_line, report};
use crate::config::{Holdout, ParameterKind, Research, ResearchParameter};

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
    for (index, parameter) in research.parameters.iter().enumerate() {
        if let Err((key, message)) = values(parameter) {
            report(found, format!("research.parameter[{index}].{key}"), message);
        }
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

/// Returns the key and the fault of a parameter that cannot be searched.
fn values(parameter: &ResearchParameter) -> Result<(), (&'static str, String)> {
    let refuse = |key, message: &str| Err((key, message.to_owned()));
    if !stays_below(&parameter.file) {
        return Err((
            "file",
            format!("`{}` is not below the root", parameter.file),
        ));
    }
    match (&parameter.key, &parameter.pattern) {
        (Some(_), Some(_)) => return refuse("pattern", "give `key` or `pattern`, not both"),
        (None, None) => {
            return refuse(
                "key",
                "name the value with `key`, or find it with `pattern`",
            );
        }
        (None, Some(pattern)) => match regex::Regex::new(pattern) {
            Ok(regex) if regex.captures_len() == 2 => {}
            Ok(_) => return refuse("pattern", "the value is its one group, in parentheses"),
            Err(_) => {
                return Err((
                    "pattern",
                    format!("`{pattern}` is not a regular expression"),
                ));
            }
        },
        (Some(_), None) => {}
    }
    match parameter.kind {
        ParameterKind::Float | ParameterKind::Int => range(parameter),
        ParameterKind::Choice if parameter.choices.len() < 2 => {
            refuse("choices", "a choice needs at least two `choices`")
        }
        ParameterKind::Choice | ParameterKind::Bool if has_range(parameter) => {
            refuse("low", "`low`, `high` and `log` are for `float` and `int`")
        }
        ParameterKind::Bool if !parameter.choices.is_empty() => refuse(
            "choices",
            "`choices` are for `choice`; a `bool` is true or false",
        ),
        ParameterKind::Choice | ParameterKind::Bool => Ok(()),
    }
}

fn has_range(parameter: &ResearchParameter) -> bool {
    parameter.low.is_some() || parameter.high.is_some() || parameter.log
}

fn range(parameter: &ResearchParameter) -> Result<(), (&'static str, String)> {
    let refuse = |key, message: String| Err((key, message));
    if !parameter.choices.is_empty() {
        return refuse(
            "choices",
            "`choices` are for `choice`; give `low` and `high`".to_owned(),
        );
    }
    let (low, high) = match (parameter.low, parameter.high) {
        (Some(low), Some(high)) => (low, high),
        (None, _) => return refuse("low", "a range needs both `low` and `high`".to_owned()),
        (_, None) => return refuse("high", "a range needs both `low` and `high`".to_owned()),
    };
    let is_range = low.is_finite() && high.is_finite() && low < high;
    let is_whole = low.fract() == 0.0 && high.fract() == 0.0;
    if !is_range {
        return refuse("low", format!("`low` {low} is not below `high` {high}"));
    }
    if parameter.kind == ParameterKind::Int && !is_whole {
        return refuse(
            "low",
            "the range of an `int` ends at whole numbers".to_owned(),
        );
    }
    if parameter.log && low <= 0.0 {
        return refuse("low", "a range with `log` begins above 0".to_owned());
    }
    Ok(())
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

    #[test]
    fn a_parameter_that_cannot_be_searched_is_refused() {
        let said = |keys: &str| said(&format!("[[research.parameter]]\nfile = 'a'\n{keys}"));
        let wrong = [
            ("type = 'int'\nlow = 1\nhigh = 2", "key"),
            (
                "type = 'int'\nlow = 1\nhigh = 2\nkey = 'k'\npattern = '(a)'",
                "pattern",
            ),
            (
                "type = 'int'\nlow = 1\nhigh = 2\npattern = 'a'",
                "pattern: the value is its one group",
            ),
            ("type = 'int'\nlow = 1\nhigh = 2\npattern = '('", "pattern"),
            ("type = 'int'\nlow = 1\nkey = 'k'", "high"),
            (
                "type = 'int'\nlow = 1.5\nhigh = 2\nkey = 'k'",
                "low: the range of an `int`",
            ),
            (
                "type = 'float'\nlow = 2\nhigh = 2\nkey = 'k'",
                "low: `low` 2 is not below",
            ),
            (
                "type = 'float'\nlow = 0\nhigh = 2\nlog = true\nkey = 'k'",
                "low: a range with `log`",
            ),
            ("type = 'choice'\nchoices = ['a']\nkey = 'k'", "choices"),
            ("type = 'bool'\nlow = 1\nkey = 'k'", "low"),
            (
                "type = 'float'\nlow = 1\nhigh = 2\nchoices = ['1']\nkey = 'k'",
                "choices",
            ),
        ];
        for (keys, begins) in wrong {
            let begins = format!("research.parameter[0].{begins}");
            assert!(said(keys).starts_with(&begins), "{keys}: {}", said(keys));
        }
    }
}
