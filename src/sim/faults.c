/* Faults and latencies: see faults.h. */
#include "sim/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAULT_KINDS] = {
    [FAULT_NONE] = "none", [FAULT_429] = "429",     [FAULT_500] = "500",  [FAULT_503] = "503",
    [FAULT_529] = "529",   [FAULT_RESET] = "reset", [FAULT_CUT] = "cut",  [FAULT_BADJSON] = "badjson",
    [FAULT_HTML] = "html", [FAULT_EMPTY] = "empty", [FAULT_HANG] = "hang"};

const char *fault_name(enum fault f)
{
    return names[f];
}

bool fault_from_name(const char *name, enum fault *out)
{
    for (int i = FAULT_429; i < FAULT_KINDS; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum fault)i;
            return true;
        }
    return false;
}

static int parse_one(const char *item, struct faults *out, lh_error *err)
{
    char name[16];
    double percent = 0;
    int end = 0;
    enum fault f = FAULT_NONE;
    if (sscanf(item, "%15[a-z0-9]=%lf%n", name, &percent, &end) != 2 || item[end] != '\0' ||
        !(percent >= 0 && percent <= 100))
        return lh_error_set(err, LH_EUSAGE, "fault \"%.40s\" is not KIND=PERCENT", item);
    if (!fault_from_name(name, &f))
        return lh_error_set(err, LH_EUSAGE,
                            "there is no fault \"%s\"; there is 429, 500, 503, 529, reset, cut, badjson, "
                            "html, empty and hang",
                            name);
    out->percent[f] = percent;
    return 0;
}

static int check_sum(const struct faults *f, lh_error *err)
{
    double sum = 0;
    for (int i = 0; i < FAULT_KINDS; i++)
        sum += f->percent[i];
    return sum <= 100 + 1e-9 ? 0
                             : lh_error_set(err, LH_EUSAGE, "the faults are %g %% together; 100 is all", sum);
}

int faults_parse(const char *text, struct faults *out, lh_error *err)
{
    *out = (struct faults){0};
    char copy[512], *rest = copy;
    if (text == NULL || *text == '\0')
        return 0;
    if (strlen(text) >= sizeof copy)
        return lh_error_set(err, LH_EUSAGE, "the list of faults is too long");
    snprintf(copy, sizeof copy, "%s", text);
    int rc = 0;
    for (char *item; rc == 0 && (item = strsep(&rest, ",")) != NULL;)
        rc = parse_one(item, out, err);
    return rc == 0 ? check_sum(out, err) : rc;
}

int faults_spread(struct faults *f, double percent, lh_error *err)
{
    const int kinds = FAULT_HANG - FAULT_429;
    for (int i = FAULT_429; i < FAULT_HANG; i++)
        f->percent[i] += percent / kinds;
    return check_sum(f, err);
}

enum fault faults_choose(const struct faults *f, struct random *random)
{
    double at = random_unit(random) * 100;
    for (int i = FAULT_429; i < FAULT_KINDS; i++) {
        if (at < f->percent[i])
            return (enum fault)i;
        at -= f->percent[i];
    }
    return FAULT_NONE;
}
