"""Tells what kind of line a text is: naive Bayes over pieces of its characters."""

import math
import tomllib
from collections import Counter
from pathlib import Path

SETTINGS = tomllib.loads(Path(__file__).with_name("settings.toml").read_text())["classifier"]


class Classifier:
    """Learns from lines whose kind is known; tells the kind of others."""

    def __init__(self, known):
        self.counts = {}
        self.lines = Counter()
        for record in known:
            kind = record["kind"]
            self.lines[kind] += 1
            self.counts.setdefault(kind, Counter()).update(self.pieces(record["text"]))
        seen = Counter()
        for counts in self.counts.values():
            seen.update(counts)
        self.vocabulary = {it for it, n in seen.items() if n >= SETTINGS["least_count"]}
        self.totals = {
            kind: sum(n for it, n in counts.items() if it in self.vocabulary)
            for kind, counts in self.counts.items()
        }

    def pieces(self, text):
        """Returns the pieces of a text, each as often as it is there."""
        if SETTINGS["fold_case"]:
            text = text.lower()
        if SETTINGS["fold_digits"]:
            text = "".join("0" if it.isdigit() else it for it in text)
        if SETTINGS["mark_ends"]:
            text = f"\x02{text}\x03"
        for length in range(SETTINGS["shortest"], SETTINGS["shortest"] + SETTINGS["spread"] + 1):
            for start in range(len(text) - length + 1):
                yield text[start : start + length]

    def classify(self, record):
        """Returns every kind with how well it fits, best first."""
        pieces = [it for it in self.pieces(record["text"]) if it in self.vocabulary]
        smoothing = SETTINGS["smoothing"]
        n_lines = sum(self.lines.values())
        scores = []
        for kind, counts in self.counts.items():
            score = SETTINGS["prior"] * math.log(self.lines[kind] / n_lines)
            below = self.totals[kind] + smoothing * len(self.vocabulary)
            for piece in pieces:
                score += math.log((counts[piece] + smoothing) / below)
            scores.append((score / max(len(pieces), 1), kind))
        return sorted(((kind, score) for score, kind in scores), key=lambda it: -it[1])
