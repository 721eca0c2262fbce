/* The store thread: see writer.h. Fields of `shared` under its mutex; `drain` is the thread's alone. */
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "longhaul.h"
#include "store/lock.h"

enum {
    GROUP_MAX = 256,
    LINGER_US = 1500,
    POLL_MS = 250,   /* how soon a pause or a submit of another process is seen */
    RETRY_MS = 1000, /* after a failure that may pass */
    BUSY_MS =
        2000, /* for another process to end its transaction; short, as a stop is seen only between tries */
    CLAIM_BYTES = 8 << 20, /* bodies of one claim */
};

struct shared {
    uv_mutex_t mutex;
    uv_cond_t wake;
    struct outcome *first, **last; /* posted */
    int64_t posted;                /* in that list */
    int64_t first_posted_ns;
    int64_t asked;
    bool starving;
    struct route_set shut;
    int64_t shuts; /* calls of writer_shut */
    struct notes notes;
    struct steer_note *steer,
        **steer_last; /* none is lost when a second comes before the commit of the first */
    bool stopping;
    int64_t give_up_ns;       /* when stopping: no more patience after this */
    struct writer_report out; /* gathered for the next collect */
};

struct writer {
    struct shared shared;
    struct drain drain;
    struct store_lock *lock;
    void (*wake)(void *arg);
    void *wake_arg;
    uv_thread_t thread;
    char store_id[40];
    bool thread_runs;
    /* of the thread: the group that is being written, kept while commits fail */
    struct outcome *group, **group_last;
    int64_t group_count;
    struct notes notes;
    struct steer_note *steer, **steer_last;
    struct route_set shut;
    int64_t shuts;
    bool look_again; /* other routes are shut than when the last claim was made */
    bool failing;
};

static void free_outcomes(struct outcome *o)
{
    while (o != NULL) {
        struct outcome *next = o->next;
        outcome_free(o);
        o = next;
    }
}

static void free_steering(struct steer_note *note)
{
    while (note != NULL) {
        struct steer_note *next = note->next;
        free(note);
        note = next;
    }
}

static bool has_work(const struct shared *s)
{
    return s->posted > 0 || (s->asked > 0 && s->starving) || s->steer != NULL || s->stopping;
}

static void wait_ns(struct shared *s, int64_t ns)
{
    if (ns > 0)
        uv_cond_timedwait(&s->wake, &s->mutex, (uint64_t)ns);
}

/* Sleeps until something is worth a transaction: posted outcomes, an empty loop, or every POLL_MS a look around.
 * Then lingers, so that a group gathers. Mutex held. */
static void await_group(struct writer *w)
{
    struct shared *s = &w->shared;
    if (w->failing) {
        int64_t until = clock_monotonic_ns() + (int64_t)RETRY_MS * 1000000;
        while (!s->stopping && clock_monotonic_ns() < until)
            wait_ns(s, until - clock_monotonic_ns());
        if (s->stopping)
            wait_ns(s, 100 * 1000000);
        return;
    }
    if (!has_work(s) && !w->drain.view.unfinished)
        wait_ns(s, (int64_t)POLL_MS * 1000000);
    while (s->posted > 0 && s->posted < GROUP_MAX && !s->starving && !s->stopping && s->steer == NULL) {
        int64_t left = s->first_posted_ns + (int64_t)LINGER_US * 1000 - clock_monotonic_ns();
        if (left <= 0)
            break;
        wait_ns(s, left);
    }
}

/* Moves what was posted into the thread's group. Mutex held. */
static void take_group(struct writer *w)
{
    struct shared *s = &w->shared;
    if (s->first != NULL) {
        *w->group_last = s->first;
        w->group_last = s->last;
        w->group_count += s->posted;
        s->first = NULL;
        s->last = &s->first;
        s->posted = 0;
    }
    notes_move(&w->notes, &s->notes);
    if (s->steer != NULL) {
        *w->steer_last = s->steer;
        w->steer_last = s->steer_last;
        s->steer = NULL;
        s->steer_last = &s->steer;
    }
    s->starving = false;
    if (s->shuts != w->shuts) {
        w->shut = s->shut;
        w->shuts = s->shuts;
        w->look_again = true;
    }
}

static void clear_group(struct writer *w)
{
    free_outcomes(w->group);
    w->group = NULL;
    w->group_last = &w->group;
    w->group_count = 0;
    notes_free(&w->notes);
    free_steering(w->steer);
    w->steer = NULL;
    w->steer_last = &w->steer;
}

static void append_claims(struct claim_list *to, struct claim_list *from)
{
    if (from->first == NULL)
        return;
    *to->last = from->first;
    to->last = from->last;
    to->count += from->count;
    to->bytes += from->bytes;
    claim_list_init(from);
}

static void publish_success(struct writer *w, struct drain_work *work)
{
    struct shared *s = &w->shared;
    uv_mutex_lock(&s->mutex);
    s->out.committed += w->group_count;
    s->out.claimed_total += work->claims.count;
    s->asked -= work->claims.count < s->asked ? work->claims.count : s->asked;
    s->out.asked_at_drain = s->asked;
    append_claims(&s->out.claims, &work->claims);
    s->out.view = w->drain.view;
    s->out.has_view = true;
    s->out.shuts = w->shuts;
    s->out.drains++;
    s->out.wal_bytes = wal_bytes(&w->drain.wal);
    snprintf(s->out.trouble, sizeof s->out.trouble, "%s",
             wal_is_full(&w->drain.wal) ? "the write-ahead log is full: a long reader must end" : "");
    s->out.failing = false;
    uv_mutex_unlock(&s->mutex);
    if (w->failing)
        log_warn("%s: writing works again, going on", store_path(w->drain.store));
    w->failing = false;
    clear_group(w);
}

/* True when the thread must end. */
static bool publish_failure(struct writer *w, const lh_error *error)
{
    struct shared *s = &w->shared;
    bool passing = store_error_is_passing(error->code);
    if (passing && !w->failing)
        log_warn("%s. Nothing new is sent; %lld answers are kept in memory; trying again each second",
                 error->message, (long long)w->group_count);
    w->failing = passing;
    uv_mutex_lock(&s->mutex);
    snprintf(s->out.trouble, sizeof s->out.trouble, "%.250s", error->message);
    s->out.failing = passing;
    bool impatient = s->stopping && clock_monotonic_ns() >= s->give_up_ns;
    if (!passing || impatient) {
        s->out.fatal = error->code;
        s->out.error = *error;
    }
    uv_mutex_unlock(&s->mutex);
    return !passing || impatient;
}

/* One transaction with all there is. True when the thread must end. */
static bool drain_group(struct writer *w, int64_t want)
{
    w->look_again = false;
    struct drain_work work = {.outcomes = w->group,
                              .want = want,
                              .shut = &w->shut,
                              .shuts = w->shuts,
                              .max_bytes = CLAIM_BYTES,
                              .notes = &w->notes,
                              .steer = w->steer,
                              .now_ms = clock_wall_ms()};
    lh_error error = {0};
    int rc = drain_run(&w->drain, &work, &error);
    bool over = false;
    if (rc == 0)
        publish_success(w, &work);
    else
        over = publish_failure(w, &error);
    w->wake(w->wake_arg);
    return over;
}

static bool worth_a_drain(struct writer *w, int64_t want)
{
    if (w->group_count > 0 || w->notes.first != NULL || w->steer != NULL || w->failing)
        return true;
    if (want > 0 && (w->look_again || !w->shared.out.has_view))
        return true;
    const struct scope_view *view = &w->drain.view;
    bool ready = want > 0 && view->claimable > 0;
    return ready || view->unfinished || drain_is_due(&w->drain, clock_wall_ms());
}

static void run(void *arg)
{
    struct writer *w = arg;
    struct shared *s = &w->shared;
    for (bool over = false; !over;) {
        uv_mutex_lock(&s->mutex);
        await_group(w);
        take_group(w);
        bool stopping = s->stopping;
        int64_t want = stopping ? 0 : s->asked;
        uv_mutex_unlock(&s->mutex);
        if (worth_a_drain(w, want))
            over = drain_group(w, want);
        uv_mutex_lock(&s->mutex);
        bool idle = w->group_count == 0 && s->posted == 0 && w->notes.first == NULL && w->steer == NULL;
        over = over || (stopping && idle);
        uv_mutex_unlock(&s->mutex);
    }
}

static int start_thread(struct writer *w, lh_error *err)
{
    if (uv_mutex_init(&w->shared.mutex) != 0)
        return lh_error_nomem(err);
    if (uv_cond_init(&w->shared.wake) != 0) {
        uv_mutex_destroy(&w->shared.mutex);
        return lh_error_nomem(err);
    }
    if (uv_thread_create(&w->thread, run, w) != 0) {
        uv_cond_destroy(&w->shared.wake);
        uv_mutex_destroy(&w->shared.mutex);
        return lh_error_set(err, LH_ENOMEM, "cannot start the store's thread");
    }
    w->thread_runs = true;
    return 0;
}

static void writer_free(struct writer *w, const char *reason)
{
    drain_close(&w->drain, reason);
    store_lock_free(w->lock);
    clear_group(w);
    free_outcomes(w->shared.first);
    notes_free(&w->shared.notes);
    free_steering(w->shared.steer);
    claim_list_free(&w->shared.out.claims);
    free(w);
}

int writer_start(const struct writer_options *o, struct recovery *recovery, struct writer **out,
                 lh_error *err)
{
    *out = NULL;
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return lh_error_nomem(err);
    w->group_last = &w->group;
    w->shared.last = &w->shared.first;
    w->steer_last = &w->steer;
    w->shared.steer_last = &w->shared.steer;
    w->wake = o->wake;
    w->wake_arg = o->wake_arg;
    claim_list_init(&w->shared.out.claims);
    *recovery = (struct recovery){.max_attempts = o->max_attempts, .now_ms = clock_wall_ms()};
    int rc = store_lock_take(o->db, &w->lock, err);
    if (rc == 0)
        rc = drain_open(&w->drain, o->db, o->durability, o->batch_id, err);
    drain_tune(&w->drain, &o->tuning);
    if (rc == 0)
        rc = recover_orphans(w->drain.store, recovery, err);
    if (rc == 0)
        rc = drain_begin_deadlines(&w->drain, o->job_deadline_ms, recovery->now_ms, err);
    if (rc == 0)
        rc = store_identity(w->drain.store, w->store_id, err);
    if (rc == 0)
        store_set_busy_timeout(w->drain.store, BUSY_MS);
    if (rc == 0)
        rc = start_thread(w, err);
    if (rc != 0) {
        writer_free(w, "failed");
        return rc;
    }
    *out = w;
    return 0;
}

const char *writer_store_id(const struct writer *w)
{
    return w->store_id;
}

void writer_post(struct writer *w, struct outcome *o)
{
    struct shared *s = &w->shared;
    o->next = NULL;
    uv_mutex_lock(&s->mutex);
    *s->last = o;
    s->last = &o->next;
    s->posted++;
    if (s->posted == 1)
        s->first_posted_ns = clock_monotonic_ns();
    if (s->posted == 1 || s->posted == GROUP_MAX)
        uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
}

void writer_ask(struct writer *w, int64_t n, bool starving)
{
    struct shared *s = &w->shared;
    uv_mutex_lock(&s->mutex);
    s->asked += n;
    bool urgent = starving && !s->starving;
    s->starving = s->starving || starving;
    if (urgent)
        uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
}

void writer_shut(struct writer *w, const struct route_set *routes)
{
    struct shared *s = &w->shared;
    uv_mutex_lock(&s->mutex);
    s->shut = *routes;
    s->shuts++;
    if (s->asked > 0)
        uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
}

void writer_ask_nothing(struct writer *w)
{
    uv_mutex_lock(&w->shared.mutex);
    w->shared.asked = 0;
    w->shared.starving = false;
    uv_mutex_unlock(&w->shared.mutex);
}

void writer_note(struct writer *w, struct checkpoint_note *note)
{
    uv_mutex_lock(&w->shared.mutex);
    notes_put(&w->shared.notes, note);
    uv_mutex_unlock(&w->shared.mutex);
}

void writer_steer(struct writer *w, const struct steer_note *note)
{
    struct steer_note *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        log_error("out of memory: a batch could not be paused or canceled");
        return;
    }
    *copy = *note;
    copy->next = NULL;
    uv_mutex_lock(&w->shared.mutex);
    *w->shared.steer_last = copy;
    w->shared.steer_last = &copy->next;
    uv_cond_signal(&w->shared.wake);
    uv_mutex_unlock(&w->shared.mutex);
}

void writer_collect(struct writer *w, struct writer_report *out)
{
    struct shared *s = &w->shared;
    uv_mutex_lock(&s->mutex);
    *out = s->out;
    if (out->claims.first == NULL)
        out->claims.last = &out->claims.first;
    s->out.committed = 0;
    claim_list_init(&s->out.claims);
    uv_mutex_unlock(&s->mutex);
}

int writer_stop(struct writer *w, const char *reason, int64_t patience_ms, lh_error *err)
{
    struct shared *s = &w->shared;
    uv_mutex_lock(&s->mutex);
    s->stopping = true;
    s->give_up_ns = clock_monotonic_ns() + patience_ms * 1000000;
    uv_cond_signal(&s->wake);
    uv_mutex_unlock(&s->mutex);
    uv_thread_join(&w->thread);
    int rc = s->out.fatal;
    if (rc != 0 && err != NULL)
        *err = s->out.error;
    uv_cond_destroy(&s->wake);
    uv_mutex_destroy(&s->mutex);
    writer_free(w, reason);
    return rc;
}
