/* Dead letters: list, requeue, drop of longhaul.h. The filter runs on a reading connection, as its SQL condition is a
 * person's; what it yields is moved by ids, in bounded transactions, on a writing one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "longhaul.h"
#include "store/batches.h"
#include "store/ledger.h"
#include "store/steer.h"
#include "store/user_sql.h"

enum { PAGE = 1000 };

static const char mark[] = "/*where*/ 1";

/* `frame` with the person's condition in the place of its mark. */
static int put_condition(enum stmt_id frame, const char *where, struct strbuf *sql, lh_error *err)
{
    const char *text = embedded_statements[frame].sql;
    const char *at = strstr(text, mark);
    if (at == NULL)
        return lh_error_set(err, LH_EINTERNAL, "statement %s has lost its mark",
                            embedded_statements[frame].name);
    strbuf_reset(sql);
    strbuf_append(sql, text, (size_t)(at - text));
    strbuf_append_str(sql, where);
    strbuf_append_str(sql, at + sizeof mark - 1);
    return sql->failed ? lh_error_nomem(err) : 0;
}

/* The condition must be an expression by itself: one that would close our parenthesis does not prepare when it stands
 * alone, and one that would comment our text out is refused. */
static int check_condition(struct store *s, const char *where, struct strbuf *sql, lh_error *err)
{
    if (strstr(where, "--") != NULL || strstr(where, "/*") != NULL || strchr(where, ';') != NULL)
        return lh_error_set(err, LH_ESQL, "--where takes one condition, without comments or semicolons");
    sqlite3_stmt *alone = NULL;
    int rc = put_condition(STMT_DEAD_WHERE_ALONE, where, sql, err);
    if (rc == 0)
        rc = user_sql_prepare(s, sql->data, &alone, err);
    sqlite3_finalize(alone);
    return rc == LH_ESQL ? lh_error_prefix(err, "--where") : rc;
}

static int build_list(struct store *s, const char *where, struct strbuf *sql, lh_error *err)
{
    int rc = where != NULL ? check_condition(s, where, sql, err) : 0;
    return rc == 0 ? put_condition(STMT_DEAD_LIST, where != NULL ? where : "1", sql, err) : rc;
}

struct listing {
    struct store *store;
    sqlite3_stmt *stmt;
    const lh_dead_filter *filter;
    int64_t after; /* the last job id that was given */
    int64_t given;
};

static int listing_open(struct listing *l, const char *db, const lh_dead_filter *f, lh_error *err)
{
    *l = (struct listing){.filter = f};
    struct strbuf sql;
    strbuf_init(&sql);
    int rc = store_open(db, STORE_READ, &l->store, err);
    lh_batch batch;
    if (rc == 0 && f->batch != NULL)
        rc = batch_find(l->store, f->batch, &batch, err);
    if (rc == 0) {
        user_sql_restrict(l->store);
        rc = build_list(l->store, f->where, &sql, err);
    }
    if (rc == 0)
        rc = user_sql_prepare(l->store, sql.data, &l->stmt, err);
    strbuf_free(&sql);
    return rc;
}

static void listing_close(struct listing *l)
{
    sqlite3_finalize(l->stmt);
    store_close(l->store);
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(stmt, i);
}

static void bind_filter(struct listing *l, int64_t limit)
{
    const lh_dead_filter *f = l->filter;
    sqlite3_reset(l->stmt);
    bind_text(l->stmt, 1, f->batch);
    bind_text(l->stmt, 2, f->reason);
    bind_text(l->stmt, 3, f->error_class);
    bind_text(l->stmt, 4, f->error_code);
    sqlite3_bind_null(l->stmt, 5);
    if (f->job != NULL) {
        char *end = NULL;
        errno = 0;
        int64_t id = strtoll(f->job, &end, 10);
        sqlite3_bind_int64(l->stmt, 5, errno == 0 && end != f->job && *end == '\0' ? id : -1);
    }
    bind_text(l->stmt, 6, f->job);
    sqlite3_bind_int64(l->stmt, 7, l->after);
    sqlite3_bind_int64(l->stmt, 8, limit);
}

static const char *column(sqlite3_stmt *stmt, int i)
{
    return (const char *)sqlite3_column_text(stmt, i);
}

static int64_t page_limit(const struct listing *l)
{
    int64_t left = l->filter->limit > 0 ? l->filter->limit - l->given : PAGE;
    return left < PAGE ? left : PAGE;
}

/* One page of letters, so that no snapshot is held for long. *count: how many, 0 at the end. */
static int listing_page(struct listing *l, int (*fn)(void *arg, const lh_dead_letter *d, int64_t batch_id),
                        void *arg, int64_t *count, lh_error *err)
{
    *count = 0;
    bind_filter(l, page_limit(l));
    int rc = 0, code = SQLITE_ROW;
    while (rc == 0 && (code = sqlite3_step(l->stmt)) == SQLITE_ROW) {
        lh_dead_letter d = {.job_id = sqlite3_column_int64(l->stmt, 0),
                            .batch = column(l->stmt, 1),
                            .custom_id = column(l->stmt, 2),
                            .reason = column(l->stmt, 3),
                            .error_class = column(l->stmt, 4),
                            .error_code = column(l->stmt, 5),
                            .message = column(l->stmt, 6),
                            .status_code = sqlite3_column_type(l->stmt, 7) == SQLITE_NULL
                                               ? LH_UNKNOWN
                                               : sqlite3_column_int64(l->stmt, 7),
                            .attempts = sqlite3_column_int64(l->stmt, 8),
                            .died_at = sqlite3_column_int64(l->stmt, 9)};
        l->after = d.job_id;
        l->given++;
        (*count)++;
        rc = fn(arg, &d, sqlite3_column_int64(l->stmt, 10));
    }
    if (rc == 0 && code != SQLITE_DONE)
        rc = store_failed(l->store, err, "dead_list");
    sqlite3_reset(l->stmt);
    return rc;
}

struct each {
    int (*fn)(void *arg, const lh_dead_letter *d);
    void *arg;
};

static int call_each(void *arg, const lh_dead_letter *d, int64_t batch_id)
{
    (void)batch_id;
    struct each *e = arg;
    return e->fn(e->arg, d);
}

int lh_dead_each(const char *db, const lh_dead_filter *f, int (*fn)(void *arg, const lh_dead_letter *d),
                 void *arg, lh_error *err)
{
    struct listing l;
    struct each each = {fn, arg};
    int64_t count = 1;
    int rc = listing_open(&l, db, f, err);
    while (rc == 0 && count > 0 && page_limit(&l) > 0)
        rc = listing_page(&l, call_each, &each, &count, err);
    listing_close(&l);
    return rc;
}

struct page {
    struct {
        int64_t job_id, batch_id;
    } letters[PAGE];
    size_t count;
    bool skip_bad_lines;
};

static int gather(void *arg, const lh_dead_letter *d, int64_t batch_id)
{
    struct page *p = arg;
    if (p->skip_bad_lines && strcmp(d->reason, "bad_line") == 0)
        return 0;
    p->letters[p->count].job_id = d->job_id;
    p->letters[p->count].batch_id = batch_id;
    p->count++;
    return 0;
}

static int drop_job(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err)
{
    int rc = store_exec(s, STMT_DEAD_LETTER_DELETE, err, "i", job_id);
    return rc == 0 ? steer_cancel_job(s, job_id, now_ms, err) : rc;
}

struct change {
    enum job_state to;
    int (*one)(struct store *s, int64_t job_id, int64_t now_ms, lh_error *err);
    bool skip_bad_lines;
};

static int change_letter(struct store *s, struct ledger *ledger, const struct change *c, int64_t job_id,
                         int64_t batch_id, int64_t *count, lh_error *err)
{
    int64_t still_dead = 0;
    int rc = store_get_int(s, STMT_DEAD_LETTER_EXISTS, 0, &still_dead, err, "i", job_id);
    if (rc != 0 || still_dead == 0)
        return rc;
    struct lane *lane = NULL;
    rc = ledger_lane(ledger, s, batch_id, &lane, err);
    if (rc != 0)
        return rc;
    if (lane->loading)
        return lh_error_set(err, LH_ESTATE, "batch %s is not loaded whole; submit its input again first",
                            lane->name);
    if (lane->requeues == 0)
        lane->requeues = 1; /* lines were taken back from what was exported */
    rc = c->one(s, job_id, clock_wall_ms(), err);
    if (rc == 0)
        rc = lane_move(lane, JOB_DEAD, c->to, err);
    *count += rc == 0 ? 1 : 0;
    return rc;
}

static int change_page(struct store *s, const struct page *p, const struct change *c, int64_t *count,
                       lh_error *err)
{
    struct ledger ledger;
    int64_t changed = 0;
    ledger_init(&ledger);
    int rc = store_begin(s, err);
    for (size_t i = 0; rc == 0 && i < p->count; i++)
        rc = change_letter(s, &ledger, c, p->letters[i].job_id, p->letters[i].batch_id, &changed, err);
    if (rc == 0)
        rc = ledger_write(&ledger, s, clock_wall_ms(), err);
    if (rc == 0)
        rc = store_commit(s, err);
    if (rc != 0)
        store_rollback(s);
    else
        *count += changed;
    ledger_free(&ledger);
    return rc;
}

static int change_all(const char *db, const lh_dead_filter *f, const struct change *c, int64_t *count,
                      lh_error *err)
{
    struct listing l;
    struct store *s = NULL;
    struct page *page = calloc(1, sizeof *page);
    int64_t listed = 1;
    *count = 0;
    int rc = listing_open(&l, db, f, err);
    if (rc == 0 && page == NULL)
        rc = lh_error_nomem(err);
    if (rc == 0)
        rc = store_open(db, STORE_WRITE, &s, err);
    while (rc == 0 && listed > 0 && page_limit(&l) > 0) {
        page->count = 0;
        page->skip_bad_lines = c->skip_bad_lines;
        rc = listing_page(&l, gather, page, &listed, err);
        if (rc == 0)
            rc = change_page(s, page, c, count, err);
    }
    store_close(s);
    listing_close(&l);
    free(page);
    return rc;
}

int lh_dead_requeue(const char *db, const lh_dead_filter *f, int64_t *count, lh_error *err)
{
    static const struct change requeue = {JOB_READY, steer_revive_job, true};
    return change_all(db, f, &requeue, count, err);
}

int lh_dead_drop(const char *db, const lh_dead_filter *f, int64_t *count, lh_error *err)
{
    static const struct change drop = {JOB_CANCELED, drop_job, false};
    return change_all(db, f, &drop, count, err);
}
