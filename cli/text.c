/* Numbers and texts for people: see text.h. */
#include "cli/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

const char *text_count(int64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? -n : n));
    int used = 0;
    if (n < 0)
        out[used++] = '-';
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *text_ms(int64_t ms, char out[32])
{
    int64_t s = ms / 1000;
    if (ms < 1000)
        snprintf(out, 32, "%lld ms", (long long)ms);
    else if (s < 60)
        snprintf(out, 32, "%.1f s", (double)ms / 1e3);
    else if (s < 3600)
        snprintf(out, 32, "%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
    else
        snprintf(out, 32, "%lld h %lld min", (long long)(s / 3600), (long long)(s / 60 % 60));
    return out;
}

const char *text_usd(int64_t nanousd, char out[32])
{
    int64_t micro = nanousd / 1000 + (nanousd % 1000 > 0 ? 1 : 0);
    snprintf(out, 32, "%lld.%06lld USD", (long long)(micro / 1000000), (long long)(micro % 1000000));
    return out;
}

const char *text_cost(int64_t nanousd, int64_t unpriced, char out[TEXT_COST])
{
    char usd[32];
    bool nothing = unpriced > 0 && nanousd <= 0;
    snprintf(out, TEXT_COST, "%s%s",
             nothing        ? "unknown"
             : unpriced > 0 ? "at least "
                            : "",
             nothing ? "" : text_usd(nanousd, usd));
    return out;
}

const char *text_bytes(int64_t bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The bytes of the UTF-8 character at `p`, and its code point; 0 when it is none. */
static size_t read_character(const char *p, uint32_t *code)
{
    unsigned char first = (unsigned char)*p;
    size_t len = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    for (size_t i = 1; i < len; i++)
        if (!is_continuation(p[i])) /* the end of the text is no continuation either */
            return 0;
    if (!utf8_is_valid(p, len, NULL))
        return 0;
    *code = len == 1 ? first : first & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        *code = *code << 6 | ((unsigned char)p[i] & 0x3Fu);
    return len;
}

/* Control characters move the cursor; those that turn the direction of writing make a text look like another. */
static bool steers_terminal(uint32_t c)
{
    return c < ' ' || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void text_print_safe(FILE *out, const char *text, size_t width)
{
    size_t columns = 0, len = 0;
    for (const char *p = text; *p != '\0'; p += len) {
        char shown[16];
        uint32_t code = (unsigned char)*p;
        len = read_character(p, &code);
        bool escaped = len == 0 || steers_terminal(code);
        len += len == 0;
        if (escaped)
            snprintf(shown, sizeof shown, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
        else
            snprintf(shown, sizeof shown, "%.*s", (int)len, p);
        size_t wide = escaped ? strlen(shown) : 1;
        if (width > 0 && columns + wide + (p[len] != '\0') > width) {
            fputs("…", out);
            return;
        }
        fputs(shown, out);
        columns += wide;
    }
}

struct text_table {
    int columns;
    unsigned right_mask;
    char **cells; /* owned, row after row */
    size_t count, capacity;
};

enum { CELL_MAX = 60 };

struct text_table *text_table_new(int columns, unsigned right_mask)
{
    struct text_table *t = calloc(1, sizeof *t);
    if (t != NULL)
        *t = (struct text_table){.columns = columns, .right_mask = right_mask};
    return t;
}

/* One cell: no control characters, and not endless. */
static char *clean_cell(const char *text)
{
    char *data = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&data, &len);
    if (f == NULL)
        return NULL;
    text_print_safe(f, text != NULL ? text : "", CELL_MAX);
    fclose(f);
    return data;
}

void text_table_add(struct text_table *t, const char *const *cells)
{
    if (t->count + (size_t)t->columns > t->capacity) {
        size_t capacity = t->capacity == 0 ? 256 : t->capacity * 2;
        char **more = realloc(t->cells, capacity * sizeof *more);
        if (more == NULL)
            return;
        t->cells = more;
        t->capacity = capacity;
    }
    for (int i = 0; i < t->columns; i++)
        t->cells[t->count++] = clean_cell(cells[i]);
}

static size_t width_of(const char *text)
{
    size_t columns = 0;
    for (; text != NULL && *text != '\0'; text++)
        columns += is_continuation(*text) ? 0 : 1;
    return columns;
}

static void print_cell(const struct text_table *t, const char *cell, int column, size_t width, FILE *out)
{
    bool right = column < 32 && (t->right_mask & (1u << column)) != 0, last = column == t->columns - 1;
    size_t pad = width - width_of(cell);
    for (size_t i = 0; right && i < pad; i++)
        fputc(' ', out);
    fputs(cell != NULL ? cell : "", out);
    for (size_t i = 0; !right && !last && i < pad; i++)
        fputc(' ', out);
    fputs(last ? "\n" : "  ", out);
}

void text_table_print(const struct text_table *t, FILE *out)
{
    size_t width[64] = {0};
    for (size_t i = 0; i < t->count; i++) {
        size_t w = width_of(t->cells[i]), column = i % (size_t)t->columns;
        width[column] = w > width[column] ? w : width[column];
    }
    for (size_t i = 0; i < t->count; i++)
        print_cell(t, t->cells[i], (int)(i % (size_t)t->columns), width[i % (size_t)t->columns], out);
}

void text_table_free(struct text_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}
