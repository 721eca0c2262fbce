/* longhaul: finds the command, reads its options, runs it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"

const struct command commands[] = {
    {"run", "INPUT... [-o OUT]",
     "load INPUT as a batch (or go on with it), work until all is done, write results",
     "INPUT is one JSON object a line: OpenAI Batch lines, bare {\"messages\":…} or {\"prompt\":…} with "
     "--model, or any rows with\n"
     "--template 'Classify: {{text}}' and --id-field. - is standard input. The same command goes on after "
     "any stop.",
     OPTIONS_NAME | OPTIONS_INPUT | OPTIONS_RUN | OPTIONS_OUTPUT | OPTIONS_OUT | OPTIONS_PROGRESS, 1, -1,
     cmd_run},
    {"submit", "INPUT...", "load jobs, send nothing yet", NULL,
     OPTIONS_NAME | OPTIONS_INPUT | OPTIONS_PROGRESS, 1, -1, cmd_submit},
    {"work", "", "work until all batches are done", NULL,
     OPTIONS_NAME | OPTIONS_RUN | OPTIONS_WORK | OPTIONS_PROGRESS, 0, 0, cmd_work},
    {"estimate", "INPUT...", "tokens, money and time of INPUT before a cent is spent",
     "Takes the options of `run`, sends and stores nothing. What the database knows of earlier answers is "
     "used. "
     "Exit code 3: some requests\n"
     "can never be served, as they are larger than their model allows. A custom_id that stands twice, which "
     "a run refuses, is not looked for.",
     OPTIONS_NAME | OPTIONS_INPUT | OPTIONS_RUN | OPTIONS_ESTIMATE | OPTIONS_PROGRESS | OPTIONS_JSON, 1, -1,
     cmd_estimate},
    {"status", "", "how far each batch is, and how it goes", NULL,
     OPTIONS_NAME | OPTIONS_JSON | OPTIONS_WATCH, 0, 0, cmd_status},
    {"results", "", "export results", NULL, OPTIONS_NAME | OPTIONS_OUTPUT | OPTIONS_OUT, 0, 0, cmd_results},
    {"show", "JOB", "one job: its request, its result, every attempt",
     "JOB is a custom_id or a job's number.", OPTIONS_NAME | OPTIONS_JSON, 1, 1, cmd_show},
    {"dead", "list|show|requeue|drop [JOB]", "dead letters: see them, send them again, give them up", NULL,
     OPTIONS_NAME | OPTIONS_DEAD | OPTIONS_JSON, 1, 2, cmd_dead},
    {"sql", "QUERY", "read-only SQL over everything; - reads it from standard input",
     "Views for people: job_results, failures, batch_summary. Tables: batches, jobs, requests, attempts, "
     "results, dead_letters.",
     OPTIONS_SQL | OPTIONS_OUT, 1, 1, cmd_sql},
    {"cancel", "BATCH", "what has not been sent is not sent any more", NULL, 0, 1, 1, cmd_cancel},
    {"pause", "BATCH", "send nothing new of a batch until it is resumed", NULL, 0, 1, 1, cmd_pause},
    {"resume", "BATCH", "let a paused batch go on", NULL, 0, 1, 1, cmd_resume},
    {"retry", "BATCH", "waiting jobs go at once; --dead and --canceled ones too", NULL, OPTIONS_RETRY, 1, 1,
     cmd_retry},
    {"tokens", "[FILE]", "count the tokens of a text, exactly, or list them",
     "Without FILE, or for -, of standard input. Counted as tiktoken's encode_ordinary does: names of "
     "special "
     "tokens are plain text,\nbytes that are no UTF-8 are read as U+FFFD. What a request adds around its "
     "texts "
     "is not in it.",
     OPTIONS_TOKENS, 0, 1, cmd_tokens},
    {"prices", "[MODEL...]", "what is known of models: prices, context, longest answer",
     "All of them, or those named; a name is found with openai/ or anthropic/ before it and a date behind "
     "it. Prices are in USD per million\n"
     "tokens, as they were published at `date` on the page of `source`; - is unknown. A cache whose price is "
     "unknown costs as other input.\n"
     "What the file of --prices tells stands first:\n\n"
     "    models:\n"
     "      - model: my-model\n"
     "        input: 0.20\n"
     "        cached: 0.02        # read from the provider's cache\n"
     "        cache-write: 0.25   # put into it\n"
     "        output: 0.80\n"
     "        batch-discount: 50  # percent\n"
     "        context: 32768\n"
     "        max-output: 8192\n"
     "        long-prompt: 272000 # longer ones cost, in percent of the above:\n"
     "        long-input: 200\n"
     "        long-output: 150",
     OPTIONS_PRICES | OPTIONS_JSON, 0, -1, cmd_prices},
    {"sim", "", "a simulated provider to try everything without a key", NULL, OPTIONS_SIM, 0, 0, cmd_sim},
    {"db", "migrate|check|backup FILE|info", "upkeep of the database", NULL, OPTIONS_JSON, 1, 2, cmd_db},
    {NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

static void print_usage(FILE *out)
{
    fprintf(out, "longhaul runs long batches of LLM API requests and loses none of them.\n\n"
                 "    longhaul [--db FILE] [--config FILE] [-v|-q] COMMAND …\n\n");
    for (const struct command *c = commands; c->name != NULL; c++)
        fprintf(out, "    %-8s %s\n", c->name, c->summary);
    fprintf(out, "\n`longhaul COMMAND --help` tells a command's options. Exit codes: 0 every job done, 1 "
                 "could not go on,\n"
                 "2 wrong usage, 3 finished with dead letters, 4 stopped (the same command goes on).\n");
}

static const struct command *find_command(const char *name)
{
    for (const struct command *c = commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int say_unknown(const char *name)
{
    static const char *const later[] = {"serve"};
    const char *names[32];
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (strcmp(name, later[i]) == 0) {
            fprintf(stderr,
                    "longhaul: this version does not have the command %s yet; see `longhaul --help`\n", name);
            return EXIT_USAGE;
        }
    size_t count = 0;
    for (const struct command *c = commands; c->name != NULL; c++)
        names[count++] = c->name;
    const char *nearest = options_nearest(name, names, count);
    fprintf(stderr, "longhaul: there is no command \"%s\"%s%s; see `longhaul --help`\n", name,
            nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "");
    return EXIT_USAGE;
}

int app_failed(const lh_error *err)
{
    log_error("%s", err->message);
    return err->code == LH_EUSAGE ? EXIT_USAGE : EXIT_FAILED;
}

/* Asked of the pipe itself: by the time it matters, errno tells of something else. */
bool app_reader_left(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

int app_finish_output(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (app_reader_left())
        return code;
    if (errno == 0) { /* an earlier write failed, and what it said is gone */
        log_error("standard output could not be written");
        return EXIT_FAILED;
    }
    log_error("standard output: %s", strerror(errno));
    return EXIT_FAILED;
}

/* A key in the environment must not come out in a core file. */
static void forbid_core(void)
{
    const struct rlimit none = {0, 0};
    if (getenv("OPENAI_API_KEY") != NULL || getenv("ANTHROPIC_API_KEY") != NULL)
        setrlimit(RLIMIT_CORE, &none);
}

static void set_log_level(const struct settings *s)
{
    if (s->quiet)
        log_set_level(LOG_LEVEL_QUIET);
    else if (s->verbose)
        log_set_level(LOG_LEVEL_DEBUG);
}

static int run_command(const struct command *command, int argc, const char **argv, struct app *app)
{
    int rc = options_read(command, argc, argv, app);
    if (rc == 100)
        return app_finish_output(EXIT_DONE);
    if (rc != 0)
        return rc;
    set_log_level(&app->settings);
    return command->run(app);
}

/* The command that the arguments name, after the global options; `help NAME` asks for its help. */
static int dispatch(int argc, const char **argv, int used, struct app *app)
{
    if (used >= argc) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    bool help = strcmp(argv[used], "help") == 0;
    if (help && used + 1 >= argc) {
        print_usage(stdout);
        return app_finish_output(EXIT_DONE);
    }
    const char *name = argv[help ? used + 1 : used];
    const struct command *command = find_command(name);
    if (command == NULL)
        return say_unknown(name);
    if (help) {
        options_print_help(command, stdout);
        return app_finish_output(EXIT_DONE);
    }
    return run_command(command, argc - used, argv + used, app);
}

static bool asks_version(const char **argv, int used)
{
    for (int i = 1; i < used; i++)
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct app app = {0};
    int used = 0;
    const char **args = calloc((size_t)argc + 1, sizeof *args);
    if (args == NULL)
        return EXIT_FAILED;
    for (int i = 0; i < argc; i++)
        args[i] = argv[i];
    forbid_core();
    lh_tune_process();
    signal(SIGPIPE,
           SIG_IGN); /* `longhaul results | head` ends by EPIPE, not by a signal in the middle of a write */
    int code = options_read_global(argc, args, &app, &used);
    if (code == 100) {
        print_usage(stdout);
        code = app_finish_output(EXIT_DONE);
    } else if (asks_version(args, used)) {
        printf("longhaul %s\n", lh_version());
        code = app_finish_output(EXIT_DONE);
    } else if (code == 0) {
        code = dispatch(argc, args, used, &app);
    }
    options_free(&app);
    free(args);
    return code;
}
