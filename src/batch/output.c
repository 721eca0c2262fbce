/* A file being written: see output.h. */
#include "batch/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 256 * 1024, LINKS_MOST = 16 };

struct output {
    char *path;               /* owned; the final name */
    char temporary[PATH_MAX]; /* "" when lines go to `path` itself */
    int fd;
    bool is_file; /* regular: can be synced */
    int64_t bytes;
    struct strbuf buffer;
};

static int failed(const struct output *o, lh_error *err)
{
    if (errno == EPIPE)
        return lh_error_set(err, LH_EPIPE, "output %s: its reader went away", o->path);
    int code = errno == ENOSPC || errno == EDQUOT                    ? LH_EFULL
               : errno == EACCES || errno == EROFS || errno == EPERM ? LH_EREADONLY
                                                                     : LH_EIO;
    return lh_error_set(err, code, "output %s: %s%s", o->path, strerror(errno),
                        code == LH_EFULL ? "; make space and give the same command again" : "");
}

/* Where a name leads, malloc'd: a link is written through, not replaced, also one whose file is not there yet. */
static char *follow(const char *path, int links_most)
{
    char target[PATH_MAX], next[2 * PATH_MAX];
    char *real = realpath(path, NULL);
    ssize_t len = real == NULL && links_most > 0 ? readlink(path, target, sizeof target - 1) : -1;
    if (real != NULL || len < 0)
        return real != NULL ? real : strdup(path);
    target[len] = '\0';
    const char *slash = strrchr(path, '/');
    int folder = target[0] != '/' && slash != NULL ? (int)(slash - path) + 1 : 0;
    int n = snprintf(next, sizeof next, "%.*s%s", folder, path, target);
    return n > 0 && (size_t)n < sizeof next ? follow(next, links_most - 1) : strdup(path);
}

static struct output *output_new(const char *path)
{
    struct output *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    strbuf_init(&o->buffer);
    o->fd = -1;
    o->path = follow(path, LINKS_MOST);
    if (o->path == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

static int say_taken(const struct output *o, lh_error *err)
{
    return lh_error_set(err, LH_ESTATE, "output %s: another export is writing it; wait for it", o->path);
}

static bool is_the_file_at(int fd, const char *path)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* One name for all who write this output, so that what a kill left is used again and never piles up, and a lock against two at
 * once. Whoever held it may have renamed the file before we had the lock: then it is not ours to touch. */
static int open_locked(const char *path)
{
    for (;;) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0)
            return fd;
        bool is_taken =
            flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; /* a file system may have no locks */
        bool is_there = is_the_file_at(fd, path);
        if (is_there && !is_taken)
            return fd;
        close(fd);
        if (is_there) {
            errno = EWOULDBLOCK;
            return -1;
        }
    }
}

/* Keeps the mode of the file that is replaced. */
static int open_beside(struct output *o, const struct stat *old, lh_error *err)
{
    int n = snprintf(o->temporary, sizeof o->temporary, "%s.longhaul-partial", o->path);
    if (n < 0 || (size_t)n >= sizeof o->temporary) {
        o->temporary[0] = '\0';
        return lh_error_set(err, LH_EUSAGE, "output %s: the name is too long", o->path);
    }
    o->fd = open_locked(o->temporary);
    o->is_file = true;
    if (o->fd < 0) {
        o->temporary[0] = '\0';
        return errno == EWOULDBLOCK ? say_taken(o, err) : failed(o, err);
    }
    if (ftruncate(o->fd, 0) != 0)
        return failed(o, err);
    if (old != NULL && fchmod(o->fd, old->st_mode & 0777) != 0)
        return failed(o, err);
    return 0;
}

int output_create(const char *path, struct output **out, lh_error *err)
{
    struct stat st;
    struct output *o = output_new(path);
    *out = NULL;
    if (o == NULL)
        return lh_error_nomem(err);
    int rc = 0;
    bool exists = strcmp(path, "-") != 0 && stat(path, &st) == 0;
    if (strcmp(path, "-") == 0)
        o->fd = STDOUT_FILENO;
    else if (exists && S_ISDIR(st.st_mode))
        rc = lh_error_set(err, LH_EUSAGE, "output %s is a folder; name a file", path);
    else if (exists && !S_ISREG(st.st_mode))
        rc = (o->fd = open(path, O_WRONLY | O_CLOEXEC)) >= 0 ? 0 : failed(o, err);
    else
        rc = open_beside(o, exists ? &st : NULL, err);
    if (rc != 0) {
        output_free(o);
        return rc;
    }
    *out = o;
    return 0;
}

int output_append(const char *path, int64_t bytes, struct output **out, lh_error *err)
{
    struct output *o = output_new(path);
    *out = NULL;
    if (o == NULL)
        return lh_error_nomem(err);
    o->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    o->is_file = true;
    o->bytes = bytes;
    int rc = 0;
    if (o->fd >= 0 && flock(o->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        rc = say_taken(o, err);
    else if (o->fd < 0 || ftruncate(o->fd, bytes) != 0 || lseek(o->fd, bytes, SEEK_SET) < 0)
        rc = failed(o, err);
    if (rc != 0) {
        output_free(o);
        return rc;
    }
    *out = o;
    return 0;
}

struct strbuf *output_buffer(struct output *o)
{
    return &o->buffer;
}

int64_t output_bytes(const struct output *o)
{
    return o->bytes + (int64_t)o->buffer.len;
}

int output_flush(struct output *o, lh_error *err)
{
    if (o->buffer.failed)
        return lh_error_nomem(err);
    for (size_t at = 0; at < o->buffer.len;) {
        ssize_t n = write(o->fd, o->buffer.data + at, o->buffer.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(o, err);
        at += (size_t)n;
    }
    o->bytes += (int64_t)o->buffer.len;
    strbuf_reset(&o->buffer);
    return 0;
}

int output_flush_if_large(struct output *o, lh_error *err)
{
    return o->buffer.len >= LARGE ? output_flush(o, err) : 0;
}

int output_sync(struct output *o, lh_error *err)
{
    int rc = output_flush(o, err);
    return rc == 0 && o->is_file && fdatasync(o->fd) != 0 ? failed(o, err) : rc;
}

/* A name is on the disk when its folder is. */
static int sync_folder(const struct output *o, lh_error *err)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", o->path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) != 0 && errno != EINVAL ? failed(o, err) : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

int output_finish(struct output *o, lh_error *err)
{
    int rc = output_sync(o, err);
    if (rc != 0 || o->temporary[0] == '\0')
        return rc;
    if (rename(o->temporary, o->path) != 0)
        return failed(o, err);
    o->temporary[0] = '\0';
    return sync_folder(o, err);
}

void output_free(struct output *o)
{
    if (o == NULL)
        return;
    if (o->temporary[0] != '\0') /* while it is locked: after that it may be another's */
        unlink(o->temporary);
    if (o->fd > STDERR_FILENO)
        close(o->fd);
    strbuf_free(&o->buffer);
    free(o->path);
    free(o);
}
