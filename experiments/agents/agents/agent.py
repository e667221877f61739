"""A whole backend: it proposes one thing, builds it, and leaves the other roles to the mechanic."""

import json
import pathlib
import sys

TITLE = "Add the numbers up by the formula"
role = json.load(sys.stdin)["role"]
if role == "strategist":
    claim = {"kind": "moves", "metric": "steps"}
    answer = {"hypotheses": [{"title": TITLE, "why": "the loop takes a step for each", "claim": claim}]}
elif role == "builder":
    pathlib.Path("sum.sh").write_text('sum=$((100 * 101 / 2))\necho "METRIC steps=1"\necho "$sum"\n')
    answer = {"message": TITLE}
else:
    answer = {"declines": True}
json.dump(answer, sys.stdout)
