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

/* len > BPE_SHORT. Not inline: it is rare. */
uint32_t bpe_rank_long(const struct encoding *e, const unsigned char *p, size_t len);

/* len > 0; BPE_NONE when it is no token. */
static inline __attribute__((always_inline)) uint32_t
bpe_rank(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end)
{
    if (len <= BPE_SHORT)
        return bpe_rank_short(e, bpe_key(p, len, end), (uint32_t)len);
    return bpe_rank_long(e, p, len);
}

#endif
