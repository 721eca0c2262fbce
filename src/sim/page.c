/* Statistics as text: see page.h. */
#include "sim/page.h"

enum { WIDTH = 800, HEIGHT = 160 };

static const struct {
    const char *name, *label;
    size_t offset;
} counters[] = {
    {"requests", "requests", offsetof(struct sim_stats, requests)},
    {"answers", "answered", offsetof(struct sim_stats, answers)},
    {"throttled", "throttled", offsetof(struct sim_stats, throttled)},
    {"refused", "refused otherwise", offsetof(struct sim_stats, refused)},
    {"faults", "made to fail", offsetof(struct sim_stats, faults)},
    {"in_flight", "in flight", offsetof(struct sim_stats, in_flight)},
    {"peak_in_flight", "in flight at most", offsetof(struct sim_stats, peak_in_flight)},
    {"repeated_answers", "answered twice", offsetof(struct sim_stats, repeated_answers)},
    {"elapsed_ms", "ms since the first request", offsetof(struct sim_stats, elapsed_ms)},
    {"rpm", "requests per minute granted now", offsetof(struct sim_stats, rpm)},
    {"tpm", "tokens per minute granted now", offsetof(struct sim_stats, tpm)},
    {"allowance_requests", "requests allowed so far", offsetof(struct sim_stats, allowance_requests)},
    {"granted_requests", "requests granted", offsetof(struct sim_stats, granted_requests)},
    {"allowance_tokens", "tokens allowed so far", offsetof(struct sim_stats, allowance_tokens)},
    {"granted_tokens", "tokens granted", offsetof(struct sim_stats, granted_tokens)},
    {"refused_for_rate", "refused for rate", offsetof(struct sim_stats, refused_for_rate)},
    {"too_early", "before a wait was over", offsetof(struct sim_stats, too_early)},
    {"largest_burst", "most in one second", offsetof(struct sim_stats, largest_burst)},
    {"outage_requests", "during outages", offsetof(struct sim_stats, outage_requests)},
    {"billed_prompt_tokens", "prompt tokens billed", offsetof(struct sim_stats, billed_prompt_tokens)},
    {"billed_completion_tokens", "completion tokens billed",
     offsetof(struct sim_stats, billed_completion_tokens)},
};
enum { COUNTERS = sizeof counters / sizeof *counters };

static long long counter(const struct sim_stats *s, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)s + counters[i].offset);
}

/* ---- JSON ---- */

static void add_percent(struct strbuf *out, const char *name, double percent)
{
    if (percent < 0)
        strbuf_appendf(out, ",\"%s\":null", name);
    else
        strbuf_appendf(out, ",\"%s\":%.3f", name, percent);
}

static void add_series(struct strbuf *out, const struct score *score, const char *name, size_t offset)
{
    size_t cells = score_cells(score);
    strbuf_appendf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < cells; i++) {
        const void *at = (const char *)&score->cells[i] + offset;
        strbuf_appendf(out, "%s%lld", i > 0 ? "," : "", (long long)*(const int64_t *)at);
    }
    strbuf_append_char(out, ']');
}

static void add_outages(struct strbuf *out, const struct script *script)
{
    strbuf_append_str(out, ",\"outages\":[");
    for (size_t i = 0; i < script->n_outages; i++) {
        const struct script_outage *o = &script->outages[i];
        strbuf_appendf(out, "%s{\"from_ms\":%lld,\"to_ms\":%lld,\"kind\":\"%s\"}", i > 0 ? "," : "",
                       (long long)o->from_ms, (long long)o->to_ms, fault_name(o->kind));
    }
    strbuf_append_char(out, ']');
}

void page_json(const struct sim_stats *s, const struct limits *l, struct strbuf *out)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        long long n = counter(s, i);
        strbuf_appendf(out, "%c\"%s\":", i == 0 ? '{' : ',', counters[i].name);
        if (n >= 0)
            strbuf_appendf(out, "%lld", n);
        else
            strbuf_append_str(out, "null"); /* an allowance without a limit */
    }
    add_percent(out, "refused_percent", sim_refused_share(s));
    add_percent(out, "utilisation_requests_percent",
                sim_utilisation(s->granted_requests, s->allowance_requests));
    add_percent(out, "utilisation_tokens_percent", sim_utilisation(s->granted_tokens, s->allowance_tokens));
    strbuf_appendf(out, ",\"cell_ms\":%lld", (long long)l->score.cell_ms);
    add_series(out, &l->score, "series_came", offsetof(struct score_cell, came));
    add_series(out, &l->score, "series_granted", offsetof(struct score_cell, granted));
    add_series(out, &l->score, "series_refused", offsetof(struct score_cell, refused));
    add_outages(out, &l->script);
    strbuf_append_str(out, "}\n");
}

/* ---- the page ---- */

static void add_row(struct strbuf *out, const char *label, double percent)
{
    strbuf_appendf(out, "<tr><td>%s<td>", label);
    if (percent < 0)
        strbuf_append_str(out, "–\n");
    else
        strbuf_appendf(out, "%.2f %%\n", percent);
}

static void add_table(struct strbuf *out, const struct sim_stats *s, const struct script *script)
{
    strbuf_append_str(out, "<table>\n");
    for (size_t i = 0; i < COUNTERS; i++) {
        long long n = counter(s, i);
        strbuf_appendf(out, "<tr><td>%s<td>", counters[i].label);
        if (n >= 0)
            strbuf_appendf(out, "%lld\n", n);
        else
            strbuf_append_str(out, "no limit\n");
    }
    add_row(out, "refused, of all that limits decided on", sim_refused_share(s));
    add_row(out, "requests used of those allowed",
            sim_utilisation(s->granted_requests, s->allowance_requests));
    add_row(out, "tokens used of those allowed", sim_utilisation(s->granted_tokens, s->allowance_tokens));
    for (size_t i = 0; i < script->n_outages; i++)
        strbuf_appendf(out, "<tr><td>outage (%s)<td>%.3g s to %.3g s\n", fault_name(script->outages[i].kind),
                       (double)script->outages[i].from_ms / 1e3, (double)script->outages[i].to_ms / 1e3);
    strbuf_append_str(out, "</table>\n");
}

static int64_t highest(const struct score *score, size_t cells)
{
    int64_t most = 1;
    for (size_t i = 0; i < cells; i++)
        if (score->cells[i].came > most)
            most = score->cells[i].came;
    return most;
}

static void add_line(struct strbuf *out, const struct score *score, const char *color, size_t offset)
{
    size_t cells = score_cells(score);
    double scale = (double)HEIGHT / (double)highest(score, cells);
    strbuf_appendf(out, "<polyline fill=\"none\" stroke=\"%s\" points=\"", color);
    for (size_t i = 0; i < cells; i++) {
        const void *at = (const char *)&score->cells[i] + offset;
        strbuf_appendf(out, "%.1f,%.1f ", (double)i * WIDTH / (double)cells,
                       HEIGHT - (double)*(const int64_t *)at * scale);
    }
    strbuf_append_str(out, "\"/>\n");
}

void page_html(const struct sim_stats *s, const struct limits *l, struct strbuf *out)
{
    const struct score *score = &l->score;
    strbuf_append_str(out, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<meta http-equiv=\"refresh\" content=\"2\"><title>longhaul sim</title>\n"
                           "<style>body{font:14px sans-serif;margin:2em}td{padding:0 1em 0 0}"
                           "td+td{text-align:right}svg{border:1px solid #ccc}</style></head>\n"
                           "<body><h1>Simulated provider</h1>\n");
    if (score->begun) {
        strbuf_appendf(
            out, "<p>Requests in each %.3g s (highest %lld): come grey, granted green, refused red</p>\n",
            (double)score->cell_ms / 1e3, (long long)highest(score, score_cells(score)));
        strbuf_appendf(out, "<svg width=\"%d\" height=\"%d\">\n", WIDTH, HEIGHT);
        add_line(out, score, "#999", offsetof(struct score_cell, came));
        add_line(out, score, "#080", offsetof(struct score_cell, granted));
        add_line(out, score, "#c00", offsetof(struct score_cell, refused));
        strbuf_append_str(out, "</svg>\n");
    }
    add_table(out, s, &l->script);
    strbuf_append_str(out, "</body></html>\n");
}
