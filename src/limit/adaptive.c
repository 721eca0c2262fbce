/* The adaptive rate: see adaptive.h. */
#include "limit/adaptive.h"

#include "limit/curve.h"

enum {
    LOW_PERCENT = 97, /* of the limit: refusals at less than that are hardly its own */
    RAMP_MS = 2000,
    QUICK_RAMP_MS = 60000, /* after a limit that turned out too high: a window must turn first */
    QUICK_MS = 10000,      /* so long after the ramp an episode still speaks against the limit */
    SLOW_EPISODES = 6,     /* more do not make a guess better */
    RECENT_S = 5,          /* the last seconds, where the rate was at a limit that is no long window */
    WINDOW_S = 60,         /* the longest window that grants are looked at for */
    SLACK_MS = 10,         /* what a start may come late: the bucket holds as much */
    SEEN_MS = 10000,
    EARLY_PERCENT = 85,
    GAP_MS = 5000,
    GAP_REQUESTS = 4,      /* without starts: what was granted before says nothing of the rate */
    SCATTERED_MOST = 300,  /* thousandths: no chance that is known refuses more while a limit is known */
    FADE_MS = 3600 * 1000, /* after an hour a limit is a first guess again */
    FORGET_MS = 24 * 3600 * 1000,
};

/* ---- the pace ---- */

/* What flowed until now flowed at the old rate. */
static void set_rate(struct adaptive *a, int64_t now_ms, int64_t rate)
{
    const struct adaptive_options *o = &a->options;
    rate = most(rate, most(LEAST_RATE, rate_of(o->min_rpm)));
    a->rate = least(rate, o->max_rpm > 0 ? rate_of(o->max_rpm) : MOST_RATE);
    bucket_available(&a->pace, now_ms);
    a->pace.flow = a->rate * 60;
    a->pace.capacity = most(ONE, a->rate * SLACK_MS / SECOND);
    a->pace.level = least(a->pace.level, a->pace.capacity);
}

static bool is_paced(const struct adaptive *a)
{
    return !a->open || a->options.max_rpm > 0;
}

void adaptive_init(struct adaptive *a, const struct adaptive_options *o, int64_t now_ms)
{
    *a = (struct adaptive){.options = *o,
                           .open = o->mode == ADAPTIVE_AUTO,
                           .slow = true,
                           .bound_from_ms = now_ms,
                           .bound_until_ms = now_ms - SLACK_MS,
                           .busy_since_ms = now_ms,
                           .born_ms = now_ms,
                           .last_start_ms = now_ms};
    span_init(&a->span);
    cells_init(&a->granted, now_ms);
    bucket_init_micro(&a->pace, ONE, ONE, now_ms);
    set_rate(a, now_ms, a->open ? MOST_RATE : rate_of(o->initial_rpm));
}

static void grow(struct adaptive *a, int64_t now_ms, int64_t elapsed_ms)
{
    a->clock_ms += elapsed_ms;
    set_rate(a, now_ms, curve_rate(a, elapsed_ms));
}

/* Starts anew from a rate: back to the limit in a short ramp. */
static void begin_ramp(struct adaptive *a, int64_t from, int64_t ramp_ms)
{
    a->clock_ms = 0;
    a->ramp_ms = ramp_ms;
    a->ramp_from = from;
    a->remainder = 0;
}

/* ---- episodes ---- */

static int64_t patience_ms(const struct adaptive *a)
{
    return most(SECOND, 4 * a->refuse_ms);
}

static int64_t granted_rate(struct adaptive *a, int64_t now_ms, int64_t seconds)
{
    return least(MOST_RATE, cells_sum(&a->granted, now_ms, seconds) * ONE / seconds);
}

/* A guess made while the rate was far from the limit is a guess; it is trusted when an episode was over at once, which is to say that
 * the rate at its beginning was hardly too high, or when two agree. */
static void weigh_guess(struct adaptive *a, bool was_over_at_once)
{
    if (!a->slow)
        return;
    int64_t previous = a->previous_limit;
    if (was_over_at_once) {
        a->limit = most(a->limit, least(percent(a->congested_rate, 85), a->recent_granted));
        a->slow = false;
    } else if (previous > 0 && a->limit > percent(previous, 80) && a->limit < percent(previous, 120)) {
        a->slow = false;
    }
    a->previous_limit = a->limit;
    if (++a->slow_episodes >= SLOW_EPISODES)
        a->slow = false;
}

static void end_episode(struct adaptive *a, int64_t now_ms)
{
    int64_t length_ms = most(SECOND, now_ms - a->episode_ms - a->episode_pause_ms);
    __int128 granted = (__int128)a->episode_granted * SECOND * ONE / length_ms;
    a->in_episode = false;
    a->limit = most(a->next_limit, LEAST_RATE);
    if (a->quick == 0 && granted > a->limit)
        a->limit = granted < MOST_RATE ? (int64_t)granted : MOST_RATE;
    /* Then what was granted just before is what is granted; over a longer time the way up to it counts too. */
    bool was_over_at_once =
        a->quick == 0 && !a->is_first && length_ms < patience_ms(a) + 4 * a->refuse_ms + SECOND / 2;
    if (was_over_at_once)
        a->limit = most(a->limit, percent(a->recent_granted, RECOVER_PERCENT));
    weigh_guess(a, was_over_at_once);
    a->is_first = false;
    a->after_episode = true;
    noise_recovered(&a->noise);
    if (a->quick > 0)
        begin_ramp(a, percent(a->limit, 75), QUICK_RAMP_MS);
    else
        begin_ramp(a, least(a->rate, percent(a->limit, RECOVER_PERCENT)), RAMP_MS);
}

/* The first refusal of an open gate: what was granted in the last minute is the first guess. */
static void guess_first(struct adaptive *a, int64_t now_ms)
{
    a->open = false;
    a->is_first = true;
    a->next_limit = granted_rate(a, now_ms, WINDOW_S);
    set_rate(a, now_ms, most(granted_rate(a, now_ms, 2), ONE));
}

static void doubt_limit(struct adaptive *a, int64_t now_ms)
{
    bool had_gap = a->busy_since_ms != a->born_ms && now_ms - a->busy_since_ms < WINDOW_S * SECOND;
    bool missed = !had_gap && granted_rate(a, now_ms, WINDOW_S) < percent(a->limit, 90);
    a->quick++;
    int64_t lower = most(percent(a->limit, 75), least(a->limit, granted_rate(a, now_ms, WINDOW_S)));
    a->next_limit = a->quick >= 2 || missed ? lower : a->limit;
}

/* What is granted is looked at when refusals begin, as they lower it. */
static void see_limit(struct adaptive *a, int64_t now_ms)
{
    if (a->open || a->in_episode || a->trial.is_on ||
        (a->noise.first_refused > 0 && now_ms - a->seen_ms < SEEN_MS))
        return;
    int64_t seconds = least(WINDOW_S, most(2, (now_ms - a->busy_since_ms) / SECOND));
    int64_t chance = noise_is_known(&a->noise) ? noise_chance(&a->noise) : 0;
    a->seen_limit = least(a->rate, granted_rate(a, now_ms, seconds) / (1000 - least(chance, 500)) * 1000);
    a->seen_ms = now_ms;
}

static void measure_limit(struct adaptive *a)
{
    a->quick = 0;
    a->next_limit = a->seen_limit;
    a->congested_rate = a->rate;
}

/* A window that was emptied before anything was known is full for a while after the first grants. */
static void wait_for_window(struct adaptive *a)
{
    a->next_limit = percent(a->limit, EARLY_PERCENT);
    a->is_first = true;
}

static bool is_near(const struct adaptive *a)
{
    return a->after_episode && a->clock_ms < a->ramp_ms + QUICK_MS;
}

static enum noise_phase phase_of(const struct adaptive *a)
{
    if (a->open || (a->trial.is_on && a->trial.was_open))
        return NOISE_OPEN;
    if (a->in_episode)
        return NOISE_EPISODE;
    return !a->trial.is_on && !a->slow && a->limit > 0 && a->rate <= percent(a->limit, LOW_PERCENT)
               ? NOISE_LOW
               : NOISE_TRIED;
}

static void begin_episode(struct adaptive *a, int64_t now_ms, bool is_dense)
{
    if (a->open)
        guess_first(a, now_ms);
    else if (!a->slow && is_near(a) && is_dense)
        doubt_limit(a, now_ms);
    else if (a->slow && a->after_episode && a->clock_ms < a->ramp_ms)
        wait_for_window(a);
    else
        measure_limit(a);
    a->recent_granted = granted_rate(a, now_ms, RECENT_S);
    a->in_episode = true;
    a->episode_ms = now_ms;
    a->episode_serial = a->last_serial + 1;
    a->episode_granted = a->episode_pause_ms = 0;
}

static void cut(struct adaptive *a, int64_t now_ms)
{
    int64_t floor = a->limit > 0 ? most(ONE / 10, least(ONE, a->limit / 4)) : ONE;
    set_rate(a, now_ms, most(a->rate / 2, least(a->rate, floor)));
    a->cut_serial = a->last_serial + 1;
    a->probe_serial = 0;
}

/* ---- trials ---- */

/* What is granted is below any limit. */
static int64_t rate_to_try(struct adaptive *a, int64_t now_ms)
{
    return a->open ? most(granted_rate(a, now_ms, least(WINDOW_S, a->span.length_ms / SECOND)), ONE)
                   : a->rate;
}

static void begin_trial(struct adaptive *a, int64_t now_ms, int64_t share)
{
    bool is_guess = !a->open && a->slow;
    trial_begin(&a->trial, a->last_serial + 1, rate_to_try(a, now_ms), share, a->open);
    if (!a->open)
        measure_limit(a);
    a->recent_granted = granted_rate(a, now_ms, RECENT_S);
    a->open = false;
    a->cut_serial = a->last_serial + 1;
    set_rate(a, now_ms, percent(a->trial.rate, is_guess ? TRIAL_GUESS_PERCENT : TRIAL_PERCENT));
    noise_cut(&a->noise);
}

/* It was chance: as before. */
static void acquit(struct adaptive *a, int64_t now_ms)
{
    noise_learn(&a->noise, trial_starts(&a->trial), a->trial.refused);
    noise_recovered(&a->noise);
    a->trial.is_on = false;
    a->open = a->trial.was_open;
    if (a->open)
        span_double(&a->span);
    set_rate(a, now_ms, a->open ? MOST_RATE : a->trial.rate);
}

/* It was the rate: what was granted beside the refusals is the limit. */
static void convict(struct adaptive *a, int64_t starts)
{
    int64_t beside = percent(a->trial.rate, 100 - 2 * a->trial.share / 10); /* half of it was looked for */
    noise_learn(&a->noise, starts, a->trial.refused);
    noise_recovered(&a->noise);
    a->trial.is_on = false;
    beside = most(beside, percent(a->recent_granted, 90));
    a->limit = a->trial.was_open ? a->trial.rate : most(a->next_limit, beside);
    a->slow = false;
    a->after_episode = true;
    a->quick = 0;
    begin_ramp(a, least(a->rate, percent(a->limit, RECOVER_PERCENT)), RAMP_MS);
}

/* Few refusals in it are left to a trial, as long as nobody knows how many come by chance. Returns whether it is one. */
static bool tries_scattered(struct adaptive *a, int64_t now_ms)
{
    int64_t share = noise_share(&a->noise, a->noise.first_serial, a->last_serial);
    if (a->in_episode || noise_is_known(&a->noise) || share >= SCATTERED_MOST)
        return false;
    begin_trial(a, now_ms, share / 2); /* half, as it is looked at where it is highest */
    return true;
}

/* ---- time ---- */

/* How long this limiter held requests back since it was last asked. A start that comes a little late is no sign that others did. */
static int64_t take_bound_ms(struct adaptive *a, int64_t now_ms)
{
    int64_t until = least(now_ms, a->bound_until_ms + SLACK_MS), bound_ms = most(0, until - a->bound_from_ms);
    a->bound_from_ms = now_ms;
    a->bound_until_ms = now_ms - SLACK_MS; /* until adaptive_bound says otherwise */
    return bound_ms;
}

static void see_time(struct adaptive *a, int64_t now_ms)
{
    int64_t bound_ms = take_bound_ms(a, now_ms);
    if (a->open)
        return;
    if (a->trial.is_on) {
        int64_t starts = 0;
        if (trial_is_over(&a->trial, now_ms, a->last_serial, patience_ms(a) / 2, &starts))
            convict(a, starts);
        return;
    }
    if (a->in_episode) {
        if (a->probe_serial == 0 || now_ms - a->probe_ms < patience_ms(a))
            return;
        end_episode(a, now_ms);
        bound_ms = 0;
    }
    grow(a, now_ms, bound_ms);
}

int64_t adaptive_ready_at(struct adaptive *a, int64_t now_ms)
{
    see_time(a, now_ms);
    return is_paced(a) ? bucket_ready_at(&a->pace, now_ms, 1) : now_ms;
}

void adaptive_bound(struct adaptive *a, int64_t now_ms, int64_t until_ms)
{
    a->bound_from_ms = now_ms;
    a->bound_until_ms = until_ms;
}

void adaptive_take(struct adaptive *a, int64_t now_ms, int64_t serial)
{
    int64_t gap_ms = most(GAP_MS, requests_ms(GAP_REQUESTS, a->rate));
    if (now_ms - a->last_start_ms > gap_ms)
        a->busy_since_ms = now_ms;
    a->last_start_ms = now_ms;
    a->last_serial = serial;
    cells_add(&a->granted, now_ms);
    noise_start(&a->noise, serial, phase_of(a));
    if (is_paced(a))
        bucket_take(&a->pace, now_ms, 1);
    if (!a->in_episode)
        return;
    a->episode_granted++;
    if (a->probe_serial == 0) {
        a->probe_serial = serial;
        a->probe_ms = now_ms;
    }
}

/* ---- ends ---- */

/* It was not granted. */
static void take_off(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s)
{
    cells_take_off(&a->granted, now_ms, s->started_ms);
    if (a->in_episode && s->serial >= a->episode_serial)
        a->episode_granted--;
}

/* What started before it and was not refused is no sign that the episode is over. */
static void look_anew(struct adaptive *a, const struct adaptive_start *s)
{
    if (a->in_episode && s->serial >= a->probe_serial)
        a->probe_serial = 0;
}

static void note_pause(struct adaptive *a, int64_t now_ms, int64_t pause_ms)
{
    int64_t until = pause_ms > INT64_MAX / 4 ? INT64_MAX / 2 : now_ms + pause_ms;
    if (pause_ms <= 0 || until <= a->pause_until_ms)
        return;
    a->episode_pause_ms += until - most(now_ms, a->pause_until_ms);
    a->pause_until_ms = until;
}

static void see_refusal(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s,
                        enum noise_kind kind)
{
    bool is_dense = kind == NOISE_DENSE;
    if (a->open && !is_dense) {
        int64_t share = span_refused(&a->span, now_ms, s->serial, a->last_serial, noise_chance(&a->noise));
        if (share > 0)
            begin_trial(a, now_ms, share);
        return;
    }
    if (a->trial.is_on && !is_dense) {
        if (trial_refused(&a->trial, s->serial))
            acquit(a, now_ms);
        return;
    }
    if (kind == NOISE_FORGIVEN || (!is_dense && tries_scattered(a, now_ms)))
        return;
    look_anew(a, s);
    a->trial.is_on = false;
    if (!a->in_episode)
        begin_episode(a, now_ms, is_dense);
    cut(a, now_ms);
    noise_cut(&a->noise);
}

void adaptive_throttled(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s, int64_t pause_ms)
{
    int64_t took_ms = most(0, now_ms - s->started_ms);
    see_time(a, now_ms);
    a->refuse_ms = a->refuse_ms > 0 ? (a->refuse_ms * 7 + took_ms) / 8 : took_ms;
    take_off(a, now_ms, s);
    note_pause(a, now_ms, pause_ms);
    if (s->serial < a->cut_serial || s->serial <= 0) {
        look_anew(a, s);
        return;
    }
    see_limit(a, now_ms);
    see_refusal(a, now_ms, s, noise_refused(&a->noise, s->serial, phase_of(a)));
}

void adaptive_unreached(struct adaptive *a, int64_t now_ms, const struct adaptive_start *s)
{
    see_time(a, now_ms);
    take_off(a, now_ms, s);
    look_anew(a, s);
}

void adaptive_restore(struct adaptive *a, int64_t now_ms, int64_t age_ms, int64_t rate, int64_t limit,
                      bool slow)
{
    if (a->options.mode == ADAPTIVE_OFF || age_ms > FORGET_MS || rate <= 0 || limit < 0)
        return;
    a->open = false;
    a->limit = limit > 0 ? least(most(limit, LEAST_RATE), MOST_RATE) : 0;
    a->slow = slow || limit == 0 || age_ms > FADE_MS;
    a->after_episode = false;
    set_rate(a, now_ms,
             a->limit > 0 ? least(rate, percent(a->limit, RECOVER_PERCENT)) : least(rate, MOST_RATE));
    begin_ramp(a, a->rate, a->limit > 0 && !a->slow ? RAMP_MS : 0);
}
