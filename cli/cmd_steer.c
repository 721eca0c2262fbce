/* cancel, pause, resume, retry: steering a batch from another terminal. */
#include "base/log.h"
#include "cli/app.h"
#include "cli/text.h"

int cmd_cancel(struct app *app)
{
    lh_error err = {0};
    int64_t canceled = 0;
    char n[32];
    if (lh_cancel(app->settings.db, app->args[0], &canceled, &err) != 0)
        return app_failed(&err);
    log_info("batch %s: %s jobs canceled; what is in flight finishes and counts", app->args[0],
             text_count(canceled, n));
    return EXIT_DONE;
}

int cmd_pause(struct app *app)
{
    lh_error err = {0};
    if (lh_pause(app->settings.db, app->args[0], NULL, &err) != 0)
        return app_failed(&err);
    log_info("batch %s is paused; `longhaul resume %s` lets it go on", app->args[0], app->args[0]);
    return EXIT_DONE;
}

int cmd_resume(struct app *app)
{
    lh_error err = {0};
    if (lh_resume(app->settings.db, app->args[0], &err) != 0)
        return app_failed(&err);
    log_info(
        "batch %s may go on; a running worker sees it at once, else start `longhaul work` or the same run",
        app->args[0]);
    return EXIT_DONE;
}

int cmd_retry(struct app *app)
{
    const lh_retry_options o = {.dead = app->settings.dead, .canceled = app->settings.canceled};
    lh_error err = {0};
    int64_t count = 0;
    char n[32];
    if (lh_retry(app->settings.db, app->args[0], &o, &count, &err) != 0)
        return app_failed(&err);
    log_info("batch %s: %s jobs are ready again", app->args[0], text_count(count, n));
    return EXIT_DONE;
}
