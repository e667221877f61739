//! Which keys exist: read from the profile's own schema, so that no list can go stale.

use std::ops::Range;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::Profile;

/// A key that does not exist, where it is, and the nearest one that does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownKey {
    /// The bytes of the key.
    pub(super) span: Range<usize>,
    /// What to tell the person.
    pub(super) message: String,
}

/// Returns the first key of the document that the profile does not have.
pub(super) fn first_unknown(table: &DeTable<'_>) -> Option<UnknownKey> {
    let schema = schemars::schema_for!(Profile).to_value();
    unknown_in(table, &schema, &schema, "")
}

/// Returns the name among `known` that a person most likely meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|it| (strsim::damerau_levenshtein(name, it), it))
        .filter(|(distance, it)| *distance <= 1 + name.len().max(it.len()) / 3)
        .min()
        .map(|(_, it)| it)
}

fn unknown_in(table: &DeTable<'_>, schema: &Json, root: &Json, prefix: &str) -> Option<UnknownKey> {
    let properties = properties_of(schema, root)?;
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries.into_iter().find_map(|(key, value)| {
        let name = key.get_ref().as_ref();
        match properties.get(name) {
            None => Some(UnknownKey {
                span: key.span(),
                message: describe(name, prefix, properties.keys().map(String::as_str)),
            }),
            Some(inner) => unknown_below(value.get_ref(), inner, root, &format!("{prefix}{name}.")),
        }
    })
}

fn unknown_below(
    value: &DeValue<'_>,
    schema: &Json,
    root: &Json,
    prefix: &str,
) -> Option<UnknownKey> {
    match value {
        DeValue::Table(table) => unknown_in(table, schema, root, prefix),
        DeValue::Array(items) => {
            let schema = resolve(schema, root).get("items")?;
            items
                .iter()
                .find_map(|item| unknown_below(item.get_ref(), schema, root, prefix))
        }
        _ => None,
    }
}

fn describe<'a>(name: &str, prefix: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let place = match prefix.trim_end_matches('.') {
        "" => String::new(),
        section => format!(" in `{section}`"),
    };
    match nearest(name, known.clone()) {
        Some(meant) => format!("unknown key `{name}`{place}; did you mean `{meant}`?"),
        None => format!(
            "unknown key `{name}`{place}; known are {}",
            known
                .map(|it| format!("`{it}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// Returns the named properties of an object schema; `None` where any key is allowed.
fn properties_of<'a>(
    schema: &'a Json,
    root: &'a Json,
) -> Option<&'a serde_json::Map<String, Json>> {
    resolve(schema, root).get("properties")?.as_object()
}

/// Follows `$ref`, and the non-null branch of an optional value.
fn resolve<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
        let target = root.pointer(reference.trim_start_matches('#'));
        return target.map_or(schema, |it| resolve(it, root));
    }
    let branches = schema.get("anyOf").and_then(Json::as_array);
    let present = branches.and_then(|all| {
        all.iter()
            .find(|it| it.get("type").and_then(Json::as_str) != Some("null"))
    });
    present.map_or(schema, |it| resolve(it, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Option<String> {
        let table = DeTable::parse(text).unwrap();
        first_unknown(table.get_ref()).map(|it| it.message)
    }

    #[test]
    fn every_known_key_passes() {
        let text = toml::to_string(&Profile::default()).unwrap();
        assert_eq!(message(&text), None);
        assert_eq!(message("[eval.weights]\nhygiene = 1.0\n"), None);
        assert_eq!(message("[commands.test_args]\npython = ['-q']\n"), None);
    }

    #[test]
    fn a_misspelt_key_gets_the_nearest_name() {
        assert_eq!(
            message("[decision]\nalhpa = 0.1\n").unwrap(),
            "unknown key `alhpa` in `decision`; did you mean `alpha`?"
        );
        assert_eq!(
            message("[[metric]]\nname = 'a'\ntolerence = 1.0\n").unwrap(),
            "unknown key `tolerence` in `metric`; did you mean `tolerance`?"
        );
        assert_eq!(
            message("[eval.weights]\nhygeine = 1\n").unwrap(),
            "unknown key `hygeine` in `eval.weights`; did you mean `hygiene`?"
        );
    }

    #[test]
    fn a_key_like_no_other_gets_the_whole_list() {
        assert_eq!(
            message("[landing]\nzzzzzzzzzz = 1\n").unwrap(),
            "unknown key `zzzzzzzzzz` in `landing`; known are `branch`"
        );
    }
}
