/* The write-ahead log's size: see wal.h. */
#include "store/wal.h"

#include "base/log.h"
#include "store/connection.h"

enum {
    STEP_PAGES = 4000,      /* 16 MB at 4 kB: a checkpoint each */
    TRUNCATE_PAGES = 16000, /* 64 MB: worth waiting a moment for readers */
    WARN_PAGES = 24000,     /* 96 MB */
    FULL_PAGES = 60000,     /* 240 MB: what is in flight still fits below the bound */
};

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct wal *w = arg;
    w->pages = pages;
    return SQLITE_OK;
}

int wal_open(struct wal *w, struct store *s, lh_error *err)
{
    *w = (struct wal){.store = s, .full_at = (int64_t)FULL_PAGES * 4096};
    int64_t off = 0;
    int rc = store_get_int(s, STMT_PRAGMA_NO_AUTO_CHECKPOINT, 0, &off, err, "");
    if (rc == 0)
        rc = store_get_int(s, STMT_PAGE_SIZE, 4096, &w->page_size, err, "");
    if (rc == 0)
        sqlite3_wal_hook(s->db, on_commit, w);
    return rc;
}

int64_t wal_bytes(const struct wal *w)
{
    return w->pages * (w->page_size + 24);
}

bool wal_is_full(const struct wal *w)
{
    return w->pages * w->page_size >= w->full_at;
}

bool wal_has_room(const struct wal *w, int64_t bytes)
{
    return w->pages == 0 || w->pages * w->page_size + bytes < w->full_at;
}

/* Pages of 4 kB that the log is worth. */
static int64_t pages4k(const struct wal *w)
{
    return w->pages * w->page_size / 4096;
}

static bool checkpoint(struct wal *w, int mode)
{
    int in_log = 0, moved = 0;
    sqlite3_busy_timeout(w->store->db, mode == SQLITE_CHECKPOINT_PASSIVE ? 0 : 50);
    int code = sqlite3_wal_checkpoint_v2(w->store->db, NULL, mode, &in_log, &moved);
    store_set_busy_timeout(w->store, w->store->busy_ms);
    if (code == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE)
        w->pages = w->tried_at = 0;
    return code == SQLITE_OK && in_log == moved;
}

/* False when a reader holds something back. */
static bool move_out(struct wal *w, bool truncate)
{
    bool all = checkpoint(w, SQLITE_CHECKPOINT_PASSIVE);
    if (all && truncate)
        checkpoint(w, SQLITE_CHECKPOINT_TRUNCATE);
    return all;
}

static void warn_once(struct wal *w)
{
    if (w->warned)
        return;
    w->warned = true;
    log_warn(
        "%s: the write-ahead log has grown to %lld MB, as another process reads the database in one long "
        "transaction; end that reader (near %lld MB nothing new is loaded or sent until it is gone)",
        store_path(w->store), (long long)(wal_bytes(w) >> 20), (long long)(WAL_BOUND_BYTES >> 20));
}

void wal_after_commit(struct wal *w)
{
    int64_t pages = pages4k(w);
    if (pages < w->tried_at) /* the log began again from its start */
        w->tried_at = 0;
    bool full = wal_is_full(w);
    if (pages - w->tried_at < STEP_PAGES && !full)
        return;
    w->tried_at = pages;
    if (move_out(w, pages >= TRUNCATE_PAGES))
        w->warned = false;
    else if (pages >= WARN_PAGES)
        warn_once(w);
}

void wal_make_room(struct wal *w)
{
    if (move_out(w, true))
        w->warned = false;
    else
        warn_once(w);
}
