"""Compares the first report on a large package with three runs of its suite by hand.

Usage: python evals/peers/first_report.py FACTORY PACKAGE PYTHON

PACKAGE is a folder with published sources, PYTHON an interpreter with pytest and what the tests need. The
suite runs once in a copy to fill the caches, then three times, with one first report in between. Exits
with 1 where the report takes more than two minutes longer than the three runs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from arm import copies

ALLOWED = 120


def seconds(line, folder, env):
    since = time.monotonic()
    run = subprocess.run(line, cwd=folder, env=env, capture_output=True, text=True)
    return time.monotonic() - since, run.stdout


def lines_of(folder):
    listed = subprocess.run(["git", "ls-files", "*.py", "*.rs"], cwd=folder, capture_output=True, text=True)
    total = 0
    for path in listed.stdout.splitlines():
        with open(os.path.join(folder, path), "rb") as source:
            total += sum(1 for _ in source)
    return total


def main():
    factory, package, python = (os.path.abspath(it) for it in sys.argv[1:4])
    suite = [python, "-m", "pytest", "-q"]
    with tempfile.TemporaryDirectory() as scratch:
        checkout, target = copies(package, python, scratch, skipped=[])
        env = dict(os.environ, FACTORY_HOME=f"{scratch}/home", FACTORY_SCRATCH=f"{scratch}/scratch")
        seconds(suite, checkout, env)
        runs = [seconds(suite, checkout, env)[0]]
        took, told = seconds([factory, "report", "--json"], target, env)
        runs += [seconds(suite, checkout, env)[0] for _ in range(2)]
        report = json.loads(told)
        print(f"{os.path.basename(package)}: {lines_of(target)} lines, {report['tests']} tests")
        print(f"three runs of the suite {sum(runs):.1f} s ({', '.join(f'{it:.1f}' for it in runs)})")
        print(f"first report {took:.1f} s, limit {sum(runs) + ALLOWED:.1f} s; {report['suite_runs']} runs of "
              f"the suite in it, {report['mutants_run']} mutants")
        return took > sum(runs) + ALLOWED


if __name__ == "__main__":
    sys.exit(main())
