/* Input as lines: see source.h. */
#include "batch/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHUNK = 256 * 1024 };

struct source {
    const char *const *inputs;
    size_t count, index;
    size_t max_line;
    bool csv;
    int fd;        /* -1: none open */
    bool at_start; /* of an input */
    bool eof;
    char *buffer;      /* owned */
    size_t start, end; /* what is read and not given */
    size_t capacity;
    int64_t line; /* in this input */
    int64_t number, bytes;
    XXH3_state_t *hash;
};

static const char *display_name(const char *input)
{
    return strcmp(input, "-") == 0 ? "standard input" : input;
}

int source_open(const char *const *inputs, size_t count, size_t max_line, bool csv, struct source **out,
                lh_error *err)
{
    *out = NULL;
    struct source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lh_error_nomem(err);
    *s = (struct source){.inputs = inputs, .count = count, .max_line = max_line, .csv = csv, .fd = -1};
    s->hash = XXH3_createState();
    s->buffer = malloc(CHUNK);
    s->capacity = CHUNK;
    if (s->hash == NULL || s->buffer == NULL) {
        source_close(s);
        return lh_error_nomem(err);
    }
    XXH3_128bits_reset(s->hash);
    *out = s;
    return 0;
}

static void close_input(struct source *s)
{
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    s->fd = -1;
}

void source_close(struct source *s)
{
    if (s == NULL)
        return;
    close_input(s);
    XXH3_freeState(s->hash);
    free(s->buffer);
    free(s);
}

static int open_input(struct source *s, lh_error *err)
{
    const char *name = s->inputs[s->index];
    struct stat st;
    s->fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        return lh_error_set(err, errno == ENOENT ? LH_ENOTFOUND : LH_EIO, "input %s: %s", name,
                            strerror(errno));
    if (fstat(s->fd, &st) == 0 && S_ISDIR(st.st_mode))
        return lh_error_set(err, LH_EINPUT, "input %s is a folder; name the files in it", name);
    s->at_start = true;
    s->eof = false;
    s->start = s->end = 0;
    s->line = 0;
    return 0;
}

/* Reads more behind what is there. */
static int fill(struct source *s, lh_error *err)
{
    if (s->start > 0) {
        memmove(s->buffer, s->buffer + s->start, s->end - s->start);
        s->end -= s->start;
        s->start = 0;
    }
    if (s->end == s->capacity) {
        char *more = realloc(s->buffer, s->capacity * 2);
        if (more == NULL)
            return lh_error_nomem(err);
        s->buffer = more;
        s->capacity *= 2;
    }
    ssize_t n = 0;
    do
        n = read(s->fd, s->buffer + s->end, s->capacity - s->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return lh_error_set(err, LH_EIO, "input %s: %s", display_name(s->inputs[s->index]), strerror(errno));
    s->eof = n == 0;
    s->end += (size_t)n;
    return 0;
}

/* What the first bytes tell: a mark to skip, or a file that is no text. */
static int look_at_start(struct source *s, lh_error *err)
{
    const char *name = display_name(s->inputs[s->index]);
    int rc = 0;
    while (rc == 0 && s->end < 4 && !s->eof)
        rc = fill(s, err);
    if (rc != 0)
        return rc;
    const unsigned char *b = (const unsigned char *)s->buffer;
    if (s->end >= 2 && b[0] == 0x1f && b[1] == 0x8b)
        return lh_error_set(err, LH_EINPUT, "input %s is compressed; try `gzip -dc %s | longhaul … -`", name,
                            name);
    if (s->end >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd)
        return lh_error_set(err, LH_EINPUT, "input %s is compressed; try `zstd -dc %s | longhaul … -`", name,
                            name);
    if (s->end >= 2 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] == 0xfe && b[1] == 0xff)))
        return lh_error_set(err, LH_EINPUT,
                            "input %s is UTF-16; make it UTF-8, for example with `iconv -f UTF-16 -t UTF-8`",
                            name);
    if (s->end >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf)
        s->start = 3;
    s->at_start = false;
    return 0;
}

static bool is_csv(const struct source *s)
{
    const char *name = s->inputs[s->index];
    size_t len = strlen(name);
    return s->csv && len > 4 && strcasecmp(name + len - 4, ".csv") == 0;
}

struct scan {
    size_t at;      /* relative to start */
    bool quoted;    /* CSV: inside quotes */
    int64_t breaks; /* line feeds inside the record */
};

/* Where the record that starts at `start` ends: true and scan.at is its line feed. */
static bool find_end(const struct source *s, bool csv, struct scan *scan)
{
    const char *from = s->buffer + s->start;
    size_t len = s->end - s->start;
    if (!csv) {
        const char *end = scan->at < len ? memchr(from + scan->at, '\n', len - scan->at) : NULL;
        scan->at = end != NULL ? (size_t)(end - from) : len;
        return end != NULL;
    }
    for (; scan->at < len; scan->at++) {
        char c = from[scan->at];
        if (c == '"')
            scan->quoted = !scan->quoted;
        else if (c == '\n' && !scan->quoted)
            return true;
        else if (c == '\n')
            scan->breaks++;
    }
    return false;
}

/* A line longer than allowed is read to its end without being held: only its beginning stays. */
static int skip_rest(struct source *s, lh_error *err)
{
    const size_t kept = 1024;
    for (;;) {
        size_t begin = s->start + kept;
        char *end = memchr(s->buffer + begin, '\n', s->end - begin);
        if (end != NULL || s->eof) {
            size_t stop = end != NULL ? (size_t)(end - s->buffer) : s->end;
            XXH3_128bits_update(s->hash, s->buffer + begin, stop - begin);
            s->bytes += (int64_t)(stop - begin);
            memmove(s->buffer + begin, s->buffer + stop, s->end - stop);
            s->end -= stop - begin;
            return 0;
        }
        XXH3_128bits_update(s->hash, s->buffer + begin, s->end - begin);
        s->bytes += (int64_t)(s->end - begin);
        s->end = begin;
        int rc = fill(s, err);
        if (rc != 0)
            return rc;
    }
}

static void give(struct source *s, size_t len, bool has_end, const struct scan *scan, struct source_line *out)
{
    s->line++;
    s->number++;
    out->data = s->buffer + s->start;
    out->len = len;
    out->input = display_name(s->inputs[s->index]);
    out->input_index = s->index;
    out->line = s->line;
    out->number = s->number;
    out->is_csv = is_csv(s);
    s->line += scan->breaks;
    XXH3_128bits_update(s->hash, out->data, len);
    XXH3_128bits_update(s->hash, "\n", 1);
    s->bytes += (int64_t)len + (has_end ? 1 : 0);
    s->start += len + (has_end ? 1 : 0);
    if (out->len > 0 && out->data[out->len - 1] == '\r')
        out->len--;
}

/* 1: given. 0: this input has no more. */
static int next_of_input(struct source *s, struct source_line *out, lh_error *err)
{
    struct scan scan = {0};
    bool csv = is_csv(s), found = false;
    while (!(found = find_end(s, csv, &scan)) && !s->eof && scan.at <= s->max_line) {
        int rc = fill(s, err);
        if (rc != 0)
            return rc;
    }
    if (!found && s->eof && s->end == s->start)
        return 0;
    out->too_long = scan.at > s->max_line;
    size_t len = scan.at;
    if (out->too_long && len > 1024) {
        int rc = skip_rest(s, err);
        if (rc != 0)
            return rc;
        len = 1024;
        found = s->start + len < s->end;
    }
    give(s, len, found, &scan, out);
    return 1;
}

int source_next(struct source *s, struct source_line *out, lh_error *err)
{
    for (; s->index < s->count; s->index++) {
        *out = (struct source_line){0};
        int rc = s->fd < 0 ? open_input(s, err) : 0;
        out->first_of_input = s->at_start;
        if (rc == 0 && s->at_start)
            rc = look_at_start(s, err);
        if (rc == 0)
            rc = next_of_input(s, out, err);
        if (rc != 0)
            return rc;
        close_input(s);
    }
    return 0;
}

int64_t source_lines(const struct source *s)
{
    return s->number;
}

int64_t source_bytes(const struct source *s)
{
    return s->bytes;
}

void source_hash(const struct source *s, char out[40])
{
    XXH128_hash_t h = XXH3_128bits_digest(s->hash);
    snprintf(out, 40, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}
