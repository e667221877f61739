//! Where the tests' requirements are installed: the person's own environment if it has them, else one
//! made for the purpose and kept beside the trees.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::extension;
use super::interpreter::Interpreter;
use super::needs::{self, Needs, Setup};
use crate::model::profile::Purpose;
use crate::process::{Command, Error, find_program, network_variables};
use crate::toolchain::detect::{mentions, read_small};
use crate::toolchain::job::write;
use crate::toolchain::{Environment, Job, Place};

const HELPER: &str = include_str!("../../../evals/languages/python/factory_needs.py");
/// Files that say exactly which versions are installed.
const LOCKS: &[&str] = &["uv.lock", "poetry.lock", "pdm.lock"];
/// Where a person's other environments are: of tox and nox, and by custom.
const OTHERS: &[&str] = &["env", ".tox", ".nox"];

/// What our helper program answers.
#[derive(Default, Deserialize)]
struct Answer {
    missing: Vec<String>,
    setup: Setup,
}

/// Chooses the environment that has what the tests need, or makes it.
pub(super) async fn choose(job: &Job<'_>, place: &Place<'_>) -> Result<Environment, Error> {
    let Some(interpreter) = Interpreter::find(place.checkout, job.commands) else {
        return Ok(Environment::default());
    };
    if let Some(line) = &job.commands.prepare {
        return by_command(job, place, line).await;
    }
    let needs = declared(job, &interpreter).await?;
    let missing = ask(job, &interpreter.path, &needs, None).await?.missing;
    if missing.is_empty() {
        return Ok(Environment::default());
    }
    if interpreter.path.starts_with(place.cache) {
        // Made for a project above this one: this one's requirements are added.
        let maker = Maker {
            job,
            needs: &needs,
            dir: environment_of(&interpreter.path),
        };
        let failed = maker.install().await?;
        return Ok(maker.environment(failed, "added"));
    }
    if job.commands.python.is_some() {
        let note = format!("Python: {} lacks {}", interpreter.path, listed(&missing));
        return Ok(Environment {
            python: None,
            notes: vec![note],
        });
    }
    for other in others(place.checkout) {
        if ask(job, &other, &needs, None).await?.missing.is_empty() {
            let note = format!("Python: the tests run in {other}, which has what they need");
            return Ok(Environment {
                python: Some(other),
                notes: vec![note],
            });
        }
    }
    made(job, place, &interpreter, &needs, &missing).await
}

/// Returns what is declared, and what is implied: a runner, a coverage tool, tools that build.
async fn declared(job: &Job<'_>, interpreter: &Interpreter) -> Result<Needs, Error> {
    let setup = Utf8Path::new("setup.py");
    let setup = job.dir().join(setup).exists().then_some(setup);
    let answer = ask(job, &interpreter.path, &Needs::default(), setup).await?;
    let mut needs = Needs::of(&job.dir(), &answer.setup);
    let is_named = |needs: &Needs, name: &str| {
        needs
            .requirements()
            .any(|it| it.to_ascii_lowercase().starts_with(name))
    };
    if !is_named(&needs, "pytest") && (uses_pytest(job) || !needs.lines.is_empty()) {
        needs.lines.push("pytest".to_owned());
    }
    needs.lines.extend(extension::requirements(&job.dir()));
    Ok(needs)
}

fn uses_pytest(job: &Job<'_>) -> bool {
    let dir = job.dir();
    let names = ["pyproject.toml", "setup.cfg", "tox.ini", "noxfile.py"].map(Utf8PathBuf::from);
    mentions(&dir, &names.iter().collect::<Vec<_>>(), &["pytest"])
        || ["pytest.ini", "conftest.py", "tests/conftest.py"]
            .iter()
            .any(|it| dir.join(it).exists())
        || needs::tests_import_pytest(&dir)
        || job.uses(Purpose::Test).is_none()
}

/// Asks an interpreter which requirements it lacks; one that cannot answer lacks nothing we know of.
async fn ask(
    job: &Job<'_>,
    python: &Utf8Path,
    needs: &Needs,
    setup: Option<&Utf8Path>,
) -> Result<Answer, Error> {
    let helper = job.build.join("factory_needs.py");
    write(&helper, HELPER)?;
    let requirements: Vec<&String> = needs.requirements().collect();
    let question = serde_json::json!({ "requirements": requirements, "setup": setup });
    let words = [python.to_string(), helper.into_string()];
    let mut command = job.command(&words);
    command.stdin = Some(question.to_string().into_bytes());
    let finished = job.run(&command).await?;
    Ok(serde_json::from_slice(&finished.stdout).unwrap_or_default())
}

/// Returns the interpreters of a person's other environments.
fn others(checkout: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    for name in OTHERS {
        let folder = checkout.join(name);
        found.push(folder.join("bin/python"));
        let inner = folder.read_dir_utf8().into_iter().flatten().flatten();
        let mut inner: Vec<_> = inner.map(|it| it.path().join("bin/python")).collect();
        inner.sort();
        found.extend(inner);
    }
    found.retain(|it| it.exists());
    found
}

async fn made(
    job: &Job<'_>,
    place: &Place<'_>,
    interpreter: &Interpreter,
    needs: &Needs,
    missing: &[String],
) -> Result<Environment, Error> {
    let dir = place
        .cache
        .join("python")
        .join(key(job, interpreter, needs));
    let maker = Maker { job, needs, dir };
    if maker.dir.join("ready").exists() {
        let failed = read_small(&maker.dir.join("ready")).unwrap_or_default();
        return Ok(maker.environment(failed.lines().map(str::to_owned).collect(), "made earlier"));
    }
    let started = std::time::Instant::now();
    let failed = match maker.create(&interpreter.path).await? {
        Ok(()) => maker.install().await?,
        Err(why) => {
            let hint = format!(
                "Python: {} lacks {}, and no environment could be made: {why} (hint: install them, or set `prepare` in [commands])",
                interpreter.path,
                listed(missing)
            );
            return Ok(Environment {
                python: None,
                notes: vec![hint],
            });
        }
    };
    if failed.iter().any(|it| it.starts_with("pytest")) || failed.len() >= needs.lines.len() {
        let note = format!(
            "Python: {} lacks {}, which could not be installed either: {}",
            interpreter.path,
            listed(missing),
            failed.first().map_or("", String::as_str)
        );
        return Ok(Environment {
            python: None,
            notes: vec![note],
        });
    }
    write(&maker.dir.join("ready"), &failed.join("\n"))?;
    let how = format!("{:.0} s", started.elapsed().as_secs_f64());
    Ok(maker.environment(failed, &how))
}

/// Names what was asked for, the locks, and the interpreter: another of these is another environment.
fn key(job: &Job<'_>, interpreter: &Interpreter, needs: &Needs) -> String {
    let mut hasher = blake3::Hasher::new();
    let real = interpreter.path.canonicalize_utf8();
    hasher.update(
        real.unwrap_or_else(|_| interpreter.path.clone())
            .as_str()
            .as_bytes(),
    );
    for line in &needs.lines {
        hasher.update(&[0]).update(line.as_bytes());
    }
    for name in LOCKS {
        let text = std::fs::read(job.dir().join(name)).unwrap_or_default();
        hasher.update(&[0]).update(&text);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Makes one environment.
struct Maker<'a> {
    job: &'a Job<'a>,
    needs: &'a Needs,
    dir: Utf8PathBuf,
}

impl Maker<'_> {
    async fn create(&self, python: &Utf8Path) -> Result<Result<(), String>, Error> {
        let folder = self.dir.parent().unwrap_or(&self.dir);
        std::fs::create_dir_all(folder).map_err(|source| Error::Io {
            program: folder.to_string(),
            source,
        })?;
        self.run(&[python.as_str(), "-m", "venv", "--clear", self.dir.as_str()])
            .await
    }

    /// Installs everything at once, or else one by one; returns what could not be installed.
    async fn install(&self) -> Result<Vec<String>, Error> {
        if self.sync().await? {
            return self.pip(&["coverage", "pytest"]).await.map(|_| Vec::new());
        }
        let file = self.dir.join("requirements.txt");
        write(
            &file,
            &format!("{}\ncoverage\n", self.needs.lines.join("\n")),
        )?;
        let Err(all) = self.pip(&["-r", file.as_str()]).await? else {
            return Ok(Vec::new());
        };
        let mut failed = Vec::new();
        for line in self
            .needs
            .requirements()
            .map(String::as_str)
            .chain(["coverage"])
        {
            if let Err(why) = self.pip(&[line]).await? {
                failed.push(format!("{line}: {why}"));
                if failed.len() == 3 && failed.len() > self.needs.lines.len() / 2 {
                    // There is no network, most likely: each one more would take as long.
                    return Ok(self
                        .needs
                        .lines
                        .iter()
                        .map(|it| format!("{it}: {all}"))
                        .collect());
                }
            }
        }
        Ok(failed)
    }

    /// Lets uv install what its lock file says, where both are there.
    async fn sync(&self) -> Result<bool, Error> {
        let has_lock = self.job.dir().join("uv.lock").exists();
        let Some(uv) = find_program("uv").filter(|_| has_lock) else {
            return Ok(false);
        };
        let mut words = vec![
            uv.as_str(),
            "sync",
            "--frozen",
            "--no-install-project",
            // The runs write no bytecode: without this each would compile everything again.
            "--compile-bytecode",
            "--quiet",
        ];
        for (option, name) in [
            ("--group", &self.needs.group),
            ("--extra", &self.needs.extra),
        ] {
            words.extend(name.iter().flat_map(|it| [option, it.as_str()]));
        }
        Ok(self.run(&words).await?.is_ok())
    }

    /// Installs with uv, which takes a fraction of the time, where it is there and can; else with pip.
    async fn pip(&self, args: &[&str]) -> Result<Result<(), String>, Error> {
        let python = self.dir.join("bin/python");
        if let Some(uv) = find_program("uv") {
            let words = [
                uv.as_str(),
                "pip",
                "install",
                "--quiet",
                "--compile-bytecode",
            ];
            let place = ["--python", python.as_str()];
            if self
                .run(&[&words, &place[..], args].concat())
                .await?
                .is_ok()
            {
                return Ok(Ok(()));
            }
        }
        let pip = [
            python.as_str(),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--retries=1",
        ];
        self.run(&[&pip[..], args].concat()).await
    }

    /// Runs a step that may reach the network; the inner error is its last word.
    async fn run(&self, words: &[&str]) -> Result<Result<(), String>, Error> {
        let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        let finished = self
            .job
            .run(&networked(self.job.command(&words), &self.dir))
            .await?;
        Ok(if finished.success() {
            Ok(())
        } else {
            let text = String::from_utf8_lossy(&finished.stderr).into_owned();
            let mut errors = text
                .lines()
                .filter(|it| it.to_ascii_lowercase().contains("error"));
            let word = errors.next_back().map(|it| it.trim().to_owned());
            Err(word.unwrap_or_else(|| finished.explain()))
        })
    }

    fn environment(&self, failed: Vec<String>, how: &str) -> Environment {
        let source = match self.needs.source.as_str() {
            "" => "what the project declares".to_owned(),
            source => format!("{source} and the dependencies"),
        };
        let n = self.packages();
        let mut notes = vec![format!(
            "Python: the tests run in an environment of their own, from {source}: {n} packages, {how}"
        )];
        notes.extend(
            failed
                .into_iter()
                .map(|it| format!("Python: could not install {it}")),
        );
        Environment {
            python: Some(self.dir.join("bin/python")),
            notes,
        }
    }

    fn packages(&self) -> usize {
        let interpreter = Interpreter::at(self.dir.join("bin/python"));
        let folders = interpreter
            .packages
            .iter()
            .filter_map(|it| it.read_dir_utf8().ok());
        let names = folders
            .flatten()
            .flatten()
            .map(|it| it.file_name().to_owned());
        names.filter(|it| it.ends_with(".dist-info")).count()
    }
}

fn networked(command: Command, environment: &Utf8Path) -> Command {
    let command = network_variables()
        .iter()
        .fold(command, |command, (name, value)| command.env(name, value));
    command
        .env("FACTORY_ENVIRONMENT", environment.as_str())
        .env("UV_PROJECT_ENVIRONMENT", environment.as_str())
}

/// Runs the person's own command, once for each state of the manifests.
async fn by_command(job: &Job<'_>, place: &Place<'_>, line: &str) -> Result<Environment, Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(line.as_bytes());
    for path in &job.project.manifests {
        hasher
            .update(&[0])
            .update(&std::fs::read(job.tree.join(path)).unwrap_or_default());
    }
    let dir = place
        .cache
        .join("python")
        .join(&hasher.finalize().to_hex()[..16]);
    let ready = dir.with_extension("ready");
    if !ready.exists() {
        std::fs::create_dir_all(place.cache.join("python")).map_err(|source| Error::Io {
            program: dir.to_string(),
            source,
        })?;
        let command = Command::from_line(line, job.tree)?
            .timeout(job.timeout)
            .log(job.log);
        let finished = job.run(&networked(command, &dir)).await?;
        if !finished.success() {
            let note = format!("Python: `{line}` failed: {}", finished.explain());
            return Ok(Environment {
                python: None,
                notes: vec![note],
            });
        }
        write(&ready, "")?;
    }
    let python = dir.join("bin/python");
    Ok(Environment {
        python: python.exists().then_some(python),
        notes: Vec::new(),
    })
}

fn environment_of(python: &Utf8Path) -> Utf8PathBuf {
    let folder = python.parent().and_then(Utf8Path::parent);
    folder.unwrap_or(python).to_owned()
}

fn listed(requirements: &[String]) -> String {
    let shown: Vec<&str> = requirements.iter().take(3).map(String::as_str).collect();
    match requirements.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
