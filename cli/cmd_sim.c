/* sim: the simulated provider, until a signal ends it. */
#include "sim/sim.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/app.h"

/* Written beside and renamed, so that a script that waits for the file never reads half of it. */
static int write_port(const char *path, int port)
{
    char temporary[4200];
    if (snprintf(temporary, sizeof temporary, "%s.partial", path) >= (int)sizeof temporary)
        return -1;
    FILE *f = fopen(temporary, "w");
    if (f == NULL)
        return -1;
    fprintf(f, "%d\n", port);
    return fclose(f) == 0 ? rename(temporary, path) : -1;
}

static void wait_for_signal(void)
{
    sigset_t set;
    int number = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &number);
}

/* Before the server's threads exist: they inherit the mask, and the signals wait for wait_for_signal. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void set_options(const struct settings *s, struct sim_options *o)
{
    sim_options_default(o);
    o->bind = s->sim_bind;
    o->port = s->sim_port;
    o->latency = s->sim_latency;
    o->output = s->sim_output;
    o->claude_factor = s->sim_claude_factor;
    o->cached = s->sim_cached;
    o->faults = s->sim_faults;
    o->fault_rate = s->sim_fault_rate;
    o->max_faults = s->sim_max_faults;
    o->poison = s->sim_poison;
    o->poison_kind = s->sim_poison_kind;
    o->rpm = s->run.endpoint.rpm;
    o->tpm = s->run.endpoint.tpm;
    o->enforce = s->sim_enforce;
    o->burst_ms = s->sim_burst_ms;
    o->refused_count = s->sim_refused_count;
    o->change = s->sim_change;
    o->outage = s->sim_outage;
    o->limit_headers = s->sim_limit_headers;
    o->no_retry_after = s->sim_no_retry_after;
    o->require_key = s->sim_require_key;
    o->quota = s->sim_quota;
    o->replay = s->sim_replay;
    o->record = s->sim_record;
    o->seed = (uint64_t)s->sim_seed;
}

static void say_used(const struct sim_stats *s, const char *what, int64_t granted, int64_t allowance)
{
    if (allowance > 0)
        log_info("%lld %s granted of %lld allowed in the %lld s since the first request, %.1f %% used",
                 (long long)granted, what, (long long)allowance, (long long)(s->elapsed_ms / 1000),
                 sim_utilisation(granted, allowance));
}

static void say_summary(const struct sim_stats *s)
{
    log_info(
        "simulated provider: %lld requests, %lld answered, %lld throttled, %lld refused, %lld made to fail",
        (long long)s->requests, (long long)s->answers, (long long)s->throttled, (long long)s->refused,
        (long long)s->faults);
    say_used(s, "requests", s->granted_requests, s->allowance_requests);
    say_used(s, "tokens", s->granted_tokens, s->allowance_tokens);
    if (s->refused_for_rate > 0)
        log_info("%lld refused for rate (%.2f %%), %lld came before the wait they were told was over",
                 (long long)s->refused_for_rate, sim_refused_share(s), (long long)s->too_early);
    if (s->outage_requests > 0)
        log_info("%lld came during outages", (long long)s->outage_requests);
    if (s->requests > 0)
        log_info("%lld at most in one second, %lld at once", (long long)s->largest_burst,
                 (long long)s->peak_in_flight);
}

int cmd_sim(struct app *app)
{
    const struct settings *s = &app->settings;
    struct sim_options o;
    struct sim *sim = NULL;
    struct sim_stats stats;
    lh_error err = {0};
    set_options(s, &o);
    block_signals();
    if (sim_start(&o, &sim, &err) != 0)
        return app_failed(&err);
    log_info("simulated provider on http://%s:%d/v1, its figures on /sim (^C ends it)", s->sim_bind,
             sim_port(sim));
    if (s->sim_port_file != NULL && write_port(s->sim_port_file, sim_port(sim)) != 0) {
        log_error("the port cannot be written to %s", s->sim_port_file);
        sim_stop(sim);
        return EXIT_FAILED;
    }
    wait_for_signal();
    sim_get_stats(sim, &stats);
    sim_stop(sim);
    say_summary(&stats);
    return EXIT_DONE;
}
