/* The rank of a byte string in a vocabulary. Inside src/tokens only; inline, as it is nearly all that counting does. */
#ifndef LH_TOKENS_BPE_RANK_H
#define LH_TOKENS_BPE_RANK_H

#include <stddef.h>

#include "tokens/bpe_table.h"

static inline const void *bpe_part(const struct encoding *e, uint32_t at)
{
    return (const char *)e + at;
}

/* The bytes as a number, zeros behind. `end`: memory may be read up to there. */
static inline uint64_t bpe_key(const unsigned char *p, size_t len, const unsigned char *end)
{
    if (end - p >= BPE_SHORT)
        return bpe_load(p) & (~UINT64_C(0) >> (64 - 8 * len));
    unsigned char whole[BPE_SHORT] = {0};
    memcpy(whole, p, len);
    return bpe_load(whole);
}

static inline uint32_t bpe_rank_short(const struct encoding *e, uint64_t key, uint32_t len)
{
    const struct bpe_short_slot *slots = bpe_part(e, e->short_at);
    uint32_t mask = (UINT32_C(1) << e->short_bits) - 1;
    uint32_t at = (uint32_t)(bpe_hash_short(key, len) >> (64 - e->short_bits));
    for (;; at = (at + 1) & mask) {
        const struct bpe_short_slot *s = &slots[at];
        if (s->low == (uint32_t)key && s->high == (uint32_t)(key >> 32) && (s->rank_len & 255) == len)
            return s->rank_len >> 8;
        if (s->rank_len == 0)
            return BPE_NONE;
    }
}

static inline uint32_t bpe_rank_long(const struct encoding *e, const unsigned char *p, size_t len)
{
    const struct bpe_long_slot *slots = bpe_part(e, e->long_at);
    const uint32_t *offsets = bpe_part(e, e->offsets_at);
    const unsigned char *bytes = bpe_part(e, e->bytes_at);
    uint32_t mask = (UINT32_C(1) << e->long_bits) - 1;
    uint64_t hash = bpe_hash_long(p, len);
    for (uint32_t at = (uint32_t)(hash >> (64 - e->long_bits));; at = (at + 1) & mask) {
        uint32_t rank = slots[at].rank;
        if (rank == BPE_NONE)
            return BPE_NONE;
        if (slots[at].tag == (uint32_t)hash && offsets[rank + 1] - offsets[rank] == len &&
            memcmp(bytes + offsets[rank], p, len) == 0)
            return rank;
    }
}

/* len > 0; BPE_NONE when it is no token. */
static inline uint32_t bpe_rank(const struct encoding *e, const unsigned char *p, size_t len,
                                const unsigned char *end)
{
    if (len <= BPE_SHORT)
        return bpe_rank_short(e, bpe_key(p, len, end), (uint32_t)len);
    return len <= e->longest ? bpe_rank_long(e, p, len) : BPE_NONE;
}

#endif
