//! The lcov tracefile, which every coverage tool can write.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::Coverage;

/// Reads a tracefile; `place` maps a printed path into the tree, or drops it.
pub(super) fn parse(
    text: &str,
    tool: &str,
    place: impl Fn(&str) -> Option<Utf8PathBuf>,
) -> Result<Coverage, String> {
    // A file may have several records (one per crate that includes it): a line is reached if any says so.
    let mut lines: BTreeMap<Utf8PathBuf, BTreeMap<u32, bool>> = BTreeMap::new();
    let mut file = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = place(path);
        } else if let Some(data) = line.strip_prefix("DA:") {
            let (number, reached) = data_line(data).ok_or_else(|| format!("`{line}`"))?;
            if let Some(file) = &file {
                let lines = lines.entry(file.clone()).or_default();
                *lines.entry(number).or_default() |= reached;
            }
        }
    }
    Ok(count(lines, tool))
}

fn data_line(data: &str) -> Option<(u32, bool)> {
    let mut fields = data.split(',');
    let number = fields.next()?.parse().ok()?;
    let hits: u64 = fields.next()?.parse().ok()?;
    Some((number, hits > 0))
}

/// Sums up which lines of each file are reached.
pub(super) fn count(files: BTreeMap<Utf8PathBuf, BTreeMap<u32, bool>>, tool: &str) -> Coverage {
    let mut coverage = Coverage {
        tool: tool.to_owned(),
        ..Coverage::default()
    };
    for (path, lines) in files {
        let reached: Vec<u32> = lines.iter().filter(|it| *it.1).map(|it| *it.0).collect();
        coverage.lines += lines.len() as u64;
        coverage.covered += reached.len() as u64;
        coverage.totals.insert(path.clone(), lines.len() as u64);
        coverage.reached.insert(path, reached);
    }
    coverage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_once_and_other_trees_not_at_all() {
        let text = "SF:/t/src/lib.rs\nDA:1,2\nDA:2,0\nend_of_record\n\
                    SF:/t/src/lib.rs\nDA:2,1\nDA:3,0\nend_of_record\n\
                    SF:/elsewhere/x.rs\nDA:1,1\nend_of_record\n";
        let coverage = parse(text, "llvm-cov", |it| {
            it.strip_prefix("/t/").map(Utf8PathBuf::from)
        })
        .unwrap();
        assert_eq!((coverage.lines, coverage.covered), (3, 2));
        assert_eq!(
            coverage.reached[camino::Utf8Path::new("src/lib.rs")],
            vec![1, 2]
        );
        assert!(
            !coverage
                .reached
                .contains_key(camino::Utf8Path::new("/elsewhere/x.rs"))
        );
    }

    #[test]
    fn files_that_do_not_count_are_left_out() {
        let text = "SF:a.py\nDA:1,2\nDA:2,0\nend_of_record\nSF:a_pb2.py\nDA:1,1\nDA:2,0\n";
        let mut coverage = parse(text, "t", |it| Some(it.into())).unwrap();
        coverage.leave_out(|it| it.as_str().ends_with("_pb2.py"));
        assert_eq!((coverage.lines, coverage.covered), (2, 1));
        assert_eq!(coverage.reached.len(), 1);
    }

    #[test]
    fn a_garbled_line_is_an_error() {
        assert!(parse("SF:a\nDA:x,1\n", "t", |it| Some(it.into())).is_err());
    }
}
