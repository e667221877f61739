//! Pictures of records made by hand.

use super::*;
use crate::model::experiment::{Cost, Experiment, fold};
use crate::model::id::ExperimentId;
use crate::model::verdict::Decision;

fn effect(before: f64, after: f64, relative: f64) -> Effect {
    Effect {
        metric: "parse/ns".to_owned(),
        unit: "ns".to_owned(),
        before,
        after,
        relative: Some(relative),
        interval: Some((relative - 0.01, relative + 0.01)),
        shrunken: Some(relative / 2.0),
    }
}

fn statistics(alpha: f64, path: Vec<f64>) -> Statistics {
    Statistics {
        kernel: "S".to_owned(),
        n_pairs: 3,
        ln_e: 1.0,
        ln_futility: 0.0,
        alpha,
        delta: 0.1,
        sigma: 0.1,
        mean: 0.1,
        shrunken: None,
        excluded_loss_rate: 1.0,
        path,
    }
}

fn tried(id: u32, verdict: Verdict, effect: Option<Effect>) -> Tried {
    Tried {
        id,
        finished: Some(Timestamp::from_second(i64::from(id)).unwrap()),
        category: Category::Exploit,
        verdict,
        landed: verdict == Verdict::Keep,
        reached: Reached::Pairs,
        statistics: effect
            .as_ref()
            .map(|_| statistics(0.01, vec![0.5, 1.0, 1.5])),
        effect,
        shrunken: None,
        evaluations: 12.0,
        seconds: 300.0,
    }
}

fn pictures(tried: Vec<Tried>) -> Vec<Picture> {
    Pictures {
        tried,
        ..Pictures::default()
    }
    .draw()
}

fn named<'a>(pictures: &'a [Picture], name: &str) -> &'a str {
    let found = pictures.iter().find(|it| it.name == name);
    &found.unwrap_or_else(|| panic!("no {name}")).svg
}

#[test]
fn a_record_without_experiments_says_so_in_every_picture() {
    let pictures = pictures(Vec::new());
    let names: Vec<&str> = pictures.iter().map(|it| it.name.as_str()).collect();
    let expected = [
        "progress.svg",
        "e-values.svg",
        "evaluations.svg",
        "time.svg",
    ];
    assert_eq!(names, expected);
    assert!(pictures.iter().all(|it| it.svg.contains("class=\"said\"")));
}

#[test]
fn gains_of_what_landed_multiply_and_a_smaller_time_is_a_gain() {
    let record = vec![
        tried(1, Verdict::Keep, Some(effect(100.0, 80.0, 0.2))),
        tried(2, Verdict::Revert, Some(effect(80.0, 88.0, -0.1))),
        tried(3, Verdict::Keep, Some(effect(80.0, 40.0, 0.5))),
    ];
    let mut record = Pictures {
        tried: record,
        ..Pictures::default()
    };
    let progress = progress::gains(&record, "parse/ns");
    let rounded: Vec<f64> = progress.iter().map(|it| it.1.round()).collect();
    assert_eq!(rounded, [0.0, 20.0, 20.0, 60.0]);
    assert!(named(&record.draw(), "progress-parse-ns.svg").contains("2 kept and landed"));
    let rejection = Rejection {
        experiment: ExperimentId(1),
        because: "slower for us".to_owned(),
        at: Timestamp::from_second(2).unwrap(),
    };
    record.reject(&rejection);
    let progress = progress::gains(&record, "parse/ns");
    let rounded: Vec<f64> = progress.iter().map(|it| it.1.round()).collect();
    assert_eq!(rounded, [0.0, 20.0, 0.0, 50.0]);
}

#[test]
fn what_was_far_worse_leaves_room_for_the_gains() {
    let drawn = |worst: f64| {
        let after = 80.0 * (1.0 - worst);
        pictures(vec![
            tried(1, Verdict::Keep, Some(effect(100.0, 80.0, 0.2))),
            tried(2, Verdict::Revert, Some(effect(80.0, after, worst))),
        ])
    };
    let (near, far) = (drawn(-0.15), drawn(-12.0));
    let near = named(&near, "progress-parse-ns.svg");
    assert!(
        near.contains("not kept") && !near.contains("lower edge"),
        "{near}"
    );
    let far = named(&far, "progress-parse-ns.svg");
    assert!(far.contains("at the lower edge: worse still"), "{far}");
    assert!(!far.contains("−1,") && !far.contains("−500"), "{far}");
}

#[test]
fn the_interval_of_a_smaller_time_ends_before_nothing_is_left() {
    let wide = |id| {
        let mut it = effect(100.0, 50.0, 0.5);
        it.interval = Some((0.2, 0.7));
        tried(id, Verdict::Keep, Some(it))
    };
    let record = Pictures {
        tried: (1..5).map(wide).collect(),
        ..Pictures::default()
    };
    let bands = progress::bands(&record, "parse/ns");
    assert!(
        bands
            .iter()
            .all(|(_, low, high)| low <= high && *high < 100.0),
        "{bands:?}"
    );
    let last = bands.last().unwrap();
    assert!(last.1 > 0.0 && last.1 < 93.7 && last.2 > 93.8, "{bands:?}");
}

#[test]
fn marks_that_are_many_are_named_by_the_lowest_and_the_highest() {
    let mut record: Vec<Tried> = (1..9)
        .map(|id| tried(id, Verdict::Revert, Some(effect(1.0, 1.0, 0.0))))
        .collect();
    for (idx, it) in (1u32..).zip(&mut record) {
        it.statistics = Some(statistics(0.01 / f64::from(idx), vec![0.1]));
    }
    let pictures = pictures(record);
    let svg = named(&pictures, "e-values.svg");
    assert!(
        svg.contains("lowest 1/α = 100") && svg.contains("highest 1/α = 800"),
        "{svg}"
    );
}

#[test]
fn an_experiment_is_counted_where_it_ended() {
    let mut experiment: Experiment = fold(&crate::store::sample::events(1, Verdict::Revert))
        .unwrap()
        .unwrap();
    experiment.cost = Cost {
        seconds: 60.0,
        evals: 2,
        metric_runs: 4,
        ..Cost::default()
    };
    experiment.evidence = None;
    experiment.decision = Some(Decision::plain(Verdict::Vetoed, "lint fell"));
    let mut pictures = Pictures::after(1000);
    pictures.add(&experiment);
    let drawn = pictures.draw();
    let svg = named(&drawn, "time.svg");
    assert!(
        svg.contains("ended with the evaluation") && svg.contains("60.0 s"),
        "{svg}"
    );
    assert!(svg.contains("after 1,000 earlier ones"), "{svg}");
}
