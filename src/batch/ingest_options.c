/* An ingest's options: see ingest_options.h. */
#include "batch/ingest_options.h"

#include <stdio.h>
#include <string.h>

#include "batch/line_body.h"
#include "batch/template.h"
#include "provider/provider.h"

enum { NAME_LIMIT = 200 };

void lh_ingest_options_default(lh_ingest_options *o)
{
    *o = (lh_ingest_options){.weight = LH_UNKNOWN, .priority = LH_UNKNOWN, .max_line = (size_t)64 << 20};
}

static int check_name(const char *name, lh_error *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_LIMIT)
        return lh_error_set(err, LH_EUSAGE, "a batch's name has 1 to %d bytes; name it with --batch",
                            NAME_LIMIT);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return lh_error_set(err, LH_EUSAGE,
                                "the batch's name holds control characters; name it with --batch");
    if (!utf8_is_valid(name, len, NULL))
        return lh_error_set(err, LH_EUSAGE, "the batch's name is not UTF-8; name it with --batch");
    return 0;
}

/* The first input's name without folder and extension. */
static void default_name(const char *input, char *out, size_t size)
{
    const char *slash = strrchr(input, '/');
    const char *base = slash != NULL ? slash + 1 : input;
    const char *dot = strrchr(base, '.');
    size_t len = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    if (strcmp(input, "-") == 0)
        snprintf(out, size, "stdin");
    else
        snprintf(out, size, "%.*s", (int)len, base);
}

int ingest_batch_name(const lh_ingest_options *o, char out[INGEST_NAME_SIZE], lh_error *err)
{
    if (o->batch != NULL)
        snprintf(out, INGEST_NAME_SIZE, "%s", o->batch);
    else
        default_name(o->inputs[0], out, INGEST_NAME_SIZE);
    return check_name(out, err);
}

/* What every row would be refused for is told at once: Anthropic asks for a bound. */
static int check_row(const lh_ingest_options *o, lh_error *err)
{
    const struct line_rules rules = {.model = o->model != NULL ? o->model : "m", .max_tokens = o->max_tokens};
    json_object *row = line_body_of_prompt(&rules, o->url, "x", 1);
    lh_error why = {0};
    if (row == NULL)
        return lh_error_nomem(err);
    int rc = provider_check_request(o->url, row, &why);
    json_object_put(row);
    return rc == 0 ? 0
                   : lh_error_set(err, LH_EUSAGE, "rows cannot go to %.100s like this: %.200s%s", o->url,
                                  why.message, o->max_tokens == 0 ? "; give --max-tokens" : "");
}

int ingest_check_options(const lh_ingest_options *o, lh_error *err)
{
    if (o->n_inputs == 0)
        return lh_error_set(err, LH_EUSAGE, "no input; name a file, or - for standard input");
    if (o->priority != LH_UNKNOWN && (o->priority < 0 || o->priority > 1000))
        return lh_error_set(err, LH_EUSAGE, "priority is %lld; it must be 0 to 1000", (long long)o->priority);
    if (o->weight != LH_UNKNOWN && (o->weight < 1 || o->weight > 1000000))
        return lh_error_set(err, LH_EUSAGE, "weight is %lld; it must be 1 to 1000000", (long long)o->weight);
    if (o->max_tokens < 0 || o->max_tokens > 1000000000)
        return lh_error_set(err, LH_EUSAGE, "max-tokens is %lld; it must be 1 to 10^9",
                            (long long)o->max_tokens);
    if (o->max_line < 1024 || o->max_line > (size_t)512 << 20)
        return lh_error_set(err, LH_EUSAGE, "max-line must be 1 kB to 512 MB");
    if (o->update && o->fresh)
        return lh_error_set(err, LH_EUSAGE, "--update adds to a batch and --fresh makes another: choose one");
    if (o->url != NULL && !line_is_url(o->url, strlen(o->url)))
        return lh_error_set(err, LH_EUSAGE,
                            "url is \"%.100s\"; it must be a path such as /v1/chat/completions", o->url);
    if (o->id_field != NULL && o->prompt_template == NULL)
        return lh_error_set(err, LH_EUSAGE, "--id-field names a field of rows; it goes with --template");
    if (o->tenant != NULL && (*o->tenant == '\0' || strlen(o->tenant) >= 128 ||
                              !utf8_is_valid(o->tenant, strlen(o->tenant), NULL)))
        return lh_error_set(err, LH_EUSAGE, "a tenant's name has 1 to 127 bytes of UTF-8");
    if (o->prompt_template == NULL)
        return 0;
    int rc = o->url != NULL ? check_row(o, err) : 0;
    return rc == 0 ? template_check(o->prompt_template, err) : rc;
}
