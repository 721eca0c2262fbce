/* The adaptive rate against providers that are simulated: adaptive_sweep SEEDS [FIRST]. For each kind of provider the worst figures of all
 * runs: of the limit that was used and of what was refused after the first five minutes, in percent, and in how many runs that was
 * less than 85 % or more than chance and 3 %; without a limit, the time of the same jobs without the adaptive rate that was taken. */
#include <stdio.h>

#include "../unit/hidden_world.h"

enum { MINUTES = 30, WORST_USED = 850, WORST_REFUSED = 30 };

struct figures {
    int runs, bad;
    int64_t used, refused; /* thousandths */
};

static struct world world;
static uint64_t first_seed, seeds;

static void count(struct figures *f, int64_t per_minute, int64_t from, int64_t to)
{
    int64_t used = world_used(&world, from, to) * world.hidden.per_minute / per_minute;
    int64_t refused = world_refused(&world, from, to);
    bool are_many = per_minute >= 600 && refused > WORST_REFUSED + world.noise_per_10000 / 10;
    f->runs++;
    f->bad += used < WORST_USED || are_many ? 1 : 0;
    f->used = used < f->used ? used : f->used;
    f->refused = refused > f->refused ? refused : f->refused;
}

struct setting {
    const char *name;
    int64_t least_per_minute, most_per_minute, noise_per_10000, fault_per_10000, other_percent;
    bool halves, is_on;
};

/* Halved and doubled again, each after half an hour; or shared. */
static void run_on(struct figures *f, const struct setting *s, int64_t per_minute)
{
    if (s->halves) {
        world.hidden.per_minute = per_minute / 2;
        world_run(&world, INT64_C(2) * MINUTES * 60000);
        count(f, per_minute / 2, MINUTES + 5, INT64_C(2) * MINUTES);
        world.hidden.per_minute = per_minute;
        world_run(&world, INT64_C(3) * MINUTES * 60000);
        count(f, per_minute, 2 * MINUTES + 10, INT64_C(3) * MINUTES);
    } else if (s->other_percent > 0) {
        world.other_percent = s->other_percent;
        world_run(&world, (MINUTES + 15) * 60000);
        count(f, per_minute * (100 - s->other_percent) / 100, MINUTES + 3, MINUTES + 15);
    }
}

static void run(struct figures *f, const struct setting *s, enum hidden_kind kind, int64_t per_minute,
                bool is_slow, uint64_t seed)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = is_slow ? per_minute == 6000 ? 2000 : 200 : per_minute >= 6000 ? 1000 : 50;
    o.breaker.percent = 0;
    o.adaptive.mode = s->is_on ? ADAPTIVE_ON : ADAPTIVE_AUTO;
    world_open(&world, &o, kind, per_minute, seed);
    world.latency_ms = is_slow ? 10000 : 500;
    world.refusal_ms = is_slow ? 80 : 50;
    world.noise_per_10000 = s->noise_per_10000;
    world.fault_per_10000 = s->fault_per_10000;
    world_run(&world, MINUTES * 60000);
    count(f, per_minute, 5, MINUTES);
    run_on(f, s, per_minute);
    world_close(&world);
}

static void sweep(const struct setting *s)
{
    static const int64_t limits[] = {60, 600, 6000, 30000};
    struct figures f = {.used = INT64_MAX};
    for (uint64_t seed = 0; seed < seeds; seed++)
        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
            for (int which = 0; which < 2 * HIDDEN_KINDS; which++)
                if (limits[i] >= s->least_per_minute && limits[i] <= s->most_per_minute &&
                    (limits[i] < 30000 || which < HIDDEN_KINDS))
                    run(&f, s, (enum hidden_kind)(which % HIDDEN_KINDS), limits[i], which >= HIDDEN_KINDS,
                        first_seed + seed * 1000 + i * 10 + (uint64_t)which);
    printf("%-34s used %5.1f %%, refused %4.1f %%, beyond the floors %d of %d\n", s->name,
           (double)f.used / 10, (double)f.refused / 10, f.bad, f.runs);
}

static int64_t take_ms(enum adaptive_mode mode, int64_t jobs, int64_t concurrency, int64_t noise,
                       uint64_t seed)
{
    struct gate_options o;
    gate_options_default(&o);
    o.concurrency = concurrency;
    o.adaptive.mode = mode;
    world_open(&world, &o, HIDDEN_BUCKET_60S, 1, seed);
    world.hidden.per_minute = INT64_C(1000000000000);
    world.hidden.level = INT64_MAX / 4;
    world.latency_ms = world.refusal_ms = 100;
    world.noise_per_10000 = noise;
    world.noise_wait_ms = seed % 2 == 0 ? 250 : 0;
    world_set_jobs(&world, jobs);
    int64_t took_ms = world_run_jobs(&world, 3600000);
    world_close(&world);
    return took_ms;
}

static void without_limit(int64_t jobs, int64_t concurrency, int64_t noise, double most)
{
    double sum = 0, worst = 0;
    int bad = 0, runs = 0;
    for (uint64_t seed = first_seed; seed < first_seed + 10 * seeds; seed++, runs++) {
        double ratio = (double)take_ms(ADAPTIVE_AUTO, jobs, concurrency, noise, seed) /
                       (double)take_ms(ADAPTIVE_OFF, jobs, concurrency, noise, seed);
        sum += ratio;
        worst = ratio > worst ? ratio : worst;
        bad += ratio > most ? 1 : 0;
    }
    printf("no limit, %2lld %% chance, %3lld at once   times as long: mean %.2f, worst %.2f, above %.1f: %d "
           "of %d\n",
           (long long)noise / 100, (long long)concurrency, sum / runs, worst, most, bad, runs);
}

int main(int argc, char **argv)
{
    static const struct setting settings[] = {
        {"no chance, halves and doubles", 60, 30000, 0, 0, 0, true, false},
        {"no chance, shared", 600, 600, 0, 0, 50, false, false},
        {"no chance, on", 60, 30000, 0, 0, 0, false, true},
        {"no chance, 20 % faults", 60, 30000, 0, 2000, 0, false, false},
        {"chance 0.2 %", 600, 30000, 20, 0, 0, false, false},
        {"chance 1 %", 600, 30000, 100, 0, 0, false, false},
        {"chance 2 %", 600, 30000, 200, 0, 0, false, false},
        {"chance 5 %", 600, 30000, 500, 0, 0, false, false},
        {"chance 1 %, faults 1 %", 600, 30000, 100, 100, 0, false, false},
        {"chance 5 %, faults 1 %", 600, 30000, 500, 100, 0, false, false},
    };
    static const int64_t chances[] = {100, 200, 500, 1000};
    seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 2;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (seeds == 0) {
        fprintf(stderr, "usage: adaptive_sweep SEEDS [FIRST]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        sweep(&settings[i]);
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++)
        for (int64_t concurrency = 50; concurrency <= 200; concurrency += 150)
            without_limit(2000, concurrency, chances[i], 1.3);
    without_limit(300, 50, 3000, 3);
    without_limit(300, 50, 4000, 3);
    return 0;
}
