//! Trees with benchmarks of every kind that is known, and of some that are not.

use super::*;
use crate::model::profile::{DirectoryState, Purpose, Tool};
use crate::toolchain::testing::Tree;

fn found(language: LanguageName, files: &[(&str, &str)]) -> ProposedMetrics {
    let tree = Tree::new(files);
    let project = Project {
        language,
        root: Utf8PathBuf::new(),
        manifests: Vec::new(),
        uses: BTreeMap::new(),
    };
    let pytest = Tool {
        name: "pytest".to_owned(),
        language: LanguageName::Python,
        purpose: Purpose::Test,
        command: Some(vec![
            tree.root().join(".venv/bin/python").into_string(),
            "-m".to_owned(),
            "pytest".to_owned(),
        ]),
        version: None,
        install: String::new(),
    };
    let detection = Detection {
        schema: "factory.detect/1".into(),
        root: tree.root().to_owned(),
        state: DirectoryState::Codebase,
        languages: vec![project],
        tools: vec![pytest],
        extensions: BTreeMap::new(),
    };
    benchmarks(tree.root(), &tree.files(), &detection)
}

fn runs(proposed: &ProposedMetrics) -> Vec<(&str, &str)> {
    let metrics = proposed.metrics.iter();
    metrics
        .map(|it| (it.name.as_str(), it.run.as_str()))
        .collect()
}

const PACKAGE: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";

#[test]
fn bench_targets_with_a_known_runner_are_metrics() {
    let manifest = format!(
        "{PACKAGE}\n[[bench]]\nname = \"parse\"\nharness = false\nrequired-features = [\"x\", \"y\"]\n\
         \n[[bench]]\nname = \"fill\"\npath = \"speed/fill.rs\"\nharness = false\n\
         \n[[bench]]\nname = \"own\"\nharness = false\n\
         \n[dev-dependencies]\ncriterion = \"0.8\"\ndivan = \"0.1\"\n"
    );
    let proposed = found(
        LanguageName::Rust,
        &[
            ("Cargo.toml", &manifest),
            ("src/lib.rs", ""),
            ("benches/parse.rs", "use criterion::Criterion;"),
            ("speed/fill.rs", "fn main() { divan::main(); }"),
            ("benches/own.rs", "fn main() {}"),
            ("benches/old.rs", "#[bench]\nfn b(b: &mut Bencher) {}"),
            ("benches/shared.rs", "pub fn input() {}"),
        ],
    );
    assert_eq!(
        runs(&proposed),
        [
            (
                "bench_parse",
                "cargo bench --bench parse --features x,y -- --warm-up-time 0.1 --measurement-time 0.2 --sample-size 10 --nresamples 2000 --noplot"
            ),
            (
                "bench_fill",
                "cargo bench --bench fill -- --max-time 0.2 --color never"
            ),
        ]
    );
    assert_eq!(
        proposed.metrics[0].build.as_deref(),
        Some("cargo bench --bench parse --features x,y --no-run")
    );
    assert_eq!(
        proposed.notes,
        [
            "`benches/own.rs` has a harness of its own, or one that the manifest does not name",
            "`benches/old.rs` uses `#[bench]`, which only a nightly compiler builds",
        ]
    );
}

#[test]
fn the_time_of_a_build_waits_for_a_person() {
    let proposed = found(
        LanguageName::Rust,
        &[("Cargo.toml", PACKAGE), ("src/lib.rs", "")],
    );
    assert!(proposed.metrics.is_empty());
    let build = &proposed.on_request[0];
    assert_eq!(build.name, "build_seconds");
    assert_eq!(build.before.as_deref(), Some("cargo clean -p a"));
    assert_eq!(build.run, "cargo build --workspace");
}

#[test]
fn a_member_of_a_workspace_is_named_and_those_beyond_the_first_few_wait() {
    let member = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n[[bench]]\nname = \"speed\"\nharness = false\n\
             \n[dev-dependencies]\ncriterion = \"0.8\"\n"
        )
    };
    let manifests: Vec<String> = ["a", "b", "c", "d"].iter().map(|it| member(it)).collect();
    let mut files = vec![(
        "Cargo.toml".to_owned(),
        "[workspace]\nmembers = [\"*\"]\n".to_owned(),
    )];
    for (name, manifest) in ["a", "b", "c", "d"].iter().zip(manifests) {
        files.push((format!("{name}/Cargo.toml"), manifest));
        files.push((format!("{name}/src/lib.rs"), String::new()));
        files.push((
            format!("{name}/benches/speed.rs"),
            "use criterion::*;".to_owned(),
        ));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    let proposed = found(LanguageName::Rust, &files);
    let names: Vec<&str> = runs(&proposed).iter().map(|it| it.0).collect();
    assert_eq!(names, ["bench_speed", "bench_speed_2", "bench_speed_3"]);
    assert!(
        proposed.metrics[1]
            .run
            .starts_with("cargo bench -p b --bench speed")
    );
    assert_eq!(proposed.on_request[0].name, "bench_speed_4");
}

#[test]
fn go_packages_with_benchmarks_are_metrics() {
    let bench = "package a\nfunc BenchmarkSum(b *testing.B) {}\n";
    let proposed = found(
        LanguageName::Go,
        &[
            ("go.mod", "module example.com/a\n"),
            ("a_test.go", bench),
            ("in ner/b_test.go", bench),
            (
                "other/c_test.go",
                "package c\nfunc TestC(t *testing.T) {}\n",
            ),
        ],
    );
    assert_eq!(
        runs(&proposed),
        [
            (
                "bench_go",
                "go test -count 1 -run '^$' -bench . -benchtime 50ms ./"
            ),
            (
                "bench_in_ner",
                "go test -count 1 -run '^$' -bench . -benchtime 50ms './in ner'"
            ),
        ]
    );
}

#[test]
fn vitest_benchmarks_are_a_metric_and_a_script_is_a_note() {
    let vitest = "{\"name\": \"a\", \"devDependencies\": {\"vitest\": \"4\"}}";
    let proposed = found(
        LanguageName::JavaScript,
        &[("package.json", vitest), ("src/a.bench.ts", "")],
    );
    assert_eq!(proposed.metrics[0].parser, "vitest-bench");
    assert!(
        proposed.metrics[0]
            .run
            .ends_with("vitest bench --run --outputJson /dev/stdout")
    );
    let script = "{\"name\": \"a\", \"scripts\": {\"bench\": \"node bench.js\"}}";
    let proposed = found(
        LanguageName::JavaScript,
        &[("package.json", script), ("index.js", "")],
    );
    assert!(proposed.metrics.is_empty());
    assert!(proposed.notes[0].starts_with("the script `bench` of `package.json`"));
}

#[test]
fn the_benchmark_fixture_counts_where_its_plugin_is_declared() {
    let test = "def test_sum(tmp_path, benchmark):\n    benchmark(sum, [])\n";
    let declared =
        "[project]\nname = \"a\"\n[dependency-groups]\ndev = [\"pytest\", \"pytest-benchmark\"]\n";
    let files = [("pyproject.toml", declared), ("tests/test_speed.py", test)];
    let proposed = found(LanguageName::Python, &files);
    assert_eq!(
        proposed.metrics[0].run,
        ".venv/bin/python -m pytest -q --benchmark-only --benchmark-max-time=0.1 \
         --benchmark-min-rounds=5 --benchmark-json=/dev/stdout tests/test_speed.py"
    );
    let other = [("pyproject.toml", "[project]\nname = \"a\"\n"), files[1]];
    assert!(found(LanguageName::Python, &other).metrics.is_empty());
}
