/* Exact counting of tokens for o200k_base and cl100k_base, as tiktoken's encode_ordinary does: a text is split by the encoding's pattern,
 * each piece is one token or is merged from its bytes. Names of special tokens ("<|endoftext|>") are text like any other, bytes that are
 * no UTF-8 are read as U+FFFD. The vocabularies are constant memory of the program, shared by all threads; nothing is loaded.
 * Any thread, several at once. Time grows with the text, whatever stands in it; about 60 kB of stack are used. Memory is taken for pieces of more
 * than 256 bytes with some in them that are no UTF-8 (3 bytes for each), and for long pieces that were made to fool the windows of
 * bpe_merge.h (20 bytes for each). */
#ifndef LH_TOKENS_BPE_H
#define LH_TOKENS_BPE_H

#include <stddef.h>
#include <stdint.h>

enum encoding_id { ENCODING_O200K_BASE, ENCODING_CL100K_BASE, ENCODING_COUNT };

struct encoding;

const struct encoding *encoding_get(enum encoding_id id); /* never NULL */

/* How many tokens, or LH_ENOMEM. `text` need not be zero-terminated. */
int64_t encoding_count(const struct encoding *e, const char *text, size_t len);

/* The same, and the first `capacity` of them into `ids`. */
int64_t encoding_encode(const struct encoding *e, const char *text, size_t len, uint32_t *ids,
                        size_t capacity);

/* encoding_encode that tells what it did: *steps grows by the characters, parts and heap entries that were looked at. */
int64_t encoding_encode_counting(const struct encoding *e, const char *text, size_t len, uint32_t *ids,
                                 size_t capacity, uint64_t *steps);

/* The last place where a text that goes on may be cut so that the tokens of the parts are those of the whole; 0 when there is none.
 * It is behind a visible ASCII character and before a space, or behind a letter or digit and before a newline. */
size_t encoding_cut(const char *text, size_t len);

#endif
