//! What benchmark runners print: the time of each benchmark, in nanoseconds, by its own id.
//!
//! Pure. One number of many benchmarks is their geometric mean, because that weighs a change by its
//! ratio, whatever the size of the benchmark.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::config::BenchmarkRunner;

/// Nanoseconds by benchmark.
pub(super) type Times = BTreeMap<String, f64>;

/// Clocks do not resolve less than this, so that two times below it are the same.
const FLOOR: f64 = 0.1;

/// Returns the time of every benchmark in a runner's output.
pub(super) fn times(runner: BenchmarkRunner, output: &str) -> Result<Times, String> {
    let found = match runner {
        BenchmarkRunner::Criterion => criterion(output),
        BenchmarkRunner::Divan => divan(output),
        BenchmarkRunner::Pytest => pytest(output)?,
        BenchmarkRunner::Go => go(output),
        BenchmarkRunner::Vitest => vitest(output)?,
    };
    let mut times = Times::new();
    for (id, time) in found {
        if !time.is_finite() || time < 0.0 {
            return Err(format!("`{time}` of `{id}` is no time"));
        }
        if times.insert(id.clone(), time.max(FLOOR)).is_some() {
            return Err(format!(
                "`{id}` is the id of two benchmarks, so nobody could say which one counts"
            ));
        }
    }
    if times.is_empty() {
        return Err("no benchmark printed a time".to_owned());
    }
    Ok(times)
}

/// Returns the geometric mean.
#[expect(
    clippy::cast_precision_loss,
    reason = "a count of benchmarks is far below 2^52"
)]
pub(super) fn mean(times: &Times) -> f64 {
    let logs: f64 = times.values().map(|it| it.ln()).sum();
    (logs / times.len() as f64).exp()
}

/// Returns nanoseconds.
fn nanoseconds(number: &str, unit: &str) -> Option<f64> {
    let scale = match unit {
        "ps" => 1e-3,
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

/// `id   time:   [low mid high]`, the id on a line of its own where it is long. The line of changes
/// against an earlier run has no units of time.
fn criterion(output: &str) -> Vec<(String, f64)> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(.*?)\s*time:\s+\[\S+ \S+ (\S+) (\S+) \S+ \S+\]").expect("it is valid")
    });
    let mut found = Vec::new();
    let mut before = "";
    for line in output.lines() {
        if let Some(captures) = TIME.captures(line) {
            let id = match captures[1].trim() {
                "" => before.trim(),
                id => id,
            };
            if let Some(time) = nanoseconds(&captures[2], &captures[3]) {
                found.push((id.to_owned(), time));
            }
        }
        before = line;
    }
    found
}

/// A table drawn as a tree; the column is found by its heading, the path by the depth of the name.
fn divan(output: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let mut median = None;
    let mut path: Vec<String> = Vec::new();
    for line in output.lines() {
        let chars: Vec<char> = line.chars().collect();
        if let Some(columns) = divan_heading(line) {
            path = vec![line.split_whitespace().next().unwrap_or("").to_owned()];
            median = Some(columns);
            continue;
        }
        let Some((fastest, from, to)) = median else {
            continue;
        };
        let drawn = |it: &char| matches!(it, ' ' | '│' | '├' | '╰' | '─');
        let name: String = chars.iter().take(fastest).collect();
        let name = name.trim_matches(|it| drawn(&it)).to_owned();
        let Some(start) = chars.iter().position(|it| !drawn(it)) else {
            continue;
        };
        // A line without a name holds the throughput of the benchmark above it.
        if start >= fastest || name.is_empty() {
            continue;
        }
        path.truncate((start / 3).max(1));
        path.push(name);
        let cell: String = chars.iter().skip(from).take(to - from).collect();
        let mut words = cell.split_whitespace();
        if let (Some(number), Some(unit)) = (words.next(), words.next())
            && let Some(time) = nanoseconds(number, unit)
        {
            found.push((path.join("/"), time));
        }
    }
    found
}

/// Returns where the first column, the median's and the one behind it begin.
fn divan_heading(line: &str) -> Option<(usize, usize, usize)> {
    let at = |word: &str| Some(line[..line.find(word)?].chars().count());
    let columns = (at("fastest")?, at("median")?, at("mean  ")?);
    (columns.0 < columns.1 && columns.1 < columns.2).then_some(columns)
}

/// `BenchmarkName-8   1000   69.88 ns/op   …`, below the line `pkg: path` of its package.
fn go(output: &str) -> Vec<(String, f64)> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(Benchmark\S*?)(?:-\d+)?\s.*?\s([0-9.e+]+) ns/op").expect("it is valid")
    });
    let mut package = String::new();
    let mut found = Vec::new();
    for line in output.lines() {
        if let Some(name) = line.strip_prefix("pkg: ") {
            name.trim().clone_into(&mut package);
        } else if let Some(captures) = TIME.captures(line)
            && let Some(time) = nanoseconds(&captures[2], "ns")
        {
            found.push((format!("{package}.{}", &captures[1]), time));
        }
    }
    found
}

#[derive(Deserialize)]
struct PytestReport {
    benchmarks: Vec<PytestBenchmark>,
}

#[derive(Deserialize)]
struct PytestBenchmark {
    fullname: String,
    stats: PytestStats,
}

#[derive(Deserialize)]
struct PytestStats {
    /// In seconds.
    median: f64,
}

fn pytest(output: &str) -> Result<Vec<(String, f64)>, String> {
    let report: PytestReport = document(output)?;
    let times = report.benchmarks.into_iter();
    Ok(times
        .map(|it| (it.fullname, it.stats.median * 1e9))
        .collect())
}

#[derive(Deserialize)]
struct VitestReport {
    files: Vec<VitestFile>,
}

#[derive(Deserialize)]
struct VitestFile {
    groups: Vec<VitestGroup>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VitestGroup {
    full_name: String,
    benchmarks: Vec<VitestBenchmark>,
}

#[derive(Deserialize)]
struct VitestBenchmark {
    name: String,
    /// In milliseconds; older versions tell the mean only.
    median: Option<f64>,
    mean: f64,
}

fn vitest(output: &str) -> Result<Vec<(String, f64)>, String> {
    let report: VitestReport = document(output)?;
    let groups = report.files.into_iter().flat_map(|it| it.groups);
    let times = groups.flat_map(|group| {
        group.benchmarks.into_iter().map(move |it| {
            let id = format!("{} > {}", group.full_name, it.name);
            (id, it.median.unwrap_or(it.mean) * 1e6)
        })
    });
    Ok(times.collect())
}

/// Returns the JSON document that a runner prints behind words of its own.
fn document<T: serde::de::DeserializeOwned>(output: &str) -> Result<T, String> {
    let start = output.find("{\n").ok_or("no JSON document")?;
    let mut values = serde_json::Deserializer::from_str(&output[start..]).into_iter::<T>();
    match values.next() {
        Some(Ok(report)) => Ok(report),
        Some(Err(error)) => Err(format!("no JSON document of benchmarks: {error}")),
        None => Err("no JSON document".to_owned()),
    }
}

#[cfg(test)]
mod tests;
