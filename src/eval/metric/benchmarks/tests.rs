//! Output of the real runners, as they printed it; long documents are cut to what is read.

use super::*;
use proptest::prelude::*;

const CRITERION: &str = "\
Gnuplot not found, using plotters backend
parse Prerelease        time:   [13.855 ns 14.097 ns 14.365 ns]
                        change: [\u{2212}67.921% \u{2212}63.251% \u{2212}58.086%] (p = 0.00 < 0.05)
                        Performance has improved.

a group with a long name/and its function/128
                        time:   [1.5000 \u{b5}s 2.0000 \u{b5}s 2.5000 \u{b5}s]
                        thrpt:  [1.1 GiB/s 1.2 GiB/s 1.3 GiB/s]
                 change:
                        time:   [\u{2212}1.2% +0.1% +1.4%] (p = 0.31 > 0.05)
                        thrpt:  [\u{2212}1.2% +0.1% +1.4%]
Found 3 outliers among 100 measurements (3.00%)
  3 (3.00%) high mild
";

const DIVAN: &str = "\
Timer precision: 20 ns
sum              fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ plain         2.262 ns      │ 4.496 µs      │ 3.242 ns      │ 48.01 ns      │ 100     │ 51200
├─ sized                       │               │               │               │         │
│  ├─ 10         2.947 ns      │ 4.356 ns      │ 3.597 ns      │ 3.637 ns      │ 100     │ 102400
│  ╰─ 100        2.966 ns      │ 4.404 ns      │ 3.788 ns      │ 3.829 ns      │ 100     │ 102400
╰─ inner                       │               │               │               │         │
   ├─ bytes      1.519 ns      │ 2.663 ns      │ 1.96 ns       │ 2.029 ns      │ 100     │ 102400
   │             5.266 GB/s    │ 3.004 GB/s    │ 4.081 GB/s    │ 3.942 GB/s    │         │
   ╰─ typed                    │               │               │               │         │
      ├─ String  0.414 ns      │ 23.16 ns      │ 0.531 ns      │ 0.758 ns      │ 100     │ 102400
      ╰─ u8      0 ns          │ 0.066 ns      │ 0.006 ns      │ 0.021 ns      │ 100     │ 819200
";

const GO: &str = "\
goos: linux
goarch: amd64
pkg: example.com/a
BenchmarkSum-2     \t 1763232\t        69.88 ns/op\t       0 B/op\t       0 allocs/op
BenchmarkSizes/n=10-2         \t 9916376\t         6.078 ns/op\t1316.27 MB/s
BenchmarkSizes/n=100-2        \t 1000000\t        58.54 ns/op\t 136.65 MB/s
PASS
ok  \texample.com/a\t0.331s
";

const PYTEST: &str = "\
...s                                                                     [100%]{
    \"machine_info\": {\"node\": \"vm\"},
    \"benchmarks\": [
        {\"group\": null, \"name\": \"test_sum\", \"fullname\": \"test_b.py::test_sum\",
         \"stats\": {\"min\": 1e-06, \"median\": 1.5e-06, \"ops\": 7.0}},
        {\"group\": null, \"name\": \"test_sized[10]\", \"fullname\": \"test_b.py::test_sized[10]\",
         \"stats\": {\"min\": 1e-07, \"median\": 2e-07, \"ops\": 7.0}}
    ],
    \"version\": \"5.2.3\"
}
Wrote benchmark data in: <_io.BufferedWriter name='/dev/stdout'>
";

const VITEST: &str = "\
 RUN  v4.1.12 /x

  small - a.bench.js > sum
    44.15x faster than large

{
  \"files\": [
    {
      \"filepath\": \"/x/a.bench.js\",
      \"groups\": [
        {
          \"fullName\": \"a.bench.js > sum\",
          \"benchmarks\": [
            {\"name\": \"small\", \"mean\": 0.00012, \"median\": 0.00011, \"samples\": []},
            {\"name\": \"large\", \"mean\": 0.0053, \"samples\": []}
          ]
        }
      ]
    }
  ]
}
";

fn read(runner: BenchmarkRunner, output: &str) -> Vec<(String, f64)> {
    let times = times(runner, output).unwrap();
    times
        .into_iter()
        .map(|(id, time)| (id, (time * 1e4).round() / 1e4))
        .collect()
}

fn expected(times: &[(&str, f64)]) -> Vec<(String, f64)> {
    times
        .iter()
        .map(|(id, it)| ((*id).to_owned(), *it))
        .collect()
}

#[test]
fn criterion_prints_the_estimate_between_its_limits() {
    assert_eq!(
        read(BenchmarkRunner::Criterion, CRITERION),
        expected(&[
            ("a group with a long name/and its function/128", 2000.0),
            ("parse Prerelease", 14.097),
        ])
    );
}

#[test]
fn divan_draws_a_tree_with_the_median_in_its_third_column() {
    assert_eq!(
        read(BenchmarkRunner::Divan, DIVAN),
        expected(&[
            ("sum/inner/bytes", 1.96),
            ("sum/inner/typed/String", 0.531),
            ("sum/inner/typed/u8", 0.1),
            ("sum/plain", 3.242),
            ("sum/sized/10", 3.597),
            ("sum/sized/100", 3.788),
        ])
    );
}

#[test]
fn go_prints_a_line_for_each_benchmark_without_the_count_of_processors() {
    assert_eq!(
        read(BenchmarkRunner::Go, GO),
        expected(&[
            ("example.com/a.BenchmarkSizes/n=10", 6.078),
            ("example.com/a.BenchmarkSizes/n=100", 58.54),
            ("example.com/a.BenchmarkSum", 69.88),
        ])
    );
}

#[test]
fn pytest_benchmark_writes_seconds_behind_the_dots() {
    assert_eq!(
        read(BenchmarkRunner::Pytest, PYTEST),
        expected(&[
            ("test_b.py::test_sized[10]", 200.0),
            ("test_b.py::test_sum", 1500.0),
        ])
    );
}

#[test]
fn vitest_writes_milliseconds_behind_its_summary() {
    assert_eq!(
        read(BenchmarkRunner::Vitest, VITEST),
        expected(&[
            ("a.bench.js > sum > large", 5300.0),
            ("a.bench.js > sum > small", 110.0),
        ])
    );
}

#[test]
fn a_mean_weighs_every_benchmark_by_its_ratio() {
    let times = |pairs: &[(&str, f64)]| -> Times {
        pairs
            .iter()
            .map(|(id, it)| ((*id).to_owned(), *it))
            .collect()
    };
    let before = mean(&times(&[("small", 2.0), ("large", 2000.0)]));
    let small_halved = mean(&times(&[("small", 1.0), ("large", 2000.0)]));
    let large_halved = mean(&times(&[("small", 2.0), ("large", 1000.0)]));
    assert!((before - 63.245_553).abs() < 1e-5);
    assert!((small_halved - large_halved).abs() < 1e-9);
}

#[test]
fn no_benchmark_and_two_of_one_id_are_no_number() {
    assert!(times(BenchmarkRunner::Criterion, "running 0 tests\n").is_err());
    assert!(times(BenchmarkRunner::Pytest, "no tests ran\n").is_err());
    let twice = "a  time:   [1 ns 1 ns 1 ns]\na  time:   [1 ns 1 ns 1 ns]\n";
    assert!(
        times(BenchmarkRunner::Criterion, twice)
            .unwrap_err()
            .contains("two benchmarks")
    );
}

proptest! {
    #[test]
    fn no_output_makes_a_reader_panic(output in "(?s).{0,300}", cut in 0usize..400) {
        use BenchmarkRunner::{Criterion, Divan, Go, Pytest, Vitest};
        for runner in [Criterion, Divan, Go, Pytest, Vitest] {
            let _outcome = times(runner, &output);
            for real in [CRITERION, DIVAN, GO, PYTEST, VITEST] {
                let half: String = real.chars().take(cut).collect();
                let _outcome = times(runner, &(half + &output));
            }
        }
    }
}
