"""Compares one arm of an experiment with the same tests in the person's checkout, after the same edit.

Usage: python evals/peers/arm.py FACTORY PACKAGE:COMMAND:FILE...
for example: python evals/peers/arm.py target/release/factory "~/src/semver:cargo test:src/lib.rs"

Each package is a folder with the published sources. The same file gets the same harmless edit in two
copies; then the command runs in one and `factory eval` in the other, suite alone, each warm, in turn.
Prints the medians and their ratio; exits with 1 where the median ratio is above 1.3.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
LIMIT = 1.3
PROFILE = """[eval]
skip = ["lint", "types", "coverage", "config", "capability", "observability"]
"""
COMMENTS = {".py": "#", ".rs": "//", ".js": "//", ".ts": "//", ".go": "//"}


def git(where, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=where, check=True, capture_output=True)


def copies(package, scratch):
    """Returns the checkout and the folder that factory looks at, both the published sources."""
    folders = []
    for name in ("checkout", "target"):
        folder = os.path.join(scratch, name, os.path.basename(package))
        left_out = shutil.ignore_patterns(".git", ".factory", "target", "node_modules/.cache")
        shutil.copytree(package, folder, ignore=left_out, symlinks=True)
        with open(os.path.join(folder, "factory.toml"), "w") as profile:
            profile.write(PROFILE)
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "As published")
        folders.append(folder)
    return folders


def edit(folder, file, number):
    path = os.path.join(folder, file)
    with open(path, "a") as source:
        source.write(f"{COMMENTS[os.path.splitext(file)[1]]} {number}\n")


def seconds(line, folder, env):
    since = time.monotonic()
    run = subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True)
    took = time.monotonic() - since
    if run.returncode not in (0, 9):
        sys.exit(f"`{line}` failed in {folder}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return took


def compare(factory, package, command, file):
    with tempfile.TemporaryDirectory() as scratch:
        checkout, target = copies(package, scratch)
        env = dict(os.environ, FACTORY_HOME=f"{scratch}/home", FACTORY_SCRATCH=f"{scratch}/scratch")
        arm = f"{factory} eval --worktree --json"
        theirs, ours = [], []
        for number in range(ROUNDS + 1):
            for folder, line, times in ((checkout, command, theirs), (target, arm, ours)):
                edit(folder, file, number)
                took = seconds(line, folder, env)
                if number:  # the first run fills the caches
                    times.append(took)
        return statistics.median(theirs), statistics.median(ours)


def main():
    factory = os.path.abspath(sys.argv[1])
    ratios = []
    for word in sys.argv[2:]:
        package, command, file = word.split(":")
        package = os.path.abspath(os.path.expanduser(package))
        theirs, ours = compare(factory, package, command, file)
        ratios.append(ours / theirs)
        print(f"| {os.path.basename(package)} | `{command}` | {theirs:.2f} | {ours:.2f} | {ours / theirs:.2f} |", flush=True)
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, limit {LIMIT}")
    return median > LIMIT


sys.exit(main())
