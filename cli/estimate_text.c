/* An estimate for people: see estimate_text.h. */
#include "cli/estimate_text.h"

#include <stdbool.h>
#include <string.h>

#include "cli/text.h"

enum { MODELS_SHOWN = 20, NAMES_SHOWN = 3, NAME_MOST = 40, SCREEN = 80, INDENT = 10, CELL = 64 };

/* ---- requests that cannot be served ---- */

static void print_reason(const lh_unservable *u, FILE *out)
{
    char a[32], b[32], c[32];
    const char *model = u->model[0] != '\0' ? u->model : "its model";
    if (u->reason == LH_NO_ENDPOINT) {
        fputs("no endpoint serves ", out);
        text_print_safe(out, model, 60);
        return;
    }
    text_count(u->prompt_tokens, a);
    text_count(u->limit, c);
    if (u->answer_bound != LH_UNKNOWN)
        text_count(u->answer_bound, b);
    if (u->reason == LH_PROMPT_OVER_CONTEXT)
        fprintf(out, "%s tokens, ", a);
    else if (u->reason == LH_TOTAL_OVER_CONTEXT)
        fprintf(out, "%s tokens, answer of %s, ", a, b);
    else
        fprintf(out, "answer of %s, ", b);
    text_print_safe(out, model, 60);
    fprintf(out, " %s %s", u->reason == LH_BOUND_OVER_MAX_OUTPUT ? "gives" : "takes", c);
}

void estimate_print_unservable(const lh_unservable *u, FILE *out)
{
    text_print_safe(out, u->input, 0);
    fprintf(out, ", line %lld: custom_id ", (long long)u->line);
    text_print_safe(out, u->custom_id, 60);
    fputs(": ", out);
    print_reason(u, out);
    fputc('\n', out);
}

/* ---- the table of ranges ---- */

/* Three cells of a row; `text` writes one that is known. */
static void add_range(struct text_table *t, const char *name, const lh_range *r,
                      const char *(*text)(int64_t n, char out[32]))
{
    char n[3][32];
    const char *cells[] = {name, text(r->low, n[0]),
                           r->expected != LH_UNKNOWN ? text(r->expected, n[1]) : "-",
                           r->high != LH_UNKNOWN ? text(r->high, n[2]) : "not bounded"};
    text_table_add(t, cells);
}

static void add_money(struct text_table *t, const lh_estimate_report *r)
{
    static const char *const unknown[] = {"cost", "unknown", "unknown", "unknown"};
    if (r->requests > 0 && r->unpriced >= r->requests)
        text_table_add(t, unknown);
    else
        add_range(t, r->unpriced > 0 ? "cost at least" : "cost", &r->cost_nanousd, text_usd);
    if (r->batch_cost_nanousd.low != LH_UNKNOWN)
        add_range(t, "by batch API", &r->batch_cost_nanousd, text_usd);
}

static void print_ranges(const lh_estimate_report *r, FILE *out)
{
    static const char *const head[] = {"", "low", "expected", "high"};
    struct text_table *t = text_table_new(4, 0xe);
    if (t == NULL)
        return;
    text_table_add(t, head);
    add_range(t, "answer tokens", &r->output_tokens, text_count);
    add_money(t, r);
    add_range(t, "time", &r->wall_ms, text_ms);
    text_table_print(t, out);
    text_table_free(t);
}

/* ---- the table of models ---- */

static const char *name_of(const lh_model_estimate *m)
{
    return m->name[0] != '\0' ? m->name : "(not told)";
}

/* What is expected, else what is the most: "1,234", "up to 64,000", "not bounded". */
static const char *likely(const lh_range *r, const char *(*text)(int64_t n, char out[32]), char out[CELL])
{
    char n[32];
    bool known = r->expected != LH_UNKNOWN;
    if (!known && r->high == LH_UNKNOWN)
        snprintf(out, CELL, "not bounded");
    else
        snprintf(out, CELL, "%s%s", known ? "" : "up to ", text(known ? r->expected : r->high, n));
    return out;
}

static const char *cost_of(const lh_model_estimate *m, char out[CELL])
{
    if (m->requests > 0 && m->unpriced >= m->requests)
        return "unknown";
    likely(&m->cost_nanousd, text_usd, out);
    if (m->unpriced > 0) {
        size_t len = strlen(out);
        snprintf(out + len, CELL - len, " and more");
    }
    return out;
}

static void add_model(struct text_table *t, const char *name, const lh_model_estimate *m)
{
    char n[2][32], answers[CELL], cost[CELL];
    const char *cells[] = {name, text_count(m->requests, n[0]), text_count(m->prompt_tokens, n[1]),
                           likely(&m->output_tokens, text_count, answers), cost_of(m, cost)};
    text_table_add(t, cells);
}

static int64_t add_known(int64_t a, int64_t b)
{
    return a == LH_UNKNOWN || b == LH_UNKNOWN ? LH_UNKNOWN : a + b;
}

static void add_up(lh_range *to, const lh_range *r)
{
    to->low = add_known(to->low, r->low);
    to->expected = add_known(to->expected, r->expected);
    to->high = add_known(to->high, r->high);
}

static void add_others(struct text_table *t, const lh_estimate_report *r)
{
    lh_model_estimate others = {.requests = 0};
    char name[CELL], n[32];
    for (size_t i = MODELS_SHOWN; i < r->n_models; i++) {
        const lh_model_estimate *m = &r->models[i];
        others.requests += m->requests;
        others.prompt_tokens += m->prompt_tokens;
        others.unpriced += m->unpriced;
        add_up(&others.output_tokens, &m->output_tokens);
        add_up(&others.cost_nanousd, &m->cost_nanousd);
    }
    snprintf(name, sizeof name, "%s others", text_count((int64_t)r->n_models - MODELS_SHOWN, n));
    if (r->n_models > MODELS_SHOWN)
        add_model(t, name, &others);
}

static void print_models(const lh_estimate_report *r, FILE *out)
{
    static const char *const head[] = {"model", "requests", "prompt", "answers", "cost"};
    struct text_table *t = r->n_models > 1 ? text_table_new(5, 0x1e) : NULL;
    if (t == NULL)
        return;
    text_table_add(t, head);
    for (size_t i = 0; i < r->n_models && i < MODELS_SHOWN; i++)
        add_model(t, name_of(&r->models[i]), &r->models[i]);
    add_others(t, r);
    fputc('\n', out);
    text_table_print(t, out);
    text_table_free(t);
}

/* ---- what it rests on ---- */

/* Begins a line of a paragraph, which has its name before the first: "answers   mean of …". */
struct paragraph {
    const char *name;
    FILE *out;
};

static FILE *line(struct paragraph *p)
{
    fprintf(p->out, "%-*s ", INDENT - 1, p->name);
    p->name = "";
    return p->out;
}

typedef bool model_is(const lh_model_estimate *m);

/* Begins a new line for a name that would not fit; there is room for what may follow it. `used`: columns. */
static void add_name(struct paragraph *p, const char *name, bool first, size_t *used)
{
    enum { MARK = 2, MORE = sizeof " and 1,000 more" };
    size_t len = strlen(name) < NAME_MOST ? strlen(name) : NAME_MOST;
    fputs(first ? ":" : ",", p->out);
    *used += MARK + len;
    if (*used + MORE > SCREEN) {
        fputc('\n', p->out);
        line(p);
        *used = INDENT + len;
    } else {
        fputc(' ', p->out);
    }
    text_print_safe(p->out, name, NAME_MOST);
}

/* What holds for some of the models, with their names when there are others. */
static void say_of(struct paragraph *p, const lh_estimate_report *r, model_is *is, const char *what)
{
    size_t found = 0, shown = 0, used = INDENT + strlen(what);
    for (size_t i = 0; i < r->n_models; i++)
        found += is(&r->models[i]) ? 1 : 0;
    if (found == 0)
        return;
    FILE *out = line(p);
    fputs(what, out);
    for (size_t i = 0; found < r->n_models && i < r->n_models && shown < NAMES_SHOWN; i++) {
        if (is(&r->models[i]))
            add_name(p, name_of(&r->models[i]), shown++ == 0, &used);
    }
    if (shown > 0 && found > shown)
        fprintf(out, " and %zu more", found - shown);
    fputc('\n', out);
}

static bool is_used(const lh_model_estimate *m)
{
    return m->requests > 0;
}

static bool is_counted(const lh_model_estimate *m)
{
    return is_used(m) && m->basis == LH_COUNTED_EXACTLY;
}

static bool is_assumed(const lh_model_estimate *m)
{
    return is_used(m) && m->basis == LH_COUNT_ASSUMED;
}

static bool is_claude(const lh_model_estimate *m)
{
    return is_used(m) && m->basis == LH_COUNT_CLAUDE;
}

static void say_calibrated(struct paragraph *p, const lh_estimate_report *r)
{
    char n[32];
    size_t shown = 0;
    for (size_t i = 0; i < r->n_models && shown < NAMES_SHOWN; i++) {
        const lh_model_estimate *m = &r->models[i];
        if (m->prompt_tokens == m->counted_tokens || m->counted_tokens == 0)
            continue;
        FILE *out = line(p);
        fprintf(out, "times %.3f, as ", (double)m->prompt_tokens / (double)m->counted_tokens);
        if (m->calibrated_by > 0)
            fprintf(out, "%s answers of ", text_count(m->calibrated_by, n));
        text_print_safe(out, name_of(m), 40);
        fputs(m->calibrated_by > 0 ? " told\n" : " is known to make more of it\n", out);
        shown++;
    }
}

static void say_prompts(const lh_estimate_report *r, FILE *out)
{
    struct paragraph p = {"prompts", out};
    char n[32], what[CELL];
    snprintf(what, sizeof what, "counted with %s",
             r->n_models == 1 ? lh_encoding_name(lh_encoding_of_model(r->models[0].name, NULL))
                              : "the encoding of the model");
    say_of(&p, r, is_counted, what);
    say_of(&p, r, is_assumed, "counted with o200k_base, as the encoding is not known");
    say_of(&p, r, is_claude, "counted with o200k_base, as Claude's is not public");
    say_calibrated(&p, r);
    if (r->approximate_tokens > 0)
        fprintf(line(&p), "%s are reckoned, not counted: tools, schemas, images, files\n",
                text_count(r->approximate_tokens, n));
}

static bool is_of_batch(const lh_model_estimate *m)
{
    return is_used(m) && m->answers > 0 && m->is_of_batch;
}

static bool is_of_others(const lh_model_estimate *m)
{
    return is_used(m) && m->answers > 0 && !m->is_of_batch;
}

static bool is_unmeasured(const lh_model_estimate *m)
{
    return is_used(m) && m->output_tokens.expected == LH_UNKNOWN;
}

static void say_mean(struct paragraph *p, const lh_estimate_report *r, model_is *is, const char *of)
{
    char what[CELL], n[32];
    int64_t answers = 0;
    for (size_t i = 0; i < r->n_models; i++)
        answers += is(&r->models[i]) ? r->models[i].answers : 0;
    snprintf(what, sizeof what, "mean of %s of %s", text_count(answers, n), of);
    say_of(p, r, is, what);
}

static void say_answers(const lh_estimate_report *r, FILE *out)
{
    struct paragraph p = {"answers", out};
    char n[32];
    say_mean(&p, r, is_of_batch, "this batch");
    say_mean(&p, r, is_of_others, "other batches");
    say_of(&p, r, is_unmeasured, "nothing measured yet: bounds only");
    if (r->unbounded > 0)
        fprintf(line(&p), "%s requests have no max_tokens, nor has their model a known one\n",
                text_count(r->unbounded, n));
}

static bool is_unpriced(const lh_model_estimate *m)
{
    return m->unpriced > 0;
}

static void say_cost(const lh_estimate_report *r, FILE *out)
{
    struct paragraph p = {"cost", out};
    char n[32], what[2 * CELL];
    if (r->unpriced == 0) {
        fputs("without what the provider's cache saves\n", line(&p));
        return;
    }
    snprintf(what, sizeof what, "the price of %s request%s is not known", text_count(r->unpriced, n),
             r->unpriced == 1 ? "" : "s");
    say_of(&p, r, is_unpriced, what);
    fputs("give --price-input and --price-output, or --prices FILE\n", line(&p));
}

static bool is_latency_measured(const lh_model_estimate *m)
{
    return is_used(m) && m->latency_basis == LH_LATENCY_MEASURED;
}

static bool is_latency_assumed(const lh_model_estimate *m)
{
    return is_used(m) && m->latency_basis == LH_LATENCY_ASSUMED;
}

static void say_endpoints(struct paragraph *p, const lh_estimate_report *r)
{
    char n[32], ms[32];
    for (size_t i = 0; r->n_endpoints > 1 && i < r->n_endpoints; i++) {
        const lh_endpoint_estimate *e = &r->endpoints[i];
        FILE *out = line(p);
        fprintf(out, "%s: %s requests", e->name, text_count(e->requests, n));
        if (e->wall_ms != LH_UNKNOWN)
            fprintf(out, " in %s", text_ms(e->wall_ms, ms));
        fprintf(out, "%s%s\n", e->limiter[0] != '\0' ? ", held by " : "", e->limiter);
    }
}

/* A limit that counts answers: OpenAI's counts max_tokens, however short the answer is. */
static bool counts_answers(const char *limiter)
{
    return strcmp(limiter, "tokens per minute") == 0 || strcmp(limiter, "output tokens per minute") == 0;
}

static void say_time(const lh_estimate_report *r, FILE *out)
{
    struct paragraph p = {"time", out};
    if (r->limiter[0] != '\0')
        fprintf(line(&p), "held by %s\n", r->limiter);
    if (counts_answers(r->limiter) && r->wall_ms.expected != LH_UNKNOWN &&
        r->wall_ms.high != r->wall_ms.expected)
        fputs("where a limit counts max_tokens whole, as OpenAI's does, near the high\n", line(&p));
    say_endpoints(&p, r);
    say_of(&p, r, is_latency_measured, "an answer takes as long as the measured ones");
    say_of(&p, r, is_latency_assumed, "answers assumed to take 1 s and 20 to 100 tokens/s; give --latency");
    if (!r->has_limits)
        fputs("no limits are given; those that the provider has will hold too\n", line(&p));
    fputs("without retries and faults\n", line(&p));
}

/* ---- budgets, the batch ---- */

static const char *verdict(const lh_range *r, int64_t most)
{
    bool expected = r->expected != LH_UNKNOWN && r->expected <= most;
    if (r->low > most)
        return "is not enough even for the prompts";
    if (r->high != LH_UNKNOWN && r->high <= most)
        return "is enough in any case";
    if (expected)
        return "is enough as expected, not at most";
    return r->expected != LH_UNKNOWN ? "is not enough as expected"
                                     : "may not be enough: no answers were measured";
}

static void say_budgets(const lh_estimate_report *r, const lh_run_options *run, FILE *out)
{
    struct paragraph p = {"budget", out};
    char n[32];
    lh_range tokens = r->output_tokens;
    const lh_range prompts = {r->prompt_tokens, r->prompt_tokens, r->prompt_tokens};
    add_up(&tokens, &prompts);
    if (run->max_tokens_total != LH_UNKNOWN)
        fprintf(line(&p), "--max-tokens-total %s %s\n", text_count(run->max_tokens_total, n),
                verdict(&tokens, run->max_tokens_total));
    if (run->max_cost_nanousd == LH_UNKNOWN)
        return;
    fprintf(line(&p), "--max-cost %s %s\n", text_usd(run->max_cost_nanousd, n),
            r->unpriced > 0 ? "is refused by a run while prices are not known"
                            : verdict(&r->cost_nanousd, run->max_cost_nanousd));
}

static void say_batch(const lh_estimate_report *r, FILE *out)
{
    struct paragraph batch = {"batch", out}, database = {"database", out};
    char a[32], b[32];
    if (r->exists) {
        text_print_safe(line(&batch), r->batch, 40);
        fprintf(out, " exists: %s of %s are done already\n", text_count(r->batch_done, a),
                text_count(r->batch_jobs, b));
        fputs("these numbers are of the whole input\n", line(&batch));
    }
    if (r->note[0] != '\0') {
        text_print_safe(line(&database), r->note, 0);
        fputc('\n', out);
    }
}

static void print_head(const lh_estimate_report *r, FILE *out)
{
    char a[32], b[32], c[32], d[32];
    text_print_safe(out, r->batch, 60);
    fprintf(out, ": %s request%s", text_count(r->requests, a), r->requests == 1 ? "" : "s");
    if (r->n_models == 1) {
        fputs(" of ", out);
        text_print_safe(out, name_of(&r->models[0]), 40);
    }
    if (r->unservable > 0)
        fprintf(out, "\n%s more can never be served, and %s left out below", text_count(r->unservable, a),
                r->unservable == 1 ? "is" : "are");
    if (r->bad_lines > 0)
        fprintf(out, "\n%s bad line%s", text_count(r->bad_lines, a), r->bad_lines == 1 ? "" : "s");
    fputc('\n', out);
    if (r->requests > 0)
        fprintf(out, "%s prompt tokens (p50 %s, p99 %s, largest %s)\n", text_count(r->prompt_tokens, a),
                text_count(r->prompt_p50, b), text_count(r->prompt_p99, c), text_count(r->prompt_max, d));
}

void estimate_print(const lh_estimate_report *r, const lh_run_options *run, FILE *out)
{
    print_head(r, out);
    if (r->requests > 0) {
        fputc('\n', out);
        print_ranges(r, out);
        print_models(r, out);
        fputc('\n', out);
        say_prompts(r, out);
        say_answers(r, out);
        say_cost(r, out);
        say_time(r, out);
        say_budgets(r, run, out);
    }
    say_batch(r, out);
}
