//! The project's own numbers: how a command's answer becomes a sample.

use std::time::Duration;

use super::bench::{Bench, complaint};
use crate::config::Metric;
use crate::model::measurement::Sample;
use crate::process::{Error, Exit, Finished};

/// Environment sizes differ by up to this many bytes from run to run: a fixed layout of the stack is
/// a known source of false speed-ups, so it is made part of the noise.
const PADDING: u64 = 4096;

/// Builds what a metric measures.
pub(super) async fn build(bench: &Bench<'_>, metric: &Metric) -> Result<Result<(), String>, Error> {
    let Some(line) = &metric.build else {
        return Ok(Ok(()));
    };
    let finished = bench.run_line(line, bench.limit, Vec::new()).await?;
    Ok(complaint(&finished).map_or(Ok(()), |why| Err(format!("`{line}` failed: {why}"))))
}

/// Runs a metric's command once.
pub(super) async fn run(bench: &Bench<'_>, metric: &Metric) -> Result<(Sample, f64), Error> {
    let limit = metric
        .timeout_seconds
        .map_or(bench.limit, Duration::from_secs);
    let env = vec![("FACTORY_PADDING".to_owned(), padding(bench))];
    let (read, seconds) = match bench.run_line(&metric.run, limit, env).await? {
        Ok(finished) => (read(metric, &finished), finished.wall.as_secs_f64()),
        Err(reason) => (Err(reason), 0.0),
    };
    let sample = match read {
        Ok(value) => Sample::Value { value },
        Err(reason) => Sample::Failed { reason },
    };
    Ok((sample, seconds))
}

fn padding(bench: &Bench<'_>) -> String {
    let run = bench.lab.memory.next_run();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bench.lab.seed.to_le_bytes());
    hasher.update(&run.to_le_bytes());
    let bytes = hasher.finalize();
    let drawn = u64::from(bytes.as_bytes()[0]) * 256 + u64::from(bytes.as_bytes()[1]);
    "x".repeat(usize::try_from(drawn % PADDING).unwrap_or(0))
}

/// Reads a finished command the way the metric says.
fn read(metric: &Metric, finished: &Finished) -> Result<f64, String> {
    if metric.parser == "exit" {
        return match finished.exit {
            Exit::Code(code) => Ok(f64::from(code)),
            Exit::Signal(_) | Exit::TimedOut => Err(finished.explain()),
        };
    }
    if !finished.success() {
        return Err(finished.explain());
    }
    if metric.parser == "seconds" {
        return Ok(finished.wall.as_secs_f64());
    }
    if finished.truncated {
        return Err("it printed more than is kept".to_owned());
    }
    let value = parse(&metric.parser, &metric.name, &finished.stdout_text())?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("`{value}` is no finite number"))
    }
}

/// Finds the one number in a command's output.
fn parse(parser: &str, name: &str, output: &str) -> Result<f64, String> {
    if parser == "metric" {
        metric_line(name, output)
    } else if let Some(pointer) = parser.strip_prefix("json:") {
        json(pointer, output)
    } else if let Some(pattern) = parser.strip_prefix("regex:") {
        regex(pattern, output)
    } else {
        Err(format!(
            "`{parser}` is no parser; use metric, json:POINTER, regex:PATTERN, exit or seconds"
        ))
    }
}

/// Exactly one line `METRIC name=value`; other names do not matter, a second of the same is refused
/// because nobody could say which one counts.
fn metric_line(name: &str, output: &str) -> Result<f64, String> {
    let values: Vec<&str> = output
        .lines()
        .filter_map(|it| it.trim().strip_prefix("METRIC "))
        .filter_map(|it| it.split_once('='))
        .filter(|(it, _)| it.trim() == name)
        .map(|(_, value)| value.trim())
        .collect();
    match values.as_slice() {
        [] => Err(format!("no line `METRIC {name}=…`")),
        [only] => number(only),
        several => Err(format!("{} lines `METRIC {name}=…`", several.len())),
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("`{text}` is no finite number")),
    }
}

/// The number at a pointer of the JSON document on stdout, or of the last line that is one. Without a
/// pointer it is `/score`; a path may be written with dots too.
fn json(pointer: &str, output: &str) -> Result<f64, String> {
    let document: serde_json::Value = serde_json::from_str(output.trim())
        .or_else(|error| {
            output
                .lines()
                .rev()
                .find_map(|it| {
                    serde_json::from_str(it.trim())
                        .ok()
                        .filter(serde_json::Value::is_object)
                })
                .ok_or(error)
        })
        .map_err(|error| format!("no JSON document: {error}"))?;
    let pointer = match pointer {
        "" => "/score".to_owned(),
        it if it.starts_with('/') => it.to_owned(),
        it => format!("/{}", it.replace('.', "/")),
    };
    let found = document
        .pointer(&pointer)
        .ok_or_else(|| format!("nothing at `{pointer}`"))?;
    found
        .as_f64()
        .ok_or_else(|| format!("`{found}` at `{pointer}` is no number"))
}

/// The first group (or the whole) of the only match.
fn regex(pattern: &str, output: &str) -> Result<f64, String> {
    let regex = regex::Regex::new(pattern).map_err(|_| format!("`{pattern}` is no pattern"))?;
    let found: Vec<&str> = regex
        .captures_iter(output)
        .filter_map(|it| it.get(1).or_else(|| it.get(0)))
        .map(|it| it.as_str())
        .collect();
    match found.as_slice() {
        [] => Err(format!("`{pattern}` matches nothing")),
        [only] => number(only.trim()),
        several => Err(format!("`{pattern}` matches {} times", several.len())),
    }
}

#[cfg(test)]
mod tests;
