/* For the tests of src/batch: a folder of their own, files in it, loads, jobs that finish, and questions to the database. */
#ifndef LH_TEST_BATCH_WORLD_H
#define LH_TEST_BATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "longhaul.h"
#include "store/drain.h"

#define DB "test.db"

static char world_folder[64];

static inline int empty_folder(void **state)
{
    (void)state;
    DIR *folder = opendir(".");
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove(e->d_name);
    closedir(folder);
    return 0;
}

static inline int enter_folder(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_QUIET);
    snprintf(world_folder, sizeof world_folder, "test-%ld-XXXXXX", (long)getpid());
    return mkdtemp(world_folder) != NULL ? chdir(world_folder) : -1;
}

static inline int leave_folder(void **state)
{
    empty_folder(state);
    return chdir("..") == 0 ? rmdir(world_folder) : -1;
}

/* ---- files ---- */

static inline void write_bytes(const char *name, const char *bytes, size_t len)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static inline void read_whole(const char *name, struct strbuf *out)
{
    char piece[4096];
    FILE *f = fopen(name, "rb");
    strbuf_reset(out);
    assert_non_null(f);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        strbuf_append(out, piece, n);
    fclose(f);
}

static inline void assert_file(const char *name, const char *text)
{
    struct strbuf got;
    strbuf_init(&got);
    read_whole(name, &got);
    assert_string_equal(got.data, text);
    strbuf_free(&got);
}

static inline int count_files(const char *part)
{
    int count = 0;
    DIR *folder = opendir(".");
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        count += strstr(e->d_name, part) != NULL ? 1 : 0;
    closedir(folder);
    return count;
}

/* ---- the database, as a person would ask it ---- */

/* The first column of all rows, one a line; to be freed. */
static inline char *ask_text(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    struct strbuf out;
    strbuf_init(&out);
    assert_int_equal(sqlite3_open_v2(DB, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        strbuf_append_str(&out, text != NULL ? text : "NULL");
        strbuf_append_char(&out, '\n');
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return strbuf_take(&out);
}

static inline void assert_asked(const char *sql, const char *expected)
{
    char *got = ask_text(sql);
    if (strcmp(got, expected) != 0)
        fail_msg("%s\ngives: %s\nnot:   %s", sql, got, expected);
    free(got);
}

static inline int64_t ask(const char *sql)
{
    char *text = ask_text(sql);
    int64_t value = strtoll(text, NULL, 10);
    free(text);
    return value;
}

static inline void find_fault(void *arg, const char *text)
{
    (void)arg;
    print_message("%s\n", text);
}

static inline void assert_sound(void)
{
    int64_t faults = 0;
    lh_error err = {0};
    assert_int_equal(lh_db_check(DB, find_fault, NULL, &faults, &err), 0);
    assert_int_equal(faults, 0);
}

/* ---- loads ---- */

static inline int load_with(const lh_ingest_options *o, lh_ingest_report *report, lh_error *err)
{
    *err = (lh_error){0};
    return lh_ingest(DB, o, report, err);
}

static inline lh_ingest_options options_for(const char *const *inputs, size_t n)
{
    lh_ingest_options o;
    lh_ingest_options_default(&o);
    o.inputs = inputs;
    o.n_inputs = n;
    o.model = "m";
    return o;
}

/* `text` as the batch "in", loaded whole. */
static inline void load_text(const char *text)
{
    static const char *const input[] = {"in.jsonl"};
    lh_ingest_options o = options_for(input, 1);
    lh_ingest_report report;
    lh_error err;
    write_text("in.jsonl", text);
    if (load_with(&o, &report, &err) != 0)
        fail_msg("%s", err.message);
}

/* A batch "in" of n jobs with the ids line-1 … line-n. */
static inline void load_jobs(int n)
{
    struct strbuf text;
    strbuf_init(&text);
    for (int i = 0; i < n; i++)
        strbuf_appendf(&text, "{\"prompt\":\"%d\"}\n", i);
    load_text(text.data);
    strbuf_free(&text);
}

/* ---- work ---- */

struct ending {
    bool dead;
    int status_code;  /* 0: no answer */
    const char *body; /* NULL: none */
    size_t body_len;  /* 0: strlen */
};
typedef struct ending (*ending_fn)(int64_t job_id);

static inline struct outcome *end_job(const struct claimed_job *job, const struct ending *e, int64_t now)
{
    struct outcome *o = calloc(1, sizeof *o);
    size_t len = e->body == NULL ? 0 : e->body_len > 0 ? e->body_len : strlen(e->body);
    assert_non_null(o);
    *o = (struct outcome){.move = e->dead ? OUTCOME_DEAD : OUTCOME_DONE,
                          .job_id = job->id,
                          .batch_id = job->batch_id,
                          .number = job->number,
                          .attempts = 1,
                          .started_at = now,
                          .latency_ms = 3,
                          .finished_at = now,
                          .status_code = e->status_code,
                          .attempt_outcome = e->dead ? "permanent" : "success",
                          .dead_reason = e->dead ? "permanent" : NULL,
                          .body_len = len};
    if (e->body != NULL) {
        o->body = calloc(1, len + 1);
        memcpy(o->body, e->body, len);
    }
    snprintf(o->answer.error_code, sizeof o->answer.error_code, "%s", e->dead ? "bad_request" : "");
    snprintf(o->answer.message, sizeof o->answer.message, "%s", e->dead ? "no, \"never\"" : "");
    snprintf(o->answer.request_id, sizeof o->answer.request_id, "req_%lld", (long long)job->id);
    o->answer.usage = (struct usage){7, 3, -1, -1, -1, TIER_STANDARD};
    o->counted_prompt = job->prompt_tokens;
    o->cost_nanousd = LH_UNKNOWN;
    o->answer.retry_after_ms = -1;
    return o;
}

/* Claims and ends up to `most` jobs, as a worker does: the last claimed first, so that completion is not input order. */
static inline void finish_jobs(int64_t most, ending_fn ending)
{
    struct drain drain;
    lh_error err = {0};
    struct drain_work claim = {.want = most, .max_bytes = 8 << 20, .now_ms = 1000};
    if (drain_open(&drain, DB, DURABILITY_NORMAL, LH_UNKNOWN, &err) != 0 ||
        drain_run(&drain, &claim, &err) != 0)
        fail_msg("%s", err.message);
    struct outcome *outcomes = NULL;
    for (const struct claimed_job *job = claim.claims.first; job != NULL; job = job->next) {
        struct ending e = ending(job->id);
        struct outcome *o = end_job(job, &e, 1000);
        o->next = outcomes;
        outcomes = o;
    }
    struct drain_work end = {.outcomes = outcomes, .max_bytes = 8 << 20, .now_ms = 1001};
    if (drain_run(&drain, &end, &err) != 0)
        fail_msg("%s", err.message);
    while (outcomes != NULL) {
        struct outcome *next = outcomes->next;
        outcome_free(outcomes);
        outcomes = next;
    }
    claim_list_free(&claim.claims);
    drain_close(&drain, "done");
}

static inline struct ending all_done(int64_t job_id)
{
    (void)job_id;
    return (struct ending){.status_code = 200, .body = "{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}"};
}

static inline struct ending all_dead(int64_t job_id)
{
    (void)job_id;
    return (struct ending){.dead = true, .status_code = 400, .body = "{\"error\":1}"};
}

#endif
