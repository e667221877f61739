//! The project's own numbers: how a command's answer becomes a sample.

mod benchmarks;

use std::collections::BTreeSet;
use std::time::Duration;

use super::bench::{Bench, complaint};
use super::{suite, tail};
use crate::config::{Metric, ParserSpec, by_line};
use crate::model::finding::SuiteState;
use crate::model::measurement::Sample;
use crate::model::tail::Tails;
use crate::process::{Error, Exit, Finished};

/// Environment sizes differ by up to this many bytes from run to run: a fixed layout of the stack is
/// a known source of false speed-ups, so it is made part of the noise.
const PADDING: u64 = 4096;

/// So many names that were printed are told where the one that counts is missing.
const MOST_NAMES: usize = 5;

/// Builds what a metric measures.
pub(super) async fn build(bench: &Bench<'_>, metric: &Metric) -> Result<Result<(), String>, Error> {
    // Extension modules are a part of the tree's code, whatever the command is.
    if let Err(why) = bench.build_projects().await? {
        return Ok(Err(why));
    }
    let Some(line) = &metric.build else {
        return Ok(Ok(()));
    };
    let finished = bench.run_line(line, bench.limit, Vec::new()).await?;
    Ok(complaint(&finished).map_or(Ok(()), |why| Err(format!("`{line}` failed: {why}"))))
}

/// What one run of a metric's command showed.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRun {
    /// Its number.
    pub sample: Sample,
    /// Wall seconds by the harness's clock.
    pub seconds: f64,
    /// The tail of the values that it printed, where the metric has a guard on it.
    pub tail: Tails,
}

/// What a finished command printed.
struct Printed {
    value: f64,
    tail: Tails,
}

/// Runs a metric's command once.
pub(super) async fn run(bench: &Bench<'_>, metric: &Metric) -> Result<MetricRun, Error> {
    let parser = metric.parser.parse::<ParserSpec>();
    let (read, seconds) = match &parser {
        Ok(ParserSpec::Suite) => suite_seconds(bench).await?,
        Ok(parser) => run_command(bench, metric, parser).await?,
        Err(error) => (Err(error.to_string()), 0.0),
    };
    let (sample, tail) = match read {
        Ok(Printed { value, tail }) => (Sample::Value { value }, tail),
        Err(reason) => (Sample::Failed { reason }, Tails::new()),
    };
    Ok(MetricRun {
        sample,
        seconds,
        tail,
    })
}

async fn run_command(
    bench: &Bench<'_>,
    metric: &Metric,
    parser: &ParserSpec,
) -> Result<(Result<Printed, String>, f64), Error> {
    let limit = metric
        .timeout_seconds
        .map_or(bench.limit, Duration::from_secs);
    if let Some(line) = &metric.before {
        let finished = bench.run_line(line, limit, Vec::new()).await?;
        if let Some(why) = complaint(&finished) {
            return Ok((Err(format!("`{line}` failed: {why}")), 0.0));
        }
    }
    let env = vec![("FACTORY_PADDING".to_owned(), padding(bench))];
    Ok(match bench.run_line(&metric.run, limit, env).await? {
        Ok(finished) => {
            let value = read(bench, metric, parser, &finished);
            (value, finished.wall.as_secs_f64())
        }
        Err(reason) => (Err(reason), 0.0),
    })
}

/// The suite's time is the metric of those who ask for it; a suite that does not end well has none.
async fn suite_seconds(bench: &Bench<'_>) -> Result<(Result<Printed, String>, f64), Error> {
    let run = suite::run(bench, None).await?.run;
    let value = match run.state {
        SuiteState::Completed => Ok(Printed {
            value: run.seconds,
            tail: Tails::new(),
        }),
        _ => Err("the suite did not run to its end".to_owned()),
    };
    Ok((value, run.seconds))
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
fn read(
    bench: &Bench<'_>,
    metric: &Metric,
    parser: &ParserSpec,
    finished: &Finished,
) -> Result<Printed, String> {
    if *parser == ParserSpec::Exit {
        return match finished.exit {
            Exit::Code(code) => Ok(Printed {
                value: f64::from(code),
                tail: tail::read(metric, &finished.stdout_text())?,
            }),
            Exit::Signal(_) | Exit::TimedOut => Err(finished.explain()),
        };
    }
    if !finished.success() {
        return Err(finished.explain());
    }
    if finished.truncated && (*parser != ParserSpec::Seconds || !metric.tail.is_empty()) {
        return Err("it printed more than is kept".to_owned());
    }
    let output = finished.stdout_text();
    let value = match parser {
        ParserSpec::Exit | ParserSpec::Seconds | ParserSpec::Suite => finished.wall.as_secs_f64(),
        ParserSpec::Metric => metric_line(&metric.name, &output)?,
        ParserSpec::Json(pointer) => json(pointer, &output)?,
        ParserSpec::Regex(pattern) => regex(pattern, &output)?,
        // A mean over other benchmarks than those of the other arm would be another number.
        ParserSpec::Benchmarks(runner) => {
            let times = benchmarks::times(*runner, &output)?;
            bench
                .lab
                .memory
                .same_benchmarks(&metric.name, times.keys())?;
            benchmarks::mean(&times)
        }
    };
    if !value.is_finite() {
        return Err(format!("`{value}` is no finite number"));
    }
    let tail = tail::read(metric, &output)?;
    Ok(Printed { value, tail })
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
        [] => Err(no_line(name, output)),
        [only] => number(only),
        several => Err(format!("{} lines `METRIC {name}=…`", several.len())),
    }
}

/// Says which names were printed instead: most often one of the two is misspelt.
fn no_line(name: &str, output: &str) -> String {
    let others = output.lines();
    let others = others.filter_map(|it| it.trim().strip_prefix("METRIC "));
    let others = others.filter_map(|it| Some(it.split_once('=')?.0.trim()));
    let others: BTreeSet<String> = others
        .take(MOST_NAMES)
        .map(|it| format!("`{it}`"))
        .collect();
    let others: Vec<String> = others.into_iter().collect();
    let instead = match others.as_slice() {
        [] if output.trim().is_empty() => "it printed nothing".to_owned(),
        [] => {
            "it printed no `METRIC` at all (print one, or let `parser` say how the number is found)"
                .to_owned()
        }
        some => format!("it printed {}", some.join(", ")),
    };
    format!("no line `METRIC {name}=…`; {instead}")
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
    let regex = by_line(pattern).map_err(|_| format!("`{pattern}` is no pattern"))?;
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
