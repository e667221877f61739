"""Watches one card for a day, and blocks it when there is too much that is suspicious."""

import tomllib
from pathlib import Path

LIMITS = tomllib.loads(Path(__file__).with_name("limits.toml").read_text())["limits"]


class Watch:
    """What a card was used for today."""

    def __init__(self):
        self.total = 0.0
        self.count = 0

    def blocks(self, amount, is_night):
        """Returns whether this payment is refused, and the card blocked."""
        self.total += amount
        self.count += 1
        suspicion = (
            amount / LIMITS["payment"]
            + self.total / LIMITS["day"]
            + self.count / LIMITS["count"]
            + LIMITS["night"] * is_night
        )
        return suspicion > 1.0
