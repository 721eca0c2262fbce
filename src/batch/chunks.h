/* The reading half of an ingest: a thread that parses lines into chunks, ahead of the one that inserts them. Few chunks
 * exist and are used again, so memory is bounded and a slow disk holds the reader back. */
#ifndef LH_BATCH_CHUNKS_H
#define LH_BATCH_CHUNKS_H

#include "batch/line.h"

struct chunk_entry {
    struct line_job job;
    const char *input; /* where it stands, for people; borrowed from the source */
    int64_t input_line;
    bool bad;
    size_t why;          /* bad: "FILE, line N: reason", in the chunk's text */
    size_t raw, raw_len; /* bad: the line itself, made valid UTF-8, cut at 64 kB */
};

struct chunk {
    struct chunk *next;
    struct strbuf text;
    struct chunk_entry *entries;
    size_t count;
    int64_t lines, bytes; /* of all inputs, after this chunk */
    char hash[40];        /* of all lines up to here */
    bool last;
    int rc; /* reading failed: the chunk is not whole, what it holds must not be used */
    lh_error error;
};

struct chunks;

/* Starts reading behind the first `skip_lines` lines. */
int chunks_start(struct source *source, struct line_parser *parser, int64_t skip_lines, struct chunks **out,
                 lh_error *err);
/* The next chunk, in order; wait for it. Give it back with chunks_recycle before the next. */
struct chunk *chunks_next(struct chunks *c);
void chunks_recycle(struct chunks *c, struct chunk *chunk);
/* Ends the thread wherever it is. NULL-safe. */
void chunks_stop(struct chunks *c);

/* The hash of the lines that were skipped; valid once chunks_next has returned. "" when there were not so many lines. */
const char *chunks_skipped_hash(const struct chunks *c);

const char *chunk_text(const struct chunk *chunk, size_t offset);

/* What people may read in the database is valid UTF-8, whatever the input held: other bytes become U+FFFD, zero bytes spaces. */
int append_valid_utf8(struct strbuf *out, const char *data, size_t len);

#endif
