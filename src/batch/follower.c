/* A thread that appends finished jobs to a file while a batch runs: lh_follower_* of longhaul.h. */
#include <stdlib.h>
#include <uv.h>

#include "base/log.h"
#include "batch/append.h"

enum { POLL_MS = 300 };

struct lh_follower {
    struct appender *appender; /* the thread's, until it is joined */
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t changed;
    bool stop;
    lh_error error; /* code 0, or why the thread ended */
};

static bool wait_for_stop(lh_follower *f)
{
    uv_mutex_lock(&f->mutex);
    if (!f->stop)
        uv_cond_timedwait(&f->changed, &f->mutex, (uint64_t)POLL_MS * 1000000);
    bool stop = f->stop;
    uv_mutex_unlock(&f->mutex);
    return stop;
}

/* A full disk here must not stop the run: the results are in the store, and the file is written at the end. */
static void run(void *arg)
{
    lh_follower *f = arg;
    for (bool stop = false; !stop;) {
        int64_t count = 0;
        stop = wait_for_stop(f);
        lh_error error = {0};
        int rc = appender_run(f->appender, &count, &error);
        if (rc != 0 && f->error.code == 0)
            log_warn("%s", error.message);
        f->error = rc != 0 ? error : (lh_error){0};
    }
}

int lh_follower_start(const char *db, const lh_export_options *o, lh_follower **out, lh_error *err)
{
    *out = NULL;
    lh_follower *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lh_error_nomem(err);
    int rc = appender_open(db, o, &f->appender, err);
    if (rc != 0) {
        free(f);
        return rc;
    }
    uv_mutex_init(&f->mutex);
    uv_cond_init(&f->changed);
    if (uv_thread_create(&f->thread, run, f) != 0) {
        appender_free(f->appender);
        free(f);
        return lh_error_set(err, LH_ENOMEM, "cannot start the export's thread");
    }
    *out = f;
    return 0;
}

int lh_follower_stop(lh_follower *f, lh_export_report *report, lh_error *err)
{
    uv_mutex_lock(&f->mutex);
    f->stop = true;
    uv_cond_signal(&f->changed);
    uv_mutex_unlock(&f->mutex);
    uv_thread_join(&f->thread);
    int rc = f->error.code;
    if (rc != 0 && err != NULL)
        *err = f->error;
    if (rc == 0)
        rc = appender_report(f->appender, report, err);
    appender_free(f->appender);
    uv_cond_destroy(&f->changed);
    uv_mutex_destroy(&f->mutex);
    free(f);
    return rc;
}
