//! The shipped catalogue of knobs: which setting may move which kind of metric.

use std::sync::LazyLock;

use camino::Utf8PathBuf;
use regex::RegexSet;
use serde::Deserialize;

use super::setting;
use crate::config::Metric;
use crate::model::dimension::Direction;
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
}

/// One setting worth trying.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Knob {
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
    #[serde(rename = "expected_gain")]
    pub(crate) expected_gain: f64,
}

/// Where a knob makes sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    /// Everywhere.
    #[default]
    Always,
    /// Only where the project builds a program.
    Binary,
}

/// What a metric is a measure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// How long something takes, or how much is done in a time.
    Time,
    /// How large something is.
    Size,
}

/// The build profile behind a metric's program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    /// The release profile itself.
    Release,
    /// The bench profile, which inherits from release.
    Bench,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCatalogue {
    language: LanguageName,
    file: Utf8PathBuf,
    commands: WireCommands,
    #[serde(rename = "knob")]
    knobs: Vec<Knob>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCommands {
    release: Vec<String>,
    bench: Vec<String>,
}

/// Returns every shipped catalogue.
pub(crate) fn all() -> &'static [Catalogue] {
    static CATALOGUES: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
        let rust = include_str!("../../evals/knobs/rust.toml");
        vec![parse(rust).expect("a test reads every shipped catalogue")]
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

fn parse(text: &str) -> Result<Catalogue, String> {
    let wire: WireCatalogue = toml::from_str(text).map_err(|it| it.to_string())?;
    let set = |patterns: &[String]| RegexSet::new(patterns).map_err(|it| it.to_string());
    Ok(Catalogue {
        language: wire.language,
        file: wire.file,
        release: set(&wire.commands.release)?,
        bench: set(&wire.commands.bench)?,
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
        } else {
            None
        }
    }
}

impl Knob {
    /// Returns whether it is worth a try where the key has that value, or none.
    pub(crate) fn is_offered(&self, current: Option<&str>, has_binary: bool) -> bool {
        let effective = current.unwrap_or(&self.default);
        (self.when == When::Always || has_binary)
            && !setting::same(effective, &self.value)
            && !self.unless.iter().any(|it| setting::same(effective, it))
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
    let unit = metric.unit.trim().to_lowercase();
    let per_time = TIME.iter().any(|it| {
        unit.strip_suffix(it)
            .is_some_and(|it| it.trim_end().ends_with('/'))
    });
    if metric.parser == "seconds" || per_time || TIME.contains(&unit.as_str()) {
        return Some(Kind::Time);
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
    const SIZE: [&str; 2] = ["bytes", "size"];
    let name = metric.name.to_lowercase();
    let mut words = name.split(|it: char| !it.is_alphanumeric());
    if words.clone().any(|it| SIZE.contains(&it)) {
        return Some(Kind::Size);
    }
    let speaks_of_time = words.any(|it| TIME.contains(&it));
    let is_benchmark = metric.unit.is_empty()
        && metric.direction == Direction::Minimize
        && metric.run.contains("bench");
    (speaks_of_time || is_benchmark).then_some(Kind::Time)
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
                catalogue.knobs.iter().for_each(check);
                n_files += 1;
            }
        }
        assert_eq!(n_files, all().len(), "every file is compiled in");
    }

    fn check(knob: &Knob) {
        let text = setting::set("", &knob.key, &knob.value).unwrap();
        assert!(setting::same(
            &setting::get(&text, &knob.key).unwrap().unwrap(),
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
        assert!(thin.is_offered(None, false));
        assert!(thin.is_offered(Some("false"), false));
        assert!(!thin.is_offered(Some("'thin'"), false));
        assert!(!thin.is_offered(Some("\"fat\""), false));
        let level = find("profile.release.opt-level", "3", Some(Kind::Time)).unwrap();
        assert!(!level.is_offered(None, false));
        assert!(level.is_offered(Some("1"), false));
    }

    #[test]
    fn knobs_for_programs_are_not_offered_to_libraries() {
        let small = find("profile.release.opt-level", "\"s\"", Some(Kind::Size)).unwrap();
        assert!(!small.is_offered(None, false));
        assert!(small.is_offered(None, true));
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
            ("cargo run --example bench", None),
            ("cargo build && python bench.py", None),
            ("python -m bench", None),
        ] {
            assert_eq!(rust.build_behind(command), build, "{command}");
        }
    }

    #[test]
    fn the_kind_of_a_metric_is_read_from_unit_and_name() {
        for (name, unit, run, kind) in [
            ("parse", "ns", "x", Some(Kind::Time)),
            ("rate", "MB/s", "x", Some(Kind::Time)),
            ("rate", "ops / ms", "x", Some(Kind::Time)),
            ("binary", "KiB", "x", Some(Kind::Size)),
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
