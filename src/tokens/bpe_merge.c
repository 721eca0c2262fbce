/* Byte-pair merging: see bpe_merge.h. */
#include "tokens/bpe_merge.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "tokens/bpe_rank.h"

/* ---- few bytes ---- */

/* Parts side by side: where each begins, and the rank of it together with the next. Behind the last are ranks of none for the search,
 * which takes sixteen at once. */
enum { LANES = 4, STRIDE = 16 };
typedef int32_t lanes __attribute__((vector_size(LANES * sizeof(int32_t))));

struct parts {
    int32_t rank[BPE_FEW + STRIDE];
    uint16_t start[BPE_FEW + 1];
    size_t count;
};

static void start_parts(const struct encoding *e, const unsigned char *p, size_t len, struct parts *parts)
{
    const uint32_t *pairs = bpe_part(e, e->pairs_at);
    for (size_t i = 0; i + 1 < len; i++) {
        parts->start[i] = (uint16_t)i;
        parts->rank[i] = (int32_t)pairs[p[i] | (uint32_t)p[i + 1] << 8];
    }
    parts->start[len - 1] = (uint16_t)(len - 1);
    parts->start[len] = (uint16_t)len;
    for (size_t i = len - 1; i < len + STRIDE - 1; i++)
        parts->rank[i] = BPE_NONE;
    parts->count = len;
}

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

static int32_t lowest_rank(const struct parts *parts)
{
    lanes low = lanes_at(parts->rank), more = low;
    for (size_t i = 0; i < parts->count; i += STRIDE) {
        const int32_t *r = parts->rank + i;
        low = lesser(low, lesser(lanes_at(r), lanes_at(r + LANES)));
        more = lesser(more, lesser(lanes_at(r + 2 * LANES), lanes_at(r + 3 * LANES)));
    }
    low = lesser(low, more);
    int32_t lowest = low[0];
    for (int i = 1; i < LANES; i++)
        lowest = low[i] < lowest ? low[i] : lowest;
    return lowest;
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
                         struct parts *parts, int32_t lowest, uint64_t *steps)
{
    bool lower = false;
    size_t at = find_rank(parts, 0, lowest);
    while (!lower && at < parts->count) {
        size_t behind = parts->count - at - 1;
        memmove(parts->rank + at, parts->rank + at + 1, (behind + STRIDE - 1) * sizeof *parts->rank);
        memmove(parts->start + at + 1, parts->start + at + 2, behind * sizeof *parts->start);
        parts->count--;
        *steps += behind / 8 + 1; /* a memmove's */
        parts->rank[at] = pair_rank(e, p, end, parts, at);
        lower = parts->rank[at] < lowest;
        if (at > 0) {
            parts->rank[at - 1] = pair_rank(e, p, end, parts, at - 1);
            lower |= parts->rank[at - 1] < lowest;
        }
        at = find_rank(parts, at + 1, lowest);
    }
    *steps += parts->count / 4;
}

static void merge_parts(const struct encoding *e, const unsigned char *p, size_t len,
                        const unsigned char *end, struct parts *parts, uint64_t *steps)
{
    int32_t lowest = 0;
    start_parts(e, p, len, parts);
    while ((lowest = lowest_rank(parts)) != BPE_NONE)
        merge_lowest(e, p, end, parts, lowest, steps);
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

/* ---- many bytes ---- */

/* A bit for each byte that begins a part, the rank of that part with the next, and a heap of rank << 32 | place. An entry whose rank is
 * not that of its place any more is stale: a rank is one byte string, so an equal one is the same pair. Each merge takes one entry off
 * and puts two on at most, so there are never more than two for each byte. */
struct many {
    const struct encoding *e;
    const unsigned char *p, *end;
    size_t len;
    uint64_t *heap, *begins;
    uint32_t *rank;
    size_t count; /* of the heap */
    bool hole;    /* the heap's first entry is done with, and the next one may take its place */
    uint64_t steps;
};

static void sift_down(struct many *m, size_t at)
{
    uint64_t moved = m->heap[at];
    for (size_t child; (child = 2 * at + 1) < m->count; at = child) {
        if (child + 1 < m->count && m->heap[child + 1] < m->heap[child])
            child++;
        if (m->heap[child] >= moved)
            break;
        m->heap[at] = m->heap[child];
        m->steps++;
    }
    m->heap[at] = moved;
}

static void push(struct many *m, uint64_t entry)
{
    size_t at = m->count;
    if (m->hole) {
        m->hole = false;
        m->heap[0] = entry;
        sift_down(m, 0);
        return;
    }
    m->count++;
    for (; at > 0 && m->heap[(at - 1) / 2] > entry; at = (at - 1) / 2) {
        m->heap[at] = m->heap[(at - 1) / 2];
        m->steps++;
    }
    m->heap[at] = entry;
}

static void close_hole(struct many *m)
{
    if (!m->hole)
        return;
    m->hole = false;
    m->heap[0] = m->heap[--m->count];
    if (m->count > 0)
        sift_down(m, 0);
}

/* The next byte behind `i` that begins a part; `len` has its bit too. */
static size_t next_part(const struct many *m, size_t i)
{
    size_t word = ++i / 64;
    uint64_t bits = m->begins[word] & (~UINT64_C(0) << i % 64);
    while (bits == 0)
        bits = m->begins[++word];
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

/* The last up to `i`. */
static size_t part_at(const struct many *m, size_t i)
{
    size_t word = i / 64;
    uint64_t bits = m->begins[word] & (~UINT64_C(0) >> (63 - i % 64));
    while (bits == 0)
        bits = m->begins[--word];
    return word * 64 + 63 - (size_t)__builtin_clzll(bits);
}

/* What the part at `i` comes to with the next, which begins at `next`. */
static void join(struct many *m, size_t i, size_t next)
{
    uint32_t rank = BPE_NONE;
    if (next < m->len)
        rank = bpe_rank(m->e, m->p + i, next_part(m, next) - i, m->end);
    m->rank[i] = rank;
    if (rank != BPE_NONE)
        push(m, (uint64_t)rank << 32 | i);
}

static void start_many(struct many *m)
{
    const uint32_t *pairs = bpe_part(m->e, m->e->pairs_at);
    memset(m->begins, 0xff, (m->len / 64 + 1) * sizeof *m->begins);
    m->count = 0;
    for (size_t i = 0; i + 1 < m->len; i++) {
        m->rank[i] = pairs[m->p[i] | (uint32_t)m->p[i + 1] << 8];
        if (m->rank[i] != BPE_NONE)
            m->heap[m->count++] = (uint64_t)m->rank[i] << 32 | i;
    }
    m->rank[m->len - 1] = BPE_NONE;
    for (size_t i = m->count / 2; i-- > 0;)
        sift_down(m, i);
}

static void take_lowest(struct many *m)
{
    size_t at = m->heap[0] & UINT32_MAX;
    m->hole = true;
    if (m->rank[at] == m->heap[0] >> 32) {
        size_t gone = next_part(m, at);
        m->begins[gone / 64] &= ~(UINT64_C(1) << gone % 64);
        m->rank[gone] = BPE_NONE;
        join(m, at, next_part(m, at));
        if (at > 0)
            join(m, part_at(m, at - 1), at);
    }
    close_hole(m);
    m->steps++;
}

static void merge_all(struct many *m)
{
    start_many(m);
    while (m->count > 0)
        take_lowest(m);
    m->steps += m->len;
}

/* The tokens before `until`, which begins a part. */
static void emit_parts(const struct many *m, size_t until, struct bpe_sink *sink)
{
    for (size_t i = 0, next; i < until; i = next) {
        next = next_part(m, i);
        if (sink->ids != NULL)
            bpe_emit(sink, bpe_rank(m->e, m->p + i, next - i, m->end));
        else
            sink->count++;
    }
}

int bpe_merge_whole(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                    struct bpe_sink *sink, uint64_t *steps)
{
    struct many m = {.e = e, .p = p, .end = end, .len = len};
    size_t words = len / 64 + 1, size = 2 * len * sizeof *m.heap + words * 8 + len * sizeof *m.rank;
    void *memory = len < UINT32_MAX ? malloc(size) : NULL;
    if (memory == NULL)
        return LH_ENOMEM;
    m.heap = memory;
    m.begins = m.heap + 2 * len;
    m.rank = (uint32_t *)(void *)(m.begins + words);
    merge_all(&m);
    emit_parts(&m, len, sink);
    *steps += m.steps;
    free(memory);
    return 0;
}

/* Windows as above, long enough for any token. */
enum { WINDOW = 2048 };

struct window {
    uint64_t heap[2 * WINDOW], begins[WINDOW / 64 + 1];
    uint32_t rank[WINDOW];
};

bool bpe_merge_windows(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
                       struct bpe_sink *sink, uint64_t *steps)
{
    struct window w;
    struct many m = {.e = e, .p = p, .end = end, .heap = w.heap, .begins = w.begins, .rank = w.rank};
    size_t first = 0; /* how long the first token must be; 0: any */
    for (;;) {
        m.len = len < WINDOW ? len : WINDOW;
        merge_all(&m);
        if (first != 0 && next_part(&m, 0) != first)
            break;
        if (m.len == len) {
            emit_parts(&m, len, sink);
            break;
        }
        size_t kept = part_at(&m, WINDOW - 2 * e->longest);
        emit_parts(&m, kept, sink);
        first = next_part(&m, kept) - kept;
        m.p += kept;
        len -= kept;
    }
    *steps += m.steps;
    return m.len == len && (first == 0 || next_part(&m, 0) == first);
}

int bpe_merge(const struct encoding *e, const unsigned char *p, size_t len, const unsigned char *end,
              struct bpe_sink *sink, uint64_t *steps)
{
    int64_t before = sink->count;
    if (len == 1) {
        bpe_emit(sink, e->single[p[0]]);
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
