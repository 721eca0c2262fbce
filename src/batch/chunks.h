/* The reading half of an ingest: one thread reads and hashes lines into chunks, several parse them, and the thread that started
 * them takes the chunks in the order of the input, whoever parsed them. What comes out does not depend on how many parse.
 *
 * Memory is bounded. Three more chunks than parsing threads exist, and are used again. The lines in them are at most
 * 12 MB for each parsing thread (96 MB with eight), or a single longer line with less than 1.5 MB of others; a line is there once as it was
 * read and once as the request it becomes. What is ahead of that waits in the file. */
#ifndef LH_BATCH_CHUNKS_H
#define LH_BATCH_CHUNKS_H

#include "batch/chunk.h"

enum { PARSERS_LEAST = 2, PARSERS_MOST = 8 };

struct chunks;

struct chunks_options {
    struct line_rules rules; /* what it points to: as long as the chunks */
    int64_t skip_lines;      /* reading starts behind so many */
    int parsers;             /* threads, at most 8; 0: as many as there are processors, 2 to 8 */
    size_t chunk_lines;      /* that end a chunk; 0: 1000 */
    size_t
        chunk_bytes; /* of lines, that end a chunk; 0: 1.5 MB. The bound on memory goes by it: eight for each thread */
};

/* source: borrowed, this one's alone until chunks_stop. LH_ENOMEM: no memory, or no thread. */
int chunks_start(struct source *source, const struct chunks_options *o, struct chunks **out, lh_error *err);
/* The next chunk, in order; waits for it. Give it back with chunks_recycle before the next. None follows one that is
 * the last or failed. */
struct chunk *chunks_next(struct chunks *c);
void chunks_recycle(struct chunks *c, struct chunk *chunk);
/* Ends the threads wherever they are. NULL-safe. */
void chunks_stop(struct chunks *c);

/* The hash of the lines that were skipped; valid once chunks_next has returned. "" when there were not so many lines. */
const char *chunks_skipped_hash(const struct chunks *c);

/* The most that was in the chunks at a time, in bytes of lines; of rows, in bytes of what they about become. */
size_t chunks_peak(struct chunks *c);

#endif
