"""Days at a bank: honest cards, stolen cards, and what the guard blocks. It is fixed."""

import random

from guard import guard
from thief import thief

HONEST = 600
# Cards that our thief stole, and cards of many others who each do as they please.
STOLEN = 30
STOLEN_BY_OTHERS = 60
# What it costs, in euros, when an honest card is blocked.
FALSE_ALARM = 25.0


def honest_day(draw):
    """Returns one honest card's payments as (amount, is_night)."""
    count = 1 + min(int(draw.expovariate(0.5)), 9)
    return [(draw.lognormvariate(3.2, 0.9), draw.random() < 0.12) for _ in range(count)]


def another_thief(draw):
    """Returns what some other thief tries with a card."""
    amount, night = draw.lognormvariate(4.2, 1.0), draw.random()
    count = 1 + min(int(draw.expovariate(0.12)), 29)
    return [(amount * draw.uniform(0.7, 1.3), draw.random() < night) for _ in range(count)]


def used_until_blocked(payments, owner=None):
    """Returns what was paid with a card, and whether the guard blocked it."""
    watch, paid = guard.Watch(), 0.0
    for amount, is_night in payments:
        if watch.blocks(amount, is_night):
            return paid, True
        paid += amount
        # The owner of a stolen card notices sooner by day.
        if owner and owner.random() < (0.05 if is_night else 0.20):
            break
    return paid, False


def stolen(who, cards, seed):
    """Returns what is taken with so many stolen cards."""
    taken = 0.0
    for card in range(cards):
        draw = random.Random(f"{seed} {who.__name__} {card}")
        owner = random.Random(f"{seed} owner {card}")
        taken += used_until_blocked(who(draw), owner)[0]
    return taken


def day(seed):
    """Returns what our thief took, what others did, and how many honest cards were blocked."""
    draw = random.Random(seed)
    alarms = sum(used_until_blocked(honest_day(draw))[1] for _ in range(HONEST))
    return (
        stolen(thief.payments, STOLEN, seed),
        stolen(another_thief, STOLEN_BY_OTHERS, seed),
        alarms,
    )
