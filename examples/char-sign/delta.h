/* Delta coding of slowly changing readings: one byte a reading instead of two. */
#ifndef DELTA_H
#define DELTA_H

#include <stddef.h>
#include <stdint.h>

/* Codes `count` readings into `coded`, which has room for `count` + 1 bytes: the first reading in
 * two bytes, then what each adds to the one before it. Returns the number of bytes written, or 0
 * when two neighbours are more than 127 apart. */
size_t delta_encode(const int16_t *readings, size_t count, char *coded);

/* The opposite; `readings` has room for `size` - 1 of them. Returns their number. */
size_t delta_decode(const char *coded, size_t size, int16_t *readings);

#endif
