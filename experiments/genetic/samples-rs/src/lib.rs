//! Latencies, and how many of them are too long.

/// Returns how many samples lie above the limit.
pub fn over_limit(samples: &[u64], limit: u64) -> usize {
    let mut ordered = samples.to_vec();
    ordered.sort_unstable();
    let mut count = 0;
    for sample in ordered.iter() {
        if *sample > limit {
            count += 1;
        }
    }
    count
}

/// Returns the sample that so many hundredths of all samples do not exceed.
pub fn percentile(samples: &[u64], hundredths: usize) -> Option<u64> {
    let mut ordered = samples.to_vec();
    ordered.sort_unstable();
    let last = ordered.len().checked_sub(1)?;
    ordered.get(last * hundredths / 100).copied()
}
