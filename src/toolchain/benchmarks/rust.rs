//! Bench targets of Cargo packages, and the time of a build.

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::{Place, metric, quoted};
use crate::config::{Metric, ProposedMetrics};

/// A tenth of a second to warm up, a fifth to measure: tens of benchmarks in seconds. Fewer resamples
/// than the default, because the spread within one run is not looked at.
const CRITERION: &str =
    "--warm-up-time 0.1 --measurement-time 0.2 --sample-size 10 --nresamples 2000 --noplot";
const DIVAN: &str = "--max-time 0.2 --color never";

/// Packages in these folders are fixtures or copies.
const ASIDE: [&str; 5] = ["tests", "fixtures", "vendor", "target", "node_modules"];

/// Returns a metric for each bench target whose output can be read.
pub(super) fn find(place: &Place<'_>) -> ProposedMetrics {
    let mut found = ProposedMetrics::default();
    let packages = packages(place);
    for package in &packages {
        for target in package.targets(place) {
            match target.runner {
                Runner::Criterion | Runner::Divan => {
                    found
                        .metrics
                        .push(bench(place, package, &target, packages.len()));
                }
                Runner::Libtest => found.notes.push(format!(
                    "`{}` uses `#[bench]`, which only a nightly compiler builds",
                    target.path
                )),
                Runner::Unknown => found.notes.push(format!(
                    "`{}` has a harness of its own, or one that the manifest does not name",
                    target.path
                )),
            }
        }
    }
    found.on_request.extend(build_seconds(place, &packages));
    found
}

struct Package {
    name: String,
    dir: Utf8PathBuf,
    manifest: Table,
    text: String,
}

struct Target {
    name: String,
    path: Utf8PathBuf,
    features: Vec<String>,
    runner: Runner,
}

#[derive(Clone, Copy)]
enum Runner {
    Criterion,
    Divan,
    Libtest,
    Unknown,
}

fn packages(place: &Place<'_>) -> Vec<Package> {
    let manifests = place.own_files().filter(|it| {
        it.file_name() == Some("Cargo.toml")
            && !it.components().any(|it| ASIDE.contains(&it.as_str()))
    });
    manifests
        .filter_map(|path| {
            let text = place.read(path)?;
            let manifest: Table = text.parse().ok()?;
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            Some(Package {
                name,
                dir: path.parent()?.to_owned(),
                manifest,
                text,
            })
        })
        .collect()
}

impl Package {
    /// Returns the declared bench targets, and those that Cargo finds by itself.
    fn targets(&self, place: &Place<'_>) -> Vec<Target> {
        let declared = self.manifest.get("bench").and_then(Value::as_array);
        let mut targets: Vec<Target> = declared
            .into_iter()
            .flatten()
            .filter_map(|it| self.declared(place, it.as_table()?))
            .collect();
        if self.manifest["package"].get("autobenches") == Some(&Value::Boolean(false)) {
            return targets;
        }
        let benches = self.dir.join("benches");
        for path in place.own_files().filter(|it| it.parent() == Some(&benches)) {
            let name = path.file_stem().unwrap_or_default();
            let is_known = targets.iter().any(|it| it.name == name || it.path == *path);
            if path.extension() == Some("rs") && !is_known {
                targets.extend(self.declared(
                    place,
                    &Table::from_iter([("name".to_owned(), Value::from(name))]),
                ));
            }
        }
        targets
    }

    fn declared(&self, place: &Place<'_>, bench: &Table) -> Option<Target> {
        let name = bench.get("name")?.as_str()?.to_owned();
        let candidates = match bench.get("path").and_then(Value::as_str) {
            Some(path) => vec![self.dir.join(path)],
            None => [format!("{name}.rs"), format!("{name}/main.rs")]
                .map(|it| self.dir.join("benches").join(it))
                .to_vec(),
        };
        let (path, source) = candidates
            .into_iter()
            .find_map(|it| Some((it.clone(), place.read(&it)?)))?;
        let has_harness = bench.get("harness").and_then(Value::as_bool) != Some(false);
        Some(Target {
            runner: runner(has_harness, &source, &self.text)?,
            features: strings(bench.get("required-features")),
            name,
            path,
        })
    }
}

/// A file without any benchmark of libtest's is a module of another. A runner that the manifest does
/// not name is not there: what is published often lacks it.
fn runner(has_harness: bool, source: &str, manifest: &str) -> Option<Runner> {
    let uses = |it: &str| source.contains(it) && manifest.contains(it);
    match has_harness {
        true => source.contains("#[bench]").then_some(Runner::Libtest),
        false if uses("criterion") => Some(Runner::Criterion),
        false if uses("divan") => Some(Runner::Divan),
        false => Some(Runner::Unknown),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|it| Some(it.as_str()?.to_owned()))
        .collect()
}

fn bench(place: &Place<'_>, package: &Package, target: &Target, n_packages: usize) -> Metric {
    let mut words = vec![format!("cargo bench{}", manifest_path(&place.project.root))];
    if n_packages > 1 {
        words.push(format!("-p {}", quoted(&package.name)));
    }
    words.push(format!("--bench {}", quoted(&target.name)));
    if !target.features.is_empty() {
        words.push(format!("--features {}", quoted(&target.features.join(","))));
    }
    let line = words.join(" ");
    let (parser, options) = match target.runner {
        Runner::Divan => ("divan", DIVAN),
        _ => ("criterion", CRITERION),
    };
    let build = format!("{line} --no-run");
    let name = match target.name.as_str() {
        "bench" | "benches" | "benchmark" | "benchmarks" => &package.name,
        name => name,
    };
    metric(name, Some(build), format!("{line} -- {options}"), parser)
}

fn manifest_path(dir: &Utf8Path) -> String {
    match dir.as_str() {
        "" => String::new(),
        _ => format!(
            " --manifest-path {}",
            quoted(dir.join("Cargo.toml").as_str())
        ),
    }
}

/// Returns the time of a build of the packages themselves, with what they depend on already built.
fn build_seconds(place: &Place<'_>, packages: &[Package]) -> Option<Metric> {
    if packages.is_empty() {
        return None;
    }
    let manifest = manifest_path(&place.project.root);
    let names: Vec<String> = packages
        .iter()
        .map(|it| format!("-p {}", quoted(&it.name)))
        .collect();
    let build = format!("cargo build --workspace{manifest}");
    Some(Metric {
        name: "build_seconds".to_owned(),
        before: Some(format!("cargo clean{manifest} {}", names.join(" "))),
        unit: "s".to_owned(),
        ..metric("build", Some(build.clone()), build, "seconds")
    })
}
