/* Turns a vocabulary in tiktoken's format (base64 of the bytes, a space, the rank; one a line, ranks from 0 without gaps) into the block
 * that src/tokens/bpe_table.h describes.
 *   embed_bpe VOCABULARY PATTERN OUT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tokens/bpe_table.h"

enum { MOST_TOKENS = 1 << 18, LONGEST = 255 };

struct vocabulary {
    unsigned char *bytes;
    uint32_t offsets[MOST_TOKENS + 1];
    uint32_t count, longest;
};

static void die(const char *what, const char *which)
{
    fprintf(stderr, "embed_bpe: %s: %s\n", what, which);
    exit(1);
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL)
        die("out of memory", "");
    return p;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Decodes up to the first space; how many bytes, 0 when it is no base64. */
static uint32_t decode(const char *text, unsigned char *out)
{
    uint32_t len = 0, bits = 0, held = 0;
    for (; *text != ' ' && *text != '='; text++) {
        int digit = digit_of(*text);
        if (digit < 0)
            return 0;
        held = held << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[len++] = (unsigned char)(held >> bits);
        }
    }
    return len;
}

static void read_vocabulary(const char *path, struct vocabulary *v)
{
    char line[LONGEST * 2];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        die(strerror(errno), path);
    v->bytes = zeroed(MOST_TOKENS, 16);
    while (fgets(line, sizeof line, f) != NULL) {
        const char *space = strchr(line, ' ');
        if (space == NULL || v->count >= MOST_TOKENS || v->offsets[v->count] + LONGEST > MOST_TOKENS * 16)
            die("is no vocabulary", path);
        uint32_t len = decode(line, v->bytes + v->offsets[v->count]);
        if (len == 0 || len > LONGEST || strtoul(space, NULL, 10) != v->count)
            die("ranks must count from 0, tokens be base64 of 1 to 255 bytes", line);
        v->offsets[v->count + 1] = v->offsets[v->count] + len;
        v->count++;
        v->longest = len > v->longest ? len : v->longest;
    }
    fclose(f);
}

/* Bits of a table at most five eighths full. */
static uint32_t bits_for(uint32_t count)
{
    uint32_t bits = 1;
    while ((UINT32_C(5) << bits) < 8 * count)
        bits++;
    return bits;
}

static void put_short(const struct encoding *e, struct bpe_short_slot *slots, const unsigned char *p,
                      uint32_t len, uint32_t rank)
{
    unsigned char whole[BPE_SHORT] = {0};
    memcpy(whole, p, len);
    uint64_t key = bpe_load(whole);
    uint32_t at = (uint32_t)(bpe_hash_short(key, len) >> (64 - e->short_bits));
    while (slots[at].rank_len != 0)
        at = (at + 1) & ((UINT32_C(1) << e->short_bits) - 1);
    slots[at] = (struct bpe_short_slot){(uint32_t)key, (uint32_t)(key >> 32), rank << 8 | len};
}

static void put_long(const struct encoding *e, struct bpe_long_slot *slots, const unsigned char *p,
                     uint32_t len, uint32_t rank)
{
    uint64_t hash = bpe_hash_long(p, len);
    uint32_t at = (uint32_t)(hash >> (64 - e->long_bits));
    while (slots[at].rank != BPE_NONE)
        at = (at + 1) & ((UINT32_C(1) << e->long_bits) - 1);
    slots[at] = (struct bpe_long_slot){(uint32_t)hash, rank};
}

/* Where a part of `size` bytes begins; the next begins behind it, at a line of cache. */
static uint32_t place(struct encoding *e, size_t size)
{
    uint32_t at = e->size;
    e->size = (uint32_t)((at + size + 63) / 64 * 64);
    return at;
}

static void lay_out(struct encoding *e, const struct vocabulary *v)
{
    uint32_t few = 0;
    for (uint32_t i = 0; i < v->count; i++)
        few += v->offsets[i + 1] - v->offsets[i] <= BPE_SHORT ? 1 : 0;
    e->short_bits = bits_for(few);
    e->long_bits = bits_for(v->count - few);
    place(e, sizeof *e);
    e->short_at = place(e, sizeof(struct bpe_short_slot) << e->short_bits);
    e->long_at = place(e, sizeof(struct bpe_long_slot) << e->long_bits);
    e->pairs_at = place(e, 65536 * sizeof(uint32_t));
    e->offsets_at = place(e, (v->count + 1) * sizeof(uint32_t));
    e->sure_at = place(e, 65536 * sizeof(uint32_t));
    e->ends_at = place(e, 65536 * sizeof(uint32_t));
    e->begins_at = place(e, 65536 * sizeof(uint32_t));
    e->bytes_at = place(e, v->offsets[v->count]);
}

static void fill(unsigned char *block, struct encoding *e, const struct vocabulary *v)
{
    struct bpe_short_slot *shorts = (struct bpe_short_slot *)(void *)(block + e->short_at);
    struct bpe_long_slot *longs = (struct bpe_long_slot *)(void *)(block + e->long_at);
    uint32_t *pairs = (uint32_t *)(void *)(block + e->pairs_at);
    for (size_t i = 0; i < UINT32_C(1) << e->long_bits; i++)
        longs[i].rank = BPE_NONE;
    for (size_t i = 0; i < 65536; i++)
        pairs[i] = BPE_NONE;
    for (size_t i = 0; i < 256; i++)
        e->single[i] = BPE_NONE;
    for (uint32_t rank = 0; rank < v->count; rank++) {
        const unsigned char *p = v->bytes + v->offsets[rank];
        uint32_t len = v->offsets[rank + 1] - v->offsets[rank];
        if (len == 1)
            e->single[p[0]] = rank;
        if (len == 2)
            pairs[p[0] | p[1] << 8] = rank;
        if (len <= BPE_SHORT)
            put_short(e, shorts, p, len, rank);
        else
            put_long(e, longs, p, len, rank);
    }
    for (size_t i = 0; i < 256; i++)
        if (e->single[i] == BPE_NONE)
            die("a byte is no token", "every text must have tokens");
    memcpy(block + e->offsets_at, v->offsets, (v->count + 1) * sizeof(uint32_t));
    memcpy(block + e->bytes_at, v->bytes, v->offsets[v->count]);
    memcpy(block, e, sizeof *e);
}

/* ---- sure characters: see bpe_sure.h ---- */

/* The lowest ranks of tokens by what they begin and end with; of two bytes only tokens of three and more. */
struct edges {
    uint32_t begins2[65536], ends2[65536],
        ends2_ascii[65536]; /* ends2: a byte above ASCII before; _ascii: ASCII */
    uint32_t begins3[65536], ends3[65536], ends3_ascii[65536]; /* by code point of three bytes */
};

static void lower(uint32_t *at, uint32_t rank)
{
    *at = rank < *at ? rank : *at;
}

static uint32_t two(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

/* The code point of three bytes, 0 when they are none. */
static uint32_t three(const unsigned char *p)
{
    uint32_t code = (p[0] & 0x0FU) << 12 | (p[1] & 0x3FU) << 6 | (p[2] & 0x3FU);
    return (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 && code >= 0x800 ? code
                                                                                                    : 0;
}

static void see_edges(const struct vocabulary *v, struct edges *x, uint32_t *ends, uint32_t *begins)
{
    memset(x, 0x7f, sizeof *x); /* above any rank */
    memset(ends, 0x7f, 65536 * sizeof *ends);
    memset(begins, 0x7f, 65536 * sizeof *begins);
    for (uint32_t rank = 0; rank < v->count; rank++) {
        const unsigned char *p = v->bytes + v->offsets[rank], *end = v->bytes + v->offsets[rank + 1];
        if (end - p >= 2) {
            lower(&begins[two(p)], rank);
            lower(&ends[two(end - 2)], rank);
        }
        if (end - p >= 3) {
            lower(&x->begins2[two(p)], rank);
            lower(end[-3] < 0x80 ? &x->ends2_ascii[two(end - 2)] : &x->ends2[two(end - 2)], rank);
        }
        if (end - p >= 4) {
            lower(&x->begins3[three(p)], rank);
            lower(end[-4] < 0x80 ? &x->ends3_ascii[three(end - 3)] : &x->ends3[three(end - 3)], rank);
        }
    }
}

/* R of a character of two bytes, or what becomes of it: 0 or BPE_NOT_AFTER_ASCII. */
static uint32_t sure_two(const struct edges *x, uint32_t rank, const unsigned char *p)
{
    if (rank == BPE_NONE || x->begins2[two(p)] < rank || x->ends2[two(p)] < rank)
        return 0;
    return rank | (x->ends2_ascii[two(p)] < rank ? BPE_NOT_AFTER_ASCII : 0);
}

static uint32_t sure_three(const struct edges *x, const uint32_t *pairs, uint32_t rank,
                           const unsigned char *p)
{
    uint32_t first = pairs[two(p)] < pairs[two(p + 1)] ? pairs[two(p)] : pairs[two(p + 1)], code = three(p);
    if (rank == BPE_NONE || first == BPE_NONE)
        return 0;
    rank = first > rank ? first : rank;
    if (x->ends2[two(p)] < rank || x->begins2[two(p + 1)] < rank || x->begins3[code] < rank ||
        x->ends3[code] < rank)
        return 0;
    bool ascii = x->ends2_ascii[two(p)] < rank || x->ends3_ascii[code] < rank;
    return rank | (ascii ? BPE_NOT_AFTER_ASCII : 0);
}

static void fill_sure(unsigned char *block, const struct encoding *e, const struct vocabulary *v)
{
    struct edges *x = zeroed(1, sizeof *x);
    const uint32_t *pairs = (const uint32_t *)(void *)(block + e->pairs_at);
    uint32_t *sure = (uint32_t *)(void *)(block + e->sure_at);
    see_edges(v, x, (uint32_t *)(void *)(block + e->ends_at), (uint32_t *)(void *)(block + e->begins_at));
    for (uint32_t rank = 0; rank < v->count; rank++) {
        const unsigned char *p = v->bytes + v->offsets[rank];
        uint32_t len = v->offsets[rank + 1] - v->offsets[rank];
        if (len == 2 && p[0] >= 0xC2 && p[0] < 0xE0 && (p[1] & 0xC0) == 0x80)
            sure[(p[0] & 0x1FU) << 6 | (p[1] & 0x3FU)] = sure_two(x, rank, p);
        if (len == 3 && three(p) != 0)
            sure[three(p)] = sure_three(x, pairs, rank, p);
    }
    free(x);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("usage", "embed_bpe VOCABULARY PATTERN OUT");
    struct vocabulary *v = zeroed(1, sizeof *v);
    read_vocabulary(argv[1], v);
    struct encoding e = {.format = BPE_FORMAT,
                         .tokens = v->count,
                         .longest = v->longest,
                         .pattern = (uint32_t)strtoul(argv[2], NULL, 10)};
    lay_out(&e, v);
    unsigned char *block = zeroed(1, e.size);
    fill(block, &e, v);
    fill_sure(block, &e, v);
    FILE *out = fopen(argv[3], "wb");
    if (out == NULL || fwrite(block, 1, e.size, out) != e.size || fclose(out) != 0)
        die(strerror(errno), argv[3]);
    free(block);
    free(v->bytes);
    free(v);
    return 0;
}
