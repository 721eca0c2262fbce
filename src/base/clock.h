/* Time: two clocks and nothing else. Anything that decides by time takes `now` as an argument;
 * only the edges (loop, store thread, commands) read these. Safe on every thread; never fails. */
#ifndef LH_BASE_CLOCK_H
#define LH_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970 UTC. What the database holds. May jump when the machine's clock is set. */
int64_t clock_wall_ms(void);

/* Milliseconds, and nanoseconds, on a clock that never goes back. For waits and latencies. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);

/* Writes `wall_ms` as "2026-01-31T12:00:00.123Z" into `out`, at least 25 bytes; returns out.
 * A time outside the years 0000 to 9999 (a damaged database may hold one) is written as its number. */
char *clock_format_utc(int64_t wall_ms, char *out, size_t size);

#endif
