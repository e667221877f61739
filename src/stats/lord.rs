//! LORD++: a level for each test of an endless stream, so that of what is kept at most a fixed share
//! is expected to be a fluke.
//!
//! A. Ramdas, F. Yang, M. Wainwright, M. Jordan, "Online control of the false discovery rate with
//! decaying memory" (2017). The claim is mFDR ≤ α for levels that are fixed before each test begins;
//! tests may overlap, because a keep pays only from the tests on that start after it was decided.

use super::numeric::count;

/// Σ (j + 10)^−1.6 over j ≥ 1, which makes the weights sum to one.
const WEIGHT_SUM: f64 = 0.406_422_705_310_997_8;

/// The budget of one stream after some tests.
#[derive(Clone, Debug, PartialEq)]
pub struct Lord {
    alpha: f64,
    started: u64,
    /// How many tests had started when each keep was decided, in order.
    keeps: Vec<u64>,
    spent: f64,
}

impl Lord {
    /// Returns an unused budget that bounds the stream at `alpha`, in (0, 1).
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            started: 0,
            keeps: Vec::new(),
            spent: 0.0,
        }
    }

    /// Returns the level that the next test gets if it starts now.
    pub fn next_level(&self) -> f64 {
        let initial = self.alpha / 2.0;
        level(self.started + 1, &self.keeps, self.alpha, initial, weight)
    }

    /// Uses up an index: the first pair of a test has started, at the level that was fixed when it was
    /// planned.
    pub fn start(&mut self, level: f64) {
        self.started += 1;
        self.spent += level;
    }

    /// Credits a keep that was decided now.
    pub fn keep(&mut self) {
        self.keeps.push(self.started);
    }

    /// Returns how many tests have started.
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Returns how many keeps were decided.
    pub fn kept(&self) -> usize {
        self.keeps.len()
    }

    /// Returns Σ αⱼ / max(keeps, 1): at most this share of the keeps is expected to be flukes.
    pub fn bound(&self) -> f64 {
        self.spent / count(self.keeps.len().max(1))
    }
}

/// Returns αⱼ of a stream in which so many tests had started when each keep was decided; `initial` is what it
/// may spend before the first.
fn level(j: u64, keeps: &[u64], alpha: f64, initial: f64, weight: impl Fn(u64) -> f64) -> f64 {
    let earned = keeps.iter().enumerate().map(|(idx, r)| {
        let share = if idx == 0 { alpha - initial } else { alpha };
        share * weight(j - r)
    });
    initial * weight(j) + earned.sum::<f64>()
}

/// Returns γⱼ, the share of its source that the j-th test after it gets; 0 for j = 0.
fn weight(j: u64) -> f64 {
    if j == 0 {
        return 0.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a stream never gets near 2^52 tests"
    )]
    let j = j as f64;
    (j + 10.0).powf(-1.6) / WEIGHT_SUM
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{close, numbers, unit};
    use proptest::prelude::*;

    /// Starts the next test; returns its level.
    fn begin(lord: &mut Lord) -> f64 {
        let level = lord.next_level();
        lord.start(level);
        level
    }

    #[test]
    fn levels_agree_with_the_reference() {
        let case = unit("lordpp_factory");
        for (j, expected) in (1..).zip(case["gamma_1_5"].as_array().unwrap()) {
            close(weight(j), expected);
        }
        let keeps = numbers(&case["rejections_at"]);
        let mut lord = Lord::new(0.05);
        for (j, expected) in (1..).zip(case["alpha_1_30"].as_array().unwrap()) {
            close(begin(&mut lord), expected);
            if keeps.contains(&f64::from(j)) {
                lord.keep();
            }
        }
        assert_eq!((lord.started(), lord.kept()), (30, 3));
    }

    #[test]
    fn with_the_weights_of_another_program_levels_are_those_that_it_prints() {
        // LORD() of R's onlineFDR, whose weights and initial budget are others.
        let case = unit("lordpp_onlineFDR");
        let theirs = |j: u64| {
            let j = count(usize::try_from(j).unwrap());
            0.077_208_38 * j.max(2.0).ln() / (j * j.ln().sqrt().exp())
        };
        let mut keeps = Vec::new();
        let p_values = numbers(&case["p"]);
        let expected = case["alphai"].as_array().unwrap();
        for ((j, p), expected) in (1..).zip(p_values).zip(expected) {
            let level = level(j, &keeps, 0.05, case["w0"].as_f64().unwrap(), theirs);
            close(level, expected);
            if p <= level {
                keeps.push(j);
            }
        }
        let kept = numbers(&case["R"]).into_iter().zip(1..);
        let kept: Vec<u64> = kept.filter(|it| it.0 > 0.5).map(|it| it.1).collect();
        assert_eq!(keeps, kept);
    }

    #[test]
    fn a_keep_pays_only_what_starts_after_its_decision() {
        let mut lord = Lord::new(0.05);
        begin(&mut lord);
        begin(&mut lord);
        let before = lord.next_level();
        lord.keep();
        assert!(lord.next_level() > before);
        let mut late = Lord::new(0.05);
        begin(&mut late);
        begin(&mut late);
        begin(&mut late);
        late.keep();
        let gained = late.next_level() - 0.025 * weight(4);
        assert!((gained - 0.025 * weight(1)).abs() < 1e-12);
    }

    #[test]
    fn weights_sum_to_one() {
        let head: f64 = (1..=2_000_000).map(weight).sum();
        // The tail of Σ j^−1.6 beyond n is n^−0.6 / 0.6.
        let tail = 2_000_010f64.powf(-0.6) / 0.6 / WEIGHT_SUM;
        assert!((head + tail - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn the_bound_never_exceeds_the_level_of_the_stream(keeps in prop::collection::vec(any::<bool>(), 1..300)) {
            let mut lord = Lord::new(0.05);
            for keep in keeps {
                begin(&mut lord);
                if keep {
                    lord.keep();
                }
                prop_assert!(lord.bound() <= 0.05 + 1e-12);
            }
        }

        /// Tests overlap: some keeps are decided while later tests have started already.
        #[test]
        fn the_bound_holds_however_late_keeps_are_decided(
            steps in prop::collection::vec((any::<bool>(), 0usize..6), 1..300),
        ) {
            let mut lord = Lord::new(0.05);
            let mut undecided: Vec<usize> = Vec::new();
            for (keep, delay) in steps {
                begin(&mut lord);
                undecided.extend(keep.then_some(delay));
                let decided = undecided.iter().filter(|it| **it == 0).count();
                undecided.retain(|it| *it > 0);
                for it in &mut undecided {
                    *it -= 1;
                }
                (0..decided).for_each(|_| lord.keep());
                prop_assert!(lord.bound() <= 0.05 + 1e-12);
            }
        }

        #[test]
        fn a_stream_on_record_resumes_to_the_same_levels(keeps in prop::collection::vec(any::<bool>(), 1..60)) {
            let mut lord = Lord::new(0.05);
            let mut resumed = Lord::new(0.05);
            for keep in keeps {
                resumed.start(begin(&mut lord));
                if keep {
                    lord.keep();
                    resumed.keep();
                }
                prop_assert_eq!(lord.next_level().to_bits(), resumed.next_level().to_bits());
            }
        }
    }
}
