//! Which bets are placed on what was seen, and in which order.

use super::*;
use crate::agent::contract;
use crate::mechanic::fixtures::{evaluation, finding, metric, profile, rule};
use crate::model::fixtures;
use crate::model::hypothesis::{Category, Claim};
use proptest::prelude::*;

fn lint(tool: &str, name: &str, count: usize, fixable: usize) -> Observation {
    Observation::LintFindings {
        rule: rule(tool, name),
        count,
        fixable,
        places: vec![
            "a.py:7".to_owned(),
            "b.py:9".to_owned(),
            "c.py:1".to_owned(),
        ],
    }
}

fn knob(key: &str, proposed: &str) -> Observation {
    Observation::KnobAvailable {
        file: "Cargo.toml".into(),
        key: key.to_owned(),
        current: None,
        proposed: proposed.to_owned(),
        why: "it inlines across crates".to_owned(),
        metric: "parse_ns".to_owned(),
    }
}

fn parameter(current: &str, proposed: &str) -> Observation {
    Observation::ParameterAvailable {
        file: "src/lib.rs".into(),
        name: "CHUNK".to_owned(),
        current: current.to_owned(),
        proposed: proposed.to_owned(),
        why: "larger chunks are fewer.".to_owned(),
        metric: "parse_ns".to_owned(),
    }
}

fn wish(source: &str, text: &str) -> Observation {
    Observation::Wish {
        text: text.to_owned(),
        source: source.to_owned(),
    }
}

fn seen() -> Vec<Observation> {
    vec![
        lint("ruff", "F541", 1, 1),
        lint("ruff", "F401", 3, 2),
        lint("ruff", "E501", 9, 0),
        Observation::Unformatted {
            tool: "black".to_owned(),
            files: 2,
        },
        knob("profile.release.lto", "\"fat\""),
        parameter("16", "64"),
        parameter("16", "256"),
        Observation::FailingTest { id: "a".to_owned() },
    ]
}

fn strategise(observations: &[Observation], history: &[Summary]) -> Vec<Hypothesis> {
    strategise_in(&profile(), observations, history)
}

fn strategise_in(
    profile: &Profile,
    observations: &[Observation],
    history: &[Summary],
) -> Vec<Hypothesis> {
    let findings = vec![
        finding(("a.py", 7), "ruff", "F401", true),
        finding(("b.py", 9), "ruff", "F401", false),
        finding(("tests/c.py", 1), "ruff", "F401", true),
        finding(("d.py", 1), "ruff", "F541", true),
    ];
    hypotheses(&Ground {
        observations,
        evaluation: &evaluation(findings),
        profile,
        history,
        tried: &BTreeSet::new(),
        may_touch: &|it| !it.starts_with("tests"),
        hashes: &|it| {
            it.iter()
                .map(|it| (it.to_path_buf(), "hash".to_owned()))
                .collect()
        },
    })
}

fn keys(hypotheses: &[Hypothesis]) -> Vec<&str> {
    hypotheses.iter().map(|it| it.key.as_str()).collect()
}

#[test]
fn all_safe_fixes_are_one_hypothesis_and_every_value_its_own() {
    let hypotheses = strategise(&seen(), &[]);
    assert_eq!(
        keys(&hypotheses),
        [
            "fixes:ruff:F401,ruff:F541",
            "format:black",
            "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
            "constant:src/lib.rs:CHUNK=16->64@parse_ns",
            "constant:src/lib.rs:CHUNK=16->256@parse_ns",
        ]
    );
    let categories: Vec<Category> = hypotheses.iter().map(|it| it.category).collect();
    assert_eq!(
        categories,
        [
            Category::Fix,
            Category::Fix,
            Category::Exploit,
            Category::Explore,
            Category::Explore
        ]
    );
    let claims: Vec<&str> = hypotheses.iter().map(|it| it.claim.kind()).collect();
    assert_eq!(claims, ["moves", "keeps", "moves", "moves", "moves"]);
}

#[test]
fn fixes_cite_what_was_seen_and_name_the_files() {
    let fixes = &strategise(&seen(), &[])[0];
    assert_eq!(fixes.title, "Fix 2 ruff lints: F401, F541");
    assert_eq!(
        fixes.why,
        "Found: ruff F541 (1 finding, 1 with a safe fix, at a.py:7 and b.py:9); \
         ruff F401 (3 findings, 2 with a safe fix, at a.py:7 and b.py:9)."
    );
    let named: Vec<&str> = fixes.files.keys().map(|it| it.as_str()).collect();
    assert_eq!(named, ["a.py", "d.py"]);
    // Half of the composite, half of the tier, four tenths to gain, three of four findings.
    assert!((fixes.expected_gain - 0.5 * 0.5 * 0.4 * 0.75).abs() < 1e-12);
}

#[test]
fn a_knob_has_the_catalogues_title_and_guess() {
    let knob = &strategise(&seen(), &[])[2];
    assert_eq!(knob.title, "Build release with fat LTO");
    assert!((knob.expected_gain - 0.04).abs() < 1e-12);
    assert_eq!(
        knob.why,
        "`profile.release.lto` in Cargo.toml is left at its default, false; it inlines across \
         crates; `parse_ns` is measured on a build with this profile."
    );
    let Claim::Moves { metric, delta } = &knob.claim else {
        panic!("{:?}", knob.claim);
    };
    assert_eq!((metric.as_str(), delta), ("parse_ns", &None));
    assert!(knob.files.contains_key(Utf8Path::new("Cargo.toml")));
}

#[test]
fn focus_is_exactly_one_hypothesis() {
    for (words, key) in [
        ("ruff F401", "fixes:ruff:F401"),
        ("clippy::needless_clone", "fixes:clippy::needless_clone"),
        ("format", "format:black"),
        (
            "profile.release.lto=fat",
            "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
        ),
        (
            "profile.release.lto",
            "knob:Cargo.toml:profile.release.lto=fat@parse_ns",
        ),
        (
            "profile.release.panic=abort",
            "knob:Cargo.toml:profile.release.panic=abort@parse_ns",
        ),
        ("CHUNK", "constant:src/lib.rs:CHUNK=16->64@parse_ns"),
        ("CHUNK=256", "constant:src/lib.rs:CHUNK=16->256@parse_ns"),
        ("CHUNK=512", "constant:src/lib.rs:CHUNK=->512@parse_ns"),
        ("Add a flag", "words:add a flag"),
    ] {
        let mut observations = seen();
        observations.push(wish("focus", words));
        observations.push(wish("backlog", "something else"));
        assert_eq!(keys(&strategise(&observations, &[])), [key], "{words}");
    }
}

#[test]
fn a_backlog_item_comes_beside_the_rest() {
    let mut observations = seen();
    observations.push(wish("backlog", "add a flag"));
    let hypotheses = strategise(&observations, &[]);
    assert_eq!(hypotheses.len(), 6);
    assert_eq!(hypotheses[0].title, "Add a flag");
    assert!(matches!(&hypotheses[0].change, Change::Words { text } if text == "add a flag"));
}

fn kept(key: &str) -> Summary {
    Summary {
        key: key.parse().unwrap(),
        ..fixtures::summary(1, Verdict::Keep)
    }
}

#[test]
fn a_value_that_was_left_behind_is_not_tried_again() {
    let observations = [parameter("64", "16"), parameter("64", "256")];
    let history = [kept("constant:src/lib.rs:CHUNK=16->64@parse_ns")];
    assert_eq!(
        keys(&strategise(&observations, &history)),
        ["constant:src/lib.rs:CHUNK=64->256@parse_ns"]
    );
    let other_metric = [kept("constant:src/lib.rs:CHUNK=16->64@memory")];
    assert_eq!(strategise(&observations, &other_metric).len(), 2);
}

#[test]
fn halves_of_a_vetoed_bundle_hold_every_rule_once() {
    let rules: Vec<LintRule> = ["F401", "F541", "UP009"].map(|it| rule("ruff", it)).into();
    let (left, right) = bisect(&draft::fixes(&rules, &[])).unwrap();
    assert_eq!(
        keys(&[left.clone(), right]),
        ["fixes:ruff:F401", "fixes:ruff:F541,ruff:UP009"]
    );
    assert!(bisect(&left).is_none());
    assert!(bisect(&draft::format("black", 1)).is_none());
}

#[test]
fn fixes_about_speed_claim_the_benchmark_first_and_are_fixes_once_that_was_tried() {
    let observations = [
        lint("clippy", "clippy::useless_vec", 2, 1),
        lint("clippy", "clippy::len_zero", 1, 1),
    ];
    let found = strategise(&observations, &[]);
    let keys: Vec<&str> = found.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "fixes:clippy::len_zero",
            "faster:clippy::useless_vec@parse_ns"
        ]
    );
    assert_eq!(
        found[1].claim,
        Claim::Moves {
            metric: "parse_ns".parse().unwrap(),
            delta: None
        }
    );
    let tried = Summary {
        verdict: Verdict::Revert,
        ..kept(found[1].key.as_str())
    };
    let found = strategise(&observations, &[tried]);
    let keys: Vec<&str> = found.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["fixes:clippy::len_zero,clippy::useless_vec"]);
}

#[test]
fn fixes_about_speed_claim_a_benchmark_of_their_own_language() {
    for (tool, rule, run) in [
        ("eslint", "unicorn/prefer-set-has", "node bench/sum.js"),
        (
            "eslint",
            "no-extra-bind",
            "npx --no-install vitest bench --run",
        ),
        ("biome", "complexity/useFlatMap", "npm run bench"),
        ("staticcheck", "S1011", "go test -run '^$' -bench . ."),
    ] {
        let profile = Profile {
            metrics: vec![
                metric("other_ns", "ns", "cargo bench"),
                crate::config::Metric::suite_seconds(),
                metric("own_ns", "ns", run),
            ],
            ..Profile::default()
        };
        let found = strategise_in(&profile, &[lint(tool, rule, 2, 1)], &[]);
        let Claim::Moves { metric, .. } = &found[0].claim else {
            panic!("{tool} {rule}: {:?}", found[0].claim);
        };
        assert_eq!(metric.as_str(), "own_ns", "{tool} {rule}");
    }
}

proptest! {
    #[test]
    fn every_hypothesis_keeps_the_contract(
        names in proptest::collection::vec("[A-Z]{1,4}[0-9]{3}|[a-z_]{1,50}", 0..30),
        words in "(?s).{0,300}",
        value in "\\PC{1,80}",
    ) {
        let mut observations: Vec<Observation> =
            names.iter().map(|it| lint("ruff", it, 2, 1)).collect();
        observations.push(wish("backlog", &words));
        observations.push(parameter("16", &value));
        for hypothesis in strategise(&observations, &[]) {
            prop_assert_eq!(contract::faults(&hypothesis), Vec::<String>::new());
        }
    }
}
