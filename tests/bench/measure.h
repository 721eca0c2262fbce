/* What the HTTP loops of this folder share: options, counting, and the line they print. */
#ifndef LH_BENCH_MEASURE_H
#define LH_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

struct measure_options {
    const char *url;
    long requests, concurrency;
    size_t body_bytes;
};

struct measure {
    long left, out, ended, failed;
    double wall, cpu; /* seconds, at the start */
};

static inline double measure_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double measure_cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static inline bool measure_read_options(struct measure_options *o, int argc, char **argv)
{
    *o = (struct measure_options){.requests = 100000, .concurrency = 64, .body_bytes = 600};
    if (argc < 2) {
        fprintf(stderr, "usage: %s URL [REQUESTS] [CONCURRENCY] [BODY_BYTES]\n", argv[0]);
        return false;
    }
    o->url = argv[1];
    if (argc > 2)
        o->requests = atol(argv[2]);
    if (argc > 3)
        o->concurrency = atol(argv[3]);
    if (argc > 4)
        o->body_bytes = (size_t)atol(argv[4]);
    return o->requests > 0 && o->concurrency > 0 && o->body_bytes >= 100;
}

/* A chat request of so many bytes, 100 at least. */
static inline char *measure_body(size_t bytes)
{
    static const char head[] =
        "{\"model\":\"gpt-4o-mini\",\"max_tokens\":40,\"messages\":[{\"role\":\"user\",\"content\":\"";
    static const char tail[] = "\"}]}";
    char *body = malloc(bytes + 1);
    if (body == NULL)
        return NULL;
    memset(body, 'x', bytes);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + bytes - (sizeof tail - 1), tail, sizeof tail);
    return body;
}

static inline void measure_start(struct measure *m, const struct measure_options *o)
{
    *m = (struct measure){.left = o->requests, .wall = measure_wall(), .cpu = measure_cpu()};
}

/* May one more go out? */
static inline bool measure_take(struct measure *m)
{
    if (m->left == 0)
        return false;
    m->left--;
    m->out++;
    return true;
}

static inline void measure_ended(struct measure *m, bool good)
{
    m->out--;
    m->ended++;
    m->failed += good ? 0 : 1;
}

static inline bool measure_is_over(const struct measure *m)
{
    return m->out == 0 && m->left == 0;
}

static inline int measure_print(const struct measure *m)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("%.0f requests/s, %.1f us of CPU a request, %ld MB peak, %ld failed\n",
           (double)m->ended / (measure_wall() - m->wall), (measure_cpu() - m->cpu) / (double)m->ended * 1e6,
           u.ru_maxrss / 1024, m->failed);
    return m->failed == 0 ? 0 : 1;
}

#endif
