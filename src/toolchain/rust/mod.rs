//! Cargo packages and workspaces.

mod arguments;
mod cargo;
mod coverage;
mod detect;
mod diagnostics;
mod doctests;
mod features;
mod fix;
mod libtest;
mod prepared;
mod suite;
#[cfg(test)]
mod tests;
mod toolchains;
mod unused;
mod whole;

pub use features::n_asked;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use super::catalogue::RUST;
use super::{Adapter, Coverage, Job, Outcome, Suite};
use crate::config::Commands;
use crate::model::finding::Finding;
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::process::Error;

/// The adapter for Rust.
#[derive(Debug, Default)]
pub struct Rust;

impl Adapter for Rust {
    fn name(&self) -> LanguageName {
        LanguageName::Rust
    }

    fn detect(
        &self,
        root: &Utf8Path,
        files: &[Utf8PathBuf],
        _commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        detect::detect(root, files)
    }

    fn version_args(&self, tool: &str) -> Vec<String> {
        RUST.version_args(tool)
    }

    fn version_key(&self, root: &Utf8Path, _tool: &Tool) -> String {
        toolchains::identity(root)
    }

    fn prepare<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        Box::pin(cargo::prepare(job))
    }

    fn test<'a>(
        &'a self,
        job: &'a Job<'a>,
        only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, Error>> {
        Box::pin(suite::run(job, only))
    }

    fn test_times<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, Error>> {
        Box::pin(suite::times(job))
    }

    fn lint<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        Box::pin(diagnostics::lint(job))
    }

    fn types<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        Box::pin(diagnostics::types(job))
    }

    fn coverage<'a>(&'a self, job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<Coverage>, Error>> {
        Box::pin(coverage::measure(job))
    }

    fn unformatted<'a>(
        &'a self,
        job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, Error>> {
        Box::pin(fix::unformatted(job))
    }

    fn fix<'a>(
        &'a self,
        job: &'a Job<'a>,
        rule: &'a LintRule,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(fix::fix(job, rule, may_touch))
    }

    fn format<'a>(
        &'a self,
        job: &'a Job<'a>,
        may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        Box::pin(fix::format(job, may_touch))
    }

    fn protected(&self) -> &'static [&'static str] {
        &RUST.protected
    }

    fn excluded(&self) -> &'static [&'static str] {
        &RUST.excluded
    }
}
