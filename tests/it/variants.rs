//! Several variants of one hypothesis: the best is tested once, on pairs of its own.

use crate::support::{TestEnv, ceo_with};

/// A number that a constant moves, with noise that is small beside it.
const BENCH: &str = "N=$(sed -n 's/^N = //p' conf.py)
r=$(od -An -N2 -tu2 /dev/urandom)
echo \"METRIC rate=$((N * 1000 + r % 500))\"
";

const PROFILE: &str = r#"
[scope]
fixed = ["bench.sh"]

[eval]
skip = ["lint", "types", "coverage", "capability", "observability", "tests", "config"]

[[guard]]
name = "ok"
run = "true"

[[metric]]
name = "rate"
run = "sh bench.sh"
direction = "maximize"
only_claimed = true

[[parameter]]
file = "conf.py"
name = "N"
choices = ["110", "120", "150"]
metric = "rate"

[run]
variants = 3
"#;

#[test]
fn the_best_of_three_values_is_tested_on_pairs_of_its_own() {
    let env = TestEnv::new();
    let files = [
        ("conf.py", "\"\"\"Settings.\"\"\"\n\nN = 100\n"),
        ("bench.sh", BENCH),
        ("factory.toml", PROFILE),
    ];
    let repo = env.repo("target", &files);
    let run = repo.factory(&ceo_with(&["--cycles", "1"])).exits(0).json();
    assert_eq!(run["kept"], 1, "{run:#}");
    assert_eq!(
        repo.git(&["show", "factory/best:conf.py"]),
        "\"\"\"Settings.\"\"\"\n\nN = 150\n"
    );
    let shown = repo.factory(&["show", "1", "--json"]).exits(0).json();
    let experiment = &shown["experiment"];
    let screening = &experiment["screening"];
    assert_eq!(screening["winner"], 3, "{screening:#}");
    let n_pairs = |idx: usize| {
        screening["variants"][idx]["pairs"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!([0, 1, 2].map(n_pairs), [1, 2, 2]);
    assert_eq!(
        experiment["hypothesis"]["key"],
        screening["variants"][2]["key"]
    );
    let evidence = &experiment["evidence"];
    assert_eq!(evidence["plan"]["stream"]["index"], 1);
    let of_the_test = evidence["pairs"].as_array().unwrap();
    let of_the_choice = screening["variants"][2]["pairs"].as_array().unwrap();
    assert!(of_the_choice.iter().all(|it| !of_the_test.contains(it)));
    let page = repo.factory(&["show", "1"]).exits(0).stdout;
    assert!(page.contains("left behind"), "{page}");
    let replayed = repo.factory(&["replay", "1", "--json"]).exits(0).json();
    assert_eq!(replayed["agrees"], true, "{replayed:#}");
}
