/* What many tenants and many batches cost the store: claims and completes, in drains of their own, all jobs of 1 tenant with 1 batch, of
 * 1,000 tenants with a batch each, and of 1 tenant with BATCHES of 10 jobs.
 *   tenants_loop FOLDER [JOBS] [BATCHES] */
#include "bare_sqlite.h"
#include "base/clock.h"
#include "store/drain.h"

enum { GROUP = 64, TENANTS = 1000 };

static void make_batches(const char *path, int64_t jobs, int64_t batches, int64_t tenants)
{
    char input[600], sql[1024];
    snprintf(input, sizeof input, "%s.jsonl", path);
    remove_store(path);
    write_input(input, 1);
    load_input(path, input);
    unlink(input);
    sqlite3 *db = bare_open(path);
    int64_t each = jobs / batches;
    bare_exec(db,
              "PRAGMA synchronous = OFF; BEGIN; DELETE FROM requests; DELETE FROM jobs; DELETE FROM batches");
    snprintf(
        sql, sizeof sql,
        "INSERT INTO batches (id, name, tenant, state, input, created_at, jobs_ready) WITH RECURSIVE n(i) AS "
        "(VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %lld) "
        "SELECT i, 'b' || i, 't' || (i %% %lld), 'active', '', 1, %lld FROM n",
        (long long)batches, (long long)tenants, (long long)each);
    bare_exec(db, sql);
    snprintf(sql, sizeof sql,
             "INSERT INTO jobs (batch_id, custom_id, line, priority, created_at) WITH RECURSIVE n(i) AS "
             "(VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < %lld) SELECT 1 + i / %lld, 'r' || i, i, "
             "500, 1 FROM n",
             (long long)(each * batches - 1), (long long)each);
    bare_exec(db, sql);
    bare_exec(db, "INSERT INTO requests (job_id, url, body) SELECT id, '/v1/chat/completions', "
                  "'{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}' FROM jobs");
    bare_exec(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
    sqlite3_close(db);
}

static int64_t answer_all(struct outcome outcomes[GROUP], const struct claim_list *claims)
{
    static char body[] = "{\"choices\":[]}";
    int64_t n = 0;
    for (const struct claimed_job *job = claims->first; job != NULL; job = job->next, n++) {
        outcomes[n] = (struct outcome){.next = job->next != NULL ? &outcomes[n + 1] : NULL,
                                       .move = OUTCOME_DONE,
                                       .job_id = job->id,
                                       .batch_id = job->batch_id,
                                       .number = job->number,
                                       .attempts = 1,
                                       .status_code = 200,
                                       .attempt_outcome = "success",
                                       .charge = job->charge,
                                       .body = body,
                                       .body_len = sizeof body - 1};
        outcomes[n].answer.usage = (struct usage){10, 20, -1, -1, -1, TIER_STANDARD};
    }
    return n;
}

struct cost { /* microseconds a job */
    double claim, all;
};

static double drain(struct drain *d, struct drain_work *work)
{
    lh_error err = {0};
    work->now_ms = clock_wall_ms();
    double start = measure_wall();
    if (drain_run(d, work, &err) != 0)
        die("drain", err.message);
    return (measure_wall() - start) * 1e6;
}

static struct cost cost_of(const char *path, int64_t jobs, int64_t batches, int64_t tenants)
{
    static struct outcome outcomes[GROUP];
    struct drain d;
    struct cost c = {0};
    lh_error err = {0};
    int64_t done = 0, claimed = 0;
    make_batches(path, jobs, batches, tenants);
    if (drain_open(&d, path, DURABILITY_NORMAL, LH_UNKNOWN, &err) != 0)
        die("open", err.message);
    do {
        struct drain_work claim = {.want = GROUP, .max_bytes = 8 << 20};
        double took = drain(&d, &claim);
        c.claim += took;
        claimed = answer_all(outcomes, &claim.claims);
        claim_list_free(&claim.claims);
        struct drain_work answer = {.outcomes = claimed > 0 ? outcomes : NULL};
        c.all += took + drain(&d, &answer);
        done += claimed;
    } while (claimed > 0);
    drain_close(&d, "done");
    remove_store(path);
    c.claim /= (double)done;
    c.all /= (double)done;
    return c;
}

static void print(const char *what, const struct cost *c, const struct cost *one)
{
    printf("%s: a claim %.1f us, ratio %.2f; a job %.1f us, ratio %.2f\n", what, c->claim,
           c->claim / one->claim, c->all, c->all / one->all);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [JOBS] [BATCHES]\n", argv[0]);
        return 2;
    }
    int64_t jobs = argc > 2 ? atol(argv[2]) : 100000, batches = argc > 3 ? atol(argv[3]) : 5000;
    char path[512];
    snprintf(path, sizeof path, "%s/tenants.db", argv[1]);
    struct cost one = cost_of(path, jobs, 1, 1);
    struct cost tenants = cost_of(path, jobs, TENANTS, TENANTS);
    struct cost many = cost_of(path, batches * 10, batches, 1);
    print("1 batch", &one, &one);
    print("1,000 tenants", &tenants, &one);
    print("batches of 10 jobs", &many, &one);
    return 0;
}
