//! What a proof found: a table to read, and figures with the range that they are to be in.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One number that a proof stands or falls with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Figure {
    /// A figure between two bounds.
    pub(crate) fn between(what: impl Into<String>, value: f64, low: f64, high: f64) -> Self {
        Self {
            what: what.into(),
            value,
            low,
            high,
        }
    }

    /// A figure of at most so much.
    pub(crate) fn at_most(what: impl Into<String>, value: f64, high: f64) -> Self {
        Self::between(what, value, f64::MIN, high)
    }

    /// A figure of at least so much.
    pub(crate) fn at_least(what: impl Into<String>, value: f64, low: f64) -> Self {
        Self::between(what, value, low, f64::MAX)
    }

    /// Returns whether it is where it is to be.
    pub(crate) fn holds(&self) -> bool {
        self.low <= self.value && self.value <= self.high
    }

    fn range(&self) -> String {
        match (self.low > f64::MIN, self.high < f64::MAX) {
            (true, true) => format!("{} to {}", short(self.low), short(self.high)),
            (false, _) => format!("at most {}", short(self.high)),
            (true, false) => format!("at least {}", short(self.low)),
        }
    }
}

/// What one proof found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// What was simulated or run, in a few sentences.
    pub(crate) says: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) figures: Vec<Figure>,
}

impl Proof {
    /// A proof that says this, with a table below those headings.
    pub(crate) fn new(says: &str, header: &[&str]) -> Self {
        Self {
            says: says.to_owned(),
            header: header.iter().map(|it| (*it).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Adds a row to the table.
    pub(crate) fn row<T: ToString>(&mut self, cells: &[T]) {
        self.rows.push(cells.iter().map(T::to_string).collect());
    }

    /// Returns the figures that are not where they are to be.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = self.figures.iter().filter(|it| !it.holds());
        failed
            .map(|it| format!("{}: {}, and not {}", it.what, short(it.value), it.range()))
            .collect()
    }

    /// Returns the proof as a section of a page.
    pub(crate) fn page(&self, name: &str) -> String {
        let mut page = format!("## {name}\n\n{}\n", self.says);
        if !self.rows.is_empty() {
            page.push('\n');
            page.push_str(&table(&self.header, &self.rows));
        }
        if !self.figures.is_empty() {
            let rows: Vec<Vec<String>> = self.figures.iter().map(figure_row).collect();
            let header = ["figure", "found", "to be", ""].map(str::to_owned);
            let _ = write!(page, "\n{}", table(&header, &rows));
        }
        page
    }
}

fn figure_row(it: &Figure) -> Vec<String> {
    let mark = if it.holds() { "holds" } else { "**FAILS**" };
    vec![
        it.what.clone(),
        short(it.value),
        it.range(),
        mark.to_owned(),
    ]
}

fn table(header: &[String], rows: &[Vec<String>]) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Returns a number with as many digits as a reader needs.
pub(crate) fn short(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    if text == "-0" { "0" } else { text }.to_owned()
}
