/* A batch from C: load a file, work until all is done, write the results. Give the same command again after any stop.
 *
 *     cc batch.c $(pkg-config --cflags --libs longhaul) -o batch
 *     OPENAI_API_KEY=… ./batch prompts.jsonl results.jsonl */
#include <longhaul.h>
#include <stdio.h>

static int fail(const lh_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

int main(int argc, char **argv)
{
    const char *db = "longhaul.db";
    lh_error err = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: batch INPUT OUTPUT\n");
        return 2;
    }

    lh_ingest_options input;
    lh_ingest_report loaded;
    lh_ingest_options_default(&input);
    input.inputs = (const char *const *)&argv[1];
    input.n_inputs = 1;
    input.model = "gpt-4o-mini"; /* of lines that name none */
    if (lh_ingest(db, &input, &loaded, &err) != 0)
        return fail(&err);

    lh_run *run = NULL;
    lh_run_options options;
    lh_run_report report;
    lh_run_options_default(&options);
    options.batch = loaded.batch;
    options.endpoint.rpm = 3000;
    if (lh_run_new(db, &options, &run, &err) != 0)
        return fail(&err);
    int rc = lh_run_loop(run, &report, &err); /* ^C stops it; what is in flight finishes */
    lh_run_free(run);
    if (rc != 0)
        return fail(&err);
    printf("%lld done, %lld dead, %lld left\n", (long long)report.done, (long long)report.dead,
           (long long)report.unfinished);
    if (report.end != LH_RUN_DONE)
        return 4;

    lh_export_options output;
    lh_export_report exported;
    lh_export_options_default(&output);
    output.batch = loaded.batch;
    output.output = argv[2];
    if (lh_export(db, &output, &exported, &err) != 0)
        return fail(&err);
    return report.dead > 0 ? 3 : 0;
}
