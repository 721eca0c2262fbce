/* Which request fails how: by seed, body and how often that body was seen, so that a run can be
 * repeated whatever the order of arrival. Pure. */
#ifndef LH_SIM_FAULTS_H
#define LH_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/random.h"

enum fault {
    FAULT_NONE,
    FAULT_429,
    FAULT_500,
    FAULT_503,
    FAULT_529,
    FAULT_RESET,
    FAULT_CUT,
    FAULT_BADJSON,
    FAULT_HTML,
    FAULT_EMPTY,
    FAULT_HANG,
    FAULT_KINDS
};
const char *fault_name(enum fault f);
bool fault_from_name(const char *name, enum fault *out);

struct faults {
    double percent[FAULT_KINDS];
};
/* "429=2,500=1,reset=0.5"; NULL is none. LH_EUSAGE. */
int faults_parse(const char *text, struct faults *out, lh_error *err);
/* Adds `percent`, shared evenly by all kinds but hang. LH_EUSAGE when the sum is over 100. */
int faults_spread(struct faults *f, double percent, lh_error *err);
enum fault faults_choose(const struct faults *f, struct random *random);

#endif
