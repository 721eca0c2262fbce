/* Errors: see error.h. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

int lh_error_set(lh_error *err, int code, const char *format, ...)
{
    if (err == NULL)
        return code;
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return code;
}

int lh_error_prefix(lh_error *err, const char *format, ...)
{
    if (err == NULL)
        return LH_EINTERNAL;
    char was[sizeof err->message];
    memcpy(was, err->message, sizeof was);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->message)
        snprintf(err->message + n, sizeof err->message - (size_t)n, ": %s", was);
    return err->code;
}

int lh_error_nomem(lh_error *err)
{
    return lh_error_set(err, LH_ENOMEM, "out of memory");
}

const char *lh_code_name(int code)
{
    static const char *const names[] = {
        "LH_OK",        "LH_EUSAGE",   "LH_ENOMEM", "LH_EIO",    "LH_EFULL",   "LH_EBUSY",     "LH_EREADONLY",
        "LH_ENOTADB",   "LH_ECORRUPT", "LH_ENEWER", "LH_EOLDER", "LH_ELOCKED", "LH_ENOTFOUND", "LH_EINPUT",
        "LH_EMISMATCH", "LH_ESTALE",   "LH_ESQL",   "LH_ENET",   "LH_ESTATE",  "LH_EINTERNAL", "LH_EPIPE",
    };
    const int count = sizeof names / sizeof *names;
    return code <= 0 && code > -count ? names[-code] : "LH_?";
}
