/* The retry budget: how many retries after faults may go, so that an endpoint in trouble is not asked mostly again and again
 * while there are fresh jobs to ask it for. A balance in thousandths of a retry: 10 at first, 100 at most; a retry costs 1, a good answer pays
 * `percent` of one, a good answer of a retry its cost besides. When it is used up one a second goes all the same, and as many as would leave
 * slots empty: with nothing else to send, a retry stands in nobody's way and adds no load. Source: Finagle's RetryBudget.
 * Pure; the clock is passed in; a copy is a snapshot. */
#ifndef LH_STORE_RETRY_BUDGET_H
#define LH_STORE_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RETRY_BUDGET_FIRST = 10,
    RETRY_BUDGET_MOST = 100,
    RETRY_BUDGET_FREE_MS = 1000, /* one goes in so long, whatever the balance */
};

struct retry_budget {
    int64_t percent; /* 0: off, all may go */
    int64_t balance; /* thousandths of a retry */
    int64_t free_at_ms;
};

void retry_budget_init(struct retry_budget *b, int64_t percent);

/* How many may go now; INT64_MAX when it is off. busy: jobs that are ready or running, which fill the slots. */
int64_t retry_budget_allows(const struct retry_budget *b, int64_t now_ms, int64_t busy);
/* When the next may go if nothing is answered meanwhile: now_ms or later. */
int64_t retry_budget_ready_at(const struct retry_budget *b, int64_t now_ms, int64_t busy);

void retry_budget_take(struct retry_budget *b, int64_t now_ms, int64_t retries);
void retry_budget_good_answer(struct retry_budget *b, bool is_counted_retry);
/* A counted retry that told nothing of the endpoint's health (throttled, never left). */
void retry_budget_give_back(struct retry_budget *b);

#endif
