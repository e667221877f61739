//! Values that a function of a given return type could wrongly return.

use tree_sitter::Node;

use super::base_name;
use crate::syntax::tree::{parts, text};

/// Containers that hold one value and are made with `new`.
const WRAPPERS: [&str; 7] = ["Box", "Rc", "Arc", "Cell", "RefCell", "Mutex", "RwLock"];

/// Returns replacement values for a return type, most telling first; none when no value is sure to
/// have a chance to compile. `None` is a function without a return type.
pub(super) fn values(ty: Option<Node<'_>>, source: &str) -> Vec<String> {
    let Some(ty) = ty else {
        return vec!["()".to_owned()];
    };
    match ty.kind() {
        "primitive_type" => primitive(text(ty, source)),
        "unit_type" => vec!["()".to_owned()],
        "reference_type" => reference(ty, source),
        "generic_type" => generic(ty, source),
        "tuple_type" => tuple(ty, source),
        "array_type" => array(ty, source),
        "abstract_type" if text(ty, source).contains("Iterator<") => {
            vec!["::std::iter::empty()".to_owned()]
        }
        "type_identifier" | "scoped_type_identifier" => named(ty, source),
        _ => Vec::new(),
    }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|it| (*it).to_owned()).collect()
}

fn primitive(name: &str) -> Vec<String> {
    match name {
        "bool" => owned(&["true", "false"]),
        "f32" | "f64" => owned(&["0.0", "1.0"]),
        "char" => owned(&["'\\0'", "'x'"]),
        "str" => Vec::new(),
        _ => owned(&["0", "1"]),
    }
}

fn reference(ty: Node<'_>, source: &str) -> Vec<String> {
    if parts(ty).iter().any(|it| it.kind() == "mutable_specifier") {
        return Vec::new();
    }
    let Some(inner) = ty.child_by_field_name("type") else {
        return Vec::new();
    };
    match (inner.kind(), text(inner, source)) {
        ("primitive_type", "str") => owned(&["\"\"", "\"xyzzy\""]),
        ("array_type", _) if inner.child_by_field_name("length").is_none() => owned(&["&[]"]),
        _ => Vec::new(),
    }
}

fn generic(ty: Node<'_>, source: &str) -> Vec<String> {
    let name = base_name(ty, source);
    let arguments: Vec<Node<'_>> = ty
        .child_by_field_name("type_arguments")
        .map(|it| parts(it))
        .unwrap_or_default()
        .into_iter()
        .filter(|it| it.kind() != "lifetime")
        .collect();
    let inner = arguments.first().map(|it| values(Some(*it), source));
    match (name, inner) {
        ("Option", Some(inner)) => wrapped_after("None", "Some(", &inner, ")"),
        ("Result", Some(inner)) => inner.iter().map(|it| format!("Ok({it})")).collect(),
        ("Vec", Some(inner)) => wrapped_after("vec![]", "vec![", &inner, "]"),
        (name, Some(inner)) if WRAPPERS.contains(&name) => inner
            .iter()
            .map(|it| format!("{name}::new({it})"))
            .collect(),
        ("Cow", _) => owned(&["Default::default()"]),
        _ if name.ends_with("Map") || name.ends_with("Set") || name == "VecDeque" => {
            owned(&["Default::default()"])
        }
        _ => Vec::new(),
    }
}

fn wrapped_after(empty: &str, open: &str, inner: &[String], close: &str) -> Vec<String> {
    let full = inner.first().map(|it| format!("{open}{it}{close}"));
    std::iter::once(empty.to_owned()).chain(full).collect()
}

fn tuple(ty: Node<'_>, source: &str) -> Vec<String> {
    let firsts: Option<Vec<String>> = parts(ty)
        .into_iter()
        .map(|it| values(Some(it), source).into_iter().next())
        .collect();
    match firsts {
        Some(firsts) if firsts.len() > 1 => vec![format!("({})", firsts.join(", "))],
        _ => Vec::new(),
    }
}

fn array(ty: Node<'_>, source: &str) -> Vec<String> {
    let (Some(element), Some(length)) = (
        ty.child_by_field_name("element"),
        ty.child_by_field_name("length"),
    ) else {
        return Vec::new();
    };
    if element.kind() != "primitive_type" {
        return Vec::new();
    }
    values(Some(element), source)
        .iter()
        .map(|it| format!("[{it}; {}]", text(length, source)))
        .collect()
}

fn named(ty: Node<'_>, source: &str) -> Vec<String> {
    match text(ty, source) {
        "String" => owned(&["String::new()", "\"xyzzy\".into()"]),
        "fmt::Result" | "std::fmt::Result" => owned(&["Ok(())"]),
        _ if lacks_default(ty, source) => Vec::new(),
        _ => owned(&["Default::default()"]),
    }
}

/// Returns whether this file shows that the type has no `Default`: a mutant that cannot compile
/// costs a build and tells nothing.
fn lacks_default(ty: Node<'_>, source: &str) -> bool {
    let name = base_name(ty, source);
    let declared = ["struct", "enum"]
        .iter()
        .filter_map(|word| source.find(&format!("{word} {name}")))
        .min();
    let Some(at) = declared else {
        return name.len() == 1;
    };
    let before = &source[..at];
    let start = before.rfind(['}', ';']).map_or(0, |it| it + 1);
    let derives = before[start..].contains("Default");
    !derives && !source.contains(&format!("Default for {name}"))
}
