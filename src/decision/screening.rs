//! The best of several variants: halved on one or two pairs each, before the one that is left is tested.
//!
//! Whatever is chosen here is tested on pairs of its own, so that the choice cannot make a keep likelier
//! than the level says. It may cost a good variant, never a false keep.

use super::difference::{Orientation, value};
use crate::model::id::TreeSha;
use crate::model::measurement::Pair;
use crate::model::screening::{Screening, Variant};
use crate::stats::numeric::count;

/// The most pairs that a variant is given where runs differ.
const MOST_PAIRS: u32 = 2;

/// What comes next in a screening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Each of these runs one more pair: indices of variants.
    Run(Vec<usize>),
    /// This one is tested.
    Test(usize),
    /// None of them passed the gates.
    Nobody,
}

/// Returns how many pairs decide between variants: one where runs repeat their numbers.
pub fn screening_pairs(is_deterministic: bool) -> u32 {
    if is_deterministic { 1 } else { MOST_PAIRS }
}

/// Returns what comes next, from the pairs so far alone.
///
/// Each variant runs one pair, the better half goes on, and the best after the last round is tested.
/// Between equals it is the one that was built first.
pub fn screen(screening: &Screening) -> Screen {
    let variants = &screening.variants;
    let is_in = |it: &Variant| it.out.is_none() && it.tree.is_some();
    let mut left: Vec<usize> = (0..variants.len())
        .filter(|idx| is_in(&variants[*idx]))
        .collect();
    for n in 1..=screening.most_pairs as usize {
        if left.len() < 2 {
            break;
        }
        let short = left.iter().filter(|idx| variants[**idx].pairs.len() < n);
        let short: Vec<usize> = short.copied().collect();
        if !short.is_empty() {
            return Screen::Run(short);
        }
        let gain = |idx: &usize| mean_gain(screening, &variants[*idx].pairs[..n]);
        left.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then(a.cmp(b)));
        let is_last = n == screening.most_pairs as usize;
        left.truncate(if is_last { 1 } else { left.len().div_ceil(2) });
        left.sort_unstable();
    }
    left.first().map_or(Screen::Nobody, |it| Screen::Test(*it))
}

/// Returns what a stored screening contradicts, if anything: its own pairs, or the tree that was tested.
pub fn misscreened(screening: &Screening, tested: Option<&TreeSha>) -> Option<&'static str> {
    let again = match screen(screening) {
        Screen::Test(idx) => Some(&screening.variants[idx]),
        Screen::Nobody => None,
        Screen::Run(_) => return Some("the variants were chosen between before all had run"),
    };
    if again.map(|it| it.number) != screening.winner {
        return Some("the pairs of the variants choose another one than was tested");
    }
    let is_own = |it: &Variant| {
        let mut trees = it.pairs.iter().map(|pair| Some(&pair.candidate.tree));
        trees.all(|tree| tree == it.tree.as_ref())
    };
    if !screening.variants.iter().all(is_own) {
        return Some("a variant was compared on another tree than its own");
    }
    let is_tested = again.is_none_or(|it| tested.is_none() || it.tree.as_ref() == tested);
    (!is_tested).then_some("the variant that was chosen is not what was tested")
}

/// Returns the mean difference of pairs, positive where the variant is better; a run of it that failed
/// puts it behind all others, and one of the incumbent tells nothing.
fn mean_gain(screening: &Screening, pairs: &[Pair]) -> f64 {
    let orientation = Orientation {
        direction: screening.direction,
        scale: screening.scale,
    };
    let gain = |pair: &Pair| match (value(&pair.incumbent), value(&pair.candidate)) {
        (_, None) => f64::NEG_INFINITY,
        (None, Some(_)) => 0.0,
        (Some(before), Some(after)) => orientation
            .values(before, after)
            .unwrap_or(f64::NEG_INFINITY),
    };
    pairs.iter().map(gain).sum::<f64>() / count(pairs.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{failed, pair, pair_of, screening_of};
    use super::*;
    use crate::model::measurement::Sample;

    /// Runs a screening in which each variant's pairs have these values beside an incumbent of 100, all of
    /// them in that unit; returns the index of the one that is tested and the number of pairs.
    fn winner(values: &[[f64; 2]], unit: f64) -> (usize, usize) {
        let mut screening = screening_of(values.len());
        loop {
            match screen(&screening) {
                Screen::Test(idx) => return (idx, screening.n_pairs()),
                Screen::Nobody => unreachable!("every variant is in"),
                Screen::Run(who) => {
                    for idx in who {
                        let n = screening.variants[idx].pairs.len();
                        let pair = pair_of(100.0 * unit, values[idx][n] * unit);
                        screening.variants[idx].pairs.push(pair);
                    }
                }
            }
        }
    }

    #[test]
    fn the_better_half_goes_on_and_the_best_of_it_is_tested() {
        assert_eq!(winner(&[[90.0, 0.0], [80.0, 0.0]], 1.0), (1, 2));
        // The first of four is best on its first pair, the third over both.
        let four = [[80.0, 100.0], [95.0, 1.0], [82.0, 82.0], [99.0, 1.0]];
        assert_eq!(winner(&four, 1.0), (2, 6));
        assert_eq!(winner(&[[90.0, 90.0]; 3], 1.0), (0, 5));
    }

    #[test]
    fn what_repeats_its_numbers_is_run_once() {
        let mut screening = screening_of(3);
        screening.most_pairs = screening_pairs(true);
        for (variant, after) in screening.variants.iter_mut().zip([90.0, 70.0, 80.0]) {
            variant.pairs.push(pair_of(100.0, after));
        }
        assert_eq!(screen(&screening), Screen::Test(1));
    }

    #[test]
    fn a_variant_that_a_gate_stopped_or_whose_run_failed_is_not_tested() {
        let mut screening = screening_of(3);
        screening.variants[0].out = Some("it does not build".to_owned());
        assert_eq!(screen(&screening), Screen::Run(vec![1, 2]));
        let fine = Sample::Value { value: 100.0 };
        screening.variants[1]
            .pairs
            .push(pair(fine, failed("crashed")));
        screening.variants[2].pairs.push(pair_of(100.0, 130.0));
        assert_eq!(screen(&screening), Screen::Test(2));
        screening.variants[2].out = Some("it does not build".to_owned());
        assert_eq!(screen(&screening), Screen::Test(1));
        screening.variants[1].tree = None;
        assert_eq!(screen(&screening), Screen::Nobody);
    }

    #[test]
    fn a_record_that_contradicts_its_pairs_is_noticed() {
        let mut screening = screening_of(2);
        assert!(misscreened(&screening, None).is_some());
        screening.variants[0].pairs.push(pair_of(100.0, 90.0));
        screening.variants[1].pairs.push(pair_of(100.0, 80.0));
        assert!(misscreened(&screening, None).is_some());
        screening.winner = Some(2);
        let tested = screening.variants[1].tree.clone();
        assert_eq!(misscreened(&screening, tested.as_ref()), None);
        let other = "b".repeat(40).parse().unwrap();
        assert!(misscreened(&screening, Some(&other)).is_some());
        screening.variants[0].tree = Some(other);
        assert!(misscreened(&screening, None).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_screening_ends_after_few_pairs_and_does_not_depend_on_the_unit(
            values in prop::collection::vec([50.0f64..150.0, 50.0f64..150.0], 1..9),
            unit in 1e-3f64..1e3,
        ) {
            let (tested, n_pairs) = winner(&values, 1.0);
            let k = values.len();
            prop_assert!(tested < k);
            prop_assert!(n_pairs <= k + k.div_ceil(2));
            prop_assert_eq!(winner(&values, unit), (tested, n_pairs));
        }

        #[test]
        fn pairs_behind_the_last_round_change_nothing(
            values in prop::collection::vec([50.0f64..150.0, 50.0f64..150.0], 2..9),
            more in 50.0f64..150.0,
        ) {
            let (tested, _) = winner(&values, 1.0);
            let mut screening = screening_of(values.len());
            for (variant, values) in screening.variants.iter_mut().zip(&values) {
                let values = [values[0], values[1], more];
                variant.pairs.extend(values.map(|it| pair_of(100.0, it)));
            }
            prop_assert_eq!(screen(&screening), Screen::Test(tested));
        }
    }
}
