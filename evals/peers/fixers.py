"""Times all safe fixers on a package whose suite takes a minute.

Usage: python evals/peers/fixers.py FACTORY PACKAGE PYTHON

A test that sleeps is added to a copy of the published sources, so that the suite takes a minute. Then
`factory ceo` runs until nothing is left to try. Tells what was kept, and how long that took after the
first report; exits with 1 where it is more than five minutes, or where an experiment was vetoed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from arm import copies, git

SUITE = 60
LIMIT = 300
SLOW = "import time\n\nimport pytest\n\n\n@pytest.mark.parametrize('second', range({n}))\ndef test_second(second):\n    time.sleep(1)\n"


def slow_down(target, python):
    """Adds seconds until the suite takes a minute; returns what it takes now."""
    suite = [python, "-m", "pytest", "-q"]
    subprocess.run(suite, cwd=target, capture_output=True)
    since = time.monotonic()
    subprocess.run(suite, cwd=target, capture_output=True)
    own = time.monotonic() - since
    missing = max(0, round(SUITE - own))
    tests = os.path.join(target, "tests")
    with open(os.path.join(tests if os.path.isdir(tests) else target, "test_minute.py"), "w") as test:
        test.write(SLOW.format(n=missing))
    git(target, "add", "-A")
    git(target, "commit", "-q", "-m", "Take a minute")
    return own + missing


def main():
    factory, package, python = (os.path.abspath(it) for it in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as scratch:
        _, target = copies(package, python, scratch, skipped=[])
        suite = slow_down(target, python)
        # What lints and measures coverage is found beside the interpreter.
        path = os.path.dirname(python) + os.pathsep + os.environ["PATH"]
        env = dict(os.environ, PATH=path, FACTORY_HOME=f"{scratch}/home", FACTORY_SCRATCH=f"{scratch}/scratch")
        line = [factory, "ceo", ".", "--headless", "--yes", "--seed", "1", "--json=events"]
        run = subprocess.Popen(line, cwd=target, env=env, stdout=subprocess.PIPE, text=True)
        reported, vetoed = None, 0
        for text in run.stdout:
            now, event = time.monotonic(), json.loads(text).get("what", {}).get("run", {})
            kind = event.get("event")
            if kind == "phase_finished" and event["phase"] == "first report":
                reported = now
            elif kind == "experiment_finished":
                vetoed += event["decision"]["verdict"] == "vetoed"
                print(f"{now - reported:6.0f} s after the first report: {event['decision']['verdict']}, "
                      f"{event.get('title', event.get('id'))}", flush=True)
        run.wait()
        if reported is None:
            sys.exit("there was no first report")
        took = time.monotonic() - reported
        print(f"{os.path.basename(package)}: suite {suite:.0f} s; all safe fixers {took:.0f} s after the first "
              f"report, limit {LIMIT} s, {vetoed} vetoed")
        return took > LIMIT or vetoed > 0


if __name__ == "__main__":
    sys.exit(main())
