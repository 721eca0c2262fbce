/* Some lines of the input in a row: first as they were read, then as the requests that they became. One thread has it at a
 * time; chunks.h says which. */
#ifndef LH_BATCH_CHUNK_H
#define LH_BATCH_CHUNK_H

#include "batch/line.h"

struct chunk_entry {
    struct line_job job;
    const char *input; /* where it stands, for people; borrowed from the source */
    int64_t input_line;
    bool bad;
    size_t why;          /* bad: "FILE, line N: reason", in the chunk's text */
    size_t raw, raw_len; /* bad: the line itself, made valid UTF-8, cut at 64 kB */
};

/* A line as it was read; its bytes stand in the chunk's `raw` at `at`, line.data is set when it is parsed. */
struct chunk_line {
    struct source_line line;
    size_t at;
    bool
        is_carried; /* the CSV header of an input that began in an earlier chunk: known to the reader, and no entry here */
};

struct chunk {
    struct strbuf text;
    struct chunk_entry *entries;
    size_t count;
    int64_t lines, bytes; /* of all inputs, after this chunk */
    char hash[40];        /* of all lines up to here */
    bool last;
    int rc; /* reading failed: the chunk is not whole, what it holds must not be used */
    lh_error error;

    /* before it is parsed */
    struct strbuf raw;
    struct chunk_line *read;
    size_t n_read;
    size_t cost; /* what its lines count against the bound on memory */
};

/* For `most` lines and a carried header. False: out of memory; chunk_free all the same. */
bool chunk_init(struct chunk *chunk, size_t most);
void chunk_free(struct chunk *chunk);
/* Empties it. Memory beyond what ordinary lines need is given back. */
void chunk_reset(struct chunk *chunk);

/* Copies a line. 0 or LH_ENOMEM. */
int chunk_add(struct chunk *chunk, const struct source_line *line, bool is_carried);

/* Lines into entries: a line that is refused becomes a bad entry. Fails only for memory, into chunk->rc. The lines are gone. */
void chunk_parse(struct chunk *chunk, struct line_parser *parser);

const char *chunk_text(const struct chunk *chunk, size_t offset);

/* What people may read in the database is valid UTF-8, whatever the input held: other bytes become U+FFFD, zero bytes spaces. */
int append_valid_utf8(struct strbuf *out, const char *data, size_t len);

#endif
