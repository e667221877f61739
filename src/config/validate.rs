//! What the types cannot say: ranges, sums, names that must exist.

mod backend;
mod languages;
mod opponent;
mod research;
mod research_parameter;

use std::collections::BTreeSet;
use std::str::FromStr;

use super::{Parameter, Profile, keys::nearest};

/// Names of the dimensions that every evaluation has, for constraints and `eval.skip`.
const DIMENSIONS: [&str; 11] = [
    "tests",
    "lint",
    "types",
    "coverage",
    "guards",
    "config",
    "capability",
    "observability",
    "diversity",
    "research",
    "effectiveness",
];

/// A value that cannot be used, by its dotted key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// `metric[1].parser`.
    pub(super) key: String,
    /// What is wrong and what would be right.
    pub(super) message: String,
}

/// Returns everything that is wrong with a profile of the right shape.
pub(super) fn problems(profile: &Profile) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Some(it) = &profile.research {
        research::research(it, &mut found);
        opponent::opponent(it, &mut found);
    }
    sections(profile, &mut found);
    globs(profile, &mut found);
    languages::languages(profile, &mut found);
    backend::backend(profile, &mut found);
    guards(profile, &mut found);
    metrics(profile, &mut found);
    references(profile, &mut found);
    research_parameter::research_parameters(profile, &mut found);
    found
}

fn report(found: &mut Vec<Problem>, key: impl Into<String>, message: impl Into<String>) {
    found.push(Problem {
        key: key.into(),
        message: message.into(),
    });
}

fn sections(profile: &Profile, found: &mut Vec<Problem>) {
    let eval = &profile.eval;
    if !(0.0..=1.0).contains(&eval.threshold) {
        report(
            found,
            "eval.threshold",
            format!("`{}` is not between 0 and 1", eval.threshold),
        );
    }
    if eval.timeout_seconds == 0 {
        report(
            found,
            "eval.timeout_seconds",
            "a time limit of 0 lets nothing run; use at least 1",
        );
    }
    if let Some(weights) = &eval.weights {
        let shares = [weights.hygiene, weights.growth, weights.project];
        let sum: f64 = shares.iter().sum();
        if shares.iter().any(|it| !(0.0..=1.0).contains(it)) || (sum - 1.0).abs() > 1e-6 {
            report(
                found,
                "eval.weights",
                format!("shares are between 0 and 1 and sum to 1, these sum to {sum}"),
            );
        }
    }
    if let Some(smoke) = &eval.smoke {
        command_line(smoke, "eval.smoke", found);
    }
    let alpha = profile.decision.alpha;
    if !(alpha > 0.0 && alpha < 0.5) {
        report(
            found,
            "decision.alpha",
            format!("`{alpha}` is not between 0 and 0.5, both excluded"),
        );
    }
    if !is_branch_name(&profile.landing.branch) {
        report(
            found,
            "landing.branch",
            format!(
                "`{}` is not a name that git allows for a branch",
                profile.landing.branch
            ),
        );
    }
    if let Some(line) = &profile.commands.prepare {
        command_line(line, "commands.prepare", found);
    }
    for language in profile.commands.test_args.keys() {
        if !languages::BUILT_IN.contains(&language.as_str()) {
            report(
                found,
                format!("commands.test_args.{language}"),
                format!(
                    "`{language}` is no language here; known are `{}`",
                    languages::BUILT_IN.join("`, `")
                ),
            );
        }
    }
}

fn globs(profile: &Profile, found: &mut Vec<Problem>) {
    let scope = &profile.scope;
    for (key, patterns) in [
        ("scope.mutable", &scope.mutable),
        ("scope.fixed", &scope.fixed),
    ] {
        check_globs(patterns, key, found);
    }
    if scope.mutable.is_empty() {
        report(
            found,
            "scope.mutable",
            "nothing may be touched, so nothing can be tried; use [\"**\"] for everything",
        );
    }
}

fn check_globs(patterns: &[String], key: &str, found: &mut Vec<Problem>) {
    for pattern in patterns {
        if let Err(error) = globset::Glob::new(pattern) {
            report(
                found,
                key,
                format!("`{pattern}` is not a glob: {}", error.kind()),
            );
        }
    }
}

fn guards(profile: &Profile, found: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for (index, guard) in profile.guards.iter().enumerate() {
        if !names.insert(&guard.name) {
            report(
                found,
                format!("guard[{index}].name"),
                format!("`{}` is already the name of a guard", guard.name),
            );
        }
        command_line(&guard.run, &format!("guard[{index}].run"), found);
    }
}

fn metrics(profile: &Profile, found: &mut Vec<Problem>) {
    let mut names = BTreeSet::new();
    for (index, metric) in profile.metrics.iter().enumerate() {
        let key = |name: &str| format!("metric[{index}].{name}");
        if let Err(error) = crate::model::id::MetricName::from_str(&metric.name) {
            report(found, key("name"), error.to_string());
        }
        if DIMENSIONS.contains(&metric.name.as_str()) {
            report(
                found,
                key("name"),
                format!(
                    "`{}` is the name of a dimension; choose another",
                    metric.name
                ),
            );
        }
        // Tests that nothing got worse keep their record under such a name.
        if metric.name.starts_with("keeps:") {
            let message = format!("`{}` begins with `keeps:`; choose another", metric.name);
            report(found, key("name"), message);
        }
        if !names.insert(&metric.name) {
            report(
                found,
                key("name"),
                format!("`{}` is already the name of a metric", metric.name),
            );
        }
        if let Err(error) = metric.parser.parse::<ParserSpec>() {
            report(found, key("parser"), error.to_string());
        }
        if metric
            .tolerance
            .is_some_and(|it| !(it.is_finite() && it >= 0.0))
        {
            report(
                found,
                key("tolerance"),
                "a tolerance is a number of at least 0",
            );
        }
        if metric.deterministic && !metric.tail.is_empty() {
            let message = "what always gives the same number has no rare runs; leave out `tail` or `deterministic`";
            report(found, key("tail"), message);
        }
        check_globs(&metric.reads, &key("reads"), found);
        if metric.timeout_seconds == Some(0) {
            report(
                found,
                key("timeout_seconds"),
                "a time limit of 0 lets nothing run; use at least 1",
            );
        }
        command_line(&metric.run, &key("run"), found);
        for (name, line) in [("build", &metric.build), ("before", &metric.before)] {
            if let Some(line) = line {
                command_line(line, &key(name), found);
            }
        }
    }
}

fn references(profile: &Profile, found: &mut Vec<Problem>) {
    let metrics: Vec<&str> = profile.metrics.iter().map(|it| it.name.as_str()).collect();
    let all: Vec<&str> = metrics.iter().copied().chain(DIMENSIONS).collect();
    for name in &profile.eval.skip {
        exists(name, &all, "eval.skip", found);
    }
    for (index, constraint) in profile.constraints.iter().enumerate() {
        exists(
            &constraint.metric,
            &all,
            &format!("constraint[{index}].metric"),
            found,
        );
        match (constraint.min, constraint.max) {
            (None, None) => report(
                found,
                format!("constraint[{index}]"),
                "a constraint needs `min`, `max` or both",
            ),
            (Some(min), Some(max)) if min > max => report(
                found,
                format!("constraint[{index}].min"),
                format!("`min` {min} is above `max` {max}"),
            ),
            _ => {}
        }
    }
    for (index, parameter) in profile.parameters.iter().enumerate() {
        exists(
            &parameter.metric,
            &metrics,
            &format!("parameter[{index}].metric"),
            found,
        );
        if let Err((key, reason)) = values_to_try(parameter) {
            report(found, format!("parameter[{index}].{key}"), reason);
        }
        if parameter.file.is_absolute() || parameter.file.components().any(|it| it.as_str() == "..")
        {
            report(
                found,
                format!("parameter[{index}].file"),
                format!("`{}` is not below the root", parameter.file),
            );
        }
    }
}

/// A parameter has values to choose from or a range to search, not both.
fn values_to_try(parameter: &Parameter) -> Result<(), (&'static str, String)> {
    let refuse = |key, reason: &str| Err((key, reason.to_owned()));
    match (parameter.choices.is_empty(), parameter.low, parameter.high) {
        (false, None, None) => Ok(()),
        (false, _, _) => refuse("choices", "give `choices`, or `low` and `high`, not both"),
        (true, None, None) => refuse(
            "choices",
            "a parameter needs at least one value to try, or a range from `low` to `high`",
        ),
        (true, Some(_), None) => refuse("high", "a range needs both `low` and `high`"),
        (true, None, Some(_)) => refuse("low", "a range needs both `low` and `high`"),
        (true, Some(low), Some(high)) => {
            let is_range = low.is_finite() && high.is_finite() && low < high;
            if !is_range {
                return Err(("low", format!("`low` {low} is not below `high` {high}")));
            }
            if parameter.log && low <= 0.0 {
                return refuse("low", "a range with `log` begins above 0");
            }
            Ok(())
        }
    }
}

fn exists(name: &str, known: &[&str], key: &str, found: &mut Vec<Problem>) {
    if known.contains(&name) {
        return;
    }
    let message = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("there is no `{name}`; did you mean `{meant}`?"),
        None if known.is_empty() => format!("there is no `{name}`: no [[metric]] is declared"),
        None => format!("there is no `{name}`; known are {}", known.join(", ")),
    };
    report(found, key, message);
}

fn command_line(line: &str, key: &str, found: &mut Vec<Problem>) {
    match shell_words::split(line) {
        Ok(words) if words.is_empty() => report(found, key, "an empty command line"),
        Ok(_) => {}
        Err(error) => report(
            found,
            key,
            format!("`{line}` is not a command line: {error}"),
        ),
    }
}

/// Returns whether git takes the text as a branch (the rules of `git check-ref-format --branch`).
fn is_branch_name(name: &str) -> bool {
    let part_is_fine = |part: &str| {
        let lock = part.len() >= 5
            && part.is_char_boundary(part.len() - 5)
            && &part[part.len() - 5..] == ".lock";
        !part.is_empty() && !part.starts_with('.') && !lock
    };
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\\u{7f}".contains(c);
    name != "@"
        && name != "HEAD"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(forbidden)
        && name.split('/').all(part_is_fine)
}

/// How a metric's number is found in what its command left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParserSpec {
    /// A line `METRIC name=value`.
    Metric,
    /// A JSON pointer (`/time/median`) or a top-level key; empty means `score`.
    Json(String),
    /// The first group of a regular expression, or its whole match.
    Regex(String),
    /// The exit status.
    Exit,
    /// Wall time by the harness's own clock.
    Seconds,
    /// The geometric mean over what a benchmark runner prints, in nanoseconds.
    Benchmarks(BenchmarkRunner),
    /// The seconds of the whole suite, by its own run; the command is not started.
    Suite,
}

/// A benchmark runner whose output is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BenchmarkRunner {
    /// `cargo bench` of a target that uses criterion.
    Criterion,
    /// `cargo bench` of a target that uses divan.
    Divan,
    /// `pytest --benchmark-json=/dev/stdout`.
    Pytest,
    /// `go test -bench`.
    Go,
    /// `vitest bench --outputJson /dev/stdout`.
    Vitest,
}

/// A text that names no parser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParserError {
    /// No parser has that name.
    #[error(
        "`{0}` is no parser; use `metric`, `json:POINTER`, `regex:PATTERN`, `exit`, `seconds`, or the \
         name of a benchmark runner: `criterion`, `divan`, `pytest-benchmark`, `go-bench`, `vitest-bench`"
    )]
    Unknown(String),
    /// The pattern is not a regular expression.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FromStr for ParserSpec {
    type Err = ParserError;

    fn from_str(text: &str) -> Result<Self, ParserError> {
        let (kind, argument) = text.split_once(':').unwrap_or((text, ""));
        match (kind, argument) {
            ("metric", "") => Ok(Self::Metric),
            ("exit", "") => Ok(Self::Exit),
            ("seconds", "") => Ok(Self::Seconds),
            ("suite", "") => Ok(Self::Suite),
            ("criterion", "") => Ok(Self::Benchmarks(BenchmarkRunner::Criterion)),
            ("divan", "") => Ok(Self::Benchmarks(BenchmarkRunner::Divan)),
            ("pytest-benchmark", "") => Ok(Self::Benchmarks(BenchmarkRunner::Pytest)),
            ("go-bench", "") => Ok(Self::Benchmarks(BenchmarkRunner::Go)),
            ("vitest-bench", "") => Ok(Self::Benchmarks(BenchmarkRunner::Vitest)),
            ("json", pointer) => Ok(Self::Json(pointer.to_owned())),
            ("regex", pattern) if !pattern.is_empty() => checked_pattern(pattern),
            _ => Err(ParserError::Unknown(text.to_owned())),
        }
    }
}

fn checked_pattern(pattern: &str) -> Result<ParserSpec, ParserError> {
    match by_line(pattern) {
        Ok(_) => Ok(ParserSpec::Regex(pattern.to_owned())),
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            Err(ParserError::Pattern {
                pattern: pattern.to_owned(),
                reason: last.trim_start_matches("error: ").to_owned(),
            })
        }
    }
}

/// Compiles the pattern of a parser: `^` and `$` are the ends of a line.
///
/// # Errors
/// What is no regular expression.
pub fn by_line(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).multi_line(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> String {
        let profile: Profile = toml::from_str(text).unwrap();
        let problem = problems(&profile).into_iter().next().expect("a problem");
        format!("{}: {}", problem.key, problem.message)
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(problems(&Profile::default()), []);
    }

    #[test]
    fn shares_must_sum_to_one() {
        assert_eq!(
            first("[eval.weights]\nhygiene = 0.5\ngrowth = 0.4\nproject = 0.0\n"),
            "eval.weights: shares are between 0 and 1 and sum to 1, these sum to 0.9"
        );
    }

    #[test]
    fn alpha_is_a_small_probability() {
        for alpha in ["0.0", "0.5", "1.0", "nan", "-0.1"] {
            assert!(first(&format!("[decision]\nalpha = {alpha}\n")).starts_with("decision.alpha"));
        }
    }

    #[test]
    fn a_parameter_has_choices_or_a_range() {
        let metric = "[[metric]]\nname='t'\nrun='x'\ndirection='minimize'\n";
        let said = |keys: &str| {
            first(&format!(
                "{metric}[[parameter]]\nfile='a.py'\nname='N'\nmetric='t'\n{keys}\n"
            ))
        };
        assert!(said("").starts_with("parameter[0].choices: a parameter needs at least one"));
        assert!(said("choices=['1']\nlow=1\nhigh=2").contains("not both"));
        assert!(said("low=1").starts_with("parameter[0].high: a range needs both"));
        assert!(said("low=2\nhigh=2").contains("`low` 2 is not below `high` 2"));
        assert!(said("low=0\nhigh=2\nlog=true").contains("begins above 0"));
    }

    #[test]
    fn names_must_exist() {
        assert_eq!(
            first("[[constraint]]\nmetric = 'coverge'\nmin = 80.0\n"),
            "constraint[0].metric: there is no `coverge`; did you mean `coverage`?"
        );
        assert!(
            first("[[parameter]]\nfile='a.py'\nname='N'\nchoices=['1']\nmetric='t'\n")
                .contains("no [[metric]] is declared")
        );
    }

    #[test]
    fn globs_and_branches_are_checked() {
        assert!(first("[scope]\nfixed = ['a[']\n").starts_with("scope.fixed: `a[` is not a glob"));
        for bad in ["a b", "-x", "a..b", "a.lock", "/a", "a/", "HEAD", "a~1", ""] {
            assert!(!is_branch_name(bad), "{bad}");
        }
        for good in ["factory/best", "main", "a.b/c-d"] {
            assert!(is_branch_name(good), "{good}");
        }
    }

    #[test]
    fn parsers_are_recognised() {
        assert_eq!(
            "regex:a (\\d+)".parse(),
            Ok(ParserSpec::Regex("a (\\d+)".into()))
        );
        assert_eq!("json:/a/b".parse(), Ok(ParserSpec::Json("/a/b".into())));
        assert!("regex:(".parse::<ParserSpec>().is_err());
        assert!("exit:3".parse::<ParserSpec>().is_err());
    }
}
