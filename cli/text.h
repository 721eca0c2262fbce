/* Numbers and texts for people: short, aligned, safe for a terminal. Pure. */
#ifndef LH_CLI_TEXT_H
#define LH_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* "1,234,567" */
const char *text_count(int64_t n, char out[32]);
/* "950 ms", "1.2 s", "3 min 20 s", "2 h 5 min" */
const char *text_ms(int64_t ms, char out[32]);
/* "0.000150 USD": of nano-dollars, rounded up to the sixth place */
const char *text_usd(int64_t nanousd, char out[32]);
enum { TEXT_COST = 48 };
/* The same where `unpriced` attempts are left out of the sum, as what they cost is not known: "at least 0.000150 USD", or "unknown" when
 * nothing is known. */
const char *text_cost(int64_t nanousd, int64_t unpriced, char out[TEXT_COST]);
/* "12.3 MB" */
const char *text_bytes(int64_t bytes, char out[32]);

/* Writes text with bytes that are no UTF-8 and control characters shown as \xNN (\uNNNN), cut to `width` columns (0: not cut). What a provider or an input wrote must not
 * steer the terminal. */
void text_print_safe(FILE *out, const char *text, size_t width);

/* A table whose columns are as wide as their contents. Rows of texts; right-aligned where the mask has a bit (of the first 32). At most 64 columns. */
struct text_table;
struct text_table *text_table_new(int columns, unsigned right_mask); /* NULL: out of memory */
void text_table_add(struct text_table *t, const char *const *cells); /* copied */
void text_table_print(const struct text_table *t, FILE *out);
void text_table_free(struct text_table *t);

#endif
