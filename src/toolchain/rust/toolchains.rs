//! Where the Rust toolchain of a folder lives, told from files: rustup's proxies are not asked.

use camino::{Utf8Path, Utf8PathBuf};

use crate::process;
use crate::toolchain::detect::read_small;
use crate::toolchain::versions::stamp;

/// Returns the root of the toolchain that `cargo` in `root` would use.
pub(super) fn sysroot(root: &Utf8Path) -> Option<Utf8PathBuf> {
    let cargo = process::find_program("cargo")?.canonicalize_utf8().ok()?;
    if cargo.file_name() != Some("rustup") {
        return Some(cargo.parent()?.parent()?.to_owned());
    }
    let home = rustup_home()?;
    let toolchains = home.join("toolchains");
    let channel = channel(root, &home)?;
    let exact = toolchains.join(&channel);
    if exact.is_dir() {
        return Some(exact);
    }
    let prefix = format!("{channel}-");
    let mut found: Vec<Utf8PathBuf> = toolchains
        .read_dir_utf8()
        .ok()?
        .filter_map(|it| Some(it.ok()?.path().to_owned()))
        .filter(|it| it.file_name().is_some_and(|name| name.starts_with(&prefix)))
        .collect();
    found.sort();
    found.into_iter().next()
}

/// Returns what changes when the toolchain of a folder does.
pub(super) fn identity(root: &Utf8Path) -> String {
    sysroot(root)
        .and_then(|it| Some(format!("{it}:{}", stamp(&it.join("bin"))?)))
        .unwrap_or_default()
}

/// Returns where the toolchain keeps llvm's own tools, if that component is there.
pub(super) fn has_llvm_tools(sysroot: &Utf8Path) -> bool {
    sysroot
        .join("lib/rustlib")
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten()
        .any(|it| it.path().join("bin/llvm-profdata").exists())
}

fn rustup_home() -> Option<Utf8PathBuf> {
    let named = process::variable("RUSTUP_HOME").map(Utf8PathBuf::from);
    named.or_else(|| Some(Utf8Path::new(process::variable("HOME")?).join(".rustup")))
}

/// The order is rustup's own: environment, toolchain file here or above, the default.
fn channel(root: &Utf8Path, home: &Utf8Path) -> Option<String> {
    if let Some(named) = process::variable("RUSTUP_TOOLCHAIN") {
        return Some(named.to_owned());
    }
    let named = root.ancestors().find_map(toolchain_file);
    named.or_else(|| {
        let settings: toml::Table = read_small(&home.join("settings.toml"))?.parse().ok()?;
        Some(settings.get("default_toolchain")?.as_str()?.to_owned())
    })
}

fn toolchain_file(dir: &Utf8Path) -> Option<String> {
    let text = read_small(&dir.join("rust-toolchain.toml"))
        .or_else(|| read_small(&dir.join("rust-toolchain")))?;
    match text.parse::<toml::Table>() {
        Ok(table) => Some(table.get("toolchain")?.get("channel")?.as_str()?.to_owned()),
        Err(_) => text.lines().next().map(|it| it.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::testing::Tree;

    #[test]
    fn toolchain_files_of_both_forms_are_read() {
        let tree = Tree::new(&[
            ("a/rust-toolchain.toml", "[toolchain]\nchannel = \"1.80\"\n"),
            ("b/rust-toolchain", "nightly-2026-01-01\n"),
        ]);
        let read = |it: &str| toolchain_file(&tree.root().join(it));
        assert_eq!(read("a").as_deref(), Some("1.80"));
        assert_eq!(read("b").as_deref(), Some("nightly-2026-01-01"));
        assert_eq!(read("c"), None);
    }

    #[test]
    fn the_toolchain_that_builds_this_test_is_found() {
        let sysroot = sysroot(Utf8Path::new("/")).unwrap();
        assert!(sysroot.join("bin/rustc").exists(), "{sysroot}");
    }
}
