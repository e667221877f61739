//! Words and tables that fit a terminal.

use comfy_table::{Attribute, Color, ColumnConstraint, ContentArrangement, Table, Width};

/// What a cell's colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// Nothing.
    Plain,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
    /// Something to look at.
    Careful,
    /// Not so important.
    Faint,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tint: Tint,
}

impl Cell {
    /// Returns a cell in a colour.
    pub fn tinted(text: impl Into<String>, tint: Tint) -> Self {
        Self {
            text: text.into(),
            tint,
        }
    }

    fn styled(&self) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(&self.text);
        match self.tint {
            Tint::Plain => cell,
            Tint::Good => cell.fg(Color::DarkGreen),
            Tint::Bad => cell.fg(Color::DarkRed),
            Tint::Careful => cell.fg(Color::DarkYellow),
            Tint::Faint => cell.add_attribute(Attribute::Dim),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::tinted(text, Tint::Plain)
    }
}

/// Returns text broken at spaces so that no line is wider, later lines indented.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = visible(word);
        let at_start = used == 0 || (lines.len() > 1 && used == indent);
        if !at_start && used + 1 + length > width {
            lines.push(" ".repeat(indent));
            used = indent;
        } else if !at_start {
            push(&mut lines, " ");
            used += 1;
        }
        push(&mut lines, word);
        used += length;
    }
    lines.join("\n")
}

/// Returns `label: text`, the text wrapped beside it.
pub fn labelled(label: &str, text: &str, width: usize) -> String {
    let padded = format!("{label:<12} ");
    let body = wrap(text, width.saturating_sub(13), 0);
    let indented = body.replace('\n', &format!("\n{}", " ".repeat(13)));
    format!("{}\n", format!("{padded}{indented}").trim_end())
}

/// Returns a bullet whose later lines hang below its first word.
pub fn bullet(text: &str, width: usize) -> String {
    format!(
        "  · {}\n",
        wrap(text, width.saturating_sub(4), 0).replace('\n', "\n    ")
    )
}

/// Returns a table without lines; columns listed in `fixed` are never narrowed.
pub fn table(header: &[&str], rows: &[Vec<Cell>], fixed: &[usize], width: usize) -> String {
    let mut table = Table::new();
    table
        .load_preset(comfy_table::presets::NOTHING)
        .enforce_styling()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(
        header
            .iter()
            .map(|it| Cell::tinted(*it, Tint::Faint).styled()),
    );
    let widths: Vec<usize> = (0..header.len())
        .map(|column| widest(header[column], rows, column))
        .collect();
    table.add_rows(rows.iter().map(|row| row.iter().map(Cell::styled)));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if fixed.contains(&index) {
            let wide = u16::try_from(widths[index] + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(wide)));
        }
    }
    let text = table.trim_fmt();
    text.lines().map(|line| trim_styled(line) + "\n").collect()
}

/// Returns the text without its colours.
pub fn uncoloured(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Returns how many columns a text takes, colours aside.
pub fn visible(text: &str) -> usize {
    uncoloured(text).chars().count()
}

/// Returns the text cut to that many columns, with an ellipsis where something is missing.
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Returns text from somebody else's tree without what would move the cursor.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Returns the line without spaces at its end, be they before or behind the codes that end a colour.
fn trim_styled(line: &str) -> String {
    let mut rest = line.trim_end();
    let mut codes = String::new();
    while let Some(start) = rest.rfind('\u{1b}').filter(|_| rest.ends_with('m')) {
        if rest[start..].matches('m').count() != 1 {
            break;
        }
        codes.insert_str(0, &rest[start..]);
        rest = rest[..start].trim_end();
    }
    format!("{rest}{codes}")
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

fn widest(header: &str, rows: &[Vec<Cell>], column: usize) -> usize {
    rows.iter()
        .filter_map(|row| row.get(column))
        .map(|cell| cell.text.lines().map(visible).max().unwrap_or(0))
        .chain([visible(header)])
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_hang() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("incomprehensibilities", 5, 0), "incomprehensibilities");
        assert_eq!(wrap("", 5, 0), "");
    }

    #[test]
    fn tables_fit_the_width() {
        let rows = vec![vec![
            "1".into(),
            "a title that is much longer than the table may be".into(),
            "kept".into(),
        ]];
        let text = table(&["id", "hypothesis", "verdict"], &rows, &[0, 2], 40);
        assert!(text.lines().all(|it| visible(it) <= 40), "{text}");
        assert!(text.contains("kept"));
    }

    #[test]
    fn no_line_of_a_table_ends_in_spaces() {
        let row = |detail: &str| vec![Cell::from("x"), Cell::tinted(detail, Tint::Faint)];
        let text = table(&["a", "b"], &[row("short"), row("rather longer")], &[], 40);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|it| !it.ends_with(' ')), "{plain:?}");
    }

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }

    proptest::proptest! {
        #[test]
        fn wrapping_loses_no_word(text in "[a-z ]{0,200}", width in 1usize..60) {
            let wrapped = wrap(&text, width, 2);
            let words = |it: &str| it.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            proptest::prop_assert_eq!(words(&wrapped), words(&text));
        }
    }
}
