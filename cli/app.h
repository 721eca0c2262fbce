/* What every command gets, and what it may answer. Floor 5; main thread. */
#ifndef LH_CLI_APP_H
#define LH_CLI_APP_H

#include "base/error.h"
#include "longhaul.h"

enum exit_code {
    EXIT_DONE = 0,    /* every job done */
    EXIT_FAILED = 1,  /* could not go on */
    EXIT_USAGE = 2,   /* the command line is wrong */
    EXIT_DEAD = 3,    /* finished, some jobs are dead letters */
    EXIT_STOPPED = 4, /* by a signal, a pause, a budget, the account; the same command goes on */
};

/* The value of every option there is. Strings are owned by the option layer, for the program's life. */
struct settings {
    const char *db, *config;
    bool verbose, quiet;
    /* naming and input */
    const char *batch, *model, *prompt_template, *id_field, *url, *tenant;
    int64_t weight, priority;
    bool skip_bad, update, fresh;
    int64_t max_line;
    int64_t max_tokens;
    int64_t latency_ms; /* of answers, to estimate with; LH_UNKNOWN */
    /* the run */
    lh_run_options run;
    const char *endpoint_key, *prices;
    int64_t max_response;
    bool no_guard;
    /* output */
    const char *output, *format, *order, *progress;
    bool partial, json, watch, yes, all;
    /* dead letters, retry */
    const char *reason, *error_class, *error_code, *where;
    int64_t limit;
    bool dead, canceled;
    /* tokens */
    const char *encoding, *jsonl;
    bool ids, lines;
    /* sim */
    const char *sim_latency, *sim_faults, *sim_poison, *sim_poison_kind, *sim_bind, *sim_port_file,
        *sim_require_key, *sim_record, *sim_enforce, *sim_change, *sim_outage, *sim_limit_headers,
        *sim_output;
    int64_t sim_port, sim_seed, sim_quota, sim_max_faults, sim_burst_ms, sim_cached;
    double sim_fault_rate, sim_claude_factor;
    bool sim_replay, sim_refused_count, sim_no_retry_after;
};

struct app {
    struct settings settings;
    const char *const *args; /* after the command and its options */
    int n_args;
    void *contexts[2]; /* of the option layer, which owns the texts above */
    char *texts[128];
    int n_texts;
    struct config *config;          /* owned; NULL without a file */
    lh_endpoint_options *endpoints; /* owned: the file's list */
    const char **endpoint_keys;     /* owned */
    struct config *prices;          /* owned: the file of --prices; NULL without */
    lh_model *models;               /* owned: its entries, which settings.run.models points to */
};

struct command {
    const char *name;
    const char *args;          /* "INPUT… [-o OUT]" */
    const char *summary;       /* one line */
    const char *text;          /* more for --help; may be NULL */
    unsigned options;          /* groups, OPTIONS_… of options.h */
    int least_args, most_args; /* most < 0: any number */
    int (*run)(struct app *app);
};

extern const struct command commands[]; /* ends with a NULL name */

/* Prints the error as the program's last word and returns the exit code of its kind. */
int app_failed(const lh_error *err);
/* Flushes standard output; EXIT_FAILED with a message when it cannot be written, else `code`. A reader that went away is no error. */
int app_finish_output(int code);
/* True when standard output is a pipe or socket that nobody reads any more. */
bool app_reader_left(void);

int cmd_run(struct app *app);
int cmd_submit(struct app *app);
int cmd_work(struct app *app);
int cmd_status(struct app *app);
int cmd_results(struct app *app);
int cmd_show(struct app *app);
int cmd_dead(struct app *app);
int cmd_sql(struct app *app);
int cmd_cancel(struct app *app);
int cmd_pause(struct app *app);
int cmd_resume(struct app *app);
int cmd_retry(struct app *app);
int cmd_tokens(struct app *app);
int cmd_estimate(struct app *app);
int cmd_prices(struct app *app);
int cmd_sim(struct app *app);
int cmd_db(struct app *app);

#endif
