//! How go is called: build cache, modules, network, and what its failures mean.

use camino::{Utf8Path, Utf8PathBuf};

use crate::process::{Command, Error, Finished, network_variables};
use crate::toolchain::catalogue::GO;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::broken;
use crate::toolchain::{Job, Outcome};

/// The whole output is needed: an event that is cut off would be a test that is gone.
const OUTPUT_CAP: usize = 256 << 20;

/// Returns `go VERB` with the arm's build cache, offline; `None` where there is no go.
pub(super) fn go(job: &Job<'_>, verb: &str) -> Option<Command> {
    let words = job.tool("go")?;
    Some(with_settings(job, job.command(words)).arg(verb))
}

/// Adds what every command that loads packages needs.
///
/// The person's module cache is only read. The build cache is the arm's own. What lies above the tree
/// has no say: neither a workspace, nor flags from the person's `go env -w`.
pub(super) fn with_settings(job: &Job<'_>, mut command: Command) -> Command {
    command.output_cap = OUTPUT_CAP;
    let workspace = workspace(job);
    let mode = match workspace {
        None if job.dir().join("vendor/modules.txt").exists() => "-mod=vendor",
        _ => "-mod=readonly",
    };
    command
        .env("GOCACHE", job.build.join("go-cache"))
        .env("GO111MODULE", "on")
        .env(
            "GOWORK",
            workspace.map_or("off".into(), Utf8PathBuf::into_string),
        )
        .env("GOFLAGS", mode)
        .env("GOPROXY", "off")
        .env("GOSUMDB", "off")
}

/// Returns the workspace that the module is a member of.
fn workspace(job: &Job<'_>) -> Option<Utf8PathBuf> {
    let dir = job.dir();
    let mut above = dir.ancestors().take_while(|it| it.starts_with(job.tree));
    let root = above.find(|it| it.join("go.work").exists())?;
    let file = root.join("go.work");
    let text = read_small(&file)?;
    let inner = dir.strip_prefix(root).ok()?;
    members(&text).any(|it| it == inner).then_some(file)
}

/// Returns the folders of `use` directives, relative to the workspace's own.
fn members(text: &str) -> impl Iterator<Item = Utf8PathBuf> {
    let mut in_block = false;
    text.lines().filter_map(move |line| {
        let line = line.split("//").next().unwrap_or_default().trim();
        let path = if in_block {
            in_block = line != ")";
            line.trim_end_matches(')')
        } else {
            let rest = line.strip_prefix("use")?.trim_start();
            in_block = rest == "(";
            rest.trim_start_matches('(')
        };
        let path = path.trim().trim_matches('"');
        (!path.is_empty()).then(|| {
            let parts = Utf8Path::new(path).components();
            parts.filter(|it| it.as_str() != ".").collect()
        })
    })
}

/// Returns those of a person's arguments that say what is built: all commands need them.
pub(super) fn build_args(job: &Job<'_>) -> Vec<String> {
    let mut args = job.test_args().iter().map(String::as_str);
    let mut found = Vec::new();
    while let Some(arg) = args.next() {
        let name = arg.trim_start_matches('-');
        if name == "tags" {
            found.extend(args.next().map(|value| format!("-tags={value}")));
        } else if arg.starts_with('-') && name.starts_with("tags=") {
            found.push(arg.to_owned());
        }
    }
    found
}

/// Returns the outcome where a tool is not there.
pub(super) fn missing<T>(tool: &str) -> Outcome<T> {
    Outcome::Missing(GO.install(tool))
}

/// Downloads the modules that are needed and not in the person's cache yet.
pub(super) async fn prepare(job: &Job<'_>) -> Result<Outcome<()>, Error> {
    let Some(finished) = resolve(job).await? else {
        return Ok(missing("go"));
    };
    if finished.success() {
        return Ok(Outcome::Measured(()));
    }
    let Some(mut command) = go(job, "mod") else {
        return Ok(missing("go"));
    };
    command
        .env
        .retain(|(name, _)| !matches!(name.as_str(), "GOPROXY" | "GOSUMDB"));
    command.env.extend(network_variables().iter().cloned());
    let finished = job.run(&command.arg("download")).await?;
    if !finished.success() {
        return Ok(broken("go mod download", &finished));
    }
    // What still cannot be resolved is the project's own doing, and the suite tells it better.
    Ok(Outcome::Measured(()))
}

/// Returns what is out of step between manifest, checksums and imports; one fragment each.
pub(super) async fn manifest_problems(job: &Job<'_>) -> Result<Vec<String>, Error> {
    let Some(finished) = resolve(job).await? else {
        return Ok(Vec::new());
    };
    let text = finished.stderr_text();
    // A module that was not downloaded says nothing about the manifest.
    let is_known = |it: &&str| !it.contains("module lookup disabled");
    if finished.success() || !text.lines().any(|it| is_known(&it)) {
        return Ok(Vec::new());
    }
    let manifest = job.project.root.join("go.mod");
    let reason = first_error(&text).unwrap_or_else(|| finished.explain());
    Ok(vec![format!("{manifest}: {reason}")])
}

/// Resolves every import of the module and its tests, changing nothing.
async fn resolve(job: &Job<'_>) -> Result<Option<Finished>, Error> {
    let Some(command) = go(job, "list") else {
        return Ok(None);
    };
    let command = command.args(["-deps", "-test"]).args(build_args(job));
    job.run(&command.arg("./...")).await.map(Some)
}

/// Returns the first line that says what is wrong: with a place, if any has one.
pub(super) fn first_error(text: &str) -> Option<String> {
    let is_talk = |it: &&str| it.starts_with("# ") || it.starts_with("go: downloading ");
    let lines = || {
        text.lines()
            .map(str::trim)
            .filter(|it| !it.is_empty() && !is_talk(it))
    };
    let placed = lines().find(|it| it.contains(".go:"));
    let line = placed.or_else(|| lines().next())?;
    Some(
        line.trim_start_matches("vet: ")
            .trim_start_matches("./")
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_both_forms_are_read() {
        let text = "go 1.21\nuse ./a // one\nuse (\n\t./b/c\n\t.\n)\nreplace x => ../y\n";
        let found: Vec<Utf8PathBuf> = members(text).collect();
        assert_eq!(found, ["a", "b/c", ""]);
    }

    #[test]
    fn the_first_error_has_a_place_if_any_has() {
        let text = "# example.com/m\n./a.go:2:25: cannot use \"s\"\nnote\n";
        assert_eq!(first_error(text).unwrap(), "a.go:2:25: cannot use \"s\"");
        assert_eq!(first_error("go: no module\n").unwrap(), "go: no module");
        assert_eq!(first_error("\n"), None);
    }
}
