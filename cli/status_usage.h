/* What `status` shows of tokens and money: a table by model when something was used, and the same in JSON. */
#ifndef LH_CLI_STATUS_USAGE_H
#define LH_CLI_STATUS_USAGE_H

#include "base/json.h"
#include "cli/text.h"
#include "longhaul.h"

struct usage_report {
    struct text_table *table; /* owned */
    int64_t models;
    struct strbuf json; /* an object for each model, with commas */
};

/* Call usage_report_free, whatever it returns. */
int usage_report_begin(struct usage_report *r, lh_error *err);
int usage_report_add(struct usage_report *r, const lh_usage *u); /* a model; 0 */
void usage_report_print(const struct usage_report *r);
void usage_report_free(struct usage_report *r); /* all zeroes, too */

#endif
