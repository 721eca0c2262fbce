/* The store thread: the only writer of a run. The scheduler's loop posts outcomes and asks for claims; the thread drains
 * what has gathered in one transaction (group commit) and hands back claims and what is left to do.
 *
 * A group is committed at 256 outcomes or when the first has waited `linger_ms`, at once when the loop is starving. A
 * failure that may pass (disk full, locked, I/O) keeps the group and tries again each second; nothing is claimed then.
 * Any other failure ends the thread, and the report says why.
 *
 * All functions on the loop's thread. `wake` runs on the store thread and must only wake the loop. */
#ifndef LH_STORE_WRITER_H
#define LH_STORE_WRITER_H

#include "store/drain.h"

struct writer;

struct writer_options {
    const char *db;
    enum durability durability;
    int64_t batch_id;        /* scope; LH_UNKNOWN: all batches */
    int64_t max_attempts;    /* for the recovery of orphans */
    int64_t job_deadline_ms; /* from a job's first claim; 0: none */
    struct drain_tuning tuning;
    void (*wake)(void *arg);
    void *wake_arg;
};

/* Takes the worker lock, recovers orphans (*recovery says how many), starts the thread. */
int writer_start(const struct writer_options *o, struct recovery *recovery, struct writer **out,
                 lh_error *err);

const char *writer_store_id(const struct writer *w); /* see store_identity */

/* Moves `o` to the store thread. */
void writer_post(struct writer *w, struct outcome *o);
/* Asks for `n` more claims, as soon as there are ready jobs. starving: slots are empty, do not linger. */
void writer_ask(struct writer *w, int64_t n, bool starving);
/* Of these routes none is wanted, until the next call. A copy is made. */
void writer_shut(struct writer *w, const struct route_set *routes);
/* Takes back what was asked; claims that are on their way still come. */
void writer_ask_nothing(struct writer *w);
/* Moves `note` to the store thread, to be put with the next commit in place of one of its key that is not written yet. Kept while
 * commits fail. */
void writer_note(struct writer *w, struct checkpoint_note *note);
void writer_steer(struct writer *w, const struct steer_note *note);

struct writer_report {
    struct claim_list claims; /* owned by the caller from here */
    int64_t committed;        /* outcomes since the last report */
    int64_t claimed_total; /* claims ever handed out, these included: asked − handed out are still to come */
    int64_t drains;        /* ever; a view is of the last one */
    int64_t asked_at_drain; /* of the last drain: how many claims it could not fill */
    struct scope_view view;
    bool has_view;
    int64_t shuts;     /* calls of writer_shut that the view takes into account */
    bool failing;      /* commits fail and are tried again: nothing that leaves now could be kept */
    char trouble[256]; /* why, or why nothing is claimed; "" when all is well */
    int fatal;         /* 0, or the code of `error` */
    lh_error error;
    int64_t wal_bytes;
};
void writer_collect(struct writer *w, struct writer_report *out);

/* Commits all that was posted, then ends the thread, marks the worker stopped and gives the lock back. While commits fail with a
 * passing error it keeps trying for `patience_ms`, then gives up: LH code, and what was not stored is redone by the next run. */
int writer_stop(struct writer *w, const char *reason, int64_t patience_ms, lh_error *err);

#endif
