#ifndef ORDERS_H
#define ORDERS_H

#include <stddef.h>

/* Returns whether some number stands twice among them. */
int has_twice(const unsigned *numbers, size_t count);

/* Returns how many batches, of so many numbers each, hold a number twice. */
size_t bad_batches(const unsigned *numbers, size_t count, size_t size);

#endif
