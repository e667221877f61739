#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "orders.h"

enum { COUNT = 64000, SIZE = 1600 };

int main(void) {
    unsigned *numbers = malloc(COUNT * sizeof *numbers);
    unsigned state = 42;
    for (size_t i = 0; i < COUNT; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = state >> 12;
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t bad = bad_batches(numbers, COUNT, SIZE);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ms = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
    fprintf(stderr, "%zu bad batches\n", bad);
    printf("METRIC check_ms=%.4f\n", ms);
    free(numbers);
    return 0;
}
