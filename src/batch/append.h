/* Output in order of completion: appended as jobs finish, with a checkpoint of what is safely in the file. Inside `batch`. */
#ifndef LH_BATCH_APPEND_H
#define LH_BATCH_APPEND_H

#include "batch/export_line.h"
#include "batch/output.h"
#include "longhaul.h"
#include "store/batches.h"

struct appender;

/* Opens the file where its checkpoint says that it is good: cuts a torn tail, begins anew when lines were taken back by a requeue or when the
 * file is gone. LH_ESTATE: the file holds something that this batch did not write. */
int appender_open(const char *db, const lh_export_options *o, struct appender **out, lh_error *err);
void appender_free(struct appender *a); /* NULL-safe */

/* Appends what has finished since the last time; file first, then checkpoint. *count: how many lines. */
int appender_run(struct appender *a, int64_t *count, lh_error *err);
int appender_report(struct appender *a, lh_export_report *report, lh_error *err);

#endif
