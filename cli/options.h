/* Options: one table for all commands; each value comes from the command line, else the environment (LONGHAUL_NAME), else the
 * YAML file, else its default. Main thread. */
#ifndef LH_CLI_OPTIONS_H
#define LH_CLI_OPTIONS_H

#include <stdio.h>

#include "cli/app.h"

enum option_group {
    OPTIONS_GLOBAL = 1 << 0,
    OPTIONS_NAME = 1 << 1, /* --batch */
    OPTIONS_INPUT = 1 << 2,
    OPTIONS_RUN = 1 << 3,
    OPTIONS_WORK = 1 << 4,
    OPTIONS_OUTPUT = 1 << 5,
    OPTIONS_PROGRESS = 1 << 6,
    OPTIONS_JSON = 1 << 7,
    OPTIONS_WATCH = 1 << 8,
    OPTIONS_DEAD = 1 << 9,
    OPTIONS_RETRY = 1 << 10,
    OPTIONS_SQL = 1 << 11,
    OPTIONS_SIM = 1 << 12,
    OPTIONS_OUT = 1 << 13,
    OPTIONS_ENDPOINT = 1 << 14,                 /* may stand in an entry of the file's list of endpoints */
    OPTIONS_ENTRY = OPTIONS_ENDPOINT | 1 << 15, /* and nowhere else */
    OPTIONS_TOKENS = 1 << 16,
    OPTIONS_ESTIMATE = 1 << 18,
    OPTIONS_PRICES = 1 << 17, /* --prices; it is among those of a run too */
};

/* Fills app->settings and app->args for a command from its arguments (argv[0] is the command). Returns 0, EXIT_USAGE after a
 * message, or 100 when help was asked for and printed. */
int options_read(const struct command *command, int argc, const char **argv, struct app *app);

/* Gives back what the options hold. */
void options_free(struct app *app);

/* The options that stand before the command; *used says how many arguments they took. */
int options_read_global(int argc, const char **argv, struct app *app, int *used);

void options_print_help(const struct command *command, FILE *out);

/* The word of `words` that is most like `word`, or NULL when none is. */
const char *options_nearest(const char *word, const char *const *words, size_t count);

#endif
