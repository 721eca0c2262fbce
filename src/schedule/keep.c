/* What a run keeps of its gates for the next one, and takes up of the last: the checkpoint "gate" of each endpoint. Saved before the first
 * request leaves, then every five seconds, soon after a change that matters, and at the end. Loop thread; keep_open before the loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "schedule/run.h"
#include "schedule/warm.h"
#include "store/store.h"

enum { KEEP_MS = 5000, WORTH_SAYING_MS = 2000 };

static const char kind[] = "gate";

static void scope_of(const struct endpoint *e, char *out, size_t size)
{
    snprintf(out, size, "endpoint/%s", e->name);
}

/* Who is asked, as a hash: a base URL may hold a password. */
static void name_server(struct endpoint *e)
{
    XXH64_hash_t hash = 0;
    for (int d = 0; d < DIALECTS; d++) {
        const char *base = e->serves[d] ? endpoint_base_url(e, (enum dialect)d) : "";
        hash = XXH3_64bits_withSeed(base, strlen(base), hash + (XXH64_hash_t)d);
    }
    snprintf(e->kept.server, sizeof e->kept.server, "%016llx", (unsigned long long)hash);
}

static int read_past(struct store *s, struct warm_past *out, lh_error *err)
{
    int64_t answers = 0, tokens = 0;
    struct rows *rows = NULL;
    int rc = store_get_int(s, STMT_WORKER_LAST_SEEN, LH_UNKNOWN, &out->last_seen_ms, err, "");
    if (rc == 0)
        rc = store_select(s, STMT_ATTEMPTS_EVER, &rows, err, "");
    if (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        rc = 0;
        out->attempts = rows_int(rows, 0);
        answers = rows_int(rows, 1);
        tokens = rows_int(rows, 2);
    }
    rows_done(rows);
    out->answer_tokens = answers > 0 && tokens > 0 ? tokens / answers : 0;
    return rc;
}

static void say_shut(const struct endpoint *e, int64_t now_ms)
{
    struct gate_state g;
    gate_get_state(e->gate, now_ms, &g);
    int64_t until_ms = g.paused_until_ms > g.breaker_until_ms ? g.paused_until_ms : g.breaker_until_ms;
    if (until_ms - now_ms >= WORTH_SAYING_MS)
        log_info("%s%snothing is sent for %lld s: %s (--fresh-limits forgets it)", e->is_named ? e->name : "",
                 e->is_named ? ": " : "", (long long)((until_ms - now_ms + 999) / 1000),
                 g.paused_until_ms == until_ms ? "the provider asked the last run for a pause"
                                               : "the provider was down when the last run ended");
}

static int take_up(struct endpoint *e, struct store *s, const struct warm_past *past, lh_error *err)
{
    char scope[32 + ENDPOINT_NAME_MOST], *value = NULL;
    scope_of(e, scope, sizeof scope);
    int rc = store_checkpoint_get(s, scope, kind, &value, err);
    json_object *saved = value != NULL ? json_tokener_parse(value) : NULL;
    int64_t now = clock_monotonic_ms();
    if (saved != NULL && warm_load(e->gate, past, now, clock_wall_ms(), e->kept.server, saved))
        say_shut(e, now);
    json_object_put(saved);
    free(value);
    return rc;
}

/* Of several endpoints each is taken to have had all that was sent after the save: which one it was is not counted. */
int keep_open(struct lh_run *r, const char *db, lh_error *err)
{
    struct store *s = NULL;
    struct warm_past past = {.last_seen_ms = LH_UNKNOWN};
    int rc = store_open(db, STORE_READ, &s, err);
    if (rc == 0)
        rc = read_past(s, &past, err);
    for (size_t i = 0; rc == 0 && i < r->endpoints.count; i++) {
        struct endpoint *e = &r->endpoints.list[i];
        name_server(e);
        rc = r->options.fresh_limits ? 0 : take_up(e, s, &past, err);
    }
    r->attempts_before = past.attempts;
    store_close(s);
    return rc;
}

/* A breaker that opened, a pause that began, a first request or one that is much larger than those before. */
static bool has_changed(const struct endpoint *e, const struct gate_state *g)
{
    return g->breaker_opened != e->kept.breaker_opened || g->paused_until_ms > e->kept.paused_until_ms ||
           e->kept.most_tokens / 2 > e->kept.most_tokens_saved;
}

static void keep_one(struct lh_run *r, struct endpoint *e, int64_t now_ms, bool at_once)
{
    struct gate_state g;
    char scope[32 + ENDPOINT_NAME_MOST];
    gate_get_state(e->gate, now_ms, &g);
    if (!at_once && now_ms - e->kept.saved_ms < KEEP_MS && !has_changed(e, &g))
        return;
    e->kept.saved_ms = now_ms;
    e->kept.breaker_opened = g.breaker_opened;
    e->kept.paused_until_ms = g.paused_until_ms;
    e->kept.most_tokens_saved = e->kept.most_tokens;
    struct warm_now w = {.now_ms = now_ms,
                         .wall_ms = clock_wall_ms(),
                         .sends = r->attempts_before + r->tally.attempts + r->in_flight,
                         .most_tokens = e->kept.most_tokens,
                         .server = e->kept.server};
    struct strbuf b;
    strbuf_init(&b);
    warm_save(e->gate, &w, &b);
    scope_of(e, scope, sizeof scope);
    struct checkpoint_note *note = b.failed ? NULL : note_new(scope, kind, b.data);
    if (note != NULL)
        writer_note(r->writer, note);
    strbuf_free(&b);
}

void keep_now(struct lh_run *r, bool at_once)
{
    int64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < r->endpoints.count; i++)
        keep_one(r, &r->endpoints.list[i], now, at_once);
}
