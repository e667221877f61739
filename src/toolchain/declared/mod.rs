//! A language that nobody wrote an adapter for: the commands that `factory.toml` declares for it.

mod findings;
mod suite;
mod tap;
#[cfg(test)]
mod tests;
mod xml;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use super::job::broken;
use super::{Adapter, Coverage, Job, Outcome, Suite, lcov};
use crate::config::{Commands, CoverageParser, Language, Parsed as _};
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::model::profile::{Interned, LanguageName, Project, Purpose, Tool};
use crate::process::{Command, Error, Finished};

/// The adapter for one `[[language]]`.
#[derive(Debug)]
pub(super) struct Declared {
    name: Interned,
    language: Language,
    protected: Vec<&'static str>,
    excluded: Vec<&'static str>,
}

impl Declared {
    /// Returns the adapter for a language as it was declared.
    pub(super) fn new(language: &Language) -> Self {
        let interned = |globs: &[String]| {
            let globs = globs.iter();
            globs.map(|it| Interned::new(it).as_str()).collect()
        };
        Self {
            name: Interned::new(&language.name),
            protected: interned(&language.protected),
            excluded: interned(&language.excluded),
            language: language.clone(),
        }
    }

    fn commands(&self) -> [(Purpose, Option<&String>); 5] {
        let it = &self.language;
        [
            (Purpose::Build, it.build.as_ref()),
            (Purpose::Test, it.test.as_ref()),
            (Purpose::Lint, it.lint.as_ref()),
            (Purpose::Coverage, it.coverage.as_ref()),
            (Purpose::Format, it.format.as_ref()),
        ]
    }

    fn missing<T>(&self, key: &str) -> Outcome<T> {
        let name = self.name.as_str();
        Outcome::Missing(format!(
            "declare `{key}` in the [[language]] `{name}` of factory.toml"
        ))
    }

    async fn lint(&self, job: &Job<'_>) -> Result<Outcome<Vec<Finding>>, Error> {
        let (Some(line), Some(parser)) = (&self.language.lint, &self.language.lint_parser) else {
            return Ok(self.missing("lint"));
        };
        let (report, finished) = match run_with_report(job, line, parser.path()).await? {
            Ok(done) => done,
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        Ok(findings::read(
            job,
            self.name.as_str(),
            parser,
            &report,
            &finished,
        ))
    }

    async fn coverage(&self, job: &Job<'_>) -> Result<Outcome<Coverage>, Error> {
        let (Some(line), Some(parser)) = (&self.language.coverage, &self.language.coverage_parser)
        else {
            return Ok(self.missing("coverage"));
        };
        let CoverageParser::Lcov(_) = parser;
        let (report, finished) = match run_with_report(job, line, parser.path()).await? {
            Ok(done) => done,
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        if !finished.success() {
            return Ok(broken(line, &finished));
        }
        Ok(match lcov::parse(&report, line, |it| job.in_tree(it)) {
            Ok(coverage) => Outcome::Measured(coverage),
            Err(line) => Outcome::Failed(format!("cannot read {line} of the coverage report")),
        })
    }

    /// Returns the files that the check prints, one on each line.
    async fn unformatted(&self, job: &Job<'_>) -> Result<Outcome<Vec<Utf8PathBuf>>, Error> {
        let Some(line) = &self.language.format_check else {
            return Ok(self.missing("format_check"));
        };
        let finished = match run(job, line, &[]).await? {
            Ok(finished) => finished,
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        let text = finished.stdout_text();
        let is_file = |it: &Utf8PathBuf| job.tree.join(it).is_file();
        let printed = text.lines().filter_map(|it| job.in_tree(it.trim()));
        let mut files: Vec<Utf8PathBuf> = printed.filter(is_file).collect();
        files.sort();
        files.dedup();
        if files.is_empty() && !finished.success() {
            return Ok(broken(line, &finished));
        }
        Ok(Outcome::Measured(files))
    }

    async fn format(
        &self,
        job: &Job<'_>,
        may_touch: &(dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> Result<Outcome<usize>, Error> {
        let Some(line) = &self.language.format else {
            return Ok(self.missing("format"));
        };
        let mut files = match self.unformatted(job).await? {
            Outcome::Measured(files) => files,
            Outcome::Missing(hint) => return Ok(Outcome::Missing(hint)),
            Outcome::Failed(reason) => return Ok(Outcome::Failed(reason)),
            Outcome::TimedOut(reason) => return Ok(Outcome::TimedOut(reason)),
        };
        files.retain(|it| may_touch(it));
        if files.is_empty() {
            return Ok(Outcome::Measured(0));
        }
        Ok(match run(job, line, &files).await? {
            Ok(finished) if finished.success() => Outcome::Measured(files.len()),
            Ok(finished) => broken(line, &finished),
            Err(reason) => Outcome::Failed(reason),
        })
    }
}

/// Runs a declared command at the root of the tree. The inner error is a command that cannot be
/// started: the project's own doing.
async fn run(
    job: &Job<'_>,
    line: &str,
    files: &[Utf8PathBuf],
) -> Result<Result<Finished, String>, Error> {
    let command = match Command::from_line(line, job.dir()) {
        Ok(command) => command,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let command = command
        .args(files.iter().map(|it| it.as_str()))
        .timeout(job.timeout)
        .log(job.log)
        .env("FACTORY_BUILD_DIR", job.build.as_str());
    match job.run(&command).await {
        Ok(finished) => Ok(Ok(finished)),
        Err(error @ Error::Spawn { .. }) => Ok(Err(format!("{error} (`{line}`)"))),
        Err(error) => Err(error),
    }
}

/// Runs a command that writes a report, or prints it; one that an earlier run left is removed first.
async fn run_with_report(
    job: &Job<'_>,
    line: &str,
    path: Option<&str>,
) -> Result<Result<(String, Finished), String>, Error> {
    let file = path.map(|it| match it.strip_prefix("$FACTORY_BUILD_DIR/") {
        Some(inside) => job.build.join(inside),
        None => job.dir().join(it),
    });
    if let Some(file) = &file {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Ok(Err(format!("cannot remove the old `{file}`: {error}")));
            }
            _ => {}
        }
    }
    let finished = match run(job, line, &[]).await? {
        Ok(finished) => finished,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(file) = &file else {
        let printed = finished.stdout_text() + &finished.stderr_text();
        return Ok(Ok((printed, finished)));
    };
    Ok(match std::fs::read_to_string(file) {
        Ok(report) => Ok((report, finished)),
        Err(_) => Err(format!(
            "`{line}` wrote no `{file}`: {}",
            finished.explain()
        )),
    })
}

impl Adapter for Declared {
    fn name(&self) -> LanguageName {
        LanguageName::Declared(self.name)
    }

    fn detect(
        &self,
        _root: &Utf8Path,
        files: &[Utf8PathBuf],
        _commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        let extensions = &self.language.extensions;
        let is_ours = |it: &&Utf8PathBuf| {
            let extension = it.extension().unwrap_or_default();
            extensions
                .iter()
                .any(|it| it.trim_start_matches('.') == extension)
        };
        if !files.iter().any(|it| is_ours(&it)) {
            return (Vec::new(), Vec::new());
        }
        let declared = || {
            self.commands()
                .into_iter()
                .filter_map(|it| Some((it.0, it.1?)))
        };
        let project = Project {
            language: self.name(),
            root: Utf8PathBuf::new(),
            manifests: Vec::new(),
            uses: declared()
                .map(|(purpose, line)| (purpose, line.clone()))
                .collect(),
        };
        let tool = |(purpose, line): (Purpose, &String)| Tool {
            name: line.clone(),
            language: self.name(),
            purpose,
            command: Some(vec!["sh".into(), "-c".into(), line.clone()]),
            version: None,
            install: "declared in factory.toml".into(),
        };
        (vec![project], declared().map(tool).collect())
    }

    fn version_args(&self, _tool: &str) -> Vec<String> {
        Vec::new()
    }

    fn version_key(&self, _root: &Utf8Path, _tool: &Tool) -> String {
        String::new()
    }

    fn prepare<'a>(&'a self, _job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        // What a declared command needs is the machine's business.
        Box::pin(std::future::ready(Ok(Outcome::Measured(()))))
    }

    fn test<'a>(
        &'a self,
        job: &'a Job<'a>,
        only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, Error>> {
        Box::pin(suite::run_suite(&self.language, job, only))
    }

    fn test_times<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, Error>> {
        // A report that has times tells them in every run.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn lint<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        Box::pin(self.lint(job))
    }

    fn types<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        let name = self.name.as_str();
        let outcome = Outcome::Missing(format!(
            "what checks types of `{name}` is part of its `lint`"
        ));
        Box::pin(std::future::ready(Ok(outcome)))
    }

    fn coverage<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Coverage>, Error>> {
        Box::pin(self.coverage(job))
    }

    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, Error>> {
        Box::pin(self.unformatted(job))
    }

    fn fix<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _rule: &'a LintRule,
        _may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        // No finding of a declared linter says that it can be fixed.
        Box::pin(std::future::ready(Ok(Outcome::Measured(0))))
    }

    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(self.format(job, may_touch))
    }

    fn protected(&self) -> &[&'static str] {
        &self.protected
    }

    fn excluded(&self) -> &[&'static str] {
        &self.excluded
    }
}
