/* The retry budget: see retry_budget.h. */
#include "store/retry_budget.h"

enum { RETRY = 1000, PERCENT = RETRY / 100 };

void retry_budget_init(struct retry_budget *b, int64_t percent)
{
    *b = (struct retry_budget){
        .percent = percent, .balance = (int64_t)RETRY_BUDGET_FIRST * RETRY, .free_at_ms = INT64_MIN};
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A clock that was set back must not hold the free one for as long. */
static bool is_free_due(const struct retry_budget *b, int64_t now_ms)
{
    return now_ms >= b->free_at_ms || b->free_at_ms - now_ms > RETRY_BUDGET_FREE_MS;
}

int64_t retry_budget_allows(const struct retry_budget *b, int64_t now_ms, int64_t busy)
{
    if (b->percent == 0)
        return INT64_MAX;
    int64_t paid = larger(b->balance / RETRY, is_free_due(b, now_ms) ? 1 : 0);
    return larger(paid, RETRY_BUDGET_MOST - busy);
}

int64_t retry_budget_ready_at(const struct retry_budget *b, int64_t now_ms, int64_t busy)
{
    return retry_budget_allows(b, now_ms, busy) > 0 ? now_ms : b->free_at_ms;
}

void retry_budget_take(struct retry_budget *b, int64_t now_ms, int64_t retries)
{
    if (b->percent == 0 || retries <= 0)
        return;
    b->balance = retries > b->balance / RETRY ? b->balance % RETRY : b->balance - retries * RETRY;
    b->free_at_ms = now_ms + RETRY_BUDGET_FREE_MS;
}

static void pay(struct retry_budget *b, int64_t thousandths)
{
    const int64_t most = (int64_t)RETRY_BUDGET_MOST * RETRY;
    if (b->percent > 0)
        b->balance = b->balance + thousandths < most ? b->balance + thousandths : most;
}

void retry_budget_good_answer(struct retry_budget *b, bool is_counted_retry)
{
    pay(b, b->percent * PERCENT + (is_counted_retry ? RETRY : 0));
}

void retry_budget_give_back(struct retry_budget *b)
{
    pay(b, RETRY);
}
