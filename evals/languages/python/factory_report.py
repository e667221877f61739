"""Writes what a test runner did as JSON lines, outside the tree. Shared by both runners."""

import calendar
import json
import os
import re
import sys
import time
from importlib.machinery import PathFinder

# What differs between two runs of the same tests, and what stands for it in an id.
_UNSTABLE = (
    (re.compile(r"0x[0-9a-fA-F]{6,}"), "0x"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "UUID"),
    (re.compile(r"\bpytest-of-[^/\\]+([/\\])pytest-\d+"), r"pytest-of-USER\1pytest-N"),
    (re.compile(r"((?:/tmp|TMP)/tmp)[a-z0-9_]{8}\b"), r"\1X"),
    # An example of a document is known by its place in the order, not by its line.
    (re.compile(r"\bline:\d+,column:\d+"), "example"),
    (re.compile(r"(\.(?:py|md|rst|txt)):\d+(?:-\d+)?\b"), r"\1:LINE"),
)
# A date, with or without its time, and seconds since the epoch, to any precision.
_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)(?:[T _]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?")
_EPOCH = re.compile(r"\b(\d{10})(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?\b")
_DAY = 86400


def _without_now(text):
    """Replaces times that are now, give or take a day: they were taken, not written."""
    now = time.time()

    def date(match):
        try:
            when = calendar.timegm((int(match[1]), int(match[2]), int(match[3]), 0, 0, 0))
        except ValueError:
            return match[0]
        return "TIME" if abs(when - now) < 2 * _DAY else match[0]

    def epoch(match):
        return "TIME" if abs(int(match[1]) - now) < _DAY else match[0]

    return _EPOCH.sub(epoch, _DATE.sub(date, text))


def imported(names):
    """Returns the file of each imported module of these names, the standard library's left out."""
    standard = os.path.realpath(os.path.dirname(os.__file__))
    found = {}
    for name in names:
        module = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        if not file:
            paths = list(getattr(module, "__path__", None) or [])
            file = paths[0] if paths else None
        file = os.path.realpath(file) if file else None
        inner = file[len(standard):] if file and file.startswith(standard + os.sep) else "-packages"
        if file and "-packages" in inner:
            found[name] = file
    return found


def write_origins(path, names):
    """Adds a line on what this process imported, for the harness to read."""
    found = imported(names)
    if found:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def _installed(names, tree):
    """Returns where names that nothing imported could be imported from, other than the tree."""
    places = [it for it in sys.path if it and not os.path.realpath(it).startswith(tree)]
    found = {}
    for name in names:
        top = name.partition(".")[0]
        spec = None if name in sys.modules else PathFinder.find_spec(top, places)
        if spec is not None and spec.origin and "-packages" in spec.origin:
            found[name] = spec.origin
    return found


def _take(name):
    # Tests must not see, or pass on, what is meant for the reporter.
    return os.environ.pop(name, "")


def _telling(text, which):
    """Returns the first (0) or last (-1) line that names an error."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("E ") or "Error" in line]
    line = (telling or lines or ["unknown"])[which]
    return line[2:].strip()[:300] if line.startswith("E ") else line[:300]


class Report:
    """Outcomes by canonical id, in the order the tests began."""

    def __init__(self):
        self.started = time.monotonic()
        self.path = _take("FACTORY_REPORT")
        self.tree = os.path.realpath(_take("FACTORY_TREE"))
        self.prefix = _take("FACTORY_PREFIX")
        self.packages = [name for name in _take("FACTORY_PACKAGES").split(",") if name]
        only = _take("FACTORY_ONLY")
        self.only = None
        if only:
            with open(only, encoding="utf-8") as file:
                self.only = set(json.load(file))
        expected = _take("FACTORY_STOP")
        self.expected = None
        if expected:
            with open(expected, encoding="utf-8") as file:
                self.expected = set(json.load(file))
        self.cases = {}
        self.reasons = {}
        self.errors = []
        # Opened now: a test that changes folder, limits or the environment changes nothing here. A
        # worker, which inherits nothing that was taken, reports nothing.
        self.file = open(self.path, "a", encoding="utf-8") if self.path else None
        self.owner = os.getpid()

    def canonical(self, raw):
        """Returns an id that is the same in every run and in every tree."""
        raw = raw.replace(self.tree, "TREE")
        temporary = os.environ.get("TMPDIR")
        if temporary:
            raw = raw.replace(os.path.realpath(temporary), "TMP").replace(temporary, "TMP")
        for pattern, stands in _UNSTABLE:
            raw = pattern.sub(stands, raw)
        raw = _without_now(raw)
        return self.prefix + raw.encode("unicode_escape").decode("ascii")

    def begin(self, case):
        self._write({"kind": "begin", "id": case})

    def end(self, case, outcome, seconds):
        """Adds a phase of a test; the worst outcome stays, seconds add up."""
        worst = {"passed": 0, "skipped": 1, "failed": 2}
        before, spent = self.cases.get(case, ("passed", 0.0))
        if worst[before] > worst[outcome]:
            outcome = before
        self.cases[case] = (outcome, spent + seconds)

    def reason(self, case, text):
        """Notes in one line why a test failed; the first reason stays."""
        self.reasons.setdefault(case, _telling(text, 0))

    def is_surprise(self, case, outcome):
        """Returns whether this failure tells all that is asked of the run."""
        return self.expected is not None and outcome == "failed" and case not in self.expected

    def error(self, where, text):
        """Notes what could not be collected."""
        self.errors.append({"where": where, "message": _telling(text, -1)})

    def finish(self, status):
        if self.file is None or os.getpid() != self.owner or self.file.closed:
            return
        for case, (outcome, seconds) in self.cases.items():
            line = {"kind": "case", "id": case, "outcome": outcome, "seconds": seconds}
            if outcome == "failed" and case in self.reasons:
                line["reason"] = self.reasons[case]
            self._write(line)
        for error in self.errors:
            self._write({"kind": "error", **error})
        self._write({
            "kind": "end",
            "cases": len(self.cases),
            "status": int(status),
            "origins": imported(self.packages),
            "installed": _installed(self.packages, self.tree),
            "tree": self.tree,
            "seconds": time.monotonic() - self.started,
        })
        self.file.close()

    def _write(self, document):
        if self.file is not None and os.getpid() == self.owner:
            self.file.write(json.dumps(document) + "\n")
            self.file.flush()
