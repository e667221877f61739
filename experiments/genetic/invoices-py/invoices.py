"""Invoices in one currency."""


def rate_table(rates):
    """Returns what one unit of each currency is worth, chains of rates resolved."""
    table = {"EUR": 1.0}
    for _ in rates:
        for source, target, rate in rates:
            if target in table:
                table[source] = rate * table[target]
    return table


def totals(invoices, rates):
    """Returns the total of each customer in EUR, customers in order."""
    sums = {}
    for invoice in invoices:
        table = rate_table(rates)
        amount = invoice["amount"] * table[invoice["currency"]]
        customer = invoice["customer"]
        sums[customer] = sums.get(customer, 0.0) + amount
    return sorted(sums.items())


def overdue(invoices, today):
    """Returns the ids of what should have been paid, in order."""
    late = []
    for invoice in invoices:
        if invoice["due"] < today and not invoice["paid"]:
            late.append(invoice["id"])
    return sorted(late)
