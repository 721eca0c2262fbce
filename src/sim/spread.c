/* Numbers that are drawn: see spread.h. */
#include "sim/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A number and nothing after it. */
static bool read_number(const char *text, size_t len, double *out)
{
    char copy[32], *end = NULL;
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0' && *out >= 0 && *out < 1e9;
}

int spread_parse(const char *option, const char *text, struct spread *out, lh_error *err)
{
    static const char lognormal[] = "lognormal:";
    const char *from = text, *between = strstr(text, "..");
    size_t skip = 2;
    *out = (struct spread){0};
    if (strncmp(text, lognormal, sizeof lognormal - 1) == 0) {
        out->lognormal = true;
        from = text + sizeof lognormal - 1;
        between = strchr(from, ',');
        skip = 1;
    }
    bool ok = between != NULL ? read_number(from, (size_t)(between - from), &out->low) &&
                                    read_number(between + skip, strlen(between + skip), &out->high)
                              : !out->lognormal && read_number(from, strlen(from), &out->low);
    if (between == NULL)
        out->high = out->low;
    ok = ok && (out->lognormal ? out->low > 0 && out->high <= 5 : out->high >= out->low);
    return ok ? 0
              : lh_error_set(err, LH_EUSAGE,
                             "%s is \"%.40s\"; it must be N, LOW..HIGH or lognormal:MEDIAN,SIGMA", option,
                             text);
}

/* A normal deviate by Box and Muller. */
static double normal(struct random *random)
{
    double u = 1 - random_unit(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * random_unit(random));
}

static double draw_lognormal(const struct spread *s, struct random *random)
{
    return s->low * exp(s->high * normal(random));
}

int64_t spread_draw(const struct spread *s, struct random *random, int64_t most)
{
    double at = s->lognormal ? draw_lognormal(s, random) : s->low + (s->high - s->low) * random_unit(random);
    return at > (double)most ? most : (int64_t)at;
}

int64_t spread_draw_count(const struct spread *s, struct random *random, int64_t most)
{
    double low = ceil(s->low), high = floor(s->high);
    double at = s->lognormal ? round(draw_lognormal(s, random))
                : high > low ? low + (double)random_below(random, (uint64_t)(high - low) + 1)
                             : low;
    return at > (double)most ? most : at < 1 ? 1 : (int64_t)at;
}
