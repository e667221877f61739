//! JavaScript and TypeScript packages.

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;

use super::catalogue::JAVASCRIPT;
use super::{Adapter, Coverage, Job, Origin, Outcome, Suite};
use crate::config::Commands;
use crate::model::finding::{Finding, TestRun};
use crate::model::hypothesis::LintRule;
use crate::model::profile::{LanguageName, Project, Tool};
use crate::process::Error;

/// The adapter for JavaScript and TypeScript packages.
#[derive(Debug, Default)]
pub struct JavaScript;

fn missing<'a, T: Send + 'a>() -> BoxFuture<'a, Result<Outcome<T>, Error>> {
    Box::pin(std::future::ready(Ok(Outcome::Missing(
        "not here yet".into(),
    ))))
}

impl Adapter for JavaScript {
    fn name(&self) -> LanguageName {
        LanguageName::JavaScript
    }

    fn detect(
        &self,
        _root: &Utf8Path,
        _files: &[Utf8PathBuf],
        _commands: &Commands,
    ) -> (Vec<Project>, Vec<Tool>) {
        (Vec::new(), Vec::new())
    }

    fn version_args(&self, tool: &str) -> Vec<String> {
        JAVASCRIPT.version_args(tool)
    }

    fn version_key(&self, _root: &Utf8Path, _tool: &Tool) -> String {
        String::new()
    }

    fn prepare<'a>(&'a self, _job: &'a Job<'a>) -> BoxFuture<'a, Result<Outcome<()>, Error>> {
        missing()
    }

    fn test<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _only: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<Suite, Error>> {
        Box::pin(std::future::ready(Ok(Suite {
            run: TestRun::default(),
            origin: Origin::Tree,
            reasons: std::collections::BTreeMap::new(),
        })))
    }

    fn test_times<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Vec<(String, f64)>, Error>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn lint<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        missing()
    }

    fn types<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Finding>>, Error>> {
        missing()
    }

    fn coverage<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Coverage>, Error>> {
        missing()
    }

    fn unformatted<'a>(
        &'a self,
        _job: &'a Job<'a>,
    ) -> BoxFuture<'a, Result<Outcome<Vec<Utf8PathBuf>>, Error>> {
        missing()
    }

    fn fix<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _rule: &'a LintRule,
        _may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        missing()
    }

    fn format<'a>(
        &'a self,
        _job: &'a Job<'a>,
        _may_touch: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Outcome<usize>, Error>> {
        missing()
    }

    fn protected(&self) -> &'static [&'static str] {
        &JAVASCRIPT.protected
    }

    fn excluded(&self) -> &'static [&'static str] {
        &JAVASCRIPT.excluded
    }
}
