/* What answers have told: see measured.h. */
#include "tokens/measured.h"

#include <math.h>
#include <stdbool.h>

enum { CALIBRATE_AFTER = 10 };

static const double farthest = 8;             /* a count is not wrong by more, a told number may be */
static const double most_tokens = 1000000000; /* of one request */
static const double most_in_all = 1e15;       /* of many together, whose past is reckoned at once */

void measured_answer(struct measured *m, int64_t tokens, int64_t latency_ms)
{
    double t = tokens < 0 ? 0 : (double)tokens;
    m->answers++;
    m->tokens += t;
    m->squares += t * t;
    m->most = tokens > m->most ? tokens : m->most;
    m->latency_ms += latency_ms > 0 ? (double)latency_ms : 0;
}

void measured_prompt(struct measured *m, int64_t counted, int64_t told)
{
    if (counted <= 0 || told < 0)
        return;
    double share = (double)told / (double)counted;
    m->prompts++;
    m->told += (double)told;
    m->counted += (double)counted;
    if (counted >= MEASURED_LEAST_PROMPT && share > m->share_most)
        m->share_most = share;
}

void measured_add(struct measured *to, const struct measured *m)
{
    to->answers += m->answers;
    to->tokens += m->tokens;
    to->squares += m->squares;
    to->most = m->most > to->most ? m->most : to->most;
    to->prompts += m->prompts;
    to->told += m->told;
    to->counted += m->counted;
    to->share_most = m->share_most > to->share_most ? m->share_most : to->share_most;
    to->latency_ms += m->latency_ms;
}

void measured_add_usage(struct measured *to, const lh_usage *u)
{
    const struct measured m = {.answers = u->answers,
                               .tokens = (double)u->answer_tokens,
                               .squares = u->answer_squares,
                               .most = u->answer_max,
                               .prompts = u->told_prompts,
                               .told = (double)u->told_tokens,
                               .counted = (double)u->counted_tokens,
                               .share_most = u->prompt_share_max,
                               .latency_ms = (double)u->latency_ms};
    measured_add(to, &m);
}

double measured_mean(const struct measured *m)
{
    return m->answers > 0 ? m->tokens / (double)m->answers : 0;
}

static double deviation(const struct measured *m)
{
    double mean = measured_mean(m), variance = m->squares / (double)m->answers - mean * mean;
    return variance > 0 ? sqrt(variance) : 0;
}

/* Few answers do not tell how long the longest are. */
static double expected(const struct measured *m, enum reserve reserve)
{
    double mean = measured_mean(m);
    if (reserve == RESERVE_MEAN)
        return mean;
    double high = mean + 2 * deviation(m), seen = 1.5 * (double)m->most;
    return m->answers < MEASURED_ENOUGH && seen > high ? seen : high;
}

const struct measured *measured_whose(const struct measured *batch, const struct measured *model)
{
    bool own = batch->answers >= MEASURED_ENOUGH || batch->answers >= model->answers;
    const struct measured *m = own ? batch : model;
    return m->answers > 0 ? m : NULL;
}

int64_t measured_output(const struct measured *batch, const struct measured *model, enum reserve reserve,
                        int64_t bound, int64_t unknown)
{
    const struct measured *m = measured_whose(batch, model);
    if (m == NULL || (reserve == RESERVE_MAX && bound != INT64_MAX))
        return bound != INT64_MAX ? bound : unknown;
    double tokens = ceil(expected(m, reserve));
    if (reserve == RESERVE_MAX && tokens < (double)unknown)
        tokens = (double)unknown;
    return tokens < (double)bound ? (int64_t)fmin(tokens, most_tokens) : bound;
}

bool measured_is_calibrated(const struct measured *m)
{
    return m->prompts >= CALIBRATE_AFTER && m->counted > 0;
}

double measured_calibration(const struct measured *m)
{
    if (!measured_is_calibrated(m))
        return m->prior > 0 ? m->prior : 1;
    return fmin(fmax(m->told / m->counted, 1 / farthest), farthest);
}

static int64_t times(int64_t counted, double share, double most)
{
    double tokens = ceil((double)counted * share - 1e-6);
    return tokens < 1 ? 1 : (int64_t)fmin(tokens, most);
}

int64_t measured_calibrated(const struct measured *model, int64_t counted)
{
    return times(counted, measured_calibration(model), most_tokens);
}

int64_t measured_worst_prompt(const struct measured *model, double doubt, int64_t counted)
{
    double usual = measured_calibration(model), worst = model->share_most;
    if (worst > 1 || doubt > 1) /* an exact count that was never exceeded needs no margin */
        worst = fmin(worst * 1.25, farthest);
    if (model->prompts < MEASURED_ENOUGH)
        worst = fmax(worst, doubt);
    return times(counted, fmax(worst, fmax(usual, 1)), most_in_all);
}
