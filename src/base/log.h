/* Messages to the person, on standard error. One line each, no time stamps: it is a command's voice, not a
 * server's journal. Any thread. `log_set_level` and `log_set_hook` are called by main() before threads exist.
 * Keys never come here: nothing logs a request header. */
#ifndef LH_BASE_LOG_H
#define LH_BASE_LOG_H

enum log_level { LOG_LEVEL_QUIET, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is shown: this level and those below it. Starts at LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Called around each line, so that a progress line on the same terminal can step aside. NULL for none. */
void log_set_hook(void (*before)(void *), void (*after)(void *), void *arg);

void log_error(const char *format, ...)
    __attribute__((format(printf, 1, 2))); /* always shown, "longhaul: …" */
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "longhaul: warning: …" */
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
