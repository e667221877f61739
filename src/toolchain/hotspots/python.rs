//! Python watches itself: a module that the interpreter imports at its start.

use super::Hotspot;

/// The module's file.
pub(super) const FILE: &str = "sitecustomize.py";

/// What a built-in does is its caller's time: nobody can edit a built-in.
pub(super) const SCRIPT: &str = r#"import atexit
import cProfile
import os

_profile = cProfile.Profile()


def _write():
    _profile.disable()
    _profile.create_stats()
    own = {}
    for function, (_, _, time, _, callers) in _profile.stats.items():
        if function[0] != "~":
            own[function] = own.get(function, 0.0) + time
            continue
        for caller, (_, _, share, _) in callers.items():
            own[caller] = own.get(caller, 0.0) + share
    path = os.path.join(os.environ["FACTORY_PROFILE"], "%d.tsv" % os.getpid())
    with open(path, "w") as out:
        for (file, line, name), time in own.items():
            out.write("%r\t%d\t%s\t%s\n" % (time, line, name, file))


atexit.register(_write)
_profile.enable()
"#;

/// Reads what the module wrote.
pub(super) fn read(text: &str) -> Vec<Hotspot> {
    let spot = |line: &str| {
        let mut parts = line.splitn(4, '\t');
        Some(Hotspot {
            own: parts.next()?.parse().ok()?,
            line: parts.next()?.parse().ok()?,
            name: parts.next()?.to_owned(),
            path: Some(parts.next()?.into()),
        })
    };
    text.lines().filter_map(spot).collect()
}
