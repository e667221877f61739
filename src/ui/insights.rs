//! What the record of many experiments shows, as a document and as a table.

use camino::Utf8PathBuf;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Cell;
use super::{number, style, text};
use crate::archive::{By, Estimate, Group};

/// What the record of many experiments shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Insights {
    /// `factory.insights/1`.
    pub schema: String,
    /// The targets that were looked at.
    #[schemars(with = "Vec<String>")]
    pub targets: Vec<Utf8PathBuf>,
    /// What experiments are grouped by.
    pub by: Vec<By>,
    /// The beginning; everything without it.
    pub since: Option<Timestamp>,
    /// Experiments in all groups.
    pub experiments: u64,
    /// Those with most experiments first.
    pub groups: Vec<Group>,
    /// The folder of the Parquet files with a row for each experiment.
    #[schemars(with = "Option<String>")]
    pub archive: Option<Utf8PathBuf>,
    /// Pictures that were written.
    #[schemars(with = "Vec<String>")]
    pub pictures: Vec<Utf8PathBuf>,
}

impl Default for Insights {
    fn default() -> Self {
        Self {
            schema: "factory.insights/1".to_owned(),
            targets: Vec::new(),
            by: Vec::new(),
            since: None,
            experiments: 0,
            groups: Vec::new(),
            archive: None,
            pictures: Vec::new(),
        }
    }
}

/// What the columns mean.
const LEGEND: &str = "Intervals hold 95 %. Keep rate: kept of those that say something (not \
    spurious). Effect: the mean over all that measured one, kept or not, each drawn towards 0 by what \
    the record shows; positive is better.";

/// Returns the groups as a table.
pub fn table(insights: &Insights, width: usize) -> String {
    if insights.groups.is_empty() {
        return nothing(insights, width);
    }
    let mut header: Vec<&str> = insights.by.iter().map(|it| it.name()).collect();
    header.extend([
        "experiments",
        "kept",
        "keep rate",
        "effect",
        "evaluations",
        "time",
    ]);
    let has_costs = insights
        .groups
        .iter()
        .any(|it| it.tokens > 0 || it.usd > 0.0);
    if has_costs {
        header.extend(["tokens", "cost"]);
    }
    let rows: Vec<Vec<Cell>> = insights
        .groups
        .iter()
        .map(|it| row(it, has_costs))
        .collect();
    let fixed: Vec<usize> = (0..header.len()).collect();
    let mut out = text::table(&header, &rows, &fixed, width);
    let of = number::count(insights.targets.len(), "targets");
    let n_experiments = usize::try_from(insights.experiments).unwrap_or(usize::MAX);
    out.push_str(&format!(
        "\n{} of {of}",
        number::count(n_experiments, "experiments")
    ));
    if let Some(since) = insights.since {
        out.push_str(&format!(
            ", closed since {}",
            since.strftime("%Y-%m-%d %H:%M")
        ));
    }
    out.push_str(".\n");
    out.push_str(&style::faint(&text::wrap(LEGEND, width, 0)));
    out.push('\n');
    out
}

/// Returns the paths of pictures.
pub fn pictures(insights: &Insights, _width: usize) -> String {
    let paths: Vec<&str> = insights.pictures.iter().map(|it| it.as_str()).collect();
    paths.join("\n") + "\n"
}

fn nothing(insights: &Insights, width: usize) -> String {
    let sentence = match insights.since {
        Some(since) => format!(
            "no experiment was closed since {}; leave `--since` out to see all",
            since.strftime("%Y-%m-%d %H:%M")
        ),
        None if insights.targets.is_empty() => {
            "no target was used yet; `factory demo` makes one, `factory ceo PATH` uses yours"
                .to_owned()
        }
        None => "no experiments yet; `factory ceo PATH` runs some".to_owned(),
    };
    text::wrap(&sentence, width, 0) + "\n"
}

fn row(group: &Group, has_costs: bool) -> Vec<Cell> {
    let keys = group.key.iter().map(|it| match it.as_str() {
        "" => Cell::from("–"),
        key => Cell::from(tail(&text::harmless(key))),
    });
    let count = |n: u64| number::count(usize::try_from(n).unwrap_or(usize::MAX), "");
    let kept = match group.unkept {
        0 => count(group.kept),
        unkept => format!(
            "{}, {} unkept",
            count(group.kept).trim(),
            count(unkept).trim()
        ),
    };
    let cells = [
        count(group.experiments),
        kept,
        percent(&group.keep_rate, 0),
        group
            .effect
            .as_ref()
            .map_or_else(|| "–".to_owned(), |it| percent(it, 1)),
        count(group.evals + group.metric_runs),
        number::duration(group.seconds),
    ];
    let mut row: Vec<Cell> = keys.chain(cells.map(|it| Cell::from(it.trim()))).collect();
    if has_costs {
        row.push(Cell::from(count(group.tokens).trim()));
        row.push(Cell::from(format!("{:.2} $", group.usd)));
    }
    row
}

/// Returns the end of a long key, which is what paths differ in.
fn tail(key: &str) -> String {
    const LONGEST: usize = 32;
    let n_letters = key.chars().count();
    if n_letters <= LONGEST {
        return key.to_owned();
    }
    let kept: String = key.chars().skip(n_letters - LONGEST + 1).collect();
    format!("…{kept}")
}

/// Returns a share with its interval: `12 % (4 to 25)`.
fn percent(estimate: &Estimate, decimals: usize) -> String {
    let share = |it: f64| format!("{:.decimals$}", 100.0 * it).replace('-', "−");
    let Some(value) = estimate.value else {
        return "–".to_owned();
    };
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("{} % ({} to {})", share(value), share(low), share(high))
        }
        _ => format!("{} %", share(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(key: &str, kept: u64) -> Group {
        Group {
            key: vec![key.to_owned()],
            experiments: 20,
            spurious: 1,
            kept,
            unkept: 0,
            keep_rate: Estimate::share(kept, 19),
            measured: 12,
            effect_raw: Some(0.04),
            effect: Some(Estimate::mean(0.021, 12, Some(0.03))),
            evals: 40,
            metric_runs: 1_204,
            seconds: 3_725.0,
            tokens: 0,
            usd: 0.0,
        }
    }

    fn page(insights: &Insights) -> String {
        anstream::adapter::strip_str(&table(insights, 110)).to_string()
    }

    #[test]
    fn groups_have_rates_effects_and_costs() {
        let insights = Insights {
            targets: vec!["/a".into()],
            by: vec![By::Category],
            experiments: 40,
            groups: vec![group("fix", 3), group("", 0)],
            ..Insights::default()
        };
        let text = page(&insights);
        assert!(text.contains("fix"), "{text}");
        assert!(text.contains("16 % (5 to 36)"), "{text}");
        assert!(text.contains("2.1 % (0.2 to 4.0)"), "{text}");
        assert!(
            text.contains("1,244") && text.contains("1 h 02 min"),
            "{text}"
        );
        assert!(text.contains("40 experiments of 1 target."), "{text}");
        assert!(!text.contains("cost"), "{text}");
    }

    #[test]
    fn without_experiments_it_says_what_to_do() {
        let mut insights = Insights::default();
        assert!(page(&insights).contains("factory demo"));
        insights.targets = vec!["/a".into()];
        assert!(page(&insights).contains("factory ceo PATH"));
        insights.since = Some("2026-11-01T00:00:00Z".parse().unwrap());
        assert!(page(&insights).contains("since 2026-11-01 00:00"));
    }
}
