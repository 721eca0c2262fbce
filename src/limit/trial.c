/* Trials at a lower rate: see trial.h. */
#include "limit/trial.h"

enum {
    LEAST = 4, /* refusals that say: chance … */
    EXPECTED =
        12, /* … of so many to be expected, or it is not; a third, as the share before is a rough one */
    SPAN_MS = 10000,
    SPAN_MOST_MS = 3600 * 1000,
    SPAN_REFUSED = 8,
    SPAN_SHARE = 25, /* thousandths: less is not worth a trial */
};

void trial_begin(struct trial *t, int64_t first_serial, int64_t rate, int64_t share, bool was_open)
{
    *t = (struct trial){.is_on = true,
                        .was_open = was_open,
                        .rate = rate,
                        .share = share > 0 ? share : 1,
                        .first_serial = first_serial};
}

bool trial_refused(struct trial *t, int64_t serial)
{
    if (serial > t->refused_serial)
        t->refused_serial = serial;
    return ++t->refused >= LEAST;
}

bool trial_is_over(struct trial *t, int64_t now_ms, int64_t newest, int64_t stands_ms, int64_t *starts)
{
    if (t->mark_serial > 0 && now_ms - t->mark_ms < stands_ms)
        return false;
    *starts = t->mark_serial > 0 ? t->mark_serial - t->first_serial + 1 : 0;
    t->mark_serial = newest;
    t->mark_ms = now_ms;
    return *starts * t->share >= EXPECTED * 1000;
}

int64_t trial_starts(const struct trial *t)
{
    return t->refused_serial - t->first_serial + 1;
}

void span_init(struct span *s)
{
    *s = (struct span){.length_ms = SPAN_MS};
}

int64_t span_refused(struct span *s, int64_t now_ms, int64_t serial, int64_t newest, int64_t chance)
{
    if (s->first_serial == 0) {
        s->first_serial = serial;
        s->begin_ms = now_ms;
        s->refused = 0;
    }
    s->refused++;
    if (now_ms - s->begin_ms < s->length_ms)
        return 0;
    int64_t share = s->refused * 1000 / (newest - s->first_serial + 1);
    s->first_serial = 0;
    return s->refused >= SPAN_REFUSED && share >= SPAN_SHARE && share >= 10 + chance * 3 / 2 ? share : 0;
}

void span_double(struct span *s)
{
    s->length_ms = s->length_ms < SPAN_MOST_MS / 2 ? 2 * s->length_ms : SPAN_MOST_MS;
    s->first_serial = 0;
}
