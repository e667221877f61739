//! Which knobs of the catalogue a project's manifests and metrics leave room for.

use camino::{Utf8Path, Utf8PathBuf};

use super::catalogue::{self, Build, Catalogue, Kind};
use super::condition::Site;
use super::setting::{self, At};
use super::surface::Surface;
use crate::config::{Metric, Profile};
use crate::model::observation::Observation;
use crate::model::profile::{Detection, LanguageName};

/// Scripts larger than this are not read to find out what a metric builds.
const SCRIPT_BYTES: usize = 64 * 1024;

/// Returns the knobs that are not at their value, for each metric whose program they build.
pub(crate) fn knobs(
    profile: &Profile,
    detection: &Detection,
    surface: &Surface,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Vec<Observation> {
    let mut observations = Vec::new();
    for catalogue in catalogue::all() {
        let mut names: Vec<&Utf8Path> = Vec::new();
        for name in catalogue.knobs.iter().map(|it| it.file_in(catalogue)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let manifests = manifests(catalogue, name, detection, read);
            for manifest in manifests.iter().filter(|it| surface.may_set(&it.path)) {
                for metric in &profile.metrics {
                    observations.extend(knobs_for(catalogue, manifest, metric, read));
                }
            }
        }
    }
    observations
}

/// A manifest whose profiles count, or another file with settings.
struct Manifest {
    path: Utf8PathBuf,
    text: String,
    has_product: bool,
    is_only: bool,
}

fn knobs_for(
    catalogue: &Catalogue,
    manifest: &Manifest,
    metric: &Metric,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Vec<Observation> {
    let commands = spelled_out(metric, read);
    let Some(kind) = catalogue::kind_of(metric) else {
        return Vec::new();
    };
    let is_built = manifest.is_only || commands.contains(manifest.path.as_str());
    if kind != Kind::Suite && !is_built {
        return Vec::new();
    }
    let build = catalogue
        .build_behind(&commands)
        .or_else(|| built_for_python(catalogue, manifest, &commands, read));
    let site = Site {
        root: manifest.path.parent().unwrap_or(Utf8Path::new("")),
        manifest: &catalogue.file,
        commands: &commands,
        read,
    };
    catalogue
        .knobs
        .iter()
        .filter(|it| manifest.path.file_name() == it.file_in(catalogue).file_name())
        .filter(|it| it.moves == kind && it.is_behind(build))
        .filter_map(|it| offer(it, build, (manifest, &site), metric))
        .collect()
}

/// Returns how maturin builds a crate for what runs Python: with the release profile.
fn built_for_python(
    catalogue: &Catalogue,
    manifest: &Manifest,
    commands: &str,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Option<Build> {
    let beside = manifest.path.with_file_name("pyproject.toml");
    let backend = setting::get(
        &beside,
        &read(&beside)?,
        At::Key("build-system.build-backend"),
    );
    let is_maturin = backend
        .ok()
        .flatten()
        .is_some_and(|it| setting::same(&it, "\"maturin\""));
    let loads = |it: &&Catalogue| it.language == LanguageName::Python;
    let build = catalogue::all().iter().find(loads)?.build_behind(commands);
    build.filter(|_| is_maturin && catalogue.language == LanguageName::Rust)
}

/// Returns the observation of one knob, unless it is in effect already or could have no effect.
fn offer(
    knob: &catalogue::Knob,
    build: Option<Build>,
    (manifest, site): (&Manifest, &Site<'_>),
    metric: &Metric,
) -> Option<Observation> {
    let at = |key: &str| {
        setting::get(&manifest.path, &manifest.text, At::Key(key))
            .ok()
            .flatten()
    };
    let shadow = build.and_then(|it| knob.shadow_in(it));
    let is_shadowed = shadow.is_some_and(|it| at(&it).is_some());
    let current = at(&knob.key);
    // A file that cannot be changed with certainty, such as one with a comment in the way, is left alone.
    let can_be_made = || {
        let made = setting::make(
            &manifest.path,
            &manifest.text,
            At::Key(&knob.key),
            &knob.value,
        );
        made.is_ok()
    };
    let is_offered = !is_shadowed
        && knob.is_offered(current.as_deref(), manifest.has_product)
        && knob.fits(site, current.as_deref())
        && can_be_made();
    is_offered.then(|| Observation::KnobAvailable {
        file: manifest.path.clone(),
        key: knob.key.clone(),
        current,
        proposed: knob.value.clone(),
        why: knob.why.clone(),
        metric: metric.name.clone(),
    })
}

/// Returns the files of that name in which a setting counts: for Cargo, roots of workspaces.
fn manifests(
    catalogue: &Catalogue,
    name: &Utf8Path,
    detection: &Detection,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Vec<Manifest> {
    let projects = || {
        detection
            .languages
            .iter()
            .filter(|it| it.language == catalogue.language)
    };
    let mut paths: Vec<Utf8PathBuf> = projects()
        .map(|it| match catalogue.language {
            LanguageName::Rust => workspace_root(&it.root, name, read),
            _ => it.root.join(name),
        })
        .collect();
    paths.sort_by_key(|it| (it.components().count(), it.clone()));
    paths.dedup();
    let has_product = projects().any(|it| builds_product(&it.root, &it.manifests, read));
    let n_paths = paths.len();
    let readable = paths.into_iter().enumerate().filter_map(|(idx, path)| {
        let text = read(&path)?;
        let is_root = path == name;
        Some(Manifest {
            is_only: n_paths == 1 || (idx == 0 && is_root),
            has_product,
            path,
            text,
        })
    });
    readable.collect()
}

/// Returns the manifest of the nearest enclosing workspace, or the project's own.
fn workspace_root(
    root: &Utf8Path,
    file: &Utf8Path,
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> Utf8PathBuf {
    let is_workspace = |path: &Utf8PathBuf| {
        read(path)
            .and_then(|text| text.parse::<toml_edit::DocumentMut>().ok())
            .is_some_and(|it| it.contains_key("workspace"))
    };
    root.ancestors()
        .map(|it| it.join(file))
        .find(is_workspace)
        .unwrap_or_else(|| root.join(file))
}

fn builds_product(
    root: &Utf8Path,
    manifests: &[Utf8PathBuf],
    read: &dyn Fn(&Utf8Path) -> Option<String>,
) -> bool {
    let folders = manifests.iter().filter_map(|it| it.parent()).chain([root]);
    let mut folders: Vec<&Utf8Path> = folders.collect();
    folders.sort();
    folders.dedup();
    folders.iter().any(|folder| {
        read(&folder.join("src/main.rs")).is_some()
            || read(&folder.join("Cargo.toml")).is_some_and(|it| is_product(&it))
    })
}

/// A library that programs of other languages load is shipped as it is built, like a program.
fn is_product(manifest: &str) -> bool {
    ["[[bin]]", "\"cdylib\"", "\"staticlib\""]
        .iter()
        .any(|it| manifest.contains(it))
}

/// Returns a metric's command lines with the scripts of the tree that they name.
fn spelled_out(metric: &Metric, read: &dyn Fn(&Utf8Path) -> Option<String>) -> String {
    let lines = [metric.build.as_deref().unwrap_or_default(), &metric.run].join("\n");
    let lines = with_scripts(lines, read);
    let mut text = lines.clone();
    for word in lines.split_whitespace() {
        let path = match word {
            "make" => "Makefile",
            "just" => "justfile",
            word => word.trim_start_matches("./").trim_matches(['"', '\'']),
        };
        let script = read(Utf8Path::new(path)).filter(|it| it.len() <= SCRIPT_BYTES);
        // A program's own source says nothing about how it is built.
        if let Some(script) = script.filter(|_| Utf8Path::new(path).extension() != Some("rs")) {
            text.push('\n');
            text.push_str(&script);
        }
    }
    text
}

/// Adds the scripts of the package at the root that the lines run, and those that these run.
fn with_scripts(mut lines: String, read: &dyn Fn(&Utf8Path) -> Option<String>) -> String {
    const CLIENTS: [&str; 3] = ["npm", "pnpm", "yarn"];
    if !lines.split_whitespace().any(|it| CLIENTS.contains(&it)) {
        return lines;
    }
    let manifest = read(Utf8Path::new("package.json"));
    let package: Option<serde_json::Value> = manifest.and_then(|it| serde_json::from_str(&it).ok());
    let scripts = package.as_ref().and_then(|it| it["scripts"].as_object());
    let mut named: Vec<&str> = Vec::new();
    while let Some((name, script)) = scripts.into_iter().flatten().find(|(name, _)| {
        let mut words = lines.split_whitespace();
        !named.contains(&name.as_str()) && words.any(|it| it == name.as_str())
    }) {
        named.push(name);
        lines.push('\n');
        lines.push_str(script.as_str().unwrap_or_default());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanic::fixtures::{detection, metric, profile, reader};

    const MAIN: (&str, &str) = ("src/main.rs", "fn main() {}");

    /// Returns the offered knobs as `file key=value metric`.
    fn offered(profile: &Profile, files: &[(&str, &str)]) -> Vec<String> {
        offered_to(LanguageName::Rust, profile, files)
    }

    fn offered_to(
        language: LanguageName,
        profile: &Profile,
        files: &[(&str, &str)],
    ) -> Vec<String> {
        let detection = detection(language, None);
        let observations = knobs(
            profile,
            &detection,
            &Surface::new([], [], ["**"]),
            &reader(files),
        );
        let line = |it: &Observation| match it {
            Observation::KnobAvailable {
                file,
                key,
                proposed,
                metric,
                ..
            } => {
                let key = key.strip_prefix("profile.").unwrap_or(key);
                format!("{file} {key}={proposed} {metric}")
            }
            other => panic!("not a knob: {other:?}"),
        };
        observations.iter().map(line).collect()
    }

    #[test]
    fn knobs_that_are_not_in_effect_are_offered_for_a_benchmark() {
        assert_eq!(
            offered(&profile(), &[("Cargo.toml", "[package]\n"), MAIN]),
            [
                "Cargo.toml release.lto=\"fat\" parse_ns",
                "Cargo.toml release.codegen-units=1 parse_ns",
                "Cargo.toml release.lto=\"thin\" parse_ns"
            ]
        );
        let small = "[profile.release]\nopt-level = \"z\"\nlto = true\ncodegen-units = 1\n";
        assert_eq!(
            offered(&profile(), &[("Cargo.toml", small), MAIN]),
            ["Cargo.toml release.opt-level=3 parse_ns"]
        );
    }

    #[test]
    fn a_knob_that_the_bench_profile_shadows_is_not_offered() {
        let manifest = "[profile.bench]\nlto = false\ncodegen-units = 4\n";
        assert!(offered(&profile(), &[("Cargo.toml", manifest), MAIN]).is_empty());
    }

    #[test]
    fn knobs_need_a_metric_that_they_could_move() {
        let manifest = [("Cargo.toml", "[package]\n"), MAIN];
        for (name, unit, run) in [
            ("score", "points", "cargo run --release"),
            ("parse_ns", "ns", "cargo run"),
            ("parse_ns", "ns", "python bench.py"),
        ] {
            let profile = Profile {
                metrics: vec![metric(name, unit, run)],
                ..Profile::default()
            };
            assert!(offered(&profile, &manifest).is_empty(), "{name} {run}");
        }
        assert!(offered(&Profile::default(), &manifest).is_empty());
    }

    #[test]
    fn a_module_that_is_built_for_python_has_the_knobs_of_its_builder() {
        let profile = Profile {
            metrics: vec![metric("bench_pytest", "ns", "python3 -m pytest -q")],
            ..Profile::default()
        };
        let offered = |language, files: &[(&str, &str)]| -> Vec<String> {
            let surface = Surface::new([], [], ["**"]);
            let found = knobs(
                &profile,
                &detection(language, None),
                &surface,
                &reader(files),
            );
            let key = |it: &Observation| match it {
                Observation::KnobAvailable { key, .. } => key.clone(),
                other => panic!("not a knob: {other:?}"),
            };
            found.iter().map(key).collect()
        };
        let backend = |it: &str| format!("[build-system]\nbuild-backend = \"{it}\"\n");
        let of = |it: &str| offered(LanguageName::Python, &[("pyproject.toml", &backend(it))]);
        assert_eq!(of("mesonpy"), ["tool.meson-python.args.setup"]);
        assert_eq!(
            of("scikit_build_core.build"),
            ["tool.scikit-build.cmake.define.CMAKE_INTERPROCEDURAL_OPTIMIZATION"]
        );
        assert!(of("hatchling").is_empty());
        let plugin = ("Cargo.toml", "[lib]\ncrate-type = [\"cdylib\"]\n");
        let built_by = |it: &str| {
            offered(
                LanguageName::Rust,
                &[plugin, ("pyproject.toml", &backend(it))],
            )
        };
        assert_eq!(built_by("maturin").len(), 3);
        assert!(built_by("hatchling").is_empty());
    }

    #[test]
    fn a_script_shows_what_it_builds() {
        let profile = Profile {
            metrics: vec![metric("parse_ns", "ns", "./scripts/bench 3")],
            ..Profile::default()
        };
        let script = "#!/bin/sh\ncargo run --release --example speed\n";
        let files = [
            ("Cargo.toml", "[package]\n"),
            ("scripts/bench", script),
            MAIN,
        ];
        assert_eq!(offered(&profile, &files).len(), 3);
    }

    #[test]
    fn size_knobs_are_for_programs() {
        let profile = Profile {
            metrics: vec![metric("binary", "KiB", "stat target/release/tool")],
            ..Profile::default()
        };
        let library = [("Cargo.toml", "[package]\n")];
        assert!(offered(&profile, &library).is_empty());
        assert_eq!(offered(&profile, &[library[0], MAIN]).len(), 4);
        let plugin = [("Cargo.toml", "[lib]\ncrate-type = [\"cdylib\"]\n")];
        assert_eq!(offered(&profile, &plugin).len(), 4);
    }

    #[test]
    fn a_build_that_is_timed_has_knobs_of_its_own_profile() {
        let build = |run: &str| Profile {
            metrics: vec![metric("build_seconds", "s", run)],
            ..Profile::default()
        };
        let manifest = [("Cargo.toml", "[package]\n")];
        assert_eq!(
            offered(&build("cargo build --workspace"), &manifest),
            [
                "Cargo.toml dev.split-debuginfo=\"unpacked\" build_seconds",
                "Cargo.toml dev.debug=\"line-tables-only\" build_seconds",
            ]
        );
        assert!(offered(&build("cargo build --release"), &manifest).is_empty());
    }

    #[test]
    fn a_compilers_target_rises_to_what_the_package_promises_to_run_on() {
        let profile = Profile {
            metrics: vec![crate::config::Metric {
                build: Some("npm run build".to_owned()),
                ..metric("sum_ns", "ns", "node bench/sum.js")
            }],
            ..Profile::default()
        };
        let offered = |node: &str, target: &str, script: &str| {
            let package = format!(
                "{{\"engines\":{{\"node\":\"{node}\"}},\"scripts\":{{\"build\":\"{script}\"}}}}"
            );
            let config = format!("{{\"compilerOptions\": {{{target}}}}}");
            let files = [
                ("package.json", package.as_str()),
                ("tsconfig.json", config.as_str()),
            ];
            offered_to(LanguageName::JavaScript, &profile, &files)
        };
        let es5 = "\"target\": \"ES5\"";
        let rise = |it: &str| {
            [format!(
                "tsconfig.json compilerOptions.target=\"{it}\" sum_ns"
            )]
        };
        assert_eq!(offered(">=18", es5, "tsc -p ."), rise("es2021"));
        assert_eq!(offered("^14.17 || >=16", es5, "tsc"), rise("es2020"));
        for (node, target, script) in [
            ("*", es5, "tsc"),
            (">=18", "", "tsc"),
            (">=18", "\"target\": \"ES2022\"", "tsc"),
            (">=18", "\"target\": \"es2021\"", "tsc"),
            (">=18", es5, "rollup -c"),
        ] {
            assert!(
                offered(node, target, script).is_empty(),
                "{node} {target} {script}"
            );
        }
    }

    #[test]
    fn a_runners_setting_is_offered_for_the_time_of_the_suite_alone() {
        let asked = Profile {
            metrics: vec![Metric::suite_seconds()],
            ..Profile::default()
        };
        let package = (
            "package.json",
            "{\"devDependencies\": {\"mocha\": \"^11\"}}",
        );
        let settings = (".mocharc.json", "{ \"spec\": \"test\" }");
        let offered = |profile: &Profile, files: &[(&str, &str)]| {
            offered_to(LanguageName::JavaScript, profile, files)
        };
        let in_package = ["package.json mocha.parallel=true suite_seconds"];
        assert_eq!(offered(&asked, &[package]), in_package);
        let in_settings = [".mocharc.json parallel=true suite_seconds"];
        assert_eq!(offered(&asked, &[package, settings]), in_settings);
        let code = (".mocharc.cjs", "module.exports = {}");
        assert!(offered(&asked, &[package, settings, code]).is_empty());
        assert!(offered(&profile(), &[package, settings]).is_empty());
        let set = (".mocharc.json", "{ \"parallel\": true }");
        assert!(offered(&asked, &[package, set]).is_empty());
    }

    #[test]
    fn a_member_is_built_with_its_workspaces_profile() {
        let read = reader(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]\n"),
            ("a/Cargo.toml", "[package]\n"),
            ("b/c/Cargo.toml", "[workspace]\n"),
        ]);
        let root = |it: &str| workspace_root(it.into(), "Cargo.toml".into(), &read);
        assert_eq!(root("a"), "Cargo.toml");
        assert_eq!(root(""), "Cargo.toml");
        assert_eq!(root("b/c"), "b/c/Cargo.toml");
    }
}
