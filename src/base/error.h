/* Errors: a code for the program, a sentence for the person.
 * Every fallible function of longhaul returns 0 or one of these negative codes and, when it fails,
 * has filled the lh_error it was given. The message is written once, where the cause is known best,
 * and says what failed, on which thing, and what to do about it. No thread rules: an lh_error
 * belongs to its caller. */
#ifndef LH_BASE_ERROR_H
#define LH_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

enum lh_code {
    LH_OK = 0,
    LH_EUSAGE = -1,     /* the caller asked for something that makes no sense */
    LH_ENOMEM = -2,     /* out of memory */
    LH_EIO = -3,        /* a file or device failed; may pass */
    LH_EFULL = -4,      /* no space left; passes when space is made */
    LH_EBUSY = -5,      /* another process holds the database lock; may pass */
    LH_EREADONLY = -6,  /* the file or its folder cannot be written */
    LH_ENOTADB = -7,    /* the file is no longhaul database */
    LH_ECORRUPT = -8,   /* the database is damaged */
    LH_ENEWER = -9,     /* made by a newer longhaul */
    LH_EOLDER = -10,    /* needs `db migrate` and was opened for reading only */
    LH_ELOCKED = -11,   /* another worker has the store */
    LH_ENOTFOUND = -12, /* no such batch, job, file */
    LH_EINPUT = -13,    /* the input was refused */
    LH_EMISMATCH = -14, /* the batch was made from something else */
    LH_ESTALE = -15,    /* the job has its answer already: the first one wins */
    LH_ESQL = -16,      /* the user's SQL is wrong or not allowed */
    LH_ENET = -17,      /* a socket or the HTTP library failed */
    LH_ESTATE = -18,    /* not legal in the state the thing is in */
    LH_EINTERNAL = -19, /* a defect of longhaul */
    LH_EPIPE = -20,     /* whoever read the output went away: no failure to a person */
};

typedef struct lh_error {
    int code;
    char message[1024];
} lh_error;

/* Fills `err` (NULL is allowed) and returns `code`, so that `return lh_error_set(…)` reads well. */
int lh_error_set(lh_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message that is there; returns err->code. */
int lh_error_prefix(lh_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* LH_ENOMEM with its message. */
int lh_error_nomem(lh_error *err);

/* The name of a code, such as "LH_EFULL"; "LH_?" for an unknown one. Static storage. */
const char *lh_code_name(int code);

#endif
