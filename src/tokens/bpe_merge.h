/* Merging the bytes of a piece to tokens as tiktoken does: the pair of neighbours that is the token of lowest rank first, the leftmost of
 * equals, until no pair is a token. Long pieces go window by window, so that none is quadratic and no memory is taken. Any thread. */
#ifndef LH_TOKENS_BPE_MERGE_H
#define LH_TOKENS_BPE_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokens/bpe_table.h"

/* One window: merged as a whole. The next begins in the last BPE_SPARE bytes of it; both measured. */
enum { BPE_FEW = 256, BPE_SPARE = 64 };

/* Where tokens go: their number, and themselves as far as there is room. */
struct bpe_sink {
    uint32_t *ids; /* borrowed; NULL: they are only counted */
    size_t capacity;
    int64_t count;
};

static inline void bpe_emit(struct bpe_sink *s, uint32_t rank)
{
    if (s->ids != NULL && (size_t)s->count < s->capacity)
        s->ids[s->count] = rank;
    s->count++;
}

/* Any length > 0. `end`: bytes behind the piece may be read up to there. *steps grows by what was looked at. 0 or LH_ENOMEM. */
int bpe_merge(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
              struct bpe_sink *sink, uint64_t *steps);

/* The three ways, for tests that hold them against each other; each takes 2 bytes or more. The first two go by windows, small ones that
 * are looked through and large ones with a heap, and return false when a window did not fit the one before; then what was put into the sink is
 * of no use. */
bool bpe_merge_few(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                   struct bpe_sink *sink, uint64_t *steps);
bool bpe_merge_windows(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                       struct bpe_sink *sink, uint64_t *steps);
/* As one, with 20 bytes of memory for each. LH_ENOMEM, also from 4 GiB on. */
int bpe_merge_whole(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                    struct bpe_sink *sink, uint64_t *steps);

#endif
