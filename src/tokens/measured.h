/* What answers have told of a model, or of a batch's use of it: how long they are, and how far the count of prompts was off. Begun from
 * the table `usage`, moved on by each answer. Pure; one owner; nothing allocates or fails. */
#ifndef LH_TOKENS_MEASURED_H
#define LH_TOKENS_MEASURED_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul.h"

enum {
    MEASURED_ENOUGH = 30,      /* answers that speak for themselves */
    MEASURED_LEAST_PROMPT = 8, /* tokens: the share of shorter prompts says little */
};

struct measured {
    int64_t answers; /* good ones that told their length */
    double tokens, squares;
    int64_t most;
    int64_t prompts; /* answers of whatever kind that told what their prompt was */
    double told, counted;
    double share_most; /* the largest told / counted */
    double prior;      /* what told / counted is taken for before ten were told; 0: 1 */
    double latency_ms; /* sum over `answers` */
};

void measured_answer(struct measured *m, int64_t tokens, int64_t latency_ms);
/* counted: what we took it for, > 0. */
void measured_prompt(struct measured *m, int64_t counted, int64_t told);
void measured_add(struct measured *to, const struct measured *m);
/* Adds what the store knows. */
void measured_add_usage(struct measured *to, const lh_usage *u);

/* How careful a reservation is: the bound; what few answers exceed (the mean and two deviations); the mean. */
enum reserve { RESERVE_MAX, RESERVE_HIGH, RESERVE_MEAN };

/* Whose answers to go by: a batch's own when they are enough, else whoever has more; NULL when there are none. */
const struct measured *measured_whose(const struct measured *batch, const struct measured *model);
double measured_mean(const struct measured *m); /* tokens of an answer; 0 without any */
/* The length to reckon with for an answer: 0 to `bound` (INT64_MAX: none). Of a batch's own answers when they are enough, else of whichever
 * has more. Without any, or when all is to be reserved: the bound; without a bound `unknown`. */
int64_t measured_output(const struct measured *batch, const struct measured *model, enum reserve reserve,
                        int64_t bound, int64_t unknown);

/* What a prompt that was counted as `counted` will be told to be, by what was told so far: told / counted of the model, between an eighth
 * and eight times; by `prior` until there are ten. */
int64_t measured_calibrated(const struct measured *model, int64_t counted);
double measured_calibration(const struct measured *model);
bool measured_is_calibrated(const struct measured *model); /* by answers, not by its prior */
/* The same at its worst, of one request or of many together: a quarter above the largest share so far; at least `doubt` times the count until
 * there are enough, and never less than the count or what is expected. doubt: 1 where the count is exact, which needs no margin until it was exceeded. */
int64_t measured_worst_prompt(const struct measured *model, double doubt, int64_t counted);

#endif
