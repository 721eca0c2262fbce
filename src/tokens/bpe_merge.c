/* Merging a piece, most of which are short: see bpe_merge.h. */
#include "tokens/bpe_merge.h"

#include "tokens/bpe_sure.h"

/* A word: 64 bytes and less. A bit for each byte that begins a part, and at its place the rank of that part with the next, with the place below it: the lowest
 * number tells both, the leftmost of equals. Nothing is moved. */
enum { WORD = 64, PLACE_BITS = 6, NOTHING = 0x7fffffff };

struct word {
    const struct encoding *e;
    const unsigned char *p, *end;
    size_t len;
    uint64_t begins;
    int32_t pairs[WORD];
};

static inline int32_t numbered(uint32_t rank, unsigned place)
{
    return rank == BPE_NONE ? NOTHING : (int32_t)(rank << PLACE_BITS | place);
}

/* The first bit of `begins` behind `i`, else the end. */
static inline unsigned part_behind(const struct word *w, unsigned i)
{
    uint64_t behind = w->begins & (~UINT64_C(1) << i);
    return behind != 0 ? (unsigned)__builtin_ctzll(behind) : (unsigned)w->len;
}

static inline void join_word(struct word *w, unsigned i, unsigned next)
{
    uint32_t rank = BPE_NONE;
    if (next < w->len)
        rank = bpe_rank(w->e, w->p + i, part_behind(w, next) - i, w->end);
    w->pairs[i] = numbered(rank, i);
}

static void start_word(struct word *w)
{
    const uint32_t *pairs = bpe_part(w->e, w->e->pairs_at);
    unsigned len = (unsigned)w->len, last = 0, size = 0;
    w->begins = 0;
    for (unsigned i = 0; i < len; i += size) {
        size = (unsigned)bpe_sure(w->e, w->p, i, len);
        w->begins |= UINT64_C(1) << i;
    }
    for (unsigned i = 0, next; (next = part_behind(w, i)) < len; last = i = next) {
        unsigned end = part_behind(w, next);
        uint32_t rank = end - i == 2 ? pairs[w->p[i] | (uint32_t)w->p[i + 1] << 8]
                                     : bpe_rank(w->e, w->p + i, end - i, w->end);
        w->pairs[i] = numbered(rank, i);
    }
    w->pairs[last] = NOTHING;
}

static inline int32_t lowest_pair(const struct word *w)
{
    int32_t low = NOTHING;
    for (uint64_t left = w->begins; left != 0; left &= left - 1) {
        int32_t pair = w->pairs[__builtin_ctzll(left)];
        low = pair < low ? pair : low;
    }
    return low;
}

static void merge_word(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                       struct bpe_sink *sink, uint64_t *steps)
{
    struct word w;
    int32_t low = 0;
    w.e = e;
    w.p = p;
    w.end = end;
    w.len = len;
    start_word(&w);
    *steps += len;
    while ((low = lowest_pair(&w)) != NOTHING) {
        unsigned at = (unsigned)low % WORD, gone = part_behind(&w, at);
        uint64_t before = w.begins & ~(~UINT64_C(0) << at);
        w.begins &= ~(UINT64_C(1) << gone);
        join_word(&w, at, part_behind(&w, at));
        if (before != 0)
            join_word(&w, 63 - (unsigned)__builtin_clzll(before), at);
        *steps += len / 2;
    }
    for (unsigned i = 0, next; i < len; i = next) {
        next = part_behind(&w, i);
        if (sink->ids != NULL)
            bpe_emit(sink, bpe_rank(e, p + i, next - i, end));
        else
            sink->count++;
    }
}

int bpe_merge(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
              struct bpe_sink *sink, uint64_t *steps)
{
    int64_t before = sink->count;
    if (len == 1) {
        bpe_emit(sink, e->single[p[0]]);
        return 0;
    }
    if (len <= WORD) {
        merge_word(e, p, len, end, sink, steps);
        return 0;
    }
    if (bpe_merge_few(e, p, len, end, sink, steps))
        return 0;
    sink->count = before;
    if (bpe_merge_windows(e, p, len, end, sink, steps))
        return 0;
    sink->count = before;
    return bpe_merge_whole(e, p, len, end, sink, steps);
}
