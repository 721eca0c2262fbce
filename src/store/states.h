/* The states of a job and the legal moves between them: the one place in the code. The database holds the same table as
 * triggers (schema/schema.sql); a test compares the two. Pure; any thread. */
#ifndef LH_STORE_STATES_H
#define LH_STORE_STATES_H

#include <stdbool.h>

enum job_state { JOB_READY, JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_DEAD, JOB_CANCELED, JOB_STATES };

const char *job_state_name(enum job_state state); /* as in jobs.state */
bool job_move_is_legal(enum job_state from, enum job_state to);

#endif
