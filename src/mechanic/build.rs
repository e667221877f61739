//! The Builder: carries a change out in a directory, a checkpoint for each commit's worth.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::setting::{self, At};
use super::surface::Surface;
use super::{catalogue, genetic, job, message, observe, tree};
use crate::agent::{BuildInput, Checkpoint, Error};
use crate::eval::Lab;
use crate::model::hypothesis::{Assignment, Change, LintRule};
use crate::model::profile::{LanguageName, Project, Purpose};
use crate::syntax::{self, Grammar};
use crate::toolchain::{Adapter, Outcome};

/// Carries out the hypothesis's change, or says why there is nothing to deliver.
pub(crate) async fn build(
    input: &BuildInput<'_>,
    surface: &Surface,
    checkpoint: &mut Checkpoint<'_>,
) -> Result<(), Error> {
    let builder = Builder {
        input,
        surface,
        place: job::Place::new(input.lab, input.dir, input.cancel)?,
    };
    match &input.hypothesis.change {
        Change::LintFixes { rules } => builder.fix(rules, checkpoint).await,
        Change::Format { tool } => builder.format(tool, checkpoint).await,
        Change::Knob { file, key, value } => builder.turn(file, key, value, checkpoint),
        Change::Constant { file, name, value } => builder.replace(file, name, value, checkpoint),
        Change::Edits { metric, seed } => builder.edit(metric, *seed, checkpoint).await,
        Change::Settings { assignments } => builder.assign(assignments, checkpoint),
        Change::Words { text } | Change::Idea { text } => Err(needs_a_model(text)),
    }
}

struct Builder<'a> {
    input: &'a BuildInput<'a>,
    surface: &'a Surface,
    place: job::Place<'a>,
}

/// A sub-project with the adapter of its language.
type Part<'a> = (&'a Project, &'a dyn Adapter);

impl Builder<'_> {
    async fn fix(&self, rules: &[LintRule], checkpoint: &mut Checkpoint<'_>) -> Result<(), Error> {
        let tidy = self.tidy_parts().await?;
        let mut n_changed = 0;
        let mut reasons = Vec::new();
        for rule in rules {
            let changed = self.fix_rule(rule, &mut reasons).await?;
            if changed > 0 {
                for (project, adapter) in &tidy {
                    let job = self.place.job(project);
                    adapter
                        .format(&job, &|it| self.surface.may_touch(it))
                        .await?;
                }
                checkpoint(&message::of_fix(rule))?;
            }
            n_changed += changed;
        }
        delivered(n_changed, reasons)
    }

    /// Applies one rule in every sub-project of its language; returns how many files changed.
    async fn fix_rule(&self, rule: &LintRule, reasons: &mut Vec<String>) -> Result<usize, Error> {
        let name = message::name(rule);
        let Some(language) = language_of(&rule.tool) else {
            reasons.push(format!("no tool here fixes `{name}`"));
            return Ok(0);
        };
        let mut n_changed = 0;
        for (project, adapter) in self.parts().filter(|(it, _)| it.language == language) {
            let job = self.place.job(project);
            let undo = tree::Undo::new(self.input.dir);
            // A tool asks before it writes: the moment to remember what it may break.
            let may_touch = |it: &Utf8Path| {
                let may = self.surface.may_touch(it);
                if may {
                    undo.remember(it);
                }
                may
            };
            match adapter.fix(&job, rule, &may_touch).await? {
                Outcome::Measured(0) => reasons.push(format!("`{name}` has no safe fix here")),
                Outcome::Measured(n_files) => n_changed += n_files,
                outcome => {
                    counted(outcome, &name, reasons);
                    undo.restore()?;
                }
            }
        }
        if n_changed == 0 && reasons.is_empty() {
            reasons.push(format!(
                "there is no {} code for `{name}`",
                language.display()
            ));
        }
        Ok(n_changed)
    }

    async fn format(&self, tool: &str, checkpoint: &mut Checkpoint<'_>) -> Result<(), Error> {
        let mut n_changed = 0;
        let mut reasons = Vec::new();
        let uses = |it: &Project| it.uses.get(&Purpose::Format).is_some_and(|it| it == tool);
        for (project, adapter) in self.parts().filter(|(it, _)| uses(it)) {
            let job = self.place.job(project);
            let outcome = adapter
                .format(&job, &|it| self.surface.may_touch(it))
                .await?;
            n_changed += counted(outcome, tool, &mut reasons);
        }
        if n_changed > 0 {
            checkpoint(&message::of_format(tool))?;
        } else if reasons.is_empty() {
            reasons.push(format!("{tool} would change no file that may be touched"));
        }
        delivered(n_changed, reasons)
    }

    fn turn(
        &self,
        file: &Utf8Path,
        key: &str,
        value: &str,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<(), Error> {
        if !(self.surface.may_set(file) && catalogue::is_shipped(file, key, value)) {
            self.must_be_mutable(file)?;
        }
        let text = tree::read(self.input.dir, file)?;
        let current = setting::get(file, &text, At::Key(key)).map_err(|it| unusable(file, &it))?;
        if current.is_some_and(|it| setting::same(&it, value)) {
            return nothing(format!("`{key}` in `{file}` is already {value}"));
        }
        let text =
            setting::make(file, &text, At::Key(key), value).map_err(|it| unusable(file, &it))?;
        tree::write(self.input.dir, file, &text)?;
        self.checkpoint_whole(checkpoint)
    }

    /// Gives every value its new one, or none of them.
    fn assign(
        &self,
        assignments: &[Assignment],
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<(), Error> {
        let mut texts: BTreeMap<&Utf8Path, (String, String)> = BTreeMap::new();
        for Assignment { place, value } in assignments {
            let file = place.file.as_path();
            self.must_be_mutable(file)?;
            if !texts.contains_key(file) {
                let text = tree::read(self.input.dir, file)?;
                texts.insert(file, (text.clone(), text));
            }
            if let Some((_, text)) = texts.get_mut(file) {
                *text = setting::set(file, text, At::of(place), value)
                    .map_err(|it| unusable(file, &it))?;
            }
        }
        texts.retain(|_, (before, after)| before != after);
        if texts.is_empty() {
            return nothing("every value is what it is to become already".to_owned());
        }
        for (file, (_, text)) in &texts {
            tree::write(self.input.dir, file, text)?;
        }
        self.checkpoint_whole(checkpoint)
    }

    fn replace(
        &self,
        file: &Utf8Path,
        name: &str,
        value: &str,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<(), Error> {
        self.must_be_mutable(file)?;
        let Some(grammar) = Grammar::of(file) else {
            return nothing(format!("`{file}` is in a language without a grammar here"));
        };
        let mut source = tree::read(self.input.dir, file)?;
        let Some(span) = syntax::constant(grammar, &source, name) else {
            return nothing(format!("`{file}` has no constant `{name}`"));
        };
        if observe::same_literal(&source[span.clone()], value) {
            return nothing(format!("`{name}` in `{file}` is already {value}"));
        }
        source.replace_range(span, value);
        tree::write(self.input.dir, file, &source)?;
        self.checkpoint_whole(checkpoint)
    }

    /// Writes the patch that a search finds.
    async fn edit(
        &self,
        metric: &str,
        seed: u64,
        checkpoint: &mut Checkpoint<'_>,
    ) -> Result<(), Error> {
        let mut metrics = self.input.lab.profile.metrics.iter();
        let Some(metric) = metrics.find(|it| it.name == metric) else {
            return nothing(format!("there is no metric `{metric}`"));
        };
        let found = genetic::improve(self.input, metric, seed).await?;
        for (path, text) in &found.texts {
            self.must_be_mutable(path)?;
            tree::write(self.input.dir, path, text)?;
        }
        checkpoint(&message::with_body(&found.subject, &found.body))
    }

    /// Takes the checkpoint of a change that is one commit: its subject is the hypothesis's title.
    fn checkpoint_whole(&self, checkpoint: &mut Checkpoint<'_>) -> Result<(), Error> {
        let hypothesis = self.input.hypothesis;
        checkpoint(&message::with_body(&hypothesis.title, &hypothesis.why))
    }

    fn must_be_mutable(&self, file: &Utf8Path) -> Result<(), Error> {
        if self.surface.may_touch(file) {
            Ok(())
        } else {
            nothing(format!("`{file}` is protected or outside `scope.mutable`"))
        }
    }

    /// Returns each sub-project that has an adapter.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let Lab {
            detection,
            adapters,
            ..
        } = self.input.lab;
        let projects = &detection.languages;
        projects.iter().filter_map(|project| {
            let adapter = adapters.iter().find(|it| it.name() == project.language)?;
            Some((project, &**adapter))
        })
    }

    /// Returns the sub-projects that are formatted throughout: a fix must leave them so.
    async fn tidy_parts(&self) -> Result<Vec<Part<'_>>, Error> {
        let mut tidy = Vec::new();
        let formatted = |it: &Part<'_>| it.0.uses.contains_key(&Purpose::Format);
        for part in self.parts().filter(formatted) {
            let outcome = part.1.unformatted(&self.place.job(part.0)).await?;
            if matches!(outcome, Outcome::Measured(paths) if paths.is_empty()) {
                tidy.push(part);
            }
        }
        Ok(tidy)
    }
}

/// Returns the language whose adapter runs that linter.
pub(crate) fn language_of(tool: &str) -> Option<LanguageName> {
    match tool {
        "ruff" | "python" => Some(LanguageName::Python),
        "clippy" | "rustc" | "factory" => Some(LanguageName::Rust),
        "eslint" | "biome" | "tsc" | "npm" => Some(LanguageName::JavaScript),
        "gofmt" | "vet" | "staticcheck" | "golangci-lint" => Some(LanguageName::Go),
        _ => None,
    }
}

/// Returns the count of an outcome, noting why where there is none.
fn counted(outcome: Outcome<usize>, what: &str, reasons: &mut Vec<String>) -> usize {
    match outcome {
        Outcome::Measured(n_changed) => return n_changed,
        Outcome::Missing(how) => {
            reasons.push(format!("`{what}` needs a tool that is missing: {how}"));
        }
        Outcome::Failed(why) => reasons.push(format!("`{what}` could not be applied: {why}")),
        Outcome::TimedOut(why) => reasons.push(format!("`{what}` took too long: {why}")),
    }
    0
}

fn delivered(n_changed: usize, mut reasons: Vec<String>) -> Result<(), Error> {
    if n_changed > 0 {
        return Ok(());
    }
    reasons.dedup();
    nothing(reasons.join("; "))
}

fn nothing<T>(reason: String) -> Result<T, Error> {
    Err(Error::NothingDelivered(reason))
}

fn unusable(file: &Utf8Path, error: &setting::Error) -> Error {
    Error::NothingDelivered(format!("`{file}` is left alone: {error}"))
}

fn needs_a_model(text: &str) -> Error {
    Error::NothingDelivered(format!(
        "`{}` asks for new code, which takes a backend with a model; the built-in mechanic applies \
         safe lint fixes, the project's formatter, build knobs and declared parameters \
         (hint: name one, such as `ruff F401`, `clippy::needless_clone`, `format` or \
         `profile.release.lto=fat`)",
        message::shortened(text)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::draft;
    use crate::mechanic::fixtures::{Dir, Words, detection, lab, rule};
    use crate::model::hypothesis::{Hypothesis, Place};
    use tokio_util::sync::CancellationToken;

    /// Builds in a tree whose files at `src/**` and `*` may be touched; returns subjects and outcome.
    async fn run(
        dir: &Dir,
        lab: &Lab,
        hypothesis: &Hypothesis,
    ) -> (Vec<String>, Result<(), Error>) {
        let surface = Surface::new(["test_*"], ["*_pb2.py"], ["**"]);
        let input = BuildInput {
            hypothesis,
            variant: None,
            dir: &dir.tree,
            incumbent: &dir.tree,
            lab,
            cancel: &CancellationToken::new(),
            time_left: None,
            progress: &|_| {},
        };
        let mut subjects = Vec::new();
        let mut checkpoint = |message: &str| {
            subjects.push(message.lines().next().unwrap_or_default().to_owned());
            Ok(())
        };
        let outcome = build(&input, &surface, &mut checkpoint).await;
        (subjects, outcome)
    }

    fn python(dir: &Dir, formatter: Option<&str>) -> Lab {
        lab(
            &dir.base,
            detection(LanguageName::Python, formatter),
            vec![Box::new(Words)],
        )
    }

    fn words_of(outcome: Result<(), Error>) -> String {
        match outcome {
            Err(Error::NothingDelivered(reason)) => reason,
            other => panic!("expected nothing delivered, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn every_rule_that_fixed_something_has_a_checkpoint() {
        let dir = Dir::new(&[
            ("a.py", "F401 F541 x"),
            ("test_a.py", "F401"),
            ("b_pb2.py", "F401"),
        ]);
        let rules = [
            rule("ruff", "F401"),
            rule("ruff", "E711"),
            rule("ruff", "F541"),
        ];
        let lab = python(&dir, None);
        let (subjects, outcome) = run(&dir, &lab, &draft::fixes(&rules, &[])).await;
        outcome.unwrap();
        assert_eq!(
            subjects,
            [
                "Fix ruff F401: remove unused imports",
                "Fix ruff F541: drop f-prefix from strings without placeholders"
            ]
        );
        assert_eq!(dir.read("a.py"), "  x");
        assert_eq!(dir.read("test_a.py"), "F401");
        assert_eq!(dir.read("b_pb2.py"), "F401");
    }

    #[tokio::test]
    async fn fixes_leave_a_formatted_project_formatted() {
        let dir = Dir::new(&[("a.py", "y F401 x")]);
        let lab = python(&dir, Some("black"));
        let (subjects, outcome) =
            run(&dir, &lab, &draft::fixes(&[rule("ruff", "F401")], &[])).await;
        outcome.unwrap();
        assert_eq!((subjects.len(), dir.read("a.py").as_str()), (1, "y x"));
    }

    #[tokio::test]
    async fn fixes_do_not_format_a_project_that_is_not() {
        let dir = Dir::new(&[("a.py", "y F401 x"), ("b.py", "loose  file")]);
        let lab = python(&dir, Some("black"));
        let (_, outcome) = run(&dir, &lab, &draft::fixes(&[rule("ruff", "F401")], &[])).await;
        outcome.unwrap();
        assert_eq!(dir.read("a.py"), "y  x");
        assert_eq!(dir.read("b.py"), "loose  file");
    }

    #[tokio::test]
    async fn nothing_fixed_is_nothing_delivered_with_the_reason() {
        let dir = Dir::new(&[("a.py", "x")]);
        let lab = python(&dir, None);
        for (rule, reason) in [
            (rule("ruff", "F401"), "`ruff F401` has no safe fix here"),
            (
                rule("ruff", "BROKEN"),
                "`ruff BROKEN` could not be applied: exit status 2",
            ),
            (
                rule("clippy", "clippy::needless_clone"),
                "there is no Rust code for `clippy::needless_clone`",
            ),
            (rule("mypy", "misc"), "no tool here fixes `mypy misc`"),
        ] {
            let (subjects, outcome) = run(&dir, &lab, &draft::fixes(&[rule], &[])).await;
            assert!(subjects.is_empty());
            assert_eq!(words_of(outcome), reason);
        }
    }

    #[tokio::test]
    async fn a_fix_that_breaks_half_way_leaves_nothing_behind() {
        let dir = Dir::new(&[("a.py", "HALFWAY F401")]);
        let lab = python(&dir, None);
        let rules = [rule("ruff", "HALFWAY"), rule("ruff", "F401")];
        let (subjects, outcome) = run(&dir, &lab, &draft::fixes(&rules, &[])).await;
        outcome.unwrap();
        assert_eq!(subjects, ["Fix ruff F401: remove unused imports"]);
        assert_eq!(dir.read("a.py"), "HALFWAY ");
    }

    #[tokio::test]
    async fn the_formatter_is_one_checkpoint() {
        let dir = Dir::new(&[("a.py", "a  b"), ("test_a.py", "a  b")]);
        let lab = python(&dir, Some("black"));
        let (subjects, outcome) = run(&dir, &lab, &draft::format("black", 1)).await;
        outcome.unwrap();
        assert_eq!(subjects, ["Format with black"]);
        assert_eq!(dir.read("test_a.py"), "a  b");
        let (_, again) = run(&dir, &lab, &draft::format("black", 1)).await;
        assert_eq!(
            words_of(again),
            "black would change no file that may be touched"
        );
    }

    fn knob(file: &str, value: &str) -> Hypothesis {
        draft::knob(&draft::Knob {
            file: file.into(),
            key: "profile.release.lto",
            value,
            current: None,
            title: Some("Build release with fat LTO"),
            default: Some("false"),
            why: "it inlines across crates",
            metric: Some("parse_ns"),
            expected_gain: 0.04,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn a_knob_changes_its_key_and_keeps_the_comments() {
        let manifest = "[profile.release] # ours\ndebug = 1 # for perf\n";
        let dir = Dir::new(&[("Cargo.toml", manifest)]);
        let lab = python(&dir, None);
        let (subjects, outcome) = run(&dir, &lab, &knob("Cargo.toml", "\"fat\"")).await;
        outcome.unwrap();
        assert_eq!(subjects, ["Build release with fat LTO"]);
        assert_eq!(dir.read("Cargo.toml"), format!("{manifest}lto = \"fat\"\n"));
        let (_, again) = run(&dir, &lab, &knob("Cargo.toml", "'fat'")).await;
        assert_eq!(
            words_of(again),
            "`profile.release.lto` in `Cargo.toml` is already 'fat'"
        );
    }

    #[tokio::test]
    async fn a_protected_file_is_left_alone() {
        let dir = Dir::new(&[("test_a.toml", "")]);
        let lab = python(&dir, None);
        let (_, outcome) = run(&dir, &lab, &knob("test_a.toml", "true")).await;
        assert_eq!(
            words_of(outcome),
            "`test_a.toml` is protected or outside `scope.mutable`"
        );
        assert_eq!(dir.read("test_a.toml"), "");
    }

    fn constant(name: &str, value: &str) -> Hypothesis {
        draft::constant(&draft::Constant {
            file: "src/lib.rs".into(),
            name,
            value,
            current: Some("16"),
            why: "",
            metric: "parse_ns",
        })
    }

    #[tokio::test]
    async fn a_constant_changes_its_value_and_nothing_else() {
        let source = "/// Of input.\nconst CHUNK: usize = 1_6; // guessed\n";
        let dir = Dir::new(&[("src/lib.rs", source)]);
        let lab = python(&dir, None);
        let (_, same) = run(&dir, &lab, &constant("CHUNK", "16")).await;
        assert_eq!(words_of(same), "`CHUNK` in `src/lib.rs` is already 16");
        let (_, missing) = run(&dir, &lab, &constant("CHUNKS", "64")).await;
        assert_eq!(words_of(missing), "`src/lib.rs` has no constant `CHUNKS`");
        let (subjects, outcome) = run(&dir, &lab, &constant("CHUNK", "64")).await;
        outcome.unwrap();
        assert_eq!(subjects, ["Set CHUNK to 64"]);
        assert_eq!(dir.read("src/lib.rs"), source.replace("1_6", "64"));
    }

    fn assignment(file: &str, key: Option<&str>, value: &str) -> Assignment {
        Assignment {
            place: Place {
                file: file.into(),
                key: key.map(str::to_owned),
                pattern: key.is_none().then(|| r"-O(\d)".to_owned()),
            },
            value: value.to_owned(),
        }
    }

    #[tokio::test]
    async fn several_values_change_together_or_not_at_all() {
        let json = "{ \"n\": 1, // one\n  \"m\": 2 }\n";
        let dir = Dir::new(&[
            ("a.json", json),
            ("Makefile", "cc -O2\n"),
            ("test_a.toml", "n = 1\n"),
        ]);
        let lab = python(&dir, None);
        let all = [
            assignment("a.json", Some("n"), "8"),
            assignment("a.json", Some("m"), "9"),
            assignment("Makefile", None, "3"),
        ];
        let of = |assignments: &[Assignment]| Hypothesis {
            change: Change::Settings {
                assignments: assignments.to_vec(),
            },
            ..draft::format("all", 1)
        };
        let protected = assignment("test_a.toml", Some("n"), "2");
        let (_, refused) = run(&dir, &lab, &of(&[all[0].clone(), protected])).await;
        assert!(words_of(refused).contains("is protected"));
        let missing = assignment("a.json", Some("o"), "2");
        let (_, refused) = run(&dir, &lab, &of(&[all[0].clone(), missing])).await;
        assert!(words_of(refused).contains("`o` is not in the file"));
        assert_eq!(dir.read("a.json"), json);
        let (subjects, outcome) = run(&dir, &lab, &of(&all)).await;
        outcome.unwrap();
        assert_eq!(subjects.len(), 1);
        assert_eq!(dir.read("a.json"), "{ \"n\": 8, // one\n  \"m\": 9 }\n");
        assert_eq!(dir.read("Makefile"), "cc -O3\n");
        let (_, again) = run(&dir, &lab, &of(&all)).await;
        assert!(words_of(again).contains("already"));
    }

    #[tokio::test]
    async fn words_need_a_model() {
        let dir = Dir::new(&[("a.py", "x")]);
        let lab = python(&dir, None);
        let (_, outcome) = run(&dir, &lab, &draft::words("add a --json flag")).await;
        let reason = words_of(outcome);
        assert!(
            reason.starts_with("`add a --json flag` asks for new code"),
            "{reason}"
        );
        assert!(reason.contains("hint: "), "{reason}");
    }
}
