//! Line coverage from the blocks of a cover profile.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::command::{go, missing};
use super::packages;
use super::sources::is_generated;
use crate::process::{Error, Exit};
use crate::toolchain::job::broken;
use crate::toolchain::{Coverage, Job, Outcome, lcov};

/// Runs the suite once more, counting what it reaches in all packages of the module.
pub(super) async fn measure(job: &Job<'_>) -> Result<Outcome<Coverage>, Error> {
    let profile = job.fresh_folder("coverage")?.join("cover.out");
    let Some(command) = go(job, "test") else {
        return Ok(missing("cover"));
    };
    let folders = match packages::list(job).await? {
        Ok(packages) => packages.folders(),
        Err(reason) => return Ok(Outcome::Failed(reason)),
    };
    let command = command
        .args(["-vet=off", "-count=1", "-timeout=0", "-coverpkg=./..."])
        .arg(format!("-coverprofile={profile}"))
        .arg("./...")
        .args(job.test_args().iter().cloned());
    let finished = job.run(&command).await?;
    let text = std::fs::read_to_string(&profile).unwrap_or_default();
    // A test that fails has been counted all the same.
    if !matches!(finished.exit, Exit::Code(0 | 1)) || (text.is_empty() && !finished.success()) {
        return Ok(broken("go test -cover", &finished));
    }
    let place = |it: &str| {
        let (package, file) = it.rsplit_once('/')?;
        job.in_tree(folders.get(package)?.join(file).as_str())
    };
    Ok(match lines(job.tree, &text, place) {
        Ok(lines) => Outcome::Measured(lcov::count(lines, "go test -cover")),
        Err(line) => Outcome::Failed(format!(
            "go test -cover: cannot read `{line}` of its profile"
        )),
    })
}

/// A stretch of statements: `file:line.column,line.column statements count`.
struct Block<'a> {
    file: &'a str,
    start: (u32, usize),
    end: (u32, usize),
    is_reached: bool,
}

impl<'a> Block<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (file, rest) = line.rsplit_once(':')?;
        let mut fields = rest.split(' ');
        let (start, end) = fields.next()?.split_once(',')?;
        let count: u64 = fields.nth(1)?.parse().ok()?;
        let point = |it: &str| {
            let (line, column) = it.split_once('.')?;
            Some((line.parse().ok()?, column.parse().ok()?))
        };
        Some(Self {
            file,
            start: point(start)?,
            end: point(end)?,
            is_reached: count > 0,
        })
    }

    /// Returns the part of a source line that the block covers.
    fn part<'s>(&self, number: u32, line: &'s str) -> &'s str {
        let from = if number == self.start.0 {
            self.start.1.saturating_sub(1)
        } else {
            0
        };
        let to = if number == self.end.0 {
            self.end.1.saturating_sub(1)
        } else {
            line.len()
        };
        line.get(from.min(line.len())..to.min(line.len()))
            .unwrap_or(line)
    }
}

/// Returns which lines are executable and reached. Lines of a block with nothing but brackets or a
/// comment on them are no code.
fn lines(
    tree: &Utf8Path,
    profile: &str,
    place: impl Fn(&str) -> Option<Utf8PathBuf>,
) -> Result<BTreeMap<Utf8PathBuf, BTreeMap<u32, bool>>, String> {
    let mut files: BTreeMap<&str, Option<(Utf8PathBuf, String)>> = BTreeMap::new();
    let mut found: BTreeMap<Utf8PathBuf, BTreeMap<u32, bool>> = BTreeMap::new();
    for line in profile.lines().filter(|it| !it.starts_with("mode:")) {
        let block = Block::parse(line).ok_or_else(|| line.to_owned())?;
        let file = files.entry(block.file).or_insert_with(|| {
            let path = place(block.file).filter(|it| !is_generated(&tree.join(it)))?;
            let text = std::fs::read_to_string(tree.join(&path)).ok()?;
            Some((path, text))
        });
        let Some((path, text)) = file else {
            continue;
        };
        let of_file = found.entry(path.clone()).or_default();
        let skipped = usize::try_from(block.start.0.saturating_sub(1)).unwrap_or(usize::MAX);
        for (number, line) in (block.start.0..=block.end.0).zip(text.lines().skip(skipped)) {
            let part = block.part(number, line).trim();
            if !part.starts_with("//") && part.contains(|c: char| c.is_alphanumeric() || c == '_') {
                *of_file.entry(number).or_default() |= block.is_reached;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn lines_of_brackets_and_comments_are_no_code() {
        let source = "package m\n\nfunc f(n int) int {\n\tif n > 1 {\n\t\t// big\n\t\treturn 1\n\t}\n\treturn 2\n}\n";
        let tree = Tree::new(&[("a.go", source)]);
        let profile = "mode: set\nm/a.go:3.19,4.11 1 1\nm/a.go:4.11,7.3 1 0\nm/a.go:8.2,8.10 1 1\nother/b.go:1.1,2.2 1 1\n";
        let found = lines(tree.root(), profile, |it| {
            it.strip_prefix("m/").map(Utf8PathBuf::from)
        })
        .unwrap();
        let expected = BTreeMap::from([(4, true), (6, false), (8, true)]);
        assert_eq!(found, BTreeMap::from([("a.go".into(), expected)]));
        assert!(lines(tree.root(), "mode: set\nnonsense\n", |_| None).is_err());
    }
}
