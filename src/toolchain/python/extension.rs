//! Extension modules: built into the tree before its code runs, by whatever the project builds them with.

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::layout::{Layout, dig};
use crate::process::{Command, Error, find_program};
use crate::toolchain::Job;
use crate::toolchain::detect::read_small;
use crate::toolchain::job::write;

const HELPER: &str = include_str!("../../../evals/languages/python/factory_wheel.py");
/// Backends that build extension modules only as a part of a wheel, and the programs that they call.
const BACKENDS: &[(&str, &[&str])] = &[
    ("maturin", &[]),
    ("mesonpy", &["ninja"]),
    ("scikit_build_core.build", &["cmake", "ninja"]),
];
/// What no compiler reads, by extension; and Python, whose changes setuptools need not build anew.
const TEXTS: &[&str] = &["py", "pyi", "pyc", "md", "rst"];
/// Where options of a build are said: what was configured with others keeps them.
const OPTIONS: &[&str] = &[
    "pyproject.toml",
    "meson.build",
    "meson.options",
    "meson_options.txt",
    "CMakeLists.txt",
    "CMakePresets.json",
];
/// Deeper folders hold no sources.
const DEEPEST: usize = 12;

/// Who builds a project's extension modules.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Builder {
    Nobody,
    Setuptools,
    /// One of the backends above, by its place.
    Wheel(usize),
}

/// Returns what has to be installed for the build.
pub(super) fn requirements(dir: &Utf8Path) -> Vec<String> {
    let builder = builder(dir);
    let manifest = manifest(dir);
    let requires = texts(&manifest, &["build-system", "requires"]);
    match builder {
        Builder::Nobody => Vec::new(),
        Builder::Setuptools if requires.is_empty() => vec!["setuptools".to_owned()],
        Builder::Setuptools => requires,
        Builder::Wheel(place) => {
            let programs = BACKENDS[place].1.iter();
            let lacking = programs.filter(|it| find_program(it).is_none());
            let lacking = lacking.map(|it| (*it).to_owned());
            requires.into_iter().chain(lacking).collect()
        }
    }
}

/// Returns whether a project has any that are built here.
pub(super) fn is_built(dir: &Utf8Path) -> bool {
    builder(dir) != Builder::Nobody
}

/// Builds them in the tree; the inner error is the project's.
pub(super) async fn build(
    job: &Job<'_>,
    layout: &Layout,
    environment: impl FnOnce(Command) -> Command,
) -> Result<Result<(), String>, Error> {
    let dir = job.dir();
    let builder = builder(&dir);
    let Some(python) = job.tool("python").filter(|_| builder != Builder::Nobody) else {
        return Ok(Ok(()));
    };
    let folder = job.build.join("extensions").join(&job.project.root);
    std::fs::create_dir_all(&folder).map_err(|source| broken(&folder, source))?;
    let stamp = folder.join("sources");
    let sources = fingerprint(&dir, |it| is_read(it, &builder));
    // File times say nothing of trees that are laid out: contents decide.
    let holds = read_small(&stamp).as_deref() == Some(sources.as_str());
    let command = match builder {
        Builder::Wheel(place) => wheel(job, layout, python, place, &folder, holds)?,
        Builder::Nobody | Builder::Setuptools => in_place(job, python, &folder, holds),
    };
    let finished = job.run(&environment(command)).await?;
    if !finished.success() {
        return Ok(Err(format!(
            "building the extension modules: {}",
            finished.explain()
        )));
    }
    write(&stamp, &sources)?;
    Ok(Ok(()))
}

fn broken(folder: &Utf8Path, source: std::io::Error) -> Error {
    Error::Io {
        program: folder.to_string(),
        source,
    }
}

/// Returns the command with which setuptools builds beside the sources.
fn in_place(job: &Job<'_>, python: &[String], folder: &Utf8Path, holds: bool) -> Command {
    let args: &[&str] = if job.dir().join("setup.py").exists() {
        &["setup.py"]
    } else {
        &["-c", "from setuptools import setup; setup()"]
    };
    let command = job.command(python).args(args.iter().copied()).args([
        "-q",
        "build_ext",
        "--inplace",
        "--build-temp",
        folder.join("temp").as_str(),
        "--build-lib",
        folder.join("lib").as_str(),
    ]);
    if holds {
        command
    } else {
        command.arg("--force")
    }
}

/// Returns the command that makes a wheel with the project's own backend and unpacks it into the tree.
fn wheel(
    job: &Job<'_>,
    layout: &Layout,
    python: &[String],
    place: usize,
    folder: &Utf8Path,
    holds: bool,
) -> Result<Command, Error> {
    let dir = job.dir();
    let backend = BACKENDS[place].0;
    let configured = fingerprint(&dir, |it| {
        let name = it.file_name().unwrap_or_default();
        OPTIONS.contains(&name) || it.extension() == Some("cmake")
    });
    let build = folder.join("build");
    let mark = folder.join("configured");
    if read_small(&mark).as_deref() != Some(configured.as_str()) {
        match std::fs::remove_dir_all(&build) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(broken(&build, error));
            }
            _ => write(&mark, &configured)?,
        }
    }
    let settings = match backend {
        "maturin" => serde_json::json!({}),
        _ => serde_json::json!({ "build-dir": build }),
    };
    let roots = layout.roots.iter().map(|it| dir.join(it));
    let question = serde_json::json!({
        "backend": backend,
        "backend_path": texts(&manifest(&dir), &["build-system", "backend-path"]),
        "folder": folder,
        "holds": holds,
        "roots": roots.collect::<Vec<Utf8PathBuf>>(),
        "settings": settings,
    });
    let helper = folder.join("factory_wheel.py");
    write(&helper, HELPER)?;
    // The paths in an argument are told as the command will see them; those on stdin would not be.
    let command = job.command(python).arg(helper.as_str());
    Ok(command
        .arg(question.to_string())
        .env("CARGO_TARGET_DIR", folder.join("cargo").as_str())
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_INCREMENTAL", "0"))
}

/// Returns whether a change of a file may be one of what is built.
fn is_read(path: &Utf8Path, builder: &Builder) -> bool {
    let text = path.extension().is_some_and(|it| TEXTS.contains(&it));
    // A wheel may take anything along; setuptools is run in any case, and only not made to build.
    let is_script = matches!(path.file_name(), Some("setup.py"));
    *builder != Builder::Setuptools || is_script || !text
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
    let place = BACKENDS.iter().position(|it| Some(it.0) == backend);
    place.map_or(Builder::Nobody, Builder::Wheel)
}

fn texts(document: &Value, path: &[&str]) -> Vec<String> {
    let list = dig(document, path).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn manifest(dir: &Utf8Path) -> Value {
    let text = read_small(&dir.join("pyproject.toml")).unwrap_or_default();
    Value::Table(text.parse::<Table>().unwrap_or_default())
}

/// Names the contents of every file that counts.
fn fingerprint(dir: &Utf8Path, counts: impl Fn(&Utf8Path) -> bool) -> String {
    let mut paths = Vec::new();
    collect(dir, DEEPEST, &mut paths);
    paths.retain(|it| counts(it));
    paths.sort();
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        let relative = path.strip_prefix(dir).unwrap_or(&path);
        hasher.update(relative.as_str().as_bytes()).update(&[0]);
        let text = std::fs::read(&path).unwrap_or_default();
        hasher.update(blake3::hash(&text).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn collect(folder: &Utf8Path, depth: usize, found: &mut Vec<Utf8PathBuf>) {
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        let is_hidden = entry.file_name().starts_with('.');
        let kind = entry.file_type();
        if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
            if depth > 0 && !is_hidden && entry.file_name() != "__pycache__" {
                collect(entry.path(), depth - 1, found);
            }
        } else if kind.is_ok_and(|it| it.is_file()) && entry.path().extension() != Some("so") {
            found.push(entry.into_path());
        }
    }
}
