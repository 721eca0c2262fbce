/* Where tiktoken's patterns split a text before merging, by hand instead of by a regular expression: every class of characters is that of
 * the reference's Unicode (data/README.md), and no text makes it look at a byte more than a few times. Any thread; pure. */
#ifndef LH_TOKENS_BPE_SPLIT_H
#define LH_TOKENS_BPE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first piece of a text that is not empty; where it ends. Bytes that are no UTF-8 count as U+FFFD: one for each maximal piece of a
 * character, as in Rust and the Encoding Standard. *broken becomes true when the piece may hold some (and stays as it is else).
 * *steps grows by the characters that were looked at. */
typedef const unsigned char *bpe_split_fn(const unsigned char *p, const unsigned char *end, bool *broken,
                                          uint64_t *steps);
bpe_split_fn bpe_split_o200k, bpe_split_cl100k;

/* The bytes with U+FFFD in place of what is no UTF-8; out has room for 3 * len. Returns how many were written. */
size_t bpe_clean(const unsigned char *p, size_t len, unsigned char *out);

/* Classes of code points, by blocks of 128; the first block is ASCII. Made by cmake/embed_classes.c. */
extern const unsigned char bpe_class_index[8704], bpe_class_blocks[];

#endif
