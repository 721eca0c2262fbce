/* Warm restart: see warm.h. */
#include "schedule/warm.h"

#include <string.h>

#include "longhaul.h"

enum {
    LIFE_MS = 15000,       /* a worker shows itself each 5 s; a slow disk may make it three times as long */
    SPEND_MOST = 10000000, /* requests; more than a window holds */
    TOKENS_MOST = 2000000, /* of one request: what the table says may be nonsense */
};

void warm_save(struct gate *g, const struct warm_now *w, struct strbuf *out)
{
    strbuf_append_char(out, '{');
    json_append_int(out, "saved_at", w->wall_ms);
    json_append_text(out, "server", w->server);
    json_append_int(out, "sends", w->sends);
    json_append_int(out, "most_tokens", w->most_tokens);
    json_append_key(out, "gate");
    gate_save(g, w->now_ms, out);
    strbuf_append_char(out, '}');
}

static int64_t between(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* When the last of them can have left, on the gate's clock: the worker before was alive then. */
static int64_t last_start_ms(const struct warm_past *p, int64_t now_ms, int64_t wall_ms, int64_t age_ms)
{
    if (p->last_seen_ms < 0 || p->last_seen_ms > wall_ms)
        return now_ms;
    return now_ms - between(wall_ms - p->last_seen_ms - LIFE_MS, 0, age_ms);
}

bool warm_load(struct gate *g, const struct warm_past *p, int64_t now_ms, int64_t wall_ms, const char *server,
               json_object *saved)
{
    const char *of = json_get_string(saved, "server");
    int64_t saved_at = json_get_int(saved, "saved_at", LH_UNKNOWN);
    if (saved_at < 0 || of == NULL || strcmp(of, server) != 0)
        return false;
    int64_t age_ms = between(wall_ms, saved_at, INT64_MAX) - saved_at;
    int64_t sent =
        between(p->attempts, 0, INT64_MAX) - between(json_get_int(saved, "sends", 0), 0, INT64_MAX);
    int64_t usual_tokens = between(p->answer_tokens, 0, TOKENS_MOST);
    int64_t tokens = between(json_get_int(saved, "most_tokens", 0), usual_tokens, TOKENS_MOST);
    gate_load(g, now_ms, age_ms, json_get(saved, "gate"));
    gate_spend(g, last_start_ms(p, now_ms, wall_ms, age_ms), between(sent, 0, SPEND_MOST),
               &(struct gate_request){.prompt_tokens = tokens});
    return true;
}
