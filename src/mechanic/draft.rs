//! Hypotheses in words: key, title, why, claim and what will show it, for each kind of change.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use camino::Utf8Path;
use regex::Regex;

use super::tune::settings::Next;
use super::{message, setting};
use crate::model::hypothesis::{Category, Change, Claim, Hypothesis, LintRule, Place};
use crate::model::id::{MetricName, StructuralKey};

/// The longest text that an identifier may be.
const KEY: usize = 200;

/// What was seen of one rule.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// The rule.
    pub(crate) rule: &'a LintRule,
    /// Findings on paths that may be touched.
    pub(crate) count: usize,
    /// How many of them have a safe fix.
    pub(crate) fixable: usize,
    /// The first places.
    pub(crate) places: &'a [String],
}

/// A setting to try.
pub(crate) struct Knob<'a> {
    /// The manifest.
    pub(crate) file: &'a Utf8Path,
    /// The dotted key.
    pub(crate) key: &'a str,
    /// The TOML value to try.
    pub(crate) value: &'a str,
    /// The value now.
    pub(crate) current: Option<&'a str>,
    /// The catalogue's subject.
    pub(crate) title: Option<&'a str>,
    /// What the key's absence means.
    pub(crate) default: Option<&'a str>,
    /// Why it may pay.
    pub(crate) why: &'a str,
    /// The metric it may move.
    pub(crate) metric: Option<&'a str>,
    /// The relative gain one would guess.
    pub(crate) expected_gain: f64,
}

/// A declared parameter's value to try.
pub(crate) struct Constant<'a> {
    /// The source file.
    pub(crate) file: &'a Utf8Path,
    /// The constant's name.
    pub(crate) name: &'a str,
    /// The literal to try.
    pub(crate) value: &'a str,
    /// The literal now, where it was read.
    pub(crate) current: Option<&'a str>,
    /// Why it may pay.
    pub(crate) why: &'a str,
    /// The metric it may move.
    pub(crate) metric: &'a str,
}

/// Returns the hypothesis that these rules' safe fixes lower the count of findings.
pub(crate) fn fixes(rules: &[LintRule], seen: &[Seen<'_>]) -> Hypothesis {
    let success = vec![
        fall_of_findings(seen),
        "every test that passes now still passes".to_owned(),
        "no other dimension gets worse".to_owned(),
    ];
    Hypothesis {
        key: key(&format!("fixes:{}", list_of(rules, ","))),
        title: title_of_fixes(rules),
        why: why_of_fixes(rules, seen),
        category: Category::Fix,
        claim: moves(dimension_of(rules)),
        success,
        change: Change::LintFixes {
            rules: rules.to_vec(),
        },
        files: BTreeMap::new(),
        expected_gain: 0.0,
    }
}

/// Returns the hypothesis that the fixes of a rule about speed move a benchmark.
pub(crate) fn faster(seen: &Seen<'_>, metric: &str) -> Hypothesis {
    let rules = std::slice::from_ref(seen.rule);
    Hypothesis {
        key: key(&format!("faster:{}@{metric}", list_of(rules, ","))),
        category: Category::Exploit,
        claim: moves(metric),
        success: success_of(Some(metric)),
        expected_gain: 0.01,
        ..fixes(rules, std::slice::from_ref(seen))
    }
}

/// Returns the hypothesis that the project's formatter harms nothing.
pub(crate) fn format(tool: &str, n_files: usize) -> Hypothesis {
    let why = match n_files {
        0 => format!("It was asked for; {tool} was not seen to change a file that may be touched."),
        1 => format!("The project formats with {tool}, which would change 1 file."),
        n_files => format!("The project formats with {tool}, which would change {n_files} files."),
    };
    Hypothesis {
        key: key(&format!("format:{tool}")),
        title: message::shortened(&format!("Format with {tool}")),
        why,
        category: Category::Fix,
        claim: Claim::Keeps,
        success: vec![
            format!("{tool} has nothing left to change"),
            "every test that passes now still passes".to_owned(),
            "no dimension gets worse".to_owned(),
        ],
        change: Change::Format {
            tool: tool.to_owned(),
        },
        files: BTreeMap::new(),
        expected_gain: 0.0,
    }
}

/// Returns the hypothesis that formatted tests judge as they did before.
pub(crate) fn format_tests(tool: &str, n_files: usize) -> Hypothesis {
    Hypothesis {
        key: key(&format!("format-tests:{tool}")),
        title: message::shortened(&format!("Format the tests with {tool}")),
        why: format!(
            "The project formats with {tool}, which would change {n_files} test {}.",
            if n_files == 1 { "file" } else { "files" }
        ),
        claim: Claim::Maintains,
        success: vec![
            "the old tests and the new ones pass".to_owned(),
            "the new tests notice every sampled mutant that the old ones notice".to_owned(),
        ],
        ..format(tool, n_files)
    }
}

/// Returns the hypothesis that a setting moves a metric; `None` if the metric's name is unusable.
pub(crate) fn knob(knob: &Knob<'_>) -> Option<Hypothesis> {
    let value = setting::display(knob.value);
    let default_title = format!("Set {} to {value} in {}", knob.key, knob.file);
    let of_metric = knob.metric.map(|it| format!("@{it}")).unwrap_or_default();
    let claim = match knob.metric {
        Some(metric) => Claim::Moves {
            metric: metric.parse().ok()?,
            delta: None,
        },
        None => Claim::Keeps,
    };
    Some(Hypothesis {
        key: key(&format!(
            "knob:{}:{}={value}{of_metric}",
            knob.file, knob.key
        )),
        title: message::shortened(knob.title.unwrap_or(&default_title)),
        why: why_of_knob(knob),
        category: Category::Exploit,
        success: success_of(knob.metric),
        claim,
        change: Change::Knob {
            file: knob.file.to_owned(),
            key: knob.key.to_owned(),
            value: knob.value.to_owned(),
        },
        files: BTreeMap::new(),
        expected_gain: knob.expected_gain,
    })
}

/// Returns the hypothesis that another value of a declared parameter moves its metric.
pub(crate) fn constant(constant: &Constant<'_>) -> Hypothesis {
    let now = match constant.current {
        Some(current) => format!("`{}` in {} is {current}", constant.name, constant.file),
        None => format!(
            "`{}` in {} is a declared parameter",
            constant.name, constant.file
        ),
    };
    let why = match constant.why.trim().trim_end_matches('.') {
        "" => format!("{now}."),
        why => format!("{now}; {why}."),
    };
    let departure = key_of_departure(&Constant {
        value: constant.current.unwrap_or_default(),
        ..*constant
    });
    Hypothesis {
        key: key(&format!(
            "{departure}{}@{}",
            constant.value.trim(),
            constant.metric
        )),
        title: message::shortened(&format!("Set {} to {}", constant.name, constant.value)),
        why,
        category: Category::Explore,
        claim: moves(constant.metric),
        success: success_of(Some(constant.metric)),
        change: Change::Constant {
            file: constant.file.to_owned(),
            name: constant.name.to_owned(),
            value: constant.value.to_owned(),
        },
        files: BTreeMap::new(),
        expected_gain: 0.02,
    }
}

/// Returns the hypothesis that another point of the searched values moves the metric of the research;
/// `idx` is its place among those that are proposed together.
pub(crate) fn settings(next: &Next, metric: &str, idx: usize) -> Hypothesis {
    let names = next
        .changes
        .iter()
        .map(|(it, now)| (it, now, name_of(&it.place)));
    let set = |named: fn(&str) -> &str, to: &str| {
        let parts = names.clone().map(|(it, _, name)| {
            let value = setting::display(&it.value);
            format!("{}{to}{value}", named(name))
        });
        format!("Set {}", parts.collect::<Vec<_>>().join(", "))
    };
    let whole = set(|it| it, " to ");
    // Of many values the last words of their names must do, so that the subject can hold them all.
    let title = if whole.chars().count() > message::SUBJECT {
        set(|it| it.rsplit(['.', '/']).next().unwrap_or(it), " ")
    } else {
        whole
    };
    let moved: Vec<String> = names
        .clone()
        .map(|(it, now, name)| {
            let (file, value) = (&it.place.file, setting::display(&it.value));
            format!(
                "`{name}` in {file} from {} to {value}",
                setting::display(now)
            )
        })
        .collect();
    let tried = match next.n_tried {
        0 => "nothing was tried yet".to_owned(),
        1 => "1 point was tried".to_owned(),
        n_tried => format!("{n_tried} points were tried"),
    };
    let assignments = next.changes.iter().map(|(it, _)| it.clone()).collect();
    // Those behind the first are for whoever builds several at once.
    let share = 1.0 / (1.0 + f64::from(u32::try_from(idx).unwrap_or(u32::MAX)));
    Hypothesis {
        key: key(&next.key),
        title: message::shortened(&title),
        why: format!(
            "The search for values that move `{metric}` proposes {}; {tried}.",
            moved.join(", ")
        ),
        category: Category::Explore,
        claim: moves(metric),
        success: success_of(Some(metric)),
        change: Change::Settings { assignments },
        files: BTreeMap::new(),
        expected_gain: 0.02 * share,
    }
}

/// Returns how people name a place: its key, or the word before the value in its pattern, or else the pattern.
pub(crate) fn name_of(place: &Place) -> &str {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:^|\\b|[^\\\w])(\w+)(?:\\s[*+]?|[\s=:])*\(").expect("a fixed pattern")
    });
    let word = |pattern| Some(WORD.captures(pattern)?.get(1)?.as_str());
    match (&place.key, &place.pattern) {
        (Some(key), _) => key,
        (None, Some(pattern)) => word(pattern).unwrap_or(pattern),
        (None, None) => "",
    }
}

/// Returns how the keys of experiments begin that move a parameter away from this value.
pub(crate) fn key_of_departure(constant: &Constant<'_>) -> String {
    let value = constant.value.trim();
    format!("{}{value}->", key_of_parameter(constant))
}

/// Returns how the keys of all experiments on a parameter begin.
pub(crate) fn key_of_parameter(constant: &Constant<'_>) -> String {
    format!("constant:{}:{}=", constant.file, constant.name)
}

/// Returns the hypothesis that some patch of small edits moves a metric.
pub(crate) fn edits(metric: &str, seed: u64, n_functions: usize, n_files: usize) -> Hypothesis {
    let functions = if n_functions == 1 {
        "function"
    } else {
        "functions"
    };
    let files = if n_files == 1 { "file" } else { "files" };
    Hypothesis {
        key: key(&format!("{}{seed}", key_of_edits(metric))),
        title: message::shortened(&format!("Edit functions by trial to improve {metric}")),
        why: format!(
            "{n_functions} {functions} in {n_files} {files} may be edited. Patches of small edits are \
             tried in a copy where `{metric}` spends its time; the best that no test notices is \
             measured."
        ),
        category: Category::Explore,
        claim: moves(metric),
        success: success_of(Some(metric)),
        change: Change::Edits {
            metric: metric.to_owned(),
            seed,
        },
        files: BTreeMap::new(),
        expected_gain: 0.001,
    }
}

/// Returns how the keys of all searches for patches begin that are to move a metric.
pub(crate) fn key_of_edits(metric: &str) -> String {
    format!("edits:{metric}#")
}

/// Returns the hypothesis that words stand for, which takes a model to build.
pub(crate) fn words(text: &str) -> Hypothesis {
    let title = match message::shortened(text) {
        title if title.is_empty() => "Do what was asked for".to_owned(),
        title => capitalised(&title),
    };
    Hypothesis {
        key: key(&format!("words:{}", text.to_lowercase())),
        title,
        why: format!("It was asked for, in these words: {}", text.trim()),
        category: Category::Explore,
        claim: Claim::Meets { checks: Vec::new() },
        success: vec![
            "checks that fail now pass".to_owned(),
            "every test that passes now still passes".to_owned(),
        ],
        change: Change::Words {
            text: text.to_owned(),
        },
        files: BTreeMap::new(),
        expected_gain: 0.0,
    }
}

/// Returns a text as a key: one line, and a digest in place of what is too long.
fn key(text: &str) -> StructuralKey {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|it| !it.is_control()).collect();
    let short = if line.len() <= KEY {
        line
    } else {
        let digest = blake3::hash(line.as_bytes()).to_hex();
        let mut end = KEY - 24;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        format!("{}…{}", &line[..end], &digest[..16])
    };
    short
        .parse()
        .expect("the text begins with a kind, has no control characters, and was cut")
}

/// Returns the dimension that counts the findings of these rules: what a compiler says by itself is
/// counted with its type errors.
pub(super) fn dimension_of(rules: &[LintRule]) -> &'static str {
    if rules.iter().all(|it| it.tool == "rustc") {
        "types"
    } else {
        "lint"
    }
}

fn moves(metric: &str) -> Claim {
    match metric.parse::<MetricName>() {
        Ok(metric) => Claim::Moves {
            metric,
            delta: None,
        },
        Err(_) => Claim::Keeps,
    }
}

/// Returns the rules as a list, in order: `clippy::needless_clone,ruff:F401`.
fn list_of(rules: &[LintRule], separator: &str) -> String {
    let mut names: Vec<String> = rules
        .iter()
        .map(|it| message::name(it).replace(' ', ":"))
        .collect();
    names.sort();
    names.join(separator)
}

fn title_of_fixes(rules: &[LintRule]) -> String {
    if let [rule] = rules {
        let named = || format!("Fix {}", message::name(rule));
        return message::phrase(rule).map_or_else(named, str::to_owned);
    }
    let of_one_tool = rules.iter().all(|it| it.tool == rules[0].tool);
    let kind = if of_one_tool {
        rules[0].tool.as_str()
    } else {
        "lint"
    };
    let noun = if kind == "lint" { "rules" } else { "lints" };
    let mut title = format!("Fix {} {kind} {noun}: ", rules.len());
    for (idx, rule) in rules.iter().enumerate() {
        let rest = rules.len() - idx - 1;
        let name = message::bare(rule);
        let comma = if idx == 0 { "" } else { ", " };
        // Room for `, and 99 more` behind this name, unless it is the last.
        let reserve = if rest == 0 { 0 } else { 13 };
        if title.chars().count() + comma.len() + name.len() + reserve > message::SUBJECT {
            return match idx {
                0 => format!("Fix {} {kind} {noun}", rules.len()),
                _ => format!("{title}, and {} more", rest + 1),
            };
        }
        title.push_str(comma);
        title.push_str(name);
    }
    title
}

fn why_of_fixes(rules: &[LintRule], seen: &[Seen<'_>]) -> String {
    if seen.is_empty() {
        return format!("Asked for by name: {}.", list_of(rules, ", "));
    }
    let of_rule = |it: &Seen<'_>| {
        let places = match it.places {
            [] => String::new(),
            places => format!(", at {}", places[..places.len().min(2)].join(" and ")),
        };
        let (name, fixable, count) = (message::name(it.rule), it.fixable, it.count);
        let noun = if count == 1 { "finding" } else { "findings" };
        format!("{name} ({count} {noun}, {fixable} with a safe fix{places})")
    };
    let rules: Vec<String> = seen.iter().map(of_rule).collect();
    format!("Found: {}.", rules.join("; "))
}

fn fall_of_findings(seen: &[Seen<'_>]) -> String {
    let fixable: usize = seen.iter().map(|it| it.fixable).sum();
    match fixable {
        0 => "there are fewer lint findings".to_owned(),
        fixable => format!("there are fewer lint findings, up to {fixable}"),
    }
}

fn why_of_knob(knob: &Knob<'_>) -> String {
    let now = match (knob.current, knob.default) {
        (Some(current), _) => format!("is {}", setting::display(current)),
        (None, Some(default)) => format!("is left at its default, {}", setting::display(default)),
        (None, None) => "is to be set".to_owned(),
    };
    let measured = match knob.metric {
        Some(metric) => format!("`{metric}` is measured on a build with this profile"),
        None => "no declared metric shows its effect".to_owned(),
    };
    format!(
        "`{}` in {} {now}; {}; {measured}.",
        knob.key, knob.file, knob.why
    )
}

fn success_of(metric: Option<&str>) -> Vec<String> {
    let first = match metric {
        Some(metric) => {
            format!("`{metric}` improves, in randomised pairs against the unchanged code")
        }
        None => "nothing gets worse; no metric was named that it could improve".to_owned(),
    };
    vec![
        first,
        "every test that passes now still passes".to_owned(),
        "no deterministic dimension gets worse".to_owned(),
    ]
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::fixtures::rule;

    #[test]
    fn a_pattern_is_named_by_the_word_before_its_value() {
        let name = |pattern: &str| {
            let (file, pattern) = ("a.py".into(), Some(pattern.to_owned()));
            let place = Place {
                file,
                key: None,
                pattern,
            };
            name_of(&place).to_owned()
        };
        assert_eq!(name(r"N = (\d+)"), "N");
        assert_eq!(name(r"^\s*let size\s*=\s*(\d+);"), "size");
        assert_eq!(name(r"\bchunk:(\d+)"), "chunk");
        assert_eq!(name(r"\[(\d+); 4\]"), r"\[(\d+); 4\]");
    }

    #[test]
    fn titles_read_like_a_maintainers() {
        let clippy = |names: &[&str]| -> Vec<LintRule> {
            names
                .iter()
                .map(|it| rule("clippy", &format!("clippy::{it}")))
                .collect()
        };
        let three = clippy(&["needless_clone", "needless_borrow", "useless_vec"]);
        let six = clippy(&[
            "needless_borrow",
            "needless_clone",
            "redundant_clone",
            "redundant_closure",
            "unnecessary_cast",
            "useless_conversion",
        ]);
        let mixed = vec![rule("clippy", "clippy::len_zero"), rule("ruff", "F401")];
        for (rules, title) in [
            (vec![rule("ruff", "F401")], "Remove unused imports"),
            (vec![rule("ruff", "XYZ999")], "Fix ruff XYZ999"),
            (
                three,
                "Fix 3 clippy lints: needless_clone, needless_borrow, useless_vec",
            ),
            (
                six,
                "Fix 6 clippy lints: needless_borrow, needless_clone, and 4 more",
            ),
            (mixed, "Fix 2 lint rules: len_zero, F401"),
        ] {
            assert_eq!(fixes(&rules, &[]).title, title);
        }
    }

    #[test]
    fn a_key_too_long_is_cut_and_stays_its_own() {
        let rules = |last: &str| -> Vec<LintRule> {
            let names = (0..30).map(|it| format!("clippy::rule_number_{it}"));
            names
                .chain([last.to_owned()])
                .map(|it| rule("clippy", &it))
                .collect()
        };
        let (left, right) = (fixes(&rules("z_a"), &[]).key, fixes(&rules("z_b"), &[]).key);
        assert!(left.as_str().len() <= KEY);
        assert_ne!(left, right);
        assert_eq!(left, fixes(&rules("z_a"), &[]).key);
    }

    #[test]
    fn the_order_of_rules_makes_no_other_hypothesis() {
        let (one, two) = (rule("ruff", "F401"), rule("ruff", "E711"));
        let left = fixes(&[one.clone(), two.clone()], &[]);
        assert_eq!(left.key, fixes(&[two, one], &[]).key);
        assert_eq!(left.key.as_str(), "fixes:ruff:E711,ruff:F401");
    }
}
