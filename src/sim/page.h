/* The statistics of the simulated provider, as JSON for programs and as a page for people. Pure. */
#ifndef LH_SIM_PAGE_H
#define LH_SIM_PAGE_H

#include "base/strbuf.h"
#include "sim/limits.h"
#include "sim/sim.h"

/* Failures stay in out->failed. */
void page_json(const struct sim_stats *s, const struct limits *l, struct strbuf *out);
void page_html(const struct sim_stats *s, const struct limits *l, struct strbuf *out);

#endif
