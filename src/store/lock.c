/* The worker lock: see lock.h. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

struct store_lock {
    int fd;
};

static int lock_path(const char *db, char *out, size_t size, lh_error *err)
{
    char real[PATH_MAX];
    if (realpath(db, real) == NULL)
        return lh_error_set(err, LH_EIO, "%s: %s", db, strerror(errno));
    int n = snprintf(out, size, "%s.lock", real);
    return n > 0 && (size_t)n < size ? 0 : lh_error_set(err, LH_EIO, "%s: the path is too long", db);
}

static int64_t read_pid(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? strtoll(text, NULL, 10) : 0;
}

static int write_pid(int fd, const char *path, lh_error *err)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
        return 0;
    if (errno == ENOSPC || errno == EDQUOT) /* the pid is for people; the lock holds without it */
        return 0;
    return lh_error_set(err, LH_EIO, "%s: %s", path, strerror(errno));
}

static int open_lock(const char *path, int flags, lh_error *err)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return lh_error_set(err,
                            errno == EACCES || errno == EROFS ? LH_EREADONLY
                            : errno == ENOSPC                 ? LH_EFULL
                                                              : LH_EIO,
                            "%s: cannot open the worker's lock file: %s", path, strerror(errno));
    return fd;
}

/* A reader of the pid holds a shared lock for an instant: try a few times before believing that a worker is there. */
static bool lock_exclusive(int fd)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    for (int tries = 0; tries < 5; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return false;
        nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

int store_lock_take(const char *db, struct store_lock **out, lh_error *err)
{
    char path[PATH_MAX + 8];
    *out = NULL;
    int rc = lock_path(db, path, sizeof path, err);
    if (rc != 0)
        return rc;
    int fd = open_lock(path, O_RDWR | O_CREAT, err);
    if (fd < 0)
        return fd;
    if (!lock_exclusive(fd)) {
        rc = errno == EWOULDBLOCK
                 ? lh_error_set(
                       err, LH_ELOCKED,
                       "%s: another worker has it (pid %lld); wait for it, or stop it with `kill %lld`", db,
                       (long long)read_pid(fd), (long long)read_pid(fd))
                 : lh_error_set(err, LH_EIO, "%s: cannot lock: %s", path, strerror(errno));
        close(fd);
        return rc;
    }
    struct store_lock *l = malloc(sizeof *l);
    rc = l != NULL ? write_pid(fd, path, err) : lh_error_nomem(err);
    if (rc != 0) {
        free(l);
        close(fd);
        return rc;
    }
    l->fd = fd;
    *out = l;
    return 0;
}

void store_lock_free(struct store_lock *l)
{
    if (l == NULL)
        return;
    if (ftruncate(l->fd, 0) != 0) {
        /* A stale pid misleads nobody: it is only read while the lock is held. */
    }
    close(l->fd);
    free(l);
}

int store_lock_holder(const char *db, int64_t *pid)
{
    char path[PATH_MAX + 8];
    *pid = 0;
    if (lock_path(db, path, sizeof path, NULL) != 0)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        *pid = read_pid(fd);
    close(fd);
    return 0;
}
