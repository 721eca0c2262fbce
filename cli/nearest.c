/* What a mistyped word may have meant: declared in options.h. Pure. */
#include <string.h>

#include "cli/options.h"

static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(b);
    unsigned row[64];
    if (n >= 63 || strlen(a) >= 63)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            diagonal = row[j];
            unsigned shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[n];
}

const char *options_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t len = strlen(word);
    unsigned best = len > 2 ? 3 : 2; /* of a letter or two, almost anything is but two changes away */
    if (len < 2)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strncmp(words[i], word, len) == 0)
            return words[i];
        unsigned d = distance(word, words[i]);
        if (d < best) {
            best = d;
            nearest = words[i];
        }
    }
    return nearest;
}
