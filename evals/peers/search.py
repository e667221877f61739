"""Compares the tuner's search with Optuna's TPE and CMA-ES on the problems of benches/search.

Run from the root of the repository: python evals/peers/search.py [seeds]
Exits with 1 where the search is, at the median, worse than the better of the two.
"""

import json
import subprocess
import sys

import numpy as np
import optuna

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
TRIALS = 100
WIDTHS = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
CENTRES = np.array(
    [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
)
HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])


def branin(x):
    a, b = x
    valley = b - 5.1 / (4 * np.pi**2) * a * a + 5 / np.pi * a - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


def hartmann(x):
    return -float((HEIGHTS * np.exp(-(WIDTHS * (x - CENTRES) ** 2).sum(1))).sum())


def rosenbrock(x):
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def ackley(x):
    n = len(x)
    squares, waves = (x * x).sum(), np.cos(2 * np.pi * x).sum()
    return float(-20 * np.exp(-0.2 * np.sqrt(squares / n)) - np.exp(waves / n) + 20 + np.e)


class Compressor:
    """The program of benches/search/compressor.rs, asked over a pipe."""

    NAMES = ["window", "table", "depth", "enough", "shortest"]
    RANGES = [(6, 16, False), (6, 16, False), (1, 256, True), (3, 256, True), (2, 12, False)]

    def __init__(self):
        self.child = subprocess.Popen([*BENCH, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, x):
        self.child.stdin.write(" ".join(str(int(it)) for it in x) + "\n")
        self.child.stdin.flush()
        return float(self.child.stdout.readline())

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def on_a_box(bounds):
    return lambda trial: [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(bounds)]


def of_program(trial):
    named = zip(Compressor.NAMES, Compressor.RANGES)
    return [trial.suggest_int(name, low, high, log=log) for name, (low, high, log) in named]


BENCH = ["cargo", "bench", "--quiet", "--bench", "search", "--"]
PROBLEMS = {
    "branin": (branin, on_a_box([(-5, 10), (0, 15)]), 1.0),
    "hartmann6": (hartmann, on_a_box([(0, 1)] * 6), 0.05),
    "rosenbrock10": (rosenbrock, on_a_box([(-2, 2)] * 10), 10.0),
    "ackley10": (ackley, on_a_box([(-32.768, 32.768)] * 10), 0.2),
}
SAMPLERS = {
    "TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "CMA-ES": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
}


def searched(problem, sampler, seed):
    """Returns the true cost at the best point that the sampler saw."""
    cost, suggest, noise = problem
    rng = np.random.default_rng(seed)

    def objective(trial):
        return cost(np.array(suggest(trial))) + noise * rng.standard_normal()

    study = optuna.create_study(sampler=sampler(seed))
    study.optimize(objective, n_trials=TRIALS)
    return cost(np.array(list(study.best_params.values())))


def ours():
    command = [*BENCH, "--seeds", str(SEEDS), "--trials", str(TRIALS)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    parsed = [json.loads(line) for line in lines if line.startswith("{")]
    return {it["function"]: it["values"] for it in parsed}


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = ours()
    program = Compressor()
    problems = PROBLEMS | {"compressor": (program, of_program, 0.02)}
    worse = []
    print(f"median (quartiles) of {SEEDS} seeds, {TRIALS} evaluations each")
    for name, problem in problems.items():
        columns = {"factory": found[name]}
        for sampler, make in SAMPLERS.items():
            columns[sampler] = [searched(problem, make, seed) for seed in range(SEEDS)]
        shown = {key: np.quantile(values, [0.5, 0.25, 0.75]) for key, values in columns.items()}
        cells = [f"{key} {median:.3f} ({low:.3f} to {high:.3f})" for key, (median, low, high) in shown.items()]
        print(f"{name:13} " + "   ".join(cells), flush=True)
        if shown["factory"][0] > min(shown["TPE"][0], shown["CMA-ES"][0]):
            worse.append(name)
    program.close()
    if worse:
        sys.exit(f"worse than the better of the two on: {', '.join(worse)}")


if __name__ == "__main__":
    main()
