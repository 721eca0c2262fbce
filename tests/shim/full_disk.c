/* A disk that is full while a file exists: preloaded into the program by the flows of full disks.
 * While $LH_TEST_FULL exists, what SQLite writes with pwrite, and what makes files longer, fails with ENOSPC; while $LH_TEST_BROKEN
 * exists, syncing fails with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static bool is_on(const char *variable)
{
    const char *flag = getenv(variable);
    int saved = errno;
    bool on = flag != NULL && access(flag, F_OK) == 0;
    errno = saved;
    return on;
}

static int fail(int code)
{
    errno = code;
    return -1;
}

/* ISO C has no cast from an object pointer to a function's. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, sizeof symbol);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at);
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) = NULL;
    if (is_on("LH_TEST_FULL"))
        return fail(ENOSPC);
    find("pwrite64", &real);
    return real(fd, data, len, at);
}

int ftruncate64(int fd, off64_t len);
int ftruncate64(int fd, off64_t len)
{
    int (*real)(int, off64_t) = NULL;
    if (len > 0 && is_on("LH_TEST_FULL"))
        return fail(ENOSPC);
    find("ftruncate64", &real);
    return real(fd, len);
}

int fdatasync(int fd)
{
    int (*real)(int) = NULL;
    if (is_on("LH_TEST_BROKEN"))
        return fail(EIO);
    find("fdatasync", &real);
    return real(fd);
}
