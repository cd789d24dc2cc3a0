/* Each case sends readings through the coder and back, and expects the same readings. */
#include <stdio.h>

#include "delta.h"

#define MOST 8
#define LENGTH(array) (sizeof(array) / sizeof *(array))

static int survives(const char *name, const int16_t *readings, size_t count)
{
    char coded[MOST + 1];
    int16_t decoded[MOST];
    size_t size = delta_encode(readings, count, coded);

    if (delta_decode(coded, size, decoded) != count) {
        printf("FAIL  %s: not all readings came back\n", name);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (decoded[i] != readings[i]) {
            printf("FAIL  %s: reading %zu is %d, expected %d\n", name, i, decoded[i], readings[i]);
            return 0;
        }
    }
    printf("ok    %s\n", name);
    return 1;
}

int main(void)
{
    static const int16_t steady[] = {2150, 2150, 2150};
    static const int16_t warming[] = {2150, 2153, 2180, 2307};
    static const int16_t cooling[] = {2150, 2147, 2120, 1993};
    static const int16_t frost[] = {40, 0, -40, -35};
    int passed = 0;

    passed += survives("steady readings", steady, LENGTH(steady));
    passed += survives("rising readings", warming, LENGTH(warming));
    passed += survives("falling readings", cooling, LENGTH(cooling));
    passed += survives("readings below zero", frost, LENGTH(frost));
    printf("%d of 4 passed\n", passed);
    return passed == 4 ? 0 : 1;
}
