/* Models as data: see models.h, and lh_model_find in longhaul.h. */
#include "tokens/models.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lh_model_default(lh_model *m, const char *name)
{
    *m = (lh_model){.name = name,
                    .context = LH_UNKNOWN,
                    .max_output = LH_UNKNOWN,
                    .price_input_nanousd = LH_UNKNOWN,
                    .price_cached_nanousd = LH_UNKNOWN,
                    .price_cache_write_nanousd = LH_UNKNOWN,
                    .price_output_nanousd = LH_UNKNOWN,
                    .batch_discount = LH_UNKNOWN,
                    .long_prompt = LH_UNKNOWN,
                    .long_input_percent = LH_UNKNOWN,
                    .long_output_percent = LH_UNKNOWN};
}

/* ---- names ---- */

struct name { /* borrowed */
    const char *text;
    size_t len;
};

static bool ends_with_digits(struct name n, const char *shape)
{
    size_t len = strlen(shape);
    if (n.len <= len)
        return false;
    const char *end = n.text + n.len - len;
    for (size_t i = 0; i < len; i++)
        if (shape[i] == '0' ? !isdigit((unsigned char)end[i]) : end[i] != shape[i])
            return false;
    return true;
}

/* Only a whole date: "-0613" and "-v2" belong to the name, as do "-mini" and "-audio-preview". */
static struct name without_date(struct name n)
{
    static const char *const shapes[] = {"-0000-00-00", "-00000000", "-latest"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (ends_with_digits(n, shapes[i]))
            return (struct name){n.text, n.len - strlen(shapes[i])};
    return n;
}

static struct name without_vendor(struct name n)
{
    static const char *const vendors[] = {"openai/", "anthropic/"};
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++) {
        size_t len = strlen(vendors[i]);
        if (n.len > len && strncmp(n.text, vendors[i], len) == 0)
            return (struct name){n.text + len, n.len - len};
    }
    return n;
}

/* "ft:gpt-4o-2024-08-06:my-org:name:id" is "ft:gpt-4o-2024-08-06". */
static struct name without_owner(struct name n)
{
    enum { MARK = 3 };
    if (n.len <= MARK || strncmp(n.text, "ft:", MARK) != 0)
        return n;
    const char *colon = memchr(n.text + MARK, ':', n.len - MARK);
    return colon != NULL ? (struct name){n.text, (size_t)(colon - n.text)} : n;
}

/* What a model may stand under, the nearest first: the whole name, the same without what others put before or behind it, and these
 * two without a date. */
enum { CANDIDATES = 4 };

static void candidates_of(const char *name, struct name out[CANDIDATES])
{
    out[0] = (struct name){name, strlen(name)};
    out[1] = without_owner(without_vendor(out[0]));
    out[2] = without_date(out[0]);
    out[3] = without_date(out[1]);
}

/* ---- looking up ---- */

/* As strcmp has it. */
static int compare(struct name n, const char *other)
{
    int order = strncmp(n.text, other, n.len);
    return order != 0 || other[n.len] == '\0' ? order : -1;
}

static const lh_model *find_own(const lh_model *own, size_t count, struct name n)
{
    for (size_t i = 0; i < count; i++)
        if (compare(n, own[i].name) == 0)
            return &own[i];
    return NULL;
}

static int compare_row(const void *key, const void *row)
{
    return compare(*(const struct name *)key, ((const lh_model *)row)->name);
}

static const lh_model *find_row(struct name n)
{
    return bsearch(&n, model_table, model_table_count, sizeof *model_table, compare_row);
}

static bool tells_a_price(const lh_model *m)
{
    return m->price_input_nanousd != LH_UNKNOWN || m->price_output_nanousd != LH_UNKNOWN ||
           m->price_cached_nanousd != LH_UNKNOWN || m->price_cache_write_nanousd != LH_UNKNOWN ||
           m->batch_discount != LH_UNKNOWN || m->long_prompt != LH_UNKNOWN;
}

/* Limits one by one; prices as a whole, or a dearer model's cache would come with a cheaper one's input. */
static void fill_from_row(lh_model *m, const lh_model *row)
{
    lh_model own = *m;
    if (!tells_a_price(&own)) {
        *m = *row;
        m->name = own.name;
    }
    m->context = own.context != LH_UNKNOWN ? own.context : row->context;
    m->max_output = own.max_output != LH_UNKNOWN ? own.max_output : row->max_output;
}

bool lh_model_find(const lh_model *own, size_t n_own, const char *name, lh_model *out)
{
    struct name candidates[CANDIDATES];
    const lh_model *mine = NULL, *row = NULL;
    candidates_of(name, candidates);
    for (int i = 0; mine == NULL && i < CANDIDATES; i++)
        mine = find_own(own, n_own, candidates[i]);
    for (int i = 0; row == NULL && i < CANDIDATES; i++)
        row = find_row(candidates[i]);
    if (mine == NULL) {
        if (row != NULL)
            *out = *row;
        return row != NULL;
    }
    *out = *mine;
    if (row != NULL)
        fill_from_row(out, row);
    return true;
}

int lh_model_each(int (*fn)(void *arg, const lh_model *m), void *arg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < model_table_count; i++)
        rc = fn(arg, &model_table[i]);
    return rc;
}

/* ---- prices ---- */

static int64_t or_else(int64_t value, int64_t other)
{
    return value != LH_UNKNOWN ? value : other;
}

void price_of_model(const lh_model *m, struct price *out)
{
    *out = (struct price){.is_list = true};
    if (m->price_input_nanousd == LH_UNKNOWN || m->price_output_nanousd == LH_UNKNOWN)
        return;
    out->known = true;
    out->input = m->price_input_nanousd;
    out->output = m->price_output_nanousd;
    out->cached = or_else(m->price_cached_nanousd, out->input);
    out->cache_write = or_else(m->price_cache_write_nanousd, out->input);
    out->batch_discount = or_else(m->batch_discount, 0);
    if (m->long_prompt == LH_UNKNOWN)
        return;
    out->long_prompt = m->long_prompt;
    out->long_input_percent = or_else(m->long_input_percent, 0);
    out->long_output_percent = or_else(m->long_output_percent, 0);
}

/* ---- own entries ---- */

struct range {
    const char *what;
    int64_t value, least, most;
};

static int check_numbers(const lh_model *m, lh_error *err)
{
    const int64_t most = INT64_C(1000000000000), tokens = INT64_C(1000000000);
    const struct range ranges[] = {
        {"a price", m->price_input_nanousd, 0, most},       {"a price", m->price_cached_nanousd, 0, most},
        {"a price", m->price_cache_write_nanousd, 0, most}, {"a price", m->price_output_nanousd, 0, most},
        {"batch-discount", m->batch_discount, 0, 100},      {"context", m->context, 1, tokens},
        {"max-output", m->max_output, 0, tokens},           {"long-prompt", m->long_prompt, 1, tokens},
        {"long-input", m->long_input_percent, 100, 900},    {"long-output", m->long_output_percent, 100, 900},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *r = &ranges[i];
        if (r->value == LH_UNKNOWN || (r->value >= r->least && r->value <= r->most))
            continue;
        if (r->most == most)
            return lh_error_set(err, LH_EUSAGE,
                                "the model \"%.100s\": a price must be 0 to 1000 USD per million tokens",
                                m->name);
        return lh_error_set(err, LH_EUSAGE, "the model \"%.100s\": %s is %lld; it must be %lld to %lld",
                            m->name, r->what, (long long)r->value, (long long)r->least, (long long)r->most);
    }
    return 0;
}

static bool is_half_a_step(const lh_model *m)
{
    bool input = m->long_input_percent != LH_UNKNOWN, output = m->long_output_percent != LH_UNKNOWN;
    return input != output || (input && m->long_prompt == LH_UNKNOWN);
}

/* Half a price would silently be none. */
static int check_model(const lh_model *m, lh_error *err)
{
    int rc = check_numbers(m, err);
    if (rc == 0 && tells_a_price(m) &&
        (m->price_input_nanousd == LH_UNKNOWN || m->price_output_nanousd == LH_UNKNOWN))
        rc = lh_error_set(
            err, LH_EUSAGE,
            "the model \"%.100s\" needs both input and output, in USD per million tokens (output 0 "
            "where nothing is paid for it)",
            m->name);
    if (rc == 0 && is_half_a_step(m))
        rc = lh_error_set(err, LH_EUSAGE,
                          "the model \"%.100s\": long-prompt, long-input and long-output belong together",
                          m->name);
    return rc;
}

int lh_models_check(const lh_model *own, size_t count, lh_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (own[i].name == NULL || own[i].name[0] == '\0')
            return lh_error_set(err, LH_EUSAGE, "model %zu has no name", i + 1);
        if (find_own(own, i, (struct name){own[i].name, strlen(own[i].name)}) != NULL)
            return lh_error_set(err, LH_EUSAGE, "the model \"%.100s\" is there twice", own[i].name);
        rc = check_model(&own[i], err);
    }
    return rc;
}
