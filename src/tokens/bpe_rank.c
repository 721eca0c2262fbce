/* The rank of a long byte string: see bpe_rank.h. */
#include "tokens/bpe_rank.h"

uint32_t bpe_rank_long(const struct encoding *e, const unsigned char *p, size_t len)
{
    const struct bpe_long_slot *slots = bpe_part(e, e->long_at);
    const uint32_t *offsets = bpe_part(e, e->offsets_at);
    const unsigned char *bytes = bpe_part(e, e->bytes_at);
    uint32_t mask = (UINT32_C(1) << e->long_bits) - 1;
    if (len > e->longest)
        return BPE_NONE;
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
