/* Routes: jobs of one dialect, model and origin can go to the same endpoints, and share a number in the database, by which what cannot
 * move is passed over. One owner, inside its write transactions. */
#ifndef LH_STORE_ROUTES_H
#define LH_STORE_ROUTES_H

#include "store/store.h"

/* A store that has so many gives the jobs of any further model ROUTE_LOOSE: they are looked at one by one. */
enum { ROUTES_MOST = 256, ROUTE_LOOSE = 0, ROUTE_MODEL_MOST = 256, ROUTE_ORIGIN_MOST = 256 };

struct route_row;
struct route_table {        /* what this connection has seen of `routes` */
    struct route_row *rows; /* owned */
    size_t count, last;
};
void routes_init(struct route_table *t);
void routes_free(struct route_table *t);
/* After a rollback: what was added is not there. */
void routes_forget(struct route_table *t);

/* The number of a route, which is made when it is new. origin: scheme and host of an absolute url, "" of any other. */
int routes_find(struct route_table *t, struct store *s, const char *dialect, const char *model,
                const char *origin, int64_t *id, lh_error *err);

#endif
