/* Merging pieces of more than a word, in windows that are looked through: see bpe_merge.h. */
#include "tokens/bpe_merge.h"

#include "tokens/bpe_sure.h"

/* ---- searching ranks, sixteen at once ---- */

enum { LANES = 4, STRIDE = 16 };
typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t))));

static inline lanes lanes_at(const int32_t *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline lanes lesser(lanes a, lanes b)
{
    lanes less = a < b;
    return (a & less) | (b & ~less);
}

/* The lowest of `count` numbers; what follows up to a multiple of STRIDE is looked at too. */
static int32_t lowest(const int32_t *numbers, size_t count)
{
    lanes low = lanes_at(numbers), more = low;
    for (size_t i = 0; i < count; i += STRIDE) {
        const int32_t *r = numbers + i;
        low = lesser(low, lesser(lanes_at(r), lanes_at(r + LANES)));
        more = lesser(more, lesser(lanes_at(r + 2 * LANES), lanes_at(r + 3 * LANES)));
    }
    low = lesser(low, more);
    int32_t least = low[0];
    for (int i = 1; i < LANES; i++)
        least = low[i] < least ? low[i] : least;
    return least;
}

/* ---- a window ---- */

/* Parts side by side: where each begins, and the rank of it together with the next. Behind the last are ranks of none for the search. */
struct parts {
    int32_t rank[BPE_FEW + STRIDE];
    uint16_t start[BPE_FEW + 1];
    size_t count;
};

static void start_parts(const struct encoding *e, const unsigned char *p, size_t len,
                        const unsigned char *end, struct parts *parts)
{
    const uint32_t *pairs = bpe_part(e, e->pairs_at);
    size_t n = 0;
    for (size_t i = 0; i < len; i += bpe_sure(e, p, i, len))
        parts->start[n++] = (uint16_t)i;
    parts->start[n] = (uint16_t)len;
    parts->count = n;
    for (size_t i = 0; i + 1 < n; i++) {
        const unsigned char *at = p + parts->start[i];
        size_t size = (size_t)(parts->start[i + 2] - parts->start[i]);
        parts->rank[i] =
            (int32_t)(size == 2 ? pairs[at[0] | (uint32_t)at[1] << 8] : bpe_rank(e, at, size, end));
    }
    for (size_t i = n - 1; i < n + STRIDE - 1; i++)
        parts->rank[i] = BPE_NONE;
}

static inline bool is_any(lanes v)
{
    uint64_t halves[2];
    memcpy(halves, &v, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

/* The first place from `i` with this rank, which is not none; parts->count or more when there is none. */
static size_t find_rank(const struct parts *parts, size_t i, int32_t rank)
{
    lanes wanted = {rank, rank, rank, rank};
    while (i < parts->count &&
           !is_any((lanes_at(parts->rank + i) == wanted) | (lanes_at(parts->rank + i + LANES) == wanted)))
        i += 2 * LANES;
    while (i < parts->count && parts->rank[i] != rank)
        i++;
    return i;
}

/* The rank of part `i` with the one behind it. */
static int32_t pair_rank(const struct encoding *e, const unsigned char *p, const unsigned char *end,
                         const struct parts *parts, size_t i)
{
    if (i + 1 >= parts->count)
        return BPE_NONE;
    return (int32_t)bpe_rank(e, p + parts->start[i], (size_t)(parts->start[i + 2] - parts->start[i]), end);
}

/* Merges every pair of the lowest rank from the left, unless one makes a pair that is lower still. That a merge makes the same
 * rank again cannot be: what it makes is longer. */
static void merge_lowest(const struct encoding *e, const unsigned char *p, const unsigned char *end,
                         struct parts *parts, int32_t rank, uint64_t *steps)
{
    bool lower = false;
    size_t at = find_rank(parts, 0, rank);
    while (!lower && at < parts->count) {
        size_t behind = parts->count - at - 1;
        memmove(parts->rank + at, parts->rank + at + 1, (behind + STRIDE - 1) * sizeof *parts->rank);
        memmove(parts->start + at + 1, parts->start + at + 2, behind * sizeof *parts->start);
        parts->count--;
        *steps += behind / 8 + 1; /* a memmove's */
        parts->rank[at] = pair_rank(e, p, end, parts, at);
        lower = parts->rank[at] < rank;
        if (at > 0) {
            parts->rank[at - 1] = pair_rank(e, p, end, parts, at - 1);
            lower |= parts->rank[at - 1] < rank;
        }
        at = find_rank(parts, at + 1, rank);
    }
    *steps += parts->count / 4;
}

static void merge_parts(const struct encoding *e, const unsigned char *p, size_t len,
                        const unsigned char *end, struct parts *parts, uint64_t *steps)
{
    int32_t rank = 0;
    start_parts(e, p, len, end, parts);
    while ((rank = lowest(parts->rank, parts->count)) != BPE_NONE)
        merge_lowest(e, p, end, parts, rank, steps);
    *steps += len;
}

static void emit_few(const struct encoding *e, const unsigned char *p, const unsigned char *end,
                     const struct parts *parts, size_t count, struct bpe_sink *sink)
{
    if (sink->ids == NULL) {
        sink->count += (int64_t)count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        bpe_emit(sink,
                 bpe_rank(e, p + parts->start[i], (size_t)(parts->start[i + 1] - parts->start[i]), end));
}

/* Windows: no memory is taken, and each is merged in the cache. A list of tokens is what merging the whole would give exactly when each
 * two neighbours, merged alone, stay these two: the first merge across a border of the list would have come first in the merging of
 * the two around it as well, as nothing else reaches them until then. In one window all neighbours are such. A window gives up its last
 * tokens, and the next begins at the first of them; when it finds that one again, its neighbour before is such too. */
bool bpe_merge_few(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                   struct bpe_sink *sink, uint64_t *steps)
{
    struct parts parts;
    size_t first = 0; /* how long the first token must be; 0: any */
    for (;;) {
        size_t window = len < BPE_FEW ? len : BPE_FEW, kept = 0;
        merge_parts(e, p, window, end, &parts, steps);
        if (first != 0 && parts.start[1] != first)
            return false;
        if (window == len)
            break;
        while (parts.start[kept + 1] <= BPE_FEW - BPE_SPARE)
            kept++;
        if (kept == 0)
            return false;
        emit_few(e, p, end, &parts, kept, sink);
        first = (size_t)(parts.start[kept + 1] - parts.start[kept]);
        p += parts.start[kept];
        len -= parts.start[kept];
    }
    emit_few(e, p, end, &parts, parts.count, sink);
    return true;
}
