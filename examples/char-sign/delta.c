#include "delta.h"

size_t delta_encode(const int16_t *readings, size_t count, char *coded)
{
    if (count == 0)
        return 0;
    uint16_t first = (uint16_t)readings[0];
    coded[0] = (char)(first & 0xff);
    coded[1] = (char)(first >> 8);
    for (size_t i = 1; i < count; i++) {
        int step = readings[i] - readings[i - 1];
        if (step < -127 || step > 127)
            return 0;
        coded[i + 1] = (char)step;
    }
    return count + 1;
}

size_t delta_decode(const char *coded, size_t size, int16_t *readings)
{
    if (size < 2)
        return 0;
    uint16_t first = (uint16_t)((coded[0] & 0xff) | (coded[1] & 0xff) << 8);
    readings[0] = (int16_t)first;
    for (size_t i = 2; i < size; i++)
        readings[i - 1] = (int16_t)(readings[i - 2] + coded[i]);
    return size - 1;
}
