/* liblonghaul: durable batches of LLM API requests. Whatever the command `longhaul` can do, a C program can do with this.
 *
 * The store is one SQLite file, named by its path in every call. Functions return 0 or a negative LH_E… code and fill
 * the lh_error they were given (base/error.h). Functions block; each may be called from any thread, and several at once
 * on one file; only one worker (lh_run) at a time may have a file, by a lock of the operating system.
 * Strings in option structs are borrowed until the call returns. Times are ms since 1970 UTC unless a name says
 * otherwise; money is nano-dollars. Initialise each option struct with its lh_…_default function.
 * What a run would take, before it begins: longhaul_estimate.h. */
#ifndef LONGHAUL_H
#define LONGHAUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LH_UNKNOWN INT64_MIN /* an integer that is not known: NULL in the database */

const char *lh_version(void);

/* For a program that has not used SQLite yet: turns off its statistics of memory, which take a lock for each allocation (some 7 % of a
 * load). Of no use later, and never needed. */
void lh_tune_process(void);

/* ---- batches -------------------------------------------------------------------------------------------------- */

typedef struct lh_batch {
    int64_t id;
    char name[256];
    char state[16];         /* loading, active, paused, finished, canceled */
    char pause_reason[512]; /* "" unless paused */
    char tenant[128];
    int64_t weight, priority;
    char input[512];     /* what it was made from, for people */
    char input_hash[40]; /* XXH3-128 of the input bytes, hex; "" while loading */
    int64_t input_bytes, input_lines;
    char params[2048];                                     /* JSON: model, template, id_field, url */
    int64_t ready, waiting, running, done, dead, canceled; /* jobs by state */
    int64_t prompt_tokens, completion_tokens, cached_tokens, cost_nanousd;
    int64_t attempts, failed_attempts;
    int64_t first_job_id, last_job_id, next_seq, requeues;
    int64_t created_at, started_at, finished_at; /* LH_UNKNOWN when not yet */
    int64_t cache_write_tokens, reasoning_tokens;
    int64_t
        unpriced; /* attempts whose cost is not known, though they told what they used: cost_nanousd is without them */
    int64_t
        silent; /* attempts that told nothing, and may have been paid for all the same: lost, cut off, 5xx */
} lh_batch;

int64_t lh_batch_jobs(const lh_batch *b); /* all of them */

int lh_batch_find(const char *db, const char *name, lh_batch *out, lh_error *err);
int lh_batch_each(const char *db, int (*fn)(void *arg, const lh_batch *b), void *arg, lh_error *err);

typedef struct lh_tenant { /* with open jobs; sums over its batches */
    char name[128];
    int64_t weight; /* the largest of its open batches */
    int64_t ready, waiting, running;
    int64_t tokens; /* prompt and completion, so far */
} lh_tenant;

/* Each tenant with open jobs, by name; a non-zero return of `fn` ends the walk and is returned. */
int lh_tenant_each(const char *db, int (*fn)(void *arg, const lh_tenant *t), void *arg, lh_error *err);

/* ---- what was used --------------------------------------------------------------------------------------------- */

/* Sums over the attempts that told what they used, successes and failures alike. */
typedef struct lh_usage {
    const char
        *name; /* the model that was asked for, the batch, the tenant, or the day ("2025-03-01", UTC) */
    int64_t attempts, failed;
    int64_t unpriced; /* attempts whose cost is not known: cost_nanousd is without them */
    int64_t prompt_tokens, cached_tokens, cache_write_tokens; /* the latter two are parts of the first */
    int64_t completion_tokens, reasoning_tokens;              /* the latter is part of the first */
    int64_t cost_nanousd;
    /* How good the count before sending is: over attempts that told their prompt, and whose job was counted. */
    int64_t told_prompts;                /* attempts */
    int64_t told_tokens, counted_tokens; /* what they told, what had been counted */
    int64_t counted_error;               /* the sum of |told - counted| */
    double prompt_share_max;             /* the largest told / counted; 0 without any */
    /* How long answers get: over successes that told it. */
    int64_t answers, answer_tokens;
    double answer_squares;          /* the sum of squares of their tokens */
    int64_t answer_max, latency_ms; /* the longest, in tokens; the sum of what they took */
} lh_usage;

typedef enum lh_usage_by { LH_BY_MODEL, LH_BY_BATCH, LH_BY_TENANT, LH_BY_DAY } lh_usage_by;

/* Each model, batch, tenant or day, by name, of that batch (NULL: of all). Strings are borrowed for the callback; a non-zero return of
 * `fn` ends the walk and is returned. LH_ENOTFOUND without that batch. */
int lh_usage_each(const char *db, const char *batch, lh_usage_by by, int (*fn)(void *arg, const lh_usage *u),
                  void *arg, lh_error *err);

/* What a status sums up: the batches, the tenants with open jobs (not of one batch) and the usage by model, one after the other and all of one
 * moment, so that they agree beside a worker too. `batch`: that one, NULL: all. Callbacks and errors as above. */
typedef struct lh_status_fns {
    int (*batch)(void *arg, const lh_batch *b);
    int (*tenant)(void *arg, const lh_tenant *t);
    int (*model)(void *arg, const lh_usage *u);
} lh_status_fns;
int lh_status_sums(const char *db, const char *batch, const lh_status_fns *fns, void *arg, lh_error *err);

/* ---- ingest: submit input as a batch -------------------------------------------------------------------------- */

typedef struct lh_ingest_options {
    const char *const *inputs; /* paths; "-" is standard input */
    size_t n_inputs;
    const char *batch; /* NULL: the first input's name without folder and extension; "stdin" for "-" */
    const char *model; /* put into bodies that name none, required by bare lines; NULL */
    const char *
        prompt_template; /* "Classify: {{text}}": lines are rows (JSONL objects, or CSV by the extension .csv) */
    const char *id_field; /* row field that is the custom_id; NULL */
    const char *url;      /* endpoint of bare lines and rows, "/v1/chat/completions" when NULL */
    int64_t
        max_tokens; /* the bound of answers whose requests name none, under the name that the API has for it; 0: none */
    /* Of a batch that is there already these must be as they were, or not given: NULL, LH_UNKNOWN. */
    const char *tenant;       /* "default" for a new batch */
    int64_t weight;           /* 1 */
    int64_t priority;         /* 500; smaller goes first: high 100, normal 500, low 900 */
    bool skip_bad;            /* record bad lines as dead letters instead of refusing the batch */
    bool update;              /* same batch, lines were added: load those */
    bool fresh;               /* the name is taken: make NAME-2, NAME-3 … */
    size_t max_line;          /* bytes of one line at most; 64 MiB */
    const volatile int *stop; /* becomes non-zero: stop at the next commit; LH_ESTATE "interrupted"; NULL */
    void (*progress)(void *arg, int64_t lines, int64_t bytes); /* now and then; NULL */
    void *progress_arg;
} lh_ingest_options;

typedef struct lh_ingest_report {
    int64_t batch_id;
    char batch[256];
    int64_t lines;      /* input lines seen, blank ones too */
    int64_t jobs_added; /* by this call */
    int64_t bad_lines;  /* recorded as dead letters by this call */
    bool resumed;       /* an unfinished load went on */
    bool unchanged;     /* the same input was loaded already: nothing was done */
} lh_ingest_report;

void lh_ingest_options_default(lh_ingest_options *o);

/* Loads all inputs as one batch: each line exactly once, however often this is killed and called again. Refuses the
 * batch whole on a bad line (LH_EINPUT, naming input, line and reason; nothing stays) unless skip_bad. A batch of
 * that name made from something else: LH_EMISMATCH with what differs. Creates the store when missing. */
int lh_ingest(const char *db, const lh_ingest_options *o, lh_ingest_report *report, lh_error *err);

/* ---- models: what they cost and hold -------------------------------------------------------------------------- */

typedef struct lh_model {
    const char *name;
    int64_t context, max_output; /* tokens; LH_UNKNOWN, as all below */
    /* Nano-dollars per million tokens. cached: of input from the provider's cache; cache_write: of input that goes into it. */
    int64_t price_input_nanousd, price_cached_nanousd, price_cache_write_nanousd, price_output_nanousd;
    int64_t batch_discount; /* percent */
    /* A request with more prompt tokens than long_prompt costs so many percent of the prices above, all of it; percents that are not known:
     * what it costs is not known. long_prompt LH_UNKNOWN: no such step. */
    int64_t long_prompt, long_input_percent, long_output_percent;
    const char *date, *source; /* when and where the prices were read; NULL of own entries that do not tell */
} lh_model;

/* All unknown, with that name. */
void lh_model_default(lh_model *m, const char *name);
/* What is known of a model. Its name is looked up as it is, without "openai/" or "anthropic/" before it, and then without a date
 * ("-2024-08-06", "-20250929") or "-latest" behind it; never by less. A fine-tuned model ("ft:BASE:ORG:NAME:ID") is found as "ft:BASE" alone.
 * Own entries come first. What such an entry does not tell of context, max_output, and prices as a whole, is the table's. Strings are
 * borrowed from `own` and the table. False: unknown. Any thread. */
bool lh_model_find(const lh_model *own, size_t n_own, const char *name, lh_model *out);
/* Own entries make sense: each has a name, none twice, a price tells both input and output, each number is in its range. LH_EUSAGE names
 * the model. */
int lh_models_check(const lh_model *own, size_t n_own, lh_error *err);
/* The built-in table, by name. A non-zero return of `fn` ends the walk and is returned. */
int lh_model_each(int (*fn)(void *arg, const lh_model *m), void *arg);

/* ---- run: work until all is done ------------------------------------------------------------------------------ */

typedef struct lh_endpoint_options {
    /* Of an entry in a list of several only: */
    const char *name;          /* letters, digits and ._- ; unlike the others' */
    const char *const *models; /* "NAME" or "NAME=NAME-THERE"; it serves no other model */
    size_t n_models;           /* 0: it serves all */
    const char *const
        *keys; /* the environment's variables that hold its keys; each key is an account with these limits */
    size_t n_keys;       /* 0: no key is sent */
    int64_t weight;      /* 1: its share, beside its concurrency */
    int64_t tier;        /* 0: asked first; a higher one only while all of a lower one are down */
    const char *dialect; /* "openai", "anthropic", or NULL: by each job's url */
    const char
        *base_url; /* NULL: $OPENAI_BASE_URL or $ANTHROPIC_BASE_URL, else the official one, by dialect */
    const char *ca_file; /* NULL: the system's */
    int64_t concurrency; /* 50 */
    int64_t rpm, tpm;    /* 0: no limit */
    int64_t itpm, otpm;  /* input and output tokens per minute, as Anthropic counts; 0: no limit */
    bool ignore_told;    /* false: the limits that answers tell (x-ratelimit-* and others) hold too */
    /* The adaptive rate finds the limit of a provider that does not tell it; requests/min. */
    const char *adaptive; /* "auto" (default): open until refusals come of the rate, then as "on"; "off" */
    const char *adaptive_mode; /* "multiplicative" (default): grows by a share; "additive": by a step */
    int64_t adaptive_step;     /* 6: additive, so many requests/min more each second */
    int64_t adaptive_min, adaptive_max; /* never slower, never faster; 0: no bound */
    int64_t adaptive_initial;           /* 60: "on" starts there */
    bool
        adaptive_concurrency; /* false: `concurrency` at once from the start; true: up to it, as answers are good */
    int64_t window_count, window_ms; /* sliding window; 0: none */
    /* Nano-dollars per million tokens; cached: of input from the provider's cache, cache_write: of input that goes into it
     * (LH_UNKNOWN: as input). LH_UNKNOWN: not known, then no cost is written and max_cost_nanousd is refused. */
    int64_t price_input_nanousd, price_output_nanousd, price_cached_nanousd, price_cache_write_nanousd;
    int64_t timeout_ms;         /* 120,000: of one attempt */
    int64_t connect_timeout_ms; /* 30,000 */
    int64_t stall_timeout_ms;   /* 60,000 without a byte once the answer began */
    size_t max_response;        /* 64 MiB */
    int64_t
        breaker_percent; /* 50: so many faults among the last answers stop the asking for a while; 0: never */
} lh_endpoint_options;

typedef struct lh_progress lh_progress;

typedef struct lh_run_options {
    const char *batch;                    /* NULL: all batches */
    lh_endpoint_options endpoint;         /* when there is no list */
    const lh_endpoint_options *endpoints; /* a batch is spread over those that can serve it; NULL */
    size_t n_endpoints;                   /* at most 64, each key counted */
    const lh_model *models;               /* own entries, before the built-in table; NULL */
    size_t n_models;
    int64_t max_attempts;                       /* 5 */
    int64_t max_throttles;                      /* 50 */
    int64_t backoff_initial_ms, backoff_max_ms; /* 1,000 and 60,000 */
    double backoff_base;                        /* 2 */
    int64_t
        retry_budget;  /* 20: retries after faults, in percent of the good answers; 0: as many as there are */
    int64_t ageing_ms; /* 0: off. A tenant of a lower priority that waited so long gets one job */
    const char *jitter;         /* "full" (default), "equal", "decorrelated", "none" */
    int64_t max_retry_after_ms; /* 900,000 */
    /* What limits on tokens reserve for an answer before it is known: "high" (default): what few answers exceed, by those that came; "mean"; "max":
     * its bound. Never more than the bound; before there are answers, and where a provider gives nothing back, the bound. */
    const char *reserve;
    /* From a job's first claim until it is given up, waits and retries included, while a worker serves its batch. That claim sets it,
     * for later runs too. 0: none. */
    int64_t job_deadline_ms;
    int64_t batch_deadline_ms; /* so long after its start the run claims no more: LH_RUN_DEADLINE; 0: none */
    /* Over all runs of the scope, with what is in flight, lost, or failed without a word at its worst case: before either is passed the run
     * ends as LH_RUN_BUDGET. LH_UNKNOWN: no limit. Answers that nothing bounds are reckoned at 256 tokens. */
    int64_t max_tokens_total, max_cost_nanousd;
    /* "5%", "5%:warn", "5%:pause", "5%:stop": what happens at that share of failures among the last minute's attempts (50 at least;
     * refusals for rate are not counted). NULL: never. */
    const char *alert_errors;
    bool fail_fast;   /* the first dead letter cancels what has not been sent */
    bool guard;       /* true: pause a batch whose first 50 answers are all the same permanent error */
    bool follow;      /* do not end when all is done: wait for new jobs */
    int64_t grace_ms; /* 60,000: for requests in flight after lh_run_stop */
    bool
        fresh_limits; /* forget what earlier runs knew of the provider: pauses, breaker, what was sent lately */
    const char *durability; /* "full" (default), "normal" */
    uint64_t seed;          /* of jitter; 0: from the system */
    bool handle_signals;    /* SIGINT and SIGTERM: first stops gracefully, second at once */
    void (*progress)(void *arg, const lh_progress *p); /* on the loop thread, about twice a second; NULL */
    void *progress_arg;
} lh_run_options;

void lh_run_options_default(lh_run_options *o);
/* What lh_run_new would refuse of the options alone: LH_EUSAGE names the option. */
int lh_run_options_check(const lh_run_options *o, lh_error *err);

struct lh_progress {
    int64_t jobs_total, done, dead, canceled, ready, waiting; /* of the batches in scope */
    int64_t late; /* jobs that this run gave up as their deadline had passed */
    int64_t in_flight;
    int64_t retries;                          /* attempts of this run that will be made again */
    int64_t answers;                          /* results of this run */
    int64_t prompt_tokens, completion_tokens; /* of this run */
    int64_t cost_nanousd;                     /* of this run; LH_UNKNOWN when none is known */
    int64_t unpriced; /* attempts that told what they used, of unknown price: not in it */
    int64_t tokens_left, cost_left_nanousd; /* of the budget; LH_UNKNOWN without */
    double rate;                            /* jobs finished per second, lately */
    double eta_s;                           /* time left at that rate; < 0: not known */
    const char *limiter; /* what holds requests back now: "concurrency", "requests per minute", …; "" */
    const char *trouble; /* "database: disk full, retrying" and the like; "" */
    bool stopping;
};

enum lh_run_end {
    LH_RUN_DONE,      /* every job in scope is done (or dead, see report.dead) */
    LH_RUN_STOPPED,   /* by a signal or lh_run_stop */
    LH_RUN_PAUSED,    /* the batch was paused, by a person or by the guard */
    LH_RUN_CANCELED,  /* the batch was canceled */
    LH_RUN_ACCOUNT,   /* the provider refuses the account: key, quota, billing */
    LH_RUN_FAIL_FAST, /* a job died, the rest was canceled */
    LH_RUN_UNSERVED,  /* the jobs that are left can go to no endpoint */
    LH_RUN_DEADLINE,  /* batch_deadline_ms is over */
    LH_RUN_BUDGET,    /* max_tokens_total or max_cost_nanousd is reached */
    LH_RUN_ERRORS,    /* alert_errors, with ":stop" */
};

typedef struct lh_error_count {
    char class_name[16], code[64], message[256]; /* a sample message */
    int64_t count;
} lh_error_count;

typedef struct lh_run_report {
    enum lh_run_end end;
    char reason[512];                                     /* for a person; "" when simply done */
    int64_t jobs_total, done, dead, canceled, unfinished; /* of the scope, at the end */
    int64_t answers, attempts, retries, lost_recovered;   /* of this run */
    int64_t late; /* jobs that it gave up as their deadline had passed; they are among the dead */
    int64_t prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens;
    int64_t cost_nanousd; /* of this run; LH_UNKNOWN when none is known */
    int64_t
        unpriced; /* attempts that told what they used without a price being known: cost_nanousd is without them */
    int64_t silent; /* attempts that told nothing, and may have been paid for all the same */
    int64_t tokens_left, cost_left_nanousd; /* of the budget, at the end; LH_UNKNOWN without */
    int64_t p50_ms, p90_ms, p99_ms, max_ms; /* latency of answers */
    int64_t elapsed_ms;
    lh_error_count errors[8]; /* the most common, by count */
    size_t n_errors;
} lh_run_report;

typedef struct lh_run lh_run;

/* Takes the worker lock (LH_ELOCKED names the pid that has it), recovers what a crash left, opens the endpoint.
 * Every error of the store; LH_EUSAGE for options that make no sense; LH_ENOTFOUND without that batch. */
int lh_run_new(const char *db, const lh_run_options *o, lh_run **out, lh_error *err);
/* Runs until the end and fills the report; LH errors only when it could not go on. */
int lh_run_loop(lh_run *r, lh_run_report *report, lh_error *err);
/* From any thread or signal handler: once, gracefully; twice, at once. */
void lh_run_stop(lh_run *r);
void lh_run_free(lh_run *r); /* NULL-safe */

/* ---- export ---------------------------------------------------------------------------------------------------- */

typedef struct lh_export_options {
    const char *batch;  /* NULL: all batches, one after the other */
    const char *output; /* path, or "-" for standard output */
    const char *format; /* "jsonl" (default), "csv" */
    const char
        *order;   /* "input" (default): written beside and renamed. "completed": appended with a checkpoint */
    bool partial; /* export what is finished although the batch is not; else LH_ESTATE */
    const volatile int
        *stop; /* becomes non-zero: stop, what was there stays; LH_ESTATE "interrupted"; NULL */
    const char *const *inputs; /* files that must not be written over; NULL */
    size_t n_inputs;
} lh_export_options;

typedef struct lh_export_report {
    int64_t results, dead; /* lines in the file */
    int64_t unfinished;    /* jobs that have no line yet */
} lh_export_report;

void lh_export_options_default(lh_export_options *o);
/* What lh_export would refuse without looking into the store: LH_EUSAGE for an unknown format or order, and for an output
 * that is the database, one of its files, or one of `inputs`, by whatever name or link. */
int lh_export_check(const char *db, const lh_export_options *o, lh_error *err);
int lh_export(const char *db, const lh_export_options *o, lh_export_report *report, lh_error *err);

/* Follows a batch while it runs: a thread of its own appends finished jobs in order of completion until
 * lh_follower_stop, which appends the rest and reports. */
typedef struct lh_follower lh_follower;
int lh_follower_start(const char *db, const lh_export_options *o, lh_follower **out, lh_error *err);
int lh_follower_stop(lh_follower *f, lh_export_report *report, lh_error *err);

/* ---- one job --------------------------------------------------------------------------------------------------- */

typedef struct lh_attempt {
    int64_t number;
    const char *outcome, *error_code, *message, *request_id, *model; /* NULL when not known */
    int64_t status_code, started_at, latency_ms, wait_ms, retry_after_ms, prompt_tokens, completion_tokens;
    int64_t cached_tokens, cache_write_tokens, reasoning_tokens, cost_nanousd; /* LH_UNKNOWN when not told */
} lh_attempt;

typedef struct lh_job {
    int64_t id;
    const char *batch, *custom_id, *state;
    int64_t line, priority, sends, attempts, throttles, losses, generation, created_at, claimed_at,
        next_retry_at, finished_at;
    const char *method, *url, *request_body;
    const char *response_body;                            /* NULL without */
    int64_t status_code;                                  /* LH_UNKNOWN without */
    const char *dead_reason, *error_code, *error_message; /* NULL unless dead */
} lh_job;

/* Calls job_fn once, then attempt_fn for each attempt in order. `job` is a job id, or a custom_id (with `batch`, or unique
 * over all batches; else LH_EUSAGE). Strings are borrowed for the callback. LH_ENOTFOUND. */
int lh_job_show(const char *db, const char *batch, const char *job,
                void (*job_fn)(void *arg, const lh_job *j),
                void (*attempt_fn)(void *arg, const lh_attempt *a), void *arg, lh_error *err);

/* ---- dead letters ---------------------------------------------------------------------------------------------- */

typedef struct lh_dead_filter {
    const char *batch, *reason, *error_class, *error_code; /* NULL: any */
    const char *job;                                       /* job id or custom_id; NULL */
    const char
        *where; /* an SQL condition over the columns of dead_letters and jobs (custom_id, sends …); NULL */
    int64_t limit; /* 0: none */
} lh_dead_filter;

typedef struct lh_dead_letter {
    int64_t job_id;
    const char *batch, *custom_id, *reason, *error_class, *error_code, *message;
    int64_t status_code, attempts, died_at;
} lh_dead_letter;

int lh_dead_each(const char *db, const lh_dead_filter *f, int (*fn)(void *arg, const lh_dead_letter *d),
                 void *arg, lh_error *err);
/* Makes them ready again with their history kept and a fresh set of attempts, in bounded transactions; *count says how
 * many. Bad lines are left. A finished batch becomes active. */
int lh_dead_requeue(const char *db, const lh_dead_filter *f, int64_t *count, lh_error *err);
/* Gives dead letters up for good: the rows go, their jobs become canceled and have no line in exports. */
int lh_dead_drop(const char *db, const lh_dead_filter *f, int64_t *count, lh_error *err);

/* ---- steering, from any process -------------------------------------------------------------------------------- */

int lh_pause(const char *db, const char *batch, const char *reason,
             lh_error *err); /* nothing new is sent within a second */
int lh_resume(const char *db, const char *batch, lh_error *err);
int lh_cancel(const char *db, const char *batch, int64_t *canceled,
              lh_error *err); /* what is in flight finishes and counts */
typedef struct lh_retry_options {
    bool dead, canceled; /* those too, beside the waiting ones */
} lh_retry_options;
int lh_retry(const char *db, const char *batch, const lh_retry_options *o, int64_t *count, lh_error *err);

/* ---- tokens --------------------------------------------------------------------------------------------------- */

typedef enum lh_encoding { LH_O200K_BASE, LH_CL100K_BASE } lh_encoding;

/* By its name, "o200k_base" or "cl100k_base"; LH_EUSAGE for any other. */
int lh_encoding_named(const char *name, lh_encoding *out, lh_error *err);
const char *lh_encoding_name(lh_encoding encoding); /* static */
/* What a model counts with: gpt-4o-mini, gpt-5, o3 … o200k_base; gpt-4, gpt-3.5-turbo, text-embedding-3-small … cl100k_base. A fine-tuned
 * model ("ft:gpt-4o:…") and one behind a provider's name ("openai/gpt-4o") are what they are made from. Of any other
 * *known is false (NULL is allowed) and the answer o200k_base. */
lh_encoding lh_encoding_of_model(const char *model, bool *known);

/* How many tokens a text is, exactly as tiktoken's encode_ordinary has it, or LH_ENOMEM. Special tokens in it ("<|endoftext|>") are
 * plain text; bytes that are no UTF-8 are read as U+FFFD. Any thread; nothing is loaded; memory is taken only for runs of more than
 * 256 bytes without a break that are no UTF-8 or were made to be hard. */
int64_t lh_tokens_count(lh_encoding encoding, const char *text, size_t len);
/* The same, and the first `capacity` token ids into `ids`. */
int64_t lh_tokens_encode(lh_encoding encoding, const char *text, size_t len, uint32_t *ids, size_t capacity);
/* Where a text that goes on may be cut, so that the tokens of its parts are those of the whole: the last such place in these bytes, 0
 * when there is none. For counting more text than should stand in memory. */
size_t lh_tokens_cut(const char *text, size_t len);

/* ---- SQL ------------------------------------------------------------------------------------------------------- */

enum lh_type { LH_NULL, LH_INTEGER, LH_REAL, LH_TEXT, LH_BLOB };
typedef struct lh_value {
    enum lh_type type;
    int64_t integer;
    double real;
    const char *text; /* LH_TEXT, LH_BLOB; borrowed for the callback */
    size_t len;
} lh_value;

/* Runs one read-only statement. `row` gets names with the first row (and once with values NULL when there is no row at
 * all); non-zero from it ends the walk. LH_ESQL: wrong SQL, or an attempt to write. */
int lh_sql(const char *db, const char *sql,
           int (*row)(void *arg, int n, const char *const *names, const lh_value *values), void *arg,
           lh_error *err);

/* ---- status ---------------------------------------------------------------------------------------------------- */

typedef struct lh_worker_stats {
    int64_t pid; /* 0: no worker has the store now */
    int64_t started_at, updated_at;
    double rate;                                          /* jobs per second */
    int64_t in_flight, answers, attempts, retries, late;  /* late: given up at their deadline */
    int64_t cost_nanousd, tokens_left, cost_left_nanousd; /* as in lh_progress */
    int64_t p50_ms, p90_ms, p99_ms;
    double error_rate; /* failed / all attempts of its last minute, refusals for rate left out */
    char limiter[32];  /* what binds */
    char trouble[256];
} lh_worker_stats;

typedef struct lh_db_info {
    char path[1024];
    int64_t file_bytes, wal_bytes, page_size, free_pages, schema_version;
    int64_t batches, jobs;
    char sqlite_version[16];
    char store_id[40];
} lh_db_info;

int lh_status_worker(const char *db, lh_worker_stats *out, lh_error *err);
/* Each endpoint that the worker uses, or the last one used, in the order of its list. `json`: an object of any length with its name
 * ("endpoint"), "state", "in_flight", "limits", "trouble" and what else its gate tells; borrowed for the call. A non-zero return of `fn`
 * ends the walk and is returned. */
int lh_status_endpoints(const char *db, int (*fn)(void *arg, const char *json), void *arg, lh_error *err);
int lh_db_info_get(const char *db, lh_db_info *out, lh_error *err);

/* ---- upkeep ---------------------------------------------------------------------------------------------------- */

int lh_db_migrate(const char *db, int64_t *from, int64_t *to, lh_error *err);
/* integrity_check, foreign keys, counters against rows, each job in a state that its rows justify. `finding` is called
 * for each fault; *faults counts them. */
int lh_db_check(const char *db, void (*finding)(void *arg, const char *text), void *arg, int64_t *faults,
                lh_error *err);
/* A consistent copy while a worker runs; refuses to overwrite (LH_EUSAGE). Written beside and renamed. */
int lh_db_backup(const char *db, const char *target, lh_error *err);

#endif
