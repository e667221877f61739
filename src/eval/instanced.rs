//! A run of a metric over instances: its number, and the file that this very run wrote.

use std::fs::Metadata;
use std::io::ErrorKind;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::bench::{Bench, io_error};
use super::instances::{self, Instances};
use super::metric;
use crate::config::Metric;
use crate::model::dimension::Direction;
use crate::model::measurement::Sample;
use crate::process::Error;

/// A number is printed with two digits behind the point at least.
const ROUNDING: f64 = 0.0051;

/// One run of a metric over instances.
#[derive(Clone, Debug)]
pub struct InstanceRun {
    /// The metric's own number.
    pub sample: Sample,
    /// Wall seconds by the harness's clock.
    pub seconds: f64,
    /// What the run wrote.
    pub written: Written,
}

/// What a run wrote about its instances.
#[derive(Clone, Debug)]
pub enum Written {
    /// Scores that agree with the metric's number.
    Scores(Instances),
    /// The run itself gave no number.
    Failed(String),
    /// The number is there, and the file cannot be used.
    Unusable(String),
    /// The file and the number contradict each other.
    Contradiction(String),
}

impl Written {
    /// Returns the scores, or why there are none.
    ///
    /// # Errors
    /// What went wrong with the run or its file.
    pub fn scores(self) -> Result<Instances, String> {
        match self {
            Self::Scores(instances) => Ok(instances),
            Self::Failed(why) | Self::Contradiction(why) => Err(why),
            Self::Unusable(why) => Err(format!("its instances: {why}")),
        }
    }
}

/// Runs a metric once, and reads what it says of each instance.
///
/// Whatever stood at the place of the file before is removed: neither an earlier run nor the tree speaks
/// for this one.
pub(super) async fn run(
    bench: &Bench<'_>,
    metric: &Metric,
    file: &Utf8Path,
) -> Result<InstanceRun, Error> {
    let place = bench.written_at();
    let cleared = clear(&place, file).map_err(|source| io_error(&place.join(file), source))?;
    let metric::MetricRun {
        sample, seconds, ..
    } = metric::run(bench, metric).await?;
    let written = match (&sample, cleared) {
        (Sample::Failed { reason }, _) => Written::Failed(reason.clone()),
        (Sample::Value { .. }, Cleared::BehindLink(link)) => {
            Written::Unusable(format!("`{file}` lies behind the link `{link}`"))
        }
        (Sample::Value { value }, Cleared::Gone) => match look(&place, file) {
            Ok(found) => checked(metric, *value, found),
            Err(reason) => Written::Unusable(reason),
        },
    };
    Ok(InstanceRun {
        sample,
        seconds,
        written,
    })
}

/// What was made of whatever stood at the place of the file.
enum Cleared {
    Gone,
    BehindLink(Utf8PathBuf),
}

fn clear(place: &Utf8Path, file: &Utf8Path) -> std::io::Result<Cleared> {
    if let Some(link) = link_above(place, file)? {
        return Ok(Cleared::BehindLink(link));
    }
    let path = place.join(file);
    match metadata(&path)? {
        None => {}
        Some(metadata) if metadata.is_dir() => fs_err::remove_dir_all(&path)?,
        Some(_) => fs_err::remove_file(&path)?,
    }
    Ok(Cleared::Gone)
}

fn look(place: &Utf8Path, file: &Utf8Path) -> Result<Instances, String> {
    match link_above(place, file) {
        Ok(None) => instances::load(place, file).map_err(|error| error.to_string()),
        Ok(Some(link)) => Err(format!("`{file}` lies behind the link `{link}`")),
        Err(error) => Err(format!("`{file}` cannot be read: {error}")),
    }
}

/// Returns the first folder on the way to a file that is no plain folder.
fn link_above(place: &Utf8Path, file: &Utf8Path) -> std::io::Result<Option<Utf8PathBuf>> {
    let mut path = Utf8PathBuf::new();
    for component in file.parent().into_iter().flat_map(Utf8Path::components) {
        if !matches!(component, Utf8Component::Normal(_)) {
            continue;
        }
        path.push(component);
        match metadata(&place.join(&path))? {
            Some(metadata) if !metadata.is_dir() => return Ok(Some(path)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn metadata(path: &Utf8Path) -> std::io::Result<Option<Metadata>> {
    match path.as_std_path().symlink_metadata() {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compares the metric's number with the mean of the scores, which say how well each instance went.
fn checked(metric: &Metric, value: f64, instances: Instances) -> Written {
    let mean = mean(&instances);
    let expected = match metric.direction {
        Direction::Maximize => mean,
        Direction::Minimize => 1.0 - mean,
    };
    if (value - expected).abs() <= ROUNDING {
        return Written::Scores(instances);
    }
    let of = match metric.direction {
        Direction::Maximize => "their scores have the mean",
        Direction::Minimize => "1 minus the mean of their scores is",
    };
    Written::Contradiction(format!(
        "`{}` is {value}, but over its {} instances {of} {expected:.4} \
         (hint: let `{}` be that number, and let 1 be the best score of an instance)",
        metric.name,
        instances.len(),
        metric.name,
    ))
}

/// Returns the mean score.
pub fn mean(instances: &Instances) -> f64 {
    let n = u32::try_from(instances.len()).unwrap_or(u32::MAX);
    let sum: f64 = instances.values().map(|it| it.score).sum();
    sum / f64::from(n.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::testing::{Fixture, arm, tree_sha};

    fn metric(run: &str, direction: Direction) -> Metric {
        Metric {
            name: "accuracy".to_owned(),
            build: None,
            before: None,
            run: run.to_owned(),
            parser: "metric".to_owned(),
            direction,
            unit: String::new(),
            tolerance: None,
            deterministic: false,
            timeout_seconds: None,
            only_claimed: false,
            tail: Vec::new(),
            reads: Vec::new(),
        }
    }

    async fn ran(fixture: &Fixture, script: &str, direction: Direction) -> Written {
        let lab = fixture.lab();
        let (dir, tree) = (fixture.tree(), tree_sha());
        let arm = arm(&dir, &tree, "candidate");
        let line = shell_words::join(["sh", "-c", script]);
        let metric = metric(&line, direction);
        let run = lab.measure_instances(&arm, &metric, "out/results.jsonl".into());
        run.await.unwrap().written
    }

    fn complaint(written: Written) -> String {
        match written {
            Written::Scores(_) => "none".to_owned(),
            Written::Failed(why) => format!("failed: {why}"),
            Written::Unusable(why) => format!("unusable: {why}"),
            Written::Contradiction(why) => format!("contradiction: {why}"),
        }
    }

    const HONEST: &str = "mkdir -p out; printf '{\"id\":\"a\",\"passed\":true}\\n{\"id\":\"b\",\"passed\":false}\\n' > out/results.jsonl";

    #[tokio::test]
    async fn an_honest_run_is_read_in_either_direction() {
        let fixture = Fixture::new();
        for (number, direction) in [("0.5", Direction::Maximize), ("0.5", Direction::Minimize)] {
            let script = format!("{HONEST}; echo METRIC accuracy={number}");
            let written = ran(&fixture, &script, direction).await;
            assert!(
                matches!(&written, Written::Scores(it) if it.len() == 2),
                "{written:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_this_run_did_not_write_is_not_believed() {
        let fixture = Fixture::new();
        fixture.write("out/results.jsonl", "{\"id\":\"a\",\"passed\":true}\n");
        let written = ran(&fixture, "echo METRIC accuracy=1", Direction::Maximize).await;
        let said = "unusable: `out/results.jsonl` was not written by the command";
        assert_eq!(complaint(written), said);
    }

    #[tokio::test]
    async fn links_in_place_of_the_file_or_above_it_are_not_followed() {
        let fixture = Fixture::new();
        fixture.write(
            "elsewhere/results.jsonl",
            "{\"id\":\"a\",\"passed\":true}\n",
        );
        let link = "mkdir -p out; ln -s ../elsewhere/results.jsonl out/results.jsonl; echo METRIC accuracy=1";
        let written = ran(&fixture, link, Direction::Maximize).await;
        let said = "unusable: `out/results.jsonl` cannot be read: it is no plain file";
        assert_eq!(complaint(written), said);
        let above = "rm -rf out; ln -s elsewhere out; echo METRIC accuracy=1";
        let behind = "unusable: `out/results.jsonl` lies behind the link `out`";
        for _ in 0..2 {
            let written = ran(&fixture, above, Direction::Maximize).await;
            assert_eq!(complaint(written), behind);
        }
        assert!(fixture.tree().join("elsewhere/results.jsonl").exists());
    }

    #[tokio::test]
    async fn a_number_that_contradicts_its_instances_is_named() {
        let fixture = Fixture::new();
        let script = format!("{HONEST}; echo METRIC accuracy=0.9");
        let said = complaint(ran(&fixture, &script, Direction::Maximize).await);
        let expected = "contradiction: `accuracy` is 0.9, but over its 2 instances their scores have the mean 0.5000";
        assert!(said.starts_with(expected), "{said}");
    }

    #[tokio::test]
    async fn more_metric_lines_duplicates_and_strange_scores_are_named() {
        let fixture = Fixture::new();
        for (script, said) in [
            (
                format!("{HONEST}; echo METRIC accuracy=1; echo METRIC accuracy=0.5"),
                "failed: 2 lines `METRIC accuracy=…`",
            ),
            (
                format!("{HONEST}; echo '{{\"id\":\"a\",\"score\":1}}' >> out/results.jsonl; echo METRIC accuracy=0.5"),
                "unusable: line 3: `a` was there before; every instance has an id of its own",
            ),
            (
                "mkdir -p out; echo '{\"id\":1,\"score\":7}' > out/results.jsonl; echo METRIC accuracy=7".to_owned(),
                "unusable: line 1: `score` is 7, not between 0 and 1",
            ),
        ] {
            assert_eq!(complaint(ran(&fixture, &script, Direction::Maximize).await), said);
        }
    }
}
