//! What the views say of Python sources.

use crate::syntax::{
    Grammar, constant, failure_paths, items, mutants, suppressions, surface, tests,
};
use std::collections::BTreeMap;

const PYTHON: Grammar = Grammar::Python;

fn replacements(source: &str) -> Vec<String> {
    mutants(PYTHON, source)
        .into_iter()
        .map(|it| it.replacement)
        .collect()
}

fn silent(source: &str) -> Vec<u32> {
    failure_paths(PYTHON, source)
        .into_iter()
        .filter(|it| !it.reports)
        .map(|it| it.line)
        .collect()
}

fn kinds(source: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (kind, _) in suppressions(PYTHON, source) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    counts
}

fn only_hash(source: &str) -> String {
    let found = tests(PYTHON, source);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_values().next().unwrap()
}

#[test]
fn names_are_qualified_and_privacy_is_the_underscore() {
    let source = "
def free(): return 1
def _hidden(): return 1
class A:
    def __init__(self): self.x = 1
    def open(self):
        def inner(): pass
    def _closed(self): pass
class _B:
    def unreachable(self): pass
";
    let found = items(PYTHON, source);
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "free",
            "_hidden",
            "A.__init__",
            "A.open",
            "A.open.inner",
            "A._closed",
            "_B.unreachable"
        ]
    );
    let public: Vec<&str> = found
        .iter()
        .filter(|it| it.public)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(public, ["free", "A.__init__", "A.open"]);
}

#[test]
fn tests_are_functions_classes_and_fixtures() {
    let source = "
def test_a(): pass
async def test_b(): pass
def testify(): pass
@pytest.fixture
def data(): pass
class TestThing:
    def helper(self): pass
    def test_c(self): pass
class Case(unittest.TestCase):
    def setUp(self): pass
class Testimony:
    def tell(self): pass
";
    let found: Vec<String> = items(PYTHON, source)
        .into_iter()
        .filter(|it| it.test)
        .map(|it| it.name)
        .collect();
    assert_eq!(
        found,
        [
            "test_a",
            "test_b",
            "data",
            "TestThing.helper",
            "TestThing.test_c",
            "Case.setUp"
        ]
    );
}

#[test]
fn a_decorated_item_begins_at_its_decorator() {
    let source = "\n@cached\n@other\ndef f():\n    return 1\n";
    let found = &items(PYTHON, source)[0];
    assert_eq!(found.line, 2);
    assert!(source[found.span.clone()].starts_with("@cached"));
    assert_eq!(&source[found.body.clone()], "return 1");
}

#[test]
fn a_test_hash_ignores_layout_comments_quotes_and_trailing_commas() {
    let plain = only_hash("def test_a():\n    assert f(1, 2) == 'x'\n");
    let formatted = only_hash(
        "def test_a():\n\n    # why\n    assert f(\n        1,\n        2,\n    ) == \"x\"\n",
    );
    assert_eq!(plain, formatted);
}

#[test]
fn a_test_hash_notices_every_weakening() {
    let strong = only_hash("def test_a():\n    if x:\n        go()\n        assert f((1,)) == 2\n");
    for weaker in [
        "def test_a():\n    if x:\n        go()\n    assert f((1,)) == 2\n",
        "def test_a():\n    if x:\n        go()\n        assert f((1)) == 2\n",
        "def test_a():\n    if x:\n        go()\n        assert f((1,)) != 2\n",
        "def test_a():\n    return\n    if x:\n        go()\n        assert f((1,)) == 2\n",
        "@pytest.mark.skip\ndef test_a():\n    if x:\n        go()\n        assert f((1,)) == 2\n",
        "def test_a():\n    pass\n",
    ] {
        assert_ne!(strong, only_hash(weaker), "{weaker}");
    }
}

#[test]
fn settings_of_test_classes_and_marks_of_modules_are_test_items() {
    let source = "pytestmark = pytest.mark.slow\nX = 1\nclass TestA:\n    limit = 3\n    def test_x(self): pass\n";
    let found = tests(PYTHON, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["TestA.limit", "TestA.test_x", "pytestmark"]);
}

#[test]
fn comment_directives_count_per_rule() {
    let source = "
import a  # noqa
import b  # noqa: F401, E501
import c  # NOQA:F401
x = f()  # type: ignore[attr-defined, misc]
y = g()  # type:ignore  # noqa
# ruff: noqa
def h():  # pragma: no cover
    pass  # pylint: disable=invalid-name
# nothing about noqable things
s = '# noqa'
";
    let found = kinds(source);
    assert_eq!(found["noqa"], 6);
    assert_eq!(found["type_ignore"], 3);
    assert_eq!(found["no_coverage"], 1);
    assert_eq!(found["pylint_disable"], 1);
    assert_eq!(found.len(), 4);
}

#[test]
fn skipped_and_forgiven_tests_are_suppressions() {
    let source = "
pytestmark = pytest.mark.skipif(True, reason='x')
@pytest.mark.skip(reason='slow')
def test_a(): pass
@pytest.mark.xfail
def test_b(): pass
@unittest.skipUnless(x, 'y')
def test_c(self): self.skipTest('z')
@expectedFailure
def test_d(): pytest.skip('w')
def test_e(): raise SkipTest('v')
def skip(): pass
skip()
reader.skip()
";
    assert_eq!(kinds(source)["skip"], 8);
    assert_eq!(
        suppressions(PYTHON, "\n\nx = 1  # noqa\n"),
        [("noqa".to_owned(), 3)]
    );
}

#[test]
fn ninety_six_empty_functions_have_no_mutant() {
    let bodies = [
        "pass",
        "...",
        "\"\"\"Says a lot.\"\"\"",
        "raise NotImplementedError",
    ];
    let junk = (0..96)
        .map(|it| format!("def junk_{it}():\n    {}\n", bodies[it % 4]))
        .collect::<Vec<_>>()
        .concat();
    assert!(mutants(PYTHON, &junk).is_empty());
}

#[test]
fn a_log_line_in_every_function_is_no_failure_path() {
    let junk = (0..96)
        .map(|it| format!("def junk_{it}():\n    logger.error('{it}')\n"))
        .collect::<Vec<_>>()
        .concat();
    assert!(failure_paths(PYTHON, &junk).is_empty());
}

#[test]
fn a_body_is_replaced_by_what_its_annotation_or_returns_suggest() {
    let cases: [(&str, &[&str]); 8] = [
        (
            "def f(x) -> bool:\n    return g(x)\n",
            &["return False", "return True"],
        ),
        ("def f(x) -> list[int]:\n    return g(x)\n", &["return []"]),
        ("def f(x) -> None:\n    g(x)\n", &["pass"]),
        ("def f(x):\n    g(x)\n", &["pass"]),
        (
            "def f(x):\n    return not x\n",
            &["return False", "return True", "x"],
        ),
        (
            "def f(x):\n    return f'{x}'\n",
            &["return \"\"", "return \"xyzzy\""],
        ),
        ("def f(x):\n    return g(x)\n", &["return None"]),
        ("def f(x):\n    yield x\n", &["yield from ()"]),
    ];
    for (source, expected) in cases {
        let mut found = replacements(source);
        found.sort();
        assert_eq!(found, expected, "{source}");
    }
}

#[test]
fn a_docstring_stays_when_a_body_is_replaced() {
    let source = "def f(x):\n    \"\"\"Says why.\"\"\"\n    y = g(x)\n    return y\n";
    let found = mutants(PYTHON, source);
    assert_eq!(
        found[0].apply(source),
        "def f(x):\n    \"\"\"Says why.\"\"\"\n    return None\n"
    );
    assert_eq!(found[0].line, 3);
}

#[test]
fn operators_are_swapped_conditions_negated_and_integers_moved() {
    let source = "def f(a, b):\n    if a.ready:\n        b += 3\n    return a == b and a not in c or b is not None\n";
    let found: Vec<String> = mutants(PYTHON, source)
        .into_iter()
        .map(|it| it.description)
        .collect();
    for wanted in [
        "negate condition `a.ready`",
        "replace += with -=",
        "replace 3 with 4",
        "replace 3 with 2",
        "replace == with !=",
        "replace and with or",
        "replace or with and",
        "replace not in with in",
        "replace is not with is",
    ] {
        assert!(found.iter().any(|it| it == wanted), "{wanted} in {found:?}");
    }
}

#[test]
fn every_mutant_still_parses_and_differs() {
    let source = "
class A:
    def f(self, xs: list[int | None], n=3) -> int:
        '''Doc with 1 + 1.'''
        total = 0
        for x in xs:
            if x is None or not x:
                continue
            elif x.big():
                total += x * 2 % 7
        return -total if n < len(xs) <= 10 else total // n
    async def g(self): return await self.h(1)
def one(): return 1
";
    let found = mutants(PYTHON, source);
    assert!(found.len() > 12, "{}", found.len());
    for mutant in &found {
        let mutated = mutant.apply(source);
        assert_ne!(mutated, source, "{}", mutant.description);
        assert!(crate::syntax::parses(PYTHON, &mutated), "{mutated}");
    }
    assert_eq!(found, mutants(PYTHON, source));
}

#[test]
fn annotations_defaults_strings_and_decorators_are_not_mutated() {
    let source = "@retry(3)\ndef f(x: int | str = 4):\n    y: int | None = g(x)\n    return \"a\" % 5 + 'b'\n";
    let found = replacements(source);
    assert_eq!(
        found,
        ["return None", "4", "6"].map(str::to_owned),
        "only the body and the integer in it"
    );
}

#[test]
fn code_that_no_test_should_notice_has_no_mutant() {
    for source in [
        "def test_a():\n    assert 1 + 1 == 2\n",
        "class TestA:\n    def helper(self):\n        return 1 + 1\n",
        "class A:\n    def __repr__(self):\n        return str(1 + 1)\n",
        "@overload\ndef f(x): return g(x)\n",
        "class P(Protocol):\n    def f(self): return g(1)\n",
        "if TYPE_CHECKING:\n    def f(): return g(1)\n",
        "X = 1 + 1\n",
        "if __name__ == '__main__':\n    main(1)\n",
    ] {
        assert!(mutants(PYTHON, source).is_empty(), "{source}");
    }
}

#[test]
fn nested_functions_own_their_mutants() {
    let source = "def outer():\n    def inner(a, b):\n        return a < b\n    return inner\n";
    let found = mutants(PYTHON, source);
    assert!(
        found
            .iter()
            .any(|it| it.item == "outer.inner" && it.replacement == "<=")
    );
    assert_eq!(found.iter().filter(|it| it.replacement == "<=").count(), 1);
}

#[test]
fn swallowed_errors_are_silent_failure_paths() {
    let source = "try:
    f()
except ValueError: pass
except (A, B) as e:
    x = None
except:
    return_value = 1
with contextlib.suppress(OSError):
    g()
def h():
    for x in y:
        try: k()
        except KeyError: continue
        except Exception: return None
        except OSError: print('hm')
";
    assert_eq!(silent(source), [3, 4, 6, 8, 13, 14, 15]);
}

#[test]
fn errors_that_someone_hears_of_are_reported() {
    let source = "try:
    f()
except A: raise
except B as e: errors.append(e)
except C: logging.exception('c')
except D: self.logger.warning('d')
except E: print('e', file=sys.stderr)
except F: sys.exit(1)
except G as e: raise X from e
except H: warnings.warn('h')
";
    let found = failure_paths(PYTHON, source);
    assert!(found.iter().all(|it| it.reports), "{found:?}");
    assert!(found.len() >= 8);
}

#[test]
fn failure_paths_of_tests_do_not_count() {
    assert!(failure_paths(PYTHON, "def test_a():\n    try: f()\n    except E: pass\n").is_empty());
}

#[test]
fn an_entry_point_reports_when_it_hands_its_outcome_on() {
    let telling = "if __name__ == \"__main__\":\n    sys.exit(main())\n";
    assert_eq!(failure_paths(PYTHON, telling).len(), 1);
    assert!(failure_paths(PYTHON, "if __name__ == \"__main__\":\n    main()\n").is_empty());
}

#[test]
fn constants_are_literals_of_modules_and_classes() {
    let source = "
CHUNK = 4096
RATE: float = 0.5
NEGATIVE = -3
COMPUTED = f()
TWICE = 1
TWICE = 2
class A:
    LIMIT = 7
def f():
    LOCAL = 1
";
    let value = |name: &str| constant(PYTHON, source, name).map(|it| &source[it]);
    assert_eq!(value("CHUNK"), Some("4096"));
    assert_eq!(value("RATE"), Some("0.5"));
    assert_eq!(value("NEGATIVE"), Some("-3"));
    assert_eq!(value("A.LIMIT"), Some("7"));
    for absent in ["COMPUTED", "TWICE", "LIMIT", "LOCAL", "HUNK"] {
        assert_eq!(value(absent), None, "{absent}");
    }
}

#[test]
fn the_surface_is_what_others_may_use() {
    let source = "
import os
from .a import b as b
LIMIT = 3
_hidden = 1
@cached
def f(a, *, b: int = 1) -> str:
    '''Doc.'''
    return g()
@dataclass(frozen=True)
class C(Base):
    size: int = 0
    _secret = 1
    def __init__(self, x):
        self.x = x
        self._y = x
    @property
    def area(self): return 1
    def _shut(self): pass
class _D:
    def m(self): pass
if sys:
    def late(): pass
";
    let found = surface(PYTHON, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "C",
            "C.__init__",
            "C.area",
            "C.size",
            "C.x",
            "LIMIT",
            "b",
            "f",
            "late"
        ]
    );
    assert_eq!(found["f"], "def f ( a , * , b : int = 1 ) -> str :");
    assert!(found["C.area"].starts_with("@property def area"));
    let tidied = source
        .replace("return g()", "return h()")
        .replace("@cached\n", "");
    assert_eq!(surface(PYTHON, &tidied), found);
}

#[test]
fn a_literal_list_of_names_decides_what_is_offered() {
    let source = "from .a import b, c\n__all__ = ['b', '_d']\n__all__ += ('e',)\ndef _d(): pass\ndef e(): pass\ndef f(): pass\n";
    let found = surface(PYTHON, source);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["_d", "b", "e"]);
    let computed = source.replace("['b', '_d']", "names()");
    assert!(surface(PYTHON, &computed).contains_key("f"));
}
