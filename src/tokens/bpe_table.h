/* A vocabulary as it lies in the program: made by cmake/embed_bpe.c at build, read by bpe.c, both with the hashes below. One block without
 * pointers, so it is constant, shared between processes and costs nothing to load. Tokens of up to eight bytes, three
 * quarters of all and nearly all that are met, stand whole in their slot: one line of cache answers. Longer ones are compared in `bytes`. */
#ifndef LH_TOKENS_BPE_TABLE_H
#define LH_TOKENS_BPE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BPE_NONE = 0x7fffffff, BPE_SHORT = 8, BPE_FORMAT = 3 };
#define BPE_NOT_AFTER_ASCII UINT32_C(0x80000000)

struct encoding {
    uint32_t format, tokens, longest;
    uint32_t pattern; /* enum encoding_id: how text is split before merging */
    uint32_t short_bits,
        long_bits; /* the tables have 1 << bits slots, open addressing, at most five eighths of them full */
    uint32_t short_at, long_at; /* where each part begins, from the start of this */
    uint32_t pairs_at,
        offsets_at;    /* uint32_t[65536]: the rank of two bytes; uint32_t[tokens + 1]: into bytes */
    uint32_t bytes_at; /* all tokens' bytes, by rank */
    uint32_t sure_at, ends_at, begins_at; /* uint32_t[65536] each: see bpe_sure.h */
    uint32_t size;                        /* of everything */
    uint32_t single[256];                 /* the rank of each byte */
};

struct bpe_short_slot {
    uint32_t low, high; /* the token's bytes, little-endian, zeros behind */
    uint32_t rank_len;  /* rank << 8 | len; 0: empty */
};

struct bpe_long_slot {
    uint32_t tag;  /* the hash's lower half */
    uint32_t rank; /* BPE_NONE: empty */
};

static inline uint64_t bpe_load(const unsigned char *p)
{
    uint64_t v = 0;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Fibonacci hashing: the upper bits are the good ones. */
static inline uint64_t bpe_hash_short(uint64_t key, uint32_t len)
{
    return (key + len) * UINT64_C(0x9E3779B97F4A7C15);
}

/* len > BPE_SHORT. */
static inline uint64_t bpe_hash_long(const unsigned char *p, size_t len)
{
    uint64_t h = len;
    for (size_t i = 0; i + 8 < len; i += 8)
        h = (h ^ (h >> 29) ^ bpe_load(p + i)) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ (h >> 29) ^ bpe_load(p + len - 8)) * UINT64_C(0xD6E8FEB86659FD93);
    return h ^ (h >> 32);
}

#endif
