/* Merging: each way gives what tiktoken's own, quadratic one gives; and the table finds every token and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/bpe.h"
#include "tokens/bpe_merge.h"
#include "tokens/bpe_rank.h"

enum { MOST = 6000 };

static const unsigned char *token(const struct encoding *e, uint32_t rank, size_t *len)
{
    const uint32_t *offsets = bpe_part(e, e->offsets_at);
    *len = offsets[rank + 1] - offsets[rank];
    return (const unsigned char *)bpe_part(e, e->bytes_at) + offsets[rank];
}

static void every_token_is_found_by_its_bytes(void **state)
{
    static const uint32_t sizes[ENCODING_COUNT] = {199998, 100256}, single_a[ENCODING_COUNT] = {64, 64};
    (void)state;
    for (int id = 0; id < ENCODING_COUNT; id++) {
        const struct encoding *e = encoding_get((enum encoding_id)id);
        assert_int_equal(e->tokens, sizes[id]);
        assert_int_equal(e->longest, 128);
        assert_int_equal(e->single['a'], single_a[id]);
        for (uint32_t rank = 0; rank < e->tokens; rank++) {
            size_t len = 0;
            const unsigned char *p = token(e, rank, &len);
            if (bpe_rank(e, p, len, p + len) != rank)
                fail_msg("token %u of encoding %d is not found", rank, id);
        }
    }
}

/* Zeros behind a token are not part of it, and what is longer than any token is none. */
static void other_bytes_are_not_found(void **state)
{
    static const unsigned char zeros[256] = {0};
    (void)state;
    for (int id = 0; id < ENCODING_COUNT; id++) {
        const struct encoding *e = encoding_get((enum encoding_id)id);
        const unsigned char *word = (const unsigned char *)"hello\0\0\0\0";
        assert_true(bpe_rank(e, word, 5, word + 9) < e->tokens);
        for (size_t len = 6; len <= 9; len++)
            assert_int_equal(bpe_rank(e, word, len, word + len), BPE_NONE);
        for (size_t len = 9; len <= sizeof zeros; len++)
            assert_int_equal(bpe_rank(e, zeros, len, zeros + len), BPE_NONE);
    }
}

/* tiktoken's byte_pair_merge, as plainly as it can be said. */
static size_t plain_merge(const struct encoding *e, const unsigned char *p, size_t len, uint32_t *ids)
{
    static size_t starts[MOST + 1];
    size_t parts = len;
    for (size_t i = 0; i <= len; i++)
        starts[i] = i;
    for (;;) {
        uint32_t lowest = BPE_NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < parts; i++) {
            uint32_t rank = bpe_rank(e, p + starts[i], starts[i + 2] - starts[i], p + len);
            if (rank < lowest) {
                lowest = rank;
                at = i;
            }
        }
        if (lowest == BPE_NONE)
            break;
        memmove(starts + at + 1, starts + at + 2, (parts - at - 1) * sizeof *starts);
        parts--;
    }
    for (size_t i = 0; i < parts; i++)
        ids[i] = bpe_rank(e, p + starts[i], starts[i + 1] - starts[i], p + len);
    return parts;
}

/* A character of two or three bytes, or ASCII: what begins merging whole. */
static size_t random_character(struct random *r, unsigned char out[3])
{
    static const uint32_t scripts[] = {0xC0,  0x3B1,  0x430,  0x5D0,  0x627,  0x905, 0x93E,
                                       0xE01, 0x3042, 0x30A2, 0x4E00, 0xAC00, 0xFF01};
    uint32_t code =
        scripts[random_below(r, sizeof scripts / sizeof *scripts)] + (uint32_t)random_below(r, 40);
    if (random_below(r, 5) == 0) {
        out[0] = (unsigned char)" a.-"[random_below(r, 4)];
        return 1;
    }
    if (code < 0x800) {
        out[0] = (unsigned char)(0xC0 | code >> 6);
        out[1] = (unsigned char)(0x80 | (code & 0x3F));
        return 2;
    }
    out[0] = (unsigned char)(0xE0 | code >> 12);
    out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (unsigned char)(0x80 | (code & 0x3F));
    return 3;
}

static void random_characters(struct random *r, unsigned char *out, size_t len)
{
    unsigned char character[3];
    for (size_t n = 0, size; n < len; n += size) {
        size = random_character(r, character);
        size = size < len - n ? size : len - n;
        memcpy(out + n, character, size);
    }
}

/* Letters of few kinds, any bytes, and pieces of the vocabulary: what makes many and unlikely merges. */
static void random_piece(struct random *r, const struct encoding *e, unsigned char *out, size_t len)
{
    static const char *const letters[] = {"ab", "etaoinsrhldu", " ", "=-", "\xE6\x97\xA5\xE6\x9C\xAC"};
    size_t kind = random_below(r, 10);
    if (kind > 7) {
        random_characters(r, out, len);
        return;
    }
    for (size_t n = 0; n < len;) {
        size_t token_len = 0;
        const unsigned char *p = token(e, (uint32_t)random_below(r, e->tokens), &token_len);
        if (kind < 5)
            out[n++] = (unsigned char)letters[kind][random_below(r, strlen(letters[kind]))];
        else if (kind == 5)
            out[n++] = (unsigned char)random_below(r, 256);
        else
            for (size_t i = 0; i < token_len && n < len; i++)
                out[n++] = p[i];
    }
}

typedef bool way(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                 struct bpe_sink *sink, uint64_t *steps);

static bool whole(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                  struct bpe_sink *sink, uint64_t *steps)
{
    return bpe_merge_whole(e, p, len, end, sink, steps) == 0;
}

static bool chosen(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                   struct bpe_sink *sink, uint64_t *steps)
{
    return bpe_merge(e, p, len, end, sink, steps) == 0;
}

static void assert_way(way *merge, bool must, const struct encoding *e, const unsigned char *p, size_t len,
                       const uint32_t *wanted, size_t count)
{
    static uint32_t ids[MOST];
    struct bpe_sink sink = {ids, MOST, 0}, counting = {NULL, 0, 0};
    uint64_t steps = 0;
    if (!merge(e, p, len, p + len, &sink, &steps)) {
        assert_false(must);
        return;
    }
    assert_int_equal(sink.count, count);
    assert_memory_equal(ids, wanted, count * sizeof *ids);
    assert_true(merge(e, p, len, p + len, &counting, &steps));
    assert_int_equal(counting.count, count);
}

static void compare(struct random *r, size_t len)
{
    static uint32_t wanted[MOST];
    const struct encoding *e = encoding_get((enum encoding_id)random_below(r, ENCODING_COUNT));
    unsigned char *p = malloc(len); /* of exactly this size, so that reading behind it shows */
    assert_non_null(p);
    random_piece(r, e, p, len);
    size_t count = plain_merge(e, p, len, wanted);
    assert_way(bpe_merge_few, false, e, p, len, wanted, count);
    assert_way(bpe_merge_windows, false, e, p, len, wanted, count);
    assert_way(whole, true, e, p, len, wanted, count);
    assert_way(chosen, true, e, p, len, wanted, count);
    free(p);
}

static void every_way_gives_what_plain_merging_gives(void **state)
{
    struct random r;
    (void)state;
    random_seed(&r, 11);
    for (int i = 0; i < 1500; i++)
        compare(&r, 2 + random_below(&r, 40));
    for (int i = 0; i < 60; i++)
        compare(&r, 2 + random_below(&r, 600)); /* more than one small window */
    compare(&r, 2 * BPE_FEW);
    compare(&r, 2500); /* more than one large window */
}

/* A text that was found to fool the small windows must come out right all the same: pieces of the vocabulary, some thousand
 * bytes of them, of which one in a few hundred does. */
static void a_window_that_does_not_fit_is_noticed(void **state)
{
    static unsigned char piece[MOST];
    static uint32_t one[MOST], other[MOST];
    const struct encoding *e = encoding_get(ENCODING_O200K_BASE);
    struct random r;
    uint64_t steps = 0;
    int unfit = 0;
    (void)state;
    random_seed(&r, 5);
    for (int i = 0; i < 400 && unfit < 1; i++) {
        struct bpe_sink few = {one, MOST, 0}, all = {one, MOST, 0}, right = {other, MOST, 0};
        for (size_t n = 0; n < MOST;) {
            size_t len = 0;
            const unsigned char *p = token(e, (uint32_t)random_below(&r, e->tokens), &len);
            len = len < MOST - n ? len : MOST - n;
            memcpy(piece + n, p, len);
            n += len;
        }
        if (bpe_merge_few(e, piece, MOST, piece + MOST, &few, &steps))
            continue;
        unfit++;
        assert_int_equal(bpe_merge(e, piece, MOST, piece + MOST, &all, &steps), 0);
        assert_int_equal(bpe_merge_whole(e, piece, MOST, piece + MOST, &right, &steps), 0);
        assert_int_equal(all.count, right.count);
        assert_memory_equal(one, other, (size_t)right.count * sizeof *one);
    }
    assert_int_equal(unfit, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_is_found_by_its_bytes),
        cmocka_unit_test(other_bytes_are_not_found),
        cmocka_unit_test(every_way_gives_what_plain_merging_gives),
        cmocka_unit_test(a_window_that_does_not_fit_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
