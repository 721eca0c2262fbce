/* Ingest: reads, checks and inserts a file of JOBS lines through lh_ingest, and inserts the same rows through bare SQLite.
 *   ingest_loop FOLDER [JOBS]
 * The bare side has the rows at hand: it reads, parses and checks nothing. It commits every 10,000 rows to disk, ours every 2,000.
 * Then the lines alone, read and parsed without a database: by one parsing thread, and by as many as an ingest has. */
#include "bare_sqlite.h"
#include "base/clock.h"
#include "batch/chunks.h"

enum { ROWS_A_COMMIT = 10000 };

static double run_bare(const char *path, int64_t jobs)
{
    sqlite3 *db = bare_create(path);
    bare_exec(
        db,
        "PRAGMA synchronous = FULL; INSERT INTO batches VALUES (1, 'bench', 'loading', 0, 0, 0, 0, 0, 0, 1)");
    sqlite3_stmt *job = bare_prepare(
        db, "INSERT INTO jobs (id, batch_id, custom_id, line, state, priority, sends, attempts, throttles, "
            "losses, invalids, generation, prompt_tokens, max_output_tokens, created_at, route, "
            "retry_is_counted) VALUES (?1, 1, ?2, ?1, 'ready', 500, 0, 0, 0, 0, 0, 0, 125, 40, ?3, 1, 0)");
    sqlite3_stmt *request =
        bare_prepare(db, "INSERT INTO requests VALUES (?1, 'POST', '/v1/chat/completions', ?2)");
    char id[32], body[1024];
    double start = measure_wall();
    for (int64_t i = 1; i <= jobs; i++) {
        if (i % ROWS_A_COMMIT == 1)
            bare_exec(db, "BEGIN IMMEDIATE");
        snprintf(id, sizeof id, "request-%lld", (long long)i);
        request_body(body, sizeof body, i);
        bare_step(job, "isi", i, id, clock_wall_ms());
        bare_step(request, "is", i, body);
        if (i % ROWS_A_COMMIT == 0 || i == jobs)
            bare_exec(db, "COMMIT");
    }
    double took = measure_wall() - start;
    sqlite3_finalize(job);
    sqlite3_finalize(request);
    sqlite3_close(db);
    return took;
}

/* Seconds for the lines alone. parsers: 0 is what an ingest has. */
static double run_reading(const char *input, int parsers)
{
    struct chunks_options o = {.rules = {.model = "m"}, .parsers = parsers};
    struct source *source = NULL;
    struct chunks *chunks = NULL;
    lh_error err = {0};
    double start = measure_wall();
    if (source_open(&input, 1, (size_t)64 << 20, false, &source, &err) != 0 ||
        chunks_start(source, &o, &chunks, &err) != 0)
        die(input, err.message);
    for (bool last = false; !last;) {
        struct chunk *chunk = chunks_next(chunks);
        if (chunk->rc != 0)
            die(input, chunk->error.message);
        last = chunk->last;
        chunks_recycle(chunks, chunk);
    }
    chunks_stop(chunks);
    source_close(source);
    return measure_wall() - start;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [JOBS]\n", argv[0]);
        return 2;
    }
    lh_tune_process(); /* of both sides */
    int64_t jobs = argc > 2 ? atol(argv[2]) : 200000;
    char ours[512], bare[512], input[512];
    snprintf(ours, sizeof ours, "%s/ours.db", argv[1]);
    snprintf(bare, sizeof bare, "%s/bare.db", argv[1]);
    snprintf(input, sizeof input, "%s/input.jsonl", argv[1]);
    remove_store(ours);
    remove_store(bare);
    write_input(input, jobs);
    double bare_s = run_bare(bare, jobs);
    double start = measure_wall();
    load_input(ours, input);
    double ours_s = measure_wall() - start;
    double one_s = run_reading(input, 1), all_s = run_reading(input, 0);
    remove_store(ours);
    remove_store(bare);
    unlink(input);
    printf("bare %.0f/s, ours %.0f/s, ratio %.2f\n", (double)jobs / bare_s, (double)jobs / ours_s,
           bare_s / ours_s);
    printf("lines alone %.0f/s, with one parser %.0f/s, ratio %.2f\n", (double)jobs / all_s,
           (double)jobs / one_s, one_s / all_s);
    return 0;
}
