/* The pre-split: see bpe_split.h. The patterns, with the names of the classes that stand for them here:
 *   o200k   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
 *          |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
 *          |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 *   cl100k  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * Alternatives are tried in order, each greedy, and give back what they took, as a backtracking engine does; what that comes to is
 * worked out at each place below. */
#include "tokens/bpe_split.h"

#include <string.h>

enum class { OTHER, UPPER, LOWER, OTHER_LETTER, MARK, NUMBER, SPACE, NEWLINE };
#define BIT(c) (1U << (c))
enum {
    LETTERS = BIT(UPPER) | BIT(LOWER) | BIT(OTHER_LETTER),
    HEADS = BIT(UPPER) | BIT(OTHER_LETTER) | BIT(MARK), /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
    TAILS = BIT(LOWER) | BIT(OTHER_LETTER) | BIT(MARK), /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
    SIGNS = BIT(OTHER) | BIT(MARK),                     /* [^\s\p{L}\p{N}] */
    SPACES = BIT(SPACE) | BIT(NEWLINE),                 /* \s */
};

struct text {
    const unsigned char *end;
    bool *broken;
    uint64_t steps;
};

struct glyph {
    unsigned class, len;
};

static struct glyph broken(bool *flag, unsigned len)
{
    *flag = true;
    return (struct glyph){OTHER, len}; /* U+FFFD is a symbol */
}

/* RFC 3629's table: what may follow the first byte. */
static struct glyph wide_glyph(const unsigned char *p, const unsigned char *end, bool *flag)
{
    unsigned first = p[0], more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    unsigned least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    uint32_t code = first & (0x3FU >> more);
    if (first < 0xC2 || first > 0xF4)
        return broken(flag, 1);
    for (unsigned i = 1; i <= more; i++) {
        if (p + i >= end || p[i] < least || p[i] > most)
            return broken(flag, i);
        code = code << 6 | (p[i] & 0x3FU);
        least = 0x80;
        most = 0xBF;
    }
    uint32_t block = bpe_class_index[code >> 7];
    return (struct glyph){bpe_class_blocks[block << 7 | (code & 127)], more + 1};
}

static inline struct glyph glyph_at(const unsigned char *p, const struct text *t)
{
    return *p < 0x80 ? (struct glyph){bpe_class_blocks[*p], 1} : wide_glyph(p, t->end, t->broken);
}

static inline bool is_in(unsigned class, unsigned mask)
{
    return (mask >> class & 1) != 0;
}

/* The end of the longest run of `mask` from p. */
static inline const unsigned char *run(const unsigned char *p, unsigned mask, struct text *t)
{
    const unsigned char *begin = p;
    while (p < t->end) {
        struct glyph g = glyph_at(p, t);
        if (!is_in(g.class, mask))
            break;
        p += g.len;
    }
    t->steps += (uint64_t)(p - begin);
    return p;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)? from p. U+017F, the long s, is an s to the reference. */
static inline const unsigned char *contraction(const unsigned char *p, const struct text *t)
{
    if (t->end - p < 2 || p[0] != '\'')
        return p;
    unsigned a = p[1] | 0x20U, b = t->end - p > 2 ? p[2] : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return p + 2;
    if (p[1] == 0xC5 && b == 0xBF)
        return p + 3;
    b |= 0x20;
    return ((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l') ? p + 3 : p;
}

/* \p{N}{1,3} from p, where a number stands. */
static const unsigned char *digits(const unsigned char *p, struct text *t)
{
    for (int i = 0; i < 3 && p < t->end; i++) {
        struct glyph g = glyph_at(p, t);
        if (g.class != NUMBER)
            break;
        p += g.len;
        t->steps++;
    }
    return p;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+ from p, where a space stands: up to the run's last newline; without one all of it at the text's end, else
 * all but the last, which may begin the next piece. */
static const unsigned char *spaces(const unsigned char *p, struct text *t)
{
    const unsigned char *begin = p, *last = p, *behind_newline = NULL;
    while (p < t->end) {
        struct glyph g = glyph_at(p, t);
        if (!is_in(g.class, SPACES))
            break;
        last = p;
        p += g.len;
        if (g.class == NEWLINE)
            behind_newline = p;
    }
    t->steps += (uint64_t)(p - begin);
    if (behind_newline != NULL)
        return behind_newline;
    return p == t->end || last == begin ? p : last;
}

/* [^\s\p{L}\p{N}]+[\r\n]* from p, and with `slash` [\r\n/]*. */
static const unsigned char *signs(const unsigned char *p, bool slash, struct text *t)
{
    p = run(p, SIGNS, t);
    while (p < t->end && (*p == '\r' || *p == '\n' || (slash && *p == '/')))
        p++;
    return p;
}

/* Heads*Tails+ from p, else Heads+Tails*; `p` when there is neither. The first takes all heads; with no lower-case letter behind them it
 * gives back down to the last that is a tail too. When none is, it fails, and the second takes them all: *only_heads. */
static const unsigned char *cased_word(const unsigned char *p, bool *only_heads, struct text *t)
{
    const unsigned char *begin = p, *behind_both = NULL;
    *only_heads = false;
    while (p < t->end) {
        struct glyph g = glyph_at(p, t);
        if (!is_in(g.class, HEADS)) {
            if (g.class == LOWER)
                return run(p, TAILS, t);
            break;
        }
        p += g.len;
        t->steps++;
        if (g.class != UPPER)
            behind_both = p;
    }
    if (behind_both != NULL)
        return behind_both;
    *only_heads = p > begin;
    return p;
}

/* A piece that begins with what is neither letter, number nor newline. */
static const unsigned char *o200k_other(const unsigned char *p, struct glyph g, struct text *t)
{
    const unsigned char *next = p + g.len;
    bool only_heads = false;
    const unsigned char *word = cased_word(next, &only_heads, t);
    if (g.class == MARK &&
        (only_heads || word == next)) /* it is a tail itself, and the first alternative goes first */
        return contraction(next, t);
    if (word > next)
        return contraction(word, t);
    if (g.class != SPACE)
        return signs(p, true, t);
    if (*p == ' ' && next < t->end && is_in(glyph_at(next, t).class, SIGNS))
        return signs(next, true, t);
    return spaces(p, t);
}

const unsigned char *bpe_split_o200k(const unsigned char *p, const unsigned char *end, bool *broken_flag,
                                     uint64_t *steps)
{
    struct text t = {end, broken_flag, 0};
    struct glyph g = glyph_at(p, &t);
    bool only_heads = false;
    if (is_in(g.class, LETTERS))
        p = contraction(cased_word(p, &only_heads, &t), &t);
    else if (g.class == NUMBER)
        p = digits(p, &t);
    else if (g.class == NEWLINE)
        p = spaces(p, &t);
    else
        p = o200k_other(p, g, &t);
    *steps += t.steps + 1;
    return p;
}

static const unsigned char *cl100k_other(const unsigned char *p, struct glyph g, struct text *t)
{
    const unsigned char *next = p + g.len, *behind = contraction(p, t);
    if (behind > p)
        return behind;
    behind = run(next, LETTERS, t);
    if (behind > next)
        return behind;
    if (g.class != SPACE)
        return signs(p, false, t);
    if (*p == ' ' && next < t->end && is_in(glyph_at(next, t).class, SIGNS))
        return signs(next, false, t);
    return spaces(p, t);
}

const unsigned char *bpe_split_cl100k(const unsigned char *p, const unsigned char *end, bool *broken_flag,
                                      uint64_t *steps)
{
    struct text t = {end, broken_flag, 0};
    struct glyph g = glyph_at(p, &t);
    if (is_in(g.class, LETTERS))
        p = run(p + g.len, LETTERS, &t);
    else if (g.class == NUMBER)
        p = digits(p, &t);
    else if (g.class == NEWLINE)
        p = spaces(p, &t);
    else
        p = cl100k_other(p, g, &t);
    *steps += t.steps + 1;
    return p;
}

size_t bpe_clean(const unsigned char *p, size_t len, unsigned char *out)
{
    const unsigned char *end = p + len;
    size_t n = 0;
    while (p < end) {
        bool bad = false;
        unsigned glyph = *p < 0x80 ? 1 : wide_glyph(p, end, &bad).len;
        memcpy(out + n, bad ? (const unsigned char *)"\xEF\xBF\xBD" : p, bad ? 3 : glyph);
        n += bad ? 3 : glyph;
        p += glyph;
    }
    return n;
}
