"""Prints what the thief takes and what the guard loses, over a few days that are always the same."""

import bank

DAYS = 4


def main():
    """Prints both numbers, for an average day."""
    loot = cost = 0.0
    for seed in range(DAYS):
        ours, others, alarms = bank.day(seed)
        loot += ours / DAYS
        cost += (ours + others + bank.FALSE_ALARM * alarms) / DAYS
    print(f"METRIC loot={loot:.0f}")
    print(f"METRIC cost={cost:.0f}")


if __name__ == "__main__":
    main()
