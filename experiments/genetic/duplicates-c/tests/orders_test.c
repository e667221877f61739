#include <stdio.h>

#include "../orders.h"

static int number = 0;

static void check(int holds, const char *name) {
    printf("%s %d - %s\n", holds ? "ok" : "not ok", ++number, name);
}

int main(void) {
    unsigned none[] = {1, 2, 3, 4};
    unsigned first[] = {7, 7, 1, 2};
    unsigned last[] = {1, 2, 9, 9};
    unsigned ends[] = {5, 1, 2, 5};
    unsigned several[] = {1, 1, 2, 3, 4, 4, 5, 6, 7, 8};
    check(has_twice(none, 4) == 0, "different numbers are not twice");
    check(has_twice(first, 4) == 1, "two at the beginning");
    check(has_twice(last, 4) == 1, "two at the end");
    check(has_twice(ends, 4) == 1, "two at the ends");
    check(has_twice(none, 0) == 0, "nothing is twice among nothing");
    check(bad_batches(several, 10, 2) == 2, "batches are checked one by one");
    check(bad_batches(several, 10, 3) == 2, "a last batch that is not full does not count");
    printf("1..%d\n", number);
    return 0;
}
