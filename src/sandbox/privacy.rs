//! Which of a person's folders untrusted code sees, and a trial of whether the others are really gone.

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::stage::Privacy;
use super::{Room, Sandbox};
use crate::process::{self, Command, Error};

/// Folders below a home, or named by a variable, that hold programs and libraries.
const TOOLS: [(&str, &str); 7] = [
    ("CARGO_HOME", ".cargo"),
    ("RUSTUP_HOME", ".rustup"),
    ("GOPATH", "go"),
    ("GOMODCACHE", "go/pkg/mod"),
    ("PYENV_ROOT", ".pyenv"),
    ("VIRTUAL_ENV", ""),
    ("CONDA_PREFIX", ""),
];

/// Keys that lie among programs.
const SECRETS: [&str; 4] = [
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".local/share/keyrings",
    ".local/share/kwalletd",
];

/// What a project's dependencies are installed into, in its checkout.
const DEPENDENCIES: [&str; 3] = [".venv", "venv", "node_modules"];

/// The places that privacy is about.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    /// The person's checkout.
    pub checkout: &'a Utf8Path,
    /// Where else the repository is checked out.
    pub others: &'a [Utf8PathBuf],
    /// Its git directory, which may lie elsewhere.
    pub common_dir: &'a Utf8Path,
    /// What factory keeps: its home, and the scratch of all targets.
    pub ours: &'a [&'a Utf8Path],
    /// What evaluated commands need of that: environments made for them.
    pub cache: &'a Utf8Path,
    /// Programs that were found, and folders that a person declared.
    pub needed: Vec<Utf8PathBuf>,
    /// Where the parts of the project lie in the checkout.
    pub parts: Vec<Utf8PathBuf>,
}

/// Returns what code that others wrote sees of a machine: programs, and nothing of the person's.
pub fn privacy(places: &Places<'_>) -> Privacy {
    let home = process::variable("HOME").map(Utf8PathBuf::from);
    let ours = places.ours.iter().map(|it| (*it).to_owned());
    let own = [places.checkout, places.common_dir].map(Utf8Path::to_owned);
    let own = own.into_iter().chain(places.others.iter().cloned());
    let hidden = home.iter().cloned().chain(own).chain(ours).collect();
    let mut shown = vec![places.cache.to_owned()];
    let path = process::variable("PATH").unwrap_or_default();
    let programs = path.split(':').map(Utf8PathBuf::from);
    shown.extend(programs.filter_map(|it| root_of_programs(&it, home.as_deref())));
    for (variable, below) in TOOLS {
        let named = process::variable(variable).map(Utf8PathBuf::from);
        let usual = home.as_ref().filter(|_| !below.is_empty());
        shown.extend(named.or_else(|| usual.map(|it| it.join(below))));
    }
    for program in &places.needed {
        let folder = program.parent().unwrap_or(program);
        shown.push(program.clone());
        if program.is_file() && folder.file_name() == Some("bin") {
            shown.extend(root_of_programs(folder, home.as_deref()));
        }
    }
    for checkout in places
        .others
        .iter()
        .map(|it| &**it)
        .chain([places.checkout])
    {
        for part in places.parts.iter().map(|it| checkout.join(it)) {
            shown.extend(DEPENDENCIES.iter().map(|it| part.join(it)));
        }
    }
    // Nobody's whole home, and nothing that would show what is hidden, comes in by this way.
    let private: Vec<Utf8PathBuf> = Vec::clone(&hidden);
    shown.retain(|it| it.is_absolute() && !private.iter().any(|private| private.starts_with(it)));
    let secrets = home.iter().flat_map(|home| SECRETS.map(|it| home.join(it)));
    Privacy {
        hidden,
        shown,
        secrets: secrets.collect(),
    }
}

/// Returns the folder that a folder of programs belongs to: `~/.cargo` of `~/.cargo/bin`.
fn root_of_programs(folder: &Utf8Path, home: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
    if !folder.is_absolute() {
        return None;
    }
    let is_usual = matches!(
        folder.file_name(),
        Some("bin" | "sbin" | "shims" | "Scripts")
    );
    let root = folder.parent().filter(|it| is_usual && Some(*it) != home);
    Some(root.unwrap_or(folder).to_owned())
}

/// Tries whether commands in this sandbox are kept from the record of a target, and from changing the
/// machine; returns what they could do after all.
///
/// # Errors
/// An interruption, or a command that could not be run.
pub async fn keeps_private(
    sandbox: &dyn Sandbox,
    room: Room<'_>,
    common_dir: &Utf8Path,
    cancel: &CancellationToken,
) -> Result<Result<(), String>, Error> {
    let script = "test ! -e \"$1\" || { echo 'the record of the target can be read'; exit 1; }\n\
                  (echo x >\"$2\") 2>/dev/null && { rm -f \"$2\"; echo 'the machine can be written'; exit 1; }\n\
                  exit 0";
    let command = Command::new("sh", room.tree).args([
        "-c",
        script,
        "sh",
        common_dir.join("HEAD").as_str(),
        "/var/factory-probe",
    ]);
    let finished = sandbox.run(&command, room, cancel).await?;
    Ok(if finished.success() {
        Ok(())
    } else {
        Err(finished.explain())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static OTHERS: std::sync::OnceLock<Vec<Utf8PathBuf>> = std::sync::OnceLock::new();

    fn places<'a>(checkout: &'a Utf8Path, ours: &'a [&'a Utf8Path]) -> Places<'a> {
        Places {
            checkout,
            others: OTHERS.get_or_init(|| vec!["/code/beside".into()]),
            common_dir: checkout,
            ours,
            cache: Utf8Path::new("/scratch/targets/a/cache"),
            needed: vec!["/opt/agents/one.py".into(), "/".into()],
            parts: vec!["".into()],
        }
    }

    #[test]
    fn the_checkout_is_hidden_and_what_it_depends_on_is_shown() {
        let ours = [Utf8Path::new("/scratch"), Utf8Path::new("/factory-home")];
        let found = privacy(&places(Utf8Path::new("/code/project"), &ours));
        for path in ["/code/project", "/code/beside", "/scratch", "/factory-home"] {
            assert!(found.hidden.contains(&path.into()), "{path}");
        }
        for path in [
            "/scratch/targets/a/cache",
            "/code/project/node_modules",
            "/opt/agents/one.py",
        ] {
            assert!(found.shown.contains(&path.into()), "{path}");
        }
        assert!(!found.shown.contains(&"/".into()));
    }

    #[test]
    fn a_folder_of_programs_stands_for_what_it_belongs_to_but_never_for_a_home() {
        let home = Utf8Path::new("/homes/me");
        let root = |it: &str| root_of_programs(Utf8Path::new(it), Some(home)).unwrap();
        assert_eq!(root("/homes/me/.cargo/bin"), "/homes/me/.cargo");
        assert_eq!(root("/homes/me/bin"), "/homes/me/bin");
        assert_eq!(root("/homes/me/tools"), "/homes/me/tools");
        assert_eq!(root_of_programs(Utf8Path::new("bin"), Some(home)), None);
    }
}
