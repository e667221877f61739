//! Several variants of one hypothesis: the best is tested once, on pairs of its own.

use crate::runs::{assert_replays, noisy_constant, shown};
use crate::support::{TestEnv, ceo_with};

#[test]
fn the_best_of_three_values_is_tested_on_pairs_of_its_own() {
    let env = TestEnv::new();
    let repo = noisy_constant(&env, "maximize", &["110", "120", "150"]);
    let args = ceo_with(&["--cycles", "1", "--variants", "3"]);
    let run = repo.factory(&args).exits(0).json();
    assert_eq!(run["kept"], 1, "{run:#}");
    assert_eq!(
        repo.git(&["show", "factory/best:conf.py"]),
        "\"\"\"Settings.\"\"\"\n\nN = 150\n"
    );
    let experiment = &shown(&repo, 1)["experiment"];
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
    assert_replays(&repo, 1);
}
