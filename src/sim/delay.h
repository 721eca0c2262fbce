/* Calls a function later: a heap of times and one thread that waits for the earliest. Any thread may add. */
#ifndef LH_SIM_DELAY_H
#define LH_SIM_DELAY_H

#include <stdint.h>

struct delay;
struct delay *delay_new(void (*due)(void *item)); /* NULL: out of memory */
/* Calls due(item) on the delay's thread after `ms`; 0, or -1 without memory or after delay_stop. */
int delay_add(struct delay *d, int64_t ms, void *item);
/* Calls what is left at once, then ends the thread. */
void delay_stop(struct delay *d);
/* After delay_stop. */
void delay_free(struct delay *d);

#endif
