//! C, read from text alone.

use crate::syntax::{Grammar, constant, items, mutants, parses};

const SOURCE: &str = "\
#define CHUNK 64
static const int limit = 10;

static char *first(const char *text) {
    return (char *)text;
}

int sum(const int *values, int n) {
    int total = 0;
    for (int i = 0; i < n; i++) {
        if (values[i] > limit && is_good(values[i])) {
            total += values[i];
        }
    }
    return total;
}

int main(void) { return 0; }
";

#[test]
fn functions_are_found_through_their_declarators() {
    let found = items(Grammar::C, SOURCE);
    let names: Vec<(&str, bool)> = found
        .iter()
        .map(|it| (it.name.as_str(), it.public))
        .collect();
    assert_eq!(names, [("first", false), ("sum", true), ("main", true)]);
    assert_eq!(found[1].line, 8);
}

#[test]
fn constants_are_macros_and_initialised_globals() {
    for (name, value) in [
        ("CHUNK", Some("64")),
        ("limit", Some("10")),
        ("total", None),
    ] {
        let span = constant(Grammar::C, SOURCE, name);
        assert_eq!(span.map(|it| &SOURCE[it]), value, "{name}");
    }
}

#[test]
fn mutants_are_what_a_test_could_notice() {
    let found = mutants(Grammar::C, SOURCE);
    let of_sum: Vec<&str> = found
        .iter()
        .filter(|it| it.item == "sum")
        .map(|it| it.description.as_str())
        .collect();
    for wanted in [
        "replace body of sum with `{ return 0; }`",
        "replace > with >=",
        "replace && with ||",
        "replace += with -=",
        "replace 0 with 1",
    ] {
        assert!(of_sum.contains(&wanted), "{wanted}: {of_sum:?}");
    }
    assert!(!found.iter().any(|it| it.item == "main"));
    assert!(found.iter().all(|it| parses(Grammar::C, &it.apply(SOURCE))));
}
