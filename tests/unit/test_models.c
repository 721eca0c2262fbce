/* Models: the table is well-formed, names are found by what providers add to them and by nothing looser, own entries come first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tokens/models.h"

static const char *found_as(const char *name)
{
    lh_model m;
    return lh_model_find(NULL, 0, name, &m) ? m.name : "";
}

static void what_providers_add_to_a_name_is_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *asked, *row;
    } table[] = {
        {"gpt-4o", "gpt-4o"},
        {"gpt-4o-2024-08-06", "gpt-4o"},
        {"gpt-4o-2024-05-13", "gpt-4o-2024-05-13"}, /* a dated row of its own */
        {"openai/gpt-4o-2024-05-13", "gpt-4o-2024-05-13"},
        {"openai/gpt-4o-mini", "gpt-4o-mini"},
        {"openai/gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"},
        {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
        {"anthropic/claude-3-5-haiku-latest", "claude-3-5-haiku"},
        {"claude-3-haiku-20240307", "claude-3-haiku"},
        {"chatgpt-4o-latest", "chatgpt-4o-latest"},
        {"ft:gpt-4o-mini-2024-07-18:my-org::abc123", "ft:gpt-4o-mini-2024-07-18"},
        {"ft:gpt-4o-mini-2024-07-18", "ft:gpt-4o-mini-2024-07-18"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_string_equal(found_as(table[i].asked), table[i].row);
}

static void a_name_is_never_found_by_less(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "",
        "gpt",
        "gpt-4o-",
        "gpt-4o-audio-preview",
        "gpt-4o-audio-preview-2024-10-01",
        "gpt-4o-realtime",
        "gpt-4o2024-08-06",
        "gpt-4o-2024-8-6",
        "gpt-4o-2024-08-06-2",
        "gpt-4o-2024-08-06-2024-08-06",
        "gpt-4o-12345678901",
        "GPT-4o",
        "gpt-4ominie",
        "azure/gpt-4o",
        "openai/",
        "openai/openai/gpt-4o",
        "-2024-08-06",
        "-latest",
        "ft:",
        "ft:gpt-4o",
        "ft:gpt-4o:my-org::abc123",
        "ft:gpt-4o-2024-11-20:my-org::abc123",
        "ft:my-org",
        "gpt-4o:my-org",
        "llama-3.1-8b",
    };
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_string_equal(found_as(unknown[i]), "");
}

static lh_model own(const char *name, int64_t input, int64_t output)
{
    lh_model m;
    lh_model_default(&m, name);
    m.price_input_nanousd = input;
    m.price_output_nanousd = output;
    return m;
}

static void own_entries_come_first_by_the_same_names(void **state)
{
    (void)state;
    const lh_model mine[] = {own("my-model", 5, 6), own("gpt-4o", 7, 8), own("gpt-4.1-2025-04-14", 9, 10)};
    lh_model m;
    assert_true(lh_model_find(mine, 3, "my-model", &m));
    assert_int_equal(m.price_input_nanousd, 5);
    assert_true(lh_model_find(mine, 3, "openai/my-model-2026-01-02", &m));
    assert_ptr_equal(m.name, mine[0].name);
    assert_false(lh_model_find(mine, 3, "my-model-2", &m));
    /* Before the table's row of exactly that date. */
    assert_true(lh_model_find(mine, 3, "gpt-4o-2024-05-13", &m));
    assert_int_equal(m.price_input_nanousd, 7);
    /* The nearest name among them. */
    assert_true(lh_model_find(mine, 3, "gpt-4.1-2025-04-14", &m));
    assert_int_equal(m.price_input_nanousd, 9);
    assert_true(lh_model_find(mine, 3, "gpt-4.1", &m));
    assert_int_equal(m.price_input_nanousd, 2000000000);
}

static void an_own_entry_leaves_the_limits_of_the_table_and_prices_as_a_whole(void **state)
{
    (void)state;
    lh_model mine[2] = {own("gpt-4o", 7, 8)}, m;
    lh_model_default(&mine[1], "gpt-4o-mini");
    mine[0].max_output = 100;
    mine[1].context = 4096;
    assert_true(lh_model_find(mine, 2, "gpt-4o", &m));
    assert_int_equal(m.context, 128000);
    assert_int_equal(m.max_output, 100);
    assert_int_equal(m.price_cached_nanousd, LH_UNKNOWN); /* the table's is dearer than this input */
    assert_int_equal(m.batch_discount, LH_UNKNOWN);
    assert_null(m.source);
    assert_true(lh_model_find(mine, 2, "gpt-4o-mini", &m));
    assert_ptr_equal(m.name, mine[1].name);
    assert_int_equal(m.context, 4096);
    assert_int_equal(m.max_output, 16384);
    assert_int_equal(m.price_input_nanousd, 150000000);
    assert_int_equal(m.price_cached_nanousd, 75000000);
    assert_non_null(m.source);
}

/* ---- the table ---- */

struct walk {
    const char *last;
    size_t rows;
};

static void check_known(int64_t value, int64_t least, int64_t most)
{
    assert_true(value == LH_UNKNOWN || (value >= least && value <= most));
}

static int check_row(void *arg, const lh_model *m)
{
    struct walk *w = arg;
    const int64_t most = INT64_C(1000000000000);
    lh_model found;
    assert_true(w->last == NULL || strcmp(w->last, m->name) < 0);
    w->last = m->name;
    w->rows++;
    assert_true(lh_model_find(NULL, 0, m->name, &found));
    assert_string_equal(found.name, m->name);
    check_known(m->price_cached_nanousd, 0, m->price_input_nanousd); /* nobody's cache is dearer to read */
    check_known(m->price_cache_write_nanousd, m->price_input_nanousd, 2 * m->price_input_nanousd);
    check_known(m->price_input_nanousd, 1, most);
    check_known(m->price_output_nanousd, 0, most);
    check_known(m->batch_discount, 0, 100);
    check_known(m->context, 1, 10000000);
    check_known(m->max_output, 1, m->context);
    check_known(m->long_prompt, 1, m->context);
    assert_int_equal(strncmp(m->source, "https://", 8), 0);
    assert_true(strlen(m->date) == 7 || strlen(m->date) == 10);
    assert_int_equal(lh_models_check(m, 1, NULL), 0);
    return 0;
}

static void each_row_of_the_table_makes_sense(void **state)
{
    struct walk w = {NULL, 0};
    (void)state;
    assert_int_equal(lh_model_each(check_row, &w), 0);
    assert_int_equal(w.rows, model_table_count);
    assert_true(w.rows >= 60);
}

static int stop_at_third(void *arg, const lh_model *m)
{
    (void)m;
    return ++*(int *)arg == 3 ? 7 : 0;
}

static void a_walk_ends_when_it_is_told_to(void **state)
{
    int seen = 0;
    (void)state;
    assert_int_equal(lh_model_each(stop_at_third, &seen), 7);
    assert_int_equal(seen, 3);
}

static void published_prices_are_what_they_were(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t input, cached, cache_write, output; /* thousandths of a dollar; -1: unknown */
    } table[] = {
        {"gpt-4o", 2500, 1250, -1, 10000},
        {"gpt-4o-2024-05-13", 5000, -1, -1, 15000},
        {"gpt-4o-mini", 150, 75, -1, 600},
        {"o3", 2000, 500, -1, 8000},
        {"claude-sonnet-4-5", 3000, 300, 3750, 15000},
        {"claude-3-haiku", 250, 30, 300, 1250},
        {"text-embedding-3-small", 20, -1, -1, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        lh_model m;
        assert_true(lh_model_find(NULL, 0, table[i].name, &m));
        const int64_t found[] = {m.price_input_nanousd, m.price_cached_nanousd, m.price_cache_write_nanousd,
                                 m.price_output_nanousd};
        const int64_t wanted[] = {table[i].input, table[i].cached, table[i].cache_write, table[i].output};
        for (int k = 0; k < 4; k++)
            assert_int_equal(found[k], wanted[k] < 0 ? LH_UNKNOWN : wanted[k] * 1000000);
    }
}

/* ---- prices ---- */

static void a_price_is_known_when_input_and_output_are(void **state)
{
    (void)state;
    lh_model m = own("m", 400, LH_UNKNOWN);
    struct price p;
    m.price_cached_nanousd = 40;
    price_of_model(&m, &p);
    assert_false(p.known);
    m.price_input_nanousd = LH_UNKNOWN;
    m.price_output_nanousd = 800;
    price_of_model(&m, &p);
    assert_false(p.known);
    m = own("m", 400, 0); /* embeddings */
    price_of_model(&m, &p);
    assert_true(p.known && p.is_list);
    assert_int_equal(p.output, 0);
    assert_int_equal(p.cached, 400); /* as other input, until somebody tells */
    assert_int_equal(p.cache_write, 400);
    assert_int_equal(p.batch_discount, 0);
    assert_int_equal(p.long_prompt, 0);
    m.price_cached_nanousd = 40;
    m.price_cache_write_nanousd = 500;
    m.batch_discount = 50;
    m.long_prompt = 1000;
    price_of_model(&m, &p);
    assert_int_equal(p.cached, 40);
    assert_int_equal(p.cache_write, 500);
    assert_int_equal(p.batch_discount, 50);
    assert_int_equal(p.long_prompt, 1000);
    assert_int_equal(p.long_input_percent, 0); /* nobody knows */
    m.long_input_percent = 200;
    m.long_output_percent = 150;
    price_of_model(&m, &p);
    assert_int_equal(p.long_input_percent, 200);
    assert_int_equal(p.long_output_percent, 150);
}

/* ---- own entries ---- */

static void refused(const lh_model *m, size_t count, const char *text)
{
    lh_error err = {0};
    assert_int_equal(lh_models_check(m, count, &err), LH_EUSAGE);
    assert_non_null(strstr(err.message, text));
}

static void own_entries_that_make_no_sense_are_refused_by_name(void **state)
{
    (void)state;
    lh_model m[3] = {own("a", 1, 2), own("b", 0, 0), own("c", INT64_C(1000000000000), 2)};
    assert_int_equal(lh_models_check(m, 3, NULL), 0);
    assert_int_equal(lh_models_check(NULL, 0, NULL), 0);
    m[2].price_input_nanousd++;
    refused(m, 3, "\"c\": a price must be 0 to 1000 USD");
    m[2] = own("c", 1, -1);
    refused(m, 3, "\"c\": a price must be 0 to 1000 USD");
    m[2] = own("c", 1, LH_UNKNOWN);
    refused(m, 3, "\"c\" needs both input and output");
    m[2] = own("a", 1, 2);
    refused(m, 3, "\"a\" is there twice");
    m[2] = own("", 1, 2);
    refused(m, 3, "model 3 has no name");
    m[2] = own(NULL, 1, 2);
    refused(m, 3, "model 3 has no name");
    m[2] = own("c", 1, 2);
    m[2].batch_discount = 101;
    refused(m, 3, "\"c\": batch-discount is 101; it must be 0 to 100");
    m[2] = own("c", LH_UNKNOWN, LH_UNKNOWN);
    m[2].batch_discount = 50; /* of what? */
    refused(m, 3, "\"c\" needs both input and output");
    m[2] = own("c", LH_UNKNOWN, LH_UNKNOWN);
    m[2].context = 0;
    refused(m, 3, "\"c\": context is 0");
    m[2] = own("c", 1, 2);
    m[2].long_prompt = 1000;
    m[2].long_input_percent = 200;
    refused(m, 3, "long-prompt, long-input and long-output belong together");
    m[2].long_output_percent = 99;
    refused(m, 3, "long-output is 99; it must be 100 to 900");
    m[2].long_output_percent = 150;
    assert_int_equal(lh_models_check(m, 3, NULL), 0);
    m[2].long_prompt = LH_UNKNOWN;
    refused(m, 3, "long-prompt, long-input and long-output belong together");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_providers_add_to_a_name_is_taken_off),
        cmocka_unit_test(a_name_is_never_found_by_less),
        cmocka_unit_test(own_entries_come_first_by_the_same_names),
        cmocka_unit_test(an_own_entry_leaves_the_limits_of_the_table_and_prices_as_a_whole),
        cmocka_unit_test(each_row_of_the_table_makes_sense),
        cmocka_unit_test(a_walk_ends_when_it_is_told_to),
        cmocka_unit_test(published_prices_are_what_they_were),
        cmocka_unit_test(a_price_is_known_when_input_and_output_are),
        cmocka_unit_test(own_entries_that_make_no_sense_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
