"""Runs the classifier on a file of lines, and prints the share that it tells right.

    python3 evaluate.py data/dev.jsonl

Writes results.jsonl: one line for each instance, with how it went and never what was right.
"""

import json
import sys
from pathlib import Path

from classifier import Classifier

HERE = Path(__file__).parent


def read(path):
    """Returns the records of a file."""
    return [json.loads(it) for it in Path(path).read_text().splitlines()]


def main(path):
    """Prints the number and writes the instances."""
    classifier = Classifier(read(HERE / "data/train.jsonl"))
    right = 0
    results = []
    records = read(path)
    for record in records:
        asked = {"id": record["id"], "text": record["text"]}
        (kind, best), (_, second), *_ = classifier.classify(asked)
        result = {"id": record["id"], "passed": kind == record["kind"]}
        right += result["passed"]
        if not result["passed"]:
            sure = "it was close to the second best" if best - second < 0.1 else "it was sure of that"
            result |= {"status": "wrong", "stage": f"lines taken for {kind}", "cause": sure}
        results.append(json.dumps(result))
    (HERE / "results.jsonl").write_text("\n".join(results) + "\n")
    print(f"METRIC accuracy={right / len(records):.6f}")


if __name__ == "__main__":
    main(sys.argv[1])
