/* The table of options, inside the option layer only: a new option is a row of option_table.c. Main thread. */
#ifndef LH_CLI_OPTION_TABLE_H
#define LH_CLI_OPTION_TABLE_H

#include <stddef.h>

#include "cli/options.h"
#include "cli/values.h"

struct option {
    const char *name;
    char letter;
    enum value_kind kind;
    unsigned groups;
    size_t offset;
    const char *arg, *help;
};

enum { OPTION_MOST = 160 }; /* there are no more */
extern const struct option options[];
extern const size_t option_count;

/* What a person might look for and will find nowhere, and what to do instead; NULL of any other name. */
const char *option_advice(const char *name);

bool option_set(struct settings *s, const struct option *o,
                const char *text); /* false: it is no such value */
int option_say_bad(const struct option *o, const char *text, const char *where); /* EXIT_USAGE */

/* The YAML file, or longhaul.yaml when there is one: what is not set yet. 0 or an exit code after a message. */
int options_read_file(struct app *app, unsigned groups, bool *set);
/* The file that --prices names, if any, into settings.run.models. 0 or an exit code after a message. */
int options_read_prices(struct app *app);

#endif
