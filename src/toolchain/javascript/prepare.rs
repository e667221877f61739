//! Installs what a project depends on, where the person's checkout does not have it.

use camino::{Utf8Path, Utf8PathBuf};

use super::programs::command;
use super::{detect, modules};
use crate::process::{Error, network_variables};
use crate::toolchain::catalogue::JAVASCRIPT;
use crate::toolchain::job::{broken, write};
use crate::toolchain::{Job, Outcome};

/// Files beside a manifest that decide what is installed.
pub(super) const LOCKS: &[(&str, &str)] = &[
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
];
/// Files that say how to install.
const SETTINGS: &[&str] = &[
    "package.json",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    "pnpm-workspace.yaml",
    ".pnpmfile.cjs",
];
/// Folders at the root in which newer versions of yarn keep themselves, and what changes packages.
const FOLDERS: &[&str] = &[
    ".yarn/releases",
    ".yarn/plugins",
    ".yarn/patches",
    "patches",
];
/// Written last into a store: what it was made from.
const COMPLETE: &str = ".factory-complete";

/// Makes a store of the project's dependencies, unless the checkout has them all or it needs none.
pub(super) async fn prepare(job: &Job<'_>) -> Result<Outcome<()>, Error> {
    let Some(node) = job.tool("node") else {
        return Ok(Outcome::Missing(JAVASCRIPT.install("node")));
    };
    let in_tree = job.dir().join("node_modules").is_dir();
    let needs = modules::missing_in(job, Utf8Path::new("/nowhere"));
    let checkout = modules::source(job).filter(|it| modules::has_all(job, it));
    if in_tree || needs.is_none() || checkout.is_some() {
        return Ok(Outcome::Measured(()));
    }
    let recipe = Recipe::of(job);
    let key = recipe.key(job, node);
    let store = modules::pointer(job).with_file_name(key);
    if !store.join(COMPLETE).exists() {
        match install(job, &recipe, &store).await? {
            Outcome::Measured(()) => {}
            other => return Ok(other),
        }
    }
    write(&modules::pointer(job), store.as_str())?;
    Ok(match modules::missing_in(job, &store) {
        Some(name) if !is_own(job, &name) => {
            Outcome::Failed(format!("`{name}` is not there after the install"))
        }
        _ => Outcome::Measured(()),
    })
}

/// A package of the workspace is no dependency that could be missing.
fn is_own(job: &Job<'_>, name: &str) -> bool {
    modules::packages(job)
        .any(|it| super::manifest::Manifest::read(&job.tree.join(it)).name() == Some(name))
}

/// Which package manager installs from which files.
struct Recipe {
    manager: &'static str,
    is_locked: bool,
    files: Vec<Utf8PathBuf>,
}

impl Recipe {
    fn of(job: &Job<'_>) -> Self {
        let root = &job.project.root;
        let has = |name: &str| job.tree.join(root).join(name).is_file();
        let manager = detect::manager(&job.dir());
        let is_locked = LOCKS.iter().any(|it| it.1 == manager && has(it.0));
        let packages: Vec<&Utf8Path> = modules::packages(job).collect();
        let names = SETTINGS.iter().copied().chain(LOCKS.iter().map(|it| it.0));
        let mut files: Vec<Utf8PathBuf> = names
            .flat_map(|name| packages.iter().map(move |it| it.join(name)))
            .filter(|it| job.tree.join(it).is_file())
            .collect();
        files.extend(FOLDERS.iter().flat_map(|it| files_in(job, &root.join(it))));
        Self {
            manager,
            is_locked,
            files,
        }
    }

    fn key(&self, job: &Job<'_>, node: &[String]) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |part: &[u8]| {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        add(self.manager.as_bytes());
        let version = job
            .tools
            .iter()
            .find(|it| it.name == "node")
            .and_then(|it| it.version.as_deref());
        add(version.unwrap_or_else(|| node[0].as_str()).as_bytes());
        for file in &self.files {
            add(file.as_str().as_bytes());
            add(&std::fs::read(job.tree.join(file)).unwrap_or_default());
        }
        hasher.finalize().to_hex()[..24].to_owned()
    }

    fn arguments(&self) -> &'static [&'static str] {
        match (self.manager, self.is_locked) {
            ("npm", true) => &["ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            ("pnpm" | "yarn", true) => &["install", "--frozen-lockfile", "--ignore-scripts"],
            ("pnpm", false) => &["install", "--no-frozen-lockfile", "--ignore-scripts"],
            ("yarn", false) => &["install", "--no-lockfile", "--ignore-scripts"],
            _ => &[
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--no-package-lock",
            ],
        }
    }
}

/// Returns the files of a folder and of those in it, relative to the tree, in order.
fn files_in(job: &Job<'_>, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = job.tree.join(dir).read_dir_utf8();
    let mut entries: Vec<_> = entries.into_iter().flatten().flatten().collect();
    entries.sort_by(|left, right| left.path().cmp(right.path()));
    let files = |it: camino::Utf8DirEntry| {
        let path = dir.join(it.file_name());
        match it.file_type() {
            Ok(kind) if kind.is_dir() => files_in(job, &path),
            Ok(kind) if kind.is_file() => vec![path],
            _ => Vec::new(),
        }
    };
    entries.into_iter().flat_map(files).collect()
}

/// Installs into a folder beside the store, which takes its name when all went well.
async fn install(job: &Job<'_>, recipe: &Recipe, store: &Utf8Path) -> Result<Outcome<()>, Error> {
    let Some(manager) = job.tool(recipe.manager) else {
        return Ok(Outcome::Missing(JAVASCRIPT.install(recipe.manager)));
    };
    let partial = store.with_extension("partial");
    let io = |source| Error::Io {
        program: partial.to_string(),
        source,
    };
    let _gone = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial).map_err(io)?;
    for file in &recipe.files {
        let to = partial.join(file);
        std::fs::create_dir_all(to.parent().unwrap_or(&partial)).map_err(io)?;
        std::fs::copy(job.tree.join(file), to).map_err(io)?;
    }
    let mut install = command(job, &job.project.root, manager).args(arguments(job, recipe));
    install.cwd = partial.join(&job.project.root);
    install.env.extend(network_variables().iter().cloned());
    if is_new_yarn(job, recipe) {
        // Its own way to load packages needs the cache of whoever installed them; a folder of packages
        // holds the same versions, as the lock file says them.
        install = install.env("YARN_NODE_LINKER", "node-modules");
        install = install.env("YARN_ENABLE_TELEMETRY", "0");
    }
    let finished = job.run(&install).await?;
    if !finished.success() {
        return Ok(broken(
            &format!("{} {}", recipe.manager, recipe.arguments()[0]),
            &finished,
        ));
    }
    write(&partial.join(COMPLETE), "")?;
    let _gone = std::fs::remove_dir_all(store);
    std::fs::rename(&partial, store).map_err(io)?;
    Ok(Outcome::Measured(()))
}

/// Only the newer versions of yarn have such settings, and write such a lock file.
fn is_new_yarn(job: &Job<'_>, recipe: &Recipe) -> bool {
    let has_settings = || job.dir().join(".yarnrc.yml").exists();
    let has_lock = || {
        let text = std::fs::read_to_string(job.dir().join("yarn.lock"));
        text.is_ok_and(|it| it.lines().any(|line| line.starts_with("__metadata:")))
    };
    recipe.manager == "yarn" && (has_settings() || has_lock())
}

/// Newer versions of yarn have other words for the same.
fn arguments(job: &Job<'_>, recipe: &Recipe) -> Vec<String> {
    let words: &[&str] = match (is_new_yarn(job, recipe), recipe.is_locked) {
        (true, true) => &["install", "--immutable", "--mode=skip-build"],
        (true, false) => &["install", "--no-immutable", "--mode=skip-build"],
        (false, _) => recipe.arguments(),
    };
    words.iter().map(|it| (*it).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Commands;
    use crate::model::profile::LanguageName;
    use crate::toolchain::testing::Bench;

    /// Returns the words of the install in a tree, and the files that it is given.
    fn install_of(files: &[(&str, &str)]) -> (String, Vec<String>) {
        let bench = Bench::new(LanguageName::JavaScript, files, Commands::default());
        let job = bench.job();
        let recipe = Recipe::of(&job);
        let words = format!("{} {}", recipe.manager, arguments(&job, &recipe).join(" "));
        let files = recipe.files.iter().map(ToString::to_string);
        (words, files.collect())
    }

    #[test]
    fn the_client_is_the_projects_own_with_the_words_of_its_version() {
        let package = ("package.json", "{}");
        let by_pnpm = ("package.json", "{\"packageManager\": \"pnpm@9.15.9\"}");
        let by_yarn = ("package.json", "{\"packageManager\": \"yarn@4.1.0\"}");
        let settings = (".yarnrc.yml", "nodeLinker: pnp\n");
        let classic = ("yarn.lock", "# yarn lockfile v1\n");
        let newer = ("yarn.lock", "__metadata:\n  version: 8\n");
        let npm = ("package-lock.json", "{}");
        let cases: [(&[(&str, &str)], &str); 8] = [
            (&[package], "npm install --no-audit"),
            (&[package, npm], "npm ci --no-audit"),
            (
                &[package, ("pnpm-lock.yaml", "")],
                "pnpm install --frozen-lockfile --ignore-scripts",
            ),
            (
                &[by_pnpm, npm],
                "pnpm install --no-frozen-lockfile --ignore-scripts",
            ),
            (
                &[package, classic],
                "yarn install --frozen-lockfile --ignore-scripts",
            ),
            (
                &[package, newer],
                "yarn install --immutable --mode=skip-build",
            ),
            (
                &[package, classic, settings],
                "yarn install --immutable --mode=skip-build",
            ),
            (
                &[by_yarn, settings],
                "yarn install --no-immutable --mode=skip-build",
            ),
        ];
        for (files, wanted) in cases {
            let (words, _) = install_of(files);
            assert!(words.starts_with(wanted), "{words}");
        }
    }

    #[test]
    fn what_yarn_keeps_in_the_project_goes_along() {
        let (_, files) = install_of(&[
            ("package.json", "{}"),
            (".yarnrc.yml", "yarnPath: .yarn/releases/yarn.cjs\n"),
            (".yarn/releases/yarn.cjs", ""),
            (".yarn/patches/ms.patch", ""),
            (".yarn/cache/ms.zip", ""),
            ("index.js", ""),
        ]);
        let wanted = [
            "package.json",
            ".yarnrc.yml",
            ".yarn/releases/yarn.cjs",
            ".yarn/patches/ms.patch",
        ];
        assert_eq!(files, wanted);
    }
}
