/* How far a load is: see load_state.h. */
#include "batch/load_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

char *load_state_write(const struct load_state *s)
{
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_char(&b, '{');
    json_append_int(&b, "complete", s->complete);
    json_append_int(&b, "discarding", s->discarding);
    json_append_int(&b, "lines", s->lines);
    json_append_int(&b, "bytes", s->bytes);
    json_append_text(&b, "hash", s->hash);
    json_append_int(&b, "base_lines", s->base_lines);
    json_append_int(&b, "base_bytes", s->base_bytes);
    json_append_int(&b, "base_last_job_id", s->base_last_job_id);
    json_append_text(&b, "base_hash", s->base_hash);
    json_append_text(&b, "base_state", s->base_state);
    strbuf_append_char(&b, '}');
    char *text = strbuf_take(&b);
    strbuf_free(&b);
    return text;
}

static void get_text(json_object *o, const char *key, char *out, size_t size)
{
    const char *text = json_get_string(o, key);
    snprintf(out, size, "%s", text != NULL ? text : "");
}

bool load_state_read(const char *json, struct load_state *s)
{
    *s = (struct load_state){0};
    json_object *o = json != NULL ? json_tokener_parse(json) : NULL;
    bool ok = json_is_object(o);
    s->complete = json_get_int(o, "complete", 0) != 0;
    s->discarding = json_get_int(o, "discarding", 0) != 0;
    s->lines = json_get_int(o, "lines", 0);
    s->bytes = json_get_int(o, "bytes", 0);
    s->base_lines = json_get_int(o, "base_lines", 0);
    s->base_bytes = json_get_int(o, "base_bytes", 0);
    s->base_last_job_id = json_get_int(o, "base_last_job_id", 0);
    get_text(o, "hash", s->hash, sizeof s->hash);
    get_text(o, "base_hash", s->base_hash, sizeof s->base_hash);
    get_text(o, "base_state", s->base_state, sizeof s->base_state);
    json_object_put(o);
    return ok;
}

static const struct {
    const char *key, *option;
} params[] = {{"model", "--model"},
              {"template", "--template"},
              {"id_field", "--id-field"},
              {"url", "--url"},
              {"max_tokens", "--max-tokens"}};

char *load_params_write(const lh_ingest_options *o)
{
    char bound[32];
    snprintf(bound, sizeof bound, "%lld", (long long)o->max_tokens);
    const char *const values[] = {o->model, o->prompt_template, o->id_field, o->url,
                                  o->max_tokens > 0 ? bound : NULL};
    struct strbuf b;
    strbuf_init(&b);
    strbuf_append_char(&b, '{');
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        if (values[i] != NULL)
            json_append_text(&b, params[i].key, values[i]);
    strbuf_append_char(&b, '}');
    char *text = strbuf_take(&b);
    strbuf_free(&b);
    return text;
}

static const char *value_of(json_object *o, const char *key)
{
    const char *value = json_get_string(o, key);
    return value != NULL ? value : "(none)";
}

/* "--model was X and is now Y": of long texts the part where they differ. */
static void append_difference(struct strbuf *out, const char *option, const char *was, const char *is)
{
    enum { SHOWN = 100, BEFORE = 30 };
    size_t same = 0;
    while (was[same] != '\0' && was[same] == is[same])
        same++;
    size_t from = same > SHOWN / 2 ? same - BEFORE : 0;
    while (from > 0 && ((unsigned char)was[from] & 0xC0) == 0x80) /* not inside a character */
        from--;
    const char *cut = from > 0 ? "…" : "";
    strbuf_appendf(out, "%s%s was %s%.*s and is now %s%.*s", out->len > 0 ? ", " : "", option, cut, SHOWN,
                   was + from, cut, SHOWN, is + from);
}

int load_params_compare(const char *batch, const char *was, const char *is, lh_error *err)
{
    if (strcmp(was, is) == 0)
        return 0;
    json_object *old = json_tokener_parse(was), *new = json_tokener_parse(is);
    struct strbuf text;
    strbuf_init(&text);
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        const char *a = value_of(old, params[i].key), *b = value_of(new, params[i].key);
        if (strcmp(a, b) != 0)
            append_difference(&text, params[i].option, a, b);
    }
    json_object_put(old);
    json_object_put(new);
    int rc = lh_error_set(err, LH_EMISMATCH,
                          "batch %s was made with other settings: %.700s. Use the same, or --fresh for "
                          "another batch, or --batch for another name",
                          batch, text.data);
    strbuf_free(&text);
    return rc;
}

static int say_ranked(const lh_batch *b, const char *what, const char *was, const char *is, lh_error *err)
{
    return lh_error_set(
        err, LH_EMISMATCH,
        "batch %s was made with --%s %s, and is asked for with %s. Leave it out, or give --fresh for "
        "another batch, or --batch for another name",
        b->name, what, was, is);
}

int load_rank_compare(const lh_batch *b, const lh_ingest_options *o, lh_error *err)
{
    const struct {
        const char *what;
        bool is_given;
        int64_t was, is;
    } numbers[] = {{"weight", o->weight != LH_UNKNOWN, b->weight, o->weight},
                   {"priority", o->priority != LH_UNKNOWN, b->priority, o->priority}};
    if (o->tenant != NULL && strcmp(o->tenant, b->tenant) != 0)
        return say_ranked(b, "tenant", b->tenant, o->tenant, err);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].is_given && numbers[i].was != numbers[i].is) {
            char was[32], is[32];
            snprintf(was, sizeof was, "%lld", (long long)numbers[i].was);
            snprintf(is, sizeof is, "%lld", (long long)numbers[i].is);
            return say_ranked(b, numbers[i].what, was, is, err);
        }
    return 0;
}
