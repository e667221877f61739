#include "orders.h"

int has_twice(const unsigned *numbers, size_t count) {
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (numbers[i] == numbers[j]) {
                found = 1;
            }
        }
    }
    return found;
}

size_t bad_batches(const unsigned *numbers, size_t count, size_t size) {
    size_t bad = 0;
    for (size_t start = 0; start + size <= count; start += size) {
        if (has_twice(numbers + start, size)) {
            bad++;
        }
    }
    return bad;
}
