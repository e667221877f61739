//! The readable view under `.factory/`: disposable, never read back.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::Error;
use crate::model::experiment::Experiment;

/// What we put into `.factory/`; other tools use that folder too, so only our names are hidden.
const OURS: [&str; 8] = [
    "/.gitignore",
    "/agents/",
    "/archive/",
    "/cache/",
    "/experiments/",
    "/factory.toml",
    "/logs/",
    "/playbooks/",
];

/// Writes `.factory/experiments/NNN/record.json` and `note.md` and returns that directory.
pub fn write_view(root: &Utf8Path, experiment: &Experiment) -> Result<Utf8PathBuf, Error> {
    let dir = hide_view(root)?
        .join("experiments")
        .join(format!("{:03}", experiment.id.0));
    std::fs::create_dir_all(&dir).map_err(|source| Error::io("make", &dir, source))?;
    let record = serde_json::to_string_pretty(experiment).map_err(|source| Error::Unstorable {
        what: format!("the view of experiment {}", experiment.id),
        source: Box::new(source),
    })?;
    write_file(&dir.join("record.json"), &(record + "\n"))?;
    write_file(&dir.join("note.md"), &note(experiment))?;
    Ok(dir)
}

/// Makes `.factory/` and the `.gitignore` in it that hides our entries; returns the folder.
pub fn hide_view(root: &Utf8Path) -> Result<Utf8PathBuf, Error> {
    let dir = root.join(".factory");
    // A link would let a hostile target choose where we write.
    if dir.is_symlink() {
        let reason = "it is a symbolic link: replace it with a folder";
        return Err(Error::io("use", dir, std::io::Error::other(reason)));
    }
    std::fs::create_dir_all(&dir).map_err(|source| Error::io("make", &dir, source))?;
    let path = dir.join(".gitignore");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let mut text = before.clone();
    for entry in OURS {
        if !before.lines().any(|line| line.trim() == entry) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(entry);
            text.push('\n');
        }
    }
    if text != before {
        write_file(&path, &text)?;
    }
    Ok(dir)
}

fn note(experiment: &Experiment) -> String {
    let hypothesis = &experiment.hypothesis;
    let mut text = format!("# {}. {}\n\n", experiment.id, hypothesis.title);
    if let Some(decision) = &experiment.decision {
        let reasons = decision.reasons.join("; ");
        write!(text, "**{}**: {reasons}\n\n", decision.verdict).expect("a string takes all text");
    }
    write!(text, "{}\n\n{}\n", hypothesis.why, experiment.note).expect("a string takes all text");
    text
}

/// Writes beside and renames, so that whoever looks sees a whole file.
fn write_file(path: &Utf8Path, text: &str) -> Result<(), Error> {
    let beside = path.with_file_name(format!(".{}.new", path.file_name().unwrap_or_default()));
    std::fs::write(&beside, text).map_err(|source| Error::io("write", &beside, source))?;
    std::fs::rename(&beside, path).map_err(|source| Error::io("move", &beside, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::experiment::fold;
    use crate::model::verdict::Verdict;
    use crate::store::sample::events;

    fn root() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        (dir, root)
    }

    #[test]
    fn the_view_can_be_read_and_hides_itself_only() {
        let (_dir, root) = root();
        std::fs::create_dir(root.join(".factory")).unwrap();
        std::fs::write(root.join(".factory/.gitignore"), "theirs").unwrap();
        let experiment = fold(&events(7, Verdict::Keep)).unwrap().unwrap();
        let dir = write_view(&root, &experiment).unwrap();
        assert_eq!(dir, root.join(".factory/experiments/007"));
        let record = std::fs::read(dir.join("record.json")).unwrap();
        assert_eq!(
            serde_json::from_slice::<Experiment>(&record).unwrap(),
            experiment
        );
        let note = std::fs::read_to_string(dir.join("note.md")).unwrap();
        assert!(
            note.starts_with("# 7. Remove unused imports 7\n\n**keep**: lint"),
            "{note}"
        );
        let ignored = std::fs::read_to_string(root.join(".factory/.gitignore")).unwrap();
        assert!(ignored.starts_with("theirs\n/.gitignore\n"), "{ignored}");
        write_view(&root, &experiment).unwrap();
        let again = std::fs::read_to_string(root.join(".factory/.gitignore")).unwrap();
        assert_eq!(ignored, again);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let (_dir, root) = root();
        std::fs::create_dir(root.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", root.join(".factory")).unwrap();
        assert!(hide_view(&root).is_err());
        assert_eq!(root.join("elsewhere").read_dir_utf8().unwrap().count(), 0);
    }
}
