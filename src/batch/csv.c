/* CSV: see csv.h. */
#include "batch/csv.h"

#include <stdbool.h>
#include <string.h>

void csv_record_init(struct csv_record *r)
{
    strbuf_init(&r->text);
    r->count = 0;
}

void csv_record_free(struct csv_record *r)
{
    strbuf_free(&r->text);
    r->count = 0;
}

/* Reads the field at *at; leaves *at on the comma or the end. */
static int read_field(const char *data, size_t len, size_t *at, struct strbuf *out, lh_error *err)
{
    size_t i = *at;
    if (i >= len || data[i] != '"') {
        const char *comma = memchr(data + i, ',', len - i);
        size_t end = comma != NULL ? (size_t)(comma - data) : len;
        strbuf_append(out, data + i, end - i);
        *at = end;
        return 0;
    }
    for (i++;; i++) {
        if (i >= len)
            return lh_error_set(err, LH_EINPUT, "a quote is not closed");
        if (data[i] == '"' && (i + 1 >= len || data[i + 1] != '"'))
            break;
        if (data[i] == '"')
            i++;
        strbuf_append_char(out, data[i]);
    }
    *at = i + 1;
    if (*at < len && data[*at] != ',')
        return lh_error_set(err, LH_EINPUT, "text follows a closing quote");
    return 0;
}

int csv_split(const char *data, size_t len, struct csv_record *out, lh_error *err)
{
    strbuf_reset(&out->text);
    out->count = 0;
    for (size_t at = 0;; at++) {
        if (out->count == CSV_MAX_FIELDS)
            return lh_error_set(err, LH_EINPUT, "more than %d fields", CSV_MAX_FIELDS);
        out->start[out->count++] = out->text.len;
        int rc = read_field(data, len, &at, &out->text, err);
        if (rc != 0)
            return rc;
        strbuf_append_char(&out->text, '\0');
        if (at >= len)
            return out->text.failed ? lh_error_nomem(err) : 0;
    }
}

const char *csv_field(const struct csv_record *r, size_t i)
{
    return r->text.data + r->start[i];
}

void csv_append(struct strbuf *out, const char *text, size_t len)
{
    bool quote = false;
    for (size_t i = 0; i < len && !quote; i++)
        quote = strchr("\",\r\n", text[i]) != NULL;
    if (!quote) {
        strbuf_append(out, text, len);
        return;
    }
    strbuf_append_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            strbuf_append_char(out, '"');
        strbuf_append_char(out, text[i]);
    }
    strbuf_append_char(out, '"');
}
