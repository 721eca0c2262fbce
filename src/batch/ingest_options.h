/* What makes sense as an ingest's options, and the batch that they mean. Pure; any thread. */
#ifndef LH_BATCH_INGEST_OPTIONS_H
#define LH_BATCH_INGEST_OPTIONS_H

#include "longhaul.h"

enum { INGEST_NAME_SIZE = 256 };

/* LH_EUSAGE names the option that makes no sense. */
int ingest_check_options(const lh_ingest_options *o, lh_error *err);
/* The batch's name: that of the options, else by the first input. LH_EUSAGE when it can be none. */
int ingest_batch_name(const lh_ingest_options *o, char out[INGEST_NAME_SIZE], lh_error *err);

#endif
