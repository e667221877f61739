//! Features on a small real package, with the real toolchain.

use super::super::Rust;
use super::*;
use crate::config::Commands;
use crate::model::hypothesis::LintRule;
use crate::model::profile::LanguageName;
use crate::toolchain::Adapter as _;
use crate::toolchain::testing::Bench;

fn asked(table: &'static str, key: &str, feature: &str) -> Asked {
    Asked {
        manifest: "Cargo.toml".into(),
        table,
        key: key.to_owned(),
        feature: feature.to_owned(),
    }
}

const MANIFEST: &str = "[dependencies]\na = { version = \"1\", features = [\"x\", \"y\"] } # why\n\
                        [dependencies.b]\nversion = \"2\"\nfeatures = [\n  \"z\",\n]\n";

#[test]
fn a_feature_goes_and_the_rest_of_the_manifest_stays() {
    let text = without(MANIFEST, &asked("dependencies", "a", "x")).unwrap();
    assert_eq!(text, MANIFEST.replace("\"x\", ", ""));
    let text = without(MANIFEST, &asked("dependencies", "b", "z")).unwrap();
    assert!(
        text.ends_with("[dependencies.b]\nversion = \"2\"\n"),
        "{text}"
    );
    assert_eq!(without(MANIFEST, &asked("dependencies", "a", "z")), None);
    assert_eq!(n_asked(MANIFEST), 3);
}

/// A package that asks its one dependency for five features: three change nothing, one nobody here needs.
fn asking() -> Bench {
    let manifest = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nother = { path = \"other\", features = [\"std\", \"all\", \"part\", \"old\", \"used\", \"spare\"] }\n\n\
         [workspace]\nexclude = [\"other\"]\n";
    let other = "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[features]\n\
                 default = [\"std\"]\nstd = []\nall = [\"part\"]\npart = []\nold = []\nused = []\nspare = []\n";
    let source = "#[cfg(feature = \"std\")] pub fn std() {}\n#[cfg(feature = \"all\")] pub fn all() {}\n\
                  #[cfg(feature = \"part\")] pub fn part() {}\n#[cfg(feature = \"used\")] pub fn used() {}\n\
                  #[cfg(feature = \"spare\")] pub fn spare() {}\n";
    let files = [
        ("Cargo.toml", manifest),
        ("src/lib.rs", "pub use other::{all, std, used};\n"),
        ("other/Cargo.toml", other),
        ("other/src/lib.rs", source),
    ];
    Bench::new(LanguageName::Rust, &files, Commands::default())
}

#[tokio::test]
async fn features_that_change_nothing_are_found_and_those_that_nothing_needs_are_tried() {
    let bench = asking();
    let Outcome::Measured(found) = Rust.lint(&bench.job()).await.unwrap() else {
        panic!("clippy did not run");
    };
    let found: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(
        found,
        [
            "the feature `std` of `other` is among its defaults",
            "the feature `part` of `other` comes with `all`",
            "the feature `old` of `other` turns on nothing, and its source never asks for it",
        ]
    );
    let manifest = || std::fs::read_to_string(bench.tree.root().join("Cargo.toml")).unwrap();
    let rule = |name: &str| LintRule {
        tool: TOOL.to_owned(),
        rule: name.to_owned(),
    };
    let fixed = Rust
        .fix(&bench.job(), &rule(REDUNDANT), &|_| true)
        .await
        .unwrap();
    assert_eq!(fixed, Outcome::Measured(1));
    assert!(
        manifest().contains("features = [\"all\", \"used\", \"spare\"]"),
        "{}",
        manifest()
    );
    let lock = bench.tree.root().join("Cargo.lock");
    std::fs::remove_file(&lock).unwrap();
    let fixed = Rust
        .fix(&bench.job(), &rule(TRIED), &|_| true)
        .await
        .unwrap();
    assert_eq!(fixed, Outcome::Measured(1));
    assert!(
        manifest().contains("features = [\"all\", \"used\"]"),
        "{}",
        manifest()
    );
    assert!(!lock.exists(), "the project tracks none");
}
