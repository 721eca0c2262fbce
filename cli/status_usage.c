/* Tokens and money in `status`: see status_usage.h. */
#include "cli/status_usage.h"

static const char *model_of(const lh_usage *u)
{
    return u->name[0] != '\0' ? u->name : "(not told)";
}

/* By which share the count before sending missed what the provider told; "" without anything to compare. */
static const char *off_by(const lh_usage *u, char out[32])
{
    out[0] = '\0';
    if (u->counted_tokens > 0)
        snprintf(out, 32, "%.1f%%", (double)u->counted_error * 100 / (double)u->counted_tokens);
    return out;
}

static void add_row(struct usage_report *r, const lh_usage *u)
{
    char n[7][TEXT_COST];
    const char *cells[] = {model_of(u),
                           text_count(u->attempts, n[0]),
                           text_count(u->prompt_tokens, n[1]),
                           text_count(u->cached_tokens, n[2]),
                           text_count(u->completion_tokens, n[3]),
                           text_count(u->reasoning_tokens, n[4]),
                           text_cost(u->cost_nanousd, u->unpriced, n[5]),
                           off_by(u, n[6])};
    text_table_add(r->table, cells);
}

static void add_json(struct strbuf *j, const lh_usage *u)
{
    strbuf_append_char(j, '{');
    json_append_text(j, "model", u->name);
    json_append_int(j, "attempts", u->attempts);
    json_append_int(j, "failed", u->failed);
    json_append_int(j, "unpriced", u->unpriced);
    json_append_int(j, "prompt_tokens", u->prompt_tokens);
    json_append_int(j, "cached_tokens", u->cached_tokens);
    json_append_int(j, "cache_write_tokens", u->cache_write_tokens);
    json_append_int(j, "completion_tokens", u->completion_tokens);
    json_append_int(j, "reasoning_tokens", u->reasoning_tokens);
    json_append_int(j, "cost_nanousd", u->cost_nanousd);
    json_append_int(j, "told_prompts", u->told_prompts);
    json_append_int(j, "told_tokens", u->told_tokens);
    json_append_int(j, "counted_tokens", u->counted_tokens);
    json_append_int(j, "counted_error", u->counted_error);
    json_append_int(j, "answers", u->answers);
    json_append_int(j, "answer_tokens", u->answer_tokens);
    json_append_int(j, "answer_max", u->answer_max);
    json_append_int(j, "latency_ms", u->latency_ms);
    strbuf_append_char(j, '}');
}

int usage_report_add(struct usage_report *r, const lh_usage *u)
{
    add_row(r, u);
    if (r->models++ > 0)
        strbuf_append_char(&r->json, ',');
    add_json(&r->json, u);
    return 0;
}

int usage_report_begin(struct usage_report *r, lh_error *err)
{
    static const char *const head[] = {"model",  "requests",  "prompt", "cached",
                                       "output", "reasoning", "cost",   "count off by"};
    *r = (struct usage_report){.table = text_table_new(8, 0xfe)};
    strbuf_init(&r->json);
    if (r->table == NULL)
        return lh_error_nomem(err);
    text_table_add(r->table, head);
    return 0;
}

void usage_report_print(const struct usage_report *r)
{
    if (r->models > 0)
        text_table_print(r->table, stdout);
}

void usage_report_free(struct usage_report *r)
{
    if (r->table == NULL)
        return;
    text_table_free(r->table);
    strbuf_free(&r->json);
    *r = (struct usage_report){0};
}
