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
    o->faults = s->sim_faults;
    o->fault_rate = s->sim_fault_rate;
    o->max_faults = s->sim_max_faults;
    o->poison = s->sim_poison;
    o->poison_kind = s->sim_poison_kind;
    o->rpm = s->run.endpoint.rpm;
    o->tpm = s->run.endpoint.tpm;
    o->require_key = s->sim_require_key;
    o->quota = s->sim_quota;
    o->replay = s->sim_replay;
    o->record = s->sim_record;
    o->seed = (uint64_t)s->sim_seed;
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
    log_info("simulated provider on http://%s:%d/v1 (^C ends it)", s->sim_bind, sim_port(sim));
    if (s->sim_port_file != NULL && write_port(s->sim_port_file, sim_port(sim)) != 0) {
        log_error("the port cannot be written to %s", s->sim_port_file);
        sim_stop(sim);
        return EXIT_FAILED;
    }
    wait_for_signal();
    sim_get_stats(sim, &stats);
    sim_stop(sim);
    log_info(
        "simulated provider: %lld requests, %lld answered, %lld throttled, %lld refused, %lld made to fail",
        (long long)stats.requests, (long long)stats.answers, (long long)stats.throttled,
        (long long)stats.refused, (long long)stats.faults);
    return EXIT_DONE;
}
