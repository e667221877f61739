//! `[research]`: one number to improve, how it is measured, and what an experiment may touch for it.
//!
//! The section is a shorthand that the rest of the program need not know: [`Research::settle`] turns it
//! into a metric, surfaces, constraints and protected files of the profile.

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::opponent::{Opponent, Switch};
use super::{Constraint, Metric, Profile};
use crate::model::dimension::Direction;
use crate::model::tail::Tail;

/// `[research]`: one number to improve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Research {
    /// What is wanted, in a sentence or a page.
    pub objective: String,
    /// The metric's name.
    pub metric: String,
    /// `minimize` or `maximize`.
    pub direction: Direction,
    /// Command line that prints the number.
    pub run: String,
    /// How the number is found, as in `[[metric]]`.
    #[serde(default = "super::profile::default_parser")]
    pub parser: String,
    /// Unit, as printed behind the number.
    #[serde(default)]
    pub unit: String,
    /// The value at which the run is done.
    #[serde(default)]
    pub target: Option<f64>,
    /// Longest run, in seconds.
    #[serde(default)]
    pub timeout: Option<u64>,
    /// Globs that an experiment may touch.
    pub mutable: Vec<String>,
    /// Globs that it may not, and that no agent may read.
    #[serde(default)]
    pub fixed: Vec<String>,
    /// Floors and ceilings of other numbers.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// What a run may use up: `2h`, `40 experiments`, `5usd`, or several with commas.
    #[serde(default)]
    pub budget: Option<String>,
    /// Instances that no agent sees, on which a keep is checked.
    #[serde(default)]
    pub holdout: Option<Holdout>,
    /// Where `run` writes one JSON line for each instance: `id`, `score` in [0, 1] or `passed`, and for
    /// failures `status`, `stage`, `cause`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub instances: Option<Utf8PathBuf>,
    /// Globs, part of `mutable`, that are tried first.
    #[serde(default)]
    pub inner: Vec<String>,
    /// Globs, part of `mutable`, that are tried once the inner ones give nothing more.
    #[serde(default)]
    pub outer: Vec<String>,
    /// So many experiments in a row without a keep are a plateau.
    #[serde(default = "default_plateau")]
    pub plateau: u32,
    /// Whether a gain of the metric may pay for a loss elsewhere.
    #[serde(default)]
    pub trade: bool,
    /// How long functions are edited by trial for one experiment, and how many patches are built upon.
    #[serde(default)]
    pub genetic: Genetic,
    /// Smallest native difference that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// What must not get worse in rare runs, as in `[[metric]]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Tail>,
    /// Values that may be searched, all together.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<ResearchParameter>,
    /// The most points of them that are tried; without it, 20 for each value.
    #[serde(default)]
    pub trials: Option<u32>,
    /// With an opponent: when this side's turn is over, and when it comes again.
    #[serde(default)]
    pub switch: Option<Switch>,
    /// The other side, where there are two that improve in turns.
    #[serde(default)]
    pub opponent: Option<Opponent>,
}

/// `[research.genetic]`: the search for patches of small edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Genetic {
    /// Seconds of one search; 0 leaves functions alone.
    pub seconds: u64,
    /// How many of the best patches are built upon.
    pub population: u32,
}

impl Default for Genetic {
    fn default() -> Self {
        Self {
            seconds: 300,
            population: 8,
        }
    }
}

/// `[research.holdout]`: instances that no agent sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// Command line that is run on the hidden instances, and writes `research.instances` as `run` does.
    pub run: String,
    /// Globs of what only that command may read: in no builder's tree, in no other evaluation.
    pub files: Vec<String>,
}

/// `[[research.parameter]]`: a value that may be searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResearchParameter {
    /// A TOML, JSON, YAML or source file.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// Dotted path of the value in a TOML, JSON or YAML file, or the name of a constant in a source file.
    #[serde(default)]
    pub key: Option<String>,
    /// Regular expression whose first group is the value, for any other file.
    #[serde(default)]
    pub pattern: Option<String>,
    /// `float`, `int`, `bool` or `choice`.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// Least value of `float` and `int`.
    #[serde(default)]
    pub low: Option<f64>,
    /// Most.
    #[serde(default)]
    pub high: Option<f64>,
    /// Steps are ratios, not differences.
    #[serde(default)]
    pub log: bool,
    /// The alternatives of `choice`, as they are written in the file.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What values a searched parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Real numbers.
    Float,
    /// Whole numbers.
    Int,
    /// `true` and `false`.
    Bool,
    /// One of `choices`.
    Choice,
}

pub(super) fn default_plateau() -> u32 {
    10
}

/// Files by globs that were validated with the profile.
#[derive(Clone, Debug)]
pub struct Surface(globset::GlobSet);

impl Surface {
    /// Returns the files that any of the globs matches.
    pub fn of(globs: &[String]) -> Self {
        let mut set = globset::GlobSetBuilder::new();
        for glob in globs.iter().filter_map(|it| globset::Glob::new(it).ok()) {
            set.add(glob);
        }
        Self(set.build().unwrap_or_default())
    }

    /// Returns whether a file is one of them.
    pub fn has(&self, path: &Utf8Path) -> bool {
        self.0.is_match(path)
    }
}

/// Returns the globs that match no file.
fn unmatched(key: &str, globs: &[String], files: &[Utf8PathBuf]) -> Vec<String> {
    let nothing = |glob: &&String| {
        let glob = Surface::of(std::slice::from_ref(*glob));
        !files.iter().any(|it| glob.has(it))
    };
    let words = |glob: &String| {
        format!(
            "`{glob}` of `{key}` matches no file that git tracks; commit what it should match, or correct it"
        )
    };
    globs.iter().filter(nothing).map(words).collect()
}

/// Returns what is wrong with the files of declared values.
fn stray_parameters(
    parameters: &[ResearchParameter],
    of: &str,
    mutable: &Surface,
    files: &[Utf8PathBuf],
) -> Vec<String> {
    let words = |(index, parameter): (usize, &ResearchParameter)| {
        let file = &parameter.file;
        if !files.contains(file) {
            Some(format!(
                "`{file}` of `{of}parameter[{index}]` is not tracked by git; commit it, or correct its name"
            ))
        } else if !mutable.has(file) {
            Some(format!(
                "`{file}` of `{of}parameter[{index}]` is not in `{of}mutable`; add it there"
            ))
        } else {
            None
        }
    };
    parameters.iter().enumerate().filter_map(words).collect()
}

impl Research {
    /// Returns how many points of its parameters are tried at most.
    pub fn most_trials(&self) -> usize {
        let of_all = self.parameters.len().saturating_mul(20);
        self.trials.map_or(of_all, |it| it as usize)
    }

    /// Returns what is wrong with the surfaces, given the files that there are, each with what to do.
    pub fn faults(&self, files: &[Utf8PathBuf]) -> Vec<String> {
        let mutable = Surface::of(&self.mutable);
        let hidden = self.holdout.as_ref().map_or(&[][..], |it| &it.files);
        // What protects nothing by a slip of the pen would be noticed only once it is too late.
        let mut faults: Vec<String> = [
            ("mutable", &self.mutable[..]),
            ("inner", &self.inner),
            ("outer", &self.outer),
            ("fixed", &self.fixed),
            ("holdout.files", hidden),
        ]
        .into_iter()
        .flat_map(|(key, globs)| unmatched(key, globs, files))
        .collect();
        let forbidden = [("fixed", &self.fixed[..]), ("holdout.files", hidden)];
        for (key, globs) in forbidden {
            let globs = Surface::of(globs);
            let both = files.iter().find(|it| mutable.has(it) && globs.has(it));
            faults.extend(both.map(|file| {
                format!("`{file}` is in `mutable` and in `{key}`; make `mutable` narrower")
            }));
        }
        for (key, globs) in [("inner", &self.inner), ("outer", &self.outer)] {
            let globs = Surface::of(globs);
            let stray = files.iter().find(|it| globs.has(it) && !mutable.has(it));
            faults.extend(
                stray.map(|file| {
                    format!("`{file}` is in `{key}` and not in `mutable`; add it there")
                }),
            );
        }
        let (inner, outer) = (Surface::of(&self.inner), Surface::of(&self.outer));
        let both = files.iter().find(|it| inner.has(it) && outer.has(it));
        faults.extend(both.map(|file| {
            format!(
                "`{file}` is in `inner` and in `outer`; name it in `inner` alone, it stays open"
            )
        }));
        faults.extend(stray_parameters(&self.parameters, "", &mutable, files));
        faults.extend(self.faults_of_sides(files));
        faults
    }

    /// Returns what is wrong with the other side's surface, and where the two overlap.
    fn faults_of_sides(&self, files: &[Utf8PathBuf]) -> Vec<String> {
        let Some(opponent) = &self.opponent else {
            return Vec::new();
        };
        let mut faults = unmatched("opponent.mutable", &opponent.mutable, files);
        let theirs = Surface::of(&opponent.mutable);
        let holdout = self.holdout.as_ref().map_or(&[][..], |it| &it.files);
        for (key, globs) in [
            ("mutable", &self.mutable[..]),
            ("fixed", &self.fixed),
            ("holdout.files", holdout),
        ] {
            let globs = Surface::of(globs);
            let both = files.iter().find(|it| theirs.has(it) && globs.has(it));
            faults.extend(both.map(|file| {
                format!("`{file}` is in `opponent.mutable` and in `{key}`; every file belongs to one of them, so make one narrower")
            }));
        }
        faults.extend(stray_parameters(
            &opponent.parameters,
            "opponent.",
            &theirs,
            files,
        ));
        faults
    }

    /// Returns whether a value of the number is what was wanted.
    pub fn is_at_target(&self, value: f64) -> bool {
        self.target.is_some_and(|target| match self.direction {
            Direction::Minimize => value <= target,
            Direction::Maximize => value >= target,
        })
    }

    /// Returns whether an experiment may change a file that `run` starts and that says the number itself.
    pub fn is_open_measure(&self, path: &Utf8Path) -> bool {
        let is_open =
            || Surface::of(&self.mutable).has(path) && !Surface::of(&self.fixed).has(path);
        self.parser != "seconds" && self.starts(path) && is_open()
    }

    /// Returns whether the command names a file, alone or in a line for a shell. Where it names a fixed one,
    /// that is what measures, and others are what is measured: `cc bench.c hash.c`.
    fn starts(&self, path: &Utf8Path) -> bool {
        let fixed = Surface::of(&self.fixed);
        let words = shell_words::split(&self.run).unwrap_or_default();
        let named = || {
            let parts = words.iter().flat_map(|it| it.split_whitespace());
            parts.map(|it| Utf8Path::new(it.trim_start_matches("./")))
        };
        named().any(|it| it == path) && !named().any(|it| fixed.has(it))
    }

    /// Returns whether a file is one of those that are tried first.
    pub fn is_inner(&self, path: &Utf8PathBuf) -> bool {
        Surface::of(&self.inner).has(path)
    }

    /// Writes what the section means into the rest of the profile.
    pub(super) fn settle(&self, profile: &mut Profile) {
        profile.metrics.push(Metric {
            name: self.metric.clone(),
            build: None,
            before: None,
            run: self.run.clone(),
            parser: self.parser.clone(),
            direction: self.direction,
            unit: self.unit.clone(),
            tolerance: self.tolerance,
            deterministic: false,
            timeout_seconds: self.timeout,
            only_claimed: false,
            tail: self.tail.clone(),
            reads: Vec::new(),
        });
        let opponent = self.opponent.as_ref();
        profile.metrics.extend(opponent.map(Opponent::as_metric));
        profile.scope.mutable.clone_from(&self.mutable);
        profile.scope.fixed.extend(self.fixed.iter().cloned());
        if let Some(holdout) = &self.holdout {
            profile.scope.fixed.extend(holdout.files.iter().cloned());
        }
        profile.constraints.extend(self.constraints.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(keys: &str) -> Vec<String> {
        let text = format!(
            "objective='x'\nmetric='m'\ndirection='minimize'\nrun='x'\ninstances='i'\n{keys}"
        );
        let research: Research = toml::from_str(&text).unwrap();
        let files = ["src/a.py", "src/eval.py", "hidden/t.txt"];
        research.faults(&files.map(Utf8PathBuf::from))
    }

    #[test]
    fn surfaces_that_match_and_keep_apart_have_no_fault() {
        let sound = "mutable=['src/a*']\nfixed=['src/eval.py', '**/*.txt']\ninner=['src/a.py']\nholdout={run='x', files=['hidden/**']}";
        assert_eq!(faults(sound), [""; 0]);
    }

    #[test]
    fn every_fault_says_what_to_do() {
        assert_eq!(
            faults("mutable=['scr/**']"),
            [
                "`scr/**` of `mutable` matches no file that git tracks; commit what it should match, or correct it"
            ]
        );
        assert_eq!(
            faults(
                "mutable=['src/a.py']\nfixed=['evil.py']\nholdout={run='x', files=['hiden/**']}"
            ),
            [
                "`evil.py` of `fixed` matches no file that git tracks; commit what it should match, or correct it",
                "`hiden/**` of `holdout.files` matches no file that git tracks; commit what it should match, or correct it",
            ]
        );
        assert_eq!(
            faults("mutable=['src/**']\ninner=['src/a.py']\nouter=['src/**']"),
            ["`src/a.py` is in `inner` and in `outer`; name it in `inner` alone, it stays open"]
        );
        assert_eq!(
            faults("mutable=['src/**']\nfixed=['**/eval.py']"),
            ["`src/eval.py` is in `mutable` and in `fixed`; make `mutable` narrower"]
        );
        assert_eq!(
            faults("mutable=['**']\nholdout={run='x', files=['hidden/**']}"),
            ["`hidden/t.txt` is in `mutable` and in `holdout.files`; make `mutable` narrower"]
        );
        assert_eq!(
            faults("mutable=['src/a.py']\nholdout={run='x', files=['hiden/**']}"),
            [
                "`hiden/**` of `holdout.files` matches no file that git tracks; commit what it should match, or correct it"
            ]
        );
        assert_eq!(
            faults("mutable=['src/a.py']\ninner=['src/eval.py']"),
            ["`src/eval.py` is in `inner` and not in `mutable`; add it there"]
        );
        assert_eq!(
            faults(
                "mutable=['src/a.py']\n[[parameter]]\nfile='src/eval.py'\nkey='N'\ntype='bool'\n[[parameter]]\nfile='no.py'\nkey='N'\ntype='bool'"
            ),
            [
                "`src/eval.py` of `parameter[0]` is not in `mutable`; add it there",
                "`no.py` of `parameter[1]` is not tracked by git; commit it, or correct its name",
            ]
        );
    }

    #[test]
    fn what_says_the_number_is_told_from_what_is_timed() {
        let research = |keys: &str| -> Research {
            let text =
                format!("objective='x'\nmetric='m'\ndirection='minimize'\nmutable=['**']\n{keys}");
            toml::from_str(&text).unwrap()
        };
        let open = |keys: &str| research(keys).is_open_measure("src/eval.py".into());
        assert!(open("run='python3 ./src/eval.py --fast'"));
        assert!(open("run='sh -c \"python3 src/eval.py | tail -1\"'"));
        assert!(!open("run='python3 src/eval.py'\nfixed=['src/eval.py']"));
        assert!(!open("run='python3 src/eval.py'\nparser='seconds'"));
        assert!(!open("run='make bench'"));
        assert!(!open(
            "run='sh -c \"cc src/eval.py bench.c && ./a.out\"'\nfixed=['bench.c']"
        ));
        let there = |target: f64| research(&format!("run='x'\ntarget={target}")).is_at_target(2.0);
        assert!(there(2.0) && there(3.0) && !there(1.9));
    }

    #[test]
    fn no_file_belongs_to_both_sides_or_to_none() {
        let sides = |first: &str, second: &str, more: &str| {
            faults(&format!(
                "mutable=[{first}]\n[opponent]\nobjective='x'\nmetric='n'\ndirection='maximize'\nrun='x'\nmutable=[{second}]\n{more}"
            ))
        };
        assert_eq!(sides("'src/a.py'", "'src/eval.py'", ""), [""; 0]);
        assert_eq!(
            sides("'src/**'", "'src/eval.py'", ""),
            [
                "`src/eval.py` is in `opponent.mutable` and in `mutable`; every file belongs to one of them, so make one narrower"
            ]
        );
        assert_eq!(
            sides("'src/a.py'", "'lib/**'", ""),
            [
                "`lib/**` of `opponent.mutable` matches no file that git tracks; commit what it should match, or correct it"
            ]
        );
        assert_eq!(
            sides(
                "'src/a.py'",
                "'src/eval.py'",
                "[[opponent.parameter]]\nfile='src/a.py'\nkey='N'\ntype='bool'"
            ),
            ["`src/a.py` of `opponent.parameter[0]` is not in `opponent.mutable`; add it there"]
        );
    }
}
