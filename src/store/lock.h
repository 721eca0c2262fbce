/* One worker at a time on a store: an flock on a file beside it (FILE.lock), which holds the worker's pid for people.
 * The lock is the kernel's, so it goes when the process goes, however it goes. The database file itself is never opened
 * here: closing it would drop SQLite's own POSIX locks. */
#ifndef LH_STORE_LOCK_H
#define LH_STORE_LOCK_H

#include <stdint.h>

#include "base/error.h"

struct store_lock;

/* LH_ELOCKED names the pid that has it; LH_EREADONLY, LH_EIO. `db` is the path of an existing database; two names of one
 * file (symbolic links) share one lock. */
int store_lock_take(const char *db, struct store_lock **out, lh_error *err);
void store_lock_free(struct store_lock *l); /* NULL-safe */

/* *pid: the worker that has the store now, 0 when there is none. */
int store_lock_holder(const char *db, int64_t *pid);

#endif
