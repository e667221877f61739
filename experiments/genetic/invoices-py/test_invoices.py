import unittest

from invoices import overdue, rate_table, totals

RATES = [("USD", "EUR", 0.5), ("CAD", "USD", 0.5), ("MXN", "CAD", 0.5)]


def invoice(number, customer, amount, currency="EUR", due=5, paid=False):
    return {
        "id": number,
        "customer": customer,
        "amount": amount,
        "currency": currency,
        "due": due,
        "paid": paid,
    }


class RateTableTest(unittest.TestCase):
    def test_chains_are_resolved_whatever_their_order(self):
        self.assertEqual(rate_table(RATES)["MXN"], 0.125)
        self.assertEqual(rate_table(RATES[::-1])["MXN"], 0.125)
        self.assertEqual(rate_table([]), {"EUR": 1.0})


class TotalsTest(unittest.TestCase):
    def test_sums_by_customer_in_order(self):
        invoices = [
            invoice(1, "zoe", 10),
            invoice(2, "ann", 8, "USD"),
            invoice(3, "zoe", 16, "CAD"),
        ]
        self.assertEqual(totals(invoices, RATES), [("ann", 4.0), ("zoe", 14.0)])

    def test_no_invoices_have_no_totals(self):
        self.assertEqual(totals([], RATES), [])


class OverdueTest(unittest.TestCase):
    def test_only_what_is_late_and_open(self):
        invoices = [
            invoice(3, "a", 1, due=1),
            invoice(2, "a", 1, due=1, paid=True),
            invoice(1, "a", 1, due=4),
            invoice(4, "a", 1, due=5),
        ]
        self.assertEqual(overdue(invoices, 5), [1, 3])


if __name__ == "__main__":
    unittest.main()
