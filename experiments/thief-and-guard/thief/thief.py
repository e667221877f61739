"""Uses a stolen card as `plan.toml` says."""

import tomllib
from pathlib import Path

PLAN = tomllib.loads(Path(__file__).with_name("plan.toml").read_text())["plan"]


def payments(draw):
    """Returns the payments that are tried with one card, as (amount, is_night)."""
    return [payment(draw) for _ in range(PLAN["payments"])]


def payment(draw):
    """Returns one of them."""
    off = PLAN["spread"] * draw.uniform(-1.0, 1.0)
    return max(PLAN["amount"] * (1.0 + off), 1.0), draw.random() < PLAN["night"]
