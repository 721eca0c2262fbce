/* Notes: checkpoints that wait for the next commit, a map by scope and kind. A later note takes the place of an earlier one of its
 * key, so that however long commits fail there is one note for each key. One owner at a time. */
#ifndef LH_STORE_NOTES_H
#define LH_STORE_NOTES_H

struct checkpoint_note { /* one block */
    struct checkpoint_note *next;
    char *kind, *value; /* behind the scope, in the same block; the value is JSON of any length */
    char scope[];
};

struct notes {
    struct checkpoint_note *first; /* owned; there are few keys: a list will do */
};

/* All copied. NULL without memory. */
struct checkpoint_note *note_new(const char *scope, const char *kind, const char *value);

/* Moves `n` into the map, in place of the one of its key. */
void notes_put(struct notes *to, struct checkpoint_note *n);
/* Moves all of `from`, which are the later ones, and leaves it empty. */
void notes_move(struct notes *to, struct notes *from);
void notes_free(struct notes *n); /* leaves it empty */

#endif
