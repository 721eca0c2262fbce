/* Where requests go: base URL, key and header lines of one dialect. Keys come from the environment, live in this struct
 * alone, and are wiped when it is freed. Loop thread. */
#ifndef LH_SCHEDULE_ENDPOINT_H
#define LH_SCHEDULE_ENDPOINT_H

#include "longhaul.h"
#include "provider/provider.h"

enum { ENDPOINT_HEADERS = 8 };

struct endpoint {
    enum dialect dialect;
    bool ready;                            /* resolved */
    char *base_url;                        /* owned */
    struct strbuf lines;                   /* the header lines; holds the key */
    const char *headers[ENDPOINT_HEADERS]; /* into lines */
    size_t n_headers;
    const char *key; /* into lines; NULL without */
};

/* Resolves options and environment. LH_EUSAGE for a bad base URL; LH_EINPUT when the official host would be asked
 * without a key, naming the variable to set, or when the key cannot stand in a header. On failure *e is empty. */
int endpoint_resolve(struct endpoint *e, enum dialect d, const lh_endpoint_options *o, lh_error *err);
/* Makes the key unreadable wherever `text` holds it: providers echo what they refuse. */
void endpoint_hide_key(const struct endpoint *e, char *text, size_t len);
void endpoint_free(struct endpoint *e);

#endif
