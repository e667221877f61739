//! Which items of whole trees are promised to others.

use super::super::testing::Fixture;

/// Returns the public items that are gone when these files become those.
fn gone(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let fixture = Fixture::with(before);
    let target = fixture.target();
    let from = target.head_tree();
    fixture.write_all(after);
    fixture.commit("after");
    let facts = target.diff_facts(&from, &target.head_tree()).unwrap();
    let names = facts.iter().flat_map(|it| {
        let gone = it.surface_before.iter();
        gone.filter(|(name, signature)| it.surface_after.get(*name) != Some(*signature))
            .map(|(name, _)| format!("{} {name}", it.path))
    });
    names.collect()
}

const LIBRARY: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n";

#[test]
fn a_private_module_of_a_library_may_change_and_a_handed_on_one_may_not() {
    let files = [
        ("Cargo.toml", LIBRARY),
        ("src/lib.rs", "mod a;\npub use a::shown;\n"),
        ("src/a.rs", "pub fn shown() {}\npub fn hidden() {}\n"),
    ];
    assert!(gone(&files, &[("src/a.rs", "pub fn shown() {}\n")]).is_empty());
    assert_eq!(
        gone(&files, &[("src/a.rs", "pub fn hidden() {}\n")]),
        ["src/a.rs shown"]
    );
    assert_eq!(
        gone(&files, &[("src/lib.rs", "mod a;\n")]),
        ["src/lib.rs shown"]
    );
}

#[test]
fn each_member_of_a_workspace_is_judged_by_itself_and_programs_promise_nothing() {
    let files = [
        ("Cargo.toml", "[workspace]\nmembers = [\"one\", \"two\"]\n"),
        (
            "one/Cargo.toml",
            "[package]\nname = \"one\"\n[lib]\npath = \"lib/root.rs\"\n",
        ),
        ("one/lib/root.rs", "pub mod a;\n"),
        ("one/lib/a.rs", "pub fn f() {}\n"),
        ("one/src/main.rs", "mod b; fn main() {}\n"),
        ("one/src/b.rs", "pub fn g() {}\n"),
        ("two/Cargo.toml", "[package]\nname = \"two\"\n"),
        ("two/src/main.rs", "mod c; fn main() {}\n"),
        ("two/src/c.rs", "pub fn h() {}\n"),
    ];
    let after = [
        ("one/lib/a.rs", "\n"),
        ("one/src/b.rs", "\n"),
        ("two/src/c.rs", "\n"),
    ];
    assert_eq!(gone(&files, &after), ["one/lib/a.rs f"]);
}

#[test]
fn a_private_module_of_a_package_promises_what_open_ones_speak_of() {
    let files = [
        ("p/__init__.py", "from ._impl import Shown\n"),
        (
            "p/_impl.py",
            "class Base:\n    def a(self): pass\nclass Shown(Base):\n    def b(self): return made()\ndef made(): pass\ndef spare(): pass\n",
        ),
        ("p/_all.py", "def every(): pass\n"),
        ("p/more.py", "from p._all import *\ndef open(): pass\n"),
    ];
    let after = [
        ("p/_impl.py", "\n"),
        ("p/_all.py", "\n"),
        ("p/more.py", "\n"),
    ];
    assert_eq!(
        gone(&files, &after),
        [
            "p/_all.py every",
            "p/_impl.py Base",
            "p/_impl.py Base.a",
            "p/_impl.py Shown",
            "p/_impl.py Shown.b",
            "p/_impl.py made",
            "p/more.py open",
            "p/more.py p._all.*",
        ]
    );
}

#[test]
fn go_promises_nothing_below_internal_and_nothing_of_programs() {
    let files = [
        ("go.mod", "module m\n"),
        ("a.go", "package m\n\nfunc A() {}\n"),
        ("internal/b.go", "package b\n\nfunc B() {}\n"),
        ("cmd/c.go", "// Command.\npackage main\n\nfunc C() {}\n"),
    ];
    let after = [
        ("a.go", "package m\n"),
        ("internal/b.go", "package b\n"),
        ("cmd/c.go", "// Command.\npackage main\n"),
    ];
    assert_eq!(gone(&files, &after), ["a.go A"]);
}
