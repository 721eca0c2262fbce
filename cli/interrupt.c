/* Signals as a flag: see interrupt.h. */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* The one thing that a signal handler can set. */
static volatile int interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void handle_with(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

const volatile int *interrupt_catch(void)
{
    handle_with(on_interrupt);
    return &interrupted;
}

void interrupt_release(void)
{
    handle_with(SIG_DFL);
}

static volatile sig_atomic_t end_code;

static void on_end(int number)
{
    (void)number;
    _exit(end_code);
}

void interrupt_end(int code)
{
    end_code = code;
    handle_with(on_end);
}

bool interrupt_came(void)
{
    return interrupted != 0;
}
