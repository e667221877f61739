//! Extension modules: built into the tree before its tests run, where setuptools builds them.

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::layout::dig;
use crate::process::{Command, Error};
use crate::toolchain::Job;
use crate::toolchain::detect::read_small;

/// What source files of extension modules are called.
const SOURCES: &[&str] = &["c", "cc", "cpp", "cxx", "h", "hpp", "pyx", "pxd", "pxi"];
/// Deeper folders hold no sources.
const DEEPEST: usize = 6;

/// Who builds a project's extension modules.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Builder {
    Nobody,
    Setuptools,
    /// One that only builds by installing.
    Other(String),
}

/// Returns what has to be installed for the build.
pub(super) fn requirements(dir: &Utf8Path) -> Vec<String> {
    if builder(dir) != Builder::Setuptools {
        return Vec::new();
    }
    let requires = manifest(dir);
    let list = dig(&requires, &["build-system", "requires"]).and_then(Value::as_array);
    match list {
        Some(list) => list
            .iter()
            .filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect(),
        None => vec!["setuptools".to_owned()],
    }
}

/// Builds them in the tree; the inner error is the project's.
pub(super) async fn build(
    job: &Job<'_>,
    environment: impl FnOnce(Command) -> Command,
) -> Result<Result<(), String>, Error> {
    let dir = job.dir();
    match builder(&dir) {
        Builder::Nobody => return Ok(Ok(())),
        Builder::Other(name) => {
            tracing::warn!(%dir, name, "extension modules that this builder makes are not built");
            return Ok(Ok(()));
        }
        Builder::Setuptools => {}
    }
    let Some(python) = job.tool("python") else {
        return Ok(Ok(()));
    };
    let folder = job.build.join("extensions").join(&job.project.root);
    let (stamp, sources) = (folder.join("sources"), fingerprint(&dir));
    let is_new = read_small(&stamp).as_deref() != Some(sources.as_str());
    let args: &[&str] = if dir.join("setup.py").exists() {
        &["setup.py"]
    } else {
        &["-c", "from setuptools import setup; setup()"]
    };
    let mut command = job.command(python).args(args.iter().copied()).args([
        "-q",
        "build_ext",
        "--inplace",
        "--build-temp",
        folder.join("temp").as_str(),
        "--build-lib",
        folder.join("lib").as_str(),
    ]);
    if is_new {
        // File times say nothing of trees that are laid out: contents decide.
        command = command.arg("--force");
    }
    let finished = job.run(&environment(command)).await?;
    if !finished.success() {
        return Ok(Err(format!(
            "building the extension modules: {}",
            finished.explain()
        )));
    }
    let made = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&stamp, sources));
    made.map_err(|source| Error::Io {
        program: folder.to_string(),
        source,
    })?;
    Ok(Ok(()))
}

fn builder(dir: &Utf8Path) -> Builder {
    let setup = read_small(&dir.join("setup.py")).unwrap_or_default();
    let document = manifest(dir);
    let says = ["ext_modules", "cffi_modules", "Extension(", "cythonize"];
    if says.iter().any(|it| setup.contains(it))
        || dig(&document, &["tool", "setuptools", "ext-modules"]).is_some()
    {
        return Builder::Setuptools;
    }
    let backend = dig(&document, &["build-system", "build-backend"]).and_then(Value::as_str);
    match backend {
        Some(name) if ["maturin", "mesonpy", "scikit_build_core.build"].contains(&name) => {
            Builder::Other(name.to_owned())
        }
        _ => Builder::Nobody,
    }
}

fn manifest(dir: &Utf8Path) -> Value {
    let text = read_small(&dir.join("pyproject.toml")).unwrap_or_default();
    Value::Table(text.parse::<Table>().unwrap_or_default())
}

/// Names the contents of everything that an extension module is made from.
fn fingerprint(dir: &Utf8Path) -> String {
    let mut paths = vec![
        dir.join("setup.py"),
        dir.join("pyproject.toml"),
        dir.join("setup.cfg"),
    ];
    collect(dir, DEEPEST, &mut paths);
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let relative = path.strip_prefix(dir).unwrap_or(&path);
        hasher.update(relative.as_str().as_bytes()).update(&[0]);
        hasher
            .update(&std::fs::read(&path).unwrap_or_default())
            .update(&[0]);
    }
    hasher.finalize().to_hex().to_string()
}

fn collect(folder: &Utf8Path, depth: usize, found: &mut Vec<Utf8PathBuf>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let is_dir = entry.file_type().is_ok_and(|it| it.is_dir());
        if is_dir && depth > 0 && !entry.file_name().starts_with('.') {
            collect(entry.path(), depth - 1, found);
        } else if entry
            .path()
            .extension()
            .is_some_and(|it| SOURCES.contains(&it))
        {
            found.push(entry.into_path());
        }
    }
}
