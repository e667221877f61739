/* Prints the Test Anything Protocol. */
#include "../counter.h"

#include <stdio.h>

static int number = 0;
static int failed = 0;

static void check(const char *name, int found, int wanted)
{
    number++;
    failed += found != wanted;
    printf("%sok %d - %s\n", found == wanted ? "" : "not ", number, name);
}

int main(void)
{
    printf("1..5\n");
    check("no text has no words", count_words(""), 0);
    check("blanks part words", count_words(" a  bc\td\n"), 3);
    check("no text has no lines", count_lines(""), 0);
    check("the last line need not end", count_lines("a\nb"), 2);
    check("an empty line is a line", count_lines("\n\n"), 2);
    return failed != 0;
}
