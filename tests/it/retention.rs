//! What is let go and what stays: prune, targets that are gone.

use crate::support::{CEO, TestEnv};

#[test]
fn targets_are_listed_with_their_record_and_let_go_when_they_are_gone() {
    let env = TestEnv::new();
    let repo = env.fixture("two_numbers");
    repo.factory(CEO).exits(0);
    let targets = env.run(&["targets", "--json"]).exits(0).json();
    assert!(targets.to_string().contains(repo.str()), "{targets:#}");
    let line = &targets["targets"][0];
    assert_eq!(
        (&line["gone"], &line["kept"]),
        (&false.into(), &2.into()),
        "{targets:#}"
    );
    let anchor = repo.rev("refs/factory/candidates");
    let pruned = repo
        .factory(&["prune", "--keep", "0", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        pruned["candidates"],
        serde_json::json!([]),
        "kept work stays: {pruned:#}"
    );
    assert_eq!(repo.rev("refs/factory/candidates"), anchor);
    std::fs::rename(&repo.path, env.work().join("moved")).unwrap();
    let targets = env.run(&["targets", "--json"]).exits(0).json();
    assert_eq!(targets["targets"][0]["gone"], true, "{targets:#}");
    let other = env.repo("other", &[("a.txt", "a\n")]);
    let dry = other
        .factory(&["prune", "--dry-run", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&dry["done"], dry["folders"].as_array().unwrap().len()),
        (&false.into(), 1)
    );
    let done = other.factory(&["prune", "--json"]).exits(0).json();
    assert!(done["folder_bytes"].as_u64().unwrap() > 0, "{done:#}");
    assert!(!std::path::Path::new(done["folders"][0].as_str().unwrap()).exists());
    let targets = env.run(&["targets", "--json"]).exits(0).json();
    assert_eq!(targets["targets"], serde_json::json!([]));
}
