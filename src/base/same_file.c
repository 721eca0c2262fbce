/* Do two names mean one file: see same_file.h. */
#include "base/same_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MOST = 16 };

/* The folder of a path with its slash; "" for a bare name. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (int)(slash - path) + 1 : 0;
}

/* Follows links that lead to a file that is not there; stat cannot. `path` is changed in place. */
static bool follow_links(char path[PATH_MAX])
{
    char target[PATH_MAX], next[2 * PATH_MAX];
    for (int i = 0; i < LINKS_MOST; i++) {
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len < 0)
            return true;
        target[len] = '\0';
        int folder = target[0] == '/' ? 0 : folder_length(path);
        int n = snprintf(next, sizeof next, "%.*s%s", folder, path, target);
        if (n < 0 || n >= PATH_MAX)
            return false;
        memcpy(path, next, (size_t)n + 1);
    }
    return false;
}

/* The real path of a file that need not be there: of its folder, with its name. */
static bool real_name(const char *path, char *out, size_t size)
{
    char name[PATH_MAX], folder[PATH_MAX], real[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s", path);
    if (n < 0 || (size_t)n >= sizeof name || !follow_links(name))
        return false;
    int len = folder_length(name);
    snprintf(folder, sizeof folder, "%.*s", len, name);
    if (realpath(len > 0 ? folder : ".", real) == NULL)
        return false;
    n = snprintf(out, size, "%s/%s", real, name + len);
    return n > 0 && (size_t)n < size;
}

bool is_same_file(const char *a, const char *b)
{
    struct stat in_a, in_b;
    char real_a[2 * PATH_MAX], real_b[2 * PATH_MAX];
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
        return false;
    if (stat(a, &in_a) == 0 && stat(b, &in_b) == 0)
        return in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
    return real_name(a, real_a, sizeof real_a) && real_name(b, real_b, sizeof real_b) &&
           strcmp(real_a, real_b) == 0;
}
