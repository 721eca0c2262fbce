/* Calls later: see delay.h. */
#include "sim/delay.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct entry {
    int64_t at_ns;
    void *item;
};

struct delay {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    struct entry *heap; /* smallest first */
    size_t count, capacity;
    bool stop;
    void (*due)(void *item);
};

static void sift_up(struct entry *heap, size_t i)
{
    while (i > 0 && heap[i].at_ns < heap[(i - 1) / 2].at_ns) {
        struct entry up = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = heap[i];
        heap[i] = up;
        i = (i - 1) / 2;
    }
}

static void sift_down(struct entry *heap, size_t count)
{
    for (size_t i = 0;;) {
        size_t child = 2 * i + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap[child + 1].at_ns < heap[child].at_ns)
            child++;
        if (heap[i].at_ns <= heap[child].at_ns)
            return;
        struct entry down = heap[i];
        heap[i] = heap[child];
        heap[child] = down;
        i = child;
    }
}

static struct entry pop(struct delay *d)
{
    struct entry first = d->heap[0];
    d->heap[0] = d->heap[--d->count];
    sift_down(d->heap, d->count);
    return first;
}

static void wait_until(struct delay *d, int64_t at_ns)
{
    struct timespec ts = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
    pthread_cond_timedwait(&d->changed, &d->mutex, &ts);
}

static void *run(void *arg)
{
    struct delay *d = arg;
    pthread_mutex_lock(&d->mutex);
    while (!d->stop || d->count > 0) {
        if (d->count == 0) {
            pthread_cond_wait(&d->changed, &d->mutex);
        } else if (!d->stop && d->heap[0].at_ns > clock_monotonic_ns()) {
            wait_until(d, d->heap[0].at_ns);
        } else {
            struct entry e = pop(d);
            pthread_mutex_unlock(&d->mutex);
            d->due(e.item);
            pthread_mutex_lock(&d->mutex);
        }
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

struct delay *delay_new(void (*due)(void *item))
{
    pthread_condattr_t attributes;
    struct delay *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->due = due;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&d->thread, NULL, run, d) != 0) {
        free(d);
        return NULL;
    }
    return d;
}

int delay_add(struct delay *d, int64_t ms, void *item)
{
    int rc = 0;
    pthread_mutex_lock(&d->mutex);
    if (d->stop)
        rc = -1;
    if (rc == 0 && d->count == d->capacity) {
        size_t capacity = d->capacity == 0 ? 1024 : d->capacity * 2;
        struct entry *more = realloc(d->heap, capacity * sizeof *more);
        rc = more != NULL ? 0 : -1;
        if (more != NULL) {
            d->heap = more;
            d->capacity = capacity;
        }
    }
    if (rc == 0) {
        d->heap[d->count] = (struct entry){clock_monotonic_ns() + ms * 1000000, item};
        sift_up(d->heap, d->count++);
        pthread_cond_signal(&d->changed);
    }
    pthread_mutex_unlock(&d->mutex);
    return rc;
}

void delay_stop(struct delay *d)
{
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
}

void delay_free(struct delay *d)
{
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->mutex);
    free(d->heap);
    free(d);
}
