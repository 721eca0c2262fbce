/* What an input comes to: tokens and money to the unit, by what is known of its models; what is left out of the sums. */
#include "batch_world.h"
#include "longhaul_estimate.h"

enum { PRICE_IN = 1000000, PRICE_OUT = 3000000 }; /* nano-dollars per million tokens: 1 and 3 a token */

static const char *const inputs[] = {"in.jsonl"};

struct seen {
    lh_unservable last;
    int64_t count;
    char id[64];
};

static int see(void *arg, const lh_unservable *u)
{
    struct seen *s = arg;
    s->count++;
    s->last = *u;
    snprintf(s->id, sizeof s->id, "%s", u->custom_id);
    return 0;
}

static lh_run_options run_options(void)
{
    lh_run_options o;
    lh_run_options_default(&o);
    o.endpoint.base_url = "http://127.0.0.1:9/v1";
    return o;
}

static lh_model own(const char *name)
{
    lh_model m;
    lh_model_default(&m, name);
    m.price_input_nanousd = PRICE_IN;
    m.price_output_nanousd = PRICE_OUT;
    return m;
}

static int estimate_with(const lh_run_options *run, const char *db, struct seen *seen,
                         lh_estimate_report *out, lh_error *err)
{
    lh_ingest_options input = options_for(inputs, 1);
    lh_estimate_options o;
    lh_estimate_options_default(&o);
    o.input = &input;
    o.run = run;
    o.db = db;
    o.unservable = seen != NULL ? see : NULL;
    o.arg = seen;
    return lh_estimate(&o, out, err);
}

static lh_estimate_report estimated(const lh_run_options *run, const char *db, struct seen *seen)
{
    lh_estimate_report report;
    lh_error err = {0};
    if (estimate_with(run, db, seen, &report, &err) != 0)
        fail_msg("%s", err.message);
    return report;
}

/* n chat lines of that model; a bound of 0 is none. Each prompt of "hi" is 8 tokens: 3 around it, role, text, 3 for the reply. */
static void add_lines(struct strbuf *text, int n, const char *model, int bound)
{
    for (int i = 0; i < n; i++) {
        strbuf_appendf(text, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]",
                       model);
        if (bound > 0)
            strbuf_appendf(text, ",\"max_tokens\":%d", bound);
        strbuf_append_str(text, "}\n");
    }
}
enum { HI = 8 };

static void write_lines(int n, const char *model, int bound)
{
    struct strbuf text;
    strbuf_init(&text);
    add_lines(&text, n, model, bound);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
}

static void assert_range(const lh_range *r, int64_t low, int64_t expected, int64_t high)
{
    if (r->low != low || r->expected != expected || r->high != high)
        fail_msg("%lld, %lld, %lld instead of %lld, %lld, %lld", (long long)r->low, (long long)r->expected,
                 (long long)r->high, (long long)low, (long long)expected, (long long)high);
}

static void without_answers_there_is_a_range_and_no_expectation(void **state)
{
    (void)state;
    lh_run_options run = run_options();
    run.endpoint.price_input_nanousd = PRICE_IN;
    run.endpoint.price_output_nanousd = PRICE_OUT;
    write_lines(10, "x", 5);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_int_equal(r.requests, 10);
    assert_int_equal(r.prompt_tokens, 10 * HI);
    assert_int_equal(r.prompt_max, HI);
    assert_range(&r.output_tokens, 0, LH_UNKNOWN, 50);
    assert_range(&r.cost_nanousd, 80, LH_UNKNOWN, 80 + 150);
    assert_range(&r.batch_cost_nanousd, LH_UNKNOWN, LH_UNKNOWN, LH_UNKNOWN);
    /* 50 at once, most of them behind the first answer: two latencies of 1 s, with 5 tokens at 20 a second at most. */
    assert_range(&r.wall_ms, 2000, LH_UNKNOWN, 2500);
    assert_string_equal(r.limiter, "");
    assert_int_equal(r.latency_basis, LH_LATENCY_ASSUMED);
    assert_string_equal(r.batch, "in");
    lh_estimate_free(&r);
}

static void a_price_that_is_not_known_is_never_nothing(void **state)
{
    (void)state;
    struct strbuf text;
    lh_run_options run = run_options();
    lh_model m = own("known");
    run.models = &m;
    run.n_models = 1;
    strbuf_init(&text);
    add_lines(&text, 3, "known", 2);
    add_lines(&text, 4, "nobody-knows", 2);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_int_equal(r.unpriced, 4);
    assert_range(&r.cost_nanousd, 24, LH_UNKNOWN, 24 + 18);
    assert_int_equal(r.n_models, 2);
    assert_string_equal(r.models[0].name, "nobody-knows");
    assert_int_equal(r.models[0].unpriced, 4);
    assert_int_equal(r.models[0].basis, LH_COUNT_ASSUMED);
    assert_int_equal(r.models[1].unpriced, 0);
    lh_estimate_free(&r);
}

static void what_nothing_bounds_has_the_models_longest_answer_or_no_end(void **state)
{
    (void)state;
    lh_run_options run = run_options();
    lh_model m = own("x");
    m.max_output = 100;
    m.batch_discount = 50;
    run.models = &m;
    run.n_models = 1;
    write_lines(4, "x", 0);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_range(&r.output_tokens, 0, LH_UNKNOWN, 400);
    assert_range(&r.cost_nanousd, 32, LH_UNKNOWN, 32 + 1200);
    assert_range(&r.batch_cost_nanousd, 16, LH_UNKNOWN, 616);
    lh_estimate_free(&r);

    m.max_output = LH_UNKNOWN;
    r = estimated(&run, NULL, NULL);
    assert_int_equal(r.unbounded, 4);
    assert_range(&r.output_tokens, 0, LH_UNKNOWN, LH_UNKNOWN);
    assert_range(&r.cost_nanousd, 32, LH_UNKNOWN, LH_UNKNOWN);
    assert_int_equal(r.wall_ms.high, LH_UNKNOWN);
    lh_estimate_free(&r);
}

static void embeddings_have_no_answer_and_so_an_exact_cost(void **state)
{
    (void)state;
    lh_run_options run = run_options();
    lh_model m = own("e");
    run.models = &m;
    run.n_models = 1;
    write_text("in.jsonl", "{\"custom_id\":\"a\",\"url\":\"/v1/"
                           "embeddings\",\"body\":{\"model\":\"e\",\"input\":[\"hi\",\"hi\"]}}\n");
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_range(&r.output_tokens, 0, 0, 0);
    assert_range(&r.cost_nanousd, 2, 2, 2);
    assert_range(&r.wall_ms, 1000, 1000, 1000);
    lh_estimate_free(&r);
}

static void what_cannot_be_served_is_told_and_left_out(void **state)
{
    (void)state;
    struct strbuf text;
    struct seen seen = {0};
    lh_run_options run = run_options();
    lh_model m = own("x");
    m.context = 50;
    m.max_output = 40;
    run.models = &m;
    run.n_models = 1;
    strbuf_init(&text);
    add_lines(&text, 1, "x", 40);
    add_lines(&text, 1, "x", 41);
    strbuf_append_str(&text, "{\"custom_id\":\"tight\",\"model\":\"x\",\"messages\":[{\"role\":\"user\","
                             "\"content\":\"hi hi hi hi\"}],\"max_tokens\":40}\n");
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
    lh_estimate_report r = estimated(&run, NULL, &seen);
    assert_int_equal(r.requests, 1);
    assert_int_equal(r.unservable, 2);
    assert_int_equal(r.prompt_tokens, HI);
    assert_range(&r.cost_nanousd, 8, LH_UNKNOWN, 8 + 120);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.id, "tight");
    assert_int_equal(seen.last.line, 3);
    assert_int_equal(seen.last.reason, LH_TOTAL_OVER_CONTEXT);
    assert_int_equal(seen.last.prompt_tokens, 11);
    assert_int_equal(seen.last.answer_bound, 40);
    assert_int_equal(seen.last.limit, 50);
    lh_estimate_free(&r);
}

/* The outcomes of these tests do not say what was asked for. */
static void name_model(const char *name)
{
    sqlite3 *db = NULL;
    char sql[100];
    snprintf(sql, sizeof sql, "UPDATE usage SET model = '%s'", name);
    assert_int_equal(sqlite3_open(DB, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* Each of three answered jobs told 7 tokens of prompt and 3 of answer. */
static void earlier_answers_of_the_batch_are_what_is_expected_within_each_bound(void **state)
{
    (void)state;
    struct strbuf text;
    lh_run_options run = run_options();
    lh_model m = own("m");
    run.models = &m;
    run.n_models = 1;
    load_jobs(3);
    finish_jobs(3, all_done);
    name_model("m");
    strbuf_init(&text);
    add_lines(&text, 10, "m", 1000);
    add_lines(&text, 10, "m", 2);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
    lh_estimate_report r = estimated(&run, DB, NULL);
    assert_true(r.exists);
    assert_int_equal(r.batch_jobs, 3);
    assert_int_equal(r.batch_done, 3);
    assert_int_equal(r.models[0].answers, 3);
    assert_true(r.models[0].is_of_batch);
    assert_range(&r.output_tokens, 0, 30 + 20, 10020);
    assert_range(&r.cost_nanousd, 160, 160 + 150, 160 + 30060);
    assert_string_equal(r.note, "");
    lh_estimate_free(&r);
}

static void a_database_that_is_not_there_is_a_note_and_is_not_made(void **state)
{
    (void)state;
    lh_run_options run = run_options();
    write_lines(1, "x", 5);
    lh_estimate_report r = estimated(&run, "none.db", NULL);
    assert_string_equal(r.note, "none.db is not there yet");
    assert_int_equal(count_files(".db"), 0);
    lh_estimate_free(&r);
}

/* Two endpoints of the same limits and another price: half of the work each, the cheaper and the dearer as bounds. */
static void several_endpoints_cost_by_their_parts(void **state)
{
    (void)state;
    lh_endpoint_options list[2] = {run_options().endpoint, run_options().endpoint};
    lh_run_options run = run_options();
    for (int i = 0; i < 2; i++) {
        list[i].name = i == 0 ? "cheap" : "dear";
        list[i].rpm = 600;
        list[i].concurrency = 1000;
        list[i].price_input_nanousd = i == 0 ? 1000000 : 3000000;
        list[i].price_output_nanousd = 0;
    }
    run.endpoints = list;
    run.n_endpoints = 2;
    write_lines(1000, "x", 5);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_range(&r.cost_nanousd, 8000, 16000, 24000); /* answers cost nothing: no need to know them */
    assert_int_equal(r.n_endpoints, 2);
    assert_int_equal(r.endpoints[0].requests, 500);
    assert_string_equal(r.endpoints[1].limiter, "requests per minute");
    assert_true(r.has_limits);
    lh_estimate_free(&r);
    list[1].tier = 1; /* asked only when the first is down */
    r = estimated(&run, NULL, NULL);
    assert_range(&r.cost_nanousd, 8000, 8000, 8000);
    assert_int_equal(r.n_endpoints, 1);
    lh_estimate_free(&r);
}

/* A list's price is not that of priority; who gave an endpoint's price said what it costs there. */
static void what_asks_for_a_dearer_tier_has_no_list_price(void **state)
{
    static const char lines[] =
        "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":"
        "\"priority\"}\n"
        "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"speed\":\"fast\"}\n"
        "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":\"flex\"}\n"
        "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"service_tier\":7}\n";
    (void)state;
    lh_run_options run = run_options();
    lh_model x = own("x");
    run.models = &x;
    run.n_models = 1;
    write_text("in.jsonl", lines);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_int_equal(r.requests, 4);
    assert_int_equal(r.unpriced, 2);
    assert_int_equal(r.cost_nanousd.low, 2 * HI);
    lh_estimate_free(&r);
    run.endpoint.price_input_nanousd = PRICE_IN;
    run.endpoint.price_output_nanousd = PRICE_OUT;
    r = estimated(&run, NULL, NULL);
    assert_int_equal(r.unpriced, 0);
    assert_int_equal(r.cost_nanousd.low, 4 * HI);
    lh_estimate_free(&r);
}

/* Whoever writes prompts into the cache pays more than for plain ones: at most, all is written, and at the dearer endpoint. */
static void at_most_prompts_are_written_to_the_cache(void **state)
{
    (void)state;
    lh_endpoint_options list[2] = {run_options().endpoint, run_options().endpoint};
    lh_run_options run = run_options();
    for (int i = 0; i < 2; i++) {
        list[i].name = i == 0 ? "plain" : "dear";
        list[i].price_input_nanousd = PRICE_IN;
        list[i].price_output_nanousd = PRICE_OUT;
        list[i].price_cache_write_nanousd = i == 0 ? PRICE_IN : 4 * PRICE_IN;
    }
    run.endpoints = list;
    run.n_endpoints = 2;
    write_lines(10, "x", 5);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_range(&r.cost_nanousd, 10 * HI, LH_UNKNOWN, 10 * (4 * HI + 5 * 3));
    lh_estimate_free(&r);
}

static void bad_lines_refuse_it_as_they_refuse_a_batch(void **state)
{
    (void)state;
    lh_run_options run = run_options();
    lh_estimate_report r;
    lh_error err = {0};
    write_text("in.jsonl", "{\"prompt\":\"a\"}\nnonsense\n");
    assert_int_equal(estimate_with(&run, NULL, NULL, &r, &err), LH_EINPUT);
    assert_non_null(strstr(err.message, "1 bad line "));
    lh_estimate_free(&r);
    write_text("in.jsonl", "\n\n");
    assert_int_equal(estimate_with(&run, NULL, NULL, &r, &err), LH_EINPUT);
    lh_estimate_free(&r);
    run.endpoint.concurrency = 0;
    assert_int_equal(estimate_with(&run, NULL, NULL, &r, &err), LH_EUSAGE);
    lh_estimate_free(&r);
    lh_estimate_free(&r);
}

/* Whatever stands in the lines: as many requests as lines, in bounded memory, and the same from the second estimate. */
static void thousands_of_models_and_urls_are_summed(void **state)
{
    (void)state;
    struct strbuf text;
    lh_run_options run = run_options();
    strbuf_init(&text);
    for (int i = 0; i < 6000; i++)
        strbuf_appendf(&text, "{\"custom_id\":\"%d\",\"url\":\"/v1/x%d\",\"body\":{\"model\":\"m%d\"}}\n", i,
                       i, i);
    write_bytes("in.jsonl", text.data, text.len);
    strbuf_free(&text);
    lh_estimate_report r = estimated(&run, NULL, NULL);
    assert_int_equal(r.requests, 6000);
    assert_true(r.n_models <= 4097);
    int64_t sum = 0;
    for (size_t i = 0; i < r.n_models; i++)
        sum += r.models[i].requests;
    assert_int_equal(sum, 6000);
    lh_estimate_free(&r);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup(test, empty_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(without_answers_there_is_a_range_and_no_expectation),
        IN_FOLDER(a_price_that_is_not_known_is_never_nothing),
        IN_FOLDER(what_nothing_bounds_has_the_models_longest_answer_or_no_end),
        IN_FOLDER(embeddings_have_no_answer_and_so_an_exact_cost),
        IN_FOLDER(what_cannot_be_served_is_told_and_left_out),
        IN_FOLDER(earlier_answers_of_the_batch_are_what_is_expected_within_each_bound),
        IN_FOLDER(a_database_that_is_not_there_is_a_note_and_is_not_made),
        IN_FOLDER(several_endpoints_cost_by_their_parts),
        IN_FOLDER(what_asks_for_a_dearer_tier_has_no_list_price),
        IN_FOLDER(at_most_prompts_are_written_to_the_cache),
        IN_FOLDER(bad_lines_refuse_it_as_they_refuse_a_batch),
        IN_FOLDER(thousands_of_models_and_urls_are_summed),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
