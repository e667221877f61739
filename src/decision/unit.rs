//! A gain that is exactly a change of unit, or beyond all belief: the number changed, and not what it
//! measures.

use super::difference::value;
use super::wording;
use crate::model::measurement::Pair;
use crate::stats::estimate::median;

/// What one unit is of another: seconds of a minute or an hour, thousands, and powers of 1,024.
const FACTORS: [f64; 7] = [60.0, 3_600.0, 1e3, 1e6, 1e9, 1_024.0, 1_048_576.0];
/// How near to such a factor a ratio is taken for it, as a logarithm.
const TOLERANCE: f64 = 0.02;
/// No program was ever made better by a larger factor; a number that small is none that was measured.
const LARGEST: f64 = 1e9;

/// Returns why the candidate's values look like the incumbent's in another unit, if they do.
pub(super) fn change(pairs: &[Pair]) -> Option<String> {
    let incumbent: Vec<f64> = pairs.iter().filter_map(|it| value(&it.incumbent)).collect();
    let candidate: Vec<f64> = pairs.iter().filter_map(|it| value(&it.candidate)).collect();
    of_values(median(&incumbent)?, median(&candidate)?)
}

/// Returns the same of two values that repeat. Whole numbers are counts, which may well fall from 60 to 1.
pub(super) fn change_of_exact(before: f64, after: f64) -> Option<String> {
    let is_whole = |it: f64| it.fract() == 0.0;
    if is_whole(before) && is_whole(after) {
        return None;
    }
    of_values(before, after)
}

fn of_values(before: f64, after: f64) -> Option<String> {
    let (shown, told) = (wording::plain(before), wording::plain(after));
    if before.is_sign_negative() != after.is_sign_negative() {
        return None;
    }
    // The ratio itself may be more than a number can hold.
    let ratio = (before.abs().ln() - after.abs().ln()).abs();
    if ratio.is_finite() && ratio > LARGEST.ln() + TOLERANCE {
        return Some(format!(
            "{shown} → {told} is a factor of more than a billion: no gain is as large as that, so the \
             number is no longer what it was"
        ));
    }
    let factor = FACTORS
        .into_iter()
        .find(|factor| (ratio - factor.ln()).abs() < TOLERANCE)?;
    Some(format!(
        "{shown} → {told} is a factor of {}, as if the number were written in another unit; \
         if the gain is real, let the metric measure more work and try again",
        wording::plain(factor)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values_in_another_unit_are_told_and_counts_that_fall_are_not() {
        for (before, after) in [(16_105.0, 15.73), (0.25, 250.0), (10.0, 0.01)] {
            assert!(
                change_of_exact(before, after)
                    .unwrap()
                    .contains("another unit")
            );
        }
        for (before, after) in [
            (60.0, 1.0),
            (1_024.0, 1.0),
            (10.0, 0.0),
            (0.5, 0.25),
            (2.5, -2.5),
        ] {
            assert_eq!(change_of_exact(before, after), None, "{before} {after}");
        }
    }

    #[test]
    fn what_is_beyond_belief_is_no_gain() {
        for (before, after) in [(10.0, 5e-324), (10.5, 1e-320), (1e-3, 1e300)] {
            let reason = change_of_exact(before, after).unwrap();
            assert!(reason.contains("no gain is as large as that"), "{reason}");
        }
    }
}
