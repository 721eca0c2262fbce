/* Messages to the person: see log.h.
 * The level and hook are the one piece of module state in longhaul: they belong to main(), and a
 * pointer to them through every function that may warn would buy nothing. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

static _Atomic int shown = LOG_LEVEL_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    void (*before)(void *);
    void (*after)(void *);
    void *arg;
} hook;

void log_set_level(enum log_level level)
{
    atomic_store(&shown, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&shown);
}

void log_set_hook(void (*before)(void *), void (*after)(void *), void *arg)
{
    pthread_mutex_lock(&lock);
    hook.before = before;
    hook.after = after;
    hook.arg = arg;
    pthread_mutex_unlock(&lock);
}

static void write_line(enum log_level level, const char *prefix, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void write_line(enum log_level level, const char *prefix, const char *format, va_list args)
{
    if ((int)level > atomic_load(&shown))
        return;
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    pthread_mutex_lock(&lock);
    if (hook.before != NULL)
        hook.before(hook.arg);
    fprintf(stderr, "%s%s\n", prefix, line);
    fflush(stderr);
    if (hook.after != NULL)
        hook.after(hook.arg);
    pthread_mutex_unlock(&lock);
}

#define DEFINE_LOG(name, level, prefix)          \
    void name(const char *format, ...)           \
    {                                            \
        va_list args;                            \
        va_start(args, format);                  \
        write_line(level, prefix, format, args); \
        va_end(args);                            \
    }

DEFINE_LOG(log_error, LOG_LEVEL_QUIET, "longhaul: ")
DEFINE_LOG(log_warn, LOG_LEVEL_WARN, "longhaul: warning: ")
DEFINE_LOG(log_info, LOG_LEVEL_INFO, "")
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG, "longhaul: debug: ")
