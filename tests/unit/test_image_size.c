/* Sizes of images from their heads: of each kind, and of what was cut, broken or made to do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "tokens/image_size.h"

struct image {
    unsigned char bytes[4096];
    size_t len;
};

static void put(struct image *m, const void *bytes, size_t len)
{
    assert_true(m->len + len <= sizeof m->bytes);
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static void put_number(struct image *m, uint64_t value, size_t size, int is_big_endian)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * (is_big_endian ? size - 1 - i : i));
        put(m, &byte, 1);
    }
}

/* Into memory that ends where the text ends: to read on is seen by the sanitizers. */
static int read_size(const struct image *m, size_t len, int padded, struct image_size *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = 0;
    char *text = malloc(len * 2 + 4);
    assert_non_null(text);
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned value = (unsigned)m->bytes[i] << 16 | (n > 1 ? (unsigned)m->bytes[i + 1] << 8 : 0) |
                         (n > 2 ? m->bytes[i + 2] : 0U);
        for (size_t k = 0; k < 4; k++)
            if (k <= n)
                text[size++] = digits[value >> (18 - 6 * k) & 63];
            else if (padded)
                text[size++] = '=';
    }
    char *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    int found = image_size_of_base64(exact, size, out);
    free(exact);
    free(text);
    return found;
}

enum kind { PNG, GIF, WEBP_LOSSY, WEBP_LOSSLESS, WEBP_EXTENDED, JPEG, KINDS };

static const int64_t most[KINDS] = {4294967295, 65535, 16383, 16384, 16777216, 65535};

static void put_webp(struct image *m, const char *chunk)
{
    put(m, "RIFF", 4);
    put_number(m, 1000, 4, 0);
    put(m, "WEBP", 4);
    put(m, chunk, 4);
    put_number(m, 900, 4, 0);
}

/* Segments of any length, with fill bytes between, before the frame. */
static void put_jpeg(struct image *m, int64_t width, int64_t height, struct random *r)
{
    put(m, "\xff\xd8", 2);
    for (uint64_t n = random_below(r, 6); n > 0; n--) {
        static const unsigned char before[] = {0xE0, 0xE1, 0xFE, 0xDB, 0xC4, 0xC8, 0xCC};
        size_t len = (size_t)random_below(r, 300);
        for (uint64_t fill = random_below(r, 3); fill > 0; fill--)
            put(m, "\xff", 1);
        put(m, "\xff", 1);
        put(m, &before[random_below(r, sizeof before)], 1);
        put_number(m, len + 2, 2, 1);
        for (size_t i = 0; i < len; i++)
            put_number(m, random_u64(r), 1, 1);
    }
    put(m, random_below(r, 2) == 0 ? "\xff\xc0" : "\xff\xc2", 2);
    put_number(m, 17, 2, 1);
    put_number(m, 8, 1, 1);
    put_number(m, (uint64_t)height, 2, 1);
    put_number(m, (uint64_t)width, 2, 1);
}

static void make(enum kind kind, int64_t width, int64_t height, struct random *r, struct image *m)
{
    const uint64_t w = (uint64_t)width, h = (uint64_t)height;
    m->len = 0;
    switch (kind) {
    case PNG:
        put(m, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
        put_number(m, w, 4, 1);
        put_number(m, h, 4, 1);
        break;
    case GIF:
        put(m, random_below(r, 2) == 0 ? "GIF87a" : "GIF89a", 6);
        put_number(m, w, 2, 0);
        put_number(m, h, 2, 0);
        break;
    case WEBP_LOSSY:
        put_webp(m, "VP8 ");
        put(m, "\x10\x02\x00\x9d\x01\x2a", 6);
        put_number(m, w | random_below(r, 4) << 14, 2, 0);
        put_number(m, h | random_below(r, 4) << 14, 2, 0);
        break;
    case WEBP_LOSSLESS:
        put_webp(m, "VP8L");
        put(m, "\x2f", 1);
        put_number(m, (w - 1) | (h - 1) << 14 | random_below(r, 16) << 28, 4, 0);
        break;
    case WEBP_EXTENDED:
        put_webp(m, "VP8X");
        put(m, "\x10\0\0\0", 4);
        put_number(m, w - 1, 3, 0);
        put_number(m, h - 1, 3, 0);
        break;
    default:
        put_jpeg(m, width, height, r);
    }
}

static void every_kind_tells_its_size_and_nothing_when_it_is_cut(void **state)
{
    struct random r;
    struct image m;
    struct image_size size;
    (void)state;
    random_seed(&r, 3);
    for (int round = 0; round < 1200; round++) {
        const enum kind kind = (enum kind)(round % KINDS);
        const int64_t width = 1 + (int64_t)random_below(&r, (uint64_t)most[kind]);
        const int64_t height = 1 + (int64_t)random_below(&r, (uint64_t)most[kind]);
        make(kind, width, height, &r, &m);
        size_t head = m.len;
        put(&m, "\0\0\0\0", (size_t)random_below(&r, 4));
        size = (struct image_size){0};
        if (!read_size(&m, m.len, round & 1, &size) || size.width != width || size.height != height)
            fail_msg("kind %d: %lld x %lld, not %lld x %lld", (int)kind, (long long)size.width,
                     (long long)size.height, (long long)width, (long long)height);
        size_t cut = round < 60 ? 0 : head - 1;
        for (; cut < head; cut++)
            assert_false(read_size(&m, cut, round & 1, &size));
    }
}

static void a_size_of_nothing_is_none(void **state)
{
    struct random r;
    struct image m;
    struct image_size size;
    (void)state;
    random_seed(&r, 4);
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind == WEBP_LOSSLESS || kind == WEBP_EXTENDED) /* they cannot say so */
            continue;
        make((enum kind)kind, 0, 10, &r, &m);
        assert_false(read_size(&m, m.len, 1, &size));
        make((enum kind)kind, 10, 0, &r, &m);
        assert_false(read_size(&m, m.len, 1, &size));
    }
}

static void a_jpeg_without_a_frame_ends(void **state)
{
    static const char *const scans[] = {"\xff\xda", "\xff\xd9", "\xff\x00", "\xff\x02", "\x00\xff"};
    struct image m = {.len = 0};
    struct image_size size;
    (void)state;
    for (size_t i = 0; i < sizeof scans / sizeof *scans; i++) {
        m.len = 0;
        put(&m, "\xff\xd8", 2);
        put(&m, scans[i], 2);
        put(&m, "\0\x08\1\2\3\4\5\6\xff\xc0\0\x11\x08\0\x10\0\x10", 17);
        assert_false(read_size(&m, m.len, 1, &size));
    }
    m.len = 0; /* nothing but bytes that fill; a segment that is shorter than its own length */
    put(&m, "\xff\xd8", 2);
    while (m.len < sizeof m.bytes)
        put(&m, "\xff", 1);
    assert_false(read_size(&m, m.len, 1, &size));
    m.len = 0;
    put(&m, "\xff\xd8\xff\xe0\0\0\xff\xc0\0\x11\x08\0\x10\0\x10", 15);
    assert_false(read_size(&m, m.len, 1, &size));
}

static void both_alphabets_are_read_and_nothing_else(void **state)
{
    struct image_size size;
    (void)state;
    /* "/9j/wAARCAAQABA" is a JPEG of 16 x 16 that is all frame */
    assert_true(image_size_of_base64("/9j/wAARCAAQABA=", 16, &size));
    assert_int_equal(size.width, 16);
    assert_true(image_size_of_base64("_9j_wAARCAAQABA", 15, &size));
    assert_int_equal(size.height, 16);
    assert_false(image_size_of_base64("/9j/wAARC AAQABA=", 17, &size));
    assert_false(image_size_of_base64("/9j/wAARCA\xffQABA=", 16, &size));
    assert_false(image_size_of_base64("", 0, &size));
}

static void any_bytes_are_read_without_harm(void **state)
{
    struct random r;
    struct image m;
    struct image_size size;
    (void)state;
    random_seed(&r, 6);
    for (int round = 0; round < 6000; round++) {
        make((enum kind)random_below(&r, KINDS), 100, 100, &r, &m);
        for (uint64_t n = 1 + random_below(&r, 4); n > 0; n--)
            m.bytes[random_below(&r, m.len)] = (unsigned char)random_u64(&r);
        if (read_size(&m, m.len - (size_t)random_below(&r, 3), round & 1, &size))
            assert_true(size.width >= 1 && size.height >= 1 && size.width <= UINT32_MAX &&
                        size.height <= UINT32_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_tells_its_size_and_nothing_when_it_is_cut),
        cmocka_unit_test(a_size_of_nothing_is_none),
        cmocka_unit_test(a_jpeg_without_a_frame_ends),
        cmocka_unit_test(both_alphabets_are_read_and_nothing_else),
        cmocka_unit_test(any_bytes_are_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
