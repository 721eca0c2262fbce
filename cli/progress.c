/* Progress: see progress.h. */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/text.h"

enum {
    PLAIN_EVERY_MS = 5000,
    ECHO_COLUMNS =
        2, /* what the terminal writes for ^C must not begin another line: this one could not be cleared */
};

static void clear_line(void *arg)
{
    struct progress *p = arg;
    if (p->shown)
        fputs("\r\033[K", stderr);
}

static void draw_line(void *arg)
{
    struct progress *p = arg;
    struct winsize size = {0};
    if (!p->shown)
        return;
    size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    width -= ECHO_COLUMNS;
    fputs("\r\033[K", stderr);
    text_print_safe(stderr, p->line, width);
    fflush(stderr);
}

bool progress_init(struct progress *p, const char *name, bool quiet)
{
    *p = (struct progress){.kind = PROGRESS_NONE};
    if (strcmp(name, "auto") == 0)
        p->kind = isatty(STDERR_FILENO) ? PROGRESS_LIVE : PROGRESS_PLAIN;
    else if (strcmp(name, "plain") == 0)
        p->kind = PROGRESS_PLAIN;
    else if (strcmp(name, "none") != 0)
        return false;
    if (quiet)
        p->kind = PROGRESS_NONE;
    if (p->kind == PROGRESS_LIVE)
        log_set_hook(clear_line, draw_line, p);
    return true;
}

static void show(struct progress *p)
{
    int64_t now = clock_monotonic_ms();
    if (p->kind == PROGRESS_LIVE) {
        p->shown = true;
        draw_line(p);
    } else if (p->kind == PROGRESS_PLAIN && (p->last_ms == 0 || now - p->last_ms >= PLAIN_EVERY_MS)) {
        p->last_ms = now;
        fprintf(stderr, "%s\n", p->line);
    }
}

void progress_end(struct progress *p)
{
    clear_line(p);
    fflush(stderr);
    p->shown = false;
    p->last_ms = 0;
}

static void add(struct progress *p, const char *text)
{
    size_t used = strlen(p->line);
    snprintf(p->line + used, sizeof p->line - used, "%s%s", used > 0 ? "  " : "", text);
}

void progress_run(void *arg, const lh_progress *now)
{
    struct progress *p = arg;
    char a[32], b[32], text[256];
    int64_t finished = now->done + now->dead + now->canceled;
    p->line[0] = '\0';
    snprintf(text, sizeof text, "%s/%s %d%%", text_count(finished, a), text_count(now->jobs_total, b),
             now->jobs_total > 0 ? (int)(finished * 100 / now->jobs_total) : 100);
    add(p, text);
    snprintf(text, sizeof text, "%.*f/s  %lld in flight", now->rate < 10 ? 1 : 0, now->rate,
             (long long)now->in_flight);
    add(p, text);
    if (now->retries > 0) {
        snprintf(text, sizeof text, "%s retries", text_count(now->retries, a));
        add(p, text);
    }
    if (now->dead > 0) {
        snprintf(text, sizeof text, "%s dead", text_count(now->dead, a));
        add(p, text);
    }
    if (now->late > 0) {
        snprintf(text, sizeof text, "%s past their deadline", text_count(now->late, a));
        add(p, text);
    }
    snprintf(text, sizeof text, "%s tokens", text_count(now->prompt_tokens + now->completion_tokens, a));
    add(p, text);
    if (now->cost_nanousd != LH_UNKNOWN)
        add(p, text_usd(now->cost_nanousd, a));
    if (now->tokens_left != LH_UNKNOWN) {
        snprintf(text, sizeof text, "%s tokens of the budget left", text_count(now->tokens_left, a));
        add(p, text);
    }
    if (now->cost_left_nanousd != LH_UNKNOWN) {
        snprintf(text, sizeof text, "%s left", text_usd(now->cost_left_nanousd, a));
        add(p, text);
    }
    if (now->eta_s >= 0 && finished < now->jobs_total && !now->stopping) {
        snprintf(text, sizeof text, "%s left", text_ms((int64_t)(now->eta_s * 1e3), a));
        add(p, text);
    }
    if (now->stopping && finished < now->jobs_total)
        add(p, "stopping");
    if (now->trouble[0] != '\0')
        add(p, now->trouble);
    else if (now->limiter[0] != '\0' && strcmp(now->limiter, "concurrency") != 0) {
        snprintf(text, sizeof text, "held by %s", now->limiter);
        add(p, text);
    }
    show(p);
}

static void show_lines(struct progress *p, const char *doing, int64_t lines, int64_t bytes)
{
    char a[32], b[32];
    snprintf(p->line, sizeof p->line, "%s: %s lines, %s", doing, text_count(lines, a), text_bytes(bytes, b));
    show(p);
}

void progress_ingest(void *arg, int64_t lines, int64_t bytes)
{
    show_lines(arg, "loading", lines, bytes);
}

void progress_reading(void *arg, int64_t lines, int64_t bytes)
{
    show_lines(arg, "reading", lines, bytes);
}
