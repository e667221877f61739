//! A child is killed, or told that the disk is full, at its n-th write to the disk, for every n.
//!
//! strace injects the fault; what is left must be the old record or the new one, never a mix.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use super::sample::{Place, append_all, events, now, open, place, seal};
use super::{Reader, Writer};
use crate::model::id::ExperimentId;
use crate::model::verdict::Verdict;

const CHILD_DIR: &str = "FACTORY_TEST_CRASH_DIR";
const CHILD: &str = "store::crash::child_that_seals_one_experiment";
/// Enough that the child's seal has packs to merge.
const BEFORE: u32 = 8;

#[test]
#[ignore = "started by the other tests of this module under strace"]
fn child_that_seals_one_experiment() {
    let dir = Utf8PathBuf::from(std::env::var(CHILD_DIR).unwrap());
    let (mut writer, _) = Writer::at(&dir, now()).unwrap();
    append_all(&mut writer, &events(BEFORE + 1, Verdict::Keep));
    writer.seal().unwrap();
    std::fs::write(dir.join("sealed"), "").unwrap();
}

#[test]
fn killed_at_any_write_leaves_the_old_record_or_the_new_one() {
    let calls = [
        "write",
        "fsync",
        "fdatasync",
        "rename",
        "link",
        "unlink",
        "ftruncate",
        "mkdir",
    ];
    let n = for_every_call(&calls, "signal=KILL");
    assert!(n.is_none_or(|n| n > 40), "only {n:?} faults");
}

#[test]
fn a_full_disk_at_any_write_leaves_the_old_record_or_the_new_one() {
    let calls = [
        "write",
        "fsync",
        "fdatasync",
        "rename",
        "ftruncate",
        "mkdir",
    ];
    let n = for_every_call(&calls, "error=ENOSPC");
    assert!(n.is_none_or(|n| n > 30), "only {n:?} faults");
}

/// Injects the fault at the first call of a kind, the second, and so on until the child gets
/// through; returns how many faults there were.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn for_every_call(calls: &[&str], fault: &str) -> Option<u32> {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: strace is not installed, so that no fault was injected");
        return None;
    }
    let template = place();
    let (mut writer, _) = open(&template.common_dir);
    for _ in 0..BEFORE {
        seal(&mut writer, Verdict::Revert);
    }
    drop(writer);
    let mut n_faults = 0;
    for call in calls {
        for n in 1u32.. {
            let copy = copy_of(&template);
            let inject = format!("inject={call}:{fault}:when={n}");
            run_child(&copy.common_dir, call, &inject);
            check(&copy.common_dir, &format!("{fault} at {call} {n}"));
            if !was_injected(&copy.common_dir) {
                break;
            }
            n_faults += 1;
        }
    }
    Some(n_faults)
}

fn run_child(common_dir: &Utf8Path, call: &str, inject: &str) {
    let trace = common_dir.join("trace");
    let output = Command::new("strace")
        .args(["-f", "-o", trace.as_str()])
        .args(["-e", &format!("trace={call}"), "-e", inject])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--test-threads=1", CHILD])
        .env(CHILD_DIR, common_dir)
        .output()
        .unwrap();
    // The child either gets through or dies of the fault: it never ends as if nothing was.
    let sealed = common_dir.join("sealed").exists();
    assert!(sealed || !output.status.success(), "{inject}: {output:?}");
}

fn was_injected(common_dir: &Utf8Path) -> bool {
    let trace = std::fs::read_to_string(common_dir.join("trace")).unwrap();
    trace.contains("(INJECTED)") || trace.contains("+++ killed by")
}

/// Opens the record as the next run would, twice, and looks at everything.
fn check(common_dir: &Utf8Path, fault: &str) {
    let sealed = common_dir.join("sealed").exists();
    let (mut writer, _) = open(common_dir);
    if writer.pending().is_some() {
        writer.settle(None, now()).unwrap();
    }
    drop(writer);
    let (mut writer, notices) = open(common_dir);
    assert!(notices.is_empty(), "{fault}: second resume: {notices:?}");
    let reader = Reader::at(common_dir).unwrap();
    for id in 1..=BEFORE {
        assert!(
            reader.experiment(ExperimentId(id)).unwrap().is_some(),
            "{fault}: {id}"
        );
    }
    let last = reader.experiment(ExperimentId(BEFORE + 1)).unwrap();
    let verdict = last.map(|it| it.decision.unwrap().verdict);
    assert!(
        matches!(verdict, None | Some(Verdict::Spurious | Verdict::Keep)),
        "{fault}: {verdict:?}"
    );
    assert!(
        !sealed || verdict == Some(Verdict::Keep),
        "{fault}: a sealed record was lost"
    );
    seal(&mut writer, Verdict::Revert);
    let n = BEFORE + u32::from(verdict.is_some()) + 1;
    assert_eq!(reader.summaries().unwrap().len(), n as usize, "{fault}");
    let fsck = Command::new("git")
        .args([
            "--git-dir",
            common_dir.as_str(),
            "fsck",
            "--strict",
            "--no-dangling",
        ])
        .env("HOME", common_dir)
        .output()
        .unwrap();
    assert!(fsck.status.success(), "{fault}: {fsck:?}");
}

fn copy_of(template: &Place) -> Place {
    let copy = place();
    let status = Command::new("cp")
        .arg("-a")
        .arg(format!("{}/.", template.common_dir))
        .arg(&copy.common_dir)
        .status()
        .unwrap();
    assert!(status.success());
    copy
}
