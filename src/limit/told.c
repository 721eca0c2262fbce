/* Limits that are told: see told.h. */
#include "limit/told.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    BELIEVED = 3,    /* readings in a row */
    MOST_CHANGE = 2, /* times, that one reading may change a limit by */
    SURE_USE = 50,   /* a fiftieth must be used, or resets are too coarse to infer a period from */
    /* Periods without a word of it, and ten minutes at least, after which a limit is forgotten. */
    SILENT_TIMES = 2,
    SILENT_LEAST_MS = 10 * MINUTE_MS,
    /* Others who share the limit. The figures are those of a sweep over four kinds of providers, 600 to 30,000 a minute. */
    OWN_LEAST = 50,    /* a fiftieth of the flow stays ours, whatever others use */
    FEEL_MS = 2000,    /* and two ages of the reading: over so long a time an excess is made up for */
    FADE_MS = 30000,   /* what is not felt any more fades so slowly, … */
    FADE_AGES = 8,     /* … and this many ages of a reading more, as answers come that much later, … */
    FADE_PART = 4,     /* … but faster by this where much remains */
    MUCH_PART = 8,     /* of the limit */
    MARK_MS = 1000,    /* what remained is compared over spans so long */
    MARK_PART = 20,    /* less than this part of the flow is noise */
    SETTLE_MS = 4000,  /* and two ages: over so long a time what was measured is taken up */
    RESERVE_MS = 1500, /* of what others use is left in the provider's bucket, and a quarter of the age */
    RESERVE_PART = 40, /* of the limit, at most */
};

void told_init(struct told *t, int64_t burst_ms, int64_t now_ms)
{
    *t = (struct told){.burst_ms = burst_ms,
                       .granted_at_s = now_ms / SECOND_MS,
                       .refused_ms = INT64_MIN,
                       .last_ms = INT64_MIN};
}

static int64_t rate_ready_at(const struct told *t, struct told_rate *r, int64_t now_ms, int64_t n)
{
    if (r->limit == 0)
        return now_ms;
    int64_t at = bucket_ready_at(&r->bucket, now_ms, n);
    if (r->agreed >= BELIEVED || at <= now_ms)
        return at;
    int64_t probe =
        t->last_ms != INT64_MIN && t->last_ms + SECOND_MS > now_ms ? t->last_ms + SECOND_MS : now_ms;
    return at < probe ? at : probe;
}

int64_t told_ready_at(struct told *t, int64_t now_ms, int64_t n)
{
    int64_t minute = rate_ready_at(t, &t->minute, now_ms, n), day = rate_ready_at(t, &t->day, now_ms, n);
    return minute > day ? minute : day;
}

int64_t told_day_ready_at(struct told *t, int64_t now_ms, int64_t n)
{
    return rate_ready_at(t, &t->day, now_ms, n);
}

static void change(struct told *t, int64_t now_ms, int64_t n)
{
    int64_t sum = 0;
    t->taken = __builtin_sub_overflow(t->taken, n, &sum) ? t->taken : sum;
    if (t->minute.limit > 0)
        bucket_return(&t->minute.bucket, now_ms, n);
    if (t->day.limit > 0)
        bucket_return(&t->day.bucket, now_ms, n);
}

static int64_t bounded(int64_t n)
{
    return n > BUCKET_MOST_TOKENS ? BUCKET_MOST_TOKENS : n < -BUCKET_MOST_TOKENS ? -BUCKET_MOST_TOKENS : n;
}

int64_t told_take(struct told *t, int64_t now_ms, int64_t n)
{
    t->last_ms = now_ms;
    change(t, now_ms, -bounded(n));
    return t->taken;
}

void told_return(struct told *t, int64_t now_ms, int64_t n)
{
    change(t, now_ms, bounded(n));
}

/* ---- what was granted ---- */

static void advance(struct told *t, int64_t second)
{
    for (int i = 0; i < TOLD_CELLS && t->granted_at_s < second; i++)
        t->granted[++t->granted_at_s % TOLD_CELLS] = 0;
    if (t->granted_at_s < second)
        t->granted_at_s = second;
}

void told_granted(struct told *t, int64_t started_ms, int64_t n)
{
    int64_t second = started_ms / SECOND_MS;
    advance(t, second);
    if (second > t->granted_at_s - TOLD_CELLS && n > 0)
        t->granted[second % TOLD_CELLS] += bounded(n);
}

void told_refused(struct told *t, int64_t now_ms)
{
    t->refused_ms = now_ms;
}

/* In the last minute: no more than was granted in any longer period. */
static int64_t granted_lately(struct told *t, int64_t now_ms)
{
    int64_t sum = 0;
    advance(t, now_ms / SECOND_MS);
    for (int i = 0; i < TOLD_CELLS; i++)
        sum += t->granted[i];
    return sum;
}

/* A full bucket and what flows into it in a period make twice the limit; no honest provider grants more. */
static bool is_refuted(struct told *t, int64_t now_ms, int64_t limit)
{
    bool refused = t->refused_ms != INT64_MIN && now_ms - t->refused_ms < MINUTE_MS;
    return !refused && granted_lately(t, now_ms) / 2 > limit;
}

/* ---- the limit ---- */

/* amount · ms / per_ms, `most` at most: products of two large numbers, of which the result may be larger than any level. */
static int64_t part(int64_t amount, int64_t ms, int64_t per_ms, int64_t most)
{
    __int128 exact = (__int128)amount * ms / per_ms;
    return exact < most ? (int64_t)exact : most;
}

static void set_others(struct told_rate *r, int64_t now_ms, int64_t others)
{
    int64_t most = r->full_flow - r->full_flow / OWN_LEAST;
    bucket_available(&r->bucket, now_ms); /* what flowed until now, at the old rate */
    r->others = others < 0 ? 0 : others > most ? most : others;
    r->bucket.flow = r->full_flow - r->others;
}

/* A level that was earned stays; what a new bucket cannot hold is lost. */
static void adopt(struct told *t, struct told_rate *r, int64_t now_ms, int64_t limit, int64_t period_ms)
{
    bool is_new = r->limit == 0;
    int64_t level = is_new ? INT64_MAX : (bucket_available(&r->bucket, now_ms), r->bucket.level);
    rate_bucket(&r->bucket, limit, period_ms, t->burst_ms, now_ms);
    if (level < r->bucket.level)
        r->bucket.level = level;
    r->full_flow = r->bucket.flow;
    r->others = is_new ? 0 : r->others;
    r->corrected_ms = is_new ? now_ms : r->corrected_ms;
    set_others(r, now_ms, r->others);
    r->limit = limit;
    r->period_ms = period_ms;
    r->since_ms = now_ms;
    if (is_new)
        r->agreed = 1;
    else if (r->candidate_count >= BELIEVED)
        r->agreed = BELIEVED;
    r->candidate_count = 0;
}

static void consider(struct told *t, struct told_rate *r, int64_t now_ms, int64_t limit, int64_t period_ms)
{
    if (limit == r->limit && period_ms == r->period_ms) {
        r->candidate_count = 0;
        r->agreed++;
        return;
    }
    if (is_refuted(t, now_ms, limit))
        return;
    bool near = r->limit == 0 || (limit <= r->limit * MOST_CHANGE && r->limit <= limit * MOST_CHANGE);
    r->candidate_count = limit == r->candidate ? r->candidate_count + 1 : 1;
    r->candidate = limit;
    if (near || r->candidate_count >= BELIEVED)
        adopt(t, r, now_ms, limit, period_ms);
}

/* ---- the period ---- */

/* What the reset lets conclude; 0 where none is told. Too little used is a word for a minute, or a liar alone would have a say. */
static int64_t period_of(const struct told_limit *said)
{
    if (said->limit < 0 || said->remaining < 0 || said->full_ms < 0)
        return 0;
    int64_t used = said->limit - said->remaining;
    if (used < 1 || (used < said->limit / SURE_USE && said->full_ms <= HOUR_MS))
        return MINUTE_MS;
    __int128 period = (__int128)said->full_ms * said->limit / used;
    if (period >= DAY_MS / 4)
        return DAY_MS;
    return period > HOUR_MS - HOUR_MS / 10 && period < HOUR_MS + HOUR_MS / 10 ? HOUR_MS : MINUTE_MS;
}

static int64_t inferred(struct told *t, const struct told_limit *said)
{
    int64_t period = period_of(said);
    if (period > 0) {
        t->votes[t->next_vote] = period;
        t->next_vote = (t->next_vote + 1) % TOLD_VOTES;
    }
    for (int i = 0; i < TOLD_VOTES; i++) {
        int64_t one = t->votes[i], other = t->votes[(i + 1) % TOLD_VOTES];
        if (one == other && one > 0)
            return one;
    }
    return MINUTE_MS;
}

/* The one that this reading is of. When a guess turns out wrong, what was built on it goes. */
static struct told_rate *rate_of(struct told *t, const struct told_limit *said, int64_t *period_ms)
{
    bool guessed = said->period_ms <= 0;
    *period_ms = guessed ? inferred(t, said) : said->period_ms;
    bool is_long = *period_ms >= HOUR_MS;
    struct told_rate *own = is_long ? &t->day : &t->minute, *other = is_long ? &t->minute : &t->day;
    if (guessed && other->guessed)
        *other = (struct told_rate){.limit = 0};
    own->guessed = guessed;
    return own;
}

/* ---- what remains ---- */

static int64_t micro_within(__int128 amount, int64_t most)
{
    const __int128 low = -(__int128)BUCKET_MOST_TOKENS * BUCKET_MICRO;
    return (int64_t)(amount < low ? low : amount > most ? most : amount);
}

static int64_t age_of(const struct told_reading *q, int64_t now_ms)
{
    return now_ms > q->started_ms ? now_ms - q->started_ms : 0;
}

/* What the level can be at most when `remaining` was true as the request was let in. */
static int64_t bound_of(const struct told *t, const struct told_rate *r, int64_t now_ms,
                        const struct told_reading *q)
{
    int64_t since = age_of(q, now_ms), most = r->limit * BUCKET_MICRO;
    __int128 there =
        (__int128)q->said.remaining * BUCKET_MICRO + (__int128)r->bucket.flow * since / MINUTE_MS;
    if (there > most)
        there = most;
    return micro_within(there - (__int128)(t->taken - q->taken) * BUCKET_MICRO, most);
}

static bool is_believed(struct told_rate *r, const struct told_reading *q)
{
    bool zero = q->good && q->said.remaining == 0;
    if (!zero) {
        r->zeros = 0;
        return true;
    }
    if (r->zeros >= BELIEVED)
        return false;
    r->zeros++;
    return true;
}

/* Exponentially, by steps. */
static int64_t faded(int64_t amount, int64_t elapsed_ms, int64_t fade_ms)
{
    return elapsed_ms >= fade_ms ? 0 : amount - (int64_t)((__int128)amount * elapsed_ms / fade_ms);
}

/* The provider has less than was reckoned: others took it. A round trip late, so our flow is halved once in one at most. */
static void feel_others(struct told_rate *r, int64_t now_ms, int64_t age_ms, int64_t excess)
{
    if (excess <= 0 || r->newest == 0)
        return;
    if (now_ms - r->epoch_ms >= (age_ms > SECOND_MS ? age_ms : SECOND_MS)) {
        r->epoch_ms = now_ms;
        r->epoch_flow = r->bucket.flow;
    }
    int64_t most = r->full_flow - r->epoch_flow / 2;
    int64_t others = r->others + part(excess, MINUTE_MS, 2 * age_ms + FEEL_MS, r->full_flow);
    others = others < most ? others : most;
    if (others > r->others)
        set_others(r, now_ms, others);
}

/* With others about, some is left in the provider's bucket, so that it is felt before it is empty. */
static int64_t reserve_of(const struct told_rate *r, int64_t age_ms)
{
    int64_t most = r->limit * (BUCKET_MICRO / RESERVE_PART);
    int64_t reserve = part(r->others, RESERVE_MS + age_ms / 4, MINUTE_MS, most);
    return reserve < r->top / 2 ? reserve : r->top / 2;
}

/* What remained less, beyond what we took, others took: all of it where nothing flows in before the period turns. */
static void measure_others(struct told_rate *r, int64_t now_ms, const struct told_reading *q)
{
    int64_t elapsed = q->started_ms - r->mark_ms, age_ms = age_of(q, now_ms);
    if (r->newest > 0 && elapsed < MARK_MS)
        return;
    int64_t drop = r->mark_remaining - q->said.remaining - (q->taken - r->mark_taken);
    bool first = r->newest == 0;
    r->mark_ms = q->started_ms;
    r->mark_remaining = q->said.remaining;
    r->mark_taken = q->taken;
    r->dwindles = false;
    if (first || drop < 2)
        return;
    int64_t most = r->full_flow;
    int64_t rate = part(drop < BUCKET_MOST_TOKENS ? drop * BUCKET_MICRO : most, MINUTE_MS, elapsed, most);
    r->dwindles = rate > r->full_flow / MARK_PART;
    if (r->dwindles && rate > r->others) {
        int64_t window = SETTLE_MS + 2 * age_ms;
        int64_t step =
            elapsed < window ? (int64_t)((__int128)(rate - r->others) * elapsed / window) : rate - r->others;
        set_others(r, now_ms, r->others + step);
    }
}

/* Others may have gone. */
static void fade(struct told_rate *r, int64_t now_ms, const struct told_reading *q)
{
    int64_t elapsed = now_ms - r->corrected_ms, there = q->said.remaining * BUCKET_MICRO;
    int64_t slow_ms = FADE_MS + FADE_AGES * age_of(q, now_ms);
    r->corrected_ms = now_ms;
    if (!r->dwindles)
        set_others(r, now_ms,
                   faded(r->others, elapsed,
                         q->said.remaining > r->limit / MUCH_PART ? slow_ms / FADE_PART : slow_ms));
    r->top = faded(r->top, elapsed, MINUTE_MS);
    r->top = there > r->top ? there : r->top;
}

/* Less the reserve; and what is on its way is no debt of more than a second, as what it was taken from flows in meanwhile. */
static int64_t bound_of_minute(const struct told *t, const struct told_rate *r, int64_t now_ms,
                               const struct told_reading *q)
{
    int64_t bound = bound_of(t, r, now_ms, q) - reserve_of(r, age_of(q, now_ms));
    int64_t least = -r->full_flow / (MINUTE_MS / SECOND_MS);
    return bound > least ? bound : least;
}

static void correct(struct told *t, struct told_rate *r, int64_t now_ms, const struct told_reading *q)
{
    if (q->serial <= r->newest)
        return;
    measure_others(r, now_ms, q);
    fade(r, now_ms, q);
    if (!is_believed(r, q))
        return;
    int64_t bound = r == &t->minute ? bound_of_minute(t, r, now_ms, q) : bound_of(t, r, now_ms, q);
    int64_t excess = r->bucket.level - bound;
    bool more = r == &t->day && -excess > r->bucket.capacity / 100;
    r->higher = more ? r->higher + 1 : 0;
    if (excess > 0 || r->higher >= BELIEVED)
        r->bucket.level = bound < r->bucket.capacity ? bound : r->bucket.capacity;
    if (r == &t->minute)
        feel_others(r, now_ms, age_of(q, now_ms), excess);
    r->newest = q->serial;
}

/* ---- a reading ---- */

static void forget_silent(struct told_rate *r, int64_t now_ms)
{
    int64_t patience = r->period_ms * SILENT_TIMES;
    if (r->limit > 0 && now_ms - r->heard_ms > (patience > SILENT_LEAST_MS ? patience : SILENT_LEAST_MS))
        *r = (struct told_rate){.limit = 0};
}

/* So many in a second are as many times more in a minute; remaining stays what it is. */
static int64_t in_a_minute(int64_t limit, int64_t *period_ms)
{
    if (*period_ms >= MINUTE_MS)
        return limit;
    __int128 more = (__int128)limit * MINUTE_MS / *period_ms;
    *period_ms = MINUTE_MS;
    return more < TOLD_MOST ? (int64_t)more : TOLD_MOST;
}

void told_read(struct told *t, int64_t now_ms, const struct told_reading *q)
{
    if (q->said.limit > 0 || q->said.remaining >= 0) {
        int64_t period_ms = 0;
        struct told_rate *r = rate_of(t, &q->said, &period_ms);
        r->heard_ms = now_ms;
        int64_t limit = q->said.limit > 0 ? in_a_minute(q->said.limit, &period_ms) : 0;
        if (limit > 0)
            consider(t, r, now_ms, limit, period_ms);
        if (r->limit > 0 && q->said.remaining >= 0)
            correct(t, r, now_ms, q);
    }
    forget_silent(&t->minute, now_ms);
    forget_silent(&t->day, now_ms);
}

/* ---- over a restart ---- */

static void save_rate(struct told_rate *r, const char *key, int64_t now_ms, struct strbuf *out)
{
    if (r->limit == 0)
        return;
    bucket_available(&r->bucket, now_ms);
    json_append_key(out, key);
    strbuf_append_char(out, '{');
    json_append_int(out, "limit", r->limit);
    json_append_int(out, "period_ms", r->period_ms);
    json_append_int(out, "guessed", r->guessed ? 1 : 0);
    json_append_int(out, "since_ms", now_ms - r->since_ms); /* ago */
    json_append_int(out, "heard_ms", now_ms - r->heard_ms);
    json_append_int(out, "level_micro", r->bucket.level);
    strbuf_append_char(out, '}');
}

void told_save(struct told *t, int64_t now_ms, struct strbuf *out)
{
    save_rate(&t->minute, "minute", now_ms, out);
    save_rate(&t->day, "day", now_ms, out);
}

static void load_rate(struct told *t, struct told_rate *r, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    bool is_long = r == &t->day;
    int64_t limit = json_get_int(saved, "limit", 0), period_ms = json_get_int(saved, "period_ms", 0);
    int64_t since = json_get_int(saved, "since_ms", 0), heard = json_get_int(saved, "heard_ms", 0);
    bool sane = limit > 0 && limit <= TOLD_MOST && period_ms >= MINUTE_MS && period_ms <= TOLD_MOST_MS &&
                (period_ms >= HOUR_MS) == is_long && since >= 0 && since <= TOLD_MOST_MS && heard >= 0 &&
                heard <= since;
    if (!sane || age_ms < 0 || age_ms > 2 * period_ms + DAY_MS) /* that old, it is better asked anew */
        return;
    *r = (struct told_rate){.limit = 0};
    adopt(t, r, now_ms, limit, period_ms);
    rate_bucket_age(&r->bucket, now_ms, json_get_int(saved, "level_micro", r->bucket.level), age_ms);
    r->guessed = json_get_int(saved, "guessed", 1) != 0;
    r->agreed = BELIEVED;
    r->since_ms = now_ms - since - age_ms;
    r->heard_ms = now_ms; /* so that the first answers may tell it again */
    for (int i = 0; r->guessed && i < TOLD_VOTES; i++)
        t->votes[i] = period_ms;
}

void told_load(struct told *t, int64_t now_ms, int64_t age_ms, json_object *saved)
{
    load_rate(t, &t->minute, now_ms, age_ms, json_get(saved, "minute"));
    load_rate(t, &t->day, now_ms, age_ms, json_get(saved, "day"));
}
