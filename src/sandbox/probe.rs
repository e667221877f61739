//! What this machine allows, found out by trying it.

use camino::Utf8Path;
use tokio_util::sync::CancellationToken;

use super::launcher::{Launcher, LauncherSpec};
use super::{Room, Sandbox as _};
use crate::process::{Command, Error};

/// This very program, also after its file was replaced.
pub const OURSELVES: &str = "/proc/self/exe";

/// What a launcher may do here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Namespaces, with a root and a network of their own.
    pub namespaces: bool,
    /// Overlays, so that what is written into a tree can be thrown away.
    pub layers: bool,
    /// What was refused, and how to get it.
    pub refused: Option<String>,
}

/// Tries the launcher in a folder below `scratch`.
///
/// # Errors
/// An interruption, or a folder that cannot be made.
pub async fn probe(
    program: &str,
    scratch: &Utf8Path,
    cancel: &CancellationToken,
) -> Result<Allowed, Error> {
    let failed = |source| Error::Io {
        program: scratch.to_string(),
        source,
    };
    if cfg!(not(target_os = "linux")) {
        return Ok(Allowed {
            refused: Some("namespaces need Linux".to_owned()),
            ..Allowed::default()
        });
    }
    fs_err::create_dir_all(scratch).map_err(failed)?;
    let dir = tempfile::Builder::new()
        .prefix("probe-")
        .tempdir_in(scratch)
        .map_err(failed)?;
    let dir = Utf8Path::from_path(dir.path()).unwrap_or(scratch);
    let mut allowed = Allowed {
        namespaces: true,
        layers: true,
        refused: None,
    };
    if let Some(refused) = attempt(program, dir, &allowed, cancel).await? {
        allowed.layers = false;
        allowed.refused = Some(refused);
        if let Some(refused) = attempt(program, dir, &allowed, cancel).await? {
            allowed.namespaces = false;
            allowed.refused = Some(refused);
        }
    }
    Ok(allowed)
}

/// Writes into a tree and looks at the network, inside; returns what did not come out as it must.
async fn attempt(
    program: &str,
    dir: &Utf8Path,
    allowed: &Allowed,
    cancel: &CancellationToken,
) -> Result<Option<String>, Error> {
    let (tree, build) = (dir.join("arm/tree"), dir.join("build"));
    let made = fs_err::create_dir_all(&tree)
        .and_then(|()| fs_err::create_dir_all(&build))
        .and_then(|()| fs_err::write(tree.join("file"), "old\n"))
        .and_then(|()| {
            Launcher::new(LauncherSpec {
                program,
                place: dir,
                arms: &[&tree],
                git: None,
                network: false,
                allowed: allowed.clone(),
                privacy: None,
            })
        });
    let launcher = made.map_err(|source| Error::Io {
        program: dir.to_string(),
        source,
    })?;
    let command = Command::new("sh", &tree)
        .arg("-c")
        .arg("cat file && echo new >file && cat /proc/self/net/dev");
    let room = Room {
        tree: &tree,
        build: &build,
    };
    let finished = match launcher.run(&command, room, cancel).await {
        Ok(finished) => finished,
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(Error::Isolation { step, source }) => return Ok(Some(explain(&step, &source))),
        Err(error) => return Ok(Some(error.to_string())),
    };
    let text = finished.stdout_text();
    let devices = text.lines().filter(|it| it.contains(':')).count();
    if !finished.success() || !text.starts_with("old\n") {
        return Ok(Some(format!("the launcher failed: {}", finished.explain())));
    }
    if devices != 1 {
        return Ok(Some("the network is still there".to_owned()));
    }
    let is_untouched = fs_err::read_to_string(tree.join("file")).is_ok_and(|it| it == "old\n");
    if allowed.layers && !is_untouched {
        return Ok(Some("a write reached the tree below an overlay".to_owned()));
    }
    Ok(None)
}

/// Says what was refused, and what a person can do about it.
fn explain(step: &str, error: &std::io::Error) -> String {
    let cure = match step {
        "make namespaces" | "map the user" | "keep mounts apart" | "mount a root" => {
            if restricts_namespaces() {
                "; allow it with `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or a profile for this program"
            } else {
                "; a container needs `--security-opt seccomp=unconfined` or `--privileged`"
            }
        }
        "mount an overlay" => {
            "; set `FACTORY_SCRATCH` to a folder on a disk of its own, not in an overlay"
        }
        _ => "",
    };
    format!("the system refuses to {step}: {error}{cure}")
}

fn restricts_namespaces() -> bool {
    let path = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
    std::fs::read_to_string(path).is_ok_and(|it| it.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_refused_is_said_and_nothing_is_claimed() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Utf8Path::from_path(dir.path()).unwrap();
        let allowed = probe("/bin/false", scratch, &CancellationToken::new()).await;
        let allowed = allowed.unwrap();
        assert!(!allowed.namespaces && !allowed.layers);
        assert!(allowed.refused.is_some());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_refusal_says_how_to_get_it() {
        let refused = std::io::Error::from_raw_os_error(1);
        let text = explain("mount an overlay", &refused);
        assert!(
            text.contains("os error 1") && text.contains("FACTORY_SCRATCH"),
            "{text}"
        );
    }
}
