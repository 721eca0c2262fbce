/* The settings that say what is loaded, as the library has them. */
#ifndef LH_CLI_INPUT_H
#define LH_CLI_INPUT_H

#include "cli/app.h"

/* All but stop and progress. Borrows from the app. */
void input_options(const struct app *app, lh_ingest_options *o);

#endif
