/* Routes: see routes.h. */
#include "store/routes.h"

#include <stdlib.h>
#include <string.h>

struct route_row {
    int64_t id;
    char dialect[16], model[ROUTE_MODEL_MOST], origin[ROUTE_ORIGIN_MOST];
};

void routes_init(struct route_table *t)
{
    *t = (struct route_table){0};
}

void routes_free(struct route_table *t)
{
    free(t->rows);
    routes_init(t);
}

void routes_forget(struct route_table *t)
{
    t->count = t->last = 0;
}

static bool row_is(const struct route_row *r, const char *dialect, const char *model, const char *origin)
{
    return strcmp(r->model, model) == 0 && strcmp(r->dialect, dialect) == 0 && strcmp(r->origin, origin) == 0;
}

static bool look_up(struct route_table *t, const char *dialect, const char *model, const char *origin,
                    int64_t *id)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t at = (t->last + i) % t->count; /* the next line is most often of the same route */
        if (row_is(&t->rows[at], dialect, model, origin)) {
            t->last = at;
            *id = t->rows[at].id;
            return true;
        }
    }
    return false;
}

static int read_all(struct route_table *t, struct store *s, lh_error *err)
{
    struct rows *rows = NULL;
    if (t->rows == NULL && (t->rows = calloc(ROUTES_MOST, sizeof *t->rows)) == NULL)
        return lh_error_nomem(err);
    routes_forget(t);
    int rc = store_select(s, STMT_ROUTES, &rows, err, "i", (int64_t)ROUTES_MOST);
    while (rc == 0 && (rc = rows_next(rows, err)) == 1) {
        const char *texts[3] = {rows_text(rows, 1, NULL), rows_text(rows, 2, NULL), rows_text(rows, 3, NULL)};
        struct route_row *r = &t->rows[t->count];
        *r = (struct route_row){.id = rows_int(rows, 0)};
        strncpy(r->dialect, texts[0], sizeof r->dialect - 1);
        strncpy(r->model, texts[1], sizeof r->model - 1);
        strncpy(r->origin, texts[2], sizeof r->origin - 1);
        t->count++;
        rc = 0;
    }
    rows_done(rows);
    return rc;
}

int routes_find(struct route_table *t, struct store *s, const char *dialect, const char *model,
                const char *origin, int64_t *id, lh_error *err)
{
    *id = ROUTE_LOOSE;
    if (strlen(model) >= ROUTE_MODEL_MOST || strlen(origin) >= ROUTE_ORIGIN_MOST ||
        look_up(t, dialect, model, origin, id))
        return 0;
    if (t->count == ROUTES_MOST)
        return 0;
    int rc = read_all(t, s, err);
    if (rc != 0 || look_up(t, dialect, model, origin, id) || t->count == ROUTES_MOST)
        return rc;
    rc = store_exec(s, STMT_ROUTE_INSERT, err, "sss", dialect, model, origin);
    if (rc != 0)
        return rc;
    struct route_row *r = &t->rows[t->count];
    *r = (struct route_row){.id = store_last_rowid(s)};
    strncpy(r->dialect, dialect, sizeof r->dialect - 1);
    strncpy(r->model, model, sizeof r->model - 1);
    strncpy(r->origin, origin, sizeof r->origin - 1);
    t->last = t->count++;
    *id = r->id;
    return 0;
}
