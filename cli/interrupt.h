/* ^C and SIGTERM while a command works on files: the first one sets a flag that lh_ingest and lh_export look at, the second one
 * ends the program. The run itself handles its own signals (lh_run_options.handle_signals). */
#ifndef LH_CLI_INTERRUPT_H
#define LH_CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on signals set the flag that is returned, until interrupt_release or the loop of a run. What came stays known. */
const volatile int *interrupt_catch(void);
void interrupt_release(void);
bool interrupt_came(void);
/* From here on a signal ends the program at once, with that exit code: for what leaves nothing half done. */
void interrupt_end(int code);

#endif
