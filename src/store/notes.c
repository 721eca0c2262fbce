/* Notes: see notes.h. */
#include "store/notes.h"

#include <stdlib.h>
#include <string.h>

struct checkpoint_note *note_new(const char *scope, const char *kind, const char *value)
{
    size_t scope_size = strlen(scope) + 1, kind_size = strlen(kind) + 1, value_size = strlen(value) + 1;
    struct checkpoint_note *n = malloc(sizeof *n + scope_size + kind_size + value_size);
    if (n == NULL)
        return NULL;
    n->next = NULL;
    n->kind = n->scope + scope_size;
    n->value = n->kind + kind_size;
    memcpy(n->scope, scope, scope_size);
    memcpy(n->kind, kind, kind_size);
    memcpy(n->value, value, value_size);
    return n;
}

static struct checkpoint_note **place_of(struct notes *to, const struct checkpoint_note *n)
{
    struct checkpoint_note **at = &to->first;
    while (*at != NULL && (strcmp((*at)->scope, n->scope) != 0 || strcmp((*at)->kind, n->kind) != 0))
        at = &(*at)->next;
    return at;
}

void notes_put(struct notes *to, struct checkpoint_note *n)
{
    struct checkpoint_note **at = place_of(to, n), *before = *at;
    n->next = before != NULL ? before->next : NULL;
    *at = n;
    free(before);
}

void notes_move(struct notes *to, struct notes *from)
{
    while (from->first != NULL) {
        struct checkpoint_note *n = from->first;
        from->first = n->next;
        notes_put(to, n);
    }
}

void notes_free(struct notes *n)
{
    while (n->first != NULL) {
        struct checkpoint_note *next = n->first->next;
        free(n->first);
        n->first = next;
    }
}
