/* Prompt templates: see template.h. */
#include "batch/template.h"

#include <string.h>

enum { NAME_MAX_BYTES = 128, COUNTED_NAMES = 32 };

/* The name between the braces at `open`, without the spaces around it; *after: past the closing ones. */
static int read_name(const char *open, char *name, const char **after, lh_error *err)
{
    const char *begin = open + 2;
    const char *close = strstr(begin, "}}");
    if (close == NULL)
        return lh_error_set(err, LH_EUSAGE, "the template has {{ without }} at \"%.30s\"", open);
    *after = close + 2;
    while (begin < close && *begin == ' ')
        begin++;
    while (close > begin && close[-1] == ' ')
        close--;
    size_t len = (size_t)(close - begin);
    if (len == 0 || len >= NAME_MAX_BYTES)
        return lh_error_set(err, LH_EUSAGE, "the template has a field without a proper name at \"%.30s\"",
                            open);
    memcpy(name, begin, len);
    name[len] = '\0';
    return 0;
}

int template_fill(const char *text, template_field_fn field, void *arg, struct strbuf *out, lh_error *err)
{
    char name[NAME_MAX_BYTES];
    for (const char *open; (open = strstr(text, "{{")) != NULL;) {
        strbuf_append(out, text, (size_t)(open - text));
        int rc = read_name(open, name, &text, err);
        if (rc == 0)
            rc = field(arg, name, out, err);
        if (rc != 0)
            return rc;
    }
    strbuf_append_str(out, text);
    return out->failed ? lh_error_nomem(err) : 0;
}

static int any_field(void *arg, const char *name, struct strbuf *out, lh_error *err)
{
    (void)arg;
    (void)name;
    (void)out;
    (void)err;
    return 0;
}

int template_check(const char *text, lh_error *err)
{
    struct strbuf out;
    strbuf_init(&out);
    int rc = template_fill(text, any_field, NULL, &out, err);
    strbuf_free(&out);
    return rc;
}

struct uses {
    char name[COUNTED_NAMES][NAME_MAX_BYTES];
    size_t count[COUNTED_NAMES], names;
};

static int count_use(void *arg, const char *name, struct strbuf *out, lh_error *err)
{
    struct uses *u = arg;
    size_t i = 0;
    (void)out;
    (void)err;
    while (i < u->names && strcmp(u->name[i], name) != 0)
        i++;
    if (i == COUNTED_NAMES)
        return 0;
    if (i == u->names)
        memcpy(u->name[u->names++], name, strlen(name) + 1);
    u->count[i]++;
    return 0;
}

size_t template_most_uses(const char *text)
{
    struct uses uses = {0};
    struct strbuf unused;
    size_t most = 1;
    strbuf_init(&unused);
    template_fill(text, count_use, &uses, &unused, NULL);
    strbuf_free(&unused);
    for (size_t i = 0; i < uses.names; i++)
        most = uses.count[i] > most ? uses.count[i] : most;
    return most;
}
