/* Options: see options.h. popt splits the command line and prints the help; the table below says what there is. */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <popt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/values.h"

struct option {
    const char *name;
    char letter;
    enum value_kind kind;
    unsigned groups;
    size_t offset;
    const char *arg, *help;
};

#define AT(member) offsetof(struct settings, member)
#define RUN_LIKE (OPTIONS_RUN)
#define PER_ENDPOINT (OPTIONS_RUN | OPTIONS_ENDPOINT)

static const struct option options[] = {
    {"db", 0, VALUE_TEXT, OPTIONS_GLOBAL, AT(db), "FILE",
     "the database (default: $LONGHAUL_DB, else ./longhaul.db)"},
    {"config", 0, VALUE_TEXT, OPTIONS_GLOBAL, AT(config), "FILE",
     "options from a YAML file (default: ./longhaul.yaml when it is there)"},
    {"verbose", 'v', VALUE_FLAG, OPTIONS_GLOBAL, AT(verbose), NULL, "tell more"},
    {"quiet", 'q', VALUE_FLAG, OPTIONS_GLOBAL, AT(quiet), NULL, "errors only"},
    {"batch", 0, VALUE_TEXT, OPTIONS_NAME, AT(batch), "NAME", "the batch (default: the input's name)"},
    {"model", 0, VALUE_TEXT, OPTIONS_INPUT, AT(model), "NAME", "the model of lines that name none"},
    {"template", 0, VALUE_TEXT, OPTIONS_INPUT, AT(prompt_template), "TEXT",
     "a prompt for each row, with {{field}} in it"},
    {"id-field", 0, VALUE_TEXT, OPTIONS_INPUT, AT(id_field), "NAME",
     "the field of a row that is its custom_id"},
    {"url", 0, VALUE_TEXT, OPTIONS_INPUT, AT(url), "PATH",
     "endpoint of lines that name none (/v1/chat/completions)"},
    {"tenant", 0, VALUE_TEXT, OPTIONS_INPUT, AT(tenant), "NAME",
     "on whose behalf; tenants share by tokens (default)"},
    {"weight", 0, VALUE_COUNT, OPTIONS_INPUT, AT(weight), "N",
     "the tenant's share beside others of its priority (1)"},
    {"priority", 0, VALUE_PRIORITY, OPTIONS_INPUT, AT(priority), "P",
     "high, normal, low, or 0 to 1000; smaller goes first"},
    {"skip-bad", 0, VALUE_FLAG, OPTIONS_INPUT, AT(skip_bad), NULL,
     "record bad lines as dead letters, load the rest"},
    {"update", 0, VALUE_FLAG, OPTIONS_INPUT, AT(update), NULL,
     "load the lines added since the batch was made"},
    {"fresh", 0, VALUE_FLAG, OPTIONS_INPUT, AT(fresh), NULL,
     "make another batch, NAME-2, when NAME is taken"},
    {"max-line", 0, VALUE_SIZE, OPTIONS_INPUT, AT(max_line), "BYTES", "longest input line (64M)"},
    {"base-url", 0, VALUE_TEXT, PER_ENDPOINT, AT(run.endpoint.base_url), "URL",
     "the API (default: $OPENAI_BASE_URL, else OpenAI's)"},
    {"name", 0, VALUE_TEXT, OPTIONS_ENTRY, AT(run.endpoint.name), "NAME", "of the endpoint"},
    {"key", 0, VALUE_TEXT, OPTIONS_ENTRY, AT(endpoint_key), "VARIABLE",
     "where its key stands in the environment"},
    {"weight", 0, VALUE_COUNT, OPTIONS_ENTRY, AT(run.endpoint.weight), "N", "its share (1)"},
    {"tier", 0, VALUE_COUNT, OPTIONS_ENTRY, AT(run.endpoint.tier), "N",
     "asked while all of a lower one are down (0)"},
    {"dialect", 0, VALUE_TEXT, PER_ENDPOINT, AT(run.endpoint.dialect), "NAME",
     "openai or anthropic (default: by each job's url)"},
    {"ca-file", 0, VALUE_TEXT, RUN_LIKE, AT(run.endpoint.ca_file), "FILE", "certificates to trust, PEM"},
    {"concurrency", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.concurrency), "N", "requests at once (50)"},
    {"rpm", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.rpm), "N", "requests per minute at most"},
    {"tpm", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.tpm), "N", "tokens per minute at most"},
    {"itpm", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.itpm), "N", "input tokens per minute at most"},
    {"otpm", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.otpm), "N", "output tokens per minute at most"},
    {"no-told-limits", 0, VALUE_FLAG, PER_ENDPOINT, AT(run.endpoint.ignore_told), NULL,
     "ignore the limits that answers tell (for a proxy that lies)"},
    {"window", 0, VALUE_WINDOW, PER_ENDPOINT, AT(run.endpoint.window_count), "N/SECONDS",
     "at most N requests in any so many seconds"},
    {"adaptive", 0, VALUE_TEXT, PER_ENDPOINT, AT(run.endpoint.adaptive), "MODE",
     "find the rate that the provider grants: auto (from its first refusal), on or off (auto)"},
    {"adaptive-mode", 0, VALUE_TEXT, PER_ENDPOINT, AT(run.endpoint.adaptive_mode), "KIND",
     "growth of that rate: multiplicative or additive (multiplicative)"},
    {"adaptive-step", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.adaptive_step), "RPM",
     "additive: so much more each second (6)"},
    {"adaptive-min", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.adaptive_min), "RPM", "never slower"},
    {"adaptive-max", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.adaptive_max), "RPM", "never faster"},
    {"adaptive-initial", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.adaptive_initial), "RPM",
     "where --adaptive on starts (60)"},
    {"adaptive-concurrency", 0, VALUE_FLAG, PER_ENDPOINT, AT(run.endpoint.adaptive_concurrency), NULL,
     "begin with 8 at once, more while answers are good, up to --concurrency"},
    {"breaker", 0, VALUE_COUNT, PER_ENDPOINT, AT(run.endpoint.breaker_percent), "PERCENT",
     "faults among the last answers that stop the asking for a while (50; 0 is off)"},
    {"timeout", 0, VALUE_SECONDS, PER_ENDPOINT, AT(run.endpoint.timeout_ms), "S",
     "one attempt at most (120)"},
    {"fresh-limits", 0, VALUE_FLAG, RUN_LIKE, AT(run.fresh_limits), NULL,
     "forget what earlier runs learned of the provider: pauses, limits, what was sent lately"},
    {"connect-timeout", 0, VALUE_SECONDS, RUN_LIKE, AT(run.endpoint.connect_timeout_ms), "S",
     "to connect (30)"},
    {"stall-timeout", 0, VALUE_SECONDS, RUN_LIKE, AT(run.endpoint.stall_timeout_ms), "S",
     "without a byte in an answer (60; 0 is off)"},
    {"max-response", 0, VALUE_SIZE, RUN_LIKE, AT(max_response), "BYTES", "largest answer (64M)"},
    {"max-attempts", 0, VALUE_COUNT, RUN_LIKE, AT(run.max_attempts), "N", "tries of a job (5)"},
    {"max-throttles", 0, VALUE_COUNT, RUN_LIKE, AT(run.max_throttles), "N",
     "refusals for rate that a job bears (50)"},
    {"backoff-initial", 0, VALUE_SECONDS, RUN_LIKE, AT(run.backoff_initial_ms), "S", "first wait (1)"},
    {"backoff-max", 0, VALUE_SECONDS, RUN_LIKE, AT(run.backoff_max_ms), "S", "longest wait (60)"},
    {"backoff-base", 0, VALUE_REAL, RUN_LIKE, AT(run.backoff_base), "X", "growth of waits (2)"},
    {"jitter", 0, VALUE_TEXT, RUN_LIKE, AT(run.jitter), "KIND", "full, equal, decorrelated or none (full)"},
    {"retry-budget", 0, VALUE_COUNT, RUN_LIKE, AT(run.retry_budget), "PERCENT",
     "retries after faults, of the good answers, while fresh jobs wait (20; 0 is off)"},
    {"ageing", 0, VALUE_SECONDS, RUN_LIKE, AT(run.ageing_ms), "S",
     "a lower priority that waited so long gets one job (0: off)"},
    {"max-retry-after", 0, VALUE_SECONDS, RUN_LIKE, AT(run.max_retry_after_ms), "S",
     "longest wait a provider may ask for (900)"},
    {"job-deadline", 0, VALUE_SECONDS, RUN_LIKE, AT(run.job_deadline_ms), "S",
     "give a job up so long after its first claim, waits and retries included"},
    {"batch-deadline", 0, VALUE_SECONDS, RUN_LIKE, AT(run.batch_deadline_ms), "S",
     "stop claiming after so long; what is in flight finishes, the same command goes on"},
    {"max-tokens-total", 0, VALUE_COUNT, RUN_LIKE, AT(run.max_tokens_total), "N",
     "tokens of the batch (work: of the store) over all its runs; exact when requests bound their answers "
     "(max_tokens)"},
    {"max-cost", 0, VALUE_USD, RUN_LIKE, AT(run.max_cost_nanousd), "USD", "the same in money; needs prices"},
    {"price-input", 0, VALUE_USD, RUN_LIKE, AT(run.price_input_nanousd), "USD", "of a million input tokens"},
    {"price-output", 0, VALUE_USD, RUN_LIKE, AT(run.price_output_nanousd), "USD",
     "of a million output tokens"},
    {"price-cached", 0, VALUE_USD, RUN_LIKE, AT(run.price_cached_nanousd), "USD",
     "of a million input tokens from the provider's cache (as other input)"},
    {"alert-errors", 0, VALUE_TEXT, RUN_LIKE, AT(run.alert_errors), "P%[:warn|pause|stop]",
     "when P% of the last minute's attempts failed, of 50 at least; refusals for rate are no errors (warn)"},
    {"fail-fast", 0, VALUE_FLAG, RUN_LIKE, AT(run.fail_fast), NULL, "the first dead letter cancels the rest"},
    {"no-guard", 0, VALUE_FLAG, RUN_LIKE, AT(no_guard), NULL,
     "go on when the first 50 answers are all the same error"},
    {"grace", 0, VALUE_SECONDS, RUN_LIKE, AT(run.grace_ms), "S", "for requests in flight when stopped (60)"},
    {"durability", 0, VALUE_TEXT, RUN_LIKE, AT(run.durability), "KIND",
     "full, or normal: survives kill -9, not power loss"},
    {"seed", 0, VALUE_COUNT, RUN_LIKE, AT(run.seed), "N", "of the jitter, to repeat a run"},
    {"follow", 0, VALUE_FLAG, OPTIONS_WORK, AT(run.follow), NULL, "wait for new jobs when all is done"},
    {"output", 'o', VALUE_TEXT, OPTIONS_OUT, AT(output), "FILE", "where results go; - is standard output"},
    {"format", 0, VALUE_TEXT, OPTIONS_OUTPUT, AT(format), "KIND", "jsonl or csv (jsonl)"},
    {"order", 0, VALUE_TEXT, OPTIONS_OUTPUT, AT(order), "KIND",
     "input, or completed: appended as jobs finish (input)"},
    {"partial", 0, VALUE_FLAG, OPTIONS_OUTPUT, AT(partial), NULL,
     "export what is finished of an unfinished batch"},
    {"progress", 0, VALUE_TEXT, OPTIONS_PROGRESS, AT(progress), "KIND", "auto, plain or none (auto)"},
    {"json", 0, VALUE_FLAG, OPTIONS_JSON, AT(json), NULL, "as JSON"},
    {"watch", 0, VALUE_FLAG, OPTIONS_WATCH, AT(watch), NULL, "again each second, until ^C"},
    {"reason", 0, VALUE_TEXT, OPTIONS_DEAD, AT(reason), "R",
     "permanent, attempts, throttles, invalid, lost, bad_line or deadline"},
    {"error-class", 0, VALUE_TEXT, OPTIONS_DEAD, AT(error_class), "C", "permanent, transient, throttled, …"},
    {"error-code", 0, VALUE_TEXT, OPTIONS_DEAD, AT(error_code), "C",
     "the provider's code, or http_500, timeout, …"},
    {"where", 0, VALUE_TEXT, OPTIONS_DEAD, AT(where), "SQL",
     "a condition, such as \"died_at > 0 AND custom_id LIKE 'a%'\""},
    {"limit", 0, VALUE_COUNT, OPTIONS_DEAD, AT(limit), "N", "so many at most (0: no bound)"},
    {"all", 0, VALUE_FLAG, OPTIONS_DEAD, AT(all), NULL,
     "all of them (requeue and drop want a filter or this)"},
    {"yes", 0, VALUE_FLAG, OPTIONS_DEAD, AT(yes), NULL, "drop without asking"},
    {"dead", 0, VALUE_FLAG, OPTIONS_RETRY, AT(dead), NULL, "dead letters too"},
    {"canceled", 0, VALUE_FLAG, OPTIONS_RETRY, AT(canceled), NULL, "canceled jobs too"},
    {"format", 0, VALUE_TEXT, OPTIONS_SQL, AT(format), "KIND", "table, csv, json or jsonl (table)"},
#include "cli/options_sim.inc"
};
enum { OPTION_COUNT = sizeof options / sizeof *options };

/* What a person might look for and will find in a later release, or nowhere. */
static const struct {
    const char *name, *advice;
} not_here[] = {
    {"api-key", "keys come from the environment: set OPENAI_API_KEY or ANTHROPIC_API_KEY"},
    {"key", "keys come from the environment: set OPENAI_API_KEY or ANTHROPIC_API_KEY"},
};

/* ---- values ---- */

static bool set_value(struct settings *s, const struct option *o, const char *text)
{
    return value_read(o->kind, text, (char *)s + o->offset);
}

static int say_bad_value(const struct option *o, const char *text, const char *where)
{
    fprintf(stderr, "longhaul: %s%s is \"%s\"; it must be %s\n", where, o->name, text, value_wanted(o->kind));
    return EXIT_USAGE;
}

/* popt gives each value as a copy; it lives as long as the settings that point to it. */
static const char *keep_text(struct app *app, char *text)
{
    const int most = sizeof app->texts / sizeof *app->texts;
    if (app->n_texts < most)
        app->texts[app->n_texts++] = text;
    return text;
}

void options_free(struct app *app)
{
    for (int i = 0; i < app->n_texts; i++)
        free(app->texts[i]);
    free(app->endpoints);
    free(app->endpoint_keys);
    config_free(app->config);
    for (size_t i = 0; i < sizeof app->contexts / sizeof *app->contexts; i++)
        poptFreeContext(app->contexts[i]);
}

/* ---- the three sources ---- */

static void set_defaults(struct settings *s)
{
    *s = (struct settings){.weight = LH_UNKNOWN,
                           .priority = LH_UNKNOWN,
                           .max_line = INT64_C(64) << 20,
                           .max_response = INT64_C(64) << 20,
                           .order = "input",
                           .progress = "auto",
                           .sim_port = 8089,
                           .sim_seed = 1,
                           .sim_max_faults = 3,
                           .sim_latency = "50..150",
                           .sim_poison = "POISON",
                           .sim_poison_kind = "400",
                           .sim_enforce = "bucket",
                           .sim_burst_ms = 1000,
                           .sim_limit_headers = "auto",
                           .sim_bind = "127.0.0.1"};
    lh_run_options_default(&s->run);
}

enum { VARIABLE_MAX = 64 };

static const char *variable_of(const struct option *o, char name[VARIABLE_MAX])
{
    snprintf(name, VARIABLE_MAX, "LONGHAUL_%s", o->name);
    for (char *p = name; *p != '\0'; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return name;
}

/* A variable that looks like an option and is none is most likely a typing error, and would be silently without effect. */
static void warn_of_variables(void)
{
    char names[OPTION_COUNT][VARIABLE_MAX];
    const char *known[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        known[i] = variable_of(&options[i], names[i]);
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        char name[VARIABLE_MAX];
        size_t len = strcspn(*e, "=");
        if (strncmp(*e, "LONGHAUL_", 9) != 0 || len >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)len, *e);
        const char *nearest = options_nearest(name, known, OPTION_COUNT);
        if (nearest != NULL && strcmp(nearest, name) != 0)
            fprintf(stderr, "longhaul: warning: $%s is no option; did you mean %s\n", name, nearest);
    }
}

static int read_environment(struct settings *s, unsigned groups, bool *set)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[VARIABLE_MAX];
        if (set[i] || (options[i].groups & groups) == 0 || (options[i].groups & OPTIONS_SIM) != 0)
            continue;
        variable_of(&options[i], name);
        const char *value = getenv(name);
        if (value == NULL)
            continue;
        if (!set_value(s, &options[i], value)) {
            fprintf(stderr, "longhaul: $%s is \"%s\"; it must be %s\n", name, value,
                    value_wanted(options[i].kind));
            return EXIT_USAGE;
        }
        set[i] = true;
    }
    return 0;
}

/* Which rows may stand where. In the file options of any command may; those of this one count. */
struct rows {
    const char *names[OPTION_COUNT];
    size_t row[OPTION_COUNT];
    size_t count;
};

static void add_row(struct rows *rows, size_t row)
{
    rows->row[rows->count] = row;
    rows->names[rows->count++] = options[row].name;
}

static void rows_of_file(struct rows *top, struct rows *entry)
{
    top->count = entry->count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        bool again = (o->groups & (OPTIONS_SIM | OPTIONS_SQL)) != 0 || strcmp(o->name, "config") == 0;
        if (!again && (o->groups & OPTIONS_ENTRY) != OPTIONS_ENTRY)
            add_row(top, i);
        if ((o->groups & OPTIONS_ENDPOINT) != 0)
            add_row(entry, i);
    }
}

static int set_from_file(struct settings *s, const struct option *o, const char *value, const char *path,
                         const char *in)
{
    char where[512];
    snprintf(where, sizeof where, "%s: %s", path, in);
    return set_value(s, o, value) ? 0 : say_bad_value(o, value, where);
}

/* An entry begins as the options of the command line and of the file's top would have it. */
static int read_entry(struct app *app, const struct rows *rows, size_t i, const char *path,
                      lh_endpoint_options *out)
{
    struct settings s = app->settings;
    char in[64];
    int rc = 0;
    snprintf(in, sizeof in, "endpoint %zu: ", i + 1);
    s.run.endpoint.base_url = s.run.endpoint.dialect = s.endpoint_key = NULL;
    for (size_t k = 0; rc == 0 && k < rows->count; k++) {
        const char *value = config_entry_value(app->config, i, k);
        if (value != NULL)
            rc = set_from_file(&s, &options[rows->row[k]], value, path, in);
    }
    *out = s.run.endpoint;
    out->models = config_entry_models(app->config, i, &out->n_models);
    out->keys = config_entry_keys(app->config, i, &out->n_keys);
    if (s.endpoint_key != NULL && out->n_keys > 0) {
        fprintf(stderr, "longhaul: %s: %sgive key or keys, not both\n", path, in);
        return EXIT_USAGE;
    }
    if (s.endpoint_key != NULL) {
        app->endpoint_keys[i] = s.endpoint_key;
        out->keys = &app->endpoint_keys[i];
        out->n_keys = 1;
    }
    return rc;
}

static int read_entries(struct app *app, const struct rows *rows, const char *path)
{
    size_t count = config_entries(app->config);
    if (count == 0)
        return 0;
    app->endpoints = calloc(count, sizeof *app->endpoints);
    app->endpoint_keys = calloc(count, sizeof *app->endpoint_keys);
    if (app->endpoints == NULL || app->endpoint_keys == NULL) {
        fputs("longhaul: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_entry(app, rows, i, path, &app->endpoints[i]);
    app->settings.run.endpoints = app->endpoints;
    app->settings.run.n_endpoints = count;
    return rc;
}

/* The one server that the command line or the environment names takes the place of the file's list. */
static bool names_a_server(const bool *set)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (set[i] && strcmp(options[i].name, "base-url") == 0)
            return true;
    return false;
}

static int read_file(struct app *app, unsigned groups, bool *set)
{
    struct settings *s = &app->settings;
    struct rows top, entry;
    const char *path = s->config != NULL ? s->config : "longhaul.yaml";
    bool alone = names_a_server(set);
    if (s->config == NULL && access(path, F_OK) != 0)
        return 0;
    rows_of_file(&top, &entry);
    lh_error err = {0};
    if (config_read(path, (struct config_names){top.names, top.count},
                    (struct config_names){entry.names, entry.count}, &app->config, &err) != 0) {
        fprintf(stderr, "longhaul: %s\n", err.message);
        return EXIT_USAGE;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < top.count; i++) {
        const struct option *o = &options[top.row[i]];
        const char *value = config_value(app->config, i);
        if (value == NULL || set[top.row[i]] || (o->groups & groups) == 0)
            continue;
        rc = set_from_file(s, o, value, path, "");
        set[top.row[i]] = true;
    }
    return rc == 0 && !alone && (groups & OPTIONS_RUN) != 0 ? read_entries(app, &entry, path) : rc;
}

/* ---- the command line ---- */

static int say_bad_option(poptContext popt, int code, unsigned groups, const char *command)
{
    const char *bad = poptBadOption(popt, POPT_BADOPTION_NOALIAS);
    if (code != POPT_ERROR_BADOPT) {
        fprintf(stderr, "longhaul: %s: %s\n", bad, poptStrerror(code));
        return EXIT_USAGE;
    }
    char name[64];
    const char *begin = bad + strspn(bad, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(begin, "="), begin);
    for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++)
        if (strcmp(name, not_here[i].name) == 0) {
            fprintf(stderr, "longhaul: there is no option --%s: %s\n", name, not_here[i].advice);
            return EXIT_USAGE;
        }
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((options[i].groups & groups) != 0)
            names[count++] = options[i].name;
    const char *nearest = options_nearest(name, names, count);
    bool global = strcmp(command, "longhaul") == 0; /* before any command */
    fprintf(stderr, "longhaul: %s has no option %.*s%s%s; see `longhaul %s%s--help`\n", command,
            (int)strcspn(bad, "="), bad, nearest != NULL ? "; did you mean --" : "",
            nearest != NULL ? nearest : "", global ? "" : command, global ? "" : " ");
    return EXIT_USAGE;
}

static void fill_table(struct poptOption *table, unsigned groups)
{
    size_t n = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if ((options[i].groups & groups) != 0)
            table[n++] = (struct poptOption){.longName = options[i].name,
                                             .shortName = options[i].letter,
                                             .argInfo = options[i].kind == VALUE_FLAG ? POPT_ARG_NONE
                                                                                      : POPT_ARG_STRING,
                                             .val = (int)i + 1,
                                             .descrip = options[i].help,
                                             .argDescrip = options[i].arg};
    table[n++] = (struct poptOption){
        .longName = "help", .shortName = 'h', .val = OPTION_COUNT + 1, .descrip = "this help"};
    table[n] = (struct poptOption)POPT_TABLEEND;
}

void options_print_help(const struct command *command, FILE *out)
{
    struct poptOption table[OPTION_COUNT + 2];
    char name[64], usage[256];
    const char *argv[] = {name, NULL};
    snprintf(name, sizeof name, "longhaul %s", command->name);
    fill_table(table, command->options | OPTIONS_GLOBAL);
    snprintf(usage, sizeof usage, "[OPTION...] %s", command->args);
    fprintf(out, "longhaul %s: %s\n\n", command->name, command->summary);
    if (command->text != NULL)
        fprintf(out, "%s\n\n", command->text);
    poptContext popt = poptGetContext("longhaul", 1, argv, table, 0);
    poptSetOtherOptionHelp(popt, usage);
    poptPrintHelp(popt, out, 0);
    poptFreeContext(popt);
}

static int read_line(poptContext popt, const struct command *command, unsigned groups, struct app *app,
                     bool *set)
{
    struct settings *s = &app->settings;
    int code = 0;
    while ((code = poptGetNextOpt(popt)) > 0) {
        if (code == OPTION_COUNT + 1)
            return 100;
        const struct option *o = &options[code - 1];
        const char *value = o->kind == VALUE_FLAG ? "yes" : keep_text(app, poptGetOptArg(popt));
        if (!set_value(s, o, value))
            return say_bad_value(o, value, "--");
        set[code - 1] = true;
    }
    return code < -1 ? say_bad_option(popt, code, groups, command->name) : 0;
}

static int check_args(const struct command *command, struct app *app)
{
    if (app->n_args < command->least_args) {
        fprintf(stderr, "longhaul: %s needs %s; see `longhaul %s --help`\n", command->name, command->args,
                command->name);
        return EXIT_USAGE;
    }
    if (command->most_args >= 0 && app->n_args > command->most_args) {
        fprintf(stderr, "longhaul: %s does not take \"%s\"; see `longhaul %s --help`\n", command->name,
                app->args[command->most_args], command->name);
        return EXIT_USAGE;
    }
    return 0;
}

static int take_args(poptContext popt, struct app *app)
{
    const char **args =
        poptGetArgs(popt); /* live as long as the context, which lives as long as the program */
    app->args = args;
    for (app->n_args = 0; args != NULL && args[app->n_args] != NULL;)
        app->n_args++;
    return 0;
}

int options_read(const struct command *command, int argc, const char **argv, struct app *app)
{
    static const struct poptOption end = POPT_TABLEEND;
    struct poptOption table[OPTION_COUNT + 2];
    unsigned groups = command->options | OPTIONS_GLOBAL;
    bool set[OPTION_COUNT] = {false};
    struct settings global = app->settings;
    table[0] = end;
    fill_table(table, groups);
    poptContext popt = poptGetContext("longhaul", argc, argv, table, 0);
    set_defaults(&app->settings);
    app->settings.db = global.db;
    app->settings.config = global.config;
    app->settings.verbose = global.verbose;
    app->settings.quiet = global.quiet;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        set[i] = (options[i].offset == AT(db) && global.db != NULL) ||
                 (options[i].offset == AT(config) && global.config != NULL);
    app->contexts[1] = popt;
    int rc = read_line(popt, command, groups, app, set);
    if (rc == 0)
        rc = read_environment(&app->settings, groups, set);
    if (rc == 0)
        rc = read_file(app, groups, set);
    if (rc == 0 && !app->settings.quiet)
        warn_of_variables();
    if (rc == 0)
        rc = take_args(popt, app);
    if (rc == 0)
        rc = check_args(command, app);
    if (rc == 100)
        options_print_help(command, stdout);
    if (app->settings.db == NULL)
        app->settings.db = "longhaul.db";
    app->settings.run.guard = !app->settings.no_guard;
    app->settings.run.endpoint.max_response = (size_t)app->settings.max_response;
    return rc;
}

int options_read_global(int argc, const char **argv, struct app *app, int *used)
{
    static const struct command none = {.name = "longhaul"};
    struct poptOption table[OPTION_COUNT + 2];
    bool set[OPTION_COUNT] = {false};
    int n = 1;
    while (n < argc && argv[n][0] == '-' && argv[n][1] != '\0') {
        if (strcmp(argv[n], "--version") == 0 || strcmp(argv[n], "-V") == 0) {
            *used = n + 1;
            return 0;
        }
        bool takes_value = strcmp(argv[n], "--db") == 0 || strcmp(argv[n], "--config") == 0;
        n += takes_value ? 2 : 1;
    }
    *used = n < argc ? n : argc;
    fill_table(table, OPTIONS_GLOBAL);
    poptContext popt = poptGetContext("longhaul", *used, argv, table, 0);
    app->contexts[0] = popt;
    return read_line(popt, &none, OPTIONS_GLOBAL, app, set);
}
