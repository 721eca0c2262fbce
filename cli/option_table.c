/* The table of options: see option_table.h. */
#include "cli/option_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct settings, member)
#define RUN_LIKE (OPTIONS_RUN)
#define PER_ENDPOINT (OPTIONS_RUN | OPTIONS_ENDPOINT)

const struct option options[] = {
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
     "endpoint of lines that name none, and of rows: chats, messages, completions, responses, embeddings "
     "(/v1/chat/completions)"},
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
    {"max-tokens", 0, VALUE_COUNT, OPTIONS_INPUT, AT(max_tokens), "N",
     "tokens of an answer at most, where its request does not bound it"},
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
     "find the rate that the provider grants: auto (once it refuses for it), on or off (auto)"},
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
    {"reserve", 0, VALUE_TEXT, RUN_LIKE, AT(run.reserve), "KIND",
     "tokens that limits set aside for an answer: mean, high (few exceed it), or max (its bound) (high)"},
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
    {"max-cost", 0, VALUE_USD, RUN_LIKE, AT(run.max_cost_nanousd), "USD",
     "the same in money; prices are those of `longhaul prices`, --prices or --price-*"},
    {"price-input", 0, VALUE_USD, PER_ENDPOINT, AT(run.endpoint.price_input_nanousd), "USD",
     "of a million input tokens"},
    {"price-output", 0, VALUE_USD, PER_ENDPOINT, AT(run.endpoint.price_output_nanousd), "USD",
     "of a million output tokens"},
    {"price-cached", 0, VALUE_USD, PER_ENDPOINT, AT(run.endpoint.price_cached_nanousd), "USD",
     "of a million input tokens from the provider's cache (as other input)"},
    {"price-cache-write", 0, VALUE_USD, PER_ENDPOINT, AT(run.endpoint.price_cache_write_nanousd), "USD",
     "of a million input tokens that go into that cache (as other input)"},
    {"prices", 0, VALUE_TEXT, RUN_LIKE | OPTIONS_PRICES, AT(prices), "FILE",
     "own prices and limits of models, YAML; they stand before the built-in ones (see `longhaul prices`)"},
    {"alert-errors", 0, VALUE_TEXT, RUN_LIKE, AT(run.alert_errors), "P%[:warn|pause|stop]",
     "when P% of the last minute's attempts failed, of 50 at least; refusals for rate are no errors (warn)"},
    {"fail-fast", 0, VALUE_FLAG, RUN_LIKE, AT(run.fail_fast), NULL, "the first dead letter cancels the rest"},
    {"no-guard", 0, VALUE_FLAG, RUN_LIKE, AT(no_guard), NULL,
     "go on when the first 50 answers are all the same error"},
    {"grace", 0, VALUE_SECONDS, RUN_LIKE, AT(run.grace_ms), "S", "for requests in flight when stopped (60)"},
    {"durability", 0, VALUE_TEXT, RUN_LIKE, AT(run.durability), "KIND",
     "full, or normal: survives kill -9, not power loss"},
    {"seed", 0, VALUE_COUNT, RUN_LIKE, AT(run.seed), "N", "of the jitter, to repeat a run"},
    {"latency", 0, VALUE_SECONDS, OPTIONS_ESTIMATE, AT(latency_ms), "S",
     "an answer takes so long (as measured, else 1 s and 20 to 100 tokens/s)"},
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
    {"encoding", 0, VALUE_TEXT, OPTIONS_TOKENS, AT(encoding), "NAME",
     "o200k_base or cl100k_base (that of --model, else o200k_base)"},
    {"model", 0, VALUE_TEXT, OPTIONS_TOKENS, AT(model), "NAME", "the encoding that this model reads"},
    {"ids", 0, VALUE_FLAG, OPTIONS_TOKENS, AT(ids), NULL, "the tokens themselves, with spaces between"},
    {"lines", 0, VALUE_FLAG, OPTIONS_TOKENS, AT(lines), NULL,
     "one count (or list of ids) for each line, which is without its end"},
    {"jsonl", 0, VALUE_TEXT, OPTIONS_TOKENS, AT(jsonl), "FIELD",
     "the text is in that field of each line, a JSON object; body.prompt is a field in a field"},
    {"port", 0, VALUE_COUNT, OPTIONS_SIM, AT(sim_port), "N", "where to listen (8089; 0: any free port)"},
    {"bind", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_bind), "ADDRESS", "on which address (127.0.0.1)"},
    {"port-file", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_port_file), "FILE",
     "write the port there once it listens"},
    {"latency", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_latency), "MS",
     "200, 100..400, or lognormal:MEDIAN,SIGMA (50..150)"},
    {"output", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_output), "TOKENS",
     "of an answer, in the same words, within what the request allows (5..60)"},
    {"claude-factor", 0, VALUE_REAL, OPTIONS_SIM, AT(sim_claude_factor), "X",
     "/v1/messages tells X times the prompt tokens that longhaul counts (1.15)"},
    {"cached", 0, VALUE_COUNT, OPTIONS_SIM, AT(sim_cached), "PERCENT",
     "of the prompt's tokens are told as read from a cache (0)"},
    {"faults", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_faults), "LIST",
     "429=2,500=1,503=1,reset=0.5,hang=0.1,cut=1,badjson=1,html=1,empty=1 (%)"},
    {"fault-rate", 0, VALUE_REAL, OPTIONS_SIM, AT(sim_fault_rate), "PERCENT",
     "spread over all kinds but hang"},
    {"max-faults", 0, VALUE_COUNT, OPTIONS_SIM, AT(sim_max_faults), "N",
     "faults that one request meets at most (3; 0: no bound)"},
    {"poison", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_poison), "TEXT",
     "requests that hold it always fail (POISON)"},
    {"poison-kind", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_poison_kind), "KIND",
     "400, 500, reset, hang or policy (400)"},
    {"rpm", 0, VALUE_COUNT, OPTIONS_SIM, AT(run.endpoint.rpm), "N", "requests per minute that it grants"},
    {"tpm", 0, VALUE_COUNT, OPTIONS_SIM, AT(run.endpoint.tpm), "N", "tokens per minute that it grants"},
    {"enforce", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_enforce), "KIND",
     "how limits hold: bucket, window (rolling 60 s, exact) or minute (fixed, from the start) (bucket)"},
    {"burst", 0, VALUE_SECONDS, OPTIONS_SIM, AT(sim_burst_ms), "S",
     "so much of its flow the bucket holds, one request at least (1)"},
    {"refused-count", 0, VALUE_FLAG, OPTIONS_SIM, AT(sim_refused_count), NULL,
     "refused requests count against the limits too"},
    {"change", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_change), "LIST",
     "other limits, by time after the first request: 60s:rpm=300,120s:rpm=1200,tpm=90k"},
    {"outage", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_outage), "LIST",
     "down, by time after the first request: 60s..120s, 60s..90s:529; 503, 529 or reset (503)"},
    {"limit-headers", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_limit_headers), "KIND",
     "headers that tell the limits: openai, anthropic, none, or auto, by the request (auto)"},
    {"no-retry-after", 0, VALUE_FLAG, OPTIONS_SIM, AT(sim_no_retry_after), NULL,
     "a 429 does not say how long to wait"},
    {"require-key", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_require_key), "KEY", "401 without it"},
    {"quota", 0, VALUE_COUNT, OPTIONS_SIM, AT(sim_quota), "N", "after so many answers the quota is used up"},
    {"replay", 0, VALUE_FLAG, OPTIONS_SIM, AT(sim_replay), NULL,
     "answer a repeated Idempotency-Key as the first time"},
    {"record", 0, VALUE_TEXT, OPTIONS_SIM, AT(sim_record), "FILE",
     "a line for each answer of 200: key and body hash"},
    {"seed", 0, VALUE_COUNT, OPTIONS_SIM, AT(sim_seed), "N", "of faults, latencies and lengths (1)"},
};
_Static_assert(sizeof options / sizeof *options <= OPTION_MOST, "raise OPTION_MOST");
const size_t option_count = sizeof options / sizeof *options;

/* What a person might look for and will find in a later release, or nowhere. */
static const struct {
    const char *name, *advice;
} not_here[] = {
    {"api-key", "keys come from the environment: set OPENAI_API_KEY or ANTHROPIC_API_KEY"},
    {"key", "keys come from the environment: set OPENAI_API_KEY or ANTHROPIC_API_KEY"},
};

const char *option_advice(const char *name)
{
    for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++)
        if (strcmp(name, not_here[i].name) == 0)
            return not_here[i].advice;
    return NULL;
}

bool option_set(struct settings *s, const struct option *o, const char *text)
{
    return value_read(o->kind, text, (char *)s + o->offset);
}

/* A key that was put in the wrong place, most likely: it must not come to stand in a log. */
static bool may_be_a_key(const char *text)
{
    enum { KEY_LEAST = 20 };
    bool letter = false, digit = false;
    for (const char *c = text; *c != '\0'; c++) {
        letter = letter || isalpha((unsigned char)*c);
        digit = digit || isdigit((unsigned char)*c);
    }
    return letter && digit && strlen(text) >= KEY_LEAST;
}

int option_say_bad(const struct option *o, const char *text, const char *where)
{
    const char *shown = may_be_a_key(text) ? "(not shown, it may be a key)" : text;
    fprintf(stderr, "longhaul: %s%s is \"%s\"; it must be %s\n", where, o->name, shown,
            value_wanted(o->kind));
    return EXIT_USAGE;
}
