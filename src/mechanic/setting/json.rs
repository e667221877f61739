//! One value of a JSON file, with or without comments: its bytes are exchanged, all others stay.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Error, Leaf, missing, refused, toml};

/// Returns the value at a dotted key as it is written; elements of arrays are counted from 0.
pub(super) fn get(text: &str, key: &str) -> Result<Option<String>, Error> {
    let path = toml::segments(key)?;
    let root = parse(text)?;
    let found = root.as_ref().map(|it| at(it, &path)).transpose()?.flatten();
    let scalar = found.filter(|it| is_scalar(it));
    Ok(scalar.map(|it| it.text(text).to_owned()))
}

/// Returns the text with another value at a key that is there.
pub(super) fn set(text: &str, key: &str, value: &str) -> Result<String, Error> {
    let new = parse(value)?;
    let is_whole = |it: &Value<'_>| is_scalar(it) && it.width() == value.len();
    if !new.as_ref().is_some_and(is_whole) {
        return Err(refused(
            value,
            "is no number, string, `true`, `false` or `null`",
        ));
    }
    let path = toml::segments(key)?;
    let root = parse(text)?;
    let found = root.as_ref().map(|it| at(it, &path)).transpose()?.flatten();
    let found = found.ok_or_else(|| missing(key))?;
    if !is_scalar(found) {
        return Err(refused(
            key,
            "holds other values, and only one value is set at a time",
        ));
    }
    let mut after = text.to_owned();
    after.replace_range(found.start()..found.end(), value);
    Ok(after)
}

/// Returns the text with a new value as the last of the object that it belongs in; objects on the way
/// are made too.
pub(super) fn add(text: &str, key: &str, value: &str) -> Result<String, Error> {
    let path = toml::segments(key)?;
    let root = parse(text)?;
    let Some(Value::Object(root)) = &root else {
        return Err(refused(key, "has no object to stand in"));
    };
    let unit = Layout::of(text, root).map_or_else(|| "  ".to_owned(), |it| it.indent.to_owned());
    let mut object = root;
    let mut missing = path.as_slice();
    while let [name, rest @ ..] = missing {
        let mut of_name = object
            .properties
            .iter()
            .filter(|it| it.name.as_str() == name);
        match (of_name.next().map(|it| &it.value), rest.is_empty()) {
            (Some(Value::Object(inner)), false) => (object, missing) = (inner, rest),
            (Some(_), _) => return Err(refused(key, "cannot be made below a value")),
            (None, _) => break,
        }
    }
    let end = object.end() - 1;
    let Some(last) = object.properties.last() else {
        let property = property(missing, value, None, &unit);
        return match text[object.start() + 1..end].trim().is_empty() {
            true => Ok(format!(
                "{}{{ {property} }}{}",
                &text[..object.start()],
                &text[object.end()..]
            )),
            false => Err(refused(key, "would stand beside a comment")),
        };
    };
    let tail = &text[last.end()..end];
    let after_comma = tail.trim_start().strip_prefix(',');
    if !after_comma.unwrap_or(tail).trim().is_empty() {
        return Err(refused(key, "would stand beside a comment"));
    }
    let layout = Layout::of(text, object);
    let property = property(missing, value, layout.as_ref(), &unit);
    let space = match &layout {
        Some(it) => format!("{}{}", it.line_end, it.indent),
        None if text[..last.start()].ends_with(' ') => " ".to_owned(),
        None => String::new(),
    };
    let (before, after) = text.split_at(last.end());
    let after = after.trim_start_matches(|it: char| it.is_whitespace() && after_comma.is_some());
    let comma = if after_comma.is_some() { "," } else { "" };
    let after = after.strip_prefix(comma).unwrap_or(after);
    Ok(format!("{before},{space}{property}{comma}{after}"))
}

/// How the properties of an object stand, where each has a line of its own.
struct Layout<'a> {
    line_end: &'static str,
    indent: &'a str,
}

impl<'a> Layout<'a> {
    fn of(text: &'a str, object: &jsonc_parser::ast::Object<'_>) -> Option<Self> {
        let start = object.properties.last()?.start();
        let line = text[..start].rfind('\n')? + 1;
        let indent = &text[line..start];
        let line_end = if text[..line].ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        (line > object.start() && indent.trim().is_empty()).then_some(Self { line_end, indent })
    }
}

/// Returns a property with the objects that it stands in, laid out like its neighbours.
fn property(path: &[String], value: &str, layout: Option<&Layout<'_>>, unit: &str) -> String {
    let [name, rest @ ..] = path else {
        return value.to_owned();
    };
    let name = serde_json::Value::from(name.as_str());
    if rest.is_empty() {
        return format!("{name}: {value}");
    }
    let Some(Layout { line_end, indent }) = layout else {
        return format!("{name}: {{ {} }}", property(rest, value, None, unit));
    };
    let deeper = format!("{indent}{unit}");
    let inner = Layout {
        line_end,
        indent: &deeper,
    };
    let inner = property(rest, value, Some(&inner), unit);
    format!("{name}: {{{line_end}{deeper}{inner}{line_end}{indent}}}")
}

/// Returns every number, string, `true`, `false` and `null` as it is written, with its path.
pub(super) fn leaves(text: &str) -> Result<Vec<Leaf>, Error> {
    let mut leaves = Vec::new();
    if let Some(root) = &parse(text)? {
        collect(root, text, &mut Vec::new(), &mut leaves);
    }
    Ok(leaves)
}

fn collect(value: &Value<'_>, text: &str, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let mut below = |name: String, value: &Value<'_>| {
        path.push(name);
        collect(value, text, path, leaves);
        path.pop();
    };
    match value {
        Value::Object(object) => {
            for property in &object.properties {
                below(property.name.as_str().to_owned(), &property.value);
            }
        }
        Value::Array(array) => {
            let elements = array.elements.iter().enumerate();
            elements.for_each(|(idx, it)| below(idx.to_string(), it));
        }
        scalar => leaves.push((path.clone(), scalar.text(text).to_owned())),
    }
}

fn parse(text: &str) -> Result<Option<Value<'_>>, Error> {
    // What is no JSON apart from its comments and last commas is left to other tools.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    parse_to_ast(text, &CollectOptions::default(), &options)
        .map(|it| it.value)
        .map_err(|error| refused("the file or value", format!("is not valid JSON: {error}")))
}

fn at<'a, 'b>(root: &'b Value<'a>, path: &[String]) -> Result<Option<&'b Value<'a>>, Error> {
    let mut value = root;
    for segment in path {
        let next = match value {
            Value::Object(object) => {
                let mut of_name = object
                    .properties
                    .iter()
                    .filter(|it| it.name.as_str() == segment);
                let first = of_name.next();
                if of_name.next().is_some() {
                    return Err(refused(segment, "is in the file twice, in one object"));
                }
                first.map(|it| &it.value)
            }
            Value::Array(array) => {
                let idx = segment.parse::<usize>().ok();
                idx.and_then(|it| array.elements.get(it))
            }
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

fn is_scalar(value: &Value<'_>) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "{\r\n\t// Bytes.\r\n\t\"sizes\": { \"b\" : 1.50e+03, \"a\":[1 , 2.0,],\r\n\t},\r\n\t\"näme\": \"x\\u0041\" }";

    #[test]
    fn the_spelling_of_everything_else_stays() {
        assert_eq!(
            set(FILE, "sizes.b", "7").unwrap(),
            FILE.replace("1.50e+03", "7")
        );
        assert_eq!(
            set(FILE, "sizes.a.1", "3").unwrap(),
            FILE.replace("2.0", "3")
        );
        let named = set(FILE, "\"näme\"", "\"y\"").unwrap();
        assert_eq!(named, FILE.replace("\"x\\u0041\"", "\"y\""));
        assert_eq!(get(FILE, "sizes.b").unwrap().as_deref(), Some("1.50e+03"));
        assert_eq!(get(FILE, "sizes.c").unwrap(), None);
        assert_eq!(get(FILE, "sizes").unwrap(), None);
    }

    #[test]
    fn what_is_not_certain_is_refused_with_the_reason() {
        for (text, key, value, reason) in [
            (FILE, "sizes.c", "1", "is not in the file"),
            (FILE, "sizes", "1", "holds other values"),
            (FILE, "sizes.b", "[1]", "is no number"),
            (FILE, "sizes.b", "one", "not valid JSON"),
            (FILE, "sizes.b", "1 // more", "is no number"),
            ("{'a': 1}", "a", "2", "not valid JSON"),
            ("{\"a\": 1, \"a\": 2}", "a", "3", "in the file twice"),
            ("{\"a\": 1 \"b\": 2}", "a", "3", "not valid JSON"),
        ] {
            let error = set(text, key, value).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_new_key_stands_last_and_is_laid_out_like_its_neighbours() {
        for (text, key, wanted) in [
            ("{}", "a", "{ \"a\": 7 }"),
            ("{\"b\":1}", "a", "{\"b\":1,\"a\": 7}"),
            ("{ \"b\": 1 }", "a", "{ \"b\": 1, \"a\": 7 }"),
            ("{ \"b\": 1 }", "c.d", "{ \"b\": 1, \"c\": { \"d\": 7 } }"),
            (
                "{\r\n\t\"b\": 1\r\n}",
                "c.d",
                "{\r\n\t\"b\": 1,\r\n\t\"c\": {\r\n\t\t\"d\": 7\r\n\t}\r\n}",
            ),
            ("{\n  \"b\": {},\n}", "b.c", "{\n  \"b\": { \"c\": 7 },\n}"),
            ("{\n  \"b\": 1,\n}", "c", "{\n  \"b\": 1,\n  \"c\": 7,\n}"),
            (
                "{\n  // x\n  \"b\": {\n    \"d\": 1\n  }\n}",
                "b.c",
                "{\n  // x\n  \"b\": {\n    \"d\": 1,\n    \"c\": 7\n  }\n}",
            ),
        ] {
            assert_eq!(add(text, key, "7").unwrap(), wanted);
        }
        for (text, key) in [
            ("{\"b\": 1 // one\n}", "a"),
            ("{\"b\": 1}", "b.c"),
            ("[]", "a"),
            ("{/* x */}", "a"),
        ] {
            assert!(add(text, key, "7").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_value_alone_changes(values in prop::collection::vec(-1e6f64..1e6, 1..6), at in 0usize..6, new in any::<i32>()) {
            let at = at % values.len();
            let lines: Vec<String> = values.iter().enumerate().map(|(idx, it)| format!("  \"k{idx}\" :{it:?}, // {idx}\n")).collect();
            let text = format!("{{\n{}}}\n", lines.concat());
            let after = set(&text, &format!("k{at}"), &new.to_string()).unwrap();
            let expected = lines[at].replace(&format!("{:?}", values[at]), &new.to_string());
            let mut lines = lines.clone();
            lines[at] = expected;
            prop_assert_eq!(after, format!("{{\n{}}}\n", lines.concat()));
        }
    }
}
