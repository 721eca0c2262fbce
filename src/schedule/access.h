/* How an endpoint is reached in one dialect: base URL, key and header lines. Keys come from the environment, live in this struct
 * alone, and are wiped when it is freed. Loop thread. */
#ifndef LH_SCHEDULE_ACCESS_H
#define LH_SCHEDULE_ACCESS_H

#include "provider/provider.h"

enum { ACCESS_HEADERS = 8 };

struct access {
    enum dialect dialect;
    bool ready;                          /* resolved */
    char *base_url;                      /* owned */
    struct strbuf lines;                 /* the header lines; holds the key */
    const char *headers[ACCESS_HEADERS]; /* into lines */
    size_t n_headers;
    const char *key; /* into lines; NULL without */
};

/* base_url NULL: the dialect's variable, else its official host. key_variable: of the environment; NULL: no key is sent. LH_EUSAGE for a
 * bad base URL; LH_EINPUT when the official host would be asked without a key, naming the variable to set, or when the key cannot stand
 * in a header. On failure *a is empty. */
int access_resolve(struct access *a, enum dialect d, const char *base_url, const char *key_variable,
                   lh_error *err);
/* The base URL that access_resolve would take. Borrowed. */
const char *access_base_url(enum dialect d, const char *base_url);
/* Makes the key unreadable wherever `text` holds it: providers echo what they refuse. */
void access_hide_key(const struct access *a, char *text, size_t len);
void access_free(struct access *a);

#endif
