/* Turns src/tokens/data/models.csv into C: run by the build, never installed.
 *   embed_models CSV OUT.c
 * A line that is not well-formed, out of order or there twice stops the build with its number. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NAME, TOKENS, USD, PERCENT, STEP, DATE, SOURCE };

static const struct {
    const char *name, *field;
    enum kind kind;
} columns[] = {
    {"model", "name", NAME},
    {"context", "context", TOKENS},
    {"max_output", "max_output", TOKENS},
    {"input", "price_input_nanousd", USD},
    {"cached", "price_cached_nanousd", USD},
    {"cache_write", "price_cache_write_nanousd", USD},
    {"output", "price_output_nanousd", USD},
    {"batch_discount", "batch_discount", PERCENT},
    {"long_prompt", "long_prompt", TOKENS},
    {"long_input", "long_input_percent", STEP},
    {"long_output", "long_output_percent", STEP},
    {"date", "date", DATE},
    {"source", "source", SOURCE},
};
enum { COLUMNS = sizeof columns / sizeof *columns, LINE_MOST = 1024, SOURCE_MOST = 68 };

static const char *path, *made; /* read; written, and gone when the build stops here */
static int line_number;

static void die(const char *what, const char *which)
{
    if (line_number > 0)
        fprintf(stderr, "embed_models: %s:%d: %s: \"%s\"\n", path, line_number, what, which);
    else
        fprintf(stderr, "embed_models: %s: %s\n", what, which);
    if (made != NULL)
        remove(made);
    exit(1);
}

/* A number of at most `digits` places before the point and `places` behind it, times 10^places. */
static int64_t read_decimal(const char *text, int digits, int places)
{
    int64_t value = 0;
    int before = 0, behind = 0;
    for (; isdigit((unsigned char)*text) && before < digits; text++, before++)
        value = value * 10 + (*text - '0');
    if (before > 0 && places > 0 && *text == '.')
        for (text++; isdigit((unsigned char)*text) && behind < places; text++, behind++)
            value = value * 10 + (*text - '0');
    if (*text != '\0' || before == 0)
        return -1;
    for (; behind < places; behind++)
        value *= 10;
    return value;
}

static void check_range(const char *text, int64_t value, int64_t least, int64_t most, const char *what)
{
    if (value < least || value > most)
        die(what, text);
}

static int64_t read_number(enum kind kind, const char *text)
{
    int64_t value = read_decimal(text, 9, kind == USD ? 9 : 0);
    if (kind == USD)
        check_range(text, value, 0, INT64_C(1000000000000),
                    "a price must be 0 to 1000 USD per million tokens");
    else if (kind == PERCENT)
        check_range(text, value, 0, 100, "a discount must be 0 to 100 percent");
    else if (kind == STEP)
        check_range(text, value, 100, 900, "a step must be 100 to 900 percent");
    else
        check_range(text, value, 1, 999999999, "tokens must be a whole number, more than 0");
    return value;
}

static void check_text(enum kind kind, const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.:_-";
    size_t len = strlen(text);
    if (kind == NAME && (len == 0 || strspn(text, letters) != len))
        die("a name must be small letters, digits and .:_-", text);
    if (kind == SOURCE && (strncmp(text, "https://", 8) != 0 || len > SOURCE_MOST))
        die("a source must be a page, https://…, short enough to be shown whole", text);
    if (kind != DATE)
        return;
    for (size_t i = 0; i < len; i++)
        if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i]))
            die("a date must be YYYY-MM or YYYY-MM-DD", text);
    if (len != 7 && len != 10)
        die("a date must be YYYY-MM or YYYY-MM-DD", text);
}

static void write_cell(FILE *out, int column, const char *text)
{
    enum kind kind = columns[column].kind;
    bool is_text = kind == NAME || kind == DATE || kind == SOURCE;
    fprintf(out, "%s.%s = ", column > 0 ? ", " : "", columns[column].field);
    if (is_text) {
        check_text(kind, text);
        if (strpbrk(text, "\"\\") != NULL)
            die("no quotes here", text);
        fprintf(out, "\"%s\"", text);
    } else if (*text == '\0') {
        fputs("LH_UNKNOWN", out);
    } else {
        fprintf(out, "INT64_C(%" PRId64 ")", read_number(kind, text));
    }
}

static void split(char *line, char *cells[COLUMNS])
{
    int count = 0;
    for (char *p = line; p != NULL && count < COLUMNS; count++) {
        cells[count] = p;
        p = strchr(p, ',');
        if (p != NULL)
            *p++ = '\0';
        if (p != NULL && count + 1 == COLUMNS)
            die("too many cells, after", cells[count]);
    }
    if (count < COLUMNS)
        die("too few cells, after", cells[count - 1]);
}

/* What the single cells cannot tell. */
static void check_row(char *const cells[COLUMNS])
{
    enum { INPUT = 3, OUTPUT = 6, LONG_PROMPT = 8, LONG_INPUT, LONG_OUTPUT };
    if ((*cells[INPUT] == '\0') != (*cells[OUTPUT] == '\0'))
        die("input and output must both be known, or none (output is 0 where nothing is paid for it)",
            cells[0]);
    bool has_step = *cells[LONG_INPUT] != '\0' || *cells[LONG_OUTPUT] != '\0';
    if ((*cells[LONG_INPUT] == '\0') != (*cells[LONG_OUTPUT] == '\0') ||
        (has_step && *cells[LONG_PROMPT] == '\0'))
        die("long_input and long_output belong together, and to long_prompt", cells[0]);
}

static bool read_line(FILE *in, char line[LINE_MOST])
{
    if (fgets(line, LINE_MOST, in) == NULL)
        return false;
    line_number++;
    size_t len = strcspn(line, "\r\n");
    if (line[len] == '\0')
        die("the line does not end", line);
    line[len] = '\0';
    return true;
}

static void read_heading(FILE *in)
{
    char line[LINE_MOST], *cells[COLUMNS];
    if (!read_line(in, line))
        die("is empty", path);
    split(line, cells);
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(cells[i], columns[i].name) != 0)
            die("this column should be another", cells[i]);
}

static void write_rows(FILE *in, FILE *out)
{
    char line[LINE_MOST], last[LINE_MOST] = "", *cells[COLUMNS];
    while (read_line(in, line)) {
        split(line, cells);
        if (strcmp(last, cells[0]) >= 0)
            die(strcmp(last, cells[0]) == 0 ? "there twice" : "not in order of names", cells[0]);
        check_row(cells);
        fputs("    {", out);
        for (int i = 0; i < COLUMNS; i++)
            write_cell(out, i, cells[i]);
        fputs("},\n", out);
        snprintf(last, sizeof last, "%s", cells[0]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage", "embed_models CSV OUT.c");
    path = argv[1];
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        die(strerror(errno), path);
    FILE *out = fopen(argv[2], "wb");
    if (out == NULL)
        die(strerror(errno), argv[2]);
    made = argv[2];
    fputs("/* Made by the build from src/tokens/data/models.csv. Do not edit. */\n#include "
          "\"tokens/models.h\"\n\n"
          "const lh_model model_table[] = {\n",
          out);
    read_heading(in);
    write_rows(in, out);
    fputs("};\nconst size_t model_table_count = sizeof model_table / sizeof *model_table;\n", out);
    fclose(in);
    return fclose(out) == 0 ? 0 : 1;
}
