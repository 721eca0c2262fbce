/* Finished jobs out of the store, in pages, so that no long snapshot pins the write-ahead log. Inside `batch`. */
#ifndef LH_BATCH_EXPORT_READ_H
#define LH_BATCH_EXPORT_READ_H

#include "batch/export_line.h"
#include "store/batches.h"

typedef int (*export_row_fn)(void *arg, const struct export_row *row, lh_error *err);

/* All finished jobs of a batch in input order. */
int export_read_input(struct store *s, const lh_batch *b, export_row_fn fn, void *arg, lh_error *err);

/* Up to a page of jobs that finished after `seq`, in order of completion. *seq moves on; *count says how many. */
int export_read_completed(struct store *s, int64_t batch_id, int64_t *seq, export_row_fn fn, void *arg,
                          int64_t *count, lh_error *err);

#endif
