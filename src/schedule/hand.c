/* The hand: claims that are not sent yet, first to go first. Enough that an ended request is followed at once, and no more: what is
 * in hand is `lost` with a crash, and in the way of what comes with a higher priority. Loop thread. */
#include "base/clock.h"
#include "schedule/run.h"

enum {
    PREFETCH_MIN = 2,
    PREFETCH_MAX = 1024,
    TIMER_SLACK_MS = 2, /* a timer may fire so much early */
};

void hand_init(struct lh_run *r)
{
    claim_list_init(&r->buffer);
    r->prefetch = PREFETCH_MIN;
}

static void append_claims(struct lh_run *r, struct claim_list *claims)
{
    if (claims->first == NULL)
        return;
    *r->buffer.last = claims->first;
    r->buffer.last = claims->last;
    r->buffer.count += claims->count;
    r->buffer.bytes += claims->bytes;
    r->arrived += claims->count;
}

/* How many claims to hold: twice what left while the last ones were on their way, so that the wire never waits for the disk.
 * More would only keep a high-priority job waiting behind them, and be lost with a crash. A supply that is used up whole
 * doubles; one that is not is let go by an eighth each time. */
static void adapt_prefetch(struct lh_run *r)
{
    int64_t enough = 2 * r->sent_since_claims;
    int64_t eased = r->prefetch - (r->prefetch + 7) / 8;
    r->prefetch = enough > eased ? enough : eased;
    if (r->prefetch < PREFETCH_MIN)
        r->prefetch = PREFETCH_MIN;
    if (r->prefetch > PREFETCH_MAX)
        r->prefetch = PREFETCH_MAX;
    r->sent_since_claims = 0;
}

void hand_take(struct lh_run *r, struct claim_list *claims)
{
    if (claims->count > 0)
        adapt_prefetch(r);
    append_claims(r, claims);
}

struct claimed_job *hand_pop(struct lh_run *r)
{
    struct claimed_job *job = r->buffer.first;
    r->buffer.first = job->next;
    if (job->next == NULL)
        r->buffer.last = &r->buffer.first;
    job->next = NULL;
    r->buffer.count--;
    r->buffer.bytes -= job->body_len;
    r->sent_since_claims++;
    return job;
}

void hand_ask(struct lh_run *r, bool starving)
{
    if (r->phase != RUN_WORKING || clock_monotonic_ms() + TIMER_SLACK_MS < r->shut_until_ms)
        return;
    int64_t coming = r->asked - r->arrived;
    int64_t want = r->prefetch - r->buffer.count - coming;
    bool quiet = r->has_view && r->view.claimable == 0;
    if (want <= 0 || (want < r->prefetch / 4 && !starving))
        want = 0;
    if (want == 0 && !(starving && coming > 0 && !quiet && r->in_flight == 0))
        return;
    r->asked += want;
    writer_ask(r->writer, want, starving && !quiet);
}

void hand_shut(struct lh_run *r, int64_t until_ms)
{
    r->shut_until_ms = until_ms;
    r->prefetch = PREFETCH_MIN;
    run_give_back(r);
}
