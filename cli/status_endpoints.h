/* What `status` shows of the endpoints: two lines for one, a table for several; all of each in JSON. */
#ifndef LH_CLI_STATUS_ENDPOINTS_H
#define LH_CLI_STATUS_ENDPOINTS_H

#include "base/json.h"
#include "longhaul.h"

struct endpoint_report {
    struct json_parser *parser; /* owned */
    json_object **list;         /* owned, and each in it */
    size_t count;
    struct strbuf json; /* all of them, with commas */
    const char *first;  /* the first as JSON, borrowed; "{}" without one */
};

/* Call endpoint_report_free, whatever it returns. */
int endpoint_report_read(struct endpoint_report *r, const char *db, lh_error *err);
/* While a worker runs. */
void endpoint_report_print(const struct endpoint_report *r);
/* What the last worker wrote down: a pause or an open breaker is what the next one begins with. */
void endpoint_report_print_last(const struct endpoint_report *r, const lh_worker_stats *w);
void endpoint_report_free(struct endpoint_report *r); /* all zeroes, too */

#endif
