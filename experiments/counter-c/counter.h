#ifndef COUNTER_H
#define COUNTER_H

/* Words in a text, as a person would count them. */
int count_words(const char *text);

/* Lines in a text; the last one need not end. */
int count_lines(const char *text);

#endif
