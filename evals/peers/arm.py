"""Compares one arm of an experiment with the same tests in the person's checkout, after the same edit.

Usage: python evals/peers/arm.py FACTORY FOLDER [NAME...]

FOLDER holds the packages that arm.toml names. The same file gets the same harmless edit in two copies of
a package; then the command runs in one and `factory eval` in the other, suite alone, each warm, in turn.
An arm is what a run evaluates again and again: the seconds that the evaluation itself tells. What `factory
eval` needs beside it (start, detection, the prepare step) a run pays once, and stands in a column of its
own. Prints a table of medians; exits with 1 where the median ratio of the arms is above 1.3.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

ROUNDS = 5
LIMIT = 1.3
SKIPPED = ["lint", "types", "coverage", "config", "capability", "observability"]
# Of a comment alone Go knows that no result can change, and runs no test: there a variable is added.
EDITS = {".py": "# {n}", ".rs": "// {n}", ".js": "// {n}", ".ts": "// {n}", ".go": "var addedByArm{n} = {n}"}
LEFT_OUT = [".git", ".factory", "target", ".cache", ".pytest_cache", "__pycache__"]


def git(where, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=where, check=True, capture_output=True)


def copies(package, python, scratch, skipped=SKIPPED):
    """Returns the checkout and the folder that factory looks at, both the published sources."""
    folders = []
    for name in ("checkout", "target"):
        folder = os.path.join(scratch, name, os.path.basename(package))
        shutil.copytree(package, folder, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        with open(os.path.join(folder, "factory.toml"), "w") as profile:
            profile.write(f"[eval]\nskip = {json.dumps(skipped)}\n[commands]\npython = {json.dumps(python)}\n")
        with open(os.path.join(folder, ".gitignore"), "a") as ignored:
            ignored.write("\nnode_modules\n__pycache__\n.pytest_cache\ntarget\n")
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "As published")
        folders.append(folder)
    return folders


def edit(folder, file, number):
    path = os.path.join(folder, file)
    with open(path, "a") as source:
        source.write("\n" + EDITS[os.path.splitext(file)[1]].format(n=number) + "\n")


def timed(line, folder, env):
    since = time.monotonic()
    run = subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    return time.monotonic() - since, run


def theirs_once(line, folder, env):
    took, run = timed(line, folder, env)
    if run.returncode:
        sys.exit(f"`{line}` failed in {folder}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return took


def ours_once(factory, folder, env):
    """Returns the seconds of the arm and of the whole command."""
    took, run = timed(f"{factory} eval --worktree --json", folder, env)
    if run.returncode not in (0, 9):
        sys.exit(f"`factory eval` failed in {folder}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    told = json.loads(run.stdout)
    passed = [it for it in told["tests"]["cases"] if it["outcome"] == "passed"]
    if not passed:
        sys.exit(f"no test passes in {folder}")
    return told["seconds"], took


def compare(factory, package, python, command, file):
    with tempfile.TemporaryDirectory() as scratch:
        checkout, target = copies(package, python, scratch)
        env = dict(os.environ, FACTORY_HOME=f"{scratch}/home", FACTORY_SCRATCH=f"{scratch}/scratch")
        rows = []
        for number in range(ROUNDS + 1):
            edit(checkout, file, number)
            edit(target, file, number)
            rows.append((theirs_once(command, checkout, env), *ours_once(factory, target, env)))
        # The first round fills the caches.
        return [statistics.median(column) for column in zip(*rows[1:])]


def main():
    factory, folder, names = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    python = os.path.join(folder, ".venv", "bin", "python")
    with open(os.path.join(os.path.dirname(__file__), "arm.toml"), "rb") as listed:
        packages = tomllib.load(listed)["package"]
    packages = [it for it in packages if not names or it["name"] in names]
    print("| package | command | theirs | an arm | ratio | whole `factory eval` | ratio |")
    print("|---|---|---|---|---|---|---|")
    ratios, wholes = [], []
    for it in packages:
        command = it["command"].replace("{python}", python)
        place = os.path.join(folder, it["name"])
        theirs, arm, whole = compare(factory, place, python, command, it["edit"])
        ratios.append(arm / theirs)
        wholes.append(whole / theirs)
        shown = it["command"].replace("{python}", "python")
        row = [it["name"], f"`{shown}`", f"{theirs:.2f}", f"{arm:.2f}", f"{arm / theirs:.2f}"]
        print("|", " | ".join([*row, f"{whole:.2f}", f"{whole / theirs:.2f}"]), "|", flush=True)
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, limit {LIMIT}; of the whole command {statistics.median(wholes):.2f}")
    return median > LIMIT


if __name__ == "__main__":
    sys.exit(main())
