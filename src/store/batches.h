/* Batches: rows that the writer, ingest, export and commands all read. Any thread with its own store. */
#ifndef LH_STORE_BATCHES_H
#define LH_STORE_BATCHES_H

#include "longhaul.h"
#include "store/store.h"

/* The batch of that name: 0 and *out, or LH_ENOTFOUND with the names that are there. */
int batch_find(struct store *s, const char *name, lh_batch *out, lh_error *err);
int batch_get(struct store *s, int64_t id, lh_batch *out, lh_error *err);

/* Each batch in order of id; a non-zero return of `fn` ends the walk and is returned. */
int batch_each(struct store *s, int (*fn)(void *arg, const lh_batch *b), void *arg, lh_error *err);

/* As lh_tenant_each. */
int tenant_each(struct store *s, int (*fn)(void *arg, const lh_tenant *t), void *arg, lh_error *err);

#endif
