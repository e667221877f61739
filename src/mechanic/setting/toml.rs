//! One key of a TOML file: comments and layout stay as they are, and tables are made on the way.

use toml_edit::{DocumentMut, InlineTable, Item, Key, Table, TableLike, Value};

use super::{Error, Leaf};

/// Returns the value at a dotted key as plain TOML, or `None` when it is not set.
pub(super) fn get(text: &str, key: &str) -> Result<Option<String>, Error> {
    let document = parse_document(text)?;
    let mut item = document.as_item();
    for segment in &parse_key(key)? {
        match item.as_table_like().and_then(|it| it.get(segment.get())) {
            Some(next) => item = next,
            None => return Ok(None),
        }
    }
    Ok(item.as_value().map(plain))
}

/// Returns the text with the value at a dotted key, creating the tables on the way.
pub(super) fn set(text: &str, key: &str, value: &str) -> Result<String, Error> {
    let mut document = parse_document(text)?;
    let path = parse_key(key)?;
    let value = parse_value(value)?;
    let (leaf, parents) = path.split_last().expect("a parsed key has a segment");
    let mut item = document.as_item_mut();
    for parent in parents {
        item = descend(item, parent, key)?;
    }
    place(item, leaf, value, key)?;
    Ok(with_line_ends_of(text, document.to_string()))
}

/// Returns whether two TOML values mean the same, whatever their quotes and spaces.
pub(crate) fn same(left: &str, right: &str) -> bool {
    match (parse_value(left), parse_value(right)) {
        (Ok(left), Ok(right)) => plain(&left) == plain(&right),
        _ => left.trim() == right.trim(),
    }
}

/// Returns what a person typed as a TOML value: itself if it is one, else a string of it.
pub(crate) fn value_of_words(words: &str) -> String {
    let words = words.trim();
    match parse_value(words) {
        Ok(value) => plain(&value),
        Err(_) => plain(&Value::from(words)),
    }
}

/// Returns the value for people: a string without its quotes.
pub(crate) fn display(value: &str) -> String {
    match parse_value(value) {
        Ok(Value::String(text)) => text.value().clone(),
        _ => value.trim().to_owned(),
    }
}

/// Returns every value of a file that is no table or array, with its path.
pub(super) fn leaves(text: &str) -> Result<Vec<Leaf>, Error> {
    let mut leaves = Vec::new();
    collect(
        parse_document(text)?.as_item(),
        &mut Vec::new(),
        &mut leaves,
    );
    Ok(leaves)
}

fn collect(item: &Item, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let mut below = |name: String, item: &Item| {
        path.push(name);
        collect(item, path, leaves);
        path.pop();
    };
    if let Some(table) = item.as_table_like() {
        table.iter().for_each(|(key, it)| below(key.to_owned(), it));
    } else if let Some(tables) = item.as_array_of_tables() {
        let tables = tables.iter().cloned().map(Item::Table);
        tables
            .enumerate()
            .for_each(|(idx, it)| below(idx.to_string(), &it));
    } else if let Some(array) = item.as_array() {
        let values = array.iter().cloned().map(Item::Value);
        values
            .enumerate()
            .for_each(|(idx, it)| below(idx.to_string(), &it));
    } else if let Some(value) = item.as_value() {
        leaves.push((path.clone(), plain(value)));
    }
}

/// Returns the segments of a dotted key, each as it is without quotes.
pub(super) fn segments(key: &str) -> Result<Vec<String>, Error> {
    let keys = parse_key(key)?;
    Ok(keys.iter().map(|it| it.get().to_owned()).collect())
}

fn parse_document(text: &str) -> Result<DocumentMut, Error> {
    text.parse().map_err(|source| syntax("the file", source))
}

fn parse_key(key: &str) -> Result<Vec<Key>, Error> {
    Key::parse(key).map_err(|source| syntax(key, source))
}

fn parse_value(value: &str) -> Result<Value, Error> {
    value
        .trim()
        .parse()
        .map_err(|source| syntax(value.trim(), source))
}

fn syntax(what: &str, source: toml_edit::TomlError) -> Error {
    Error::Syntax {
        what: what.to_owned(),
        source: Box::new(source),
    }
}

/// Returns the table below `item` at `segment`, made if it is not there.
fn descend<'a>(item: &'a mut Item, segment: &Key, key: &str) -> Result<&'a mut Item, Error> {
    let table = as_table(item, segment, key)?;
    // Implicit tables print a header only when they hold a value of their own.
    let new_table = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    Ok(table.entry_format(segment).or_insert_with(new_table))
}

/// Puts the value at the leaf; a value that was there leaves its spaces and comment behind.
fn place(item: &mut Item, leaf: &Key, value: Value, key: &str) -> Result<(), Error> {
    let table = as_table(item, leaf, key)?;
    match table.get_mut(leaf.get()) {
        Some(Item::Value(old)) if !old.is_inline_table() => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        Some(other) if !other.is_none() => return Err(shape(key, leaf, other)),
        _ => {
            table.entry_format(leaf).or_insert(Item::Value(value));
            if let Some(inline) = item.as_inline_table_mut() {
                pass_on_last_space(inline);
            }
        }
    }
    Ok(())
}

/// Moves the space before the closing brace behind the value that is now the last.
fn pass_on_last_space(table: &mut InlineTable) {
    let n_values = table.len();
    let mut values = table.iter_mut().skip(n_values.saturating_sub(2));
    if let (Some((_, before)), Some((_, last))) = (values.next(), values.next()) {
        let suffix = before.decor().suffix().cloned().unwrap_or_default();
        before.decor_mut().set_suffix("");
        last.decor_mut().set_suffix(suffix);
    }
}

fn as_table<'a>(
    item: &'a mut Item,
    segment: &Key,
    key: &str,
) -> Result<&'a mut dyn TableLike, Error> {
    if !item.is_table_like() {
        return Err(shape(key, segment, item));
    }
    Ok(item.as_table_like_mut().expect("it was just looked at"))
}

fn shape(key: &str, at: &Key, item: &Item) -> Error {
    Error::Shape {
        key: key.to_owned(),
        at: at.get().to_owned(),
        kind: item.type_name(),
    }
}

/// Returns the value without spaces, comments or a choice of quotes.
fn plain(value: &Value) -> String {
    let value = match value {
        Value::String(text) => Value::from(text.value().as_str()),
        other => other.clone().decorated("", ""),
    };
    value.to_string().trim().to_owned()
}

/// The parser reads both line ends and new lines are written with one; a file keeps its own.
fn with_line_ends_of(original: &str, text: String) -> String {
    let n_lines = original.matches('\n').count();
    if n_lines == 0 || original.matches("\r\n").count() < n_lines {
        return text;
    }
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MANIFEST: &str = "\
# The manifest.
[package]
name = \"sample\" # its name

[dependencies]
serde = { version = \"1\", features = [ \"derive\" ] }

[profile.release]
# Small binaries matter here.
opt-level = 's'   # was 3
debug = false
";

    #[test]
    fn setting_a_value_keeps_every_comment_and_space() {
        let text = set(MANIFEST, "profile.release.opt-level", "3").unwrap();
        assert_eq!(text, MANIFEST.replace("'s'   # was 3", "3   # was 3"));
    }

    #[test]
    fn a_new_key_goes_to_the_end_of_its_table() {
        let text = set(MANIFEST, "profile.release.lto", "\"fat\"").unwrap();
        assert_eq!(text, format!("{MANIFEST}lto = \"fat\"\n"));
    }

    #[test]
    fn a_missing_table_is_made_with_a_blank_line_before_it() {
        let manifest = "[package]\nname = \"a\" # b\n";
        let text = set(manifest, "profile.release.lto", "\"fat\"").unwrap();
        assert_eq!(
            text,
            format!("{manifest}\n[profile.release]\nlto = \"fat\"\n")
        );
    }

    #[test]
    fn a_table_goes_beside_its_siblings() {
        let manifest = "[profile.dev]\ndebug = 1\n\n[features]\na = []\n";
        let text = set(manifest, "profile.release.lto", "true").unwrap();
        assert_eq!(
            text,
            "[profile.dev]\ndebug = 1\n\n[profile.release]\nlto = true\n\n[features]\na = []\n"
        );
    }

    #[test]
    fn inline_and_dotted_tables_stay_what_they_are() {
        let inline = "profile = { release = { debug = true } }\n";
        let text = set(inline, "profile.release.lto", "true").unwrap();
        assert_eq!(
            text,
            "profile = { release = { debug = true, lto = true } }\n"
        );
        let inline = "profile = { dev = { debug = true } }\n";
        let text = set(inline, "profile.release.lto", "true").unwrap();
        assert_eq!(
            get(&text, "profile.release.lto").unwrap().as_deref(),
            Some("true")
        );
        let dotted = "[profile]\nrelease.debug = true\n";
        let text = set(dotted, "profile.release.lto", "true").unwrap();
        assert_eq!(
            text,
            "[profile]\nrelease.debug = true\nrelease.lto = true\n"
        );
    }

    #[test]
    fn windows_line_ends_stay() {
        let text = set(
            "[package]\r\nname = \"a\"\r\n",
            "profile.release.lto",
            "true",
        )
        .unwrap();
        assert_eq!(
            text,
            "[package]\r\nname = \"a\"\r\n\r\n[profile.release]\r\nlto = true\r\n"
        );
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let error = set("profile = 1\n", "profile.release.lto", "true").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`profile.release.lto` cannot be set: what is at or above `release` is of type integer"
        );
        let error = set("[a.b]\nc = 1\n", "a.b", "true").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a.b` cannot be set: what is at or above `b` is of type table"
        );
        assert!(set("= broken", "a", "1").is_err());
    }

    #[test]
    fn values_compare_by_meaning() {
        assert!(same("'fat'", "\"fat\""));
        assert!(same(" 3", "3 "));
        assert!(!same("3", "\"3\""));
        assert!(!same("true", "\"fat\""));
    }

    #[test]
    fn words_become_values() {
        assert_eq!(value_of_words("fat"), "\"fat\"");
        assert_eq!(value_of_words("'fat'"), "\"fat\"");
        assert_eq!(value_of_words("1"), "1");
        assert_eq!(value_of_words(" true "), "true");
        assert_eq!(display("\"fat\""), "fat");
        assert_eq!(display("1"), "1");
    }

    proptest! {
        #[test]
        fn what_was_set_is_read_back(value in "[a-z]{1,8}", key in "[a-z]{1,6}(\\.[a-z]{1,6}){0,3}") {
            let value = value_of_words(&value);
            let text = set("# top\n\n[zz-other]\nx = 1 # y\n", &key, &value).unwrap();
            prop_assert_eq!(get(&text, &key).unwrap(), Some(value));
            prop_assert!(text.contains("x = 1 # y\n"));
        }
    }
}
