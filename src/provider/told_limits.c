/* What providers tell of their limits: see told_limits.h. */
#include "provider/told_limits.h"

void told_limits_none(struct told_limits *t)
{
    *t = (struct told_limits){.any = false};
    for (int kind = 0; kind < TOLD_KINDS; kind++)
        t->of[kind] = (struct told_limit){-1, -1, -1, -1};
}
