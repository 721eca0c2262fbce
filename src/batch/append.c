/* Output in order of completion: see append.h. */
#include "batch/append.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/log.h"
#include "batch/export_read.h"

enum { TAIL_BYTES = 4096 };

struct position {
    int64_t bytes, seq, requeues;
    char format[16]; /* of the lines that are there */
    char tail[40];   /* hash of the last TAIL_BYTES of them: another file of that name is not ours to cut */
};

struct appender {
    struct store *store; /* writing: for checkpoints */
    struct export_format *format;
    struct output *output;
    lh_batch batch;
    char *path; /* owned copy */
    char format_name[16];
    char scope[300];
    char kind[PATH_MAX + 16];
    struct position at;
    bool torn; /* the file may be longer than the checkpoint says: a page failed half-way */
};

static int set_names(struct appender *a, lh_error *err)
{
    char folder[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(a->path, '/');
    int len = slash != NULL ? (int)(slash - a->path) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s", len, a->path);
    if (realpath(len > 0 ? folder : ".", real) == NULL)
        return lh_error_set(err, LH_ENOTFOUND, "output %s: %s", a->path, strerror(errno));
    snprintf(a->kind, sizeof a->kind, "export:%.*s/%s", PATH_MAX - 260, real,
             slash != NULL ? slash + 1 : a->path);
    snprintf(a->scope, sizeof a->scope, "batch/%s", a->batch.name);
    return 0;
}

static bool read_position(const char *text, struct position *p)
{
    json_object *o = text != NULL ? json_tokener_parse(text) : NULL;
    bool ok = json_is_object(o);
    p->bytes = json_get_int(o, "bytes", 0);
    p->seq = json_get_int(o, "seq", 0);
    p->requeues = json_get_int(o, "requeues", 0);
    const char *format = json_get_string(o, "format"), *tail = json_get_string(o, "tail");
    snprintf(p->format, sizeof p->format, "%s", format != NULL ? format : "");
    snprintf(p->tail, sizeof p->tail, "%s", tail != NULL ? tail : "");
    json_object_put(o);
    return ok;
}

/* The hash of what stands before `bytes`; false when it cannot be read. */
static bool hash_tail(const char *path, int64_t bytes, char out[40])
{
    char buffer[TAIL_BYTES];
    size_t len = bytes < TAIL_BYTES ? (size_t)bytes : TAIL_BYTES, got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && got < len && n > 0; got += n > 0 ? (size_t)n : 0)
        n = pread(fd, buffer + got, len - got, (off_t)(bytes - (int64_t)len + (int64_t)got));
    if (fd < 0)
        return false;
    close(fd);
    XXH128_hash_t h = XXH3_128bits(buffer, got);
    snprintf(out, 40, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    return got == len;
}

static int put_position(struct appender *a, lh_error *err)
{
    char text[256];
    struct position *p = &a->at;
    if (!hash_tail(a->path, p->bytes, p->tail))
        p->tail[0] =
            '\0'; /* may be written and not read: then it cannot be recognised, which is no reason to stop */
    snprintf(text, sizeof text,
             "{\"bytes\":%lld,\"seq\":%lld,\"requeues\":%lld,\"format\":\"%s\",\"tail\":\"%s\"}",
             (long long)p->bytes, (long long)p->seq, (long long)p->requeues, p->format, p->tail);
    return store_checkpoint_put(a->store, a->scope, a->kind, text, clock_wall_ms(), err);
}

/* Until all of it has been done, requeues stays a number that no batch has, so that the next try begins anew again. */
static int begin_anew(struct appender *a, lh_error *err)
{
    a->at = (struct position){.requeues = -1};
    snprintf(a->at.format, sizeof a->at.format, "%s", a->format_name);
    output_free(a->output);
    a->output = NULL;
    int rc = output_append(a->path, 0, &a->output, err);
    if (rc == 0 && export_header(a->format, output_buffer(a->output)) != 0)
        rc = lh_error_nomem(err);
    if (rc == 0)
        rc = output_sync(a->output, err);
    if (rc != 0)
        return rc;
    struct position fresh = a->at;
    a->at.bytes = output_bytes(a->output);
    a->at.requeues = a->batch.requeues;
    rc = put_position(a, err);
    if (rc != 0)
        a->at = fresh;
    return rc;
}

static int say_foreign(const struct appender *a, lh_error *err)
{
    return lh_error_set(
        err, LH_ESTATE,
        "output %s holds something that this batch did not append; remove it or choose another name",
        a->path);
}

/* Whether a file of `size` bytes may be what this batch appended to: it begins so, and where it is long enough it holds what was last
 * written there. */
static bool is_own(const struct appender *a, int64_t size)
{
    const char *begin = strcmp(a->at.format, "csv") == 0 ? "custom_id,status," : "{\"id\":\"lh_";
    char head[32] = "", tail[40];
    size_t len = strlen(begin);
    int fd = open(a->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return a->at.tail[0] == '\0';
    ssize_t got = pread(fd, head, len, 0);
    close(fd);
    if (got < 0 || memcmp(head, begin, (size_t)got) != 0)
        return false;
    return a->at.tail[0] == '\0' || size < a->at.bytes ||
           (hash_tail(a->path, a->at.bytes, tail) && strcmp(tail, a->at.tail) == 0);
}

static int open_file(struct appender *a, bool known, lh_error *err)
{
    struct stat st;
    bool exists = stat(a->path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode))
        return lh_error_set(err, LH_EUSAGE, "output %s is no regular file; --order completed needs one",
                            a->path);
    if (!known && exists && st.st_size > 0)
        return say_foreign(a, err);
    if (!known)
        return begin_anew(a, err);
    if (exists && !is_own(a, st.st_size))
        return say_foreign(a, err);
    if (!exists || st.st_size < a->at.bytes) {
        log_info("output %s is shorter than it was; writing it anew", a->path);
        return begin_anew(a, err);
    }
    if (strcmp(a->at.format, a->format_name) != 0) {
        log_info("output %s was written in another format; writing it anew", a->path);
        return begin_anew(a, err);
    }
    if (a->at.requeues != a->batch.requeues) {
        log_info("jobs were requeued since output %s was written; writing it anew", a->path);
        return begin_anew(a, err);
    }
    return output_append(a->path, a->at.bytes, &a->output, err);
}

int appender_open(const char *db, const lh_export_options *o, struct appender **out, lh_error *err)
{
    *out = NULL;
    if (o->batch == NULL || strcmp(o->output, "-") == 0)
        return lh_error_set(err, LH_EUSAGE, "--order completed needs a batch and an output file");
    int rc = lh_export_check(db, o, err);
    if (rc != 0)
        return rc;
    struct appender *a = calloc(1, sizeof *a);
    char *text = NULL;
    if (a == NULL || (a->path = strdup(o->output)) == NULL) {
        free(a);
        return lh_error_nomem(err);
    }
    snprintf(a->format_name, sizeof a->format_name, "%s", o->format);
    rc = export_format_new(o->format, &a->format, err);
    if (rc == 0)
        rc = store_open(db, STORE_WRITE, &a->store, err);
    if (rc == 0)
        rc = batch_find(a->store, o->batch, &a->batch, err);
    if (rc == 0)
        rc = set_names(a, err);
    if (rc == 0)
        rc = store_checkpoint_get(a->store, a->scope, a->kind, &text, err);
    if (rc == 0)
        rc = open_file(a, read_position(text, &a->at), err);
    free(text);
    if (rc != 0) {
        appender_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void appender_free(struct appender *a)
{
    if (a == NULL)
        return;
    output_free(a->output);
    export_format_free(a->format);
    store_close(a->store);
    free(a->path);
    free(a);
}

static int append_row(void *arg, const struct export_row *row, lh_error *err)
{
    struct appender *a = arg;
    int rc = export_line(a->format, row, output_buffer(a->output));
    return rc == 0 ? output_flush_if_large(a->output, err) : lh_error_nomem(err);
}

/* A page of lines is in the file, on the disk, before the checkpoint says so. */
static int append_page(struct appender *a, int64_t *count, lh_error *err)
{
    struct position next = a->at;
    a->torn = true;
    int rc = export_read_completed(a->store, a->batch.id, &next.seq, append_row, a, count, err);
    if (rc == 0 && *count == 0)
        a->torn = false;
    if (rc != 0 || *count == 0)
        return rc;
    rc = output_sync(a->output, err);
    next.bytes = output_bytes(a->output);
    if (rc == 0) {
        a->at = next;
        rc = put_position(a, err);
        a->torn = false;
    }
    return rc;
}

static int mend(struct appender *a, lh_error *err)
{
    output_free(a->output);
    a->output = NULL;
    int rc = output_append(a->path, a->at.bytes, &a->output, err);
    a->torn = rc != 0;
    return rc;
}

int appender_run(struct appender *a, int64_t *count, lh_error *err)
{
    int64_t page = 1;
    *count = 0;
    int rc = batch_get(a->store, a->batch.id, &a->batch, err);
    if (rc == 0 && a->batch.requeues != a->at.requeues)
        rc = begin_anew(a, err);
    else if (rc == 0 && a->torn)
        rc = mend(a, err);
    while (rc == 0 && page > 0) {
        rc = append_page(a, &page, err);
        *count += page;
    }
    return rc;
}

int appender_report(struct appender *a, lh_export_report *report, lh_error *err)
{
    int rc = batch_get(a->store, a->batch.id, &a->batch, err);
    *report = (lh_export_report){.results = a->batch.done,
                                 .dead = a->batch.dead,
                                 .unfinished = a->batch.ready + a->batch.waiting + a->batch.running};
    return rc;
}
