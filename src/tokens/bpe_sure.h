/* Characters whose bytes are sure to become one token before anything else happens to them, so that merging may begin with them whole: most of
 * those of two and three bytes in any text that is not English, and half the work or more. Inside src/tokens only.
 *
 * Let R be the highest rank of the merges that make the character of its bytes. Until the lowest pair has rank R, nothing reaches into the
 * character or takes it in when no token of a rank below R
 *   - ends with its first byte, behind the byte that stands before it     (table ends: the lowest rank of tokens that end with two bytes)
 *   - begins with its last byte, before the byte that stands behind it    (table begins)
 *   - ends with its first two bytes, or begins with its last two, of three, or begins or ends with all of it
 * The last is known at build: the table `sure` has R by code point where it holds, with BPE_NOT_AFTER_ASCII where only tokens with ASCII
 * before it stand against it (" \xE0\xA4"), and 0 where not. So until then all else is merged as if it were not there, and after that
 * there is no difference any more. */
#ifndef LH_TOKENS_BPE_SURE_H
#define LH_TOKENS_BPE_SURE_H

#include "tokens/bpe_rank.h"

static inline bool bpe_is_inner(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* How many bytes from p + i begin as one part: 1, or those of a sure character. */
static inline size_t bpe_sure(const struct encoding *e, const unsigned char *p, size_t i, size_t len)
{
    const uint32_t *sure = bpe_part(e, e->sure_at), *ends = bpe_part(e, e->ends_at),
                   *begins = bpe_part(e, e->begins_at);
    unsigned first = p[i];
    size_t size = first < 0xE0 ? 2 : 3;
    if (first < 0xC2 || first > 0xEF || len - i < size || !bpe_is_inner(p[i + 1]) ||
        !bpe_is_inner(p[i + size - 1]))
        return 1;
    uint32_t code = size == 2 ? (first & 0x1F) << 6 | (p[i + 1] & 0x3FU)
                              : (first & 0x0F) << 12 | (p[i + 1] & 0x3FU) << 6 | (p[i + 2] & 0x3FU);
    uint32_t rank = sure[code] & ~BPE_NOT_AFTER_ASCII;
    if (rank == 0 || (size == 3 && code < 0x800))
        return 1;
    if (i > 0 && (rank >= ends[p[i - 1] | first << 8] || (p[i - 1] < 0x80 && sure[code] != rank)))
        return 1;
    if (i + size < len && rank >= begins[p[i + size - 1] | (uint32_t)p[i + size] << 8])
        return 1;
    return size;
}

#endif
