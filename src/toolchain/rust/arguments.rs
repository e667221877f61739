//! Whether a package reads the arguments of its own process.
//!
//! A test of such code sees every flag that its test program is started with, so it gets none of ours.

use camino::Utf8Path;

use crate::toolchain::detect::read_small;

/// Folders deeper than this hold no source.
const MAX_DEPTH: usize = 16;

/// Returns whether any source of a package, tests included, names the arguments of the process.
pub(super) fn are_read_in(package: &Utf8Path) -> bool {
    ["src", "tests"]
        .iter()
        .any(|it| in_folder(&package.join(it), MAX_DEPTH))
}

fn in_folder(folder: &Utf8Path, depth: usize) -> bool {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let mut paths = entries.map(|it| (it.file_type(), it.into_path()));
    paths.any(|(kind, path)| match kind {
        Ok(kind) if kind.is_dir() => depth > 0 && in_folder(&path, depth - 1),
        Ok(_) if path.extension() == Some("rs") => read_small(&path)
            .is_some_and(|it| it.contains("env::args") && !is_plain_program(&path, &it)),
        _ => false,
    })
}

/// Returns whether a file is the root of a program without tests of its own: its `main` reads the
/// arguments, and no test calls that.
fn is_plain_program(path: &Utf8Path, text: &str) -> bool {
    let in_bin = path.parent().and_then(Utf8Path::file_name) == Some("bin");
    (in_bin || path.file_name() == Some("main.rs")) && !text.contains("test]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_function_of_a_program_is_no_test() {
        let text = "fn main() { for it in std::env::args() { drop(it); } }";
        assert!(is_plain_program(Utf8Path::new("src/main.rs"), text));
        assert!(is_plain_program(Utf8Path::new("src/bin/tool.rs"), text));
        assert!(!is_plain_program(Utf8Path::new("src/lib.rs"), text));
        let tested = format!("{text}\n#[test]\nfn t() {{}}");
        assert!(!is_plain_program(Utf8Path::new("src/main.rs"), &tested));
    }
}
