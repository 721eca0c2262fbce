/* An estimate for people, on a screen of 80 columns: tokens, money and time, and what each number rests on. */
#ifndef LH_CLI_ESTIMATE_TEXT_H
#define LH_CLI_ESTIMATE_TEXT_H

#include <stdio.h>

#include "longhaul_estimate.h"

void estimate_print(const lh_estimate_report *r, const lh_run_options *run, FILE *out);
/* "FILE, line 3: custom_id a: 130,412 tokens, gpt-4o takes 128,000" and a line end. */
void estimate_print_unservable(const lh_unservable *u, FILE *out);

#endif
