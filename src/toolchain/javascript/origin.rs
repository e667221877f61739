//! Whether the packages that the tests import by the project's own names are those of the tree.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::manifest::Manifest;
use super::suite::file_of;
use super::{modules, programs};
use crate::process::Error;
use crate::toolchain::job::write;
use crate::toolchain::{Job, Origin};

/// Asks node where the tests would find each package of the project that they name.
pub(super) async fn of(
    job: &Job<'_>,
    helpers: &Utf8Path,
    ids: impl Iterator<Item = &String>,
) -> Result<Origin, Error> {
    let files: BTreeSet<Utf8PathBuf> = ids
        .map(|it| job.tree.join(file_of(it)))
        .filter(|it| it.is_file())
        .collect();
    if files.is_empty() {
        return Ok(Origin::Unknown("no test ran".into()));
    }
    let names: Vec<String> = modules::packages(job)
        .filter_map(|it| Some(Manifest::read(&job.tree.join(it)).name()?.to_owned()))
        .collect();
    let question = helpers.join("origin.json");
    write(
        &question,
        &serde_json::json!({ "names": names, "files": files }).to_string(),
    )?;
    let Some(node) = job.tool("node") else {
        return Ok(Origin::Unknown("node is missing".into()));
    };
    let words = [
        node,
        &[
            helpers.join("factory_origin.cjs").into_string(),
            question.into_string(),
        ],
    ]
    .concat();
    let finished = job
        .run(&programs::command(job, &job.project.root, &words))
        .await?;
    let Ok(places) = serde_json::from_slice::<BTreeMap<String, Vec<Utf8PathBuf>>>(&finished.stdout)
    else {
        return Ok(Origin::Unknown(format!(
            "node cannot tell: {}",
            finished.explain()
        )));
    };
    let tree = job
        .tree
        .canonicalize_utf8()
        .unwrap_or_else(|_| job.tree.to_owned());
    // What lies below `node_modules` was put there by an install, even inside of the tree.
    let is_foreign = |it: &&Utf8PathBuf| {
        let relative = it.strip_prefix(&tree);
        !relative.is_ok_and(|it| !it.components().any(|part| part.as_str() == "node_modules"))
    };
    let elsewhere = places
        .iter()
        .find_map(|(name, found)| Some((name, found.iter().find(is_foreign)?)));
    Ok(match elsewhere {
        Some((name, _)) if is_mapped(job, name) => {
            Origin::Unknown(format!("the runner's configuration says where `{name}` is"))
        }
        Some((_, place)) => Origin::Elsewhere(place.to_string()),
        None => Origin::Tree,
    })
}

/// The configuration of a runner may say itself what a name stands for.
fn is_mapped(job: &Job<'_>, name: &str) -> bool {
    let says = |dir: &Utf8Path| {
        let dir = job.tree.join(dir);
        let in_manifest = Manifest::read(&dir)
            .get("jest")
            .is_some_and(|it| it.to_string().contains(name));
        let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
        let mut configurations = entries.filter(|it| {
            [
                "vitest.config.",
                "vite.config.",
                "jest.config.",
                "vitest.workspace.",
            ]
            .iter()
            .any(|start| it.file_name().starts_with(start))
        });
        let mentions = |it: camino::Utf8DirEntry| {
            std::fs::read_to_string(it.path()).is_ok_and(|it| it.contains(name))
        };
        in_manifest || configurations.any(mentions)
    };
    modules::packages(job).any(says)
}
