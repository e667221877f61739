//! What `[[research.parameter]]` tables cannot say by their types.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Problem, report};
use crate::config::{ParameterKind, Profile, Research, ResearchParameter};
use crate::model::turn::Side;

/// More values than these cannot be searched together in as many experiments as anybody will wait for.
const MOST: usize = 12;

/// What is wrong with one key of a table.
type Wrong = (&'static str, String);

/// Reports values that cannot be searched as they are declared.
pub(super) fn research_parameters(profile: &Profile, found: &mut Vec<Problem>) {
    let Some(research) = &profile.research else {
        return;
    };
    parameters_of("research", research, found);
    if research.opponent.is_some() {
        let other = research.in_turn_of(Side::Opponent);
        parameters_of("research.opponent", &other, found);
    }
}

fn parameters_of(section: &str, research: &Research, found: &mut Vec<Problem>) {
    if research.trials == Some(0) {
        let message = "a search of 0 trials tries nothing; use at least 1";
        report(found, format!("{section}.trials"), message);
    }
    if research.parameters.len() > MOST {
        let message = format!(
            "{} values are too many to be searched together; declare the {MOST} that matter most",
            research.parameters.len()
        );
        report(found, format!("{section}.parameter"), message);
    }
    let mutable = mutable(research);
    let mut places = BTreeSet::new();
    for (index, parameter) in research.parameters.iter().enumerate() {
        let is_new = places.insert((&parameter.file, &parameter.key, &parameter.pattern));
        let problems = [
            place(parameter, &mutable, section),
            values(parameter),
            is_new
                .then_some(())
                .ok_or(("key", "this value is declared already".to_owned())),
        ];
        for (key, message) in problems.into_iter().filter_map(Result::err) {
            let key = format!("{section}.parameter[{index}].{key}");
            report(found, key, message);
        }
    }
}

fn place(parameter: &ResearchParameter, mutable: &GlobSet, section: &str) -> Result<(), Wrong> {
    let file = &parameter.file;
    if file.is_absolute() || file.components().any(|it| it.as_str() == "..") {
        return Err(("file", format!("`{file}` is not below the root")));
    }
    if !mutable.is_match(file) {
        let message = format!("`{file}` matches none of the globs of `{section}.mutable`");
        return Err(("file", message));
    }
    match (&parameter.key, &parameter.pattern) {
        (Some(key), None) => match toml_edit::Key::parse(key) {
            Ok(_) => Ok(()),
            Err(_) => Err(("key", format!("`{key}` is no dotted key"))),
        },
        (None, Some(pattern)) => match regex::Regex::new(pattern) {
            Ok(regex) if regex.captures_len() < 2 => Err((
                "pattern",
                format!("`{pattern}` has no group; put the value in parentheses"),
            )),
            Ok(_) => Ok(()),
            Err(_) => Err((
                "pattern",
                format!("`{pattern}` is not a regular expression"),
            )),
        },
        (None, None) => Err(("key", "a parameter needs a `key` or a `pattern`".to_owned())),
        (Some(_), Some(_)) => Err(("key", "give `key` or `pattern`, not both".to_owned())),
    }
}

fn values(parameter: &ResearchParameter) -> Result<(), Wrong> {
    let refuse = |key, message: &str| Err((key, message.to_owned()));
    match parameter.kind {
        ParameterKind::Float | ParameterKind::Int => range(parameter),
        ParameterKind::Bool | ParameterKind::Choice
            if parameter.low.is_some() || parameter.high.is_some() || parameter.log =>
        {
            refuse("type", "`low`, `high` and `log` are for `float` and `int`")
        }
        ParameterKind::Bool if !parameter.choices.is_empty() => refuse(
            "choices",
            "`choices` are for `choice`; a `bool` is `true` or `false`",
        ),
        ParameterKind::Bool => Ok(()),
        ParameterKind::Choice => {
            let distinct: BTreeSet<&str> = parameter.choices.iter().map(|it| it.trim()).collect();
            if distinct.len() < 2 || distinct.len() < parameter.choices.len() {
                return refuse(
                    "choices",
                    "a `choice` needs at least two `choices`, each once",
                );
            }
            Ok(())
        }
    }
}

fn range(parameter: &ResearchParameter) -> Result<(), Wrong> {
    let refuse = |key, message: &str| Err((key, message.to_owned()));
    if !parameter.choices.is_empty() {
        return refuse(
            "choices",
            "`choices` are for `choice`; give `low` and `high`",
        );
    }
    let (Some(low), Some(high)) = (parameter.low, parameter.high) else {
        return refuse("low", "`float` and `int` need `low` and `high`");
    };
    let is_range = low.is_finite() && high.is_finite() && low < high;
    if !is_range {
        return Err(("low", format!("`low` {low} is not below `high` {high}")));
    }
    if parameter.log && low <= 0.0 {
        return refuse("low", "a range with `log` begins above 0");
    }
    let is_whole = parameter.kind == ParameterKind::Int;
    if is_whole && low.ceil() >= high.floor() {
        return refuse(
            "high",
            "there are no two whole numbers from `low` to `high`",
        );
    }
    Ok(())
}

/// Returns the globs that experiments may touch; one that is no glob is reported elsewhere.
fn mutable(research: &Research) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in &research.mutable {
        if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
            builder.add(glob);
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "[research]\nobjective='o'\nmetric='t'\ndirection='minimize'\nrun='x'\nmutable=['src/**', 'a.toml']\n";

    fn said(tables: &str) -> Vec<String> {
        let profile: Profile = toml::from_str(&format!("{SECTION}{tables}")).unwrap();
        let mut found = Vec::new();
        research_parameters(&profile, &mut found);
        found
            .iter()
            .map(|it| format!("{}: {}", it.key, it.message))
            .collect()
    }

    fn of(keys: &str) -> String {
        said(&format!("[[research.parameter]]\n{keys}\n")).join("; ")
    }

    #[test]
    fn every_type_has_values_of_its_own() {
        let at = "file='a.toml'\nkey='b.c'\n";
        for good in [
            "type='int'\nlow=1\nhigh=2",
            "type='float'\nlow=0.1\nhigh=2\nlog=true",
            "type='bool'",
            "type='choice'\nchoices=['\"a\"', '\"b\"']",
        ] {
            assert_eq!(of(&format!("{at}{good}")), "");
        }
        for (bad, message) in [
            ("type='int'\nlow=1", "need `low` and `high`"),
            ("type='int'\nlow=2\nhigh=2", "`low` 2 is not below `high` 2"),
            ("type='int'\nlow=1.5\nhigh=2.5", "no two whole numbers"),
            ("type='float'\nlow=0\nhigh=2\nlog=true", "begins above 0"),
            ("type='float'\nlow=nan\nhigh=2", "is not below"),
            (
                "type='float'\nlow=0\nhigh=2\nchoices=['1']",
                "are for `choice`",
            ),
            ("type='bool'\nlow=0", "are for `float` and `int`"),
            (
                "type='bool'\nchoices=['true']",
                "a `bool` is `true` or `false`",
            ),
            ("type='choice'\nchoices=['1']", "at least two"),
            ("type='choice'\nchoices=['1','1 ']", "at least two"),
        ] {
            assert!(of(&format!("{at}{bad}")).contains(message), "{bad}");
        }
    }

    #[test]
    fn a_value_has_one_place_that_may_be_touched() {
        for (bad, message) in [
            ("file='a.toml'", "needs a `key` or a `pattern`"),
            ("file='a.toml'\nkey='k'\npattern='(x)'", "not both"),
            ("file='a.toml'\nkey='a..b'", "is no dotted key"),
            ("file='a.toml'\npattern='x'", "has no group"),
            ("file='a.toml'\npattern='('", "is not a regular expression"),
            ("file='../a.toml'\nkey='k'", "is not below the root"),
            ("file='b.toml'\nkey='k'", "matches none of the globs"),
        ] {
            assert!(
                of(&format!("{bad}\ntype='bool'")).contains(message),
                "{bad}"
            );
        }
        let twice = "[[research.parameter]]\nfile='a.toml'\nkey='k'\ntype='bool'\n".repeat(2);
        assert!(said(&twice)[0].contains("declared already"));
    }

    #[test]
    fn a_space_has_an_end() {
        let table =
            |it| format!("[[research.parameter]]\nfile='a.toml'\nkey='k{it}'\ntype='bool'\n");
        let many: String = (0..13).map(table).collect();
        assert_eq!(said(&many).len(), 1);
        assert!(said("trials = 0\n")[0].contains("tries nothing"));
    }
}
