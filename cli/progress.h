/* Progress of a run on standard error: one live line on a terminal, a plain line now and then elsewhere. Main thread. */
#ifndef LH_CLI_PROGRESS_H
#define LH_CLI_PROGRESS_H

#include <stdbool.h>

#include "longhaul.h"

enum progress_kind { PROGRESS_LIVE, PROGRESS_PLAIN, PROGRESS_NONE };

struct progress {
    enum progress_kind kind;
    bool shown; /* a live line is on the terminal */
    int64_t last_ms;
    char line[1024];
};

/* name: auto, plain or none; false for another. */
bool progress_init(struct progress *p, const char *name, bool quiet);
void progress_run(void *arg, const lh_progress *now);           /* for lh_run_options */
void progress_ingest(void *arg, int64_t lines, int64_t bytes);  /* for lh_ingest_options */
void progress_reading(void *arg, int64_t lines, int64_t bytes); /* the same of what is only read */
void progress_end(struct progress *p);                          /* takes the live line away */

#endif
