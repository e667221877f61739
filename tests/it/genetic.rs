//! Genetic improvement, from `[research]` to a kept commit.

use crate::support::{TestEnv, ceo_with};

const SHOP: &str = "\
\"\"\"A shop.\"\"\"


def totals(rows):
    \"\"\"Adds up each row.\"\"\"
    found = []
    for row in rows:
        ordered = sorted(rows)
        found.append(sum(row))
    return found
";

/// Counts comparisons: a number that does not depend on how busy the machine is.
const BENCH: &str = "\
import shop

count = 2000


class Row(list):
    def __lt__(self, other):
        global count
        count += 1
        return list.__lt__(self, other)


shop.totals([Row([n * 7 % 50, n]) for n in range(50)])
print(f'METRIC comparisons={count}')
";

const TESTS: &str = "\
import unittest

import shop


class TotalsTest(unittest.TestCase):
    def test_rows(self):
        self.assertEqual(shop.totals([[1, 2], [3]]), [3, 3])
";

const PROFILE: &str = "\
[research]
objective = 'Add up with fewer comparisons.'
metric = 'comparisons'
direction = 'minimize'
run = 'python3 bench.py'
mutable = ['shop.py']
fixed = ['bench.py']

[research.genetic]
seconds = 500
population = 1
";

#[test]
fn research_finds_and_keeps_that_a_statement_is_not_needed() {
    let env = TestEnv::new();
    let files = [
        ("factory.toml", PROFILE),
        ("shop.py", SHOP),
        ("bench.py", BENCH),
        ("test_shop.py", TESTS),
    ];
    let repo = env.repo("shop", &files);
    let words = ceo_with(&["--mode", "research", "--cycles", "1"]);
    let document = repo.factory(&words).exits(0).json();
    let experiment = &document["experiments"][0];
    assert_eq!(experiment["verdict"], "keep", "{experiment:#}");
    assert_eq!(
        experiment["hypothesis"],
        "Edit functions by trial to improve comparisons"
    );
    let kept = repo.git(&["show", "factory/best:shop.py"]);
    assert!(!kept.contains("sorted"), "{kept}");
    let message = repo.git(&["log", "-1", "--format=%B", "factory/best"]);
    assert!(message.contains("at shop.py:8 in totals"), "{message}");
    assert_eq!(
        repo.git(&["diff", "HEAD", "factory/best", "--name-only"])
            .trim(),
        "shop.py"
    );
}
