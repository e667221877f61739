//! Rules about this package's own files that no compiler checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::{PACKAGE, list};

/// The longest a source file may be, in lines.
const LONGEST_FILE: usize = 800;

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(PACKAGE).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file git would track, relative to the package.
fn files() -> Vec<PathBuf> {
    ignore::WalkBuilder::new(PACKAGE)
        .hidden(false)
        .require_git(false)
        .filter_entry(|it| it.file_name() != ".git")
        .build()
        .map(|it| it.unwrap())
        .filter(|it| it.file_type().is_some_and(|kind| kind.is_file()))
        .map(|it| it.path().strip_prefix(PACKAGE).unwrap().to_path_buf())
        .collect()
}

fn rust_files_below(folder: &str) -> Vec<PathBuf> {
    files()
        .into_iter()
        .filter(|it| it.starts_with(folder) && it.extension().is_some_and(|it| it == "rs"))
        .collect()
}

/// The modules in the order of `src/lib.rs`, each with the heading it stands below.
fn modules() -> Vec<(String, String)> {
    let mut heading = String::new();
    let mut modules = Vec::new();
    for line in read("src/lib.rs").lines() {
        if let Some(text) = line.strip_prefix("// ") {
            heading = text.to_string();
        } else if let Some(name) = line.strip_prefix("pub mod ") {
            modules.push((name.trim_end_matches(';').to_string(), heading.clone()));
        }
    }
    assert!(
        modules.len() > 10,
        "src/lib.rs no longer lists the modules as expected"
    );
    modules
}

/// Source without comments and texts, so that prose and data may mention what code may not use.
fn code_of(text: &str) -> String {
    let noise = concat!(
        r###"(?s)r#+".*?"#+|r".*?"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)'"###,
        r"|//[^\n]*"
    );
    Regex::new(noise)
        .unwrap()
        .replace_all(text, "\"\"")
        .into_owned()
}

/// What of a file is compiled into the program: not its tests.
fn shipped_code_of(file: &Path) -> String {
    if is_for_tests(file) {
        return String::new();
    }
    let code = code_of(&read(file));
    code.split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap()
        .to_string()
}

/// Whether the file is a module that its parent declares for tests alone.
fn is_for_tests(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let folder = file.parent().unwrap();
    let declared = Regex::new(&format!(
        r"#\[cfg\(test\)\]\s*(pub(\([a-z]+\))? )?mod {name};"
    ))
    .unwrap();
    let parents = [
        folder.join("mod.rs"),
        folder.join("lib.rs"),
        folder.with_extension("rs"),
    ];
    let parents = parents
        .iter()
        .filter(|it| Path::new(PACKAGE).join(it).exists());
    parents.into_iter().any(|it| declared.is_match(&read(it)))
}

/// The names that follow `crate::`, also inside `use crate::{a::b, c}`.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let plain = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let group = Regex::new(r"\bcrate::\{").unwrap();
    let first = Regex::new(r"^\s*([a-z_]+)").unwrap();
    let mut names: BTreeSet<String> = plain
        .captures_iter(code)
        .map(|it| it[1].to_string())
        .collect();
    for found in group.find_iter(code) {
        for item in top_level_items(&code[found.end()..]) {
            names.extend(first.captures(&item).map(|it| it[1].to_string()));
        }
    }
    names
}

/// The comma-separated items up to the closing brace of a group, nested groups left whole.
fn top_level_items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut depth = 0;
    for symbol in text.chars() {
        match symbol {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(String::new()),
            _ => {
                depth += i32::from(symbol == '{') - i32::from(symbol == '}');
                items.last_mut().unwrap().push(symbol);
            }
        }
    }
    items
}

#[test]
fn grouped_imports_are_understood() {
    let code = "use crate::{model::{id, verdict}, stats};\nlet x = crate::gate::judge();";
    let found: Vec<String> = crate_paths(code).into_iter().collect();
    assert_eq!(found, ["gate", "model", "stats"]);
}

#[test]
fn a_module_uses_only_those_listed_above_it() {
    let order: Vec<String> = modules().into_iter().map(|it| it.0).collect();
    let mut broken = Vec::new();
    for file in rust_files_below("src") {
        let module = file
            .components()
            .nth(1)
            .unwrap()
            .as_os_str()
            .to_string_lossy()
            .into_owned();
        let Some(own) = order
            .iter()
            .position(|it| *it == module.trim_end_matches(".rs"))
        else {
            continue;
        };
        for used in crate_paths(&code_of(&read(&file))) {
            match order.iter().position(|it| *it == used) {
                Some(position) if position <= own => {}
                _ => broken.push(format!("{} uses crate::{used}", file.display())),
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_module_is_in_the_list_and_every_listed_one_is_there() {
    let listed: BTreeSet<String> = modules().into_iter().map(|it| it.0).collect();
    let found: BTreeSet<String> = list(&Path::new(PACKAGE).join("src"))
        .iter()
        .map(|it| it.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|it| it != "lib" && it != "main")
        .collect();
    assert_eq!(listed, found);
}

#[test]
fn nothing_climbs_two_modules_up() {
    let climbing: Vec<_> = rust_files_below("src")
        .into_iter()
        .filter(|it| shipped_code_of(it).contains("super::super"))
        .collect();
    assert!(climbing.is_empty(), "{climbing:?}");
}

#[test]
fn pure_modules_deny_what_is_outside() {
    const FENCE: &str = "#![deny(clippy::disallowed_methods, clippy::disallowed_types)]";
    let pure: Vec<String> = modules()
        .into_iter()
        .filter(|it| it.1 == "pure")
        .map(|it| it.0)
        .collect();
    assert!(!pure.is_empty());
    for module in pure {
        let text = read(format!("src/{module}/mod.rs"));
        assert!(text.contains(FENCE), "src/{module}/mod.rs lacks {FENCE}");
    }
}

#[test]
fn only_the_repository_module_names_the_git_library() {
    assert_confined(r"\bgit2::", &["src/repo/"]);
    assert_confined(r"\bpolars(_io)?::", &["src/archive/"]);
}

#[test]
fn only_the_ui_prints() {
    // Beside the faces, only tests speak: to say aloud that they were skipped.
    let may_print = [
        "src/ui/",
        "src/main.rs",
        "src/toolchain/testing.rs",
        "src/store/crash.rs",
    ];
    assert_confined(r"\be?print(ln)?!", &may_print);
}

#[test]
fn only_main_ends_the_process() {
    assert_confined(r"\bprocess::exit\b", &["src/main.rs"]);
}

/// Asserts that only files below the given paths match.
#[track_caller]
fn assert_confined(pattern: &str, to: &[&str]) {
    let regex = Regex::new(pattern).unwrap();
    let elsewhere: Vec<_> = rust_files_below("src")
        .into_iter()
        .filter(|file| !to.iter().any(|it| file.to_str().unwrap().starts_with(it)))
        .filter(|file| regex.is_match(&shipped_code_of(file)))
        .collect();
    assert!(
        elsewhere.is_empty(),
        "{pattern} belongs in {to:?}, not in {elsewhere:?}"
    );
}

#[test]
fn every_source_file_opens_with_its_purpose() {
    let silent: Vec<_> = ["src", "tests/it", "benches"]
        .iter()
        .flat_map(|it| rust_files_below(it))
        .filter(|it| !is_for_tests(it) && !read(it).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:?} do not open with `//!`");
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<_> = ["src", "tests/it", "benches"]
        .iter()
        .flat_map(|it| rust_files_below(it))
        .map(|it| (read(&it).lines().count(), it))
        .filter(|it| it.0 > LONGEST_FILE)
        .collect();
    assert!(
        long.is_empty(),
        "{long:?} have more than {LONGEST_FILE} lines"
    );
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let allowing: Vec<_> = ["src", "tests/it", "benches"]
        .iter()
        .flat_map(|it| rust_files_below(it))
        .filter(|it| {
            Regex::new(r"(?m)^\s*#!?\[allow\(")
                .unwrap()
                .is_match(&code_of(&read(it)))
        })
        .collect();
    assert!(allowing.is_empty(), "{allowing:?}");
}

#[test]
fn every_dependency_is_explained() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let explained = read("docs/dependencies.md");
    let missing: Vec<&String> = ["dependencies", "dev-dependencies"]
        .iter()
        .flat_map(|it| manifest[*it].as_table().unwrap().keys())
        .filter(|name| !explained.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/dependencies.md does not explain {missing:?}"
    );
}

#[test]
fn the_readme_maps_every_top_level_folder() {
    let readme = read("README.md");
    let folders: BTreeSet<String> = files()
        .iter()
        .filter(|it| it.components().count() > 1)
        .map(|it| {
            it.components()
                .next()
                .unwrap()
                .as_os_str()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|it| ![".config", "proptest-regressions"].contains(&it.as_str()))
        .collect();
    let missing: Vec<_> = folders
        .iter()
        .filter(|it| !readme.contains(&format!("`{it}/")))
        .collect();
    assert!(
        missing.is_empty(),
        "the README's folder map lacks {missing:?}"
    );
}

#[test]
fn the_architecture_names_every_module_in_order() {
    let page = read("docs/architecture.md");
    let row = Regex::new(r"(?m)^\| `([a-z]+)` \|").unwrap();
    let named: Vec<String> = row
        .captures_iter(&page)
        .map(|it| it[1].to_string())
        .collect();
    let listed: Vec<String> = modules().into_iter().map(|it| it.0).collect();
    assert_eq!(named, listed);
}

#[test]
fn every_page_is_in_the_table_of_contents_and_every_link_leads_somewhere() {
    let contents = read("docs/README.md");
    let link = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    let linked: BTreeSet<String> = link
        .captures_iter(&contents)
        .map(|it| it[1].to_string())
        .collect();
    let found: BTreeSet<String> = list(&Path::new(PACKAGE).join("docs"))
        .iter()
        .map(|it| it.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|it| it != "README.md")
        .collect();
    assert_eq!(linked, found);
}

#[test]
fn every_test_that_the_truth_traps_name_is_there() {
    let is_rust = |it: &PathBuf| it.extension().is_some_and(|it| it == "rs");
    let sources: String = files().into_iter().filter(is_rust).map(read).collect();
    let fixtures = Path::new(PACKAGE).join("tests/fixtures");
    let mut without = Vec::new();
    let page = read("docs/truth-traps.md");
    let quoted = Regex::new("`([a-z0-9_]+)`").unwrap();
    for trap in page.split("\n## ").skip(1) {
        let (title, text) = trap.split_once('\n').unwrap();
        let tests = text.split_once("**Test").map_or("", |it| it.1);
        let names: Vec<&str> = quoted
            .captures_iter(tests)
            .map(|it| it.get(1).unwrap().as_str())
            .collect();
        let is_test = |name: &&str| sources.contains(&format!("fn {name}("));
        if !names.iter().any(is_test) {
            without.push(title.to_owned());
        }
        let unknown = |it: &&str| !is_test(it) && !fixtures.join(it).is_dir();
        without.extend(
            names
                .into_iter()
                .filter(unknown)
                .map(|it| format!("{title}: {it}")),
        );
    }
    assert!(without.is_empty(), "no test for {without:#?}");
}

#[test]
fn data_folders_explain_themselves() {
    for folder in ["experiments", "evals", "archive", "playbooks", "docs"] {
        let path = Path::new(PACKAGE).join(folder);
        let readme = path.join("README.md");
        assert!(
            !path.exists() || readme.exists(),
            "{} is missing",
            readme.display()
        );
    }
}

#[test]
fn no_file_names_a_machine_or_a_person_s_folder() {
    let machine = ["/wo", "/ro", "/home/"]
        .iter()
        .zip(["rk/", "ot/", "[a-z]+/"]);
    let alternatives: Vec<String> = machine.map(|(a, b)| format!("{a}{b}")).collect();
    let pattern = format!(r#"(^|[\s"'`(=])({})"#, alternatives.join("|"));
    let regex = Regex::new(&pattern).unwrap();
    let mut found = Vec::new();
    for file in files() {
        let Ok(text) = fs::read_to_string(Path::new(PACKAGE).join(&file)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate().filter(|it| regex.is_match(it.1)) {
            found.push(format!("{}:{}: {line}", file.display(), number + 1));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_test_file_is_forgotten() {
    let main = read("tests/it/main.rs");
    let forgotten: Vec<_> = list(&Path::new(PACKAGE).join("tests/it"))
        .iter()
        .filter(|it| it.extension().is_some_and(|it| it == "rs"))
        .map(|it| it.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|it| it != "main" && !main.contains(&format!("mod {it};")))
        .collect();
    assert!(
        forgotten.is_empty(),
        "tests/it/main.rs does not name {forgotten:?}"
    );
}
