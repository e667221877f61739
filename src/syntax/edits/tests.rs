//! Edits of every language, from text to text.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Edit, EditKind, edited, edits};
use crate::syntax::{Grammar, parses};

const PYTHON: &str = "\
\"\"\"Totals.\"\"\"
import math


def totals(rows):
    \"\"\"Adds up.\"\"\"
    found = []

    for row in rows:
        ordered = sorted(list(rows))
        if row > 10 and row != 3:
            found.append(row)
    return found


def test_totals():
    assert totals([11]) == [11]
";

const RUST: &str = "\
/// Adds up.
pub fn totals(rows: &[u32]) -> u32 {
    let mut sum = 0;
    for row in rows {
        let copy = rows.to_vec();
        if *row > 10 {
            sum += row;
        }
    }
    sum
}

pub fn raw(at: *const u8) -> u8 {
    let value = unsafe { *at };
    value
}

#[cfg(test)]
mod tests {
    fn helper() {
        let a = 1;
        drop(a);
    }
}
";

const JAVASCRIPT: &str = "\
export function repeated(values) {
  let found = false;
  for (const a of values) {
    for (const b of values.slice()) {
      if (a === b) {
        found = true;
      }
    }
  }
  return found;
}
";

const GO: &str = "\
package p

func Repeated(values []int) bool {
\tfound := false
\tfor i := range values {
\t\tif values[i] > 2 {
\t\t\tfound = true
\t\t}
\t}
\treturn found
}
";

const C: &str = "\
int repeated(const int *values, int n) {
    int found = 0;
    for (int i = 0; i < n; i++) {
        if (values[i] == 7) {
            found = 1;
        }
    }
    return found;
}
";

const SOURCES: [(Grammar, &str); 5] = [
    (Grammar::Python, PYTHON),
    (Grammar::Rust, RUST),
    (Grammar::JavaScript, JAVASCRIPT),
    (Grammar::Go, GO),
    (Grammar::C, C),
];

fn all(grammar: Grammar, source: &str) -> Vec<Edit> {
    edits(grammar, source, &|_| true)
}

/// Returns the source after the edit of those words.
fn after(grammar: Grammar, source: &str, words: &str) -> String {
    let found = all(grammar, source);
    let edit = found.iter().find(|it| it.words == words);
    let edit = edit.unwrap_or_else(|| {
        let known: Vec<&str> = found.iter().map(|it| it.words.as_str()).collect();
        panic!("no `{words}` among {known:#?}")
    });
    edited(grammar, source, &[edit]).unwrap_or_else(|| panic!("`{words}` breaks the parse"))
}

#[test]
fn nothing_is_put_behind_a_statement_that_leaves() {
    let rust = "pub fn early(a: u32) -> u32 {\n    let b = a + 1;\n    return b;\n}\n";
    for (grammar, source) in SOURCES.into_iter().chain([(Grammar::Rust, rust)]) {
        let found = all(grammar, source);
        let is_dead = |it: &&Edit| it.words.contains(" behind `return");
        assert_eq!(found.iter().filter(is_dead).count(), 0, "{grammar:?}");
        let leaves = source.contains("return ");
        let before =
            |it: &Edit| it.words.starts_with("insert") && it.words.contains(" before `return");
        assert_eq!(found.iter().any(before), leaves, "{grammar:?}");
    }
}

#[test]
fn a_deleted_statement_goes_with_its_line_and_leaves_the_layout_sane() {
    assert_eq!(
        after(
            Grammar::Python,
            PYTHON,
            "delete `ordered = sorted(list(rows))`"
        ),
        PYTHON.replace("        ordered = sorted(list(rows))\n", "")
    );
    assert_eq!(
        after(Grammar::Python, PYTHON, "delete `found.append(row)`"),
        PYTHON.replace("found.append(row)", "pass")
    );
    assert_eq!(
        after(Grammar::Rust, RUST, "delete `let copy = rows.to_vec();`"),
        RUST.replace("        let copy = rows.to_vec();\n", "")
    );
    assert_eq!(
        after(Grammar::Go, GO, "delete `found = true`"),
        GO.replace("\t\t\tfound = true\n", "")
    );
}

#[test]
fn a_statement_leaves_its_loop_at_the_depth_of_the_loop() {
    assert_eq!(
        after(
            Grammar::Python,
            PYTHON,
            "move `ordered = sorted(list(rows))` out of the loop"
        ),
        PYTHON
            .replace("        ordered = sorted(list(rows))\n", "")
            .replace(
                "    for row in rows:\n",
                "    ordered = sorted(list(rows))\n    for row in rows:\n"
            )
    );
    let moved = "move `let copy = rows.to_vec();` out of the loop";
    let hoisted = after(Grammar::Rust, RUST, moved);
    assert!(hoisted.contains("    let copy = rows.to_vec();\n    for row in rows {\n        if"));
}

#[test]
fn a_copy_takes_the_depth_of_its_new_place() {
    for (grammar, source, words, made) in [
        (
            Grammar::C,
            C,
            "insert `return found;` behind `found = 1;`",
            "            found = 1;\n            return found;\n        }\n",
        ),
        (
            Grammar::C,
            C,
            "insert `break;` behind `found = 1;`",
            "            found = 1;\n            break;\n        }\n",
        ),
        (
            Grammar::Go,
            GO,
            "insert `return found` behind `found = true`",
            "\t\t\tfound = true\n\t\t\treturn found\n\t\t}\n",
        ),
        (
            Grammar::JavaScript,
            JAVASCRIPT,
            "replace `found = true;` with `return found;`",
            "      if (a === b) {\n        return found;\n      }\n",
        ),
    ] {
        let text = after(grammar, source, words);
        assert!(text.contains(made), "{words}:\n{text}");
    }
}

#[test]
fn a_call_gives_way_to_what_it_is_given() {
    for (grammar, source, words, made) in [
        (
            Grammar::Python,
            PYTHON,
            "replace `list(rows)` with `rows`",
            "ordered = sorted(rows)",
        ),
        (
            Grammar::Rust,
            RUST,
            "replace `rows.to_vec()` with `rows`",
            "let copy = rows;",
        ),
        (
            Grammar::JavaScript,
            JAVASCRIPT,
            "replace `values.slice()` with `values`",
            "(const b of values)",
        ),
    ] {
        let text = after(grammar, source, words);
        assert!(text.contains(made), "{words}:\n{text}");
    }
}

#[test]
fn numbers_and_operators_have_neighbours() {
    for words in [
        "replace `and` with `or`",
        "replace `>` with `>=`",
        "replace `10` with `11`",
        "replace `10` with `20`",
        "replace `10` with `5`",
    ] {
        after(Grammar::Python, PYTHON, words);
    }
    after(Grammar::C, C, "replace `==` with `!=`");
}

#[test]
fn documentation_tests_imports_and_unsafe_code_are_left_alone() {
    let python = all(Grammar::Python, PYTHON);
    assert!(python.iter().all(|it| it.item == "totals"));
    assert!(!python.iter().any(|it| it.words.contains("Adds up")));
    assert!(!python.iter().any(|it| it.words.contains("import")));
    let rust = all(Grammar::Rust, RUST);
    assert!(rust.iter().all(|it| it.item == "totals"));
    assert!(!rust.iter().any(|it| it.words.contains("unsafe")));
    assert!(all(Grammar::Rust, "fn f( { a; }").is_empty());
    let wanted = edits(Grammar::Python, PYTHON, &|it| it.name == "other");
    assert!(wanted.is_empty());
}

#[test]
fn every_kind_is_found_and_no_key_twice() {
    for (grammar, source) in SOURCES {
        let found = all(grammar, source);
        let mut keys: Vec<String> = found.iter().map(Edit::key).collect();
        keys.sort();
        let n_keys = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), n_keys, "{grammar:?}");
        for kind in [
            EditKind::Delete,
            EditKind::Replace,
            EditKind::Insert,
            EditKind::Swap,
            EditKind::Operator,
        ] {
            assert!(
                found.iter().any(|it| it.kind == kind),
                "{grammar:?} {kind:?}"
            );
        }
    }
}

#[test]
fn edits_together_parse_or_are_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (grammar, source) in SOURCES {
        let found = all(grammar, source);
        let mut n_made = 0;
        for _ in 0..200 {
            let n_edits = rng.random_range(1..5);
            let chosen: Vec<&Edit> = (0..n_edits)
                .map(|_| &found[rng.random_range(0..found.len())])
                .collect();
            if let Some(text) = edited(grammar, source, &chosen) {
                assert!(parses(grammar, &text));
                assert!(!text.lines().any(|it| it.ends_with([' ', '\t'])), "{text}");
                n_made += 1;
            }
        }
        assert!(n_made > 20, "{grammar:?}: {n_made}");
    }
}

#[test]
fn tests_stay_token_for_token() {
    let before = crate::syntax::tests(Grammar::Rust, RUST);
    for edit in all(Grammar::Rust, RUST) {
        if let Some(text) = edited(Grammar::Rust, RUST, &[&edit]) {
            assert_eq!(
                crate::syntax::tests(Grammar::Rust, &text),
                before,
                "{}",
                edit.words
            );
        }
    }
}
