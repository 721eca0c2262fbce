/* How far a load is: the checkpoint "ingest" of a batch, and the parameters that a batch was made with. Pure JSON. */
#ifndef LH_BATCH_LOAD_STATE_H
#define LH_BATCH_LOAD_STATE_H

#include "longhaul.h"

struct load_state {
    bool complete;        /* all of the input is in */
    bool discarding;      /* the input was refused: what was inserted is being removed */
    int64_t lines, bytes; /* that are in */
    char hash[40];        /* of those lines */
    /* what was complete before --update began to add; lines 0 for a new batch */
    int64_t base_lines, base_bytes, base_last_job_id;
    char base_hash[40], base_state[16];
};

/* malloc'd JSON; NULL without memory. */
char *load_state_write(const struct load_state *s);
bool load_state_read(const char *json, struct load_state *s); /* false: damaged */

/* The parameters of a load as JSON (malloc'd), in a fixed order so that equal ones are equal texts. */
char *load_params_write(const lh_ingest_options *o);
/* LH_EMISMATCH naming each parameter that differs; 0 when none does. */
int load_params_compare(const char *batch, const char *was, const char *is, lh_error *err);

/* LH_EMISMATCH when tenant, weight or priority are given and not what the batch has: they are not changed by loading it again. */
int load_rank_compare(const lh_batch *b, const lh_ingest_options *o, lh_error *err);

#endif
