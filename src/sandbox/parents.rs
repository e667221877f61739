//! Configuration above a tree, which tools find on their way up from it.
//!
//! The launcher shows a tree where nothing is above it. Without the launcher such a file changes what
//! is measured, and the only honest thing is to say so.

use camino::{Utf8Path, Utf8PathBuf};

/// Names that tools of the known languages look for in every folder above their own.
const NAMES: [&str; 30] = [
    "Cargo.toml",
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
    "clippy.toml",
    ".clippy.toml",
    "rustfmt.toml",
    ".rustfmt.toml",
    "pyproject.toml",
    "ruff.toml",
    ".ruff.toml",
    "pytest.ini",
    "tox.ini",
    "conftest.py",
    "package.json",
    "node_modules",
    "tsconfig.json",
    "biome.json",
    "biome.jsonc",
    "eslint.config.js",
    "eslint.config.mjs",
    ".eslintrc.json",
    ".eslintrc.js",
    ".eslintrc.yml",
    ".prettierrc",
    "go.work",
    ".golangci.yml",
    "staticcheck.conf",
    ".editorconfig",
];

/// Returns the first file above a folder that would change how a tree in it is built or judged.
///
/// A person's own cargo configuration holds everywhere and is no such file; `cargo_home` is where it is.
pub fn leak_above(folder: &Utf8Path, cargo_home: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    folder
        .ancestors()
        .flat_map(|above| NAMES.iter().map(move |name| above.join(name)))
        .filter(|path| path.exists() && counts(path))
        .find(|path| path.parent() != cargo_home)
}

/// Whether a file says anything to what lies below it.
fn counts(path: &Utf8Path) -> bool {
    let mentions = |word: &str| fs_err::read_to_string(path).is_ok_and(|it| it.contains(word));
    match path.file_name() {
        Some("Cargo.toml") => mentions("[workspace"),
        Some("pyproject.toml") => mentions("[tool."),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_above_is_a_leak_and_a_person_s_cargo_home_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(dir.path()).unwrap();
        let place = home.join("cache/trees");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::create_dir_all(home.join(".cargo")).unwrap();
        std::fs::write(home.join(".cargo/config.toml"), "").unwrap();
        std::fs::write(home.join("Cargo.toml"), "[package]\n").unwrap();
        let cargo_home = home.join(".cargo");
        assert_eq!(leak_above(&place, Some(&cargo_home)), None);
        let manifest = home.join("Cargo.toml");
        std::fs::write(&manifest, "[workspace]\n").unwrap();
        assert_eq!(leak_above(&place, Some(&cargo_home)), Some(manifest));
    }
}
