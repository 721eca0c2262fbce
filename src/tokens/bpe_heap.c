/* Merging with a heap, for what the windows of bpe_windows.c cannot do: see bpe_merge.h. */
#include "tokens/bpe_merge.h"

#include <stdlib.h>

#include "base/error.h"
#include "tokens/bpe_rank.h"

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

/* Windows as in bpe_windows.c, long enough for any token. */
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
