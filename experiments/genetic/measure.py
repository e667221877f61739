"""Runs genetic improvement on the slow paths beside this file and prints what it found.

usage: measure.py FACTORY [FOLDER...]

Installs nothing and changes nothing here: every project is copied, and the copy goes away. Exits with 1
where no patch was kept, or where a kept one is not faster.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECTS = ["invoices-py", "samples-rs", "duplicates-c"]
RUNS = 15


def git(folder, *args):
    identity = ["-c", "user.name=measure", "-c", "user.email=measure@localhost"]
    command = ["git", *identity, *args]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commands(folder):
    text = (folder / "factory.toml").read_text()
    return re.search(r'^run = "(.*)"', text, re.M)[1], re.search(r'^metric = "(.*)"', text, re.M)[1]


def value(folder, build):
    run, metric = commands(folder)
    env = dict(os.environ, FACTORY_BUILD_DIR=str(build), CARGO_TARGET_DIR=str(build))
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(run, shell=True, cwd=folder, env=env, check=True, capture_output=True)
    return float(re.search(rf"METRIC {metric}=(\S+)", done.stdout.decode())[1])


def speed_up(target, scratch):
    """Returns how many times faster the landing branch is, by runs in turn."""
    arms = []
    for name, revision in [("before", "HEAD"), ("after", "factory/best")]:
        git(target, "worktree", "add", "--detach", str(scratch / name), revision)
        arms.append((scratch / name, scratch / f"{name}.build"))
        arms[-1][1].mkdir()
        value(*arms[-1])
    ratios = [value(*arms[0]) / value(*arms[1]) for _ in range(RUNS)]
    return statistics.median(ratios)


def measure(factory, name):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        target = scratch / name
        shutil.copytree(HERE / name, target)
        git(target, "init", "--quiet")
        git(target, "add", "--all")
        git(target, "commit", "--quiet", "--message", "Begin")
        env = dict(os.environ, FACTORY_HOME=str(scratch / "home"))
        env["FACTORY_SCRATCH"] = str(scratch / "scratch")
        words = [factory, "ceo", str(target), "--focus", "genetic", "--headless", "--json"]
        words += ["--config", "report.mutants=1"]
        done = subprocess.run(words, env=env, capture_output=True, text=True)
        document = json.loads(done.stdout)
        experiment = document["experiments"][0]
        kept = experiment["verdict"] == "keep"
        told = " ".join(experiment["reasons"])
        if kept:
            told = " ".join(git(target, "log", "-1", "--format=%B", "factory/best").split())
        tried = re.search(r"(\d+) patches of .*? tried in (\d+) s", told)
        hourly = 3600 * int(tried[1]) / max(1, int(tried[2])) if tried else 0
        faster = speed_up(target, scratch) if kept else 1.0
        what = git(target, "log", "-1", "--format=%s", "factory/best").strip() if kept else told
        print(f"| {name} | {experiment['verdict']} | {tried[1] if tried else '-'} | {hourly:.0f} "
              f"| {faster:.2f} | {what} |", flush=True)
        return kept and faster > 1.0


def main():
    factory, *names = sys.argv[1:]
    print("| project | verdict | patches tried | in an hour | times faster | what |")
    print("|---|---|---|---|---|---|", flush=True)
    held = [measure(str(Path(factory).resolve()), name) for name in names or PROJECTS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
