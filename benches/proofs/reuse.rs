//! A test set that is asked again and again: what is reported, and what is true.

use factory::decision::{BoundedState, InstanceAsk, Look, plan_instances};
use factory::model::dimension::Direction;
use factory::model::measurement::TestPlan;
use factory::stats::ladder;
use factory::stats::lord::Lord;

use super::draw::{self, Rng, uniform};
use super::report::{Figure, Proof, short};

/// Instances that candidates are tested on, and as many that are hidden.
const N: usize = 500;
const ACCURACY: f64 = 0.6;
/// The share of instances that a candidate answers anew, at random.
const CHANGED: f64 = 0.1;
/// Shares of candidates that truly improve, and by how much.
const SETTINGS: [(f64, f64); 3] = [(0.0, 0.0), (0.1, 0.02), (0.1, 0.08)];
/// The smallest gain that counts.
const DELTA: f64 = 0.02;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Better on the test set.
    Naive,
    /// Better by more than one standard error of the test set.
    Ladder,
    /// Better by more than 2.33 standard errors of the test set, then the Ladder on the hidden one.
    Twice,
    /// Kernel B with the error budget of its stream on the test set, then the Ladder on the hidden one.
    Ours,
}

/// The answers of one program.
#[derive(Clone)]
struct Answers {
    visible: Vec<bool>,
    hidden: Vec<bool>,
    /// The chance of answering a new instance.
    accuracy: f64,
}

/// Gains in accuracy, summed over streams.
#[derive(Default)]
struct Totals {
    keeps: f64,
    reported: f64,
    hidden: f64,
    truly: f64,
}

/// Random candidates on a reused test set.
pub(crate) fn prove(n_streams: u32, n_candidates: u32) -> Proof {
    let mut proof = Proof::new(
        &format!(
            "{n_candidates} candidates in a row on the same 500 instances, with 500 more that are hidden. Each \
             answers a tenth of all instances anew, at random; some of them are truly better. *Naive*: \
             better on the visible ones. *Ladder*: by one standard error. *Twice*: by 2.33 of them, and by \
             one on the hidden ones. *Ours*: kernel B within the budget of its stream, and the Ladder on \
             the hidden ones. Means of {n_streams} such series, in points of accuracy."
        ),
        &[
            "truly better",
            "rule",
            "keeps",
            "reported gain",
            "gain on hidden ones",
            "true gain",
        ],
    );
    for (good, gain) in SETTINGS {
        for rule in [Rule::Naive, Rule::Ladder, Rule::Twice, Rule::Ours] {
            let mut rng = draw::rng(3);
            let mut totals = Totals::default();
            for _ in 0..n_streams {
                series(&mut rng, rule, (good, gain), n_candidates, &mut totals);
            }
            let mean = |sum: f64| sum / f64::from(n_streams);
            proof.row(&[
                format!("{:.0} % by {:.0}", good * 100.0, gain * 100.0),
                format!("{rule:?}").to_lowercase(),
                short(mean(totals.keeps)),
                short(100.0 * mean(totals.reported)),
                short(100.0 * mean(totals.hidden)),
                short(100.0 * mean(totals.truly)),
            ]);
            let fitted = 100.0 * (mean(totals.reported) - mean(totals.truly));
            if rule == Rule::Ours {
                let name = format!("ours, {:.0} % by {:.0}", good * 100.0, gain * 100.0);
                let beyond = "points reported beyond the truth";
                proof
                    .figures
                    .push(Figure::at_most(format!("{name}: {beyond}"), fitted, 2.0));
                if gain > 0.05 {
                    proof.figures.push(Figure::at_least(
                        format!("{name}: true gain"),
                        100.0 * mean(totals.truly),
                        5.0,
                    ));
                }
            }
        }
    }
    proof
}

fn series(rng: &mut Rng, rule: Rule, better: (f64, f64), n_candidates: u32, totals: &mut Totals) {
    let mut answer = |chance: f64| uniform(rng) < chance;
    let mut best = Answers {
        visible: (0..N).map(|_| answer(ACCURACY)).collect(),
        hidden: (0..N).map(|_| answer(ACCURACY)).collect(),
        accuracy: ACCURACY,
    };
    let start = best.clone();
    let mut lord = Lord::new(0.05);
    for _ in 0..n_candidates {
        let candidate = changed(rng, &best, better);
        if accepts(rng, rule, &best, &candidate, &mut lord) {
            best = candidate;
            totals.keeps += 1.0;
        }
    }
    totals.reported += mean(&best.visible) - mean(&start.visible);
    totals.hidden += mean(&best.hidden) - mean(&start.hidden);
    totals.truly += best.accuracy - start.accuracy;
}

fn changed(rng: &mut Rng, best: &Answers, (good, gain): (f64, f64)) -> Answers {
    let accuracy = if uniform(rng) < good {
        (best.accuracy + gain).min(0.99)
    } else {
        best.accuracy
    };
    let lift = (accuracy - best.accuracy) / (1.0 - best.accuracy);
    let mut anew = |answers: &[bool]| -> Vec<bool> {
        answers
            .iter()
            .map(|solved| {
                let solved = if uniform(rng) < CHANGED {
                    uniform(rng) < best.accuracy
                } else {
                    *solved
                };
                solved || uniform(rng) < lift
            })
            .collect()
    };
    Answers {
        visible: anew(&best.visible),
        hidden: anew(&best.hidden),
        accuracy,
    }
}

fn accepts(
    rng: &mut Rng,
    rule: Rule,
    best: &Answers,
    candidate: &Answers,
    lord: &mut Lord,
) -> bool {
    match rule {
        Rule::Naive => mean(&candidate.visible) > mean(&best.visible),
        Rule::Ladder => climbs(&best.visible, &candidate.visible),
        Rule::Twice => {
            let step = ladder_step(&best.visible, &candidate.visible);
            step.gain > 2.33 * step.needed && climbs(&best.hidden, &candidate.hidden)
        }
        Rule::Ours => {
            let level = lord.next_level();
            lord.start(level);
            let kept =
                is_kept(rng, level, best, candidate) && climbs(&best.hidden, &candidate.hidden);
            if kept {
                lord.keep();
            }
            kept
        }
    }
}

/// Tests the visible instances in an order that nobody can predict.
fn is_kept(rng: &mut Rng, alpha: f64, best: &Answers, candidate: &Answers) -> bool {
    let TestPlan::Bounded(plan) = plan_instances(&InstanceAsk {
        direction: Direction::Maximize,
        tolerance: Some(DELTA),
        alpha,
        stream: None,
        epsilon: 0.0,
        n_instances: u32::try_from(N).expect("a few hundred"),
        sigma: 0.0,
    }) else {
        unreachable!("instances are tested by kernel B");
    };
    let mut order: Vec<(f64, usize)> = (0..N).map(|it| (uniform(rng), it)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut state = BoundedState::new(&plan);
    let mut pair = draw::pair(0.0, 0.0);
    for (_, it) in order {
        if state.look() != Look::Undecided {
            break;
        }
        let score = |answers: &[bool]| f64::from(u8::from(answers[it]));
        draw::set(&mut pair, score(&best.visible), score(&candidate.visible));
        state.fold(&pair);
    }
    state.look() == Look::Keep
}

fn climbs(best: &[bool], candidate: &[bool]) -> bool {
    ladder_step(best, candidate).accepted
}

fn ladder_step(best: &[bool], candidate: &[bool]) -> ladder::Step {
    let losses = |answers: &[bool]| -> Vec<f64> {
        answers
            .iter()
            .map(|solved| f64::from(u8::from(!solved)))
            .collect()
    };
    ladder::step(&losses(best), &losses(candidate))
}

fn mean(answers: &[bool]) -> f64 {
    let solved = answers.iter().filter(|it| **it).count();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let mean = solved as f64 / answers.len() as f64;
    mean
}
