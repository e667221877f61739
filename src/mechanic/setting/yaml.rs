//! One value of a YAML file: its bytes are exchanged, comments and layout stay.
//!
//! Only what stands at one place alone is set: a file with anchors, aliases or several documents is
//! refused, as are values over several lines and values with a tag.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, SpannedEventReceiver};

use super::{Error, Leaf, missing, refused, toml};

/// Returns the value at a dotted key as it is written; elements of sequences are counted from 0.
pub(super) fn get(text: &str, key: &str) -> Result<Option<String>, Error> {
    let path = toml::segments(key)?;
    let scalars = scalars(text)?;
    let found = only(&scalars, &path, key)?;
    Ok(found.map(|it| text[it.span.clone()].to_owned()))
}

/// Returns the text with another value at a key that is there.
pub(super) fn set(text: &str, key: &str, value: &str) -> Result<String, Error> {
    let path = toml::segments(key)?;
    let scalars = scalars(text)?;
    let found = only(&scalars, &path, key)?.ok_or_else(|| missing(key))?;
    if let Some(reason) = found.reason {
        return Err(refused(key, reason));
    }
    if !is_one_scalar(value) {
        return Err(refused(value, "is not one value of YAML on one line"));
    }
    let mut after = text.to_owned();
    after.replace_range(found.span.clone(), value);
    Ok(after)
}

/// Returns the text with a new key and value as the last line of its outermost mapping.
pub(super) fn add(text: &str, key: &str, value: &str) -> Result<String, Error> {
    let path = toml::segments(key)?;
    let scalars = scalars(text)?;
    let is_plain = |it: &str| {
        it.chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_')
    };
    let [name] = path.as_slice() else {
        return Err(refused(
            key,
            "is not in the file, and only outermost keys are made",
        ));
    };
    let is_mapping = |it: &Scalar| {
        it.path
            .first()
            .is_some_and(|it| text.lines().any(|line| line.starts_with(it.as_str())))
    };
    if !is_plain(name)
        || !is_one_scalar(value)
        || !scalars.iter().all(is_mapping)
        || text.contains("\n...")
    {
        return Err(refused(key, "cannot be added with certainty"));
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        line_end
    };
    Ok(format!("{text}{gap}{name}: {value}{line_end}"))
}

/// Returns every scalar with its path; a quoted one is another value than a plain one.
pub(super) fn leaves(text: &str) -> Result<Vec<Leaf>, Error> {
    let scalars = scalars(text)?;
    let leaf = |it: Scalar| (it.path, format!("{}{}", it.mark, it.value));
    Ok(scalars.into_iter().map(leaf).collect())
}

fn is_one_scalar(value: &str) -> bool {
    let scalars = scalars(value).unwrap_or_default();
    match scalars.as_slice() {
        [only] => only.path.is_empty() && only.reason.is_none() && only.span == (0..value.len()),
        _ => false,
    }
}

fn only<'a>(
    scalars: &'a [Scalar],
    path: &[String],
    key: &str,
) -> Result<Option<&'a Scalar>, Error> {
    let mut found = scalars.iter().filter(|it| it.path == path);
    let first = found.next();
    if found.next().is_some() {
        return Err(refused(key, "is in the file twice"));
    }
    if first.is_none() && scalars.iter().any(|it| it.path.starts_with(path)) {
        return Err(refused(
            key,
            "holds other values, and only one value is set at a time",
        ));
    }
    Ok(first)
}

/// A scalar of a file.
struct Scalar {
    path: Vec<String>,
    span: Range<usize>,
    value: String,
    /// Empty for a plain one.
    mark: &'static str,
    /// Why it cannot be replaced.
    reason: Option<&'static str>,
}

fn scalars(text: &str) -> Result<Vec<Scalar>, Error> {
    let mut events = Events(Vec::new());
    Parser::new_from_str(text)
        .load(&mut events, true)
        .map_err(|error| refused("the file or value", format!("is not valid YAML: {error}")))?;
    let documents = events
        .0
        .iter()
        .filter(|it| matches!(it.0, Event::DocumentStart(_)));
    if documents.count() > 1 {
        return Err(refused(
            "the file",
            "holds several documents, of which a key names none",
        ));
    }
    let nodes = events.0.into_iter().filter(|(event, _)| {
        let is_frame = matches!(
            event,
            Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd
        );
        !is_frame
    });
    let mut walk = Walk {
        text,
        starts: text.char_indices().map(|(at, _)| at).collect(),
        nodes: nodes.collect::<Vec<_>>().into_iter(),
        path: Vec::new(),
        found: Vec::new(),
    };
    while let Some(node) = walk.nodes.next() {
        walk.node(node)?;
    }
    Ok(walk.found)
}

/// The events of a file in order.
struct Events<'a>(Vec<(Event<'a>, Span)>);

impl<'a> SpannedEventReceiver<'a> for Events<'a> {
    fn on_event(&mut self, event: Event<'a>, span: Span) {
        self.0.push((event, span));
    }
}

/// A walk over the nodes of a document.
struct Walk<'a> {
    text: &'a str,
    /// The byte at which each character starts: the parser counts characters.
    starts: Vec<usize>,
    nodes: std::vec::IntoIter<(Event<'a>, Span)>,
    path: Vec<String>,
    found: Vec<Scalar>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, (event, span): (Event<'a>, Span)) -> Result<(), Error> {
        match event {
            Event::Alias(_) => Err(shared()),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                Err(shared())
            }
            Event::Scalar(value, style, _, tag) => {
                let scalar = self.scalar(&value, style, tag.is_some(), span);
                self.found.push(scalar);
                Ok(())
            }
            Event::SequenceStart(..) => self.sequence(),
            Event::MappingStart(..) => self.mapping(),
            _ => Ok(()),
        }
    }

    fn sequence(&mut self) -> Result<(), Error> {
        let mut idx = 0;
        while let Some(node) = self.nodes.next() {
            if matches!(node.0, Event::SequenceEnd) {
                break;
            }
            self.path.push(idx.to_string());
            self.node(node)?;
            self.path.pop();
            idx += 1;
        }
        Ok(())
    }

    fn mapping(&mut self) -> Result<(), Error> {
        while let Some((key, _)) = self.nodes.next() {
            let name = match key {
                Event::MappingEnd => break,
                Event::Scalar(name, _, 0, _) => name.into_owned(),
                Event::Alias(_) | Event::Scalar(..) => return Err(shared()),
                _ => return Err(refused("the file", "has keys that are no plain names")),
            };
            if name == "<<" {
                return Err(shared());
            }
            let Some(value) = self.nodes.next() else {
                break;
            };
            self.path.push(name);
            self.node(value)?;
            self.path.pop();
        }
        Ok(())
    }

    fn scalar(&self, value: &str, style: ScalarStyle, is_tagged: bool, span: Span) -> Scalar {
        let byte = |at: usize| self.starts.get(at).copied().unwrap_or(self.text.len());
        let start = byte(span.start.index());
        let rest = &self.text[start..];
        let raw = match style {
            // The parser counts what follows a closing quote up to the end of the line.
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => quoted(rest),
            _ => rest[..byte(span.end.index()).max(start) - start].trim_end(),
        };
        let mark = match style {
            ScalarStyle::Plain => "",
            ScalarStyle::SingleQuoted => "'",
            ScalarStyle::DoubleQuoted => "\"",
            ScalarStyle::Literal => "|",
            ScalarStyle::Folded => ">",
        };
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let reason = if is_block || raw.contains('\n') {
            Some("is a text over several lines")
        } else if is_tagged {
            Some("has a tag")
        } else if raw.is_empty() {
            Some("has no value yet (hint: write one)")
        } else if mark.is_empty() && raw != value {
            Some("cannot be told from what is around it")
        } else {
            None
        };
        Scalar {
            path: self.path.clone(),
            span: start..start + raw.len(),
            value: value.to_owned(),
            mark,
            reason,
        }
    }
}

/// Returns a quoted scalar, from its opening to its closing quote.
fn quoted(text: &str) -> &str {
    let quote = text.chars().next().unwrap_or('"');
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_doubled = letters.peek().is_some_and(|it| it.1 == quote);
        let is_escape = match quote {
            '\'' => letter == quote && is_doubled,
            _ => letter == '\\',
        };
        if is_escape {
            letters.next();
        } else if letter == quote {
            return &text[..=at];
        }
    }
    text
}

fn shared() -> Error {
    refused(
        "the file",
        "has anchors, aliases or merged keys: one place may stand for several values",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Tuned by hand.\nserver:\n    workers:   4   # per core\n    \"queue\": { depth: 16, kind: 'fifo' }\n\nstages:\n- name: größe\n  limit: \"10\" # quoted\n  note: 'it''s \\ one' # it's\n- name: b\n  limit: 1e3\n  note: \"say \\\"ü\\\"\"  # \"x\"\nempty:\nlong: |\n  text\n";

    #[test]
    fn comments_and_layout_stay() {
        for (key, old, value) in [
            ("server.workers", "4", "12"),
            ("server.queue.depth", "16", "0.5"),
            ("server.queue.kind", "'fifo'", "lifo"),
            ("stages.0.limit", "\"10\"", "\"7\""),
            ("stages.1.limit", "1e3", "true"),
            ("stages.0.note", "'it''s \\ one'", "\"x\""),
            ("stages.1.note", "\"say \\\"ü\\\"\"", "'y'"),
        ] {
            assert_eq!(get(FILE, key).unwrap().as_deref(), Some(old), "{key}");
            assert_eq!(set(FILE, key, value).unwrap(), FILE.replacen(old, value, 1));
        }
        assert_eq!(get(FILE, "server.speed").unwrap(), None);
    }

    #[test]
    fn what_is_not_certain_is_refused_with_the_reason() {
        for (text, key, value, reason) in [
            (FILE, "server.speed", "1", "is not in the file"),
            (FILE, "server", "1", "holds other values"),
            (FILE, "empty", "1", "has no value yet"),
            (FILE, "long", "1", "over several lines"),
            (FILE, "server.workers", "1 # one", "not one value"),
            (FILE, "server.workers", "[1]", "not one value"),
            (FILE, "server.workers", "a: 1", "not one value"),
            (FILE, "server.workers", "", "not one value"),
            ("a: &x 1\nb: *x\n", "a", "2", "anchors"),
            ("a: 1\nb: {<<: {c: 1}}\n", "a", "2", "anchors"),
            ("a: 1\n---\na: 2\n", "a", "3", "several documents"),
            ("a: !!str 1\n", "a", "2", "has a tag"),
            ("a: 1\n b: [\n", "a", "2", "not valid YAML"),
        ] {
            let error = set(text, key, value).unwrap_err().to_string();
            assert!(error.contains(reason), "{key}: {error}");
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_no_key() {
        assert!(set("a: 1\na: 2\n", "a", "3").is_err());
    }
}
