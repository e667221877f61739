//! Measures the report on made-up latencies.

use std::time::Instant;

fn main() {
    let mut state = 42_u64;
    let samples: Vec<u64> = (0..100_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 44
        })
        .collect();
    let start = Instant::now();
    let middle = samples::percentile(&samples, 50).unwrap_or(0);
    let mut over = 0;
    for step in 0..8 {
        over += samples::over_limit(&samples, middle + step * 1000);
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    eprintln!("{over} samples over the limits");
    println!("METRIC report_ms={milliseconds:.4}");
}
