/* Tokens of images: the examples of the providers' own pages, what was billed, and what must hold of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/images.h"

static void assert_image(const char *model, int64_t width, int64_t height, const char *detail, int64_t wanted)
{
    int64_t tokens = image_tokens(model, (struct image_size){width, height}, detail);
    if (tokens != wanted)
        fail_msg("%s takes %lld for %lld x %lld, not %lld", model, (long long)tokens, (long long)width,
                 (long long)height, (long long)wanted);
}

static void tiles_are_as_the_guide_has_them(void **state)
{
    static const struct {
        const char *model;
        int64_t base, tile;
    } models[] = {{"gpt-4o", 85, 170},
                  {"openai/gpt-4.1-2025-04-14", 85, 170},
                  {"ft:gpt-4o-2024-08-06:me::x", 85, 170},
                  {"gpt-4o-mini-2024-07-18", 2833, 5667},
                  {"gpt-5-2025-08-07", 70, 140},
                  {"gpt-5-chat-latest", 70, 140},
                  {"o1", 75, 150},
                  {"o3-2025-04-16", 75, 150},
                  {"computer-use-preview", 65, 129},
                  {"qwen2.5-vl", 85, 170}};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const int64_t base = models[i].base, tile = models[i].tile;
        assert_image(models[i].model, 1024, 1024, "high", base + 4 * tile);
        assert_image(models[i].model, 2048, 4096, "high", base + 6 * tile);
        assert_image(models[i].model, 2048, 4096, NULL, base + 6 * tile);
        assert_image(models[i].model, 4096, 8192, "low", base);
        assert_image(models[i].model, 512, 512, "auto", base + tile);
        assert_image(models[i].model, 1, 1, "nonsense", base + tile);
    }
}

/* What was billed for gpt-4.1: https://community.openai.com/t/1281361. */
static void sides_are_rounded_as_they_were_billed(void **state)
{
    (void)state;
    assert_image("gpt-4.1", 2049, 513, NULL, 85 + 8 * 170);
    assert_image("gpt-4.1", 2050, 513, NULL, 85 + 4 * 170);
}

static void patches_are_as_the_guide_has_them(void **state)
{
    static const struct {
        const char *model;
        int64_t small, large, low; /* 1024 x 1024 is 1024 patches, 1800 x 2400 is 1452, 512 x 512 is 256 */
    } models[] = {{"gpt-4.1-mini", 1659, 2352, 415},  {"gpt-4.1-nano-2025-04-14", 2519, 3572, 630},
                  {"o4-mini", 1761, 2497, 440},       {"gpt-5-mini", 1659, 2352, 415},
                  {"gpt-5-nano", 2519, 3572, 630},    {"gpt-5.4-mini", 1659, 2352, 415},
                  {"gpt-5.2-codex", 1229, 1742, 307}, {"gpt-5.1-codex-mini", 1229, 1742, 307}};
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        assert_image(models[i].model, 1024, 1024, "high", models[i].small);
        assert_image(models[i].model, 1800, 2400, NULL, models[i].large);
        assert_image(models[i].model, 3000, 3000, "low", models[i].low);
        assert_image(models[i].model, 1, 1, NULL, (models[i].small + 512) / 1024);
    }
    /* as it was billed: brought down to 2048 it is all of 1536 patches */
    assert_image("gpt-4.1-mini", 4000, 1474, NULL, 2488);
}

/* 2560 x 1600 is 80 x 50 patches. */
static void newer_models_look_closer(void **state)
{
    (void)state;
    assert_image("gpt-5.4", 2560, 1600, "original", 4800);
    assert_image("gpt-5.5", 2560, 1600, NULL, 4800);
    assert_image("gpt-5.6", 2560, 1600, NULL, 4800);
    assert_image("gpt-5.6-mini", 6400, 3200, NULL, 24000); /* 200 x 100 */
    assert_image("gpt-5.5", 6400, 3200, NULL, 11760);      /* 10,000 patches at most, so 140 x 70 */
    assert_image("gpt-5.4", 2048, 1024, NULL, 64 * 32 * 12 / 10 + 1);
    assert_image("gpt-5.4", 4096, 2048, NULL, 64 * 32 * 12 / 10 + 1);
}

/* A square of all the patches there may be is not one patch less by the last bit of a root. */
static void a_square_takes_all_patches(void **state)
{
    (void)state;
    for (int64_t side = 3201; side < 9000; side += 7)
        assert_image("gpt-5.5", side, side, NULL, 12000);
}

/* The guide "Vision" and its page on coordinates. */
static void claude_is_as_its_guide_has_it(void **state)
{
    (void)state;
    assert_image("claude-sonnet-4-5", 200, 200, NULL, 64);
    assert_image("claude-sonnet-4-5", 1000, 1000, NULL, 1296);
    assert_image("claude-sonnet-4-5", 1092, 1092, NULL, 1521);
    assert_image("claude-sonnet-4-5", 1075, 1520, NULL, 33 * 47); /* 924 x 1307 */
    assert_image("claude-haiku-4-5", 3840, 2160, NULL, 1560);
    assert_image("claude-opus-4-7", 1920, 1080, NULL, 2691);
    assert_image("anthropic/claude-opus-5", 3840, 2160, "low", 4784);
}

/* The most that any size of that shape takes within the bounds, by trying each. */
static int64_t claude_by_trying(int64_t longer, int64_t shorter, int64_t side, int64_t most)
{
    int64_t best = 0;
    for (int64_t l = 1; l <= longer && l <= side; l++) {
        int64_t s = (2 * shorter * l + longer) / (2 * longer);
        int64_t patches = (l + 27) / 28 * (((s > 0 ? s : 1) + 27) / 28);
        if (patches <= most && (l + 27) / 28 * 28 <= side)
            best = patches;
    }
    return best;
}

static void claude_sees_the_largest_size_that_fits(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 8);
    for (int round = 0; round < 500; round++) {
        int64_t a = 1 + (int64_t)random_below(&r, 6000), b = 1 + (int64_t)random_below(&r, (uint64_t)a);
        assert_image("claude-sonnet-4-6", a, b, NULL, claude_by_trying(a, b, 1568, 1568));
        assert_image("claude-opus-4-7", b, a, NULL, claude_by_trying(a, b, 2576, 4784));
    }
}

/* Whatever the size: one token at least, never more than the model's most, and the same when it is turned. */
static void every_size_stays_within_the_models_most(void **state)
{
    static const struct {
        const char *model;
        int64_t most;
    } models[] = {{"gpt-4o", 85 + 170 * 8}, {"gpt-4o-mini", 2833 + 5667 * 8},
                  {"gpt-4.1-mini", 2488},   {"gpt-5.4", 3000},
                  {"gpt-5.6", 36000},       {"claude-3-5-haiku", 1568},
                  {"claude-sonnet-5", 4784}};
    struct random r;
    (void)state;
    random_seed(&r, 2);
    for (int round = 0; round < 20000; round++) {
        const size_t m = (size_t)random_below(&r, sizeof models / sizeof *models);
        const struct image_size s = {
            1 + (int64_t)random_below(&r, UINT64_C(1) << (1 + random_below(&r, 32))),
            1 + (int64_t)random_below(&r, UINT64_C(1) << (1 + random_below(&r, 32)))};
        int64_t tokens = image_tokens(models[m].model, s, NULL);
        if (tokens < 1 || tokens > models[m].most)
            fail_msg("%s takes %lld for %lld x %lld", models[m].model, (long long)tokens, (long long)s.width,
                     (long long)s.height);
        const struct image_size turned = {s.height, s.width};
        assert_int_equal(image_tokens(models[m].model, turned, NULL), tokens);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_as_the_guide_has_them),
        cmocka_unit_test(sides_are_rounded_as_they_were_billed),
        cmocka_unit_test(patches_are_as_the_guide_has_them),
        cmocka_unit_test(newer_models_look_closer),
        cmocka_unit_test(a_square_takes_all_patches),
        cmocka_unit_test(claude_is_as_its_guide_has_it),
        cmocka_unit_test(claude_sees_the_largest_size_that_fits),
        cmocka_unit_test(every_size_stays_within_the_models_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
