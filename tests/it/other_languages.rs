//! A language that has no adapter, by the commands of its profile.

use std::path::Path;

use crate::support::{PACKAGE, TestEnv};

const EXAMPLE: &str = "experiments/counter-c";

#[test]
fn a_language_by_its_commands_is_measured_like_any_other() {
    let env = TestEnv::new();
    let repo = env.copy_of(&Path::new(PACKAGE).join(EXAMPLE), "counter");
    let detected = repo.factory(&["detect", "--json"]).exits(0).json();
    assert_eq!(detected["languages"][0]["language"], "c");

    let document = repo.factory(&["eval", "--json"]).exits(0).json();
    let dimension = |name: &str| {
        let all = document["dimensions"].as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(
        dimension("tests")["detail"],
        "5 passed, 0 failed, 0 skipped"
    );
    let lint = dimension("lint");
    assert_eq!(lint["detail"], "1 unused-variable", "{lint:#}");

    repo.write(
        "counter.c",
        "int count_words(const char *text) { return }\n",
    );
    let broken = repo.factory(&["eval", "--worktree", "--json"]).json();
    assert_eq!(broken["vetoes"][0]["rule"], "does_not_build", "{broken:#}");
}
