//! What staticcheck complains about, and those of its replacements that its messages spell out.
//!
//! The program applies no fix by itself, and its answer holds none but in words.

use std::collections::BTreeMap;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::command::{build_args, missing, with_settings};
use super::{lint, sources};
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::process::{Error, Exit, Finished};
use crate::syntax::{self, Grammar};
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// Its name among the tools.
pub(super) const NAME: &str = "staticcheck";

#[derive(Deserialize)]
struct Check {
    code: String,
    location: Location,
    end: Location,
    message: String,
}

#[derive(Deserialize)]
struct Location {
    file: String,
    line: u32,
    column: u32,
}

/// Returns its findings.
pub(super) async fn lint(job: &Job<'_>, words: &[String]) -> Result<Outcome<Vec<Finding>>, Error> {
    let checks = match checks(job, words).await? {
        Outcome::Measured(checks) => checks,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
        Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
    };
    let mut texts: BTreeMap<Utf8PathBuf, String> = BTreeMap::new();
    let finding = |it: Check| {
        let path = job.in_tree(&it.location.file)?;
        let text = texts
            .entry(path.clone())
            .or_insert_with(|| read(job, &path).unwrap_or_default());
        let at = (it.location.line, it.location.column);
        Some(Finding {
            fixable: replacement(text, &it).is_some(),
            ..lint::finding(path, at, NAME, &it.code, &it.message)
        })
    };
    Ok(Outcome::Measured(
        checks.into_iter().filter_map(finding).collect(),
    ))
}

/// Makes the replacements of one rule in accepted files.
pub(super) async fn fix(
    job: &Job<'_>,
    rule: &LintRule,
    may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
) -> Result<Outcome<usize>, Error> {
    let Some(words) = job.tool(NAME) else {
        return Ok(missing(NAME));
    };
    let checks = match checks(job, words).await? {
        Outcome::Measured(checks) => checks,
        Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
        Outcome::Failed(why) => return Ok(Outcome::Failed(why)),
        Outcome::TimedOut(why) => return Ok(Outcome::TimedOut(why)),
    };
    let mut by_file: BTreeMap<Utf8PathBuf, Vec<Check>> = BTreeMap::new();
    for check in checks.into_iter().filter(|it| it.code == rule.rule) {
        if let Some(path) = job.in_tree(&check.location.file) {
            by_file.entry(path).or_default().push(check);
        }
    }
    let mut n_changed = 0;
    for (path, checks) in by_file {
        let Some(text) = read(job, &path) else {
            continue;
        };
        let is_written = !sources::is_generated(&job.tree.join(&path));
        let fixed = rewritten(&text, &checks);
        if fixed == text || !is_written || !may_touch(&path) {
            continue;
        }
        if let Err(error) = std::fs::write(job.tree.join(&path), fixed) {
            return Ok(Outcome::Failed(format!("cannot fix `{path}`: {error}")));
        }
        n_changed += 1;
    }
    Ok(Outcome::Measured(n_changed))
}

fn read(job: &Job<'_>, path: &Utf8Path) -> Option<String> {
    std::fs::read_to_string(job.tree.join(path)).ok()
}

async fn checks(job: &Job<'_>, words: &[String]) -> Result<Outcome<Vec<Check>>, Error> {
    let command = with_settings(job, job.command(words))
        .env("STATICCHECK_CACHE", job.build.join("staticcheck"))
        .args(["-f", "json"])
        .args(build_args(job))
        .arg("./...");
    let finished = job.run(&command).await?;
    Ok(read_checks(&finished))
}

fn read_checks(finished: &Finished) -> Outcome<Vec<Check>> {
    if finished.truncated || !matches!(finished.exit, Exit::Code(0 | 1)) {
        return broken("staticcheck", finished);
    }
    let mut found = Vec::new();
    for line in finished.stdout_text().lines() {
        let check: Check = match serde_json::from_str(line) {
            Ok(check) => check,
            Err(error) => {
                return Outcome::Failed(format!("staticcheck: cannot read its answer: {error}"));
            }
        };
        if check.code == "compile" {
            let Location { file, line, .. } = check.location;
            let reason = format!(
                "staticcheck: does not compile: {} ({file}:{line})",
                check.message
            );
            return Outcome::Failed(reason);
        }
        found.push(check);
    }
    if found.is_empty() && !finished.success() {
        return broken("staticcheck", finished);
    }
    Outcome::Measured(found)
}

/// Makes every replacement that does not overlap one before it.
fn rewritten(text: &str, checks: &[Check]) -> String {
    let mut edits: Vec<_> = checks
        .iter()
        .filter_map(|it| replacement(text, it))
        .collect();
    edits.sort_by_key(|it| it.0.start);
    let mut written = String::new();
    let mut end = 0;
    for (range, new) in edits {
        if range.start >= end {
            written.push_str(&text[end..range.start]);
            written.push_str(&new);
            end = range.end;
        }
    }
    written.push_str(&text[end..]);
    written
}

/// Returns what a check's message puts in the place of what, where it says so to the letter.
fn replacement(text: &str, check: &Check) -> Option<(Range<usize>, String)> {
    let start = offset(text, &check.location)?;
    let told = || Some(start..offset(text, &check.end)?);
    let loop_at = || syntax::node_at(Grammar::Go, text, start, "for_statement");
    let said = |before: &str, after: &str| {
        let rest = check.message.strip_prefix(before)?;
        rest.strip_suffix(after).map(str::to_owned)
    };
    let (range, new) = match check.code.as_str() {
        "S1002" => (told()?, simplified(&check.message)?),
        "S1003" | "S1004" => (told()?, said("should use ", " instead")?),
        "S1011" => (loop_at()?, said("should replace loop with ", "")?),
        "S1029" | "SA6003" => conversion_in(text, loop_at()?)?,
        "S1030" => {
            let (new, old) = said("should use ", "")?
                .split_once(" instead of ")
                .map(|(new, old)| (new.to_owned(), old.to_owned()))?;
            (told().filter(|it| text[it.clone()] == *old)?, new)
        }
        _ => return None,
    };
    // A comment in what is replaced would be lost, and a message of several lines is cut.
    let old = &text[range.clone()];
    let has_comment = old.contains("//") || old.contains("/*");
    let after = [&text[..range.start], &new, &text[range.end..]].concat();
    (!has_comment && syntax::parses(Grammar::Go, &after)).then_some((range, new))
}

fn simplified(message: &str) -> Option<String> {
    let (_, new) = message.split_once("can be simplified to ")?;
    Some(new.to_owned())
}

/// Returns the conversion that a loop over a text makes, and the text alone; the index, which counts in
/// another way, is not used where this is told.
fn conversion_in(text: &str, of_loop: Range<usize>) -> Option<(Range<usize>, String)> {
    const OPEN: &str = "[]rune(";
    let statement = &text[of_loop.clone()];
    let start = statement.find(&format!("range {OPEN}"))? + "range ".len();
    if statement[..start].contains('{') {
        return None;
    }
    let inner = &statement[start + OPEN.len()..];
    let mut depth = 1;
    let close = inner.find(|it| {
        depth += match it {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    let start = of_loop.start + start;
    let end = start + OPEN.len() + close + 1;
    Some((start..end, inner[..close].to_owned()))
}

/// Returns the byte at a place; columns are counted in bytes.
fn offset(text: &str, place: &Location) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let byte = start + column;
    text.is_char_boundary(byte).then_some(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies what staticcheck 2023.1 says of one place.
    fn fixed(text: &str, code: &str, (from, to): (&str, &str), message: &str) -> String {
        let at = |byte: usize| Location {
            file: "a.go".to_owned(),
            line: u32::try_from(text[..byte].matches('\n').count() + 1).unwrap(),
            column: u32::try_from(byte - text[..byte].rfind('\n').map_or(0, |it| it + 1) + 1)
                .unwrap(),
        };
        let start = text.find(from).unwrap();
        let end = start + text[start..].find(to).unwrap() + to.len();
        let check = Check {
            code: code.to_owned(),
            location: at(start),
            end: at(end),
            message: message.to_owned(),
        };
        rewritten(text, &[check])
    }

    #[test]
    fn a_replacement_that_the_message_spells_out_is_made() {
        let appended = fixed(
            "package a\n\nfunc f(from []int) (out []int) {\n\tfor _, it := range from {\n\t\tout = append(out, it)\n\t}\n\treturn\n}\n",
            "S1011",
            ("for", "from {"),
            "should replace loop with out = append(out, from...)",
        );
        assert!(
            appended.contains("{\n\tout = append(out, from...)\n\treturn\n}"),
            "{appended}"
        );
        let source = "package a\n\nvar x = string(b.Bytes()) + string(c.Bytes())\n";
        let message = "should use b.String() instead of string(b.Bytes())";
        let text = fixed(source, "S1030", ("string(b", "())"), message);
        assert!(
            text.contains("x = b.String() + string(c.Bytes())"),
            "{text}"
        );
        let other = fixed(source, "S1030", ("string(c", "())"), message);
        assert_eq!(other, source, "the message is about something else");
        let text = fixed(
            "package a\n\nvar x = bytes.Compare(é, b) == 0 && y\n",
            "S1004",
            ("bytes", "== 0"),
            "should use bytes.Equal(é, b) instead",
        );
        assert!(text.contains("var x = bytes.Equal(é, b) && y"), "{text}");
    }

    #[test]
    fn a_loop_over_converted_text_loses_the_conversion_and_keeps_its_comments() {
        let source = "package a\n\nfunc f(s func(int) string) {\n\tfor _, r := range []rune(s(1)) {\n\t\tp(r) // once\n\t}\n}\n";
        let message = "should range over string, not []rune(string)";
        let text = fixed(source, "SA6003", ("for", "for"), message);
        assert_eq!(text, source.replace("[]rune(s(1))", "s(1)"));
    }

    #[test]
    fn what_a_message_does_not_spell_out_is_left_alone() {
        let source = "package a\n\nfunc f(a, b []int) {\n\tfor i, x := range b { // copies\n\t\ta[i] = x\n\t}\n}\n";
        let message = "should use copy(to, from) instead of a loop";
        assert_eq!(fixed(source, "S1001", ("for", "b {"), message), source);
        let message = "should replace loop with a = append(a, b...)";
        assert_eq!(
            fixed(source, "S1011", ("for", "b {"), message),
            source,
            "a comment would go"
        );
        let message = "should replace loop with a = append(a, func() {";
        let bare = source.replace(" // copies", "");
        assert_eq!(
            fixed(&bare, "S1011", ("for", "b {"), message),
            bare,
            "it would not parse"
        );
    }
}
