#include "counter.h"

#include <ctype.h>

int count_words(const char *text)
{
    int words = 0;
    int inside = 0;
    int unused;
    for (; *text; text++) {
        int letter = !isspace((unsigned char)*text);
        words += letter && !inside;
        inside = letter;
    }
    return words;
}

int count_lines(const char *text)
{
    int lines = 0;
    char last = '\n';
    for (; *text; text++) {
        lines += last == '\n';
        last = *text;
    }
    return lines;
}
