//! The record of an autoresearch project, read as ideas: `results.tsv`, and `program.md` for what is wanted.
//!
//! What stands there was measured by others, once, on their machine: it becomes intake and never history.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::dimension::Direction;
use crate::model::idea::Idea;

/// The name under which ideas are kept.
pub const SOURCE: &str = "autoresearch";

/// The largest file that is read.
pub const MAX_BYTES: u64 = 16 << 20;

/// The most experiments that are read.
const MAX_ROWS: usize = 20_000;

/// The longest description, in characters.
const DESCRIPTION: usize = 1_000;

/// The most of a program that becomes an objective, in characters.
const OBJECTIVE: usize = 4_000;

/// Columns that every such record has.
const REQUIRED: [&str; 3] = ["commit", "status", "description"];

/// What a record holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// The column that was optimised: the first one behind the commit.
    pub metric: String,
    /// Which way it was kept, if the kept rows tell.
    pub direction: Option<Direction>,
    /// One for each row, oldest first.
    pub ideas: Vec<Idea>,
    /// Rows that could not be read, each with its line and why.
    pub left_out: Vec<String>,
}

/// Reads `results.tsv`.
///
/// # Errors
/// Why the file as a whole is no such record.
pub fn results(bytes: &[u8]) -> Result<Results, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().zip(1_usize..);
    let header = lines
        .by_ref()
        .map(|(line, _)| line)
        .find(|line| !line.trim().is_empty());
    let columns: Vec<&str> = header
        .ok_or("it is empty")?
        .split('\t')
        .map(str::trim)
        .collect();
    let header = Header::read(&columns)?;
    let mut ideas: Vec<Idea> = Vec::new();
    let mut left_out = Vec::new();
    let rows = lines.filter(|(line, _)| !line.trim().is_empty());
    for (n_rows, (line, number)) in rows.enumerate() {
        if n_rows >= MAX_ROWS {
            left_out.push(format!(
                "line {number} and all after it: at most {MAX_ROWS} rows are read"
            ));
            break;
        }
        match header.idea(line) {
            Ok(idea) if ideas.iter().rev().take(200).any(|it| it.is_same(&idea)) => {
                left_out.push(format!("line {number}: the same as a line before it"));
            }
            Ok(idea) => ideas.push(idea),
            Err(why) => left_out.push(format!("line {number}: {why}")),
        }
    }
    if ideas.is_empty() && !left_out.is_empty() {
        return Err(format!("none of its rows can be read; {}", left_out[0]));
    }
    let metric = columns[header.metric].to_owned();
    Ok(Results {
        direction: direction(&ideas, &metric),
        metric,
        ideas,
        left_out,
    })
}

/// Where the columns are.
struct Header<'a> {
    columns: &'a [&'a str],
    commit: usize,
    status: usize,
    description: usize,
    metric: usize,
}

impl<'a> Header<'a> {
    fn read(columns: &'a [&'a str]) -> Result<Self, String> {
        let place = |name: &str| columns.iter().position(|it| *it == name);
        let missing: Vec<&str> = REQUIRED
            .into_iter()
            .filter(|it| place(it).is_none())
            .collect();
        let (Some(commit), Some(status), Some(description)) =
            (place("commit"), place("status"), place("description"))
        else {
            return Err(format!(
                "its first line lacks the columns {}; `commit`, the metric, `status` and `description` are expected, with tabs between them",
                missing.join(", ")
            ));
        };
        let mut all = 0..columns.len();
        let is_known = |it: &usize| [commit, status, description].contains(it);
        let metric = all.find(|it| !is_known(it) && !columns[*it].is_empty());
        Ok(Self {
            columns,
            commit,
            status,
            description,
            metric: metric.ok_or("its first line has no column for a metric")?,
        })
    }

    fn idea(&self, line: &str) -> Result<Idea, String> {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let n_columns = self.columns.len();
        if cells.len() != n_columns {
            let found = match cells.len() {
                1 => "1 column".to_owned(),
                n => format!("{n} columns"),
            };
            return Err(format!("{found}, where the first line has {n_columns}"));
        }
        let (status, description) = (cells[self.status], cells[self.description]);
        if !["keep", "discard", "crash"].contains(&status) {
            return Err(format!(
                "`{}` is no status; `keep`, `discard` and `crash` are",
                brief(status)
            ));
        }
        if description.is_empty() || line.chars().any(|it| it.is_control() && it != '\t') {
            return Err("no description in plain text".to_owned());
        }
        let mut numbers = BTreeMap::new();
        for (index, (name, cell)) in self.columns.iter().zip(&cells).enumerate() {
            let number = cell.parse::<f64>().ok().filter(|it| it.is_finite());
            let is_number = ![self.commit, self.status, self.description].contains(&index);
            match number {
                Some(number) if is_number => drop(numbers.insert((*name).to_owned(), number)),
                None if index == self.metric && status != "crash" => {
                    return Err(format!("`{}` is no number for `{name}`", brief(cell)));
                }
                _ => {}
            }
        }
        Ok(Idea {
            source: SOURCE.to_owned(),
            commit: brief(cells[self.commit]),
            description: description.chars().take(DESCRIPTION).collect(),
            status: status.to_owned(),
            numbers,
        })
    }
}

fn brief(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Returns the way in which every kept row beat the kept one before it; nothing where they disagree.
fn direction(ideas: &[Idea], metric: &str) -> Option<Direction> {
    let kept = ideas.iter().filter(|it| it.status == "keep");
    let kept: Vec<f64> = kept
        .filter_map(|it| it.numbers.get(metric).copied())
        .collect();
    let (mut up, mut down) = (0, 0);
    for pair in kept.windows(2) {
        up += u32::from(pair[1] > pair[0]);
        down += u32::from(pair[1] < pair[0]);
    }
    // A branch that was begun anew shows once as a step back.
    match (up, down) {
        (up, down) if down > 2 * up => Some(Direction::Minimize),
        (up, down) if up > 2 * down => Some(Direction::Maximize),
        _ => None,
    }
}

/// What a program tells of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// What is wanted.
    pub objective: String,
    /// The command that is said to start a run.
    pub run: Option<String>,
    /// Files that are said to be edited.
    pub mutable: Vec<String>,
    /// Files that are said to be left alone.
    pub fixed: Vec<String>,
}

/// Reads `program.md`.
pub fn program(text: &str) -> Program {
    static CODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("`([^`\n]+)`").expect("a test uses it"));
    let mut found = Program {
        objective: text.trim().chars().take(OBJECTIVE).collect(),
        ..Program::default()
    };
    for line in text.lines() {
        let lower = line.to_lowercase();
        let code = || CODE.captures_iter(line).map(|it| it[1].to_owned());
        let is_file = |it: &String| it.contains('.') && !it.contains(char::is_whitespace);
        let forbids = lower.contains("do not modify") || lower.contains("read-only");
        let allows = lower.contains("the file you modify")
            || lower
                .trim_start_matches(['-', ' ', '*'])
                .starts_with("modify `");
        if forbids {
            found.fixed.extend(code().filter(is_file));
        } else if allows {
            found.mutable.extend(code().filter(is_file));
        }
        if found.run.is_none()
            && (lower.contains("launch it") || lower.contains("run the experiment"))
        {
            let command = code().find(|it| it.contains(' '));
            // What comes behind `>` writes a log for somebody else to read.
            found.run =
                command.map(|it| it.split('>').next().unwrap_or_default().trim().to_owned());
        }
    }
    for files in [&mut found.mutable, &mut found.fixed] {
        files.sort();
        files.dedup();
    }
    let fixed = found.fixed.clone();
    found.mutable.retain(|it| !fixed.contains(it));
    found
}

/// Returns the `[research]` section that a record and its program propose; what they do not tell is a
/// commented line to fill in.
///
/// # Panics
/// Never: writing to a string cannot fail.
pub fn proposal(results: &Results, program: &Program) -> String {
    let mut text = String::from("[research]\n");
    let mut line = |key: &str, value: Option<toml::Value>, example: &str| {
        let written = match value {
            Some(value) => writeln!(text, "{key} = {value}"),
            None => writeln!(text, "#{key} = {example}"),
        };
        written.expect("writing to a string cannot fail");
    };
    let words = |it: &str| Some(toml::Value::from(it)).filter(|_| !it.is_empty());
    let list = |it: &[String]| Some(toml::Value::from(it.to_vec())).filter(|_| !it.is_empty());
    let direction = results.direction.map(|it| match it {
        Direction::Minimize => "minimize",
        Direction::Maximize => "maximize",
    });
    line("objective", words(&program.objective), "\"what is wanted\"");
    line("metric", words(&results.metric), "");
    line(
        "direction",
        direction.and_then(words),
        "\"minimize\" # or \"maximize\"",
    );
    line(
        "run",
        program.run.as_deref().and_then(words),
        "\"python3 train.py\"",
    );
    let parser = format!(
        r"regex:(?m)^{}:\s*([-+0-9.eE]+)",
        regex::escape(&results.metric)
    );
    line("parser", words(&parser), "");
    line("mutable", list(&program.mutable), "[\"train.py\"]");
    line("fixed", list(&program.fixed), "[\"prepare.py\"]");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TSV: &str = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n\
        a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n\
        b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR to 0.04\n\
        c3d4e5f\t1.005000\t44.0\tdiscard\tswitch to GeLU activation\n\
        d4e5f6g\t0.000000\t0.0\tcrash\tdouble model width (OOM)\n";

    const PROGRAM: &str = "# autoresearch\n\nThe goal is simple: get the lowest val_bpb.\n\
        - `prepare.py` — fixed constants. Do not modify.\n\
        - `train.py` — the file you modify.\n\
        You launch it simply as: `uv run train.py > run.log`.\n";

    #[test]
    fn a_record_gives_its_metric_its_direction_and_an_idea_for_each_row() {
        let found = results(TSV.as_bytes()).unwrap();
        assert_eq!(found.metric, "val_bpb");
        assert_eq!(found.direction, Some(Direction::Minimize));
        assert_eq!(found.left_out, Vec::<String>::new());
        assert_eq!(found.ideas.len(), 4);
        let last = &found.ideas[3];
        assert_eq!(
            (last.status.as_str(), last.commit.as_str()),
            ("crash", "d4e5f6g")
        );
        assert_eq!(
            found.ideas[1].numbers["memory_gb"].to_bits(),
            44.2_f64.to_bits()
        );
    }

    #[test]
    fn other_columns_and_orders_are_read_by_their_names() {
        let text = "commit\tval_rmse\tstatus\tdescription\nc2450ad\t343.88\tkeep\tbaseline\n\n";
        let found = results(text.as_bytes()).unwrap();
        assert_eq!((found.metric.as_str(), found.direction), ("val_rmse", None));
    }

    #[test]
    fn a_file_that_is_no_record_is_refused_with_the_reason() {
        for (bytes, reason) in [
            (&b""[..], "it is empty"),
            (b"\xff\xfe", "byte 0 is not UTF-8"),
            (
                b"commit,val,status,description\n",
                "lacks the columns commit, status, description",
            ),
            (b"commit\tstatus\tdescription\n", "no column for a metric"),
            (
                b"commit\tx\tstatus\tdescription\na\tb\n",
                "line 2: 2 columns, where the first line has 4",
            ),
            (
                b"commit\tx\tstatus\tdescription\na\n",
                "line 2: 1 column, where the first line has 4",
            ),
        ] {
            let found = results(bytes).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }

    #[test]
    fn rows_that_cannot_be_read_are_named_and_the_others_are_taken() {
        let text = format!(
            "{TSV}e\tnan\t1\tkeep\tx\nf\t1\t1\tbest\tx\ng\t1\t1\tkeep\t\nh\t1\t1\tkeep\ta\u{1b}[2J\n\
             a1b2c3d\t0.997900\t44.0\tkeep\tbaseline\n"
        );
        let found = results(text.as_bytes()).unwrap();
        assert_eq!(found.ideas.len(), 4);
        assert_eq!(
            found.left_out,
            [
                "line 6: `nan` is no number for `val_bpb`",
                "line 7: `best` is no status; `keep`, `discard` and `crash` are",
                "line 8: no description in plain text",
                "line 9: no description in plain text",
                "line 10: the same as a line before it",
            ]
        );
    }

    #[test]
    fn what_the_program_tells_becomes_a_section_that_parses() {
        let found = program(PROGRAM);
        assert_eq!(found.run.as_deref(), Some("uv run train.py"));
        assert_eq!((found.mutable.len(), found.fixed.len()), (1, 1));
        let text = proposal(&results(TSV.as_bytes()).unwrap(), &found);
        let profile: crate::config::Profile = toml::from_str(&text).unwrap();
        let research = profile.research.unwrap();
        assert_eq!(research.direction, Direction::Minimize);
        assert!(research.objective.contains("lowest val_bpb"));
        assert_eq!(research.parser, r"regex:(?m)^val_bpb:\s*([-+0-9.eE]+)");
    }

    #[test]
    fn what_is_not_told_is_left_to_fill_in() {
        let record = Results {
            direction: None,
            ..results(TSV.as_bytes()).unwrap()
        };
        let text = proposal(&record, &Program::default());
        assert!(
            text.contains("\n#direction = \"minimize\" # or \"maximize\"\n"),
            "{text}"
        );
        assert!(text.contains("\n#mutable = [\"train.py\"]\n"), "{text}");
    }
}
