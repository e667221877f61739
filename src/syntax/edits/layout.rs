//! Where a statement's lines begin and end, and how it fits into another place; knows no language.

use std::ops::Range;

/// Returns where the line of a place begins.
pub(super) fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |it| it + 1)
}

/// Returns where the line after that of a place begins.
pub(super) fn line_end(source: &str, at: usize) -> usize {
    source[at..]
        .find('\n')
        .map_or(source.len(), |it| at + it + 1)
}

/// Returns the white space that the line of a place begins with.
pub(super) fn indent(source: &str, at: usize) -> &str {
    let line = &source[line_start(source, at)..];
    let end = line.find(|it: char| it != ' ' && it != '\t');
    &line[..end.unwrap_or(line.len())]
}

/// Returns whether nothing else stands on the lines of a statement, comments at their end aside.
pub(super) fn is_alone(source: &str, range: &Range<usize>) -> bool {
    let before = &source[line_start(source, range.start)..range.start];
    let after = source[range.end..line_end(source, range.end)].trim();
    let is_comment = after.starts_with('#') || after.starts_with("//");
    before.trim().is_empty() && (after.is_empty() || is_comment)
}

/// Returns the range whose removal takes a statement's lines away, and an empty line that would stand
/// at the end of a block or beside another one.
pub(super) fn removal(source: &str, range: &Range<usize>, is_last: bool) -> Range<usize> {
    if !is_alone(source, range) {
        return range.clone();
    }
    let start = line_start(source, range.start);
    let end = line_end(source, range.end);
    let before = start.checked_sub(1).map(|it| line_start(source, it));
    let is_blank_before = before.is_some_and(|it| source[it..start].trim().is_empty());
    let after = &source[end..line_end(source, end)];
    let is_blank_after = !after.is_empty() && after.trim().is_empty();
    match before {
        Some(before) if is_blank_before && (is_blank_after || is_last) => before..end,
        _ => start..end,
    }
}

/// Returns a statement's text as it stands at another depth.
pub(super) fn moved(text: &str, from: &str, to: &str) -> String {
    let mut lines = text.split('\n');
    let mut result = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        result.push('\n');
        if line.trim().is_empty() {
            continue;
        }
        result.push_str(to);
        result.push_str(line.strip_prefix(from).unwrap_or_else(|| line.trim_start()));
    }
    result
}

/// Returns the text with the changes in it; `None` where two of them overlap.
pub(super) fn spliced<'c>(
    source: &str,
    changes: impl Iterator<Item = &'c (Range<usize>, String)>,
) -> Option<String> {
    let mut changes: Vec<&(Range<usize>, String)> = changes.collect();
    changes.sort_by_key(|(range, _)| (range.start, range.end));
    let mut result = String::with_capacity(source.len());
    let mut at = 0;
    for (range, text) in changes {
        if range.start < at || range.end > source.len() {
            return None;
        }
        result.push_str(&source[at..range.start]);
        result.push_str(text);
        at = range.end;
    }
    result.push_str(&source[at..]);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: &str = "f:\n    a = 1  # one\n\n    b(\n        2,\n    )\n\n    c\n\ng\n";

    fn without(statement: &str, is_last: bool) -> String {
        let start = SOURCE.find(statement).unwrap();
        let range = removal(SOURCE, &(start..start + statement.len()), is_last);
        spliced(SOURCE, [(range, String::new())].iter()).unwrap()
    }

    #[test]
    fn a_statement_goes_with_its_lines() {
        assert_eq!(
            without("a = 1", false),
            "f:\n\n    b(\n        2,\n    )\n\n    c\n\ng\n"
        );
        assert_eq!(
            without("b(\n        2,\n    )", false),
            "f:\n    a = 1  # one\n\n    c\n\ng\n"
        );
        assert_eq!(
            without("c", true),
            "f:\n    a = 1  # one\n\n    b(\n        2,\n    )\n\ng\n"
        );
        assert_eq!(removal("a; b", &(0..2), false), 0..2);
    }

    #[test]
    fn a_statement_takes_the_depth_of_its_new_place() {
        assert_eq!(
            moved("if a:\n        b\n\n    # c", "    ", "\t"),
            "if a:\n\t    b\n\n\t# c"
        );
    }

    proptest! {
        #[test]
        fn changes_either_meet_or_add_up(
            at in prop::collection::vec((0_usize..20, 0_usize..5, "[a-c]{0,3}"), 0..6)
        ) {
            let source = "0123456789abcdefghijklmno";
            let changes: Vec<(Range<usize>, String)> =
                at.into_iter().map(|(start, len, text)| (start..start + len, text)).collect();
            if let Some(text) = spliced(source, changes.iter()) {
                let gone: usize = changes.iter().map(|it| it.0.len()).sum();
                let come: usize = changes.iter().map(|it| it.1.len()).sum();
                prop_assert_eq!(text.len(), source.len() - gone + come);
            }
        }
    }
}
