/* CSV records (RFC 4180): fields, quotes, doubled quotes. Pure; any thread. */
#ifndef LH_BATCH_CSV_H
#define LH_BATCH_CSV_H

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

enum { CSV_MAX_FIELDS = 1024 };

struct csv_record {
    struct strbuf text;           /* the fields, each zero-terminated */
    size_t start[CSV_MAX_FIELDS]; /* of each field in text */
    size_t count;
};
void csv_record_init(struct csv_record *r);
void csv_record_free(struct csv_record *r);

/* Splits one record (without its line end). LH_EINPUT: an unclosed quote, text after a closing one, too many fields. */
int csv_split(const char *data, size_t len, struct csv_record *out, lh_error *err);
const char *csv_field(const struct csv_record *r, size_t i);

/* Appends a field for output, quoted when it must be. */
void csv_append(struct strbuf *out, const char *text, size_t len);

#endif
