//! What of a crate is open, by the shapes in which crates keep and hand on.

use std::collections::BTreeMap;

use super::*;

/// Returns the items that are open, as `file name`, of a crate with these files.
fn open(files: &[(&str, &str)]) -> Vec<String> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &Utf8Path| files.get(path.as_str()).map(|it| (*it).to_owned());
    let programs: Vec<Utf8PathBuf> = vec!["src/main.rs".into()];
    let library = Library::of("src/lib.rs".into(), &programs, &read);
    let mut open = Vec::new();
    for (path, text) in &files {
        let surface = outline(text).surface.into_keys();
        let surface = surface.filter(|it| library.is_open(Utf8Path::new(path), it));
        open.extend(surface.map(|it| format!("{} {it}", path.trim_start_matches("src/"))));
    }
    open
}

#[test]
fn a_private_module_keeps_its_items_and_a_public_one_does_not() {
    let files = [
        ("src/lib.rs", "mod a; pub mod b; pub(crate) mod c;"),
        ("src/a.rs", "pub fn f() {} pub mod deep;"),
        ("src/a/deep.rs", "pub fn g() {}"),
        ("src/b/mod.rs", "pub fn h() {} mod inner; pub mod outer;"),
        ("src/b/inner.rs", "pub fn i() {}"),
        ("src/b/outer.rs", "pub fn j() {}"),
        (
            "src/c.rs",
            "pub struct S; impl S { pub fn new() -> S { S } } impl Clone for S {}",
        ),
    ];
    assert_eq!(
        open(&files),
        ["b/mod.rs h", "b/mod.rs outer", "b/outer.rs j", "lib.rs b"]
    );
}

#[test]
fn what_is_handed_on_by_name_is_open_with_its_members() {
    let files = [
        (
            "src/lib.rs",
            "mod a; pub use a::{S, f as g}; pub use crate::a::deep::D as E;",
        ),
        (
            "src/a.rs",
            "pub struct S; impl S { pub fn new() {} } pub struct T; impl T { pub fn new() {} }\n\
             pub fn f() {} pub fn h() {} pub mod deep { pub struct D; pub fn i() {} }\n\
             impl Clone for S {} impl Clone for T {}",
        ),
    ];
    assert_eq!(
        open(&files),
        [
            "a.rs S",
            "a.rs S::new",
            "a.rs deep::D",
            "a.rs f",
            "a.rs impl Clone for S",
            "lib.rs E",
            "lib.rs S",
            "lib.rs g",
        ]
    );
}

#[test]
fn globs_hand_on_all_that_is_public_and_chains_are_followed() {
    let files = [
        (
            "src/lib.rs",
            "mod a; mod c; pub use a::*; pub use self::c::Kind::*;",
        ),
        (
            "src/a.rs",
            "mod b; pub use self::b::X; pub fn f() {} pub(crate) fn no() {}",
        ),
        (
            "src/a/b.rs",
            "use super::super::c::*; pub struct X; pub struct Y;",
        ),
        ("src/c.rs", "pub enum Kind { A } pub struct Other;"),
    ];
    assert_eq!(
        open(&files),
        [
            "a.rs X",
            "a.rs f",
            "a/b.rs X",
            "c.rs Kind",
            "c.rs Kind::A",
            "lib.rs a::*",
            "lib.rs self::c::Kind::*",
        ]
    );
}

#[test]
fn a_module_that_is_handed_on_is_open_by_any_way_to_it() {
    let files = [
        (
            "src/lib.rs",
            "mod a; use a as hidden; pub use hidden::b; pub mod prelude { pub use crate::a::c::*; }",
        ),
        (
            "src/a.rs",
            "pub mod b { pub fn f() {} } pub mod c { pub fn g() {} } pub mod d { pub fn h() {} }",
        ),
    ];
    let open = open(&files);
    for item in ["a.rs b::f", "a.rs c::g", "lib.rs b", "lib.rs prelude"] {
        assert!(open.contains(&item.to_owned()), "{item} in {open:?}");
    }
    assert!(!open.contains(&"a.rs d::h".to_owned()), "{open:?}");
}

#[test]
fn a_type_that_an_open_item_names_can_be_reached() {
    let files = [
        (
            "src/lib.rs",
            "mod a; pub fn make() -> a::Made { a::Made } pub trait Open: a::Sealed {}\n\
                        pub struct It; impl Iterator for It { type Item = a::Yielded; }",
        ),
        (
            "src/a.rs",
            "pub struct Made; impl Made { pub fn inner(&self) -> Inner { Inner } } pub struct Inner;\n\
                      pub trait Sealed { fn sealed(&self); } pub struct Yielded; pub struct Unused;",
        ),
    ];
    let open = open(&files);
    for item in ["Made", "Made::inner", "Inner", "Sealed::sealed", "Yielded"] {
        assert!(open.contains(&format!("a.rs {item}")), "{item} in {open:?}");
    }
    assert!(!open.contains(&"a.rs Unused".to_owned()), "{open:?}");
}

#[test]
fn a_path_attribute_names_the_file_and_tests_are_no_part_of_it() {
    let files = [
        (
            "src/lib.rs",
            "#[path = \"x/real.rs\"] pub mod named; #[cfg(test)] pub mod testing;\n\
                        pub mod inline { #[path = \"p.rs\"] pub mod far; pub mod near; }\n\
                        #[cfg_attr(windows, path = \"win.rs\")] pub mod os; #[doc(hidden)] pub mod shy;",
        ),
        ("src/x/real.rs", "pub fn a() {} pub mod child;"),
        ("src/x/child.rs", "pub fn b() {}"),
        ("src/testing.rs", "pub fn c() {}"),
        ("src/inline/p.rs", "pub fn d() {}"),
        ("src/inline/near.rs", "pub fn e() {}"),
        ("src/os.rs", "pub fn f() {}"),
        ("src/win.rs", "pub fn f() {} mod private { pub fn g() {} }"),
        ("src/shy.rs", "pub fn h() {}"),
    ];
    let open = open(&files);
    for item in [
        "x/real.rs a",
        "x/child.rs b",
        "inline/p.rs d",
        "inline/near.rs e",
        "os.rs f",
        "win.rs f",
        "shy.rs h",
    ] {
        assert!(open.contains(&item.to_owned()), "{item} in {open:?}");
    }
    for item in ["testing.rs c", "win.rs private::g"] {
        assert!(!open.contains(&item.to_owned()), "{item} in {open:?}");
    }
}

#[test]
fn in_doubt_an_item_is_open() {
    let files = [
        (
            "src/lib.rs",
            "mod a; mod m; made_by_macro!(b); pub use a::generated::Lost;\n\
                        cfg_if! { if #[cfg(unix)] { pub use m::Chosen; } }\n\
                        #[macro_export] macro_rules! make { () => { $crate::m::helper() } }",
        ),
        ("src/a.rs", "pub mod generated { made!(); }"),
        ("src/b.rs", "pub fn only_a_macro_leads_here() {}"),
        (
            "src/m.rs",
            "pub struct Chosen; pub fn helper() {} pub fn kept() {} #[macro_export] macro_rules! two { () => {} }",
        ),
        ("src/main.rs", "mod cli; mod a; fn main() {}"),
        ("src/cli.rs", "pub fn run() {}"),
    ];
    assert_eq!(
        open(&files),
        [
            "b.rs only_a_macro_leads_here",
            "lib.rs Lost",
            "lib.rs make!",
            "m.rs Chosen",
            "m.rs helper",
            "m.rs two!",
        ]
    );
    let lost = [
        ("src/lib.rs", "mod a; pub use self::nowhere::*;"),
        ("src/a.rs", "pub fn f() {}"),
    ];
    assert!(open(&lost).contains(&"a.rs f".to_owned()));
}

#[test]
fn modules_that_include_themselves_end() {
    let files = [
        (
            "src/lib.rs",
            "#[path = \"lib.rs\"] mod again; mod a; pub use a::*;",
        ),
        (
            "src/a.rs",
            "#[path = \"a.rs\"] mod a; pub use self::a::*; pub use super::*; pub fn f() {}",
        ),
    ];
    assert!(open(&files).contains(&"a.rs f".to_owned()));
}
