//! Experiments as the loop would record them, through the store's own door.

use camino::{Utf8Path, Utf8PathBuf};
use factory::model::experiment::{Cost, ExperimentEvent};
use factory::model::hypothesis::{Category, Change, Claim, Hypothesis};
use factory::model::id::ExperimentId;
use factory::model::verdict::{Decision, Verdict};
use factory::store::Writer;
use jiff::Timestamp;

/// Gives the empty record in the repository with that git common dir that many experiments.
///
/// They are made once, which takes minutes for ten thousand, and copied from the build folder later.
pub(crate) fn fill(common_dir: &Utf8Path, n: u32) {
    if n == 0 {
        return;
    }
    let made = made(n);
    for part in ["objects", "refs/factory", "factory"] {
        copy(&made.join(part), &common_dir.join(part));
    }
}

/// Returns the git common dir of a repository with that many experiments.
fn made(n: u32) -> Utf8PathBuf {
    let home = Utf8Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = home.join(format!("record-{n}"));
    if made.is_dir() {
        return made;
    }
    let dir = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary directory can be made");
    let root = Utf8Path::from_path(dir.path()).expect("its path is UTF-8");
    factory::repo::records::init(root).expect("a repository can be made");
    let mut writer = writer(&root.join(".git"));
    for _ in 0..n {
        seal(&mut writer);
    }
    drop(writer);
    let half = home.join(format!("record-{n}.half"));
    copy(&root.join(".git"), &half);
    std::fs::rename(half, &made).expect("the build folder can be written");
    made
}

/// Copies what is in a folder into another, made if needed.
pub(crate) fn copy(from: &Utf8Path, to: &Utf8Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    let copied = std::process::Command::new("cp")
        .args(["-a", from.join(".").as_str(), to.as_str()])
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
}

/// Opens the record for writing.
pub(crate) fn writer(common_dir: &Utf8Path) -> Writer {
    let (writer, _) = Writer::at(common_dir, at()).expect("nobody else writes");
    writer
}

fn at() -> Timestamp {
    Timestamp::from_second(1_772_359_200).expect("a second of 2026")
}

/// Runs one experiment through the journal into the ledger.
pub(crate) fn seal(writer: &mut Writer) {
    for event in events(writer.next_id()) {
        writer.append(&event).expect("the journal takes it");
    }
    writer.seal().expect("the ledger takes it");
}

fn events(id: ExperimentId) -> [ExperimentEvent; 3] {
    let hash = format!("{:040x}", u64::from(id.0) * 0x9e37_79b9_7f4a);
    let hypothesis = Hypothesis {
        key: format!("ruff:F{id}").parse().expect("a name"),
        title: format!("Remove the imports that nobody uses from package {id}"),
        why: "ruff reports F401 in nine places of three modules, all of them fixable. ".repeat(4),
        category: Category::Fix,
        claim: Claim::Keeps,
        success: vec!["no finding of this rule is left".to_owned()],
        change: Change::Words {
            text: "remove them".to_owned(),
        },
        files: (0..12)
            .map(|n| (format!("src/package/module_{n}.py").into(), hash.clone()))
            .collect(),
        expected_gain: 0.01,
    };
    let started = ExperimentEvent::Started {
        id,
        run: "run".parse().expect("a name"),
        at: at(),
        hypothesis: Box::new(hypothesis),
        incumbent: hash.parse().expect("a hash"),
        incumbent_tree: hash.parse().expect("a hash"),
        backend: "mechanic".to_owned(),
        resumes: None,
        turn: None,
    };
    let decision = Decision::plain(Verdict::Revert, "lint: no finding fewer than before");
    let noted = ExperimentEvent::Noted {
        at: at(),
        note: "Nothing moved. ".repeat(20),
        cost: Cost::default(),
    };
    [started, ExperimentEvent::Decided { decision }, noted]
}
