//! Searches with real interpreters and compilers, on counts that do not vary. Each ends when it has settled,
//! long before its time is up on any machine.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

use super::improve;
use crate::agent::{BuildInput, Error};
use crate::config::{Commands, Profile};
use crate::eval::Lab;
use crate::mechanic::draft;
use crate::mechanic::fixtures::{Dir, lab};
use crate::model::profile::{Detection, DirectoryState};
use crate::process::find_program;
use crate::toolchain::adapters_of;

const SHOP: &str = "\
\"\"\"A shop.\"\"\"


def totals(rows):
    \"\"\"Adds up each row.\"\"\"
    found = []
    for row in rows:
        ordered = sorted(rows)
        found.append(sum(row))
    return found


def names(rows):
    \"\"\"Nobody tests this.\"\"\"
    ordered = sorted(rows)
    return [str(row) for row in rows]
";

/// Counts comparisons: a number that does not depend on the machine.
const BENCH: &str = "\
import shop

count = 0


class Row(list):
    def __lt__(self, other):
        global count
        count += 1
        return list.__lt__(self, other)


rows = [Row([n * 7 % 50, n]) for n in range(50)]
shop.totals(rows)
for _ in range(50):
    shop.names(rows)
print(f'METRIC comparisons={count}')
";

const TESTS: &str = "\
import unittest

import shop


class TotalsTest(unittest.TestCase):
    def test_rows(self):
        self.assertEqual(shop.totals([[1, 2], [3]]), [3, 3])
        self.assertEqual(len(shop.names([])), 0)
";

const PROFILE: &str = "\
[scope]
mutable = ['shop.py']
fixed = ['bench.py']

[[metric]]
name = 'comparisons'
run = 'python3 bench.py'
direction = 'minimize'

[research]
objective = 'fewer comparisons'
metric = 'comparisons'
direction = 'minimize'
run = 'python3 bench.py'
mutable = ['shop.py']

[research.genetic]
seconds = 500
population = 1
";

fn lab_of(dir: &Dir, files: &[(&str, &str)], profile: &str) -> Lab {
    let profile: Profile = toml::from_str(profile).unwrap();
    let adapters = adapters_of(&profile);
    let paths: Vec<Utf8PathBuf> = files.iter().map(|it| it.0.into()).collect();
    let mut detection = Detection {
        schema: "factory.detect/1".to_owned(),
        root: dir.tree.clone(),
        state: DirectoryState::Codebase,
        languages: Vec::new(),
        tools: Vec::new(),
        extensions: BTreeMap::new(),
    };
    for adapter in &adapters {
        let (projects, tools) = adapter.detect(&dir.tree, &paths, &Commands::default());
        detection.languages.extend(projects);
        detection.tools.extend(tools);
    }
    let mut lab = lab(&dir.base, detection, adapters);
    lab.profile = profile;
    lab
}

async fn improved(dir: &Dir, lab: &Lab, seed: u64) -> Result<super::Improvement, Error> {
    improved_within(dir, lab, seed, None).await
}

async fn improved_within(
    dir: &Dir,
    lab: &Lab,
    seed: u64,
    time_left: Option<Duration>,
) -> Result<super::Improvement, Error> {
    let metric = &lab.profile.metrics[0];
    let hypothesis = draft::edits(&metric.name, seed, 1, 1);
    let input = BuildInput {
        hypothesis: &hypothesis,
        variant: None,
        dir: &dir.tree,
        incumbent: &dir.tree,
        lab,
        cancel: &CancellationToken::new(),
        time_left,
        progress: &|_| {},
    };
    improve(&input, metric, seed).await
}

#[tokio::test]
async fn a_needless_statement_is_found_where_a_test_watches_and_nowhere_else() {
    let files = [
        ("shop.py", SHOP),
        ("bench.py", BENCH),
        ("test_shop.py", TESTS),
    ];
    let dir = Dir::new(&files);
    let mut lab = lab_of(&dir, &files, PROFILE);
    let found = improved(&dir, &lab, 1).await.unwrap();
    let text = &found.texts[camino::Utf8Path::new("shop.py")];
    let (totals, names) = text.split_once("def names").unwrap();
    assert!(!totals.contains("sorted"), "{text}");
    assert_eq!(names, SHOP.split_once("def names").unwrap().1);
    assert_eq!(found.subject, "Delete `ordered = sorted(rows)` in totals");
    assert!(
        found.body.contains("at shop.py:8 in totals"),
        "{}",
        found.body
    );
    assert!(
        found
            .body
            .contains("no test notices a mutant: shop.py:names"),
        "{}",
        found.body
    );
    assert_eq!(dir.read("shop.py"), SHOP, "the tree itself is not changed");
    assert!(!lab.builds.join("variants-mutants.tree").exists());

    // What was a candidate once is no candidate again, and nothing is tried twice.
    let cache = lab.cache.join("variants");
    let record = || {
        let folder = cache.read_dir_utf8().unwrap();
        let texts = folder.map(|it| fs_err::read_to_string(it.unwrap().path()).unwrap());
        texts.collect::<String>()
    };
    let before = record();
    let research = lab.profile.research.as_mut();
    research.unwrap().genetic.seconds = 1;
    if let Ok(again) = improved(&dir, &lab, 2).await {
        assert_ne!(again.texts, found.texts);
    }
    assert!(record().starts_with(&before));
    let mut patches: Vec<String> = record()
        .lines()
        .filter(|it| it.contains("broken") || it.contains("noticed\""))
        .map(str::to_owned)
        .collect();
    let n_patches = patches.len();
    patches.sort();
    patches.dedup();
    assert_eq!(patches.len(), n_patches);
}

#[tokio::test]
async fn a_search_that_the_budget_cuts_off_is_no_verdict_on_the_code() {
    let files = [
        ("shop.py", SHOP),
        ("bench.py", BENCH),
        ("test_shop.py", TESTS),
    ];
    let dir = Dir::new(&files);
    let lab = lab_of(&dir, &files, PROFILE);
    let cut = improved_within(&dir, &lab, 1, Some(Duration::ZERO)).await;
    let Err(Error::OutOfTime(why)) = cut else {
        panic!("a search without time ended otherwise");
    };
    assert!(why.contains("the next search goes on"), "{why}");
}

#[tokio::test]
async fn a_suite_that_notices_nothing_leaves_nothing_to_edit() {
    let blind = TESTS.replace(
        "self.assertEqual(shop.totals([[1, 2], [3]]), [3, 3])",
        "pass",
    );
    let files = [
        ("shop.py", SHOP),
        ("bench.py", BENCH),
        ("test_shop.py", &blind),
    ];
    let dir = Dir::new(&files);
    let lab = lab_of(&dir, &files, PROFILE);
    let Err(Error::NothingDelivered(why)) = improved(&dir, &lab, 1).await else {
        panic!("an unwatched function was edited");
    };
    assert!(why.contains("no test noticed any of up to 8"), "{why}");
    assert!(why.contains("shop.py:totals"), "{why}");
}

const LOOP: &str = "\
#include <stdio.h>
#include <stdlib.h>

int has_twice(const int *values, int n, long *looks) {
    int found = 0;
    for (int i = 0; i < n; i++) {
        for (int j = i + 1; j < n; j++) {
            ++*looks;
            if (values[i] == values[j]) {
                found = 1;
            }
        }
    }
    return found;
}

int main(int n_args, char **args) {
    int values[200];
    long looks = 0;
    for (int i = 0; i < 200; i++) {
        values[i] = n_args > 2 ? i : i % 100;
    }
    int found = has_twice(values, 200, &looks);
    if (n_args > 1) {
        printf(\"%d\\n\", found);
        return found != atoi(args[1]);
    }
    printf(\"METRIC looks=%ld\\n\", looks);
    return 0;
}
";

const C_PROFILE: &str = "\
[scope]
mutable = ['*.c']

[[language]]
name = 'c'
extensions = ['c']
build = 'cc -o $FACTORY_BUILD_DIR/twice twice.c'
test = 'cc -o $FACTORY_BUILD_DIR/twice twice.c && $FACTORY_BUILD_DIR/twice 1 && $FACTORY_BUILD_DIR/twice 0 different'

[[metric]]
name = 'looks'
build = 'cc -o $FACTORY_BUILD_DIR/twice twice.c'
run = '$FACTORY_BUILD_DIR/twice'
direction = 'minimize'

[research]
objective = 'fewer looks'
metric = 'looks'
direction = 'minimize'
run = '$FACTORY_BUILD_DIR/twice'
mutable = ['*.c']

[research.genetic]
seconds = 500
population = 1
";

#[tokio::test]
async fn a_loop_in_c_is_left_when_the_answer_is_known() {
    if find_program("cc").is_none() {
        return;
    }
    let files = [("twice.c", LOOP)];
    let dir = Dir::new(&files);
    let lab = lab_of(&dir, &files, C_PROFILE);
    let found = improved(&dir, &lab, 1).await.unwrap();
    let text = &found.texts[camino::Utf8Path::new("twice.c")];
    assert_ne!(text, LOOP);
    assert!(found.body.contains("at twice.c:"), "{}", found.body);
}
