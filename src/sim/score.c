/* The score of a client: see score.h. */
#include "sim/score.h"

enum { MINUTE_MS = 60000 };

void score_begin(struct score *s, int64_t now_ms)
{
    *s = (struct score){
        .begun = true, .begin_ms = now_ms, .at_ms = now_ms, .recent_ms = now_ms, .cell_ms = 1000};
}

static void sum_allowance(struct score_allowance *a, int64_t limit, int64_t ms)
{
    if (limit == 0 && ms > 0)
        a->unbounded = true;
    a->minute_ms += (__int128)limit * ms;
}

void score_advance(struct score *s, int64_t now_ms, int64_t outage_ms, int64_t rpm, int64_t tpm)
{
    int64_t ms = now_ms - s->at_ms - outage_ms;
    if (now_ms <= s->at_ms)
        return;
    sum_allowance(&s->requests, rpm, ms);
    sum_allowance(&s->tokens, tpm, ms);
    s->at_ms = now_ms;
}

/* ---- bursts ---- */

static void forget_old(struct score *s, int64_t now_ms)
{
    int64_t steps = now_ms - s->recent_ms;
    if (steps > SCORE_BURST_MS)
        steps = SCORE_BURST_MS;
    for (int64_t i = 1; i <= steps; i++) {
        int32_t *left = &s->recent[(now_ms - steps + i - s->begin_ms) % SCORE_BURST_MS];
        s->recent_sum -= *left;
        *left = 0;
    }
    s->recent_ms = now_ms;
}

static void count_burst(struct score *s, int64_t now_ms)
{
    forget_old(s, now_ms);
    s->recent[(now_ms - s->begin_ms) % SCORE_BURST_MS]++;
    if (++s->recent_sum > s->largest_burst)
        s->largest_burst = s->recent_sum;
}

/* ---- the series ---- */

static void halve(struct score *s)
{
    for (size_t i = 0; i < SCORE_CELLS / 2; i++) {
        const struct score_cell *a = &s->cells[2 * i], *b = a + 1;
        s->cells[i] =
            (struct score_cell){a->came + b->came, a->granted + b->granted, a->refused + b->refused};
    }
    for (size_t i = SCORE_CELLS / 2; i < SCORE_CELLS; i++)
        s->cells[i] = (struct score_cell){0};
    s->cell_ms *= 2;
}

static struct score_cell *cell_at(struct score *s, int64_t now_ms)
{
    while ((now_ms - s->begin_ms) / s->cell_ms >= SCORE_CELLS)
        halve(s);
    return &s->cells[(now_ms - s->begin_ms) / s->cell_ms];
}

/* ---- requests ---- */

void score_came(struct score *s, int64_t now_ms)
{
    count_burst(s, now_ms);
    cell_at(s, now_ms)->came++;
    if (s->told && now_ms >= s->told_ms + SCORE_TOLERANCE_MS && now_ms < s->until_ms - SCORE_TOLERANCE_MS)
        s->too_early++;
}

void score_granted(struct score *s, int64_t now_ms, int64_t tokens)
{
    s->granted_requests++;
    s->granted_tokens += tokens;
    cell_at(s, now_ms)->granted++;
}

void score_refused(struct score *s, int64_t now_ms)
{
    s->refused++;
    cell_at(s, now_ms)->refused++;
}

void score_in_outage(struct score *s)
{
    s->in_outage++;
}

/* A later telling that prolongs a wait does not make what comes during it less early. */
void score_told(struct score *s, int64_t told_ms, int64_t until_ms)
{
    if (s->told && until_ms <= s->until_ms)
        return;
    if (!s->told || told_ms >= s->until_ms)
        s->told_ms = told_ms;
    s->until_ms = until_ms;
    s->told = true;
}

int64_t score_allowance(const struct score_allowance *a)
{
    return a->unbounded ? -1 : (int64_t)(a->minute_ms / MINUTE_MS);
}

size_t score_cells(const struct score *s)
{
    if (!s->begun)
        return 0;
    int64_t cells = (s->at_ms - s->begin_ms) / s->cell_ms + 1;
    return cells < SCORE_CELLS ? (size_t)cells : SCORE_CELLS;
}
