/* Counting tokens: see bpe.h. */
#include "tokens/bpe.h"

#include <stdlib.h>

#include "base/error.h"
#include "tokens/bpe_merge.h"
#include "tokens/bpe_rank.h"
#include "tokens/bpe_split.h"

struct job {
    const struct encoding *e;
    const unsigned char *end; /* of the text */
    struct bpe_sink sink;
    uint64_t steps;
};

static int add_piece(struct job *j, const unsigned char *p, size_t len, const unsigned char *end)
{
    uint32_t rank = bpe_rank(j->e, p, len, end);
    if (rank != BPE_NONE) {
        bpe_emit(&j->sink, rank);
        return 0;
    }
    return bpe_merge(j->e, p, len, end, &j->sink, &j->steps);
}

/* A piece with bytes that are no UTF-8. */
static int add_broken(struct job *j, const unsigned char *p, size_t len)
{
    unsigned char few[3 * BPE_FEW], *clean = few;
    if (len > BPE_FEW) {
        clean = len <= SIZE_MAX / 3 ? malloc(3 * len) : NULL;
        if (clean == NULL)
            return LH_ENOMEM;
    }
    size_t n = bpe_clean(p, len, clean);
    int rc = add_piece(j, clean, n, clean + n);
    if (clean != few)
        free(clean);
    return rc;
}

/* One copy for each pattern, so that the split is inlined. */
static int add_all(struct job *j, const unsigned char *p, bpe_split_fn *split)
{
    int rc = 0;
    while (p < j->end && rc == 0) {
        bool broken = false;
        const unsigned char *next = split(p, j->end, &broken, &j->steps);
        rc = broken ? add_broken(j, p, (size_t)(next - p)) : add_piece(j, p, (size_t)(next - p), j->end);
        p = next;
    }
    return rc;
}

int64_t encoding_encode_counting(const struct encoding *e, const char *text, size_t len, uint32_t *ids,
                                 size_t capacity, uint64_t *steps)
{
    const unsigned char *p = (const unsigned char *)text;
    if (len == 0)
        return 0;
    struct job j = {.e = e, .end = p + len, .sink = {.ids = ids, .capacity = capacity}};
    int rc = add_all(&j, p, e->pattern == ENCODING_O200K_BASE ? bpe_split_o200k : bpe_split_cl100k);
    *steps += j.steps;
    return rc != 0 ? rc : j.sink.count;
}

int64_t encoding_encode(const struct encoding *e, const char *text, size_t len, uint32_t *ids,
                        size_t capacity)
{
    uint64_t steps = 0;
    return encoding_encode_counting(e, text, len, ids, capacity, &steps);
}

int64_t encoding_count(const struct encoding *e, const char *text, size_t len)
{
    return encoding_encode(e, text, len, NULL, 0);
}

size_t encoding_cut(const char *text, size_t len)
{
    for (size_t i = len; i-- > 1;) {
        unsigned char before = (unsigned char)text[i - 1], after = (unsigned char)text[i];
        bool visible = before > ' ' && before < 0x7f;
        bool word = (before | 0x20) >= 'a' ? (before | 0x20) <= 'z' : before >= '0' && before <= '9';
        if ((after == ' ' && visible) || (after == '\n' && visible && word))
            return i;
    }
    return 0;
}
