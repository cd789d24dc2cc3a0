/* thermolog: packs temperatures, one a line in hundredths of a degree, and unpacks them again. */
#include <stdio.h>
#include <string.h>

#include "delta.h"

#define MOST 4096

static int pack(void)
{
    static int16_t readings[MOST];
    static char coded[MOST + 1];
    size_t count = 0;

    while (count < MOST && scanf("%hd", &readings[count]) == 1)
        count++;
    size_t size = delta_encode(readings, count, coded);
    if (count > 0 && size == 0) {
        fputs("thermolog: readings change too fast\n", stderr);
        return 1;
    }
    return fwrite(coded, 1, size, stdout) == size ? 0 : 1;
}

static int unpack(void)
{
    static char coded[MOST + 1];
    static int16_t readings[MOST];
    size_t count = delta_decode(coded, fread(coded, 1, sizeof coded, stdin), readings);

    for (size_t i = 0; i < count; i++)
        printf("%d\n", readings[i]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "pack") == 0)
        return pack();
    if (argc == 2 && strcmp(argv[1], "unpack") == 0)
        return unpack();
    fputs("usage: thermolog pack|unpack\n", stderr);
    return 2;
}
