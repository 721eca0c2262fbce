/* Two clients that know of each other only by what remains of the limit they share. */
#include "told_sim.h"

static const int64_t limits[] = {600, 3000, 12000};
enum { LIMITS = sizeof limits / sizeof *limits };

/* Each learns from what remains that there is another. What another takes is felt by the next answer, so a provider that has no more
 * than a second's allowance in hand refuses some when answers take ten. */
static void two_clients_share_a_limit_without_many_refusals(void **state)
{
    (void)state;
    for (int kind = 0; kind < PROVIDERS; kind++)
        for (int i = 0; i < LIMITS; i++)
            for (int64_t latency = 500; latency <= 10000; latency += 9500)
                assert_share(sim_share((enum provider_kind)kind, limits[i], latency, 2, 2), 85,
                             kind == BUCKET_SECOND && latency > 1000 ? 5 : 2.5, kind, limits[i], latency);
}

/* Below a hundred a minute a provider's bucket may be one request: nothing can be felt before it is empty. */
static void two_clients_of_a_slow_limit_do_not_stop_each_other(void **state)
{
    (void)state;
    for (int kind = 0; kind < PROVIDERS; kind++)
        for (int64_t latency = 500; latency <= 10000; latency += 9500)
            assert_share(sim_share((enum provider_kind)kind, 60, latency, 2, 3), 30, 35, kind, 60, latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_clients_share_a_limit_without_many_refusals),
        cmocka_unit_test(two_clients_of_a_slow_limit_do_not_stop_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
