//! The shipped catalogue of knobs: which setting may move which kind of metric.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use regex::RegexSet;
use serde::Deserialize;

use super::condition::{Condition, Site};
use super::{message, setting};
use crate::config::Metric;
use crate::model::dimension::Direction;
use crate::model::hypothesis::LintRule;
use crate::model::profile::LanguageName;

/// One ecosystem's knobs.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Where the knobs are looked for.
    pub(crate) language: LanguageName,
    /// The manifest's file name.
    pub(crate) file: Utf8PathBuf,
    /// Its settings, best guess first.
    pub(crate) knobs: Vec<Knob>,
    release: RegexSet,
    bench: RegexSet,
    dev: RegexSet,
}

/// One setting worth trying.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Knob {
    /// The file that holds it, where that is not the manifest.
    #[serde(default)]
    pub(crate) file: Option<Utf8PathBuf>,
    /// The dotted key.
    pub(crate) key: String,
    /// The TOML value to try.
    pub(crate) value: String,
    /// The value in effect when the key is absent.
    pub(crate) default: String,
    /// Present values that mean the same or more.
    #[serde(default)]
    unless: Vec<String>,
    /// Where it makes sense.
    #[serde(default)]
    when: When,
    /// The kind of metric it can move.
    pub(crate) moves: Kind,
    /// A commit's subject.
    pub(crate) title: String,
    /// Why it may pay.
    pub(crate) why: String,
    /// The relative gain one would guess.
    pub(crate) expected_gain: f64,
    /// What the files beside it must say.
    #[serde(default, rename = "where")]
    pub(crate) condition: Condition,
}

/// Where a knob makes sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    /// Everywhere.
    #[default]
    Always,
    /// Only where the project builds what is shipped as built: a program, or a library for other
    /// languages.
    Product,
}

/// What a metric is a measure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// How long something takes, or how much is done in a time.
    Time,
    /// How large something is.
    Size,
    /// How long a build takes.
    Build,
    /// How long the whole suite takes, where that is asked for.
    Suite,
}

/// The build profile behind a metric's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// The release profile itself.
    Release,
    /// The bench profile, which inherits from release.
    Bench,
    /// The dev profile.
    Dev,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCatalogue {
    language: LanguageName,
    file: Utf8PathBuf,
    #[serde(default)]
    commands: WireCommands,
    #[serde(rename = "knob")]
    knobs: Vec<Knob>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCommands {
    release: Vec<String>,
    bench: Vec<String>,
    dev: Vec<String>,
}

/// Returns every shipped catalogue.
pub(crate) fn all() -> &'static [Catalogue] {
    static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
        let shipped = [
            include_str!("../../evals/knobs/rust.toml"),
            include_str!("../../evals/knobs/javascript.toml"),
            include_str!("../../evals/knobs/python.toml"),
        ];
        let parsed = shipped.map(|it| parse(it).expect("a test reads every shipped catalogue"));
        parsed.into()
    });
    &CATALOGUES
}

/// Returns the shipped knob that sets that key to that value to move that kind of metric.
pub(crate) fn find(key: &str, value: &str, kind: Option<Kind>) -> Option<&'static Knob> {
    let of_key_and_value = || {
        all()
            .iter()
            .flat_map(|it| &it.knobs)
            .filter(|it| it.key == key && setting::same(&it.value, value))
    };
    of_key_and_value()
        .find(|it| Some(it.moves) == kind)
        .or_else(|| of_key_and_value().next())
}

/// Returns whether the catalogue has a knob that gives that key of that file that very value.
pub(crate) fn is_shipped(file: &Utf8Path, key: &str, value: &str) -> bool {
    all().iter().any(|catalogue| {
        let mut knobs = catalogue.knobs.iter();
        knobs.any(|it| {
            file.file_name() == it.file_in(catalogue).file_name()
                && it.key == key
                && setting::same(&it.value, value)
        })
    })
}

fn parse(text: &str) -> Result<Catalogue, String> {
    let wire: WireCatalogue = toml::from_str(text).map_err(|it| it.to_string())?;
    let set = |patterns: &[String]| RegexSet::new(patterns).map_err(|it| it.to_string());
    Ok(Catalogue {
        language: wire.language,
        file: wire.file,
        release: set(&wire.commands.release)?,
        bench: set(&wire.commands.bench)?,
        dev: set(&wire.commands.dev)?,
        knobs: wire.knobs,
    })
}

impl Catalogue {
    /// Returns the profile that the program behind these command lines is built with, if it shows.
    pub(crate) fn build_behind(&self, commands: &str) -> Option<Build> {
        if self.bench.is_match(commands) {
            Some(Build::Bench)
        } else if self.release.is_match(commands) {
            Some(Build::Release)
        } else if self.dev.is_match(commands) {
            Some(Build::Dev)
        } else {
            None
        }
    }
}

impl Knob {
    /// Returns the name of the file that holds it.
    pub(crate) fn file_in<'a>(&'a self, catalogue: &'a Catalogue) -> &'a Utf8Path {
        self.file.as_deref().unwrap_or(&catalogue.file)
    }

    /// Returns whether it is worth a try where the key has that value, or none.
    pub(crate) fn is_offered(&self, current: Option<&str>, has_product: bool) -> bool {
        // No tool of those here tells `ES2020` from `es2020`.
        let effective = current.unwrap_or(&self.default).to_lowercase();
        let is = |value: &str| setting::same(&effective, &value.to_lowercase());
        // A list that is there is somebody's: it is not replaced.
        let is_taken = current.is_some() && self.value.starts_with('[');
        (self.when == When::Always || has_product)
            && !is_taken
            && !is(&self.value)
            && !self.unless.iter().any(|it| is(it))
    }

    /// Returns whether a metric's program is made with it: built with the profile that holds the key,
    /// or by the commands that the knob names; every suite runs with its runner's settings.
    pub(crate) fn is_behind(&self, build: Option<Build>) -> bool {
        match build {
            _ if self.moves == Kind::Suite || self.condition.behind.is_some() => true,
            Some(build) => build.reads(&self.key),
            None => false,
        }
    }

    /// Returns whether what the files beside it say lets it be tried.
    pub(crate) fn fits(&self, site: &Site<'_>, current: Option<&str>) -> bool {
        self.condition.holds(site, current)
    }

    /// Returns the key that would shadow this one in a benchmark's build.
    pub(crate) fn shadow_in(&self, build: Build) -> Option<String> {
        let rest = self.key.strip_prefix("profile.release.")?;
        (build == Build::Bench).then(|| format!("profile.bench.{rest}"))
    }
}

/// Returns what a metric measures, from its unit and else from its name; `None` when neither tells.
pub(crate) fn kind_of(metric: &Metric) -> Option<Kind> {
    const TIME: [&str; 12] = [
        "ns", "us", "µs", "μs", "ms", "s", "sec", "secs", "second", "seconds", "min", "minutes",
    ];
    const SIZE: [&str; 10] = [
        "b", "byte", "bytes", "kb", "kib", "mb", "mib", "gb", "gib", "k",
    ];
    if metric.parser == "suite" {
        return Some(Kind::Suite);
    }
    let unit = metric.unit.trim().to_lowercase();
    let per_time = TIME.iter().any(|it| {
        unit.strip_suffix(it)
            .is_some_and(|it| it.trim_end().ends_with('/'))
    });
    if metric.parser == "seconds" || per_time || TIME.contains(&unit.as_str()) {
        let is_build = speaks_of(metric, &["build", "compile", "link"]);
        return Some(if is_build { Kind::Build } else { Kind::Time });
    }
    if SIZE.contains(&unit.as_str()) {
        return Some(Kind::Size);
    }
    kind_of_name(metric)
}

fn kind_of_name(metric: &Metric) -> Option<Kind> {
    const TIME: [&str; 11] = [
        "ns",
        "us",
        "ms",
        "s",
        "secs",
        "seconds",
        "time",
        "latency",
        "runtime",
        "duration",
        "throughput",
    ];
    if speaks_of(metric, &["bytes", "size"]) {
        return Some(Kind::Size);
    }
    let is_benchmark = metric.unit.is_empty()
        && metric.direction == Direction::Minimize
        && metric.run.contains("bench");
    (speaks_of(metric, &TIME) || is_benchmark).then_some(Kind::Time)
}

/// Returns whether any of the words is a part of the metric's name.
fn speaks_of(metric: &Metric, words: &[&str]) -> bool {
    let name = metric.name.to_lowercase();
    name.split(|it: char| !it.is_alphanumeric())
        .any(|it| words.contains(&it))
}

/// Returns the file that has the keys of the same table.
pub(crate) fn file_of(key: &str) -> Option<&'static Utf8Path> {
    of_key(key).map(|it| it.file.as_path())
}

/// Returns the catalogue that speaks of the same table.
fn of_key(key: &str) -> Option<&'static Catalogue> {
    let table = |key: &str| key.split('.').next().map(str::to_owned);
    let speaks = |it: &&Catalogue| it.knobs.iter().any(|it| table(&it.key) == table(key));
    all().iter().find(speaks)
}

/// Returns whether the program that a metric measures is built with the profile of that key.
pub(crate) fn is_built_with(key: &str, metric: &Metric) -> bool {
    let build = of_key(key).and_then(|it| it.build_behind(&metric.run));
    kind_of(metric).is_some() && build.is_some_and(|it| it.reads(key))
}

impl Build {
    /// Returns whether a build with this profile reads that key of a profile.
    pub(crate) fn reads(self, key: &str) -> bool {
        key.starts_with("profile.dev.") == (self == Self::Dev)
    }
}

/// Returns the language whose code a metric's command runs, where its first word tells.
pub(crate) fn runs(metric: &Metric) -> Option<LanguageName> {
    let mut words = metric.run.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    match program {
        "cargo" => Some(LanguageName::Rust),
        "pytest" => Some(LanguageName::Python),
        python if python.starts_with("python") => Some(LanguageName::Python),
        "node" | "npm" | "npx" | "pnpm" | "yarn" | "vitest" => Some(LanguageName::JavaScript),
        "go" => Some(LanguageName::Go),
        _ => None,
    }
}

/// Returns whether the fixes of a lint rule are about speed alone.
pub(crate) fn is_about_speed(rule: &LintRule) -> bool {
    static RULES: LazyLock<BTreeMap<String, BTreeSet<String>>> = LazyLock::new(|| {
        toml::from_str(include_str!("../../evals/performance.toml"))
            .expect("a test reads the shipped list")
    });
    RULES
        .get(&rule.tool)
        .is_some_and(|it| it.contains(message::bare(rule)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::fixtures::metric;

    #[test]
    fn every_shipped_catalogue_is_complete() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/evals/knobs");
        let mut n_files = 0;
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "toml") {
                let catalogue = parse(&fs_err::read_to_string(&path).unwrap()).unwrap();
                catalogue.knobs.iter().for_each(|it| check(&catalogue, it));
                n_files += 1;
            }
        }
        assert_eq!(n_files, all().len(), "every file is compiled in");
    }

    fn check(catalogue: &Catalogue, knob: &Knob) {
        let (file, at) = (knob.file_in(catalogue), setting::At::Key(&knob.key));
        let empty = match file.extension() {
            Some("toml" | "yml" | "yaml") => "",
            _ => "{}",
        };
        let text = setting::make(file, empty, at, &knob.value).unwrap();
        assert!(is_shipped(file, &knob.key, &knob.value));
        if let Some(behind) = &knob.condition.behind {
            regex::Regex::new(behind).unwrap();
        }
        assert!(setting::same(
            &setting::get(file, &text, at).unwrap().unwrap(),
            &knob.value
        ));
        assert!(
            knob.title.len() <= 72 && !knob.title.ends_with('.'),
            "{}",
            knob.title
        );
        assert!(!knob.why.is_empty());
        assert!(knob.expected_gain > 0.0 && knob.expected_gain < 1.0);
        assert!(
            !knob.is_offered(Some(&knob.value), true),
            "{} is offered twice",
            knob.key
        );
    }

    #[test]
    fn a_knob_in_effect_is_not_offered() {
        let thin = find("profile.release.lto", "\"thin\"", Some(Kind::Time)).unwrap();
        assert!(thin.is_offered(None, true));
        assert!(thin.is_offered(Some("false"), true));
        assert!(!thin.is_offered(Some("'thin'"), true));
        assert!(!thin.is_offered(Some("\"fat\""), true));
        let level = find("profile.release.opt-level", "3", Some(Kind::Time)).unwrap();
        assert!(!level.is_offered(None, true));
        assert!(level.is_offered(Some("1"), true));
    }

    #[test]
    fn knobs_for_programs_are_not_offered_to_libraries() {
        for (key, value, kind) in [
            ("profile.release.opt-level", "\"s\"", Kind::Size),
            ("profile.release.lto", "\"fat\"", Kind::Time),
        ] {
            let knob = find(key, value, Some(kind)).unwrap();
            assert!(!knob.is_offered(None, false), "{key}");
            assert!(knob.is_offered(None, true), "{key}");
        }
        let tables = find(
            "profile.dev.debug",
            "\"line-tables-only\"",
            Some(Kind::Build),
        )
        .unwrap();
        assert!(tables.is_offered(None, false));
        for (run, is_dev) in [("cargo build", true), ("cargo bench", false)] {
            let metric = metric("build_seconds", "s", run);
            assert_eq!(is_built_with(&tables.key, &metric), is_dev, "{run}");
        }
    }

    #[test]
    fn rules_about_speed_are_known_by_their_tool() {
        let rule = |tool: &str, rule: &str| LintRule {
            tool: tool.to_owned(),
            rule: rule.to_owned(),
        };
        assert!(is_about_speed(&rule("clippy", "clippy::useless_vec")));
        assert!(is_about_speed(&rule("ruff", "PERF401")));
        assert!(!is_about_speed(&rule("clippy", "clippy::len_zero")));
        assert!(!is_about_speed(&rule("rustc", "useless_vec")));
    }

    #[test]
    fn the_profile_behind_a_command_shows() {
        let rust = &all()[0];
        for (command, build) in [
            ("cargo build --release", Some(Build::Release)),
            ("cargo run -q -r --example speed", Some(Build::Release)),
            ("./target/release/speed 3", Some(Build::Release)),
            ("cargo bench --bench parse", Some(Build::Bench)),
            ("cargo +stable bench", Some(Build::Bench)),
            ("cargo run --example bench", Some(Build::Dev)),
            ("cargo build --workspace", Some(Build::Dev)),
            ("cargo fmt", None),
            ("python -m bench", None),
        ] {
            assert_eq!(rust.build_behind(command), build, "{command}");
        }
    }

    #[test]
    fn whatever_runs_python_loads_the_modules() {
        let python = of_key("tool.maturin.strip").unwrap();
        for (command, is_python) in [
            ("/x/bin/python3.11 -m pytest -q", true),
            ("cd a && python bench.py", true),
            ("pytest --benchmark-only", true),
            ("./python.sh", false),
            ("cargo bench", false),
        ] {
            let build = python.build_behind(command);
            assert_eq!(build.is_some(), is_python, "{command}");
        }
        assert_eq!(file_of("tool.maturin.strip").unwrap(), "pyproject.toml");
        assert_eq!(file_of("profile.bench.lto").unwrap(), "Cargo.toml");
    }

    #[test]
    fn a_list_that_is_there_is_not_replaced() {
        let knob = find("tool.meson-python.args.setup", "[\"-Db_lto=true\"]", None).unwrap();
        assert!(knob.is_offered(None, false));
        assert!(!knob.is_offered(Some("[\"-Dx=1\"]"), false));
    }

    #[test]
    fn the_kind_of_a_metric_is_read_from_unit_and_name() {
        for (name, unit, run, kind) in [
            ("parse", "ns", "x", Some(Kind::Time)),
            ("rate", "MB/s", "x", Some(Kind::Time)),
            ("rate", "ops / ms", "x", Some(Kind::Time)),
            ("binary", "KiB", "x", Some(Kind::Size)),
            ("build_seconds", "s", "cargo build", Some(Kind::Build)),
            ("parse_ns", "", "x", Some(Kind::Time)),
            ("binary_size", "", "x", Some(Kind::Size)),
            ("parse", "", "cargo bench", Some(Kind::Time)),
            ("accuracy", "%", "cargo bench", None),
            ("loss", "", "cargo run --release", None),
        ] {
            assert_eq!(
                kind_of(&metric(name, unit, run)),
                kind,
                "{name} {unit} {run}"
            );
        }
    }
}
