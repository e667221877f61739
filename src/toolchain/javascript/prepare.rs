//! Installs what a project depends on, where the person's checkout does not have it.

use camino::{Utf8Path, Utf8PathBuf};

use super::modules;
use super::programs::command;
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
        let lock = LOCKS.iter().find(|it| has(it.0));
        let packages: Vec<&Utf8Path> = modules::packages(job).collect();
        let names = SETTINGS.iter().copied().chain(LOCKS.iter().map(|it| it.0));
        let files = names
            .flat_map(|name| packages.iter().map(move |it| it.join(name)))
            .filter(|it| job.tree.join(it).is_file())
            .collect();
        Self {
            manager: lock.map_or("npm", |it| it.1),
            is_locked: lock.is_some(),
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
            ("pnpm" | "yarn", _) => &["install", "--frozen-lockfile", "--ignore-scripts"],
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

/// Newer versions of yarn have other words for the same, and no folder unless they are asked for one.
fn arguments(job: &Job<'_>, recipe: &Recipe) -> Vec<String> {
    let is_new = recipe.manager == "yarn" && job.dir().join(".yarnrc.yml").exists();
    let words = if is_new {
        &["install", "--immutable", "--mode=skip-build"][..]
    } else {
        recipe.arguments()
    };
    words.iter().map(|it| (*it).to_owned()).collect()
}
