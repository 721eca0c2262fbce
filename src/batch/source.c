/* Input as lines: see source.h. */
#include "batch/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { CHUNK = 256 * 1024, KEPT = 1024 /* bytes of a line that is too long */, LOOK_MS = 100 };

struct source {
    const char *const *inputs;
    size_t count, index;
    size_t max_line;
    bool csv;
    int fd;              /* -1: none open */
    bool at_start;       /* of an input */
    bool only_blank_yet; /* in this input */
    bool eof;
    char *buffer;      /* owned */
    size_t start, end; /* what is read and not given */
    size_t capacity;
    int64_t line; /* in this input */
    int64_t number, bytes;
    XXH3_state_t *hash;
    const volatile int *stop; /* borrowed; NULL: none */
    atomic_bool is_left;
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

void source_stop_at(struct source *s, const volatile int *stop)
{
    s->stop = stop;
}

void source_leave(struct source *s)
{
    atomic_store(&s->is_left, true);
}

/* Not blocking: a pipe that nobody writes to yet would hold its reader where no stop is seen. */
static int open_input(struct source *s, lh_error *err)
{
    const char *name = s->inputs[s->index];
    struct stat st;
    s->fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        return lh_error_set(err, errno == ENOENT ? LH_ENOTFOUND : LH_EIO, "input %s: %s", name,
                            strerror(errno));
    if (fstat(s->fd, &st) == 0 && S_ISDIR(st.st_mode))
        return lh_error_set(err, LH_EINPUT, "input %s is a folder; name the files in it", name);
    s->at_start = true;
    s->only_blank_yet = true;
    s->eof = false;
    s->start = s->end = 0;
    s->line = 0;
    return 0;
}

static bool is_stopped(struct source *s)
{
    return atomic_load(&s->is_left) || (s->stop != NULL && *s->stop != 0);
}

/* Until there is something to read, or the end. */
static int await_input(struct source *s, lh_error *err)
{
    struct pollfd input = {.fd = s->fd, .events = POLLIN};
    for (int wait_ms = 0; poll(&input, 1, wait_ms) <= 0; wait_ms = LOOK_MS)
        if (is_stopped(s))
            return lh_error_set(err, LH_ESTATE, "interrupted while waiting for input %s",
                                display_name(s->inputs[s->index]));
    return 0;
}

static ssize_t read_more(struct source *s, lh_error *err)
{
    for (;;) {
        int rc = await_input(s, err);
        if (rc != 0)
            return rc;
        ssize_t n = read(s->fd, s->buffer + s->end, s->capacity - s->end);
        if (n >= 0)
            return n;
        if (errno != EINTR && errno != EAGAIN)
            return lh_error_set(err, LH_EIO, "input %s: %s", display_name(s->inputs[s->index]),
                                strerror(errno));
    }
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
    ssize_t n = read_more(s, err);
    if (n < 0)
        return (int)n;
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

/* Where a record ends, looked for in pieces as they are read. A quote opens a CSV field only at its start, as csv_split has it:
 * one inside (5" pipe) must not swallow the lines that follow. */
struct scan {
    size_t at; /* relative to start */
    enum { FIELD_START, FIELD_PLAIN, FIELD_QUOTED, FIELD_AFTER_QUOTE } field;
    int64_t breaks; /* line feeds inside the record */
};

static bool find_csv_end(const char *from, size_t len, struct scan *scan)
{
    for (; scan->at < len; scan->at++) {
        char c = from[scan->at];
        if (scan->field == FIELD_QUOTED) {
            scan->breaks += c == '\n' ? 1 : 0;
            scan->field = c == '"' ? FIELD_AFTER_QUOTE : FIELD_QUOTED;
        } else if (c == '\n') {
            return true;
        } else if (c == '"' && scan->field != FIELD_PLAIN) {
            scan->field = FIELD_QUOTED;
        } else {
            scan->field = c == ',' ? FIELD_START : FIELD_PLAIN;
        }
    }
    return false;
}

/* Where the record that starts at `start` ends: true and scan.at is its line feed. */
static bool find_end(const struct source *s, bool csv, struct scan *scan)
{
    const char *from = s->buffer + s->start;
    size_t len = s->end - s->start;
    if (csv)
        return find_csv_end(from, len, scan);
    const char *end = scan->at < len ? memchr(from + scan->at, '\n', len - scan->at) : NULL;
    scan->at = end != NULL ? (size_t)(end - from) : len;
    return end != NULL;
}

static void take_in(struct source *s, size_t from, size_t to)
{
    XXH3_128bits_update(s->hash, s->buffer + s->start + from, to - from);
    s->bytes += (int64_t)(to - from);
}

/* A line longer than allowed is read to its end without being held: only its beginning stays. What is dropped is hashed. */
static int drop_rest(struct source *s, bool csv, struct scan *scan, bool *found, lh_error *err)
{
    take_in(s, 0, KEPT);
    for (;;) {
        char *begin = s->buffer + s->start;
        take_in(s, KEPT, scan->at);
        memmove(begin + KEPT, begin + scan->at, s->end - s->start - scan->at);
        s->end -= scan->at - KEPT;
        scan->at = KEPT;
        if (*found || s->eof)
            return 0;
        int rc = fill(s, err);
        if (rc != 0)
            return rc;
        *found = find_end(s, csv, scan);
    }
}

static bool is_blank(const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r')
            return false;
    return true;
}

static void give(struct source *s, bool has_end, const struct scan *scan, struct source_line *out)
{
    s->line++;
    s->number++;
    out->data = s->buffer + s->start;
    out->len = scan->at;
    out->input = display_name(s->inputs[s->index]);
    out->input_index = s->index;
    out->line = s->line;
    out->number = s->number;
    out->is_csv = is_csv(s);
    out->first_of_input = s->only_blank_yet;
    out->is_blank = !out->too_long && is_blank(out->data, out->len);
    s->only_blank_yet = s->only_blank_yet && out->is_blank;
    s->line += scan->breaks;
    XXH3_128bits_update(s->hash, "\n", 1);
    s->bytes += has_end ? 1 : 0;
    s->start += out->len + (has_end ? 1 : 0);
    if (out->len > 0 && out->data[out->len - 1] == '\r' && !out->too_long)
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
    if (out->too_long && scan.at > KEPT) {
        int rc = drop_rest(s, csv, &scan, &found, err);
        if (rc != 0)
            return rc;
    } else {
        take_in(s, 0, scan.at);
    }
    give(s, found, &scan, out);
    return 1;
}

int source_next(struct source *s, struct source_line *out, lh_error *err)
{
    for (; s->index < s->count; s->index++) {
        *out = (struct source_line){0};
        int rc = s->fd < 0 ? open_input(s, err) : 0;
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
