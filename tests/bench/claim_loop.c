/* Does a claim cost the same in a large table? Claims and completes 64 jobs, 200 times, in stores of FEW and of MANY jobs.
 *   claim_loop FOLDER [FEW] [MANY] */
#include "bare_sqlite.h"
#include "base/clock.h"
#include "store/drain.h"

enum { GROUP = 64, GROUPS = 200 };

/* Completed by cancelling the attempt: the job goes back, so each claim finds the table as it was. */
static void give_back(struct drain *d, const struct claim_list *claims)
{
    struct outcome outcomes[GROUP] = {0};
    int64_t n = 0;
    for (const struct claimed_job *job = claims->first; job != NULL; job = job->next, n++)
        outcomes[n] = (struct outcome){.next = job->next != NULL ? &outcomes[n + 1] : NULL,
                                       .move = OUTCOME_GIVE_BACK,
                                       .job_id = job->id,
                                       .batch_id = job->batch_id,
                                       .number = job->number};
    struct drain_work work = {.outcomes = n > 0 ? outcomes : NULL, .now_ms = clock_wall_ms()};
    lh_error err = {0};
    if (drain_run(d, &work, &err) != 0)
        die("give back", err.message);
}

static double claim_cost_us(const char *path, int64_t jobs)
{
    struct drain drain;
    lh_error err = {0};
    make_big_store(path, jobs);
    if (drain_open(&drain, path, DURABILITY_NORMAL, LH_UNKNOWN, &err) != 0)
        die("open", err.message);
    double spent = 0;
    for (int i = 0; i < GROUPS; i++) {
        struct drain_work work = {.want = GROUP, .max_bytes = 8 << 20, .now_ms = clock_wall_ms()};
        double start = measure_wall();
        if (drain_run(&drain, &work, &err) != 0 || work.claims.count != GROUP)
            die("claim", err.message);
        spent += measure_wall() - start;
        give_back(&drain, &work.claims);
        claim_list_free(&work.claims);
    }
    drain_close(&drain, "done");
    remove_store(path);
    return spent / GROUPS / GROUP * 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [FEW] [MANY]\n", argv[0]);
        return 2;
    }
    int64_t few = argc > 2 ? atol(argv[2]) : 100000;
    int64_t many = argc > 3 ? atol(argv[3]) : 10000000;
    char path[512];
    snprintf(path, sizeof path, "%s/claim.db", argv[1]);
    double in_few = claim_cost_us(path, few);
    double in_many = claim_cost_us(path, many);
    printf("%lld jobs %.1f us, %lld jobs %.1f us a claim, ratio %.2f\n", (long long)few, in_few,
           (long long)many, in_many, in_many / in_few);
    return 0;
}
