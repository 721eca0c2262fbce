/* The states of a job: see states.h. */
#include "store/states.h"

static const struct {
    const char *name;
    bool to[JOB_STATES];
} states[JOB_STATES] = {
    [JOB_READY] = {"ready", {[JOB_RUNNING] = true, [JOB_DEAD] = true, [JOB_CANCELED] = true}},
    [JOB_WAITING] = {"waiting", {[JOB_READY] = true, [JOB_DEAD] = true, [JOB_CANCELED] = true}},
    [JOB_RUNNING] = {"running",
                     {[JOB_DONE] = true,
                      [JOB_READY] = true,
                      [JOB_WAITING] = true,
                      [JOB_DEAD] = true,
                      [JOB_CANCELED] = true}},
    [JOB_DONE] = {"done", {false}},
    [JOB_DEAD] = {"dead", {[JOB_READY] = true, [JOB_CANCELED] = true}},
    [JOB_CANCELED] = {"canceled", {[JOB_READY] = true}},
};

const char *job_state_name(enum job_state state)
{
    return states[state].name;
}

bool job_move_is_legal(enum job_state from, enum job_state to)
{
    return states[from].to[to];
}
