"""Compares the archive's grouping of 1,000,000 experiments with pandas on the same Parquet file.

Run from the root of the repository: python evals/peers/archive.py
Exits with 1 where the archive takes more than 150 ms.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pandas as pd

LIMIT_MS = 150
RUNS = 15
BENCH = ["cargo", "bench", "--bench", "archive", "--"]
BENCH += ["--output-format", "bencher", "1,000,000"]
COLUMNS = ["category", "target", "verdict", "kept", "unkept", "effect", "shrunken"]
COLUMNS += ["evals", "metric_runs", "seconds", "tokens", "usd"]


def main():
    folder = pathlib.Path(os.environ.get("ARCHIVE_DIR") or tempfile.mkdtemp(prefix="archive-"))
    environment = {**os.environ, "ARCHIVE_DIR": str(folder)}
    ours = measured(subprocess.run(BENCH, env=environment, check=True, capture_output=True, text=True).stdout)
    files = sorted(folder.glob("*.parquet"))
    theirs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        table = grouped(files)
        theirs.append(1000 * (time.perf_counter() - start))
    size = sum(file.stat().st_size for file in files)
    print(f"{int(table['experiments'].sum()):,} experiments, {len(table)} groups, {size / 2**20:.0f} MiB of Parquet")
    print(f"{'':12}{'ms':>8}")
    print(f"{'factory':12}{ours:8.0f}  (median)")
    print(f"{'pandas':12}{sorted(theirs)[RUNS // 2]:8.0f}  (median; best {min(theirs):.0f})")
    print(json.dumps({"kept": int(table["kept"].sum()), "shrunken": round(float(table["shrunken"].mean()), 6)}))
    sys.exit(0 if ours <= LIMIT_MS else 1)


def measured(output):
    """Returns the milliseconds in a line of the bencher's format: `test X ... bench: 98,123,456 ns/iter (...)`."""
    line = next(line for line in output.splitlines() if "bench:" in line)
    return int(line.split("bench:")[1].split("ns/iter")[0].strip().replace(",", "")) / 1e6


def grouped(files):
    table = pd.concat([pd.read_parquet(file, columns=COLUMNS) for file in files], ignore_index=True)
    table["spurious"] = table["verdict"] == "spurious"
    groups = table.groupby(["category", "target"], observed=True)
    return groups.agg(
        experiments=("verdict", "size"),
        spurious=("spurious", "sum"),
        kept=("kept", "sum"),
        unkept=("unkept", "sum"),
        measured=("effect", "count"),
        raw=("effect", "mean"),
        n_shrunken=("shrunken", "count"),
        shrunken=("shrunken", "mean"),
        deviation=("shrunken", "std"),
        evals=("evals", "sum"),
        metric_runs=("metric_runs", "sum"),
        seconds=("seconds", "sum"),
        tokens=("tokens", "sum"),
        usd=("usd", "sum"),
    )


main()
