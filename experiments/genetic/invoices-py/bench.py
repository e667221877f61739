import time

from invoices import overdue, totals

CODES = ["EUR"] + [f"C{number:02}" for number in range(7)]
RATES = [(CODES[at], CODES[at - 1], 0.9) for at in range(1, len(CODES))]
INVOICES = [
    {
        "id": number * 7919 % 20011,
        "customer": f"customer {number * 31 % 97}",
        "amount": number % 500,
        "currency": CODES[number % len(CODES)],
        "due": number % 60,
        "paid": number % 3 == 0,
    }
    for number in range(6000)
]

start = time.perf_counter()
totals(INVOICES, RATES)
overdue(INVOICES, 30)
print(f"METRIC work_ms={1000 * (time.perf_counter() - start):.4f}")
