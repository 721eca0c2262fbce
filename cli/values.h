/* Values as people write them on a command line, in the environment or in YAML: 10k, 64M, 200ms, 100/60, high. Pure; never
 * allocates. */
#ifndef LH_CLI_VALUES_H
#define LH_CLI_VALUES_H

#include <stdbool.h>

enum value_kind {                 /* and what `at` points to: */
                  VALUE_FLAG,     /* bool */
                  VALUE_TEXT,     /* const char *: the text itself, which must live on */
                  VALUE_COUNT,    /* int64_t, >= 0 */
                  VALUE_SECONDS,  /* int64_t ms, rounded up */
                  VALUE_SIZE,     /* int64_t bytes */
                  VALUE_REAL,     /* double, >= 0 */
                  VALUE_WINDOW,   /* int64_t[2]: count and ms, both > 0 */
                  VALUE_USD,      /* int64_t nano-dollars */
                  VALUE_PRIORITY, /* int64_t, 0 to 1000 */
};

/* False when the text is no such value; *at is of no meaning then. */
bool value_read(enum value_kind kind, const char *text, void *at);
/* What would be one, for a person: "a whole number such as 500, 10k or 2M". Static. */
const char *value_wanted(enum value_kind kind);

#endif
