//! `node_modules` in a tree that tracks none: links, one per package, to what is installed elsewhere.
//!
//! Each tree has a folder of its own, because tools write caches into it, and because the packages of
//! a workspace must be those of this tree and never those of the person's checkout.

use std::os::unix::fs::symlink;

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::Manifest;
use crate::process::Error;
use crate::toolchain::Job;

/// Marks a folder of links as ours; holds where they lead.
const MARKER: &str = ".factory-links";
/// Folders that tools keep what they like in; never shared.
const CACHES: &[&str] = &[".cache", ".vite", ".vite-temp", ".vitest", ".factory-links"];

/// Makes the folders of links that a job's project needs; returns where packages were installed.
pub(super) fn link(job: &Job<'_>) -> Result<Option<Utf8PathBuf>, Error> {
    let Some(source) = source(job) else {
        return Ok(None);
    };
    for dir in folders(job) {
        let (from, to) = (source.join(&dir), job.tree.join(&dir));
        let (from, to) = (from.join("node_modules"), to.join("node_modules"));
        link_folder(job.tree, &source, &from, &to).map_err(|error| Error::Io {
            program: to.into_string(),
            source: error,
        })?;
    }
    Ok(Some(source))
}

/// Removes our folders of links again, from a tree whose files become a candidate.
pub(super) fn unlink(job: &Job<'_>) {
    for dir in folders(job) {
        let folder = job.tree.join(dir).join("node_modules");
        if folder.join(MARKER).exists()
            && let Err(error) = std::fs::remove_dir_all(&folder)
        {
            tracing::warn!(%folder, %error, "a folder of links is left behind");
        }
    }
}

/// Returns the root below which the packages of this project were installed: the person's checkout,
/// or the store that `prepare` filled.
pub(super) fn source(job: &Job<'_>) -> Option<Utf8PathBuf> {
    let installed = job.tool("node_modules").and_then(|it| it.first());
    let checkout = installed.and_then(|it| Utf8Path::new(it).parent());
    let depth = job.project.root.components().count();
    // Packages may be installed at the root of the tree or at the project: all levels are linked.
    let checkout = checkout.and_then(|it| {
        it.ancestors().nth(if it.ends_with(&job.project.root) {
            depth
        } else {
            0
        })
    });
    let store = || {
        std::fs::read_to_string(pointer(job))
            .ok()
            .map(Utf8PathBuf::from)
    };
    let store = || store().filter(|it| it.is_dir());
    match checkout {
        Some(checkout) if has_all(job, checkout) => Some(checkout.to_owned()),
        checkout => store().or_else(|| checkout.map(Utf8Path::to_owned)),
    }
}

/// Returns whether everything that the project's manifests ask for is installed below a root.
pub(super) fn has_all(job: &Job<'_>, root: &Utf8Path) -> bool {
    missing_in(job, root).is_none()
}

/// Returns a package that a manifest asks for and that is not installed below a root.
pub(super) fn missing_in(job: &Job<'_>, root: &Utf8Path) -> Option<String> {
    let dirs: Vec<&Utf8Path> = packages(job).collect();
    dirs.iter().find_map(|dir| {
        let manifest = Manifest::read(&job.tree.join(dir));
        let is_installed = |name: &&str| {
            let mut places = dir
                .ancestors()
                .map(|it| root.join(it).join("node_modules").join(name));
            places.any(|it| it.exists())
        };
        let dependencies = manifest.dependencies();
        let missing = dependencies.iter().find(|it| !is_installed(it))?;
        Some((*missing).to_owned())
    })
}

/// The file that names the store of a project: one for all arms.
pub(super) fn pointer(job: &Job<'_>) -> Utf8PathBuf {
    let name = job.project.root.as_str().replace('/', "-");
    let builds = job.build.parent().unwrap_or(job.build);
    builds.join("javascript").join(format!("modules{name}"))
}

/// The project's folder, and those of the packages in its workspace.
pub(super) fn packages<'a>(job: &'a Job<'_>) -> impl Iterator<Item = &'a Utf8Path> {
    let manifests = job.project.manifests.iter();
    let members = manifests
        .filter(|it| it.file_name() == Some("package.json"))
        .filter_map(|it| it.parent());
    std::iter::once(job.project.root.as_path()).chain(members.filter(|it| *it != job.project.root))
}

/// Folders that may hold `node_modules`: packages, and what is above the project.
fn folders(job: &Job<'_>) -> Vec<Utf8PathBuf> {
    let above = job.project.root.ancestors().map(Utf8Path::to_owned);
    let mut folders: Vec<Utf8PathBuf> =
        above.chain(packages(job).map(Utf8Path::to_owned)).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn link_folder(
    tree: &Utf8Path,
    source: &Utf8Path,
    from: &Utf8Path,
    to: &Utf8Path,
) -> std::io::Result<()> {
    let stamp = format!(
        "{from} {:?}",
        std::fs::metadata(from).and_then(|it| it.modified()).ok()
    );
    let marker = to.join(MARKER);
    if !from.is_dir() || std::fs::read_to_string(&marker).is_ok_and(|it| it == stamp) {
        return Ok(());
    }
    if to.exists() {
        // The tree's own, or what a person put there.
        if !marker.exists() {
            return Ok(());
        }
        std::fs::remove_dir_all(to)?;
    }
    let place = Place {
        tree,
        source: &source.canonicalize_utf8()?,
    };
    std::fs::create_dir_all(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let name = entry.file_name();
        let target = to.join(name);
        if CACHES.contains(&name) || (name.starts_with('.') && entry.path().is_file()) {
            continue;
        }
        if name == ".bin" || name.starts_with('@') {
            std::fs::create_dir_all(&target)?;
            for inner in entry.path().read_dir_utf8()? {
                let inner = inner?;
                place.link(inner.path(), &target.join(inner.file_name()))?;
            }
        } else {
            place.link(entry.path(), &target)?;
        }
    }
    std::fs::write(marker, stamp)
}

/// Where links may lead.
struct Place<'a> {
    tree: &'a Utf8Path,
    source: &'a Utf8Path,
}

impl Place<'_> {
    /// Links to an installed package; what is a link to the project's own code leads into this tree.
    fn link(&self, from: &Utf8Path, to: &Utf8Path) -> std::io::Result<()> {
        // A link to nothing is one to nothing here too.
        let Ok(real) = from.canonicalize_utf8() else {
            return Ok(());
        };
        let own = real
            .strip_prefix(self.source)
            .ok()
            .filter(|it| !it.components().any(|part| part.as_str() == "node_modules"));
        if let Some(own) = own {
            return symlink(self.tree.join(own), to);
        }
        let is_script = from.parent().is_some_and(|it| it.ends_with(".bin")) && !from.is_symlink();
        if is_script {
            // It looks for its program beside itself.
            let quoted = real.as_str().replace('\'', r"'\''");
            let text = format!("#!/bin/sh\nexec '{quoted}' \"$@\"\n");
            std::fs::write(to, text)?;
            let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            return std::fs::set_permissions(to, executable);
        }
        symlink(real, to)
    }
}
