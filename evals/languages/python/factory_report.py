"""Writes what a test runner did as JSON lines, outside the tree. Shared by both runners."""

import json
import os
import re
import sys
import time

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


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
        # Opened now: a test that changes folder, limits or the environment changes nothing here.
        self.file = open(self.path, "a", encoding="utf-8")
        self.owner = os.getpid()

    def canonical(self, raw):
        """Returns an id that is the same in every run and in every tree."""
        raw = raw.replace(self.tree, "TREE")
        temporary = os.environ.get("TMPDIR")
        if temporary:
            raw = raw.replace(os.path.realpath(temporary), "TMP").replace(temporary, "TMP")
        raw = _ADDRESS.sub("0x", raw)
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

    def origins(self):
        """Returns the file of each imported package that has a namesake in the tree."""
        found = {}
        for name in self.packages:
            module = sys.modules.get(name)
            file = getattr(module, "__file__", None)
            if not file:
                paths = list(getattr(module, "__path__", None) or [])
                file = paths[0] if paths else None
            if file:
                found[name] = os.path.realpath(file)
        return found

    def finish(self, status):
        if os.getpid() != self.owner or self.file.closed:
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
            "origins": self.origins(),
            "tree": self.tree,
            "seconds": time.monotonic() - self.started,
        })
        self.file.close()

    def _write(self, document):
        if os.getpid() == self.owner:
            self.file.write(json.dumps(document) + "\n")
            self.file.flush()
