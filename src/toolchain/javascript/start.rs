//! The command line that starts a runner with our reporter.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::Manifest;
use super::plan::{Invocation, Runner};
use super::programs;
use super::targets::expand;
use crate::process::Error;
use crate::toolchain::Job;
use crate::toolchain::job::write;

/// What decides how a run is started.
pub(super) struct Start<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) run: &'a Invocation,
    /// Where our helper programs are.
    pub(super) helpers: &'a Utf8Path,
    /// The folder that it runs in.
    pub(super) at: Utf8PathBuf,
    /// The files that it is restricted to.
    pub(super) files: Option<BTreeSet<String>>,
    /// The full names that it is restricted to.
    pub(super) pattern: Option<String>,
}

impl Start<'_> {
    /// Returns the words; `None` where the runner is not there.
    pub(super) fn words(&self) -> Result<Option<Vec<String>>, Error> {
        let Some(node) = self.job.tool("node") else {
            return Ok(None);
        };
        if self.run.runner == Runner::Files {
            return self.files_words(node).map(Some);
        }
        let mut words = [node, &self.run.node].concat();
        if self.run.runner == Runner::Node {
            words.extend(self.node_words());
            return Ok(Some(words));
        }
        let tool = self.run.runner.tool();
        let Some(script) = programs::installed(self.job.tree, &self.at, tool, tool) else {
            return Ok(None);
        };
        words.push(script.into_string());
        words.extend(match self.run.runner {
            Runner::Mocha => self.mocha_words(),
            Runner::Jest => self.jest_words(),
            _ => self.vitest_words(),
        });
        words.extend(self.run.options.iter().cloned());
        words.extend(self.job.test_args().iter().cloned());
        words.extend(self.targets());
        Ok(Some(words))
    }

    fn helper(&self, name: &str) -> String {
        self.helpers.join(name).into_string()
    }

    fn targets(&self) -> Vec<String> {
        match &self.files {
            Some(files) => files.iter().cloned().collect(),
            None => self.run.targets.clone(),
        }
    }

    fn preload(&self) -> [String; 2] {
        ["--require".to_owned(), self.helper("factory_preload.cjs")]
    }

    fn named(&self, option: &str) -> Vec<String> {
        let pattern = self.pattern.iter();
        pattern
            .flat_map(|it| [option.to_owned(), it.clone()])
            .collect()
    }

    fn mocha_words(&self) -> Vec<String> {
        let mut words = vec!["--reporter".to_owned(), self.helper("factory_mocha.cjs")];
        // Older versions, which know no such files, know no such option.
        if has_mocha_settings(&self.at) {
            words.push("--no-bail".into());
        }
        let mut options = self.run.options.iter();
        if !options.any(|it| it.contains("grep") || it == "-g" || it == "-f") {
            words.extend(self.named("--grep"));
        }
        words
    }

    fn jest_words(&self) -> Vec<String> {
        // What a test leaves open, such as a child that was not ended, would keep jest for ever.
        let cache = self.helpers.with_file_name("jest-cache");
        let mut words = [
            "--ci",
            "--coverage=false",
            "--passWithNoTests",
            "--watchman=false",
            "--forceExit",
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(format!("--cacheDirectory={cache}"));
        words.push(format!("--reporters={}", self.helper("factory_jest.cjs")));
        words.extend(self.named("--testNamePattern"));
        words.extend(self.files.as_ref().map(|_| "--runTestsByPath".into()));
        words
    }

    fn vitest_words(&self) -> Vec<String> {
        let mut words = vec![
            "run".to_owned(),
            format!("--reporter={}", self.helper("factory_vitest.mjs")),
            "--coverage.enabled=false".into(),
            "--passWithNoTests".into(),
        ];
        words.extend(self.named("--testNamePattern"));
        words
    }

    fn node_words(&self) -> Vec<String> {
        let mut words = self.preload().to_vec();
        words.push("--test".into());
        words.push(format!(
            "--test-reporter={}",
            self.helper("factory_node.mjs")
        ));
        words.push("--test-reporter-destination=stdout".into());
        words.extend(expand_patterns(&self.at, &self.targets()));
        words
    }

    /// The list names no folder: where evaluated code runs, the tree may have another name.
    fn files_words(&self, node: &[String]) -> Result<Vec<String>, Error> {
        let files = expand(&self.at, &self.targets());
        let list = self.helpers.join("files.json");
        write(&list, &serde_json::json!(files).to_string())?;
        Ok([
            node,
            &[self.helper("factory_files.cjs"), list.into_string()],
            &self.run.node,
            &self.preload(),
        ]
        .concat())
    }
}

fn has_mocha_settings(at: &Utf8Path) -> bool {
    let entries = at.read_dir_utf8().into_iter().flatten().flatten();
    let mut names = entries.filter(|it| it.file_name().starts_with(".mocharc"));
    names.next().is_some() || Manifest::read(at).get("mocha").is_some()
}

/// More names than this are not worth a pattern, nor do they fit on a command line.
const MOST_NAMES: usize = 200;

/// Returns a pattern of full names, with anything where a name was made canonical.
pub(super) fn name_pattern(ids: &[String]) -> Option<String> {
    let is_whole_file = |it: &String| !it.contains(" > ");
    if ids.len() > MOST_NAMES || ids.iter().any(is_whole_file) {
        return None;
    }
    let name = |id: &String| {
        let (_, titles) = id.split_once(" > ")?;
        let titles = NUMBER.replace(titles, "");
        let plain = regex::escape(&titles).replace(" > ", " (> )?");
        Some(PLACE.replace_all(&plain, ".*").into_owned())
    };
    let names: BTreeSet<String> = ids.iter().filter_map(name).collect();
    let names: Vec<String> = names.into_iter().collect();
    Some(format!("^({})$", names.join("|")))
}

static NUMBER: std::sync::LazyLock<regex::Regex> =
    std::sync::LazyLock::new(|| regex::Regex::new(r" #\d+$").expect("the pattern is valid"));
static PLACE: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
    regex::Regex::new("<(uuid|time|address|duration|number|tree|temporary)>")
        .expect("the pattern is valid")
});

/// Older versions of node know no patterns: the shell, or we, must put files in their place.
fn expand_patterns(at: &Utf8Path, targets: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    for target in targets {
        if target.contains(['*', '{', '?', '[']) || at.join(target).is_dir() {
            let files = expand(at, std::slice::from_ref(target));
            words.extend(files.into_iter().map(Utf8PathBuf::into_string));
        } else {
            words.push(target.clone());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_a_pattern_and_unstable_parts_anything() {
        let ids = ["a.js > b > c (d) #2", "a.js > at <temporary>"].map(str::to_owned);
        let pattern = name_pattern(&ids).unwrap();
        let regex = regex::Regex::new(&pattern).unwrap();
        assert!(
            regex.is_match("b c (d)") && regex.is_match("at /tmp/x"),
            "{pattern}"
        );
        assert!(!regex.is_match("b c"));
        assert_eq!(name_pattern(&["a.js".to_owned()]), None);
    }
}
