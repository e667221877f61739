//! Searches over handmade gains, without any code.

use super::*;
use proptest::prelude::*;

const SETTINGS: Settings = Settings {
    population: 4,
    margin: 0.01,
    seed: 3,
};

/// Forty edits of two operators, each with a place of its own.
fn pool() -> Pool {
    let gene = |idx: usize| Gene {
        operator: idx % 2,
        weight: 1.0,
        places: vec![(0, idx * 10..idx * 10 + 5)],
    };
    Pool {
        genes: (0..40)
            .map(|idx| (format!("g{idx:02}"), gene(idx)))
            .collect(),
        operators: vec![0.5, 0.5],
    }
}

/// Edits 7 and 20 gain a tenth each, 8 breaks the build, every third is noticed by a test.
fn fate(patch: &Patch) -> Fate {
    let mut total = 0.0;
    for key in patch {
        let number: usize = key[1..].parse().unwrap();
        match number {
            8 => return Fate::Broken,
            7 | 20 => total += 0.1,
            it if it % 3 == 0 => return Fate::Noticed,
            _ => {}
        }
    }
    Fate::Passed { gain: total }
}

fn searched(pool: &Pool, n_trials: usize, settings: Settings) -> Vec<Trial> {
    let mut trials = Vec::new();
    while trials.len() < n_trials {
        let Some(patch) = propose(pool, &trials, settings) else {
            break;
        };
        let fate = fate(&patch);
        trials.push(Trial { patch, fate });
    }
    trials
}

#[test]
fn two_edits_that_help_end_up_in_one_small_patch() {
    for seed in 0..5 {
        let settings = Settings { seed, ..SETTINGS };
        let mut trials = searched(&pool(), 120, settings);
        let found = best(&pool(), &trials, settings)[0].patch.clone();
        let small = loop {
            match minimise(&found, &trials, 0.001) {
                Step::Done(patch) => break patch,
                Step::Try(patch) => {
                    let fate = fate(&patch);
                    trials.push(Trial { patch, fate });
                }
            }
        };
        let keys: Vec<&str> = small.iter().map(String::as_str).collect();
        assert_eq!(keys, ["g07", "g20"], "seed {seed}");
    }
}

#[test]
fn no_patch_is_tried_twice_and_a_killed_search_goes_on_as_it_would_have() {
    let trials = searched(&pool(), 90, SETTINGS);
    let distinct: BTreeSet<&Patch> = trials.iter().map(|it| &it.patch).collect();
    assert_eq!(distinct.len(), trials.len());
    for cut in [0, 1, 17, 50, 89] {
        let next = propose(&pool(), &trials[..cut], SETTINGS).unwrap();
        assert_eq!(next, trials[cut].patch);
    }
}

#[test]
fn everything_is_tried_before_a_search_ends() {
    let nothing_helps = |patch: &Patch| match fate(patch) {
        Fate::Passed { .. } => Fate::Noticed,
        other => other,
    };
    let pool = pool();
    let mut trials = Vec::new();
    while let Some(patch) = propose(&pool, &trials, SETTINGS) {
        let fate = nothing_helps(&patch);
        trials.push(Trial { patch, fate });
    }
    assert_eq!(trials.len(), 40);
    assert!(propose(&Pool::default(), &[], SETTINGS).is_none());
}

#[test]
fn an_operator_that_never_builds_is_tried_less() {
    let pool = pool();
    let trial = |idx: usize| Trial {
        patch: Patch::from([format!("g{idx:02}")]),
        fate: if idx.is_multiple_of(2) {
            Fate::Broken
        } else {
            Fate::Passed { gain: 0.0 }
        },
    };
    let trials: Vec<Trial> = (0..20).map(trial).collect();
    let chances = chances(&pool, &trials, 0.01);
    assert!(chances[0] < 0.5 * chances[1], "{chances:?}");
    assert!(chances[0] > 0.0);
}

#[test]
fn time_goes_where_the_weight_is() {
    let mut pool = pool();
    for (key, gene) in &mut pool.genes {
        gene.weight = if key < &"g10".to_owned() { 10.0 } else { 0.1 };
    }
    let first = searched(&pool, 8, SETTINGS);
    let heavy = first
        .iter()
        .filter(|it| it.patch.iter().all(|it| it < &"g10".to_owned()));
    assert!(heavy.count() >= 6);
}

#[test]
fn a_search_settles_when_nothing_better_comes() {
    let trials = searched(&pool(), 300, SETTINGS);
    assert!(!is_settled(&trials[..50], SETTINGS));
    assert!(is_settled(&trials, SETTINGS));
    assert!(!is_settled(&[], SETTINGS));
}

#[test]
fn what_cannot_be_left_out_stays() {
    let patch = Patch::from(["a".to_owned(), "b".to_owned(), "c".to_owned()]);
    let trial = |keys: &[&str], gain: f64| Trial {
        patch: keys.iter().map(|it| (*it).to_owned()).collect(),
        fate: Fate::Passed { gain },
    };
    let mut trials = vec![trial(&["a", "b", "c"], 0.3)];
    assert_eq!(
        minimise(&patch, &trials, 0.02),
        Step::Try(trial(&["b", "c"], 0.0).patch)
    );
    trials.push(trial(&["b", "c"], 0.29));
    trials.push(trial(&["c"], 0.1));
    trials.push(Trial {
        patch: trial(&["b"], 0.0).patch,
        fate: Fate::Noticed,
    });
    assert_eq!(
        minimise(&patch, &trials, 0.02),
        Step::Done(trial(&["b", "c"], 0.0).patch)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn edits_of_a_proposal_never_meet(seed in any::<u64>(), n_trials in 0_usize..60) {
        let mut pool = pool();
        for (idx, gene) in pool.genes.values_mut().enumerate() {
            // Neighbours overlap.
            gene.places = vec![(0, idx * 4..idx * 4 + 5)];
        }
        let settings = Settings { seed, ..SETTINGS };
        for trial in searched(&pool, n_trials, settings) {
            let genes: Vec<&Gene> = trial.patch.iter().map(|it| &pool.genes[it]).collect();
            for (idx, gene) in genes.iter().enumerate() {
                prop_assert!(!genes[..idx].iter().any(|it| meet(gene, it)));
            }
        }
    }
}
