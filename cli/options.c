/* Options: see options.h. popt splits the command line and prints the help; option_table.c says what there is. */
#include "cli/options.h"

#include <ctype.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/option_table.h"

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
    free(app->models);
    config_free(app->config);
    config_free(app->prices);
    for (size_t i = 0; i < sizeof app->contexts / sizeof *app->contexts; i++)
        poptFreeContext(app->contexts[i]);
}

/* ---- the three sources ---- */

static void set_defaults(struct settings *s)
{
    *s = (struct settings){.weight = LH_UNKNOWN,
                           .priority = LH_UNKNOWN,
                           .latency_ms = LH_UNKNOWN,
                           .max_line = INT64_C(64) << 20,
                           .max_response = INT64_C(64) << 20,
                           .order = "input",
                           .progress = "auto",
                           .sim_port = 8089,
                           .sim_seed = 1,
                           .sim_max_faults = 3,
                           .sim_latency = "50..150",
                           .sim_output = "5..60",
                           .sim_claude_factor = 1.15,
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
    char names[OPTION_MOST][VARIABLE_MAX];
    const char *known[OPTION_MOST];
    for (size_t i = 0; i < option_count; i++)
        known[i] = variable_of(&options[i], names[i]);
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        char name[VARIABLE_MAX];
        size_t len = strcspn(*e, "=");
        if (strncmp(*e, "LONGHAUL_", 9) != 0 || len >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)len, *e);
        const char *nearest = options_nearest(name, known, option_count);
        if (nearest != NULL && strcmp(nearest, name) != 0)
            fprintf(stderr, "longhaul: warning: $%s is no option; did you mean %s\n", name, nearest);
    }
}

static int read_environment(struct settings *s, unsigned groups, bool *set)
{
    for (size_t i = 0; i < option_count; i++) {
        char name[VARIABLE_MAX];
        if (set[i] || (options[i].groups & groups) == 0 || (options[i].groups & OPTIONS_SIM) != 0)
            continue;
        variable_of(&options[i], name);
        const char *value = getenv(name);
        if (value == NULL)
            continue;
        if (!option_set(s, &options[i], value)) {
            fprintf(stderr, "longhaul: $%s is \"%s\"; it must be %s\n", name, value,
                    value_wanted(options[i].kind));
            return EXIT_USAGE;
        }
        set[i] = true;
    }
    return 0;
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
    const char *advice = option_advice(name);
    if (advice != NULL) {
        fprintf(stderr, "longhaul: there is no option --%s: %s\n", name, advice);
        return EXIT_USAGE;
    }
    const char *names[OPTION_MOST];
    size_t count = 0;
    for (size_t i = 0; i < option_count; i++)
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
    for (size_t i = 0; i < option_count; i++)
        if ((options[i].groups & groups) != 0)
            table[n++] = (struct poptOption){.longName = options[i].name,
                                             .shortName = options[i].letter,
                                             .argInfo = options[i].kind == VALUE_FLAG ? POPT_ARG_NONE
                                                                                      : POPT_ARG_STRING,
                                             .val = (int)i + 1,
                                             .descrip = options[i].help,
                                             .argDescrip = options[i].arg};
    table[n++] = (struct poptOption){
        .longName = "help", .shortName = 'h', .val = (int)option_count + 1, .descrip = "this help"};
    table[n] = (struct poptOption)POPT_TABLEEND;
}

void options_print_help(const struct command *command, FILE *out)
{
    struct poptOption table[OPTION_MOST + 2];
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
        if (code == (int)option_count + 1)
            return 100;
        const struct option *o = &options[code - 1];
        const char *value = o->kind == VALUE_FLAG ? "yes" : keep_text(app, poptGetOptArg(popt));
        if (!option_set(s, o, value))
            return option_say_bad(o, value, "--");
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
    struct poptOption table[OPTION_MOST + 2];
    unsigned groups = command->options | OPTIONS_GLOBAL;
    bool set[OPTION_MOST] = {false};
    struct settings global = app->settings;
    table[0] = end;
    fill_table(table, groups);
    poptContext popt = poptGetContext("longhaul", argc, argv, table, 0);
    set_defaults(&app->settings);
    app->settings.db = global.db;
    app->settings.config = global.config;
    app->settings.verbose = global.verbose;
    app->settings.quiet = global.quiet;
    for (size_t i = 0; i < option_count; i++)
        set[i] = (options[i].offset == offsetof(struct settings, db) && global.db != NULL) ||
                 (options[i].offset == offsetof(struct settings, config) && global.config != NULL);
    app->contexts[1] = popt;
    int rc = read_line(popt, command, groups, app, set);
    if (rc == 0)
        rc = read_environment(&app->settings, groups, set);
    if (rc == 0)
        rc = options_read_file(app, groups, set);
    if (rc == 0)
        rc = options_read_prices(app);
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
    struct poptOption table[OPTION_MOST + 2];
    bool set[OPTION_MOST] = {false};
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
