//! A gain that is exactly a change of unit: the number changed, and not what it measures.

use super::difference::value;
use super::wording;
use crate::model::measurement::Pair;
use crate::stats::estimate::median;

/// What one unit is of another: seconds of a minute or an hour, thousands, and powers of 1,024.
const FACTORS: [f64; 7] = [60.0, 3_600.0, 1e3, 1e6, 1e9, 1_024.0, 1_048_576.0];
/// How near to such a factor a ratio is taken for it, as a logarithm.
const TOLERANCE: f64 = 0.02;

/// Returns why the candidate's values look like the incumbent's in another unit, if they do.
pub(super) fn change(pairs: &[Pair]) -> Option<String> {
    let incumbent: Vec<f64> = pairs.iter().filter_map(|it| value(&it.incumbent)).collect();
    let candidate: Vec<f64> = pairs.iter().filter_map(|it| value(&it.candidate)).collect();
    let (before, after) = (median(&incumbent)?, median(&candidate)?);
    let ratio = (before / after).ln().abs();
    let factor = FACTORS
        .into_iter()
        .find(|factor| (ratio - factor.ln()).abs() < TOLERANCE)?;
    Some(format!(
        "{} → {} is a factor of {}, as if the number were written in another unit; \
         if the gain is real, let the metric measure more work and try again",
        wording::plain(before),
        wording::plain(after),
        wording::plain(factor)
    ))
}
